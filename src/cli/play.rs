//! `rehearsal play`

use std::{collections::BTreeMap, io::IsTerminal, path::PathBuf, time::Duration};

use tokio::sync::watch;
use url::Url;

use super::{
    Given,
    args::PlayArgs,
    ask::{ask_entry, ask_ready},
    exit::Exit,
    output,
    serve::Signals,
    settings::{key_of, reach_of},
    wiring::{Server, ServerOptions, StartError},
};
use crate::{
    diagnostic::did_you_mean,
    domain::access::Reach,
    scenario::{PlayResult, RunOptions, ScenarioResult, Verdict, play, report},
    sim::entropy::secret_bytes,
};

/// What a report is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Junit,
    Json,
    Mermaid,
}

impl Kind {
    const ALL: [(&'static str, Self); 3] = [("junit", Self::Junit), ("json", Self::Json), ("mermaid", Self::Mermaid)];
}

/// Plays scenarios, and ends as they ended.
pub(super) async fn run(args: PlayArgs, given: &Given) -> Exit {
    if let Err(text) = check(&args, given) {
        return output::complain(&text, Exit::Usage);
    }
    let reports = match args.report.iter().map(|text| read_report(text)).collect::<Result<Vec<_>, _>>() {
        Ok(reports) => reports,
        Err(text) => return output::complain(&text, Exit::Usage),
    };
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => {
            return output::complain(&format!("error: signals can't be caught: {error}"), Exit::CouldNotStart);
        }
    };
    let (stop, stopped) = watch::channel(false);
    let mut interrupted = None;
    let played = {
        let mut played = std::pin::pin!(play_all(&args, stopped));
        loop {
            tokio::select! {
                played = &mut played => break played,
                exit = signals.which() => {
                    if interrupted.is_some() {
                        return output::complain("interrupted again: sandboxes may be left on the server", exit);
                    }
                    interrupted = Some(exit);
                    output::tell("interrupted: the scenarios are broken off; a second signal stops at once");
                    let _nobody_plays = stop.send(true);
                }
            }
        }
    };
    let result = match played {
        Ok(result) => result,
        Err(exit) => return interrupted.unwrap_or(exit),
    };
    tell(&args, &result);
    if let Some(url) = args.against.as_ref().filter(|_| args.keep) {
        for scenario in &result.scenarios {
            output::tell(&format!("kept: {} at {url}", scenario.sandbox));
        }
    }
    for (kind, path) in reports {
        if let Err(error) = write_report(kind, &path, &result) {
            let text = format!("error: the report {} can't be written: {error}", path.display());
            return output::complain(&text, Exit::CouldNotStart);
        }
    }
    if let Some(exit) = interrupted {
        return exit;
    }
    match result.verdict() {
        Verdict::Passed => Exit::Success,
        Verdict::Failed => Exit::AssertionFailed,
        Verdict::TimedOut => Exit::Timeout,
        Verdict::BadScenario => Exit::BadFile,
    }
}

/// Flags that would have no effect. Variables are passed over: they are set for a server, or for other verbs.
fn check(args: &PlayArgs, given: &Given) -> Result<(), String> {
    if args.against.is_some() {
        return if given.has("fixtures") {
            Err("error: --fixtures is for a server that is started here, and --against names one that has its own\n  \
                 fix: leave one of them out, and start that server with the fixtures"
                .to_owned())
        } else {
            Ok(())
        };
    }
    for (argument, flag) in [("keep", "--keep"), ("key", "--key"), ("key_file", "--key-file")] {
        if given.has(argument) {
            return Err(format!(
                "error: {flag} has no effect: the server that is started here asks for no key, and ends with the run\n  \
                 fix: name a server with --against, or leave {flag} out"
            ));
        }
    }
    Ok(())
}

fn read_report(text: &str) -> Result<(Kind, PathBuf), String> {
    let names = Kind::ALL.map(|(name, _)| name);
    let Some((name, path)) = text.split_once('=').filter(|(_, path)| !path.is_empty()) else {
        return Err(format!("error: --report {text}: say KIND=FILE\n  fix: such as --report junit=report.xml"));
    };
    let known = Kind::ALL.into_iter().find(|(known, _)| *known == name);
    known.map(|(_, kind)| (kind, path.into())).ok_or_else(|| {
        let fix = did_you_mean(name, names)
            .map_or_else(|| format!("use one of {}", names.join(", ")), |name| format!("did you mean {name}?"));
        format!("error: --report {text}: {name:?} is not a kind of report\n  fix: {fix}")
    })
}

/// Plays against the server that was named, or one of our own.
async fn play_all(args: &PlayArgs, stopped: watch::Receiver<bool>) -> Result<PlayResult, Exit> {
    let key = if args.against.is_some() { key_of(args.key.clone()) } else { Ok(None) };
    let key = key.map_err(|bad| output::complain(&bad.0, Exit::Usage))?;
    let options = RunOptions {
        prefix: prefix(key.as_deref()),
        // A server of our own has no other runs.
        mark: args.against.as_ref().map(|_| mark()),
        key: key.clone(),
        timeout: Duration::from_secs(args.timeout),
        keep: args.keep,
        at_once: args.jobs.get(),
        seed: args.seed,
        stop: Some(stopped),
    };
    let shows_progress = std::io::stderr().is_terminal() && !args.quiet;
    let progress = |ended: &ScenarioResult| {
        if shows_progress {
            let word = if ended.verdict() == Verdict::Passed { "passed" } else { "FAILED" };
            output::tell(&format!("{word}  {}", ended.source.file));
        }
    };
    if let Some(url) = &args.against {
        // Told once and before anything is played, instead of once for each scenario.
        let is_told = |text: String| output::complain(&text, Exit::CouldNotStart);
        ask_ready(url).await.map_err(is_told)?;
        ask_entry(url, key.as_deref()).await.map_err(is_told)?;
        return Ok(play(&args.files, url, &options, &progress).await);
    }
    let server_options = ServerOptions { fixtures: args.fixtures.clone(), ..ServerOptions::default() };
    let server = Server::start(server_options).await.map_err(|error| not_started(&error))?;
    let url = Url::parse(&server.base_url)
        .map_err(|error| output::complain(&format!("error: {error}"), Exit::CouldNotStart))?;
    let result = play(&args.files, &url, &options, &progress).await;
    if let Err(error) = server.stop().await {
        output::tell(&format!("the server that was started did not stop well: {error}"));
    }
    Ok(result)
}

/// What tells the sandboxes of this run from those of others.
fn mark() -> String {
    secret_bytes::<4>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What sandboxes are called that scenarios are played in: parts of the sandbox that a key opens, if it opens one.
fn prefix(key: Option<&str>) -> String {
    let usual = RunOptions::default().prefix;
    match reach_of(key) {
        Reach::Sandbox(own) => format!("{own}.{usual}"),
        Reach::Everything => usual,
    }
}

fn not_started(error: &StartError) -> Exit {
    match error {
        StartError::Fixtures(errors) => output::complain(&errors.to_string(), Exit::BadFile),
        other => output::complain(&format!("error: {other}"), Exit::CouldNotStart),
    }
}

/// The story goes to standard output, what is wrong with a file to standard error.
fn tell(args: &PlayArgs, result: &PlayResult) {
    let alphabet = if is_plain() { report::text::Alphabet::Ascii } else { report::text::Alphabet::Unicode };
    if result.verdict() == Verdict::BadScenario {
        output::tell(report::text::play(result, alphabet).trim_end());
    } else if args.quiet {
        for scenario in &result.scenarios {
            for failure in scenario.failures() {
                output::print(report::text::failure(&scenario.source, failure).trim_end());
            }
        }
        output::print(report::text::summary(result).trim_end());
    } else {
        output::print(report::text::play(result, alphabet).trim_end());
    }
    if variables().contains_key("GITHUB_ACTIONS") {
        output::print(report::annotations::play(result).trim_end());
    }
}

/// A terminal that can show only plain characters.
fn is_plain() -> bool {
    variables().get("TERM").is_some_and(|term| term == "dumb")
}

fn variables() -> BTreeMap<String, String> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}

fn write_report(kind: Kind, path: &PathBuf, result: &PlayResult) -> std::io::Result<()> {
    let text = match kind {
        Kind::Junit => report::junit::play(result).map_err(std::io::Error::other)?,
        Kind::Json => format!("{:#}\n", report::json::play(result)),
        Kind::Mermaid => report::mermaid::play(result),
    };
    std::fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_played_where_the_key_opens() {
        let table = [
            (None, "play"),
            (Some("a key of the operator's own"), "play"),
            (Some("rhk.~.0102030405ff.x"), "play"),
            (Some("rhk.team-a.0102030405ff.x"), "team-a.play"),
        ];
        for (key, expected) in table {
            assert_eq!(prefix(key), expected, "{key:?}");
        }
    }

    #[test]
    fn a_report_is_a_kind_and_a_file() {
        assert_eq!(read_report("junit=a=b.xml"), Ok((Kind::Junit, "a=b.xml".into())));
        for (text, said) in [
            ("junit", "say KIND=FILE"),
            ("junit=", "say KIND=FILE"),
            ("juint=x", "did you mean junit?"),
            ("pdf=x", "use one of junit, json, mermaid"),
        ] {
            assert!(read_report(text).unwrap_err().contains(said), "{text}");
        }
    }
}

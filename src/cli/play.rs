//! `rehearsal play`

use std::{collections::BTreeMap, io::IsTerminal, path::PathBuf, time::Duration};

use url::Url;

use super::{
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
pub(super) async fn run(args: PlayArgs) -> Exit {
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
    let played = tokio::select! {
        played = play_all(&args) => played,
        exit = signals.which() => return output::complain("interrupted: the scenarios were broken off", exit),
    };
    let result = match played {
        Ok(result) => result,
        Err(exit) => return exit,
    };
    tell(&args, &result);
    for (kind, path) in reports {
        if let Err(error) = write_report(kind, &path, &result) {
            let text = format!("error: the report {} can't be written: {error}", path.display());
            return output::complain(&text, Exit::CouldNotStart);
        }
    }
    match result.verdict() {
        Verdict::Passed => Exit::Success,
        Verdict::Failed => Exit::AssertionFailed,
        Verdict::TimedOut => Exit::Timeout,
        Verdict::BadScenario => Exit::BadFile,
    }
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
async fn play_all(args: &PlayArgs) -> Result<PlayResult, Exit> {
    let key = key_of(args.key.clone()).map_err(|bad| output::complain(&bad.0, Exit::Usage))?;
    let key = key.filter(|_| args.against.is_some());
    let options = RunOptions {
        prefix: prefix(key.as_deref()),
        key: key.clone(),
        timeout: Duration::from_secs(args.timeout),
        keep: args.keep,
        at_once: args.jobs,
        seed: args.seed,
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

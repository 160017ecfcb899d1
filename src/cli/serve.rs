//! `rehearsal serve`

use std::{fmt::Write as _, io::Write as _, path::Path};

use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    args::{SeedSetting, ServeArgs},
    exit::Exit,
    output,
    settings::Settings,
    wiring::{Server, ServerOptions, StartError},
};
use crate::{domain::access::KeyDigest, http::connections::Patience, sim::entropy::Seed};

/// Serves until a signal ends it.
pub(super) async fn run(args: ServeArgs) -> Exit {
    let settings = match Settings::of(&args) {
        Ok(settings) => settings,
        Err(bad) => return output::complain(&bad.0, Exit::Usage),
    };
    let options = match options(&settings) {
        Ok(options) => options,
        Err(text) => return output::complain(&text, Exit::Usage),
    };
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => {
            return output::complain(&format!("error: signals can't be caught: {error}"), Exit::CouldNotStart);
        }
    };
    warn(&settings, options.seed);
    // A start that takes long can be broken off as well.
    let server = tokio::select! {
        started = Server::start(options) => match started {
            Ok(server) => server,
            Err(error) => return not_started(&error),
        },
        () = signals.next() => return Exit::Success,
    };
    if !server.address.ip().is_loopback() && settings.fixtures.is_none() {
        output::banner(&[
            "LISTENING BEYOND THIS MACHINE",
            "Control API, console and portal ask for a key. The client secrets of the built-in publishers and partners",
            "are known to everybody: give --fixtures with secrets of your own where that matters.",
        ]);
    }
    if !server.unused_fixtures.is_empty() {
        let lines: String = server.unused_fixtures.iter().map(|line| format!("\n  {line}")).collect();
        output::tell(&format!(
            "notice: the fixtures differ from those that sandbox default was made with, and it keeps its own:{lines}\n  \
             fix: create a sandbox, which is made with the new ones, or start with another --data folder"
        ));
    }
    let line = ready_line(&server, args.json);
    if let Some(path) = &args.ready_file
        && let Err(error) = write_ready_file(path, &line)
    {
        let text = format!("error: the ready file {} can't be written: {error}", path.display());
        return output::complain(&text, Exit::CouldNotStart);
    }
    output::print(&line);
    signals.next().await;
    tracing::info!("stopping; a second signal stops at once");
    let stopped = tokio::select! {
        stopped = server.stop() => stopped,
        () = signals.next() => return Exit::Interrupted,
    };
    match stopped {
        Ok(()) => Exit::Success,
        Err(error) => output::complain(&format!("error: the store was not closed well: {error}"), Exit::CouldNotStart),
    }
}

fn options(settings: &Settings) -> Result<ServerOptions, String> {
    let act_as = settings.act_as.as_ref().map(|id| id.parse()).transpose();
    Ok(ServerOptions {
        patience: Patience::default(),
        listen: settings.listen.clone(),
        data: settings.data.clone(),
        database: settings.database.clone(),
        tls: settings.tls,
        cache_bytes: settings.cache_mib.saturating_mul(1024 * 1024),
        fixtures: settings.fixtures.clone(),
        seed: match settings.seed {
            SeedSetting::Fixed(number) => Seed(number),
            SeedSetting::Random => Seed::random(),
        },
        relaxed: settings.relaxed,
        act_as: act_as.map_err(|error| format!("error: --act-as: {error}"))?,
        asks_for_keys: settings.asks_for_keys,
        admin_key: settings.admin_key.as_deref().map(KeyDigest::of),
        allow_hosts: settings.allow_hosts.clone(),
        quotas: settings.quotas,
        players: settings.players,
        marketplace: settings.marketplace.clone(),
        authority: settings.authority.clone(),
        public_url: settings.public_url.clone(),
        landing_page: settings.landing_page.clone(),
        webhook: settings.webhook.clone(),
    })
}

/// What people should know before they rely on this server.
fn warn(settings: &Settings, seed: Seed) {
    tracing::info!(seed = seed.0, "new sandboxes start from this seed");
    if settings.relaxed {
        output::banner(&[
            "RELAXED AUTHENTICATION",
            "Calls of the marketplace API without a token are accepted and act as one publisher.",
            "The real marketplace refuses them: leave --auth relaxed out before you trust a test.",
        ]);
    }
}

fn not_started(error: &StartError) -> Exit {
    match error {
        StartError::Fixtures(errors) => output::complain(&errors.to_string(), Exit::BadFile),
        StartError::UnknownPublisher { .. }
        | StartError::OpenToAll { .. }
        | StartError::HostsWithKeys
        | StartError::NoKey => output::complain(&format!("error: {error}"), Exit::Usage),
        other => {
            let mut text = format!("error: {other}");
            let mut source = std::error::Error::source(other);
            while let Some(cause) = source {
                let _infallible = write!(text, "\n  because: {cause}");
                source = cause.source();
            }
            output::complain(&text, Exit::CouldNotStart)
        }
    }
}

/// The one line on standard output. Its form is stable.
fn ready_line(server: &Server, as_json: bool) -> String {
    let url = &server.base_url;
    if as_json {
        let control = format!("{url}/sim/v1");
        let listening = server.address.to_string();
        let mut line = json!({
            "ready": true, "url": url, "control": control, "listening": listening, "pid": std::process::id()
        });
        if let Some(certificate) = &server.certificate {
            line["certificate"] = certificate.as_str().into();
        }
        line.to_string()
    } else {
        format!("rehearsal is ready at {url}")
    }
}

/// Written beside and moved into place, so that whoever waits for the file never reads half of it.
fn write_ready_file(path: &Path, line: &str) -> std::io::Result<()> {
    let beside = path.with_extension("partly-written");
    let mut file = std::fs::File::create(&beside)?;
    writeln!(file, "{line}")?;
    file.sync_all()?;
    std::fs::rename(beside, path)
}

/// SIGINT and SIGTERM.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next of either.
    async fn next(&mut self) {
        self.which().await;
    }

    /// Waits for the next of either, and tells which it was as the exit code of a run that it breaks off.
    pub(super) async fn which(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }
}

//! The command line: one file per verb, and the wiring of a server.

mod args;
mod ask;
mod ca;
mod exit;
mod manual;
mod output;
mod play;
mod publisher_host;
mod serve;
mod settings;
mod settings_file;
mod transfer;
mod variables;
pub mod wiring;

use std::{collections::BTreeSet, io::IsTerminal, process::ExitCode};

use clap::{ArgMatches, CommandFactory, FromArgMatches, parser::ValueSource};
use tracing_subscriber::EnvFilter;

use self::{
    args::{Cli, Verb},
    exit::Exit,
};

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    // clap prints and ends by itself, with code 2, on a line that it can't read.
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if let Err(bad) = variables::check() {
        return output::complain(&bad.0, Exit::Usage).into();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::complain(&format!("error: {error}"), Exit::CouldNotStart).into(),
    };
    output::ended(runtime.block_on(run(cli.verb, &Given::of(&matches)))).into()
}

/// What stands on the command line itself. A variable may be set for another verb; a flag is meant.
#[derive(Debug, Default)]
struct Given(BTreeSet<String>);

impl Given {
    fn of(matches: &ArgMatches) -> Self {
        let Some((_, of_verb)) = matches.subcommand() else { return Self::default() };
        let is_given = |name: &str| of_verb.value_source(name) == Some(ValueSource::CommandLine);
        Self(of_verb.ids().map(|id| id.as_str().to_owned()).filter(|name| is_given(name)).collect())
    }

    fn has(&self, argument: &str) -> bool {
        self.0.contains(argument)
    }
}

async fn run(verb: Verb, given: &Given) -> Exit {
    match verb {
        Verb::Serve(args) => {
            log("info");
            serve::run(*args).await
        }
        Verb::Play(args) => {
            log("warn");
            play::run(*args, given).await
        }
        Verb::PrintEnv(args) => ask::print_env(&args).await,
        Verb::Healthcheck(args) => ask::healthcheck(&args).await,
        Verb::Ca(args) => ca::run(&args),
        Verb::Export(args) => transfer::export(&args).await,
        Verb::Import(args) => transfer::import(&args).await,
        Verb::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "rehearsal", &mut text);
            print_generated(&text)
        }
        Verb::Man => match manual::page(Cli::command()) {
            Ok(text) => print_generated(text.as_bytes()),
            Err(error) => output::complain(&format!("error: {error}"), Exit::CouldNotStart),
        },
    }
}

fn print_generated(text: &[u8]) -> Exit {
    output::print(String::from_utf8_lossy(text).trim_end());
    Exit::Success
}

/// Logs go to standard error: text on a terminal, JSON otherwise. `RUST_LOG` says how much.
fn log(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(format!("rehearsal={default}")));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() { subscriber.init() } else { subscriber.json().init() }
}

//! The command line.

use std::{
    num::{NonZeroU32, NonZeroU64, NonZeroUsize},
    path::PathBuf,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use url::Url;

use crate::{diagnostic::did_you_mean, http::HostName};

/// Rehearse the sale of a SaaS offer through Microsoft's commercial marketplace, end to end, on one machine or in CI.
#[derive(Debug, Parser)]
#[command(
    name = "rehearsal",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Examples:\n  rehearsal serve\n  rehearsal play scenarios/\n  rehearsal print-env --publisher contoso\n\n\
                  Exit codes: 0 success, 1 assertion failed, 2 usage, 3 bad fixture or scenario, 4 could not start,\n\
                  5 timeout, 130 interrupted, 143 terminated."
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Run the marketplace, the identity and the stand-in publisher.
    #[command(
        after_help = "Examples:\n  rehearsal serve\n  rehearsal serve --listen 127.0.0.1:0 --ephemeral --json\n  \
                            rehearsal serve --fixtures ./my-offers --landing-page http://localhost:3000/landing\n  \
                            rehearsal serve --auth relaxed --act-as contoso\n  \
                            rehearsal serve --tls\n  \
                            rehearsal serve --listen 0.0.0.0:7070 --admin-key-file ./admin.key\n  \
                            rehearsal serve --only publisher --marketplace https://host/ --authority https://host/\n\n\
                            Ctrl-C or SIGTERM: what is in flight is finished, then the server exits with 0."
    )]
    Serve(Box<ServeArgs>),
    /// Play scenarios and report how they went.
    #[command(after_help = "Examples:\n  rehearsal play scenarios/\n  \
                            rehearsal play scenarios/ok/main-flow.yaml --report junit=report.xml --report mermaid=flow.mmd\n  \
                            rehearsal play scenarios/ --against http://127.0.0.1:7070\n  \
                            rehearsal play scenarios/ --against https://rehearsal.example --key-file ./team-a.key\n\n\
                            With the key of a sandbox, scenarios are played in sandboxes named as its parts.")]
    Play(Box<PlayArgs>),
    /// Print the environment that an app of your own needs: base URLs, tenant, client id, secret.
    #[command(
        after_help = "Examples:\n  rehearsal print-env\n  rehearsal print-env --publisher fabrikam --format json\n  \
                            rehearsal print-env --partner proseware\n  \
                            eval \"$(rehearsal print-env --format shell)\""
    )]
    PrintEnv(PrintEnvArgs),
    /// Ask a running server whether it is ready: exit code 0 if it is, 1 if not.
    #[command(after_help = "Examples:\n  rehearsal healthcheck\n  rehearsal healthcheck --url http://127.0.0.1:8080")]
    Healthcheck(HealthcheckArgs),
    /// Print the certificate of the local certificate authority, and how to trust it. Nothing is installed.
    #[command(after_help = "Examples:\n  rehearsal ca > rehearsal-ca.pem\n  rehearsal ca --data ./my-data --path\n\n\
                            The certificate goes to standard output, the explanation to standard error.")]
    Ca(CaArgs),
    /// Write what a stopped server has, or some of its sandboxes, into a file.
    #[command(
        after_help = "Examples:\n  rehearsal export all.jsonl\n  rehearsal export --sandbox team-a team-a.jsonl\n  \
                            rehearsal export --database-url postgres://localhost/rehearsal - | gzip > all.jsonl.gz\n\n\
                            The server has to be stopped."
    )]
    Export(TransferArgs),
    /// Take sandboxes from such a file into a folder or a database. Nothing is taken in half.
    #[command(after_help = "Examples:\n  rehearsal import --data ./new-data all.jsonl\n  \
                            rehearsal import --database-url postgres://localhost/rehearsal --sandbox team-a all.jsonl\n\n\
                            The server has to be stopped. Sandboxes that are there already are not touched.")]
    Import(TransferArgs),
    /// Print shell completions.
    #[command(after_help = "Examples:\n  rehearsal completions bash > /etc/bash_completion.d/rehearsal\n  \
                            rehearsal completions zsh > ~/.zfunc/_rehearsal")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, with every verb and its flags.
    #[command(after_help = "Examples:\n  rehearsal man | man -l -\n  rehearsal man > rehearsal.1")]
    Man,
}

/// The settings file.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct ConfigArgs {
    /// The settings file. [default: ./rehearsal.yaml, if there is one]
    #[arg(long, value_name = "FILE", env = "REHEARSAL_CONFIG")]
    pub(super) config: Option<PathBuf>,
}

/// Arguments of `ca`.
#[derive(Debug, Args)]
pub(super) struct CaArgs {
    /// The data folder of the server. [default: ./rehearsal-data]
    #[arg(long, value_name = "DIR", env = "REHEARSAL_DATA")]
    pub(super) data: Option<PathBuf>,
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// Print where the certificate is, instead of the certificate.
    #[arg(long)]
    pub(super) path: bool,
}

/// Which database, if one is used.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct DatabaseArgs {
    /// A PostgreSQL that has everything, instead of the data folder: `postgres://user:password@host/database`.
    #[arg(long, value_name = "URL", env = "REHEARSAL_DATABASE_URL", hide_env_values = true)]
    pub(super) database_url: Option<String>,
    /// The same, read from a file: for a URL that holds a password.
    #[arg(long, value_name = "FILE", env = "REHEARSAL_DATABASE_URL_FILE", conflicts_with = "database_url")]
    pub(super) database_url_file: Option<PathBuf>,
    /// Connect to the database over TLS; it has to show a certificate of this authority (PEM).
    #[arg(long, value_name = "FILE", env = "REHEARSAL_DATABASE_CA")]
    pub(super) database_ca: Option<PathBuf>,
}

/// Arguments of `export` and `import`.
#[derive(Debug, Args)]
pub(super) struct TransferArgs {
    /// The file; `-` is standard output for `export`, standard input for `import`.
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// The data folder. [default: ./rehearsal-data]
    #[arg(long, value_name = "DIR", env = "REHEARSAL_DATA")]
    pub(super) data: Option<PathBuf>,
    #[command(flatten)]
    pub(super) database: DatabaseArgs,
    /// Only this sandbox; may be repeated. Without it, all of them and the keys that tokens are signed by.
    #[arg(long, value_name = "NAME")]
    pub(super) sandbox: Vec<String>,
    #[command(flatten)]
    pub(super) config: ConfigArgs,
}

/// Settings of `serve`. Each is a flag, a `REHEARSAL_*` variable or a key of the settings file, in this order.
#[derive(Debug, Default, Args)]
pub(super) struct ServeArgs {
    /// Where to listen; port 0 takes a free one. [default: 127.0.0.1:7070]
    #[arg(long, value_name = "HOST:PORT", env = "REHEARSAL_LISTEN")]
    pub(super) listen: Option<String>,
    /// The data folder. [default: ./rehearsal-data]
    #[arg(long, value_name = "DIR", env = "REHEARSAL_DATA")]
    pub(super) data: Option<PathBuf>,
    #[command(flatten)]
    pub(super) database: DatabaseArgs,
    /// Speak HTTPS, with a certificate of a local authority that is kept in the data folder; see `rehearsal ca`.
    #[arg(long, env = "REHEARSAL_TLS", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(super) tls: Option<bool>,
    /// Keep everything in memory; nothing is left afterwards.
    #[arg(long, env = "REHEARSAL_EPHEMERAL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(super) ephemeral: Option<bool>,
    /// Fixtures that replace the built-in ones: for sandboxes that are made from now on. One that is there keeps its own.
    #[arg(long, value_name = "DIR", env = "REHEARSAL_FIXTURES")]
    pub(super) fixtures: Option<PathBuf>,
    /// Where randomness starts: a number, or `random`. [default: 1]
    #[arg(long, value_name = "NUMBER|random", env = "REHEARSAL_SEED")]
    pub(super) seed: Option<SeedSetting>,
    /// How callers of the marketplace API show who they are. [default: strict]
    #[arg(long, value_enum, env = "REHEARSAL_AUTH")]
    pub(super) auth: Option<AuthSetting>,
    /// With `--auth relaxed`: the publisher that a call without a token acts as. [default: the first one]
    #[arg(long, value_name = "PUBLISHER", env = "REHEARSAL_ACT_AS")]
    pub(super) act_as: Option<String>,
    /// Whether control API, console and portal ask for a key. [default: open on this machine, keys beyond it]
    #[arg(long, value_enum, env = "REHEARSAL_ACCESS")]
    pub(super) access: Option<AccessSetting>,
    #[command(flatten)]
    pub(super) admin_key: AdminKeyArgs,
    /// A name that the server goes by, besides localhost and the host of its public URL; `*.` before it for all names that
    /// end so. Where no key is asked for, other names are refused.
    #[arg(long, value_name = "NAME", env = "REHEARSAL_ALLOW_HOST", value_delimiter = ',')]
    pub(super) allow_host: Vec<HostName>,
    /// What a sandbox may use, unless it was given another measure: documents, requests-per-second, deliveries-per-minute.
    #[arg(long, value_name = "WHAT=NUMBER", env = "REHEARSAL_QUOTA", value_delimiter = ',')]
    pub(super) quota: Vec<QuotaSetting>,
    /// Run one side alone.
    #[arg(long, value_enum, env = "REHEARSAL_ONLY")]
    pub(super) only: Option<OnlySetting>,
    /// The marketplace that the stand-in publisher calls. [default: this server]
    #[arg(long, value_name = "URL", env = "REHEARSAL_MARKETPLACE")]
    pub(super) marketplace: Option<Url>,
    /// The authority that the stand-in publisher gets its tokens from. [default: this server]
    #[arg(long, value_name = "URL", env = "REHEARSAL_AUTHORITY")]
    pub(super) authority: Option<Url>,
    /// The address under which people and links reach this server. [default: the address it listens on]
    #[arg(long, value_name = "URL", env = "REHEARSAL_PUBLIC_URL")]
    pub(super) public_url: Option<Url>,
    /// A landing page of your own, which all personalized links lead to.
    #[arg(long, value_name = "URL", env = "REHEARSAL_LANDING_PAGE")]
    pub(super) landing_page: Option<Url>,
    /// A webhook of your own, which is told of the changes to all subscriptions.
    #[arg(long, value_name = "URL", env = "REHEARSAL_WEBHOOK")]
    pub(super) webhook: Option<Url>,
    /// Memory for the store's cache, in MiB, if there is so much to keep. [default: 1024]
    #[arg(long, value_name = "MIB", env = "REHEARSAL_CACHE_MIB")]
    pub(super) cache_mib: Option<u64>,
    /// Print the ready line as JSON.
    #[arg(long)]
    pub(super) json: bool,
    /// Write the ready line to this file as well, once the server is ready.
    #[arg(long, value_name = "PATH", env = "REHEARSAL_READY_FILE")]
    pub(super) ready_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) config: ConfigArgs,
}

/// `--seed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SeedSetting {
    Fixed(u64),
    Random,
}

impl std::str::FromStr for SeedSetting {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "random" {
            return Ok(Self::Random);
        }
        text.parse().map(Self::Fixed).map_err(|_| "a seed is a number, or the word random".to_owned())
    }
}

/// `--auth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum AuthSetting {
    /// With an access token, as in the real world.
    Strict,
    /// A call without a token acts as a publisher: for a first quick try.
    Relaxed,
}

/// `--quota`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QuotaSetting {
    Documents(NonZeroU64),
    RequestsPerSecond(NonZeroU32),
    DeliveriesPerMinute(NonZeroU32),
}

impl std::str::FromStr for QuotaSetting {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        const KINDS: [&str; 3] = ["documents", "requests-per-second", "deliveries-per-minute"];
        fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
            text.parse().map_err(|_| "a quota is a number from 1 on".to_owned())
        }
        let (kind, limit) = text.split_once('=').unwrap_or((text, ""));
        match kind {
            "documents" => number(limit).map(Self::Documents),
            "requests-per-second" => number(limit).map(Self::RequestsPerSecond),
            "deliveries-per-minute" => number(limit).map(Self::DeliveriesPerMinute),
            other => Err(did_you_mean(other, KINDS).map_or_else(
                || format!("{other:?} is no quota; use one of {}", KINDS.join(", ")),
                |kind| format!("{other:?} is no quota; did you mean {kind}?"),
            )),
        }
    }
}

/// `--access`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum AccessSetting {
    /// Whoever reaches the server can use them. Only on this machine.
    Open,
    /// Whoever has a key to a sandbox, or to everything.
    Keys,
}

/// The key of whoever runs a server.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct AdminKeyArgs {
    /// A key of your own that opens everything, 20 characters or more. It is asked for on this machine too then.
    #[arg(long, value_name = "KEY", env = "REHEARSAL_ADMIN_KEY", hide_env_values = true)]
    pub(super) admin_key: Option<String>,
    /// The same, read from a file.
    #[arg(long, value_name = "FILE", env = "REHEARSAL_ADMIN_KEY_FILE", conflicts_with = "admin_key")]
    pub(super) admin_key_file: Option<PathBuf>,
}

/// The key that a server is asked with.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct KeyArgs {
    /// The key that opens the sandbox, where the server asks for one.
    #[arg(long, value_name = "KEY", env = "REHEARSAL_KEY", hide_env_values = true)]
    pub(super) key: Option<String>,
    /// The same, read from a file.
    #[arg(long, value_name = "FILE", env = "REHEARSAL_KEY_FILE", conflicts_with = "key")]
    pub(super) key_file: Option<PathBuf>,
}

/// `--only`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OnlySetting {
    /// Marketplace and identity, for a publisher of your own.
    Marketplace,
    /// The stand-in publisher, for a marketplace elsewhere.
    Publisher,
}

/// `play`.
#[derive(Debug, Args)]
pub(super) struct PlayArgs {
    /// Scenario files, or folders of them.
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Play against a running server. Without it, a server is started in this process, on a free port and in memory.
    #[arg(long, value_name = "URL")]
    pub(super) against: Option<Url>,
    #[command(flatten)]
    pub(super) key: KeyArgs,
    /// Fixtures for the server that is started.
    #[arg(long, value_name = "DIR", env = "REHEARSAL_FIXTURES")]
    pub(super) fixtures: Option<PathBuf>,
    /// Write a report: `junit=FILE`, `json=FILE`, `mermaid=FILE`. May be repeated.
    #[arg(long, value_name = "KIND=FILE")]
    pub(super) report: Vec<String>,
    /// Scenarios that are played at the same time.
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::new(4).unwrap_or(NonZeroUsize::MIN))]
    pub(super) jobs: NonZeroUsize,
    /// Seconds that one scenario may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) timeout: u64,
    /// The seed of every scenario, instead of its own.
    #[arg(long, value_name = "NUMBER")]
    pub(super) seed: Option<u64>,
    /// Leave the scenarios' sandboxes on the server.
    #[arg(long)]
    pub(super) keep: bool,
    /// Only say how each scenario ended.
    #[arg(long, short)]
    pub(super) quiet: bool,
}

/// `print-env`.
#[derive(Debug, Args)]
pub(super) struct PrintEnvArgs {
    /// The server to ask. [default: the one that the settings of this folder start]
    #[arg(long, value_name = "URL", env = "REHEARSAL_URL")]
    pub(super) url: Option<Url>,
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    #[command(flatten)]
    pub(super) key: KeyArgs,
    /// The sandbox. [default: the one that the key opens, or `default`]
    #[arg(long)]
    pub(super) sandbox: Option<String>,
    /// The publisher. [default: the first one]
    #[arg(long)]
    pub(super) publisher: Option<String>,
    /// A CSP partner instead: what its app needs to call Partner Center.
    #[arg(long, conflicts_with = "publisher")]
    pub(super) partner: Option<String>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = EnvFormat::Dotenv)]
    pub(super) format: EnvFormat,
}

/// How `print-env` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum EnvFormat {
    /// `NAME=value` lines.
    Dotenv,
    /// `export NAME='value'` lines.
    Shell,
    /// The whole environment of the sandbox.
    Json,
}

/// `healthcheck`.
#[derive(Debug, Args)]
pub(super) struct HealthcheckArgs {
    /// The server to ask. [default: the one that the settings of this folder start]
    #[arg(long, value_name = "URL", env = "REHEARSAL_URL")]
    pub(super) url: Option<Url>,
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// Print the answer as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

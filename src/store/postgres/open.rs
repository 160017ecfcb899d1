//! Connecting: to a database that this can live in, or to a clear reason why not.

use std::{error::Error as _, fmt, str::FromStr, time::Duration};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Timeouts};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{migrations::migrate, tls};

/// The oldest server: the first whose `unnest` and `SKIP LOCKED` are what the engines that speak its protocol imitate.
const OLDEST: i32 = 120_000;
/// Connections.
const CONNECTIONS: usize = 16;
/// How long somebody waits for a connection, and how long making one may take.
const WAIT: Duration = Duration::from_secs(2);
const CONNECT: Duration = Duration::from_secs(5);
/// How long a statement may take on the server, in milliseconds: whoever asked has gone away by then.
const STATEMENT_MILLIS: u32 = 30_000;
/// What was sent and is not acknowledged for so long was lost.
const SILENCE: Duration = Duration::from_secs(30);
/// When an idle connection is first probed.
const KEEPALIVE: Duration = Duration::from_secs(10);
/// The same, of the client's own, where the URL says nothing.
const USUAL_KEEPALIVE: Duration = Duration::from_secs(2 * 60 * 60);

/// Where a database is, how to get in (`postgres://user:password@host:5432/database`), and whom to believe that it is that one.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    url: String,
    /// A certificate authority, PEM.
    authority: Option<String>,
}

impl DatabaseUrl {
    /// A URL as somebody has written it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { url: text.trim().to_owned(), authority: None }
    }

    /// The same, over TLS: the server has to show a certificate of this authority (PEM).
    #[must_use]
    pub fn trusting(self, authority: String) -> Self {
        Self { authority: Some(authority), ..self }
    }
}

/// Shows nothing: it may hold a password.
impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseUrl").finish_non_exhaustive()
    }
}

/// Why a database can't be used. `Display` is for a person, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL can't be read. It is not shown: it may hold a password.
    #[error("the database URL can't be read: {0}\n  fix: write it as postgres://user:password@host:5432/database")]
    Url(String),
    /// The certificate authority can't be used.
    #[error("the database's certificate authority can't be used: {0}\n  fix: give its certificate in PEM")]
    Authority(String),
    /// Nobody answers, or the database does not let us in.
    #[error("the database can't be reached: {0}\n  fix: check host, port, database, user and password")]
    Unreachable(String),
    /// The server is older than what this was made for.
    #[error("the database server is too old: version {found}\n  fix: use PostgreSQL 12 or newer")]
    TooOld {
        /// What it says that it is.
        found: String,
    },
    /// A newer rehearsal has been here.
    #[error(
        "the database was written by a newer version of rehearsal (step {found}, known up to {known})\n  fix: use that version, or another database"
    )]
    TooNew {
        /// The step that it is at.
        found: usize,
        /// The last step that this program knows.
        known: usize,
    },
    /// Nothing can be written.
    #[error("the database is read-only\n  fix: connect to the primary server, as a user who may write")]
    ReadOnly,
    /// There are tables of our names that we have not made.
    #[error(
        "the database has a table rehearsal_document that rehearsal has not made\n  fix: use a database, or a schema on the search path, of its own"
    )]
    NotOurs,
    /// The database has refused a step.
    #[error("the database could not be set up: {0}")]
    SetUp(String),
}

impl From<tokio_postgres::Error> for ConnectError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::SetUp(in_words(&error))
    }
}

/// Has a connection end on which nothing comes back any more, as after a firewall has forgotten it: the kernel's own patience
/// is a quarter of an hour, and until then every sandbox would stand still. What the URL says is left as it is.
fn notice_silence(config: &mut Config) {
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(SILENCE);
    }
    if config.get_keepalives_idle() == USUAL_KEEPALIVE {
        config.keepalives_idle(KEEPALIVE);
    }
}

/// Makes sure that a database can be used, and gives connections to it.
pub(super) async fn open(url: &DatabaseUrl) -> Result<(Pool, Config, MakeRustlsConnect), ConnectError> {
    let mut config = Config::from_str(&url.url).map_err(|error| ConnectError::Url(in_words(&error)))?;
    let tls = tls::connector(&mut config, url.authority.as_deref())?;
    config.connect_timeout(CONNECT);
    notice_silence(&mut config);
    // A plan that is made while the table is empty reads all of it, and a connection keeps its plans.
    let ours = format!("-c statement_timeout={STATEMENT_MILLIS} -c enable_seqscan=off");
    config.options(config.get_options().map_or_else(|| ours.clone(), |more| format!("{ours} {more}")));
    if config.get_application_name().is_none() {
        config.application_name("rehearsal");
    }
    let (mut client, connection) =
        config.connect(tls.clone()).await.map_err(|error| ConnectError::Unreachable(in_words(&error)))?;
    let driven = tokio::spawn(connection);
    let checked = check(&mut client).await;
    drop(client);
    let _ended = driven.await;
    checked?;
    let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let timeouts = Timeouts { wait: Some(WAIT), create: Some(CONNECT), recycle: Some(WAIT) };
    let pool = Pool::builder(Manager::from_config(config.clone(), tls.clone(), manager));
    let pool = pool.max_size(CONNECTIONS).runtime(Runtime::Tokio1).timeouts(timeouts).build();
    let pool = pool.map_err(|error| ConnectError::SetUp(error.to_string()))?;
    Ok((pool, config, tls))
}

async fn check(client: &mut Client) -> Result<(), ConnectError> {
    let version: String = client.query_one("SHOW server_version_num", &[]).await?.get(0);
    if version.parse::<i32>().is_ok_and(|version| version < OLDEST) {
        let found = client.query_one("SHOW server_version", &[]).await?.get(0);
        return Err(ConnectError::TooOld { found });
    }
    let read_only: String = client.query_one("SHOW transaction_read_only", &[]).await?.get(0);
    if read_only == "on" {
        return Err(ConnectError::ReadOnly);
    }
    migrate(client).await
}

/// An error with what the server says, or with its innermost cause.
pub(super) fn in_words(error: &tokio_postgres::Error) -> String {
    if let Some(told) = error.as_db_error() {
        return told.message().to_owned();
    }
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_noticed_as_soon_as_the_url_says_or_soon() {
        let seconds = Duration::from_secs;
        let table = [
            ("postgres://db", seconds(30), seconds(10)),
            ("postgres://db?tcp_user_timeout=5", seconds(5), seconds(10)),
            ("postgres://db?keepalives_idle=60", seconds(30), seconds(60)),
        ];
        for (url, silence, keepalive) in table {
            let mut config = Config::from_str(url).unwrap();
            notice_silence(&mut config);
            assert_eq!(
                (config.get_tcp_user_timeout(), config.get_keepalives_idle()),
                (Some(&silence), keepalive),
                "{url}"
            );
        }
    }
}

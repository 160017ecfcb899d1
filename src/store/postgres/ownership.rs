//! That one server has the database to itself. Everything that servers would have to tell each other, such as a moved clock
//! or a new sandbox, they do not tell yet; so the second one is turned away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Connection, Socket, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::open::{ConnectError, in_words};

/// What the lock is on, in each schema: any number that nobody else uses.
const LOCK: &str = "SELECT pg_try_advisory_lock(5390, hashtext(current_schema()))";
/// How often it is tried to have the database again that was lost.
const TRIED_EVERY: Duration = Duration::from_millis(500);

/// How often it is tried to have one that another server seems to have.
const TRIES: u32 = 6;

/// The hold on the database.
#[derive(Debug)]
pub(super) struct Ownership {
    is_held: Arc<AtomicBool>,
    holding: JoinHandle<()>,
}

impl Ownership {
    /// Takes the database.
    pub(super) async fn take(config: Config, tls: MakeRustlsConnect) -> Result<Self, ConnectError> {
        let mut tries = 0;
        // A server that was killed a moment ago may still be noticed to be gone.
        let connection = loop {
            tries += 1;
            match lock(&config, &tls).await {
                Err(ConnectError::InUse) if tries < TRIES => pause().await,
                locked => break locked?,
            }
        };
        let is_held = Arc::new(AtomicBool::new(true));
        let holding = tokio::spawn(hold((config, tls), connection, Arc::clone(&is_held)));
        Ok(Self { is_held, holding })
    }

    /// Whether it is held: not while the connection is lost that holds it.
    pub(super) fn is_held(&self) -> bool {
        self.is_held.load(Ordering::Acquire)
    }

    /// Gives the database up.
    pub(super) fn end(&self) {
        self.holding.abort();
    }
}

impl Drop for Ownership {
    fn drop(&mut self) {
        self.holding.abort();
    }
}

type Held = (Client, Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>);

async fn lock(config: &Config, tls: &MakeRustlsConnect) -> Result<Held, ConnectError> {
    let unreachable = |error: tokio_postgres::Error| ConnectError::Unreachable(in_words(&error));
    let (client, mut connection) = config.connect(tls.clone()).await.map_err(unreachable)?;
    let locked = {
        let asking = client.query_one(LOCK, &[]);
        tokio::pin!(asking);
        tokio::select! {
            answer = &mut asking => answer.map_err(unreachable)?.get(0),
            ended = &mut connection => {
                let why = ended.err().map_or_else(|| "the connection was closed".to_owned(), |error| in_words(&error));
                return Err(ConnectError::Unreachable(why));
            }
        }
    };
    if locked { Ok((client, connection)) } else { Err(ConnectError::InUse) }
}

#[expect(clippy::disallowed_methods, reason = "a database that is away comes back in its own time")]
async fn pause() {
    tokio::time::sleep(TRIED_EVERY).await;
}

async fn hold((config, tls): (Config, MakeRustlsConnect), (client, connection): Held, is_held: Arc<AtomicBool>) {
    let (mut client, mut connection) = (Some(client), connection);
    loop {
        // It ends when the server goes away.
        let ended = connection.await;
        drop(client.take());
        is_held.store(false, Ordering::Release);
        tracing::error!(error = ?ended.err().map(|error| in_words(&error)), "the database is gone; waiting for it");
        loop {
            pause().await;
            match lock(&config, &tls).await {
                Ok((again, held)) => {
                    (client, connection) = (Some(again), held);
                    break;
                }
                Err(error) => tracing::debug!(%error, "the database is still away"),
            }
        }
        is_held.store(true, Ordering::Release);
        tracing::info!("the database is there again");
    }
}

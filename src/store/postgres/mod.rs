//! The shared store: documents in one table of a PostgreSQL, or of an engine that speaks its protocol.
//!
//! | | |
//! | --- | --- |
//! | [`open`] | connecting, and what a database has to be |
//! | [`migrations`] | its tables |
//! | [`ownership`] | one server at a time |
//! | [`tls`] | whether and how connections are encrypted |
//! | [`place`] | where in the table a key lies |
//! | [`commit`] | a changeset as one transaction of two round trips |
//! | [`leases`] | claims: for a while, renewed while the work goes on |

mod commit;
mod leases;
mod migrations;
mod open;
mod ownership;
mod place;
mod tls;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use deadpool_postgres::{Object, Pool, PoolError};
use futures_util::future::{BoxFuture, FutureExt};
use tokio_postgres::{Row, types::ToSql};

pub use open::{ConnectError, DatabaseUrl};

use self::{leases::Leases, open::in_words, ownership::Ownership, place::Span};
use super::{Changeset, CommitError, Direction, Document, FlushFigures, Key, KeyRange, Store, StoreError, Version};

/// Documents in a database that many processes may share.
#[derive(Debug)]
pub struct PostgresStore {
    pool: Pool,
    ownership: Ownership,
    leases: Arc<Leases>,
    commits: AtomicU64,
    is_closed: AtomicBool,
}

impl PostgresStore {
    /// Connects to a database, and sets it up if that has not been done.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn connect(url: &DatabaseUrl) -> Result<Self, ConnectError> {
        let (pool, ownership) = open::open(url).await?;
        let leases = Leases::begin(pool.clone()).await.map_err(|error| ConnectError::SetUp(error.to_string()))?;
        Ok(Self { pool, ownership, leases, commits: AtomicU64::new(0), is_closed: AtomicBool::new(false) })
    }

    async fn client(&self) -> Result<Object, StoreError> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        if !self.ownership.is_held() {
            return Err(StoreError::Engine("the connection to the database is lost".into()));
        }
        self.pool.get().await.map_err(|error| out_of_reach(&error))
    }

    async fn query(&self, statement: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, StoreError> {
        let client = self.client().await?;
        let statement = client.prepare_cached(statement).await.map_err(failed)?;
        client.query(&statement, parameters).await.map_err(failed)
    }
}

fn failed(error: tokio_postgres::Error) -> StoreError {
    StoreError::Engine(in_words(&error).into())
}

fn out_of_reach(error: &PoolError) -> StoreError {
    let why = match error {
        PoolError::Timeout(_) => "all connections to the database are in use".to_owned(),
        PoolError::Backend(error) => in_words(error),
        PoolError::Closed => return StoreError::Closed,
        other => other.to_string(),
    };
    StoreError::Engine(why.into())
}

const GET: &str = "SELECT version, body FROM rehearsal_document WHERE sandbox = $1 AND key = $2";

/// A document of a row whose last columns are version and body.
fn document(row: &Row, first: usize) -> Document {
    let version: i64 = row.get(first);
    let body: &[u8] = row.get(first.saturating_add(1));
    Document { version: Version(version.unsigned_abs()), bytes: body.into() }
}

/// A document of a row of sandbox, key, version and body.
fn found(row: &Row) -> (Key, Document) {
    (place::key(row.get(0), row.get(1)), document(row, 2))
}

/// A limit as the database counts.
fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

impl Store for PostgresStore {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Document>, StoreError>> {
        async move {
            let (sandbox, rest) = place::split(key);
            let rows = self.query(GET, &[&sandbox, &rest]).await?;
            Ok(rows.first().map(|row| document(row, 0)))
        }
        .boxed()
    }

    fn scan<'a>(
        &'a self,
        range: &'a KeyRange,
        direction: Direction,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Key, Document)>, StoreError>> {
        async move {
            let Some(span) = Span::of(range) else {
                return self.client().await.map(|_| Vec::new());
            };
            let order = match direction {
                Direction::Ascending => "ORDER BY sandbox, key",
                Direction::Descending => "ORDER BY sandbox DESC, key DESC",
            };
            let (condition, mut parameters) = span.condition();
            let limit = rows(limit);
            parameters.push(&limit);
            let number = parameters.len();
            let statement = format!(
                "SELECT sandbox, key, version, body FROM rehearsal_document WHERE {condition} {order} LIMIT ${number}"
            );
            let rows = self.query(&statement, &parameters).await?;
            Ok(rows.iter().map(found).collect())
        }
        .boxed()
    }

    fn commit(&self, changeset: Changeset) -> BoxFuture<'_, Result<(), CommitError>> {
        async move {
            // Whoever asked may go away in the middle: the transaction is seen through all the same, because its connection
            // goes to somebody else afterwards.
            let committing = tokio::spawn(commit::commit(self.client().await?, changeset));
            let removed = committing.await.map_err(|error| StoreError::Engine(error.to_string().into()))??;
            self.leases.forget(&removed);
            self.commits.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
        .boxed()
    }

    fn claim<'a>(
        &'a self,
        range: &'a KeyRange,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Key, Document)>, StoreError>> {
        async move {
            let client = self.client().await?;
            match Span::of(range) {
                Some(span) => self.leases.take(&client, &span, limit).await,
                None => Ok(Vec::new()),
            }
        }
        .boxed()
    }

    fn release<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, ()> {
        async move {
            if let Ok(client) = self.client().await {
                self.leases.release(&client, key).await;
            }
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            if self.is_closed.swap(true, Ordering::AcqRel) {
                return Err(StoreError::Closed);
            }
            self.leases.end();
            self.pool.close();
            self.ownership.end();
            Ok(())
        }
        .boxed()
    }

    /// How many flushes carry the commits is the database's own affair.
    fn flush_figures(&self) -> FlushFigures {
        FlushFigures { commits: self.commits.load(Ordering::Relaxed), flushes: 0 }
    }
}

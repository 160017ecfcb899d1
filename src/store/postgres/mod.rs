//! The shared store: documents in one table of a PostgreSQL, or of an engine that speaks its protocol.
//!
//! | | |
//! | --- | --- |
//! | [`open`] | connecting, and what a database has to be |
//! | [`migrations`] | its tables |
//! | [`others`] | what processes that share it tell each other |
//! | [`tls`] | whether and how connections are encrypted |
//! | [`place`] | where in the table a key lies |
//! | [`groups`] | commits that share a transaction |
//! | [`commit`] | changesets as one transaction of two round trips |
//! | [`leases`] | claims: for a while, renewed while the work goes on |

mod commit;
mod groups;
mod leases;
mod migrations;
mod open;
mod others;
mod place;
mod tls;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use deadpool_postgres::{Object, Pool, PoolError};
use futures_util::future::{BoxFuture, FutureExt};
use tokio_postgres::{Row, error::SqlState, types::ToSql};

pub use open::{ConnectError, DatabaseUrl};

use self::{
    groups::Groups,
    leases::{Fate, Leases},
    open::in_words,
    others::Others,
    place::Span,
};
use super::{
    Changeset, Claimed, CommitError, Direction, Document, FlushFigures, Key, KeyRange, News, Shared, Store, StoreError,
    Version, Write,
};

/// Documents in a database that many processes may share.
#[derive(Debug)]
pub struct PostgresStore {
    pool: Pool,
    leases: Arc<Leases>,
    others: Others,
    groups: Groups,
    commits: AtomicU64,
    conflicts: AtomicU64,
    is_closed: AtomicBool,
}

impl PostgresStore {
    /// Connects to a database, and sets it up if that has not been done.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn connect(url: &DatabaseUrl) -> Result<Self, ConnectError> {
        let (pool, config, tls) = open::open(url).await?;
        let leases = Leases::begin(pool.clone()).await.map_err(|error| ConnectError::SetUp(error.to_string()))?;
        let others = Others::begin(config, tls, leases.worker());
        let (commits, conflicts) = Default::default();
        Ok(Self {
            pool,
            leases,
            others,
            groups: Groups::default(),
            commits,
            conflicts,
            is_closed: AtomicBool::new(false),
        })
    }

    async fn client(&self) -> Result<Object, StoreError> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        self.pool.get().await.map_err(|error| out_of_reach(&error))
    }

    /// Reads. A connection that has been lost meanwhile is replaced by another one.
    async fn query(&self, statement: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, StoreError> {
        let read = async |client: Object| {
            let statement = client.prepare_cached(statement).await?;
            client.query(&statement, parameters).await
        };
        match read(self.client().await?).await {
            Err(error) if is_lost(&error) => {
                forget_connections(&self.pool);
                read(self.client().await?).await.map_err(failed)
            }
            found => found.map_err(failed),
        }
    }

    /// Ends a lease. Whether or not the database can be told: it is not renewed.
    async fn let_go(&self, key: &Key, how: Fate) {
        if !self.leases.forget([key]) {
            return;
        }
        match self.client().await {
            Ok(client) => self.leases.end_one(&client, key, how).await,
            Err(error) => tracing::warn!(%error, "a lease was not given back; it runs out by itself"),
        }
    }
}

/// Where one connection is lost, the others that wait in the pool mostly are too.
fn forget_connections(pool: &Pool) {
    pool.retain(|_, _| false);
}

/// Whether the connection is what has failed: closed by the server, or by the way to it.
fn is_lost(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        None => true,
        Some(code) => [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW].contains(code),
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
            if self.is_closed.load(Ordering::Acquire) {
                return Err(StoreError::Closed.into());
            }
            changeset.check_keys()?;
            let changeset = Arc::new(changeset);
            let committed = self.groups.commit(&self.pool, Arc::clone(&changeset)).await;
            if matches!(committed, Err(CommitError::Conflict(_))) {
                self.conflicts.fetch_add(1, Ordering::Relaxed);
            }
            committed?;
            let removed = changeset.writes.iter().filter(|(_, write)| *write == Write::Remove);
            self.leases.forget(removed.map(|(key, _)| key));
            self.commits.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
        .boxed()
    }

    fn claim<'a>(&'a self, range: &'a KeyRange, limit: usize) -> BoxFuture<'a, Result<Vec<Claimed>, StoreError>> {
        async move {
            let client = self.client().await?;
            match Span::of(range) {
                Some(span) => self.leases.take(client, &span, limit).await,
                None => Ok(Vec::new()),
            }
        }
        .boxed()
    }

    fn release<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, ()> {
        async move {
            self.let_go(key, Fate::Released).await;
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            if self.is_closed.swap(true, Ordering::AcqRel) {
                return Err(StoreError::Closed);
            }
            self.leases.end().await;
            self.others.end();
            self.pool.close();
            Ok(())
        }
        .boxed()
    }

    /// How many flushes carry the commits is the database's own affair.
    fn flush_figures(&self) -> FlushFigures {
        let (commits, conflicts) = (self.commits.load(Ordering::Relaxed), self.conflicts.load(Ordering::Relaxed));
        FlushFigures { commits, conflicts, flushes: 0 }
    }

    fn shared(&self) -> Option<&dyn Shared> {
        Some(self)
    }
}

const VERSIONS: &str = "SELECT w.place, d.version \
    FROM unnest($1::bytea[], $2::bytea[], $3::bigint[]) AS w(sandbox, key, place) \
    JOIN rehearsal_document d ON d.sandbox = w.sandbox AND d.key = w.key";

impl Shared for PostgresStore {
    fn tell(&self, key: &Key) {
        self.others.tell(key);
    }

    fn news(&self) -> BoxFuture<'_, Option<News>> {
        self.others.news().boxed()
    }

    fn versions<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Version>>, StoreError>> {
        async move {
            let (sandboxes, rests): (Vec<&[u8]>, Vec<&[u8]>) = keys.iter().map(place::split).unzip();
            let places: Vec<i64> = (0..).take(keys.len()).collect();
            let mut versions = vec![None; keys.len()];
            for row in self.query(VERSIONS, &[&sandboxes, &rests, &places]).await? {
                let (place, version): (i64, i64) = (row.get(0), row.get(1));
                if let Some(found) = usize::try_from(place).ok().and_then(|place| versions.get_mut(place)) {
                    *found = Some(Version(version.unsigned_abs()));
                }
            }
            Ok(versions)
        }
        .boxed()
    }

    fn is_claimed_elsewhere<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool, StoreError>> {
        async move {
            let client = self.client().await?;
            self.leases.is_held_elsewhere(&client, key).await
        }
        .boxed()
    }

    fn leave_behind(&self, key: &Key) {
        self.leases.forget([key]);
    }

    fn put_back<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, ()> {
        self.let_go(key, Fate::PutBack).boxed()
    }
}

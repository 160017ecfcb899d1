//! A commit: one transaction of two round trips. The first locks what the changeset builds on and tells its versions; the
//! second writes. Both go in the order of keys, so that transactions which meet wait for each other instead of getting
//! entangled.

use std::collections::BTreeMap;

use deadpool_postgres::Object;
use futures_util::future::{join, join4};
use tokio_postgres::{Client, Row, Statement, error::SqlState, types::ToSql};

use super::{failed, is_lost, place};
use crate::store::{Changeset, CommitError, Expectation, Key, StoreError, Version, Write};

/// How often a transaction is tried again that the database has ended to untangle it from others.
const TRIES: usize = 10;

const LOCK: &str = "SELECT d.sandbox, d.key, d.version FROM rehearsal_document d \
    JOIN unnest($1::bytea[], $2::bytea[]) AS e(sandbox, key) ON d.sandbox = e.sandbox AND d.key = e.key \
    ORDER BY d.sandbox, d.key FOR UPDATE OF d";
/// Documents that must not be there yet: one that somebody has written meanwhile ends the transaction.
const CREATE: &str = "INSERT INTO rehearsal_document (sandbox, key, version, body) \
    SELECT sandbox, key, 1, body FROM unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS w(sandbox, key, body)";
const PUT: &str = "INSERT INTO rehearsal_document AS d (sandbox, key, version, body) \
    SELECT sandbox, key, 1, body FROM unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS w(sandbox, key, body) \
    ON CONFLICT (sandbox, key) DO UPDATE SET version = d.version + 1, body = excluded.body";
const REMOVE: &str = "DELETE FROM rehearsal_document d \
    USING unnest($1::bytea[], $2::bytea[]) AS r(sandbox, key) WHERE d.sandbox = r.sandbox AND d.key = r.key";

/// Columns of keys, and of bodies, as parameters.
#[derive(Default)]
struct Columns<'a> {
    sandboxes: Vec<&'a [u8]>,
    keys: Vec<&'a [u8]>,
    bodies: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    fn add(&mut self, key: &'a Key, body: &'a [u8]) {
        let (sandbox, rest) = place::split(key);
        self.sandboxes.push(sandbox);
        self.keys.push(rest);
        self.bodies.push(body);
    }
}

/// Why a changeset was not committed.
pub(super) enum NotCommitted {
    /// The connection was lost before anything was written. Another one may do.
    ConnectionLost(StoreError),
    /// It was refused, or nobody knows what became of it.
    For(CommitError),
}

impl NotCommitted {
    fn begun(error: tokio_postgres::Error) -> Self {
        if is_lost(&error) { Self::ConnectionLost(failed(error)) } else { Self::For(failed(error).into()) }
    }
}

/// Commits a changeset, whose parts are in the order of their keys.
pub(super) async fn commit(client: Object, changeset: &Changeset) -> Result<(), NotCommitted> {
    let statements = Statements::prepare(&client).await.map_err(NotCommitted::begun)?;
    for _ in 0..TRIES {
        match attempt(&client, &statements, changeset).await {
            Err(Trouble::Entangled) => tokio::task::yield_now().await,
            Err(Trouble::Refused(not_committed)) => return Err(not_committed),
            Ok(()) => return Ok(()),
        }
    }
    Err(NotCommitted::For(StoreError::Engine("the database has too much to do at one place".into()).into()))
}

struct Statements {
    lock: Statement,
    create: Statement,
    put: Statement,
    remove: Statement,
}

impl Statements {
    async fn prepare(client: &Object) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            lock: client.prepare_cached(LOCK).await?,
            create: client.prepare_cached(CREATE).await?,
            put: client.prepare_cached(PUT).await?,
            remove: client.prepare_cached(REMOVE).await?,
        })
    }
}

/// Why an attempt has not gone through.
enum Trouble {
    /// The database has ended it to untangle it from others.
    Entangled,
    /// Anything else.
    Refused(NotCommitted),
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.code() {
            Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED) => Self::Entangled,
            _ => Self::Refused(NotCommitted::For(failed(error).into())),
        }
    }
}

async fn attempt(client: &Client, statements: &Statements, changeset: &Changeset) -> Result<(), Trouble> {
    let mut expected = Columns::default();
    changeset.expects.iter().for_each(|(key, _)| expected.add(key, &[]));
    let (begun, locked) =
        join(client.batch_execute("BEGIN"), client.query(&statements.lock, &[&expected.sandboxes, &expected.keys]))
            .await;
    let checked = match (begun, locked) {
        (Ok(()), Ok(rows)) => check(changeset, &rows).map_err(|error| Trouble::Refused(NotCommitted::For(error))),
        (Err(error), _) | (_, Err(error)) if is_lost(&error) => {
            return Err(Trouble::Refused(NotCommitted::begun(error)));
        }
        (Err(error), _) | (_, Err(error)) => Err(error.into()),
    };
    if let Err(trouble) = checked {
        client.batch_execute("ROLLBACK").await?;
        return Err(trouble);
    }
    write(client, statements, changeset).await
}

/// Whether everything is as the changeset expects it.
fn check(changeset: &Changeset, rows: &[Row]) -> Result<(), CommitError> {
    let version = |row: &Row| (place::key(row.get(0), row.get(1)), Version(row.get::<_, i64>(2).unsigned_abs()));
    let versions: BTreeMap<Key, Version> = rows.iter().map(version).collect();
    for (key, expectation) in &changeset.expects {
        let holds = match (versions.get(key), expectation) {
            (None, Expectation::Absent) => true,
            (Some(found), Expectation::At(wanted)) => found == wanted,
            _ => false,
        };
        if !holds {
            return Err(CommitError::Conflict(key.clone()));
        }
    }
    Ok(())
}

/// Executes a statement for the rows that it is for; nothing if there are none.
async fn execute(
    client: &Client,
    statement: &Statement,
    rows: &Columns<'_>,
    has_bodies: bool,
) -> Result<u64, tokio_postgres::Error> {
    if rows.keys.is_empty() {
        return Ok(0);
    }
    let parameters: [&(dyn ToSql + Sync); 3] = [&rows.sandboxes, &rows.keys, &rows.bodies];
    client.execute(statement, parameters.get(..if has_bodies { 3 } else { 2 }).unwrap_or_default()).await
}

async fn write(client: &Client, statements: &Statements, changeset: &Changeset) -> Result<(), Trouble> {
    let is_absent = |key: &Key| changeset.expects.iter().any(|(one, it)| one == key && *it == Expectation::Absent);
    let (mut created, mut put, mut removed) = (Columns::default(), Columns::default(), Columns::default());
    let mut first_created = None;
    for (key, write) in &changeset.writes {
        match write {
            Write::Remove => removed.add(key, &[]),
            Write::Put(body) if is_absent(key) => {
                first_created = first_created.or(Some(key));
                created.add(key, body);
            }
            Write::Put(body) => put.add(key, body),
        }
    }
    // They are sent one after the other without waiting; after one that fails the database does none of the others.
    let (creating, putting, removing, committing) = join4(
        execute(client, &statements.create, &created, true),
        execute(client, &statements.put, &put, true),
        execute(client, &statements.remove, &removed, false),
        client.batch_execute("COMMIT"),
    )
    .await;
    if let Err(error) = &creating
        && error.code() == Some(&SqlState::UNIQUE_VIOLATION)
        && let Some(key) = first_created
    {
        return Err(Trouble::Refused(NotCommitted::For(CommitError::Conflict(key.clone()))));
    }
    creating?;
    putting?;
    removing?;
    committing?;
    Ok(())
}

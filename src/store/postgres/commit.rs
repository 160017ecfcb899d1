//! A commit: one transaction of two round trips, for one or several changesets. The first locks what they build on and tells
//! the versions; the second writes what those want whose expectations hold. Both go in the order of keys, so that transactions which meet wait for each other instead of getting
//! entangled.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter::once,
    sync::Arc,
};

use deadpool_postgres::Object;
use futures_util::{
    FutureExt, TryFutureExt,
    future::{BoxFuture, join_all},
};
use tokio_postgres::{Client, Row, Statement, error::SqlState};

use super::{failed, is_lost, place};
use crate::store::{Changeset, CommitError, Expectation, Key, StoreError, Version, Write};

/// How often a transaction is tried again that the database has ended to untangle it from others.
const TRIES: usize = 10;

// Each key is looked up by itself, whatever the planner thinks of a table that it has no statistics of: asked for several keys,
// it may read the whole sandbox. Citus takes `FOR UPDATE`, and a removal, only where one sandbox is named
// (issue:citusdata/citus#4647); it takes insertions of rows of any sandboxes (its test `multi_insert_select_conflict`).
const LOCK: &str = "SELECT d.sandbox, d.key, d.version FROM unnest($2::bytea[]) AS expected(key), \
    LATERAL (SELECT sandbox, key, version FROM rehearsal_document \
             WHERE sandbox = $1 AND key = expected.key FOR UPDATE) AS d";
/// Documents that must not be there yet: one that somebody has written meanwhile ends the transaction.
const CREATE: &str = "INSERT INTO rehearsal_document (sandbox, key, version, body) \
    SELECT sandbox, key, 1, body FROM unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS w(sandbox, key, body)";
const PUT: &str = "INSERT INTO rehearsal_document AS d (sandbox, key, version, body) \
    SELECT sandbox, key, 1, body FROM unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS w(sandbox, key, body) \
    ON CONFLICT (sandbox, key) DO UPDATE SET version = d.version + 1, body = excluded.body";
const REMOVE: &str = "DELETE FROM rehearsal_document WHERE sandbox = $1 AND key = $2";

/// Columns of rows, as parameters.
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

/// Why changesets were not committed.
pub(super) enum NotCommitted {
    /// The database did not take them together. Each may do on its own.
    Together,
    /// The connection was lost before anything was written. Another one may do.
    ConnectionLost(StoreError),
    /// They were refused, or nobody knows what became of them.
    For(CommitError),
}

impl NotCommitted {
    fn begun(error: tokio_postgres::Error) -> Self {
        if is_lost(&error) { Self::ConnectionLost(failed(error)) } else { Self::For(failed(error).into()) }
    }
}

/// Commits changesets, no two of them about the same document; tells which of them are as they expected.
pub(super) async fn commit(
    client: Object,
    changesets: &[Arc<Changeset>],
) -> Result<Vec<Result<(), CommitError>>, NotCommitted> {
    let statements = Statements::prepare(&client).await.map_err(NotCommitted::begun)?;
    for _ in 0..TRIES {
        match attempt(&client, &statements, changesets).await {
            Err(Trouble::Entangled) => tokio::task::yield_now().await,
            Err(Trouble::Refused(not_committed)) => return Err(not_committed),
            Ok(results) => return Ok(results),
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

async fn attempt(
    client: &Client,
    statements: &Statements,
    changesets: &[Arc<Changeset>],
) -> Result<Vec<Result<(), CommitError>>, Trouble> {
    let expected = place::by_sandbox(changesets.iter().flat_map(|one| one.expects.iter().map(|(key, _)| key)));
    let begin = client.batch_execute("BEGIN").map_ok(|()| Vec::new()).boxed();
    let locks = expected.iter().map(|(sandbox, keys)| {
        let locked = async move { client.query(&statements.lock, &[sandbox, keys]).await };
        locked.boxed()
    });
    let rows = match together(once(begin).chain(locks)).await {
        Ok(rows) => rows,
        Err(error) if is_lost(&error) => return Err(Trouble::Refused(NotCommitted::begun(error))),
        Err(error) => {
            client.batch_execute("ROLLBACK").await?;
            return Err(error.into());
        }
    };
    let version = |row: &Row| (place::key(row.get(0), row.get(1)), Version(row.get::<_, i64>(2).unsigned_abs()));
    let versions: BTreeMap<Key, Version> = rows.iter().flatten().map(version).collect();
    let results: Vec<Result<(), CommitError>> =
        changesets.iter().map(|changeset| check(changeset, &versions)).collect();
    let as_expected = || changesets.iter().zip(&results).filter(|(_, result)| result.is_ok()).map(|(one, _)| &**one);
    if as_expected().next().is_none() {
        client.batch_execute("ROLLBACK").await?;
        return Ok(results);
    }
    write(client, statements, as_expected()).await?;
    Ok(results)
}

/// Whether everything is as a changeset expects it.
fn check(changeset: &Changeset, versions: &BTreeMap<Key, Version>) -> Result<(), CommitError> {
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

/// Sends statements one after the other without waiting, and tells what all of them have given. After one that fails the database
/// does none of the others; its error is what is told.
pub(super) async fn together<'a, T>(
    statements: impl Iterator<Item = BoxFuture<'a, Result<T, tokio_postgres::Error>>>,
) -> Result<Vec<T>, tokio_postgres::Error> {
    join_all(statements).await.into_iter().collect()
}

async fn write<'a>(
    client: &Client,
    statements: &Statements,
    changesets: impl Iterator<Item = &'a Changeset> + Clone,
) -> Result<(), Trouble> {
    let expects = changesets.clone().flat_map(|one| &one.expects);
    let absent: BTreeSet<&Key> =
        expects.filter(|(_, expected)| *expected == Expectation::Absent).map(|(key, _)| key).collect();
    let mut writes: Vec<&(Key, Write)> = changesets.clone().flat_map(|one| &one.writes).collect();
    writes.sort_by(|(one, _), (other, _)| one.cmp(other));
    let (mut created, mut put, mut removed) = (Columns::default(), Columns::default(), Vec::new());
    let mut first_created = None;
    for (key, write) in writes {
        match write.bytes() {
            None => removed.push(key),
            Some(body) if absent.contains(key) => {
                first_created = first_created.or(Some(key));
                created.add(key, body);
            }
            Some(body) => put.add(key, body),
        }
    }
    let inserts = [(&statements.create, &created), (&statements.put, &put)].into_iter();
    let inserts = inserts.filter(|(_, rows)| !rows.keys.is_empty()).map(|(statement, rows)| {
        let inserted =
            async move { client.execute(statement, &[&rows.sandboxes, &rows.keys, &rows.bodies]).await.map(drop) };
        inserted.boxed()
    });
    let removals = removed.into_iter().map(|key| {
        let removed = async move {
            let (sandbox, rest) = place::split(key);
            client.execute(&statements.remove, &[&sandbox, &rest]).await.map(drop)
        };
        removed.boxed()
    });
    let written = together(inserts.chain(removals).chain(once(client.batch_execute("COMMIT").boxed()))).await;
    if let Err(error) = &written
        && error.code() == Some(&SqlState::UNIQUE_VIOLATION)
        && let Some(key) = first_created
    {
        let conflict = || NotCommitted::For(CommitError::Conflict(key.clone()));
        return Err(Trouble::Refused(if changesets.count() > 1 { NotCommitted::Together } else { conflict() }));
    }
    written?;
    Ok(())
}

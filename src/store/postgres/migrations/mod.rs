//! The tables, and how they come to be: numbered steps, each done once, under a lock that instances which start at the same
//! time queue at.

use tokio_postgres::Client;

use super::open::ConnectError;

/// The steps, in their order.
const STEPS: [&str; 1] = [include_str!("0001_documents.sql")];

/// What the lock is on: any number that nobody else uses.
const LOCK: i64 = 0x5245_4845_4152_5341;

/// Where it is written down which steps are done.
// Not an `integer`, which in CockroachDB is as wide as a `bigint` (docs:default_int_size).
const BOOK: &str = "CREATE TABLE IF NOT EXISTS rehearsal_migration \
    (number bigint PRIMARY KEY, done timestamptz NOT NULL DEFAULT now())";

/// Does the steps that have not been done.
pub(super) async fn migrate(client: &mut Client) -> Result<(), ConnectError> {
    client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await?;
    let migrated = steps(client).await;
    // A connection that is lost gives the lock back by itself.
    client.execute("SELECT pg_advisory_unlock($1)", &[&LOCK]).await?;
    migrated
}

async fn steps(client: &mut Client) -> Result<(), ConnectError> {
    let is_there = |name: &'static str| format!("SELECT to_regclass('{name}') IS NOT NULL");
    let has_book: bool = client.query_one(&is_there("rehearsal_migration"), &[]).await?.get(0);
    if !has_book && client.query_one(&is_there("rehearsal_document"), &[]).await?.get(0) {
        return Err(ConnectError::NotOurs);
    }
    if !has_book {
        client.batch_execute(BOOK).await?;
    }
    let done: Option<i64> = client.query_one("SELECT max(number)::bigint FROM rehearsal_migration", &[]).await?.get(0);
    let done = usize::try_from(done.unwrap_or(0)).unwrap_or(0);
    if done > STEPS.len() {
        return Err(ConnectError::TooNew { found: done, known: STEPS.len() });
    }
    for (number, step) in (1_i64..).zip(STEPS).skip(done) {
        let transaction = client.transaction().await?;
        transaction.batch_execute(step).await?;
        transaction.execute("INSERT INTO rehearsal_migration (number) VALUES ($1::bigint)", &[&number]).await?;
        transaction.commit().await?;
    }
    Ok(())
}

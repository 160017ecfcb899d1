//! Claims as leases: a row says who works on it and until when. They are renewed while their process lives; those of one that
//! has died run out, and others take its work over.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use deadpool_postgres::{Object, Pool};
use futures_util::FutureExt;
use tokio::task::JoinHandle;

use super::{commit::together, failed, found, place, place::Span, rows};
use crate::store::{Claimed, Key, StoreError};

/// Until when a lease is good that is taken or renewed now, on the database's own clock.
// Without `make_interval`, which CockroachDB lacks (issue:lukas-krecan/ShedLock#3096).
const UNTIL: &str = "now() + interval '6 seconds'";
/// How often leases are renewed.
const RENEWED_EVERY: Duration = Duration::from_secs(2);

/// Takes a document that nobody has.
fn taken() -> String {
    format!("UPDATE rehearsal_document SET claimed_by = $3, claimed_until = {UNTIL} WHERE sandbox = $1 AND key = $2")
}

/// What is to become of the leases of this process on some documents.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    /// They hold for longer.
    Renewed,
    /// They end, and the documents are free.
    Released,
    /// They end. Who had them stays, and tells the next one that they were left behind.
    PutBack,
}

impl Fate {
    fn statement(self) -> String {
        let change = match self {
            Self::Renewed => format!("claimed_until = {UNTIL}"),
            Self::Released => "claimed_by = NULL, claimed_until = NULL".to_owned(),
            Self::PutBack => "claimed_until = NULL".to_owned(),
        };
        format!("UPDATE rehearsal_document SET {change} WHERE sandbox = $1 AND key = $2 AND claimed_by = $3")
    }

    /// Tells the database.
    async fn tell(
        self,
        client: &Object,
        worker: &[u8],
        keys: impl IntoIterator<Item = &Key>,
    ) -> Result<(), StoreError> {
        let statement = client.prepare_cached(&self.statement()).await.map_err(failed)?;
        let told = keys.into_iter().map(|key| {
            let statement = &statement;
            let told = async move {
                let (sandbox, rest) = place::split(key);
                client.execute(statement, &[&sandbox, &rest, &worker]).await
            };
            told.boxed()
        });
        together(told).await.map_err(failed)?;
        Ok(())
    }
}

const IS_ELSEWHERE: &str = "SELECT 1 FROM rehearsal_document \
    WHERE sandbox = $1 AND key = $2 AND claimed_by <> $3 AND claimed_until >= now()";

/// A name that no other process has had.
const NAME: &str = "SELECT decode(md5(random()::text || clock_timestamp()::text), 'hex')";

/// The leases of this process.
#[derive(Debug)]
pub(super) struct Leases {
    pool: Pool,
    worker: Vec<u8>,
    held: Arc<Mutex<BTreeSet<Key>>>,
    renewing: JoinHandle<()>,
}

impl Leases {
    /// Begins to renew what will be taken.
    pub(super) async fn begin(pool: Pool) -> Result<Arc<Self>, StoreError> {
        let client = pool.get().await.map_err(|error| super::out_of_reach(&error))?;
        let worker: Vec<u8> = client.query_one(NAME, &[]).await.map_err(failed)?.get(0);
        drop(client);
        let held = Arc::<Mutex<BTreeSet<Key>>>::default();
        let renewing = tokio::spawn(renew(pool.clone(), worker.clone(), Arc::clone(&held)));
        Ok(Arc::new(Self { pool, worker, held, renewing }))
    }

    /// The name of this process, which no other one has had.
    pub(super) fn worker(&self) -> &[u8] {
        &self.worker
    }

    /// Takes leases on up to `limit` documents that nobody holds.
    pub(super) async fn take(
        &self,
        mut client: Object,
        span: &Span<'_>,
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let (condition, mut parameters) = span.condition();
        let limit = rows(limit);
        parameters.push(&limit);
        let number = parameters.len();
        let free = format!(
            "SELECT sandbox, key, version, body, claimed_by IS NOT NULL FROM rehearsal_document \
             WHERE {condition} AND (claimed_until IS NULL OR claimed_until < now()) \
             ORDER BY sandbox, key LIMIT ${number} FOR UPDATE SKIP LOCKED"
        );
        let free = client.prepare_cached(&free).await.map_err(failed)?;
        let take = client.prepare_cached(&taken()).await.map_err(failed)?;
        let transaction = client.transaction().await.map_err(failed)?;
        let taken = transaction.query(&free, &parameters).await.map_err(failed)?;
        let takes = taken.iter().map(|row| {
            let (transaction, take) = (&transaction, &take);
            let taken = async move {
                let (sandbox, key): (&[u8], &[u8]) = (row.get(0), row.get(1));
                transaction.execute(take, &[&sandbox, &key, &self.worker]).await
            };
            taken.boxed()
        });
        together(takes).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        let claimed = taken.iter().map(|row| {
            let (key, document) = found(row);
            Claimed { key, document, left_behind: row.get(4) }
        });
        let claimed: Vec<Claimed> = claimed.collect();
        self.lock().extend(claimed.iter().map(|claimed| claimed.key.clone()));
        Ok(claimed)
    }

    /// Tells the database that a lease is at its end.
    pub(super) async fn end_one(&self, client: &Object, key: &Key, how: Fate) {
        if let Err(error) = how.tell(client, &self.worker, [key]).await {
            tracing::warn!(%error, "a lease was not given back; it runs out by itself");
        }
    }

    /// Forgets leases: on documents that are gone, or to let them run out. Tells whether any was held.
    pub(super) fn forget<'k>(&self, keys: impl IntoIterator<Item = &'k Key>) -> bool {
        let mut held = self.lock();
        keys.into_iter().filter(|key| held.remove(key)).count() > 0
    }

    /// Whether somebody else holds a document.
    pub(super) async fn is_held_elsewhere(&self, client: &Object, key: &Key) -> Result<bool, StoreError> {
        let (sandbox, rest) = place::split(key);
        let statement = client.prepare_cached(IS_ELSEWHERE).await.map_err(failed)?;
        let held = client.query_opt(&statement, &[&sandbox, &rest, &self.worker]).await.map_err(failed)?;
        Ok(held.is_some())
    }

    /// Renews no more, and gives back what is left: nobody shall have to wait for it to run out.
    pub(super) async fn end(&self) {
        self.renewing.abort();
        let keys = std::mem::take(&mut *self.lock());
        if keys.is_empty() {
            return;
        }
        if let Ok(client) = self.pool.get().await
            && let Err(error) = Fate::Released.tell(&client, &self.worker, &keys).await
        {
            tracing::warn!(%error, "leases were not given back; they run out by themselves");
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Key>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Leases {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

#[expect(clippy::disallowed_methods, reason = "leases are on the database's clock, not on a sandbox's")]
async fn renew(pool: Pool, worker: Vec<u8>, held: Arc<Mutex<BTreeSet<Key>>>) {
    loop {
        tokio::time::sleep(RENEWED_EVERY).await;
        let keys: Vec<Key> = held.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        if keys.is_empty() {
            continue;
        }
        let renewed = async {
            let client = pool.get().await.map_err(|error| super::out_of_reach(&error))?;
            Fate::Renewed.tell(&client, &worker, &keys).await
        };
        if let Err(error) = renewed.await {
            tracing::warn!(%error, "leases were not renewed; trying again");
        }
    }
}

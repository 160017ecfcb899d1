//! Commands that arrive while a batch is on its way to the disk: they build on it, and don't outlive its failure.

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use rehearsal::{
    app::{App, AppError, AppOptions, Exchange, JournalFilter, NewSandbox, Player, RecordedCall, Sandbox, TimerMode},
    domain::{
        ids::SubscriptionId,
        operation::{Delays, Wish},
        quotas::Quotas,
        rules::Rules,
        subscription::{Buyer, PurchaseOrder, Subscription},
    },
    fixtures::Fixtures,
    sim::{clock::OsClock, entropy::Seed},
    store::{
        Changeset, Claimed, CommitError, Direction, Document, FlushFigures, Key, KeyRange, MemoryStore, Store,
        StoreError,
    },
};
use tokio::sync::{Notify, oneshot};

use crate::world::uncalled;

/// A store in memory whose commits wait until somebody says what becomes of them, once it is told to be slow.
#[derive(Debug, Default)]
struct SlowStore {
    inner: MemoryStore,
    waiting: Mutex<Option<Vec<oneshot::Sender<Fate>>>>,
    arrived: Notify,
}

/// What becomes of a commit.
#[derive(Debug)]
enum Fate {
    Made,
    DiskFull,
    /// Another process was first.
    Conflict,
}

impl SlowStore {
    fn slow_down(&self) {
        *self.waiting.lock().unwrap() = Some(Vec::new());
    }

    /// Waits until a commit has arrived, and holds it until its fate is told.
    async fn next_commit(&self) -> oneshot::Sender<Fate> {
        loop {
            let arrived = self.arrived.notified();
            let waiting = self.waiting.lock().unwrap().as_mut().and_then(Vec::pop);
            match waiting {
                Some(commit) => return commit,
                None => arrived.await,
            }
        }
    }
}

impl Store for SlowStore {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Document>, StoreError>> {
        self.inner.get(key)
    }

    fn scan<'a>(
        &'a self,
        range: &'a KeyRange,
        direction: Direction,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Key, Document)>, StoreError>> {
        self.inner.scan(range, direction, limit)
    }

    fn commit(&self, changeset: Changeset) -> BoxFuture<'_, Result<(), CommitError>> {
        Box::pin(async move {
            let fate = self.waiting.lock().unwrap().as_mut().map(|waiting| {
                let (tell, told) = oneshot::channel();
                waiting.push(tell);
                told
            });
            self.arrived.notify_one();
            match fate {
                None => self.inner.commit(changeset).await,
                Some(told) => match told.await.unwrap_or(Fate::Made) {
                    Fate::Made => self.inner.commit(changeset).await,
                    Fate::DiskFull => Err(StoreError::Engine("no space left".into()).into()),
                    Fate::Conflict => Err(CommitError::Conflict(changeset.expects[0].0.clone())),
                },
            }
        })
    }

    fn claim<'a>(&'a self, range: &'a KeyRange, limit: usize) -> BoxFuture<'a, Result<Vec<Claimed>, StoreError>> {
        self.inner.claim(range, limit)
    }

    fn release<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, ()> {
        self.inner.release(key)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.close()
    }

    fn flush_figures(&self) -> FlushFigures {
        self.inner.flush_figures()
    }
}

async fn sandbox(store: &Arc<SlowStore>) -> Arc<Sandbox> {
    let store: Arc<dyn Store> = Arc::<SlowStore>::clone(store);
    let (wall, catalogue) = (Arc::new(OsClock), Fixtures::built_in().unwrap());
    let app = App::open(AppOptions { store, wall, catalogue, seed: Seed(7), quotas: Quotas::default() }).await.unwrap();
    let frozen_at = Some("2026-01-01T00:00:00Z".parse().unwrap());
    let (id, delays) = ("batches".parse().unwrap(), Delays::default());
    let (rules, quotas) = (Rules::default(), Quotas::default());
    let new = NewSandbox { id, seed: None, frozen_at, timers: TimerMode::Manual, delays, rules, quotas };
    app.create_sandbox(new).await.unwrap()
}

fn order() -> PurchaseOrder {
    PurchaseOrder {
        buyer: Buyer::OwnPartner,
        customer: "northwind".parse().unwrap(),
        offer: "contoso-crm".parse().unwrap(),
        plan: "team".parse().unwrap(),
        term_unit: None,
        quantity: 5.try_into().ok(),
        name: None,
        reseller: None,
    }
}

/// Starts a command and lets it get as far as it can.
async fn started<T: Send + 'static>(
    work: impl Future<Output = Result<T, AppError>> + Send + 'static,
) -> tokio::task::JoinHandle<Result<T, AppError>> {
    let task = tokio::spawn(work);
    // On one thread: everything that can run does, before this goes on.
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    task
}

fn purchase(sandbox: &Arc<Sandbox>) -> impl Future<Output = Result<SubscriptionId, AppError>> + Send + 'static {
    let sandbox = Arc::clone(sandbox);
    async move { Ok(sandbox.purchase(order()).await?.id) }
}

/// The kinds of all entries, with their numbers.
async fn journal(sandbox: &Sandbox) -> Vec<(u64, &'static str)> {
    let slice = sandbox.journal(&JournalFilter::default(), 1000).await.unwrap();
    slice.entries.iter().map(|entry| (entry.seq.0, entry.kind())).collect()
}

#[tokio::test]
async fn what_arrives_during_a_commit_builds_on_it_and_is_answered_after_it() {
    let store = Arc::new(SlowStore::default());
    let sandbox = sandbox(&store).await;
    let first_entry = sandbox.newest_entry().0 + 1;
    store.slow_down();
    let first = started(purchase(&sandbox)).await;
    let first_commit = store.next_commit().await;
    let second = started(purchase(&sandbox)).await;
    let third = started(purchase(&sandbox)).await;
    assert!(!first.is_finished() && !second.is_finished(), "nobody is answered before the disk has it");
    first_commit.send(Fate::Made).unwrap();
    let first = first.await.unwrap().unwrap();
    let second_commit = store.next_commit().await;
    assert!(!second.is_finished() && !third.is_finished(), "the second batch is not on the disk yet");
    second_commit.send(Fate::Made).unwrap();
    let (second, third) = (second.await.unwrap().unwrap(), third.await.unwrap().unwrap());
    assert!(first != second && second != third, "each purchase has an id of its own");
    let numbers: Vec<u64> = journal(&sandbox).await.iter().map(|(number, _)| *number).collect();
    // Each purchase tells that it was made, and that a code was issued.
    assert_eq!(numbers.last(), Some(&(first_entry + 5)));
    assert!(numbers.is_sorted_by(|a, b| a + 1 == *b), "no number is left out or used twice: {numbers:?}");
}

#[tokio::test]
async fn a_command_reads_what_the_batch_before_it_writes() {
    let store = Arc::new(SlowStore::default());
    let sandbox = sandbox(&store).await;
    let bought = sandbox.purchase(order()).await.unwrap();
    store.slow_down();
    let [one, two] = [(); 2].map(|()| {
        let (sandbox, publisher, id) = (Arc::clone(&sandbox), bought.publisher.clone(), bought.id);
        async move { sandbox.activate(publisher, id, Wish::default(), uncalled).await }
    });
    let one = started(one).await;
    let commit = store.next_commit().await;
    let two = started(two).await;
    commit.send(Fate::Made).unwrap();
    one.await.unwrap().unwrap();
    two.await.unwrap().unwrap();
    let kinds: Vec<_> = journal(&sandbox).await.into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "activated").count(), 1, "{kinds:?}");
}

/// What tells of an activation that somebody calls for.
fn called(activated: &Subscription) -> (SubscriptionId, Option<RecordedCall>) {
    let exchange = Exchange {
        to: Player::Marketplace,
        method: "POST".to_owned(),
        path: "/activate".to_owned(),
        status: Some(200),
        publisher: None,
        request_body: None,
        response_body: None,
        correlation_id: None,
        remark: None,
        latency_micros: 0,
    };
    (activated.id, Some(RecordedCall { from: Player::Publisher, subscription: Some(activated.id), exchange }))
}

#[tokio::test]
async fn a_call_is_on_record_in_the_commit_of_what_it_changes() {
    let store = Arc::new(SlowStore::default());
    let sandbox = sandbox(&store).await;
    let bought = sandbox.purchase(order()).await.unwrap();
    let before = journal(&sandbox).await.len();
    store.slow_down();
    let activating = Arc::clone(&sandbox);
    let activated = async move { activating.activate(bought.publisher, bought.id, Wish::default(), called).await };
    let activated = started(activated).await;
    store.next_commit().await.send(Fate::Made).unwrap();
    assert_eq!(activated.await.unwrap().unwrap(), bought.id);
    let kinds: Vec<_> = journal(&sandbox).await.into_iter().skip(before).map(|(_, kind)| kind).collect();
    assert_eq!(kinds, ["activated", "exchange"]);
}

#[tokio::test]
async fn what_was_decided_on_a_batch_that_failed_is_decided_anew() {
    let store = Arc::new(SlowStore::default());
    let sandbox = sandbox(&store).await;
    let first_entry = sandbox.newest_entry().0 + 1;
    store.slow_down();
    let first = started(purchase(&sandbox)).await;
    let commit = store.next_commit().await;
    let second = started(purchase(&sandbox)).await;
    commit.send(Fate::DiskFull).unwrap();
    assert!(matches!(first.await.unwrap(), Err(AppError::Store(_))), "the caller learns that it was not kept");
    store.next_commit().await.send(Fate::Made).unwrap();
    let kept = second.await.unwrap().unwrap();
    let all = sandbox.newest_subscriptions(None, 10).await.unwrap().subscriptions;
    assert_eq!(all.iter().map(|one| one.id).collect::<Vec<_>>(), [kept]);
    assert_eq!(
        journal(&sandbox).await.last().map(|(number, _)| *number),
        Some(first_entry + 1),
        "as if it had never been"
    );
}

#[tokio::test]
async fn a_conflict_is_decided_again_with_all_that_built_on_it_in_their_order() {
    let store = Arc::new(SlowStore::default());
    let sandbox = sandbox(&store).await;
    store.slow_down();
    let first = started(purchase(&sandbox)).await;
    let commit = store.next_commit().await;
    let second = started(purchase(&sandbox)).await;
    commit.send(Fate::Conflict).unwrap();
    store.next_commit().await.send(Fate::Made).unwrap();
    let (first, second) = (first.await.unwrap().unwrap(), second.await.unwrap().unwrap());
    let slice = sandbox.journal(&JournalFilter::default(), 1000).await.unwrap();
    let bought: Vec<_> = slice.entries.iter().filter_map(|entry| entry.subscription).collect();
    assert_eq!(bought, [first, first, second, second]);
}

/// What changes nothing is still decided on what is not there yet.
#[tokio::test]
async fn what_changes_nothing_is_answered_when_all_that_it_was_decided_on_is_durable() {
    let store = Arc::new(SlowStore::default());
    let sandbox = sandbox(&store).await;
    let bought = sandbox.purchase(order()).await.unwrap();
    store.slow_down();
    let activate = || {
        let (sandbox, publisher, id) = (Arc::clone(&sandbox), bought.publisher.clone(), bought.id);
        async move { sandbox.activate(publisher, id, Wish::default(), uncalled).await }
    };
    let mut activations = vec![started(activate()).await];
    let commit = store.next_commit().await;
    for _ in 0..3 {
        activations.push(started(activate()).await);
    }
    assert!(activations.iter().all(|activation| !activation.is_finished()));
    commit.send(Fate::Made).unwrap();
    for activation in activations {
        activation.await.unwrap().unwrap();
    }
}

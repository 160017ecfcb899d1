//! A server that meets a sandbox which another one has just made, while it is being changed. What happens at which moment is
//! decided by a store that holds readers up.

use std::sync::Arc;

use futures_util::future::{self, BoxFuture, FutureExt as _};
use rehearsal::{
    app::{App, AppOptions, NewSandbox, TimerMode},
    domain::{operation::Delays, quotas::Quotas, rules::Rules},
    fixtures::Fixtures,
    sim::{clock::OsClock, entropy::Seed},
    store::{
        Changeset, Claimed, CommitError, Direction, Document, FlushFigures, Key, KeyRange, MemoryStore, News, Shared,
        Store, StoreError, Version,
    },
};
use tokio::sync::{RwLock, mpsc};

/// A server's view of a store that several share.
#[derive(Debug)]
struct Held {
    shared: Arc<MemoryStore>,
    /// Whoever reads a catalogue waits for it.
    catalogues: RwLock<()>,
    /// Is told that somebody wants to read a catalogue.
    wanted: mpsc::UnboundedSender<()>,
}

impl Store for Held {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Document>, StoreError>> {
        async move {
            if key.to_string().contains("/catalogue") {
                let _gone = self.wanted.send(());
                let _may = self.catalogues.read().await;
            }
            self.shared.get(key).await
        }
        .boxed()
    }

    fn scan<'a>(
        &'a self,
        range: &'a KeyRange,
        direction: Direction,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Key, Document)>, StoreError>> {
        self.shared.scan(range, direction, limit)
    }

    fn commit(&self, changeset: Changeset) -> BoxFuture<'_, Result<(), CommitError>> {
        self.shared.commit(changeset)
    }

    fn claim<'a>(&'a self, range: &'a KeyRange, limit: usize) -> BoxFuture<'a, Result<Vec<Claimed>, StoreError>> {
        self.shared.claim(range, limit)
    }

    fn release<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, ()> {
        self.shared.release(key)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.shared.close()
    }

    fn flush_figures(&self) -> FlushFigures {
        self.shared.flush_figures()
    }

    fn shared(&self) -> Option<&dyn Shared> {
        Some(self)
    }
}

/// Nobody tells anybody anything: what is known is what was looked for.
impl Shared for Held {
    fn tell(&self, _key: &Key) {}

    fn news(&self) -> BoxFuture<'_, Option<News>> {
        future::pending().boxed()
    }

    fn versions<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Version>>, StoreError>> {
        async move {
            let found = future::try_join_all(keys.iter().map(|key| self.shared.get(key))).await?;
            Ok(found.into_iter().map(|document| document.map(|document| document.version)).collect())
        }
        .boxed()
    }

    fn is_claimed_elsewhere<'a>(&'a self, _key: &'a Key) -> BoxFuture<'a, Result<bool, StoreError>> {
        future::ready(Ok(false)).boxed()
    }

    fn leave_behind(&self, _key: &Key) {}

    fn put_back<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, ()> {
        self.shared.release(key)
    }
}

async fn server(store: &Arc<Held>) -> Arc<App> {
    let options = AppOptions {
        store: Arc::<Held>::clone(store),
        wall: Arc::new(OsClock),
        catalogue: Fixtures::built_in().unwrap(),
        seed: Seed::from(1),
        quotas: Quotas::default(),
    };
    App::open(options).await.unwrap()
}

#[tokio::test]
async fn a_sandbox_that_changes_while_it_is_met_is_known_as_it_is() {
    let documents = Arc::new(MemoryStore::new());
    let held = || {
        let (wanted, wants) = mpsc::unbounded_channel();
        (Arc::new(Held { shared: Arc::clone(&documents), catalogues: RwLock::default(), wanted }), wants)
    };
    let ((one_store, _), (other_store, mut wants)) = (held(), held());
    let (one, other) = (server(&one_store).await, server(&other_store).await);
    while wants.try_recv().is_ok() {}
    let id = "stage".parse().unwrap();
    let new = NewSandbox {
        id,
        seed: None,
        frozen_at: None,
        timers: TimerMode::Manual,
        delays: Delays::default(),
        rules: Rules::default(),
        quotas: Quotas::default(),
    };
    let made = one.create_sandbox(new).await.unwrap();

    // Somebody has the other one look, and it has read the head before that changes.
    let no_catalogue = other_store.catalogues.write().await;
    let find = || {
        let (app, id) = (Arc::clone(&other), made.id().clone());
        tokio::spawn(async move { app.find_sandbox(&id).await.unwrap().quotas() })
    };
    let first = find();
    wants.recv().await.unwrap();
    let quotas = Quotas { documents: 700.try_into().ok(), ..Quotas::default() };
    made.set_quotas(quotas).await.unwrap();
    let second = find();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    drop(no_catalogue);
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (quotas, quotas));
}

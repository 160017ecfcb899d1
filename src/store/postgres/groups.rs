//! Commits that share a transaction. What one sandbox commits says nothing of another, so those that come while the database
//! is busy go to it together: one round trip, one flush and one set of statements for all of them.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use deadpool_postgres::Pool;
use tokio::sync::{Semaphore, oneshot};

use super::{
    commit::{self, NotCommitted},
    forget_connections, out_of_reach,
};
use crate::store::{Changeset, CommitError, Key, StoreError};

/// Transactions that are under way at the same time. With more, fewer commits share one; with fewer, one that has to wait for
/// another server's lock keeps too many others waiting.
const LANES: usize = 4;
/// Changesets in one transaction.
const MOST: usize = 64;
/// How long a commit waits for its turn before its caller is told to come again.
const PATIENCE: Duration = Duration::from_secs(2);

/// A changeset that waits for its turn.
#[derive(Debug)]
struct Waiting {
    changeset: Arc<Changeset>,
    answer: oneshot::Sender<Result<(), CommitError>>,
}

/// Gathers changesets.
#[derive(Debug)]
pub(super) struct Groups {
    lanes: Arc<Semaphore>,
    waiting: Arc<Queue>,
}

/// Those that wait, in the order in which they came.
#[derive(Debug, Default)]
struct Queue(Mutex<VecDeque<Waiting>>);

impl Default for Groups {
    fn default() -> Self {
        Self { lanes: Arc::new(Semaphore::new(LANES)), waiting: Arc::default() }
    }
}

impl Groups {
    /// Commits a changeset, with others that wait. Whoever asked may go away in
    /// the middle: a transaction is seen through all the same, because its connection goes to somebody else afterwards.
    pub(super) async fn commit(&self, pool: &Pool, changeset: Arc<Changeset>) -> Result<(), CommitError> {
        let (answer, mut answered) = oneshot::channel();
        self.waiting.lock().push_back(Waiting { changeset: Arc::clone(&changeset), answer });
        let lane = tokio::time::timeout(PATIENCE, Arc::clone(&self.lanes).acquire_owned());
        tokio::select! {
            biased;
            // It went with somebody else's.
            answered = &mut answered => return answered.unwrap_or_else(|_| Err(broken_off())),
            lane = lane => match lane {
                Ok(Ok(lane)) => {
                    let (waiting, pool) = (Arc::clone(&self.waiting), pool.clone());
                    tokio::spawn(async move {
                        // Until nobody waits: those that can't go together with others have nobody else to take them.
                        loop {
                            let group = take(&mut waiting.lock());
                            if group.is_empty() {
                                break;
                            }
                            see_through(&pool, group).await;
                        }
                        drop(lane);
                    });
                }
                Ok(Err(_)) => return Err(StoreError::Closed.into()),
                Err(_) if self.waiting.withdraw(&changeset) => {
                    return Err(StoreError::Engine("the database has too much to do".into()).into());
                }
                Err(_) => {}
            },
        }
        answered.await.unwrap_or_else(|_| Err(broken_off()))
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a changeset back that has waited in vain; `false` if it is on its way by now.
    fn withdraw(&self, changeset: &Arc<Changeset>) -> bool {
        let mut waiting = self.lock();
        let place = waiting.iter().position(|one| Arc::ptr_eq(&one.changeset, changeset));
        place.and_then(|place| waiting.remove(place)).is_some()
    }
}

fn broken_off() -> CommitError {
    StoreError::Engine("the commit was broken off".into()).into()
}

/// Takes those that can share a transaction: no two of them about the same document. Nobody waits for some of them any more.
fn take(waiting: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let mut keys: BTreeSet<Key> = BTreeSet::new();
    let (mut group, mut left) = (Vec::new(), VecDeque::new());
    for one in waiting.drain(..).filter(|one| !one.answer.is_closed()) {
        let own = || {
            let expected = one.changeset.expects.iter().map(|(key, _)| key);
            expected.chain(one.changeset.writes.iter().map(|(key, _)| key))
        };
        if group.len() < MOST && !own().any(|key| keys.contains(key)) {
            keys.extend(own().cloned());
            group.push(one);
        } else {
            // Whoever comes after it and is about the same documents stays behind it.
            keys.extend(own().cloned());
            left.push_back(one);
        }
    }
    *waiting = left;
    group
}

/// Commits changesets, and tells each what became of it.
async fn see_through(pool: &Pool, group: Vec<Waiting>) {
    let changesets: Vec<Arc<Changeset>> = group.iter().map(|one| Arc::clone(&one.changeset)).collect();
    let mut committed = on_one_connection(pool, &changesets).await;
    if matches!(committed, Err(NotCommitted::ConnectionLost(_))) {
        forget_connections(pool);
        committed = on_one_connection(pool, &changesets).await;
    }
    let error = match committed {
        Ok(results) => {
            for (one, result) in group.into_iter().zip(results) {
                let _gone = one.answer.send(result);
            }
            return;
        }
        Err(NotCommitted::Together) => {
            for one in group {
                Box::pin(see_through(pool, vec![one])).await;
            }
            return;
        }
        Err(NotCommitted::ConnectionLost(error)) => error.into(),
        Err(NotCommitted::For(error)) => error,
    };
    for one in group {
        let _gone = one.answer.send(Err(error.clone()));
    }
}

async fn on_one_connection(
    pool: &Pool,
    changesets: &[Arc<Changeset>],
) -> Result<Vec<Result<(), CommitError>>, NotCommitted> {
    let client = pool.get().await.map_err(|error| NotCommitted::For(out_of_reach(&error).into()))?;
    commit::commit(client, changesets).await
}

#[cfg(test)]
mod tests {
    use deadpool_postgres::Manager;
    use tokio_postgres::NoTls;

    use super::*;
    use crate::store::Expectation;

    fn about(keys: &[&str]) -> (Waiting, oneshot::Receiver<Result<(), CommitError>>) {
        let mut changeset = Changeset::default();
        for (number, key) in keys.iter().enumerate() {
            let key = Key::in_sandbox("a").text(key);
            if number == 0 {
                changeset.expect(key, Expectation::Absent);
            } else {
                changeset.put(key, Vec::new());
            }
        }
        let (answer, answered) = oneshot::channel();
        (Waiting { changeset: Arc::new(changeset), answer }, answered)
    }

    /// How many of the waiting are about each first key.
    fn first_keys<'a>(waiting: impl IntoIterator<Item = &'a Waiting>) -> Vec<String> {
        waiting.into_iter().map(|one| one.changeset.expects[0].0.to_string()).collect()
    }

    #[test]
    fn only_what_is_about_different_documents_goes_together_and_nobody_overtakes() {
        let (waiting, answers): (VecDeque<_>, Vec<_>) =
            [about(&["1", "x"]), about(&["2"]), about(&["3", "x", "y"]), about(&["4", "y"]), about(&["5"])]
                .into_iter()
                .unzip();
        let mut waiting = waiting;
        assert_eq!(first_keys(&take(&mut waiting)), ["a/1/", "a/2/", "a/5/"]);
        assert_eq!(first_keys(&waiting), ["a/3/", "a/4/"]);
        assert_eq!(first_keys(&take(&mut waiting)), ["a/3/"]);
        // Nobody waits for the last one any more.
        drop(answers);
        assert!(take(&mut waiting).is_empty() && waiting.is_empty());
    }

    /// Whoever gets a turn may find that somebody else's changeset goes first; then nobody else takes theirs.
    #[tokio::test]
    async fn everybody_is_answered() {
        // A database that can't be had answers at once.
        let pool = Pool::builder(Manager::new(tokio_postgres::Config::new(), NoTls)).max_size(1).build().unwrap();
        pool.close();
        let groups = Groups::default();
        let (first, first_answered) = about(&["1"]);
        groups.waiting.lock().push_back(first);
        let (second, _) = about(&["1"]);
        let second = tokio::time::timeout(Duration::from_secs(10), groups.commit(&pool, second.changeset)).await;
        let is_closed = |answer| matches!(answer, Err(CommitError::Store(StoreError::Closed)));
        assert!(is_closed(first_answered.await.unwrap()) && is_closed(second.expect("the second is answered")));
    }

    #[test]
    fn a_transaction_does_not_grow_without_end() {
        let names: Vec<String> = (0..MOST + 3).map(|number| format!("{number}")).collect();
        let (waiting, _answers): (VecDeque<_>, Vec<_>) = names.iter().map(|name| about(&[name])).unzip();
        let mut waiting = waiting;
        assert_eq!(take(&mut waiting).len(), MOST);
        assert_eq!(take(&mut waiting).len(), 3);
    }
}

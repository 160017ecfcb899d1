//! The one thread that writes: takes what has queued up, applies it as one batch, makes it durable, answers.

use std::{
    fs::{File, TryLockError},
    panic::{self, AssertUnwindSafe},
    sync::{Arc, PoisonError, atomic::Ordering, mpsc::Receiver},
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    Shared,
    disk::{Disk, panicked},
    folder::DataFolder,
    group::{Group, Outcome, Places},
    marker::MarkerFile,
    open_sled,
};
use crate::store::{Changeset, CommitError, StoreError};

/// A changeset in the queue.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) changeset: Changeset,
    pub(super) answer: oneshot::Sender<Result<(), CommitError>>,
}

/// A job that has been decided, and waits for the disk.
type Decided = (oneshot::Sender<Result<(), CommitError>>, Result<(), CommitError>);

/// Owner of everything that changes.
pub(super) struct Committer {
    pub(super) folder: DataFolder,
    pub(super) disk: Disk,
    pub(super) marker: MarkerFile,
    pub(super) shared: Arc<Shared>,
    /// How many commits there were when the store was opened.
    pub(super) commits_before: u64,
    pub(super) commits: u64,
}

impl Committer {
    /// Works until every sender of jobs is gone, then closes the store.
    pub(super) fn run(mut self, jobs: &Receiver<Job>, closed: oneshot::Sender<Result<(), StoreError>>) {
        while let Ok(first) = jobs.recv() {
            let decided = self.commit(first, jobs);
            for (answer, result) in decided {
                // A caller that has stopped waiting has no use for the answer.
                let _ = answer.send(result);
            }
        }
        let _ = closed.send(self.close());
    }

    /// Commits a job and all that has queued up behind it.
    fn commit(&mut self, first: Job, jobs: &Receiver<Job>) -> Vec<Decided> {
        if let Some(broken) = self.shared.broken.get() {
            return vec![(first.answer, Err(broken.clone().into()))];
        }
        let mut decided = Vec::new();
        // sled asserts a lot. This thread must outlive that, or its callers would wait for ever.
        let committed = panic::catch_unwind(AssertUnwindSafe(|| match self.decide(first, jobs, &mut decided)? {
            Some(outcome) => self.make_durable(outcome),
            None => Ok(()),
        }))
        .unwrap_or_else(|panic| Err(panicked(&*panic)));
        if let Err(error) = committed {
            tracing::error!(store.error = %error, "the store failed and takes no more commits until it is opened again");
            for (_, result) in decided.iter_mut().filter(|(_, result)| result.is_ok()) {
                *result = Err(error.clone().into());
            }
            // There is none yet, or nothing would have been tried.
            let _first = self.shared.broken.set(error);
        }
        decided
    }

    /// Decides jobs in the order in which they came, until there are no more or the group is large enough.
    fn decide(
        &self,
        first: Job,
        jobs: &Receiver<Job>,
        decided: &mut Vec<Decided>,
    ) -> Result<Option<Outcome>, StoreError> {
        let mut group = Group::new(&self.disk.db, self.commits);
        let mut next = Some(first);
        while let Some(job) = next {
            let result = group.add(job.changeset);
            let failed = match &result {
                Err(CommitError::Store(error)) => Some(error.clone()),
                Ok(()) | Err(CommitError::Conflict(_)) => None,
            };
            decided.push((job.answer, result));
            if let Some(error) = failed {
                return Err(error);
            }
            next = if group.is_full() || decided.len() >= GROUP_CHANGESETS { None } else { jobs.try_recv().ok() };
        }
        Ok(group.finish(self.commits))
    }

    fn make_durable(&mut self, outcome: Outcome) -> Result<(), StoreError> {
        let changes = outcome.changes();
        let Outcome { places, removed, commits } = outcome;
        self.under_way(places);
        self.disk.commit(changes, commits)?;
        let known = self.marker.last_commit();
        // From the first commit on the marker tells an emptied store from a new one, so that commit waits for it.
        if known == 0 {
            self.marker.record(commits)?;
            self.marker.sync()?;
        } else if commits - known >= MARKER_EVERY {
            self.marker.record(commits)?;
        }
        self.shared.commits.fetch_add(commits - self.commits, Ordering::Relaxed);
        self.shared.flushes.store(self.disk.syncs.load(Ordering::Relaxed), Ordering::Relaxed);
        self.commits = commits;
        self.under_way(Arc::default());
        // Only now: a claim made while the document could still be seen would never end.
        self.shared.claims.end(&removed);
        Ok(())
    }

    /// Has readers see what lay in these places before.
    fn under_way(&self, places: Arc<Places>) {
        let old = {
            let mut view = self.shared.view.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut view.under_way, places)
        };
        // Outside the lock: it may be megabytes, and readers wait.
        drop(old);
    }

    fn close(mut self) -> Result<(), StoreError> {
        let flushed = match self.shared.broken.get() {
            Some(broken) => Err(broken.clone()),
            None => self.last_flush(),
        };
        self.shared.view.write().unwrap_or_else(PoisonError::into_inner).db = None;
        let (file, closed) = self.disk.close();
        wait_until_released(&file);
        // With it goes the lock that waiting ended in.
        drop(file);
        let closed = flushed.and(closed);
        if closed.is_ok() && self.commits - self.commits_before >= WORTH_A_SUMMARY {
            summarize(&self.folder);
        }
        closed
    }

    fn last_flush(&mut self) -> Result<(), StoreError> {
        self.disk.sync()?;
        self.marker.record(self.commits)?;
        self.marker.sync()
    }
}

/// Opens sled once more and lets go of it: only when it opens does it write down where every page of its log is, and
/// without that the next start would read all that was written since this one.
fn summarize(folder: &DataFolder) {
    let summarized = open_sled(folder, CACHE_BYTES).and_then(|db| {
        panic::catch_unwind(AssertUnwindSafe(|| drop(db)))
            .map_err(|panic| folder.damaged(panicked(&*panic).to_string()))
    });
    match summarized.and_then(|()| folder.open_sled_file()) {
        Ok(file) => wait_until_released(&file),
        // Everything is on disk; the next start takes longer, or says what is wrong.
        Err(error) => tracing::warn!(store.error = %error, "the store could not be prepared for a quick start"),
    }
}

/// sled's pool threads let go of the file, and so of its lock, a moment after sled is gone. Whoever opens the store
/// next should not find it locked.
fn wait_until_released(file: &File) {
    for _ in 0..RELEASE_TRIES {
        match file.try_lock() {
            Ok(()) => return,
            Err(TryLockError::WouldBlock) => thread::sleep(RELEASE_PAUSE),
            // A file system without locks has nothing to wait for.
            Err(TryLockError::Error(_)) => return,
        }
    }
}

/// A bound on a group for changesets that change nothing: they fill no group, and must not hold one up either.
const GROUP_CHANGESETS: usize = 4096;

/// So many commits, if each is of many changes, take some 100 ms to replay when the store is opened.
const WORTH_A_SUMMARY: u64 = 500;

/// Nothing is read for that but the log.
const CACHE_BYTES: u64 = 1024 * 1024;

/// How far the marker may lag behind. Each time costs a write of 512 bytes, which nothing waits for.
const MARKER_EVERY: u64 = 1024;

const RELEASE_TRIES: u32 = 200;
const RELEASE_PAUSE: Duration = Duration::from_millis(5);

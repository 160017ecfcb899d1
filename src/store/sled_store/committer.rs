//! The one thread that commits: takes what has queued up, decides it, writes it to the log, answers.

use std::{
    fs::{File, TryLockError},
    panic::{self, AssertUnwindSafe},
    sync::{Arc, atomic::Ordering, mpsc::Receiver},
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    AfterSync, Shared, Synced, engine_error,
    folder::DataFolder,
    group::{Group, Outcome},
    log::Log,
    marker::MarkerFile,
    open_sled, panicked,
    record::Record,
    settler::{Settler, Work},
    view,
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

/// Owner of everything that changes but the tree.
pub(super) struct Committer {
    pub(super) folder: DataFolder,
    pub(super) log: Log,
    /// How much a file of the log holds, about, when it is time to bring it into the tree. Bytes.
    pub(super) log_bytes: u64,
    pub(super) settler: Settler,
    pub(super) marker: MarkerFile,
    pub(super) shared: Arc<Shared>,
    pub(super) after_sync: Option<AfterSync>,
    pub(super) commits: u64,
    /// Whether much has been brought into the tree since the store was opened.
    pub(super) has_settled: bool,
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
        if let Err(error) = self.shared.takes_commits().and_then(|()| self.turn_log()) {
            self.shared.fail(error.clone());
            return vec![(first.answer, Err(error.into()))];
        }
        let mut decided = Vec::new();
        // sled asserts a lot, also where it reads. This thread must outlive that, or its callers would wait for ever.
        let committed = panic::catch_unwind(AssertUnwindSafe(|| match self.decide(first, jobs, &mut decided)? {
            Some(outcome) => self.make_durable(outcome),
            None => Ok(()),
        }))
        .unwrap_or_else(|panic| Err(panicked(&*panic)));
        if let Err(error) = committed {
            for (_, result) in decided.iter_mut().filter(|(_, result)| result.is_ok()) {
                *result = Err(error.clone().into());
            }
            self.shared.fail(error);
        }
        decided
    }

    /// Has the files of the log change places if the one that is written to has grown large enough. If the other one is
    /// not in the tree yet, it has to be waited for: otherwise memory would fill with what is on its way there.
    fn turn_log(&mut self) -> Result<(), StoreError> {
        if !self.log.has_reached(self.log_bytes) {
            return Ok(());
        }
        self.settler.wait()?;
        self.log.turn().map_err(engine_error)?;
        let changes = {
            let mut view = view::write(&self.shared.view);
            view.settling = Arc::new(std::mem::take(&mut view.fresh));
            Arc::clone(&view.settling)
        };
        self.has_settled = true;
        self.settler.begin(Work { changes, commits: self.commits })
    }

    /// Decides jobs in the order in which they came, until there are no more or the group is large enough.
    fn decide(
        &self,
        first: Job,
        jobs: &Receiver<Job>,
        decided: &mut Vec<Decided>,
    ) -> Result<Option<Outcome>, StoreError> {
        let mut group = Group::new(&self.shared.view, self.commits);
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
        Ok(group.finish())
    }

    fn make_durable(&mut self, Outcome { changes, removed, span }: Outcome) -> Result<(), StoreError> {
        self.log.append(&Record::of(span, &changes)).map_err(engine_error)?;
        if let Some(after_sync) = &self.after_sync {
            after_sync(Synced::Log);
        }
        let known = self.marker.last_commit();
        // From the first commit on the marker tells an emptied store from a new one, so that commit waits for it.
        if known == 0 {
            self.marker.record(span.after)?;
            self.marker.sync()?;
        } else if span.after - known >= MARKER_EVERY {
            self.marker.record(span.after)?;
        }
        view::write(&self.shared.view).fresh.extend(changes);
        self.shared.commits.fetch_add(span.after - span.before, Ordering::Relaxed);
        self.shared.flushes.fetch_add(1, Ordering::Relaxed);
        self.commits = span.after;
        // Only now: a claim made while the document could still be seen would never end.
        self.shared.claims.end(&removed);
        Ok(())
    }

    fn close(mut self) -> Result<(), StoreError> {
        let settled = self.settler.wait().and_then(|()| self.shared.takes_commits());
        let marked = settled.and_then(|()| {
            self.marker.record(self.commits)?;
            self.marker.sync()
        });
        view::write(&self.shared.view).db = None;
        let (file, closed) = self.settler.stop()?.close();
        wait_until_released(&file);
        // With it goes the lock that waiting ended in.
        drop(file);
        let closed = marked.and(closed);
        if closed.is_ok() && self.has_settled {
            summarize(&self.folder);
        }
        closed
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

/// Nothing is read for that but the log.
const CACHE_BYTES: u64 = 1024 * 1024;

/// How far the marker may lag behind. Each time costs a write of 512 bytes, which nothing waits for.
const MARKER_EVERY: u64 = 1024;

const RELEASE_TRIES: u32 = 200;
const RELEASE_PAUSE: Duration = Duration::from_millis(5);

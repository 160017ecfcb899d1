//! The embedded store: documents in one sled tree behind a log, durable when a commit answers.
//!
//! * One thread ([`committer`]) commits. It takes all changesets that have queued up, decides them as one group, writes that to
//!   the [`log`], syncs, and only then shows it to readers ([`view`]) and answers. What is in the log and not in the tree is kept in
//!   memory as well.
//! * A second thread ([`settler`]) brings it into the tree, some thousands of commits at a time. sled copies a page for each
//!   change of it and takes no other changes while it flushes, so that a commit which waited for it would wait long.
//! * Opening reads the log again: what of it had come into the tree is brought there once more.
//! * A [`marker`] beside the store tells when less has come up than there must be.
//!
//! sled 0.34 is safe only if it is used in a certain way, and this module is that way:
//!
//! * After sled's `flush` comes an `fdatasync` of its file ([`tree`]). `flush` alone loses data in a power cut.
//! * `flush_async` deadlocks under load and is never called; sled's own flusher thread is off. That thread also moves
//!   live pages out of half-empty parts of the file, without a sync in between, so that a power cut could take both
//!   copies of a page.
//! * No more than part of a segment is written between two syncs, and no page outgrows sled's log ([`layout`]). sled's
//!   recovery goes wrong otherwise.

mod committer;
mod folder;
mod group;
mod layout;
mod log;
mod marker;
mod record;
mod settler;
mod tree;
mod view;

use std::{
    any::Any,
    fmt, io,
    panic::{self, AssertUnwindSafe},
    path::Path,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

use futures_util::future::{self, BoxFuture, FutureExt};
use tokio::sync::oneshot;

pub use folder::OpenError;

use super::{
    Changeset, Claimed, CommitError, Direction, Document, FlushFigures, Key, KeyRange, Store, StoreError,
    claims::Claims,
};
use committer::{Committer, Job};
use folder::DataFolder;
use log::Unsettled;
use settler::{Settler, Work};
use tree::Tree;
use view::View;

/// What has reached the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synced {
    /// Commits, which are answered next.
    Log,
    /// What was committed before and is being brought into sled's tree.
    Tree,
}

/// Called each time that what has been written has reached the disk. The thread that has written it waits.
pub type AfterSync = Arc<dyn Fn(Synced) + Send + Sync>;

/// How to open a [`SledStore`].
#[derive(Clone)]
pub struct SledOptions {
    /// How much memory sled may use to keep pages. Bytes; 1 GiB by default, as sled has it. It takes only what it has pages for.
    pub cache_bytes: u64,
    /// How much of the newest commits is in the log alone, about, before it is brought into sled's tree. Bytes; 4 MiB by default.
    /// Up to twice as much is read again when the store is opened.
    pub log_bytes: u64,
    /// Something to do each time that what has been written has reached the disk.
    pub after_sync: Option<AfterSync>,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self { cache_bytes: 1 << 30, log_bytes: 4 << 20, after_sync: None }
    }
}

impl fmt::Debug for SledOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledOptions")
            .field("cache_bytes", &self.cache_bytes)
            .field("log_bytes", &self.log_bytes)
            .finish_non_exhaustive()
    }
}

/// Documents in a folder on this machine, owned by one process at a time.
///
/// Reads show durable commits only: what is on its way to the disk is not seen until it has arrived. They answer at
/// once and never wait for a flush. A document's version starts at 1 again when it is written after having been
/// removed.
///
/// After the engine has failed (a full disk, say) nothing more is committed until the store is opened again. Reads then
/// show what had been acknowledged, or fail as well, because sled tidies up where it reads. What was being committed
/// when it failed counts as not committed and is never shown, but may turn out to be there when the store is opened
/// again, as with any lost answer.
///
/// A commit runs to its end even if its future is dropped after the first poll. Dropping the store closes it, waiting
/// for what has been queued.
pub struct SledStore {
    shared: Arc<Shared>,
    running: Mutex<Option<Running>>,
}

/// What readers, writers and the committer share.
#[derive(Debug, Default)]
struct Shared {
    view: RwLock<View>,
    claims: Claims,
    commits: AtomicU64,
    flushes: AtomicU64,
    /// Why nothing is committed any more.
    broken: OnceLock<StoreError>,
}

impl Shared {
    /// Nothing is committed any more. The first failure is the one that is told.
    fn fail(&self, error: StoreError) {
        if self.broken.set(error.clone()).is_ok() {
            tracing::error!(store.error = %error, "the store failed and takes no more commits until it is opened again");
        }
    }

    fn takes_commits(&self) -> Result<(), StoreError> {
        self.broken.get().cloned().map_or(Ok(()), Err)
    }

    /// What was being brought into the tree is there.
    fn settled(&self) {
        let settled = std::mem::take(&mut view::write(&self.view).settling);
        // Outside the lock: it may be megabytes, and readers wait.
        drop(settled);
    }
}

/// The way to the committer. Dropping `jobs` ends it.
#[derive(Debug)]
struct Running {
    jobs: mpsc::Sender<Job>,
    closed: oneshot::Receiver<Result<(), StoreError>>,
    thread: thread::JoinHandle<()>,
}

impl SledStore {
    /// Opens the store in a folder, which is made if it does not exist.
    ///
    /// # Errors
    /// [`OpenError`] when the folder is in use, is something else's, can't be written, or holds less than it must.
    pub fn open(path: &Path, options: SledOptions) -> Result<Self, OpenError> {
        let folder = DataFolder::inspect(path)?;
        let marker = folder.open_marker()?;
        folder.sync_leftovers()?;
        let db = open_sled(&folder, options.cache_bytes)?;
        let file = folder.open_sled_file()?;
        let SledOptions { log_bytes, after_sync, .. } = options;
        let tree = Tree { db: db.clone(), file, after_sync: after_sync.clone() };
        let settled = tree.begin().map_err(|error| folder.io_error(io::Error::other(error)))?;
        let (log, unsettled) = folder.open_log(settled)?;
        folder.sync_names()?;
        let commits = unsettled.commits(settled);
        folder.check(commits)?;

        let shared = Arc::new(Shared::default());
        let mut settler = Settler::start(tree, Arc::clone(&shared)).map_err(|error| folder.io_error(error))?;
        let Unsettled { older, newer } = unsettled;
        {
            let mut view = view::write(&shared.view);
            view.db = Some(db);
            view.fresh = newer.map(|run| run.changes).unwrap_or_default();
            if let Some(run) = older {
                view.settling = Arc::new(run.changes);
                let work = Work { changes: Arc::clone(&view.settling), commits: run.span.after };
                settler.begin(work).map_err(|error| folder.io_error(io::Error::other(error)))?;
            }
        }
        let (jobs, queue) = mpsc::channel();
        let (done, closed) = oneshot::channel();
        let not_started = folder.clone();
        let committer = Committer {
            folder,
            log,
            log_bytes,
            settler,
            marker,
            shared: Arc::clone(&shared),
            after_sync,
            commits,
            has_settled: false,
        };
        let thread = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || committer.run(&queue, done))
            .map_err(|error| not_started.io_error(error))?;
        Ok(Self { shared, running: Mutex::new(Some(Running { jobs, closed, thread })) })
    }

    /// Puts a changeset into the queue.
    fn queue(&self, changeset: Changeset) -> Result<oneshot::Receiver<Result<(), CommitError>>, StoreError> {
        changeset.check_keys()?;
        let (answer, answered) = oneshot::channel();
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs = &running.as_ref().ok_or(StoreError::Closed)?.jobs;
        jobs.send(Job { changeset, answer }).map_err(|_| stopped())?;
        Ok(answered)
    }

    fn stop(&self) -> Option<Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for SledStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledStore").field("figures", &self.flush_figures()).finish_non_exhaustive()
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        if let Some(Running { jobs, thread, .. }) = self.stop() {
            drop(jobs);
            // It has already logged what went wrong, and there is nobody here to tell.
            let _ = thread.join();
        }
    }
}

impl Store for SledStore {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Document>, StoreError>> {
        future::ready(view::read(&self.shared.view).get(key)).boxed()
    }

    fn scan<'a>(
        &'a self,
        range: &'a KeyRange,
        direction: Direction,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Key, Document)>, StoreError>> {
        future::ready(view::read(&self.shared.view).scan(range, direction, limit)).boxed()
    }

    fn commit(&self, changeset: Changeset) -> BoxFuture<'_, Result<(), CommitError>> {
        async move { self.queue(changeset)?.await.unwrap_or_else(|_| Err(stopped().into())) }.boxed()
    }

    fn claim<'a>(&'a self, range: &'a KeyRange, limit: usize) -> BoxFuture<'a, Result<Vec<Claimed>, StoreError>> {
        async move {
            self.shared
                .claims
                .take(range, limit, |limit| view::read(&self.shared.view).scan(range, Direction::Ascending, limit))
        }
        .boxed()
    }

    fn release<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, ()> {
        async move { self.shared.claims.end([key]) }.boxed()
    }

    /// When this answers, another process can open the folder.
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let Running { jobs, closed, .. } = self.stop().ok_or(StoreError::Closed)?;
            drop(jobs);
            closed.await.unwrap_or_else(|_| Err(stopped()))
        }
        .boxed()
    }

    fn takes_commits(&self) -> Result<(), StoreError> {
        self.shared.takes_commits()
    }

    fn flush_figures(&self) -> FlushFigures {
        FlushFigures {
            commits: self.shared.commits.load(Ordering::Relaxed),
            flushes: self.shared.flushes.load(Ordering::Relaxed),
            conflicts: 0,
        }
    }
}

/// Opens sled's part of a folder. sled asserts much of what it finds in a damaged file, so a panic says that it is
/// damaged.
fn open_sled(folder: &DataFolder, cache_bytes: u64) -> Result<sled::Db, OpenError> {
    // `mode` is left alone: 0.34.7 reads it nowhere.
    let config = sled::Config::new()
        .path(folder.sled())
        .cache_capacity(cache_bytes)
        .flush_every_ms(None)
        .segment_size(tree::SEGMENT_BYTES);
    match panic::catch_unwind(AssertUnwindSafe(|| config.open())) {
        Ok(opened) => opened.map_err(|error| folder.sled_error(error)),
        Err(panic) => Err(folder.damaged(panicked(&*panic).to_string())),
    }
}

fn engine_error(error: impl fmt::Display) -> StoreError {
    StoreError::Engine(error.to_string().into())
}

fn stopped() -> StoreError {
    StoreError::Engine("the committing thread has stopped".into())
}

/// What a panic of sled's says.
fn panicked(panic: &(dyn Any + Send)) -> StoreError {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    StoreError::Engine(format!("sled gave up: {}", text.unwrap_or("no reason given")).into())
}

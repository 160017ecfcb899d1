//! The embedded store: documents in one sled tree, written by one thread, durable when a commit answers.
//!
//! sled 0.34 is safe only if it is used in a certain way, and this module is that way:
//!
//! * One thread ([`committer`]) writes. It takes all changesets that have queued up, applies them as one batch, calls
//!   `flush`, then `fdatasync` on sled's file, and only then answers. `flush` alone loses acknowledged data in a power
//!   cut.
//! * `flush_async` deadlocks under load and is never called; sled's own flusher thread is off. That thread also moves
//!   live pages out of half-empty parts of the file, without a sync in between, so that a power cut could take both
//!   copies of a page.
//! * No more than part of a segment is written between two syncs ([`disk`]), and no page outgrows sled's log
//!   ([`layout`]). sled's recovery goes wrong otherwise.
//! * A marker beside the store ([`marker`]) tells when sled has come up with less than there must be.

mod committer;
mod disk;
mod folder;
mod group;
mod layout;
mod marker;
mod view;

use std::{
    fmt, io,
    panic::{self, AssertUnwindSafe},
    path::Path,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard,
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
use disk::{Disk, panicked};
use folder::DataFolder;
use view::View;

/// Called each time that what has been written has reached the disk, before any commit that it completes is answered.
/// All commits wait for it.
pub type AfterSync = Arc<dyn Fn() + Send + Sync>;

/// How to open a [`SledStore`].
#[derive(Clone)]
pub struct SledOptions {
    /// How much memory sled may use to keep pages. Bytes; 1 GiB by default, as sled has it. It takes only what it has pages for.
    pub cache_bytes: u64,
    /// Something to do each time that what has been written has reached the disk.
    pub after_sync: Option<AfterSync>,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self { cache_bytes: 1 << 30, after_sync: None }
    }
}

impl fmt::Debug for SledOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledOptions").field("cache_bytes", &self.cache_bytes).finish_non_exhaustive()
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
        folder.sync_names()?;
        let file = folder.open_sled_file()?;
        let disk = Disk { db, file, after_sync: options.after_sync, syncs: AtomicU64::new(0) };
        let commits =
            disk.recover().and_then(|()| disk.commits()).map_err(|error| folder.io_error(io::Error::other(error)))?;
        folder.check(commits)?;

        let shared = Arc::new(Shared::default());
        shared.view.write().unwrap_or_else(PoisonError::into_inner).db = Some(disk.db.clone());
        let (jobs, queue) = mpsc::channel();
        let (done, closed) = oneshot::channel();
        let not_started = folder.clone();
        let committer =
            Committer { folder, disk, marker, shared: Arc::clone(&shared), commits_before: commits, commits };
        let thread = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || committer.run(&queue, done))
            .map_err(|error| not_started.io_error(error))?;
        Ok(Self { shared, running: Mutex::new(Some(Running { jobs, closed, thread })) })
    }

    fn view(&self) -> RwLockReadGuard<'_, View> {
        self.shared.view.read().unwrap_or_else(PoisonError::into_inner)
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
        future::ready(self.view().get(key)).boxed()
    }

    fn scan<'a>(
        &'a self,
        range: &'a KeyRange,
        direction: Direction,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Key, Document)>, StoreError>> {
        future::ready(self.view().scan(range, direction, limit)).boxed()
    }

    fn commit(&self, changeset: Changeset) -> BoxFuture<'_, Result<(), CommitError>> {
        async move { self.queue(changeset)?.await.unwrap_or_else(|_| Err(stopped().into())) }.boxed()
    }

    fn claim<'a>(&'a self, range: &'a KeyRange, limit: usize) -> BoxFuture<'a, Result<Vec<Claimed>, StoreError>> {
        async move {
            self.shared.claims.take(range, limit, |limit| self.view().scan(range, Direction::Ascending, limit))
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
        self.shared.broken.get().cloned().map_or(Ok(()), Err)
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
        .segment_size(disk::SEGMENT_BYTES);
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

//! Where documents live: one small trait, several engines.
//!
//! A store holds documents under ordered keys. A key starts with its sandbox, so that everything of a sandbox lies
//! together and an engine may spread sandboxes over machines. A [`Changeset`] is committed whole or not at all, and is
//! durable when [`Store::commit`] answers. Every store passes the same conformance suite (`tests/it/stores`).

mod claims;
pub mod key;
mod memory;
mod postgres;
mod sled_store;

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;

pub use key::{Key, KeyRange};
pub use memory::MemoryStore;
pub use postgres::{ConnectError, DatabaseUrl, PostgresStore};
pub use sled_store::{AfterSync, OpenError, SledOptions, SledStore, Synced};

/// The version of a document: 1 when first written, then counted up by each commit that writes it. It starts at 1 again
/// when a document is written after having been removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

impl Version {
    /// The version after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A stored document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its version, to be named in the commit that builds on it.
    pub version: Version,
    /// Its bytes, as they were written.
    pub bytes: Arc<[u8]>,
}

/// Which way a scan goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest key first.
    Ascending,
    /// Largest key first.
    Descending,
}

/// What a commit demands of a document that its decision was based on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// The document does not exist.
    Absent,
    /// The document exists at exactly this version.
    At(Version),
}

/// What happens to a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// It is written, whatever was there.
    Put(Arc<[u8]>),
    /// It is written where there is nothing, as whoever writes it knows: its key has a number that nothing had before. A store
    /// need not look, and may lose what was there.
    Create(Arc<[u8]>),
    /// It is written over this document, which is there as whoever writes it has read it: what the changeset expects tells that
    /// nobody has changed it since. A store need not look, and may take its version for granted.
    Replace(Document, Arc<[u8]>),
    /// It is removed; removing what is not there is no error.
    Remove,
}

impl Write {
    /// The document's bytes after it; `None` if it is removed.
    #[must_use]
    pub const fn bytes(&self) -> Option<&Arc<[u8]>> {
        match self {
            Self::Put(bytes) | Self::Create(bytes) | Self::Replace(_, bytes) => Some(bytes),
            Self::Remove => None,
        }
    }
}

/// Writes that happen together, under the condition that what they build on is still so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changeset {
    /// What must hold for the writes to happen.
    pub expects: Vec<(Key, Expectation)>,
    /// The writes; at most one a key.
    pub writes: Vec<(Key, Write)>,
}

impl Changeset {
    /// Demands something of a document.
    pub fn expect(&mut self, key: Key, expectation: Expectation) {
        self.expects.push((key, expectation));
    }

    /// Writes a document.
    pub fn put(&mut self, key: Key, bytes: Vec<u8>) {
        self.writes.push((key, Write::Put(bytes.into())));
    }

    /// Removes a document.
    pub fn remove(&mut self, key: Key) {
        self.writes.push((key, Write::Remove));
    }
}

impl Changeset {
    /// Refuses keys that are longer than [`Key::BYTES_MAX`], for every store before it writes.
    fn check_keys(&self) -> Result<(), StoreError> {
        let is_long = |(key, _): &&(Key, Write)| key.is_too_long();
        match self.writes.iter().find(is_long) {
            None => Ok(()),
            Some((key, _)) => {
                let (length, max) = (key.as_bytes().len(), Key::BYTES_MAX);
                Err(StoreError::Engine(format!("the key {key} has {length} bytes; {max} is the most").into()))
            }
        }
    }
}

/// Why a store could not read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The engine failed: a full disk, a broken file, a lost connection. The text is the engine's own.
    #[error("the store failed: {0}")]
    Engine(Arc<str>),
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

/// Why a commit did not happen. Nothing of it is visible afterwards.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    /// A document was not as expected: decide again on fresh state.
    #[error("another writer changed {0} first")]
    Conflict(Key),
    /// The engine failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A handle on documents. Cheap to share behind an `Arc`; every method may be called from many tasks at once.
pub trait Store: fmt::Debug + Send + Sync {
    /// The document under a key, as the last commit that answered left it (or a later one).
    ///
    /// # Errors
    /// [`StoreError`] when the engine can't tell.
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Document>, StoreError>>;

    /// Up to `limit` documents of a range, in key order. To go on, scan the range that starts after the last key
    /// returned ([`KeyRange::after`]) or, descending, ends before it ([`KeyRange::before`]).
    ///
    /// # Errors
    /// [`StoreError`] when the engine can't tell.
    fn scan<'a>(
        &'a self,
        range: &'a KeyRange,
        direction: Direction,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Key, Document)>, StoreError>>;

    /// Commits all writes, or none. No key may be longer than [`Key::BYTES_MAX`]. When this answers `Ok`, they survive `kill -9` and a power cut.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] when an expectation does not hold; [`CommitError::Store`] when the engine fails.
    fn commit(&self, changeset: Changeset) -> BoxFuture<'_, Result<(), CommitError>>;

    /// Claims up to `limit` documents of a range for a worker, smallest key first, leaving out what another claim
    /// holds. A claim ends with [`Store::release`], with the removal of the document, or with the process that made it.
    ///
    /// # Errors
    /// [`StoreError`] when the engine can't tell.
    fn claim<'a>(&'a self, range: &'a KeyRange, limit: usize) -> BoxFuture<'a, Result<Vec<Claimed>, StoreError>>;

    /// Gives a claim back.
    fn release<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, ()>;

    /// Flushes and closes the store: later calls fail with [`StoreError::Closed`].
    ///
    /// # Errors
    /// [`StoreError`] when the last flush fails.
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Whether commits are still taken: after some failures an engine takes none until it is opened again.
    ///
    /// # Errors
    /// The failure.
    fn takes_commits(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// How many commits and how many flushes there have been, for the figures of a load run.
    fn flush_figures(&self) -> FlushFigures;

    /// What processes that share the store tell each other; `None` where only one process can have it.
    fn shared(&self) -> Option<&dyn Shared> {
        None
    }
}

/// A document that was claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Where it is.
    pub key: Key,
    /// What it is.
    pub document: Document,
    /// Whether a process that is gone had a claim on it: what is to be done may have been done.
    pub left_behind: bool,
}

/// What processes that share a store tell each other.
pub trait Shared: fmt::Debug + Send + Sync {
    /// Tells the others that a document has changed. It reaches them soon, or not at all.
    fn tell(&self, key: &Key);

    /// Waits until there may be something new; `None` once the store is closed.
    fn news(&self) -> BoxFuture<'_, Option<News>>;

    /// The versions of documents, in the order of their keys.
    ///
    /// # Errors
    /// [`StoreError`] when the engine can't tell.
    fn versions<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Version>>, StoreError>>;

    /// Whether another process has a claim on a document.
    ///
    /// # Errors
    /// [`StoreError`] when the engine can't tell.
    fn is_claimed_elsewhere<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Lets a claim run out, as if this process were gone: whoever has the document next finds it left behind.
    fn leave_behind(&self, key: &Key);

    /// Gives a claim back on a document that was left behind: whoever has it next finds it so too.
    fn put_back<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, ()>;
}

/// What may be new in a shared store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Others have changed these documents.
    Changed(Vec<Key>),
    /// Others may have changed anything: nobody could tell for a while.
    Anything,
}

/// Counters since the store was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlushFigures {
    /// Changesets committed.
    pub commits: u64,
    /// Changesets that were not committed because another writer was first.
    pub conflicts: u64,
    /// Durable flushes that carried them.
    pub flushes: u64,
}

//! The store that forgets: documents in a tree under a lock, for `--ephemeral` and for tests.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use futures_util::future::{self, BoxFuture, FutureExt};

use super::{
    Changeset, Claimed, CommitError, Direction, Document, Expectation, FlushFigures, Key, KeyRange, Store, StoreError,
    Version, Write, claims::Claims,
};

/// Documents in memory. Nothing survives the process, so [`Store::commit`]'s promise of durability is void here.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: RwLock<State>,
    claims: Claims,
}

#[derive(Debug, Default)]
struct State {
    documents: BTreeMap<Key, Document>,
    commits: u64,
    closed: bool,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A panic elsewhere leaves the state whole: a commit checks everything before it changes anything.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn commit_now(&self, changeset: Changeset) -> Result<(), CommitError> {
        let removed: Vec<Key> =
            changeset.writes.iter().filter(|(_, write)| *write == Write::Remove).map(|(key, _)| key.clone()).collect();
        self.write().commit(changeset)?;
        self.claims.end(&removed);
        Ok(())
    }
}

impl State {
    fn open(&self) -> Result<&Self, StoreError> {
        if self.closed { Err(StoreError::Closed) } else { Ok(self) }
    }

    fn scan(&self, range: &KeyRange, direction: Direction, limit: usize) -> Result<Vec<(Key, Document)>, StoreError> {
        let documents = &self.open()?.documents;
        if range.end.as_ref().is_some_and(|end| *end <= range.start) {
            return Ok(Vec::new());
        }
        let end = range.end.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let found = documents.range((Bound::Included(&range.start), end));
        let owned = |(key, document): (&Key, &Document)| (key.clone(), document.clone());
        Ok(match direction {
            Direction::Ascending => found.take(limit).map(owned).collect(),
            Direction::Descending => found.rev().take(limit).map(owned).collect(),
        })
    }

    fn commit(&mut self, changeset: Changeset) -> Result<(), CommitError> {
        self.open()?;
        changeset.check_keys()?;
        for (key, expectation) in changeset.expects {
            let version = self.documents.get(&key).map(|document| document.version);
            let holds = match expectation {
                Expectation::Absent => version.is_none(),
                Expectation::At(wanted) => version == Some(wanted),
            };
            if !holds {
                return Err(CommitError::Conflict(key));
            }
        }
        for (key, write) in changeset.writes {
            match write {
                Write::Put(bytes) => {
                    let version = self.documents.get(&key).map_or(1, |document| document.version.0 + 1);
                    self.documents.insert(key, Document { version: Version(version), bytes });
                }
                Write::Create(bytes) => {
                    debug_assert!(!self.documents.contains_key(&key), "{key} is there already");
                    self.documents.insert(key, Document { version: Version(1), bytes });
                }
                Write::Replace(before, bytes) => {
                    debug_assert_eq!(self.documents.get(&key), Some(&before), "{key} is as it was read");
                    self.documents.insert(key, Document { version: before.version.next(), bytes });
                }
                Write::Remove => {
                    self.documents.remove(&key);
                }
            }
        }
        self.commits += 1;
        Ok(())
    }
}

impl Store for MemoryStore {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Document>, StoreError>> {
        let found = self.read().open().map(|state| state.documents.get(key).cloned());
        future::ready(found).boxed()
    }

    fn scan<'a>(
        &'a self,
        range: &'a KeyRange,
        direction: Direction,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Key, Document)>, StoreError>> {
        future::ready(self.read().scan(range, direction, limit)).boxed()
    }

    fn commit(&self, changeset: Changeset) -> BoxFuture<'_, Result<(), CommitError>> {
        async move { self.commit_now(changeset) }.boxed()
    }

    fn claim<'a>(&'a self, range: &'a KeyRange, limit: usize) -> BoxFuture<'a, Result<Vec<Claimed>, StoreError>> {
        async move { self.claims.take(range, limit, |limit| self.read().scan(range, Direction::Ascending, limit)) }
            .boxed()
    }

    fn release<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, ()> {
        async move { self.claims.end([key]) }.boxed()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let mut state = self.write();
            state.open()?;
            state.closed = true;
            Ok(())
        }
        .boxed()
    }

    /// There is nothing to flush, so only commits are counted.
    fn flush_figures(&self) -> FlushFigures {
        FlushFigures { commits: self.read().commits, ..FlushFigures::default() }
    }
}

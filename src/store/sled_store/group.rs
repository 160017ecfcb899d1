//! Changesets that go to the disk together: each is decided on top of those before it.

use std::collections::BTreeMap;

use sled::IVec;

use super::{
    disk::{Change, Extent},
    engine_error, layout,
    layout::{Body, Head, PartsName},
    view::Before,
};
use crate::store::{Changeset, CommitError, Expectation, Key, StoreError, Version, Write};

/// What a group has come to so far. Nothing of it is in sled yet.
#[derive(Debug)]
pub(super) struct Group<'db> {
    db: &'db sled::Db,
    before: Before,
    after: BTreeMap<Vec<u8>, Option<IVec>>,
    removed: Vec<Key>,
    bytes: usize,
    commits: u64,
}

/// A finished group.
#[derive(Debug)]
pub(super) struct Outcome {
    /// What lay under the keys that it changes.
    pub(super) before: Before,
    /// The changes, in the order of their keys.
    pub(super) changes: Vec<Change>,
    /// Documents that some changeset of it removes.
    pub(super) removed: Vec<Key>,
    /// How many commits the store will have seen.
    pub(super) commits: u64,
}

impl<'db> Group<'db> {
    /// An empty group behind so many commits.
    pub(super) fn new(db: &'db sled::Db, commits: u64) -> Self {
        Self { db, before: Before::new(), after: BTreeMap::new(), removed: Vec::new(), bytes: 0, commits }
    }

    /// Takes a changeset in, or leaves everything as it was when an expectation doesn't hold.
    pub(super) fn add(&mut self, changeset: Changeset) -> Result<(), CommitError> {
        for (key, expectation) in changeset.expects {
            let version = self.version(&layout::document_key(&key))?;
            let holds = match expectation {
                Expectation::Absent => version.is_none(),
                Expectation::At(wanted) => version == Some(wanted),
            };
            if !holds {
                return Err(CommitError::Conflict(key));
            }
        }
        self.commits += 1;
        for (place, (key, write)) in (0..).zip(changeset.writes) {
            self.write(key, write, PartsName { commit: self.commits, place })?;
        }
        Ok(())
    }

    /// What to apply, or `None` when no changeset was taken in.
    pub(super) fn finish(mut self, commits_before: u64) -> Option<Outcome> {
        if self.commits == commits_before {
            return None;
        }
        self.after.insert(layout::COMMITS.to_vec(), Some(self.commits.to_be_bytes().as_slice().into()));
        let changes = self.after.into_iter().collect();
        Some(Outcome { before: self.before, changes, removed: self.removed, commits: self.commits })
    }

    /// Whether the next changeset should wait for the next group.
    pub(super) fn is_full(&self) -> bool {
        Extent { changes: self.after.len(), bytes: self.bytes }.fills_a_group()
    }

    fn write(&mut self, key: Key, write: Write, name: PartsName) -> Result<(), StoreError> {
        let tree_key = layout::document_key(&key);
        let old = self.value(&tree_key)?;
        let old = old.as_deref().and_then(layout::decode);
        if let Some(Head { body: Body::InParts { name, length }, .. }) = old {
            for part in name.keys(length) {
                self.value(&part)?;
                self.after.insert(part, None);
            }
        }
        match write {
            Write::Put(bytes) => {
                self.bytes += bytes.len();
                let version = Version(old.map_or(1, |head| head.version.0 + 1));
                let (head, parts) = layout::encode(version, &bytes, name);
                self.after.insert(tree_key, Some(head.into()));
                for (part, bytes) in parts {
                    self.before.insert(part.clone(), None);
                    self.after.insert(part, Some(bytes.into()));
                }
            }
            Write::Remove => {
                self.after.insert(tree_key, None);
                self.removed.push(key);
            }
        }
        Ok(())
    }

    fn version(&mut self, tree_key: &[u8]) -> Result<Option<Version>, StoreError> {
        Ok(self.value(tree_key)?.as_deref().and_then(layout::decode).map(|head| head.version))
    }

    /// What lies under a key by now. What lies there in sled is put down on the way.
    fn value(&mut self, tree_key: &[u8]) -> Result<Option<IVec>, StoreError> {
        if let Some(value) = self.after.get(tree_key).or_else(|| self.before.get(tree_key)) {
            return Ok(value.clone());
        }
        let value = self.db.get(tree_key).map_err(engine_error)?;
        self.before.insert(tree_key.to_vec(), value.clone());
        Ok(value)
    }
}

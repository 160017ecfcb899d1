//! Changesets that go to the disk together: each is decided on top of those before it.

use std::{
    collections::{BTreeMap, btree_map},
    sync::Arc,
};

use sled::IVec;

use super::{
    disk::{Change, Extent},
    engine_error, layout,
    layout::{Body, Head, PartsName},
};
use crate::store::{Changeset, CommitError, Expectation, Key, StoreError, Version, Write};

/// What has come of a key of sled's tree in a group.
#[derive(Debug)]
pub(super) struct Place {
    /// What lies there in sled; `None` for nothing.
    pub(super) before: Option<IVec>,
    /// What shall lie there; `None` if it is left as it is.
    after: Option<Option<IVec>>,
}

/// The keys that a group has looked at or changes.
pub(super) type Places = BTreeMap<Vec<u8>, Place>;

/// What a group has come to so far. Nothing of it is in sled yet.
#[derive(Debug)]
pub(super) struct Group<'db> {
    db: &'db sled::Db,
    places: Places,
    removed: Vec<Key>,
    extent: Extent,
    commits: u64,
}

/// A finished group.
#[derive(Debug)]
pub(super) struct Outcome {
    /// What it changes, and what was there.
    pub(super) places: Arc<Places>,
    /// Documents that some changeset of it removes.
    pub(super) removed: Vec<Key>,
    /// How many commits the store will have seen.
    pub(super) commits: u64,
}

impl Outcome {
    /// The changes, in the order of their keys.
    pub(super) fn changes(&self) -> Vec<Change> {
        let commits = (layout::COMMITS.into(), Some(self.commits.to_be_bytes().as_slice().into()));
        let changed = self.places.iter();
        let changed = changed.filter_map(|(key, place)| Some((key.as_slice().into(), place.after.clone()?)));
        changed.chain([commits]).collect()
    }
}

impl<'db> Group<'db> {
    /// An empty group behind so many commits.
    pub(super) fn new(db: &'db sled::Db, commits: u64) -> Self {
        Self { db, places: Places::new(), removed: Vec::new(), extent: Extent::default(), commits }
    }

    /// Takes a changeset in, or leaves everything as it was when an expectation doesn't hold.
    pub(super) fn add(&mut self, changeset: Changeset) -> Result<(), CommitError> {
        for (key, expectation) in changeset.expects {
            let place = self.place(layout::document_key(&key))?;
            let version = place.now().and_then(layout::decode).map(|head| head.version);
            let holds = match expectation {
                Expectation::Absent => version.is_none(),
                Expectation::At(wanted) => version == Some(wanted),
            };
            if !holds {
                return Err(CommitError::Conflict(key));
            }
        }
        self.commits += 1;
        for (number, (key, write)) in (0..).zip(changeset.writes) {
            self.write(key, write, PartsName { commit: self.commits, place: number })?;
        }
        Ok(())
    }

    /// What to apply, or `None` when no changeset was taken in.
    pub(super) fn finish(self, commits_before: u64) -> Option<Outcome> {
        let Self { places, removed, commits, .. } = self;
        (commits > commits_before).then(|| Outcome { places: Arc::new(places), removed, commits })
    }

    /// Whether the next changeset should wait for the next group.
    pub(super) const fn is_full(&self) -> bool {
        self.extent.fills_a_group()
    }

    fn write(&mut self, key: Key, write: Write, name: PartsName) -> Result<(), StoreError> {
        let place = match &write {
            Write::Put(_) | Write::Remove => self.place(layout::document_key(&key))?,
            Write::Create(_) => self.new_place(layout::document_key(&key)),
        };
        let old = place.now().and_then(layout::decode);
        let version = old.map_or(Version(1), |head| head.version.next());
        let old_parts = match old {
            Some(Head { body: Body::InParts { name, length }, .. }) => Some(name.keys(length)),
            Some(Head { body: Body::Whole(_), .. }) | None => None,
        };
        let (after, new_parts, bytes) = match write {
            Write::Put(bytes) | Write::Create(bytes) => {
                let (head, parts) = layout::encode(version, &bytes, name);
                (Some(head.into()), parts, bytes.len())
            }
            Write::Remove => (None, Vec::new(), 0),
        };
        let is_removal = after.is_none();
        let changes = usize::from(place.after.replace(after).is_none());
        self.extent = self.extent + Extent { changes, bytes };
        for part in old_parts.into_iter().flatten() {
            self.place(part)?.after = Some(None);
            self.extent.changes += 1;
        }
        for (part, bytes) in new_parts {
            // No part has ever had this name.
            self.new_place(part).after = Some(Some(bytes.into()));
            self.extent.changes += 1;
        }
        if is_removal {
            self.removed.push(key);
        }
        Ok(())
    }

    /// What has come of a key under which there is nothing in sled.
    fn new_place(&mut self, tree_key: Vec<u8>) -> &mut Place {
        self.places.entry(tree_key).or_insert(Place { before: None, after: None })
    }

    /// What has come of a key. What lies there in sled is put down on the way.
    fn place(&mut self, tree_key: Vec<u8>) -> Result<&mut Place, StoreError> {
        match self.places.entry(tree_key) {
            btree_map::Entry::Occupied(known) => Ok(known.into_mut()),
            btree_map::Entry::Vacant(new) => {
                let before = self.db.get(new.key()).map_err(engine_error)?;
                Ok(new.insert(Place { before, after: None }))
            }
        }
    }
}

impl Place {
    /// What lies there by now.
    fn now(&self) -> Option<&[u8]> {
        self.after.as_ref().unwrap_or(&self.before).as_deref()
    }
}

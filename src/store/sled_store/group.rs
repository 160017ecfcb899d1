//! Changesets that go to the disk together: each is decided on top of those before it.

use std::{collections::BTreeMap, sync::RwLock};

use sled::IVec;

use super::{
    layout,
    layout::{Body, Head, PartsName},
    record::Span,
    view::{self, Changes, View},
};
use crate::store::{Changeset, CommitError, Expectation, Key, StoreError, Version, Write};

/// What a group has come to so far. Nothing of it is anywhere else yet.
#[derive(Debug)]
pub(super) struct Group<'v> {
    view: &'v RwLock<View>,
    /// What lay under keys that something was expected of; most of them are written next.
    seen: BTreeMap<Vec<u8>, Option<IVec>>,
    changes: Changes,
    bytes: usize,
    removed: Vec<Key>,
    span: Span,
}

/// A finished group.
#[derive(Debug)]
pub(super) struct Outcome {
    /// What becomes of which keys of the tree.
    pub(super) changes: Changes,
    /// Documents that some changeset of it removes.
    pub(super) removed: Vec<Key>,
    /// Its commits.
    pub(super) span: Span,
}

impl<'v> Group<'v> {
    /// An empty group behind so many commits.
    pub(super) fn new(view: &'v RwLock<View>, commits: u64) -> Self {
        let span = Span { before: commits, after: commits };
        Self { view, seen: BTreeMap::new(), changes: Changes::new(), bytes: 0, removed: Vec::new(), span }
    }

    /// Takes a changeset in, or leaves everything as it was when an expectation doesn't hold.
    pub(super) fn add(&mut self, changeset: Changeset) -> Result<(), CommitError> {
        for (key, expectation) in changeset.expects {
            let tree_key = layout::document_key(&key);
            let found = self.now(&tree_key)?;
            let version = version_of(found.as_ref());
            let holds = match expectation {
                Expectation::Absent => version.is_none(),
                Expectation::At(wanted) => version == Some(wanted),
            };
            if !holds {
                return Err(CommitError::Conflict(key));
            }
            self.seen.insert(tree_key, found);
        }
        self.span.after += 1;
        for (number, (key, write)) in (0..).zip(changeset.writes) {
            self.write(key, write, PartsName { commit: self.span.after, place: number })?;
        }
        Ok(())
    }

    /// What is to be made durable, or `None` when no changeset was taken in.
    pub(super) fn finish(self) -> Option<Outcome> {
        let Self { changes, removed, span, .. } = self;
        (span.after > span.before).then_some(Outcome { changes, removed, span })
    }

    /// Whether the next changeset should wait for the next group.
    pub(super) const fn is_full(&self) -> bool {
        self.bytes >= MOST_BYTES
    }

    fn write(&mut self, key: Key, write: Write, name: PartsName) -> Result<(), StoreError> {
        let tree_key = layout::document_key(&key);
        let old = match &write {
            Write::Create(_) => None,
            Write::Replace(before, _) if !layout::is_in_parts(&before.bytes) => None,
            Write::Put(_) | Write::Replace(..) | Write::Remove => self.now(&tree_key)?,
        };
        if let Write::Replace(before, _) = &write {
            debug_assert_eq!(
                version_of(self.now(&tree_key)?.as_ref()),
                Some(before.version),
                "{key} is as it was read"
            );
        }
        let old = old.as_deref().and_then(layout::decode);
        if let Some(Head { body: Body::InParts { name, length }, .. }) = old {
            name.keys(length).for_each(|part| self.change(part, None));
        }
        let before = match &write {
            Write::Replace(before, _) => Some(before.version),
            Write::Put(_) | Write::Create(_) | Write::Remove => old.map(|head| head.version),
        };
        match write.bytes() {
            Some(bytes) => {
                let (head, parts) = layout::encode(before.map_or(Version(1), Version::next), bytes, name);
                self.change(tree_key, Some(head));
                parts.into_iter().for_each(|(part, bytes)| self.change(part, Some(bytes)));
            }
            None => {
                self.change(tree_key, None);
                self.removed.push(key);
            }
        }
        Ok(())
    }

    fn change(&mut self, tree_key: Vec<u8>, value: Option<Vec<u8>>) {
        self.bytes += tree_key.len() + value.as_ref().map_or(0, Vec::len);
        self.changes.insert(tree_key.into(), value.map(IVec::from));
    }

    /// What lies under a key by now.
    fn now(&self, tree_key: &[u8]) -> Result<Option<IVec>, StoreError> {
        match self.changes.get(tree_key).or_else(|| self.seen.get(tree_key)) {
            Some(known) => Ok(known.clone()),
            None => view::read(self.view).value(tree_key),
        }
    }
}

fn version_of(found: Option<&IVec>) -> Option<Version> {
    found.and_then(|found| layout::decode(found)).map(|head| head.version)
}

/// A group that has come to so much takes in no more: its callers wait for all of it. Bytes.
const MOST_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::Document;

    #[test]
    fn no_part_of_a_large_document_outlives_it() {
        let key = Key::in_sandbox("s").text("document");
        let large: Arc<[u8]> = vec![b'x'; 3 * layout::PART_BYTES].into();
        let small: Arc<[u8]> = b"small".as_slice().into();
        let before = Document { version: Version(1), bytes: Arc::clone(&large) };
        let table = [
            (Write::Put(Arc::clone(&small)), 1),
            (Write::Put(Arc::clone(&large)), 4),
            (Write::Replace(before.clone(), small), 1),
            (Write::Replace(before, Arc::clone(&large)), 4),
            (Write::Remove, 0),
        ];
        for (write, left) in table {
            let db = sled::Config::new().temporary(true).open().unwrap();
            let view = RwLock::new(View { db: Some(db), ..View::default() });
            for (commits, write) in [(0, Write::Create(Arc::clone(&large))), (1, write.clone())] {
                let mut group = Group::new(&view, commits);
                group.add(Changeset { writes: vec![(key.clone(), write)], expects: Vec::new() }).unwrap();
                let changes = group.finish().unwrap().changes;
                view::write(&view).fresh.extend(changes);
            }
            let found = view::read(&view).fresh.values().filter(|value| value.is_some()).count();
            assert_eq!(found, left, "{write:?}");
        }
    }
}

//! What readers see: the state that the last durable commit left.

use std::{
    collections::BTreeMap,
    iter::Peekable,
    ops::Bound,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use sled::IVec;

use super::{engine_error, layout};
use crate::store::{Direction, Document, Key, KeyRange, StoreError};

/// What becomes of keys of the tree; `None` for nothing.
pub(super) type Changes = BTreeMap<IVec, Option<IVec>>;

/// sled's tree, under what is in the log and not in the tree yet.
///
/// Nothing of a commit is here before it is durable. What is being brought into the tree covers it until all of it is there, so
/// that it does not matter how much already is. Readers hold a lock on the view for as long as they read, so that what they see
/// is the state at one moment, large documents and long scans included.
#[derive(Debug, Default)]
pub(super) struct View {
    /// `None` once the store is closed.
    pub(super) db: Option<sled::Db>,
    /// What is being brought into the tree.
    pub(super) settling: Arc<Changes>,
    /// What was committed since.
    pub(super) fresh: Changes,
}

/// The view, to look at. A panic elsewhere leaves it as it was: every change to it is one step.
pub(super) fn read(view: &RwLock<View>) -> RwLockReadGuard<'_, View> {
    view.read().unwrap_or_else(PoisonError::into_inner)
}

/// The view, to change it.
pub(super) fn write(view: &RwLock<View>) -> RwLockWriteGuard<'_, View> {
    view.write().unwrap_or_else(PoisonError::into_inner)
}

impl View {
    pub(super) fn get(&self, key: &Key) -> Result<Option<Document>, StoreError> {
        match self.value(&layout::document_key(key))? {
            Some(head) => self.document(&head).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn scan(
        &self,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Key, Document)>, StoreError> {
        let db = self.db.as_ref().ok_or(StoreError::Closed)?;
        let (start, end) = layout::bounds(range);
        if end <= start {
            return Ok(Vec::new());
        }
        let tree = db.range(start.as_slice()..end.as_slice());
        let bounds = (Bound::Included(start.as_slice()), Bound::Excluded(end.as_slice()));
        let settling = self.settling.range::<[u8], _>(bounds);
        let fresh = self.fresh.range::<[u8], _>(bounds);
        match direction {
            Direction::Ascending => {
                let tree = tree.map(|entry| entry.map_err(engine_error));
                self.take(Layered::new(Layered::new(tree, settling, direction), fresh, direction), limit)
            }
            Direction::Descending => {
                let tree = tree.rev().map(|entry| entry.map_err(engine_error));
                self.take(Layered::new(Layered::new(tree, settling.rev(), direction), fresh.rev(), direction), limit)
            }
        }
    }

    fn take(
        &self,
        heads: impl Iterator<Item = Result<(IVec, IVec), StoreError>>,
        limit: usize,
    ) -> Result<Vec<(Key, Document)>, StoreError> {
        heads
            .take(limit)
            .map(|entry| {
                let (key, head) = entry?;
                Ok((layout::key_of(&key), self.document(&head)?))
            })
            .collect()
    }

    /// What lies under a key of the tree.
    pub(super) fn value(&self, tree_key: &[u8]) -> Result<Option<IVec>, StoreError> {
        let db = self.db.as_ref().ok_or(StoreError::Closed)?;
        match self.fresh.get(tree_key).or_else(|| self.settling.get(tree_key)) {
            Some(changed) => Ok(changed.clone()),
            None => db.get(tree_key).map_err(engine_error),
        }
    }

    fn document(&self, head: &[u8]) -> Result<Document, StoreError> {
        let damaged = || StoreError::Engine("a document in the store is damaged".into());
        let head = layout::decode(head).ok_or_else(damaged)?;
        let bytes = match head.body {
            layout::Body::Whole(bytes) => bytes.into(),
            layout::Body::InParts { name, length } => {
                let parts = name
                    .keys(length)
                    .map(|key| self.value(&key)?.ok_or_else(damaged))
                    .collect::<Result<Vec<_>, _>>()?;
                layout::join(&parts, length).ok_or_else(damaged)?
            }
        };
        Ok(Document { version: head.version, bytes })
    }
}

/// Entries, with changes of them made; both in the same order.
struct Layered<Below: Iterator, Above: Iterator> {
    below: Peekable<Below>,
    above: Peekable<Above>,
    direction: Direction,
}

impl<'v, Below, Above> Layered<Below, Above>
where
    Below: Iterator<Item = Result<(IVec, IVec), StoreError>>,
    Above: Iterator<Item = (&'v IVec, &'v Option<IVec>)>,
{
    fn new(below: Below, above: Above, direction: Direction) -> Self {
        Self { below: below.peekable(), above: above.peekable(), direction }
    }

    /// Whether the next entry is one that has changed.
    fn change_is_next(&mut self) -> bool {
        match (self.below.peek(), self.above.peek()) {
            (_, None) | (Some(Err(_)), Some(_)) => false,
            (None, Some(_)) => true,
            (Some(Ok((below, _))), Some((above, _))) => match self.direction {
                Direction::Ascending => above <= &below,
                Direction::Descending => above >= &below,
            },
        }
    }
}

impl<'v, Below, Above> Iterator for Layered<Below, Above>
where
    Below: Iterator<Item = Result<(IVec, IVec), StoreError>>,
    Above: Iterator<Item = (&'v IVec, &'v Option<IVec>)>,
{
    type Item = Result<(IVec, IVec), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.change_is_next() {
            let (key, value) = self.above.next()?;
            // What was there before, if anything, must not follow.
            self.below.next_if(|below| below.as_ref().is_ok_and(|(below, _)| below == key));
            if let Some(value) = value {
                return Some(Ok((key.clone(), value.clone())));
            }
        }
        self.below.next()
    }
}

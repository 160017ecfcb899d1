//! What readers see: the state that the last durable commit left.

use std::{iter::Peekable, sync::Arc};

use sled::IVec;

use super::{
    engine_error,
    group::{Place, Places},
    layout,
};
use crate::store::{Direction, Document, Key, KeyRange, StoreError};

/// sled's tree, seen without the group that is on its way to the disk.
///
/// sled shows a batch as soon as it is applied, which is before it is durable. So the committer first puts down what it
/// is about to change, and takes that away again when the group is on disk; readers look there first. They hold a lock
/// on the view for as long as they read, so that what they see is the state at one moment, large documents and long
/// scans included. If a flush fails, what was put down stays, and nothing of the failed commit ever shows.
#[derive(Debug, Default)]
pub(super) struct View {
    /// `None` once the store is closed.
    pub(super) db: Option<sled::Db>,
    /// What the running group changes. Empty while nothing is on its way to the disk.
    pub(super) under_way: Arc<Places>,
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
        let after = db.range(start.as_slice()..end.as_slice());
        let before = self.under_way.range(start..end);
        match direction {
            Direction::Ascending => self.take(Merged::new(after, before, direction), limit),
            Direction::Descending => self.take(Merged::new(after.rev(), before.rev(), direction), limit),
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

    fn value(&self, tree_key: &[u8]) -> Result<Option<IVec>, StoreError> {
        let db = self.db.as_ref().ok_or(StoreError::Closed)?;
        match self.under_way.get(tree_key) {
            Some(place) => Ok(place.before.clone()),
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

/// Entries of the tree, with those that are about to change as they were before; both in the same order.
struct Merged<A: Iterator, B: Iterator> {
    after: Peekable<A>,
    before: Peekable<B>,
    direction: Direction,
}

impl<'v, A, B> Merged<A, B>
where
    A: Iterator<Item = sled::Result<(IVec, IVec)>>,
    B: Iterator<Item = (&'v Vec<u8>, &'v Place)>,
{
    fn new(after: A, before: B, direction: Direction) -> Self {
        Self { after: after.peekable(), before: before.peekable(), direction }
    }

    /// Whether the next entry is one of those that are about to change.
    fn before_is_next(&mut self) -> bool {
        match (self.after.peek(), self.before.peek()) {
            (_, None) | (Some(Err(_)), Some(_)) => false,
            (None, Some(_)) => true,
            (Some(Ok((after, _))), Some((before, _))) => match self.direction {
                Direction::Ascending => before.as_slice() <= after.as_ref(),
                Direction::Descending => before.as_slice() >= after.as_ref(),
            },
        }
    }
}

impl<'v, A, B> Iterator for Merged<A, B>
where
    A: Iterator<Item = sled::Result<(IVec, IVec)>>,
    B: Iterator<Item = (&'v Vec<u8>, &'v Place)>,
{
    type Item = Result<(IVec, IVec), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.before_is_next() {
            let (key, Place { before, .. }) = self.before.next()?;
            // The same key as it is now, if it is there at all, must not follow.
            self.after.next_if(|after| after.as_ref().is_ok_and(|(after, _)| after.as_ref() == key.as_slice()));
            if let Some(head) = before {
                return Some(Ok((IVec::from(key.as_slice()), head.clone())));
            }
        }
        Some(self.after.next()?.map_err(engine_error))
    }
}

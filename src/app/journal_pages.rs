//! The journal as it is stored: pages of entries, and for each subscription where its entries are.
//!
//! The entries of a batch lie together in as few pages as they fill, so that a command costs a part of a write however
//! much it has to tell. A page stays small enough to be read for the sake of one entry.

use std::{collections::BTreeSet, sync::Arc};

use super::{desk::encode, error::AppError, journal::Entry, keys::Space};
use crate::{
    domain::event::Seq,
    store::{Key, Write},
};

/// A page that has reached this size takes no more entries. Stores keep documents up to about this size in one piece.
const PAGE_BYTES: usize = 4 * 1024;

/// The pages of one batch, in the making.
#[derive(Debug, Default)]
pub(super) struct JournalPages {
    full: Vec<(Key, Write)>,
    /// The number of the open page's first entry, and the page.
    open: Option<(Seq, Vec<u8>)>,
    /// One for each subscription and page.
    pointers: BTreeSet<Key>,
}

impl JournalPages {
    /// Adds entries, which follow on those added before.
    pub(super) fn add(&mut self, space: &Space, entries: &[Entry]) -> Result<(), AppError> {
        for entry in entries {
            let bytes = encode(&space.journal().number(entry.seq.0), entry)?;
            if self.open.as_ref().is_some_and(|(_, page)| page.len().saturating_add(bytes.len()) > PAGE_BYTES) {
                self.turn(space);
            }
            let (first, page) = self.open.get_or_insert_with(|| (entry.seq, Vec::new()));
            page.push(if page.is_empty() { b'[' } else { b',' });
            page.extend_from_slice(&bytes);
            if let Some(id) = entry.subscription {
                self.pointers.insert(space.journal_of(id).number(first.0));
            }
        }
        Ok(())
    }

    /// How many documents there are so far.
    pub(super) fn documents(&self) -> usize {
        self.full.len().saturating_add(self.pointers.len()).saturating_add(usize::from(self.open.is_some()))
    }

    /// All that is to be written.
    pub(super) fn into_writes(mut self, space: &Space) -> Vec<(Key, Write)> {
        self.turn(space);
        let pointers = self.pointers.into_iter().map(|key| (key, Write::Create(Arc::default())));
        self.full.into_iter().chain(pointers).collect()
    }

    fn turn(&mut self, space: &Space) {
        if let Some((first, mut page)) = self.open.take() {
            page.push(b']');
            self.full.push((space.journal().number(first.0), Write::Create(page.into())));
        }
    }
}

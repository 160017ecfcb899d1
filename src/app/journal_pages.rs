//! The journal as it is stored: pages of entries.
//!
//! The entries of a batch lie together in as few pages as they fill, so that a command costs a part of a write however
//! much it has to tell.

use std::collections::BTreeSet;

use super::{desk::encode, error::AppError, journal::Entry, json_page::JsonPage, keys::Space};
use crate::{
    domain::{event::Seq, ids::SubscriptionId},
    store::{Key, Write},
};

/// The pages of one batch, in the making.
#[derive(Debug, Default)]
pub(super) struct JournalPages {
    full: Vec<(Key, Write)>,
    /// The number of the open page's first entry, and the page.
    open: Option<(Seq, JsonPage)>,
    /// Whose entries are in which page, by the number of its first entry.
    held: BTreeSet<(SubscriptionId, Seq)>,
}

impl JournalPages {
    /// Adds entries, which follow on those added before. Gives the pages that hold entries of a subscription now and did not
    /// before.
    pub(super) fn add(&mut self, space: &Space, entries: &[Entry]) -> Result<Vec<(SubscriptionId, Seq)>, AppError> {
        let mut new = Vec::new();
        for entry in entries {
            let bytes = encode(&space.journal().number(entry.seq.0), entry)?;
            let first = match &mut self.open {
                Some((first, page)) if page.has_room_for(&bytes) => {
                    page.add(&bytes);
                    *first
                }
                Some(_) | None => {
                    self.turn(space);
                    self.open = Some((entry.seq, JsonPage::of(&bytes)));
                    entry.seq
                }
            };
            if let Some(id) = entry.subscription
                && self.held.insert((id, first))
            {
                new.push((id, first));
            }
        }
        Ok(new)
    }

    /// How many documents there are so far.
    pub(super) fn documents(&self) -> usize {
        self.full.len().saturating_add(usize::from(self.open.is_some()))
    }

    /// All that is to be written.
    pub(super) fn into_writes(mut self, space: &Space) -> Vec<(Key, Write)> {
        self.turn(space);
        self.full
    }

    fn turn(&mut self, space: &Space) {
        if let Some((first, page)) = self.open.take() {
            self.full.push((space.journal().number(first.0), Write::Create(page.finish().into())));
        }
    }
}

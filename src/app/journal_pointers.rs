//! Where the entries of a subscription are: in which pages of the journal.
//!
//! One document for each subscription takes up the pages as they come, so that a subscription that much happens to in a short
//! while is one document for a store to write. When it is full it moves aside, to a place under its first page's number.

use std::{collections::BTreeSet, sync::Arc};

use super::{error::AppError, sandbox::Sandbox};
use crate::{
    domain::{event::Seq, ids::SubscriptionId},
    store::{Direction, Key, KeyRange},
};

/// Pages that a document takes up.
const PAGES: usize = 64;

/// Pages, each by the number of its first entry, in their order. Stored as 8 bytes each, big-endian.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Pages(Vec<Seq>);

impl Pages {
    fn decode(bytes: &[u8]) -> Self {
        Self(bytes.as_chunks().0.iter().map(|number| Seq(u64::from_be_bytes(*number))).collect())
    }

    fn encode(&self) -> Arc<[u8]> {
        self.0.iter().flat_map(|page| page.0.to_be_bytes()).collect()
    }

    /// Takes up a page. Gives the pages that were there if they are to move aside, with the first of them.
    fn add(&mut self, page: Seq) -> Option<(Seq, Self)> {
        let full = self.0.first().copied().filter(|_| self.0.len() >= PAGES);
        let full = full.map(|first| (first, std::mem::take(self)));
        self.0.push(page);
        full
    }
}

/// What is to be written so that a page is found by its subscription, whose newest pages are `known`.
pub(super) fn pointing(open: &Key, page: Seq, known: Option<&[u8]>) -> Vec<(Key, Arc<[u8]>)> {
    let mut pages = known.map(Pages::decode).unwrap_or_default();
    let full = pages.add(page);
    let aside = full.map(|(first, full)| (open.clone().number(first.0), full.encode()));
    aside.into_iter().chain([(open.clone(), pages.encode())]).collect()
}

impl Sandbox {
    /// The next pages that hold entries of a subscription with numbers above `since`, or may; some of them.
    pub(super) async fn pages_of(&self, id: SubscriptionId, since: Seq) -> Result<Vec<Seq>, AppError> {
        let (open, newest) = self.newest_pages(id).await?;
        if newest.first().is_some_and(|first| *first <= since) {
            return Ok(from_holder(newest, since));
        }
        let aside = KeyRange::under(&open).after(&open);
        let next = open.number(since.0.saturating_add(1));
        let holder = self.store.scan(&aside.clone().before(&next), Direction::Descending, 1).await?;
        let rest = self.store.scan(&aside.from(next), Direction::Ascending, 2).await?;
        let before = holder.iter().chain(rest.first()).flat_map(|(_, document)| Pages::decode(&document.bytes).0);
        // With a further document in between, the newest pages are not the next ones.
        let behind = if rest.len() > 1 { BTreeSet::new() } else { newest };
        Ok(from_holder(before.chain(behind).collect(), since))
    }

    /// The last pages that hold entries of a subscription, oldest first: so many, if there are.
    pub(super) async fn last_pages_of(&self, id: SubscriptionId, limit: usize) -> Result<Vec<Seq>, AppError> {
        let (open, mut pages) = self.newest_pages(id).await?;
        let documents = limit.saturating_sub(pages.len()).div_ceil(PAGES);
        if documents > 0 {
            let aside = KeyRange::under(&open).after(&open);
            let aside = self.store.scan(&aside, Direction::Descending, documents).await?;
            pages.extend(aside.iter().flat_map(|(_, document)| Pages::decode(&document.bytes).0));
        }
        let surplus = pages.len().saturating_sub(limit);
        Ok(pages.into_iter().skip(surplus).collect())
    }

    /// The pages that have not moved aside. They are read before those that have: any that move in between are found twice,
    /// rather than not at all.
    async fn newest_pages(&self, id: SubscriptionId) -> Result<(Key, BTreeSet<Seq>), AppError> {
        let open = self.world.space.journal_of(id);
        let document = self.store.get(&open).await?;
        let pages = document.map(|document| Pages::decode(&document.bytes)).unwrap_or_default();
        Ok((open, pages.0.into_iter().collect()))
    }
}

/// The pages from the one on that holds the entry with this number, or would.
fn from_holder(pages: BTreeSet<Seq>, since: Seq) -> Vec<Seq> {
    let before = pages.iter().filter(|page| **page <= since).count();
    pages.into_iter().skip(before.saturating_sub(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_read_back_and_move_aside_when_they_are_many() {
        let mut pages = Pages::default();
        for number in 0..PAGES as u64 {
            assert_eq!(pages.add(Seq(number * 10)), None);
            assert_eq!(Pages::decode(&pages.encode()), pages);
        }
        let full = pages.clone();
        assert_eq!(pages.add(Seq(9_999)), Some((Seq(0), full)));
        assert_eq!(pages, Pages(vec![Seq(9_999)]));
    }

    #[test]
    fn reading_goes_on_in_the_page_that_it_stopped_in() {
        let pages = BTreeSet::from([Seq(3), Seq(10), Seq(20)]);
        let table: [(u64, &[u64]); 6] =
            [(0, &[3, 10, 20]), (2, &[3, 10, 20]), (3, &[3, 10, 20]), (9, &[3, 10, 20]), (10, &[10, 20]), (99, &[20])];
        for (since, expected) in table {
            let found: Vec<u64> = from_holder(pages.clone(), Seq(since)).iter().map(|page| page.0).collect();
            assert_eq!(found, expected, "since {since}");
        }
    }
}

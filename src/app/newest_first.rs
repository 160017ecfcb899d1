//! Lists that people turn over: a page at a time, the newest first, on to older ones and back. What a page costs does not
//! grow with what is stored.

use super::{error::AppError, sandbox::Sandbox};
use crate::store::{Direction, Key, KeyRange};

/// A place in such a list, as its own pages name it. Opaque, and only good for the list that gave it.
pub type ListPlace = Vec<u8>;

/// Which page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ListPart {
    /// The first one.
    #[default]
    Newest,
    /// The one that goes on behind a place.
    OlderThan(ListPlace),
    /// The one that ends before a place.
    NewerThan(ListPlace),
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage<T> {
    /// What is on it, the newest first.
    pub items: Vec<T>,
    /// The place that newer ones lie before; `None` if there are none.
    pub newer: Option<ListPlace>,
    /// The place that older ones lie behind; `None` if there are none.
    pub older: Option<ListPlace>,
}

/// The keys of a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PageOfKeys {
    keys: Vec<Key>,
    has_newer: bool,
    has_older: bool,
}

impl Sandbox {
    /// The keys of a page of an index whose keys sort by time. A place that nothing lies beyond leads to the newest page, and so
    /// does one before which there is less than a page.
    pub(super) async fn page_of_keys(
        &self,
        index: &Key,
        range: KeyRange,
        part: &ListPart,
        limit: usize,
    ) -> Result<PageOfKeys, AppError> {
        let at = |place: &ListPlace| Key::from_bytes([index.as_bytes(), place].concat());
        let (within, direction) = match part {
            ListPart::Newest => (range.clone(), Direction::Descending),
            ListPart::OlderThan(place) => (range.clone().before(&at(place)), Direction::Descending),
            ListPart::NewerThan(place) => (range.clone().after(&at(place)), Direction::Ascending),
        };
        let found = self.store.scan(&within, direction, limit.saturating_add(1)).await?;
        let mut keys: Vec<Key> = found.into_iter().map(|(key, _)| key).collect();
        let has_more = keys.len() > limit;
        keys.truncate(limit);
        match part {
            ListPart::Newest => Ok(PageOfKeys { keys, has_newer: false, has_older: has_more }),
            ListPart::OlderThan(_) if !keys.is_empty() => Ok(PageOfKeys { keys, has_newer: true, has_older: has_more }),
            ListPart::NewerThan(_) if has_more => {
                keys.reverse();
                Ok(PageOfKeys { keys, has_newer: true, has_older: true })
            }
            ListPart::OlderThan(_) | ListPart::NewerThan(_) => {
                Box::pin(self.page_of_keys(index, range, &ListPart::Newest, limit)).await
            }
        }
    }
}

impl PageOfKeys {
    /// The keys, the newest first.
    pub(super) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The page of what the keys stand for.
    pub(super) fn of<T>(&self, index: &Key, items: Vec<T>) -> ListPage<T> {
        let place = |key: &Key| index.rest_of(key).map(<[u8]>::to_vec);
        ListPage {
            items,
            newer: self.keys.first().filter(|_| self.has_newer).and_then(place),
            older: self.keys.last().filter(|_| self.has_older).and_then(place),
        }
    }
}

//! Lists in the order of time, as they are stored: what comes to a list at one instant and is committed together shares a
//! page, so that it is one document for a store to write.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::json_page::JsonPage;
use crate::{
    domain::time::Timestamp,
    store::{Key, Write},
};

/// The place of something in a list: by time, and by number among what came at the same instant. As a text it is opaque to
/// whoever turns the list over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListPlace {
    pub(super) at: Timestamp,
    pub(super) number: u64,
}

impl ListPlace {
    /// A number that differs from that of every other place in the list.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.number
    }

    /// The page that begins at this place of a list.
    pub(super) fn page(self, list: &Key) -> Key {
        list.clone().instant(self.at.as_millis()).number(self.number)
    }
}

impl fmt::Display for ListPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at.as_millis(), self.number)
    }
}

/// A text that no list has given as a place.
#[derive(Debug, thiserror::Error)]
#[error("it is no place in a list")]
pub struct NoPlace;

impl FromStr for ListPlace {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (at, number) = text.split_once('.').ok_or(NoPlace)?;
        let at = Timestamp::from_millis(at.parse().map_err(|_| NoPlace)?);
        Ok(Self { at, number: number.parse().map_err(|_| NoPlace)? })
    }
}

/// Something that lists hold.
pub(super) trait Listed: Serialize + DeserializeOwned {
    /// Grows from one to the next in a list.
    fn number(&self) -> u64;
}

/// What a list holds that only tells where something is. Stored as `[number,id]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Indexed<I>(pub(super) u64, pub(super) I);

impl<I: Serialize + DeserializeOwned> Listed for Indexed<I> {
    fn number(&self) -> u64 {
        self.0
    }
}

/// The pages of one batch, in the making.
#[derive(Debug, Default)]
pub(super) struct ListPages {
    full: Vec<(Key, Write)>,
    /// Those that may still grow: the last one of each list.
    open: BTreeMap<Key, OpenPage>,
}

#[derive(Debug)]
struct OpenPage {
    first: ListPlace,
    page: JsonPage,
}

impl ListPages {
    /// Adds something to a list, as JSON.
    pub(super) fn add(&mut self, list: Key, place: ListPlace, item: &[u8]) {
        if let Some(open) = self.open.get_mut(&list)
            && open.first.at == place.at
            && open.page.has_room_for(item)
        {
            return open.page.add(item);
        }
        let next = OpenPage { first: place, page: JsonPage::of(item) };
        if let Some(full) = self.open.insert(list.clone(), next) {
            self.full.push(full.finish(&list));
        }
    }

    /// How many documents there are so far.
    pub(super) fn documents(&self) -> usize {
        self.full.len().saturating_add(self.open.len())
    }

    /// All that is to be written.
    pub(super) fn into_writes(self) -> Vec<(Key, Write)> {
        let open = self.open.into_iter().map(|(list, page)| page.finish(&list));
        self.full.into_iter().chain(open).collect()
    }
}

impl OpenPage {
    fn finish(self, list: &Key) -> (Key, Write) {
        (self.first.page(list), Write::Create(self.page.finish().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(at: i64, number: u64) -> ListPlace {
        ListPlace { at: Timestamp::from_millis(at), number }
    }

    #[test]
    fn what_comes_to_a_list_at_one_instant_shares_a_page() {
        let (one, other) = (Key::in_sandbox("s").text("one"), Key::in_sandbox("s").text("other"));
        let mut pages = ListPages::default();
        let added = [(&one, 5, 1), (&other, 5, 2), (&one, 5, 3), (&one, 6, 4), (&one, 5, 5), (&one, 5, 6)];
        for (list, at, number) in added {
            pages.add(list.clone(), place(at, number), number.to_string().as_bytes());
        }
        let expected = [
            (place(5, 1).page(&one), "[1,3]"),
            (place(6, 4).page(&one), "[4]"),
            (place(5, 5).page(&one), "[5,6]"),
            (place(5, 2).page(&other), "[2]"),
        ];
        assert_eq!(pages.documents(), expected.len());
        let expected = expected.map(|(page, text)| (page, Write::Create(text.as_bytes().into())));
        assert_eq!(pages.into_writes(), expected);
    }

    #[test]
    fn a_place_reads_back_and_nothing_else_is_one() {
        for here in [place(0, 0), place(-7, u64::MAX), place(1_700_000_000_123, 42)] {
            assert_eq!(here.to_string().parse::<ListPlace>().unwrap(), here);
        }
        for text in ["", ".", "1", "1.", ".1", "1.-1", "1.2.3", "x.1", "99999999999999999999.1"] {
            assert!(text.parse::<ListPlace>().is_err(), "{text}");
        }
    }
}

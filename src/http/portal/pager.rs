//! The way through a long list: the newest page, and its neighbours.

use serde::Deserialize;

use crate::app::{ListPage, ListPart, ListPlace};

/// Which page is asked for. What names no place of the list leads to its newest page.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageWanted {
    older_than: Option<String>,
    newer_than: Option<String>,
}

impl PageWanted {
    /// The part of the list that it is.
    pub(super) fn part(&self) -> ListPart {
        let place = |text: &Option<String>| text.as_deref()?.parse().ok();
        match (place(&self.older_than), place(&self.newer_than)) {
            (Some(place), _) => ListPart::OlderThan(place),
            (None, Some(place)) => ListPart::NewerThan(place),
            (None, None) => ListPart::Newest,
        }
    }
}

/// The links below a list.
#[derive(Debug, Default)]
pub(super) struct Pager {
    pub(super) newest: Option<String>,
    pub(super) newer: Option<String>,
    pub(super) older: Option<String>,
}

impl Pager {
    /// Those of a page of the list that is at a path.
    pub(super) fn of<T>(path: &str, page: &ListPage<T>) -> Self {
        let link = |name: &str, place: &ListPlace| format!("{path}?{name}={place}");
        Self {
            newest: page.newer.as_ref().map(|_| path.to_owned()),
            newer: page.newer.as_ref().map(|place| link("newerThan", place)),
            older: page.older.as_ref().map(|place| link("olderThan", place)),
        }
    }
}

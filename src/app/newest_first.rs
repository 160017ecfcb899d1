//! Lists that people turn over: a page at a time, the newest first, on to older ones and back. What a page costs does not
//! grow with what is stored.

use super::{
    error::AppError,
    list_pages::{ListPlace, Listed},
    lists::Stretch,
    sandbox::Sandbox,
};
use crate::store::Direction;

/// Which page of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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

impl<T> ListPage<T> {
    fn of(found: Vec<(ListPlace, T)>, has_newer: bool, has_older: bool) -> Self {
        let place = |item: Option<&(ListPlace, T)>| item.map(|(place, _)| *place);
        let newer = place(found.first()).filter(|_| has_newer);
        let older = place(found.last()).filter(|_| has_older);
        Self { items: found.into_iter().map(|(_, item)| item).collect(), newer, older }
    }
}

impl Sandbox {
    /// A page of a list. A place that nothing lies beyond leads to the newest page, and so does one before which there is less
    /// than a page.
    pub(super) async fn page_of<T: Listed>(
        &self,
        stretch: Stretch,
        part: ListPart,
        limit: usize,
    ) -> Result<ListPage<T>, AppError> {
        let (after, direction) = match part {
            ListPart::Newest => (None, Direction::Descending),
            ListPart::OlderThan(place) => (Some(place), Direction::Descending),
            ListPart::NewerThan(place) => (Some(place), Direction::Ascending),
        };
        let mut found = self.listed(&stretch, direction, after, limit.saturating_add(1)).await?;
        let has_more = found.len() > limit;
        found.truncate(limit);
        match part {
            ListPart::Newest => Ok(ListPage::of(found, false, has_more)),
            ListPart::OlderThan(_) if !found.is_empty() => Ok(ListPage::of(found, true, has_more)),
            ListPart::NewerThan(_) if has_more => {
                found.reverse();
                Ok(ListPage::of(found, true, true))
            }
            ListPart::OlderThan(_) | ListPart::NewerThan(_) => {
                Box::pin(self.page_of(stretch, ListPart::Newest, limit)).await
            }
        }
    }
}

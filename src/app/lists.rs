//! Lists in the order of time, read from a place on. What that costs does not grow with how much is on the list.

use super::{
    desk::decode,
    error::AppError,
    list_pages::{ListPlace, Listed},
    sandbox::Sandbox,
};
use crate::{
    domain::time::Timestamp,
    store::{Direction, Document, Key, KeyRange},
};

/// Pages that are read at once: at first, and at the most. A page may hold a single thing.
const AT_FIRST: usize = 8;
const AT_MOST: usize = 64;

/// A list, or what is on it from one instant until before another.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    list: Key,
    within: KeyRange,
}

impl Stretch {
    /// A whole list.
    pub(super) fn of(list: Key) -> Self {
        Self { within: KeyRange::under(&list), list }
    }

    pub(super) fn from(self, instant: Timestamp) -> Self {
        let from = self.list.clone().instant(instant.as_millis());
        Self { within: self.within.from(from), ..self }
    }

    pub(super) fn before(self, instant: Timestamp) -> Self {
        let before = self.list.clone().instant(instant.as_millis());
        Self { within: self.within.before(&before), ..self }
    }

    /// What is on a page.
    fn on_page<T: Listed>(
        &self,
        (key, document): &(Key, Document),
        direction: Direction,
    ) -> Result<Vec<(ListPlace, T)>, AppError> {
        let items: Vec<T> = decode(key, &document.bytes)?;
        let at = self.list.rest_of(key).and_then(|rest| rest.first_chunk()).map_or(0, |at| Key::millis_of(*at));
        let at = Timestamp::from_millis(at);
        let mut items: Vec<_> = items.into_iter().map(|item| (ListPlace { at, number: item.number() }, item)).collect();
        if direction == Direction::Descending {
            items.reverse();
        }
        Ok(items)
    }
}

fn is_beyond(place: ListPlace, after: Option<ListPlace>, direction: Direction) -> bool {
    match (after, direction) {
        (None, _) => true,
        (Some(after), Direction::Ascending) => place > after,
        (Some(after), Direction::Descending) => place < after,
    }
}

/// The pages beyond one, or beyond where it would begin.
fn pages_beyond(range: KeyRange, page: &Key, direction: Direction) -> KeyRange {
    match direction {
        Direction::Ascending => range.after(page),
        Direction::Descending => range.before(page),
    }
}

impl Sandbox {
    /// What is on a stretch of a list beyond a place, in a direction: not more than `limit`, each with its place.
    pub(super) async fn listed<T: Listed>(
        &self,
        stretch: &Stretch,
        direction: Direction,
        after: Option<ListPlace>,
        limit: usize,
    ) -> Result<Vec<(ListPlace, T)>, AppError> {
        let (mut found, mut pages) = (Vec::new(), stretch.within.clone());
        if let Some(after) = after {
            let begins = after.page(&stretch.list);
            if direction == Direction::Ascending {
                // The page that holds the place may begin before it.
                let holder = stretch.within.clone().up_to(&begins);
                for page in &self.store.scan(&holder, Direction::Descending, 1).await? {
                    found.extend(stretch.on_page(page, direction)?);
                }
            }
            pages = pages_beyond(pages, &begins, direction);
        }
        let mut at_once = AT_FIRST;
        loop {
            let read = self.store.scan(&pages, direction, at_once).await?;
            for page in &read {
                found.extend(stretch.on_page(page, direction)?);
            }
            found.retain(|(place, _)| is_beyond(*place, after, direction));
            match read.last() {
                Some((last, _)) if read.len() == at_once && found.len() < limit => {
                    pages = pages_beyond(pages, last, direction);
                }
                Some(_) | None => break,
            }
            at_once = at_once.saturating_mul(2).min(AT_MOST);
        }
        found.truncate(limit);
        Ok(found)
    }
}

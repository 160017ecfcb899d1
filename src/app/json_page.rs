//! A page of things that are committed together: a JSON array that stays small enough to be read for the sake of one of them.

/// A page that has reached this size takes no more. Stores keep documents up to about this size in one piece.
const PAGE_BYTES: usize = 4 * 1024;

/// A page in the making. There is something on it from the beginning.
#[derive(Debug, Clone)]
pub(super) struct JsonPage(Vec<u8>);

impl JsonPage {
    /// A page with one thing, as JSON.
    pub(super) fn of(item: &[u8]) -> Self {
        Self([b"[", item].concat())
    }

    pub(super) const fn has_room_for(&self, item: &[u8]) -> bool {
        self.0.len().saturating_add(item.len()) <= PAGE_BYTES
    }

    pub(super) fn add(&mut self, item: &[u8]) {
        self.0.push(b',');
        self.0.extend_from_slice(item);
    }

    /// The array.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.push(b']');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_an_array_and_ends_when_it_is_large_enough() {
        let item = format!("\"{}\"", "x".repeat(998));
        let mut page = JsonPage::of(item.as_bytes());
        let mut number = 1;
        while page.has_room_for(item.as_bytes()) {
            page.add(item.as_bytes());
            number += 1;
        }
        let read: Vec<String> = serde_json::from_slice(&page.finish()).unwrap();
        assert_eq!((read.len(), number), (4, 4));
    }
}

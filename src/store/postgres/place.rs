//! Where in the table a key lies: its sandbox in one column, the rest in another. Ordered by both, keys stand as they do in
//! one.

use std::collections::BTreeMap;

use tokio_postgres::types::ToSql;

use crate::store::{Key, KeyRange};

/// Ends the sandbox in a key; no name of a sandbox has it.
const END: u8 = 0;

/// The sandbox and the rest of a key. A key that ends within its sandbox has no rest.
pub(super) fn split(key: &Key) -> (&[u8], &[u8]) {
    let bytes = key.as_bytes();
    match bytes.iter().position(|byte| *byte == END) {
        Some(end) => bytes
            .split_at_checked(end)
            .map_or((bytes, &[]), |(sandbox, rest)| (sandbox, rest.get(1..).unwrap_or_default())),
        None => (bytes, &[]),
    }
}

/// The key of a row.
pub(super) fn key(sandbox: &[u8], rest: &[u8]) -> Key {
    let mut bytes = Vec::with_capacity(sandbox.len().saturating_add(rest.len()).saturating_add(1));
    bytes.extend_from_slice(sandbox);
    bytes.push(END);
    bytes.extend_from_slice(rest);
    Key::from_bytes(bytes)
}

/// What each sandbox has of some keys, in the order of keys: an engine that has spread sandboxes wants one
/// named where rows are locked.
pub(super) fn by_sandbox<'k>(keys: impl IntoIterator<Item = &'k Key>) -> BTreeMap<&'k [u8], Vec<&'k [u8]>> {
    let mut sandboxes: BTreeMap<&[u8], Vec<&[u8]>> = BTreeMap::new();
    for (sandbox, rest) in keys.into_iter().map(split) {
        sandboxes.entry(sandbox).or_default().push(rest);
    }
    sandboxes.values_mut().for_each(|rests| rests.sort_unstable());
    sandboxes
}

/// A range that has something in it, as the table sees it.
pub(super) struct Span<'a> {
    start: (&'a [u8], &'a [u8]),
    end: Option<(&'a [u8], &'a [u8])>,
    /// Whether all of it lies in one sandbox: an engine that has spread sandboxes then asks one machine.
    is_of_one_sandbox: bool,
}

impl<'a> Span<'a> {
    /// A range; `None` if nothing can be in it.
    pub(super) fn of(range: &'a KeyRange) -> Option<Self> {
        if range.end.as_ref().is_some_and(|end| *end <= range.start) {
            return None;
        }
        let (start, end) = (split(&range.start), range.end.as_ref().map(split));
        let is_of_one_sandbox = end.is_some_and(|(sandbox, _)| {
            // What follows all of a sandbox is its name with the byte after the one that ends it.
            sandbox == start.0 || sandbox.strip_suffix(&[END + 1]) == Some(start.0)
        });
        Some(Self { start, end, is_of_one_sandbox })
    }

    /// The condition that rows of it fulfil, and its parameters.
    pub(super) fn condition(&self) -> (&'static str, Vec<&(dyn ToSql + Sync)>) {
        let (sandbox, rest) = (&self.start.0, &self.start.1);
        match (&self.end, self.is_of_one_sandbox) {
            (Some((end, end_rest)), true) if *end == *sandbox => {
                ("sandbox = $1 AND key >= $2 AND key < $3", vec![sandbox, rest, end_rest])
            }
            (Some(_), true) => ("sandbox = $1 AND key >= $2", vec![sandbox, rest]),
            (Some((end, end_rest)), false) => {
                ("(sandbox, key) >= ($1, $2) AND (sandbox, key) < ($3, $4)", vec![sandbox, rest, end, end_rest])
            }
            (None, _) => ("(sandbox, key) >= ($1, $2)", vec![sandbox, rest]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_put_together_as_it_was_split() {
        let whole = Key::in_sandbox("team-a:1").text("timer").instant(-5).number(7);
        let (sandbox, rest) = split(&whole);
        assert_eq!(sandbox, b"team-a:1");
        assert_eq!(key(sandbox, rest), whole);
        assert_eq!(split(&Key::from_bytes(b"abc".to_vec())), (b"abc".as_slice(), b"".as_slice()));
    }

    #[test]
    fn a_range_of_one_sandbox_asks_for_that_one() {
        let a = Key::in_sandbox("a");
        let table = [
            (KeyRange::under(&a), "sandbox = $1 AND key >= $2"),
            (KeyRange::under(&a.clone().text("x")), "sandbox = $1 AND key >= $2 AND key < $3"),
            (KeyRange { start: Key::from_bytes(Vec::new()), end: None }, "(sandbox, key) >= ($1, $2)"),
            (
                KeyRange { start: a.clone(), end: Some(Key::in_sandbox("b")) },
                "(sandbox, key) >= ($1, $2) AND (sandbox, key) < ($3, $4)",
            ),
        ];
        for (range, condition) in table {
            assert_eq!(Span::of(&range).unwrap().condition().0, condition);
        }
        assert!(Span::of(&KeyRange { start: a.clone(), end: Some(a) }).is_none());
    }
}

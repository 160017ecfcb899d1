//! Ordered keys: a sandbox, then parts that sort as their values do.

use std::{fmt, fmt::Write as _};

/// The key of a document: bytes that sort. Built from parts, each ended by a zero byte or of fixed width, so that no
/// key of one sandbox is a prefix of another sandbox's.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

impl Key {
    /// The longest key that is written. Stores refuse longer ones: 256 of them share an index page of sled, and PostgreSQL
    /// takes up to 2,700 bytes.
    pub const BYTES_MAX: usize = 1024;

    /// The first key of a sandbox's space. `sandbox` holds no zero byte (sandbox ids and the reserved `~` don't).
    #[must_use]
    pub fn in_sandbox(sandbox: &str) -> Self {
        Self(Vec::with_capacity(64)).text(sandbox)
    }

    /// A key as a store has kept it.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Whether stores refuse it.
    #[must_use]
    pub const fn is_too_long(&self) -> bool {
        self.0.len() > Self::BYTES_MAX
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Adds a text part. Sorts as text; a zero byte in it would end it early, so it is left out.
    #[must_use]
    pub fn text(self, part: &str) -> Self {
        let mut key = self.text_start(part);
        key.0.push(0);
        key
    }

    /// Adds the start of a text part: where texts that start so begin.
    #[must_use]
    pub fn text_start(mut self, part: &str) -> Self {
        for piece in part.split('\0') {
            self.0.extend_from_slice(piece.as_bytes());
        }
        self
    }

    /// Adds a number that sorts as it counts.
    #[must_use]
    pub fn number(mut self, part: u64) -> Self {
        self.0.extend_from_slice(&part.to_be_bytes());
        self
    }

    /// Adds an instant in milliseconds that sorts as time does, before 1970 too.
    #[must_use]
    pub fn instant(self, millis: i64) -> Self {
        self.number(millis.cast_unsigned() ^ (1 << 63))
    }

    /// The instant that [`Self::instant`] made these bytes of.
    #[must_use]
    pub const fn millis_of(bytes: [u8; 8]) -> i64 {
        (u64::from_be_bytes(bytes) ^ (1 << 63)).cast_signed()
    }

    /// Adds 128 bits.
    #[must_use]
    pub fn guid(mut self, part: &[u8; 16]) -> Self {
        self.0.extend_from_slice(part);
        self
    }

    /// What follows this key's parts in a longer key that starts with them.
    #[must_use]
    pub fn rest_of<'k>(&self, longer: &'k Self) -> Option<&'k [u8]> {
        longer.0.strip_prefix(self.0.as_slice())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Readable parts as they are, the rest in hexadecimal.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &byte in &self.0 {
            match byte {
                0 => f.write_char('/')?,
                b'!'..=b'~' => f.write_char(char::from(byte))?,
                other => write!(f, "{other:02x}")?,
            }
        }
        Ok(())
    }
}

/// The keys from `start` (included) to `end` (excluded; `None` for no end).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// First key of the range.
    pub start: Key,
    /// First key beyond it.
    pub end: Option<Key>,
}

impl KeyRange {
    /// Every key that starts with the parts of `prefix`.
    #[must_use]
    pub fn under(prefix: &Key) -> Self {
        Self { start: prefix.clone(), end: successor(&prefix.0) }
    }

    /// The part of this range after `key`.
    #[must_use]
    pub fn after(mut self, key: &Key) -> Self {
        let mut next = key.0.clone();
        next.push(0);
        self.start = self.start.max(Key(next));
        self
    }

    /// The part of this range until `key`, which is in it.
    #[must_use]
    pub fn up_to(self, key: &Key) -> Self {
        let mut next = key.0.clone();
        next.push(0);
        self.before(&Key(next))
    }

    /// The part of this range from `key` on.
    #[must_use]
    pub fn from(mut self, key: Key) -> Self {
        self.start = self.start.max(key);
        self
    }

    /// The part of this range before `key`.
    #[must_use]
    pub fn before(mut self, key: &Key) -> Self {
        self.end = Some(match self.end {
            Some(end) if end < *key => end,
            Some(_) | None => key.clone(),
        });
        self
    }
}

/// The smallest key that is larger than everything with this prefix.
fn successor(prefix: &[u8]) -> Option<Key> {
    let last = prefix.iter().rposition(|&byte| byte != 0xff)?;
    let mut next = prefix.get(..=last)?.to_vec();
    *next.last_mut()? += 1;
    Some(Key(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_their_parts_do() {
        let base = || Key::in_sandbox("default").text("timer");
        let in_order = [
            base().instant(i64::MIN),
            base().instant(-1),
            base().instant(0),
            base().instant(0).number(7),
            base().instant(1),
            base().instant(i64::MAX),
            Key::in_sandbox("default").text("timers"),
            Key::in_sandbox("default2").text("head"),
        ];
        assert!(in_order.is_sorted(), "{in_order:?}");
    }

    #[test]
    fn a_range_ends_where_the_prefix_does() {
        let range = KeyRange::under(&Key::in_sandbox("a"));
        let inside = |key: &Key| range.start <= *key && range.end.as_ref().is_none_or(|end| key < end);
        assert!(inside(&Key::in_sandbox("a").text("z").number(u64::MAX)));
        assert!(!inside(&Key::in_sandbox("a-").text("z")));
        assert!(!inside(&Key::in_sandbox("b")));
        assert_eq!(KeyRange::under(&Key::from_bytes(vec![0xff, 0xff])).end, None);
    }
}

//! Which successful reads only repeat what the journal tells already.
//!
//! A client that polls would fill the journal with the same line. A read is recorded when its answer differs from the
//! last one that the same caller got at the same place, and left out when it is the same.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, PoisonError},
};

/// Places remembered; beyond it all are forgotten, which costs one more line each.
const PLACES: usize = 20_000;

#[derive(Debug, Default)]
pub(super) struct RepeatedReads(Mutex<BTreeMap<u64, u64>>);

impl RepeatedReads {
    /// Remembers a read, and tells whether it repeats the one before.
    pub(super) fn is_repeated(&self, place: impl Hash, answer: impl Hash) -> bool {
        let (place, answer) = (digest(place), digest(answer));
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= PLACES && !seen.contains_key(&place) {
            seen.clear();
        }
        seen.insert(place, answer) == Some(answer)
    }
}

fn digest(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_answer_at_the_same_place_is_a_repetition() {
        let reads = RepeatedReads::default();
        let asked = [("a", "1"), ("a", "1"), ("a", "2"), ("b", "2"), ("b", "2"), ("a", "2"), ("a", "1")];
        let repeated: Vec<bool> =
            asked.iter().map(|(place, answer)| reads.is_repeated(place, answer.as_bytes())).collect();
        assert_eq!(repeated, [false, true, false, false, true, true, false]);
    }
}

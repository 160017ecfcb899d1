//! Claims of an embedded store: one process owns it, so they are a set in memory and end with the process.

use std::{
    collections::BTreeSet,
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Claimed, Document, Key, KeyRange, StoreError};

/// The keys that workers of this process hold.
#[derive(Debug, Default)]
pub(super) struct Claims(Mutex<BTreeSet<Key>>);

impl Claims {
    /// Claims up to `limit` documents. `scan` answers the first so many documents of the range.
    ///
    /// The set stays locked over the scan: otherwise a document could be removed between the two, and its claim would
    /// be made after it should have ended.
    pub(super) fn take(
        &self,
        range: &KeyRange,
        limit: usize,
        scan: impl FnOnce(usize) -> Result<Vec<(Key, Document)>, StoreError>,
    ) -> Result<Vec<Claimed>, StoreError> {
        let mut held = self.lock();
        // So many of the range are out of reach at most; a scan that much longer finds enough free ones if there are
        // any.
        let mut found = scan(limit.saturating_add(held_within(&held, range)))?;
        found.retain(|(key, _)| !held.contains(key));
        found.truncate(limit);
        held.extend(found.iter().map(|(key, _)| key.clone()));
        // Nobody had them before: claims have ended with the process.
        Ok(found.into_iter().map(|(key, document)| Claimed { key, document, left_behind: false }).collect())
    }

    /// Ends the claims on these documents, if there are any.
    pub(super) fn end<'k>(&self, keys: impl IntoIterator<Item = &'k Key>) {
        let mut held = self.lock();
        for key in keys {
            held.remove(key);
        }
    }

    /// A panic elsewhere leaves the set as it is: every change to it is a single step.
    fn lock(&self) -> MutexGuard<'_, BTreeSet<Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn held_within(held: &BTreeSet<Key>, range: &KeyRange) -> usize {
    if range.end.as_ref().is_some_and(|end| *end <= range.start) {
        return 0;
    }
    let end = range.end.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    held.range((Bound::Included(&range.start), end)).count()
}

//! From changes to what a power cut can't take back: sled's tree, its file, and how much may be under way between them.

use std::{
    fs::File,
    panic::{self, AssertUnwindSafe},
    sync::atomic::{AtomicU64, Ordering},
};

use sled::IVec;

use super::{
    AfterSync, engine_error, layout,
    layout::{Body, PartsName},
};
use crate::store::{StoreError, Version};

/// What becomes of a key in the tree; `None` for nothing.
pub(super) type Change = (IVec, Option<IVec>);

/// Size of the segments that sled's file is made of: the largest that it takes. Part of the format.
///
/// On recovery sled trusts what it has *written*, not what was *synced*: if a power cut leaves a later segment whole
/// and the one before it torn, it cuts the log short, half a batch in or at the very start. That can't happen as long
/// as less than one segment is written between two syncs, which is what the window below is for.
pub(super) const SEGMENT_BYTES: usize = 16 * 1024 * 1024;

/// At most so much is written between two syncs. Every tenth change of a page writes the whole page again, so this many
/// changes come to 2 MB and four small pages for each, should all of them be due at the same time, to 13 MB.
const WINDOW: Extent = Extent { changes: 512, bytes: 2 * 1024 * 1024 };

/// How much a number of changes is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extent {
    pub(super) changes: usize,
    pub(super) bytes: usize,
}

impl Extent {
    fn of(change: &Change) -> Self {
        Self { changes: 1, bytes: change.0.len() + change.1.as_ref().map_or(0, |value| value.len()) }
    }

    /// Whether this is half of what may be written between two syncs: enough for one group.
    pub(super) const fn fills_a_group(self) -> bool {
        self.changes >= WINDOW.changes / 2 || self.bytes >= WINDOW.bytes / 2
    }

    const fn fits(self) -> bool {
        self.changes <= WINDOW.changes && self.bytes <= WINDOW.bytes
    }
}

impl std::ops::Add for Extent {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self { changes: self.changes + more.changes, bytes: self.bytes + more.bytes }
    }
}

/// sled and its file.
pub(super) struct Disk {
    pub(super) db: sled::Db,
    /// sled's `db` file, opened a second time.
    pub(super) file: File,
    pub(super) after_sync: Option<AfterSync>,
    pub(super) syncs: AtomicU64,
}

impl Disk {
    /// Makes changes, all or none even if the power is cut. They are durable when this returns.
    ///
    /// If they are too many to be under way at once, they are first put down in a record of their own, bit by bit. A
    /// note of that record is the moment of commitment; from then on [`Disk::recover`] would finish the work.
    pub(super) fn commit(&self, changes: Vec<Change>, commits: u64) -> Result<(), StoreError> {
        let extent = changes.iter().map(Extent::of).fold(Extent::default(), |sum, extent| sum + extent);
        if extent.fits() {
            return self.make(changes);
        }
        let record = Record::of(&changes);
        let (note, parts) = layout::encode_in_parts(Version(0), &record.0, record_name(commits));
        self.make_in_windows(parts.into_iter().map(|(key, part)| (key.into(), Some(part.into()))))?;
        self.make(vec![(layout::UNFINISHED.into(), Some(note.into()))])?;
        self.make_in_windows(changes)?;
        self.make(vec![(layout::UNFINISHED.into(), None)])?;
        self.remove_records(commits)
    }

    /// Finishes what a crash has interrupted after its moment of commitment, and clears away what it interrupted
    /// before.
    pub(super) fn recover(&self) -> Result<(), StoreError> {
        if let Some(note) = self.db.get(layout::UNFINISHED).map_err(engine_error)? {
            let changes = self.record(&note)?.and_then(Record::changes);
            self.make_in_windows(changes.ok_or_else(|| StoreError::Engine("a record of changes is damaged".into()))?)?;
            self.make(vec![(layout::UNFINISHED.into(), None)])?;
        }
        self.remove_records(self.commits()?)
    }

    /// How many commits there have been.
    pub(super) fn commits(&self) -> Result<u64, StoreError> {
        match self.db.get(layout::COMMITS).map_err(engine_error)? {
            None => Ok(0),
            Some(value) => value
                .as_ref()
                .try_into()
                .map(u64::from_be_bytes)
                .map_err(|_| StoreError::Engine("the number of commits is not a number".into())),
        }
    }

    /// Brings all that sled has onto the disk. sled's own flush ends in `sync_file_range`, which neither writes down
    /// the file's length nor empties the disk's cache.
    ///
    /// Never to be tried again after a failure: the kernel reports a lost page once, and the next sync would say that
    /// all is well.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.db.flush().map_err(engine_error)?;
        self.file.sync_data().map_err(engine_error)?;
        self.syncs.fetch_add(1, Ordering::Relaxed);
        if let Some(after_sync) = &self.after_sync {
            after_sync();
        }
        Ok(())
    }

    /// Lets go of sled, and answers its file.
    pub(super) fn close(self) -> (File, Result<(), StoreError>) {
        let Self { db, file, .. } = self;
        (file, panic::catch_unwind(AssertUnwindSafe(|| drop(db))).map_err(|panic| panicked(&*panic)))
    }

    fn make(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.db.apply_batch(batch).map_err(engine_error)?;
        self.sync()
    }

    /// Makes changes a window at a time; a power cut leaves some made and some not.
    fn make_in_windows(&self, changes: impl IntoIterator<Item = Change>) -> Result<(), StoreError> {
        let mut window = Vec::new();
        let mut extent = Extent::default();
        for change in changes {
            let with_this = extent + Extent::of(&change);
            if with_this.fits() {
                extent = with_this;
            } else {
                extent = Extent::of(&change);
                self.make(std::mem::take(&mut window))?;
            }
            window.push(change);
        }
        if window.is_empty() { Ok(()) } else { self.make(window) }
    }

    fn record(&self, note: &[u8]) -> Result<Option<Record>, StoreError> {
        let Some(Body::InParts { name, length }) = layout::decode(note).map(|note| note.body) else { return Ok(None) };
        let parts = name.keys(length).map(|key| self.db.get(key)).collect::<Result<Option<Vec<_>>, _>>();
        Ok(parts
            .map_err(engine_error)?
            .and_then(|parts| layout::join(&parts, length))
            .map(|bytes| Record(bytes.to_vec())))
    }

    /// Removes the record of a commit, and all parts of later ones, which have never come to be.
    fn remove_records(&self, commits: u64) -> Result<(), StoreError> {
        let leftovers = self.db.range(layout::parts_from(record_name(commits))).keys();
        let removals: Vec<Change> =
            leftovers.map(|key| Ok((key?, None))).collect::<sled::Result<_>>().map_err(engine_error)?;
        self.make_in_windows(removals)
    }
}

/// The name of the record of a group that ends with this commit: behind all documents of that commit.
const fn record_name(commit: u64) -> PartsName {
    PartsName { commit, place: u32::MAX }
}

/// Changes as bytes. For each: the key's length (4 bytes), the key; the value's length (4 bytes), the value; or
/// `0xFFFF_FFFF` where it is removed.
struct Record(Vec<u8>);

impl Record {
    fn of(changes: &[Change]) -> Self {
        let mut bytes = Vec::new();
        let mut add = |field: Option<&[u8]>| {
            let length = field.map_or(REMOVED, |field| u32::try_from(field.len()).unwrap_or(REMOVED));
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(field.unwrap_or_default());
        };
        for (key, value) in changes {
            add(Some(key));
            add(value.as_deref());
        }
        Self(bytes)
    }

    /// The changes; `None` when the bytes make no sense.
    fn changes(self) -> Option<Vec<Change>> {
        fn field<'r>(rest: &mut &'r [u8]) -> Option<Option<&'r [u8]>> {
            let (length, after) = rest.split_first_chunk()?;
            let length = u32::from_be_bytes(*length);
            let (field, after) = if length == REMOVED {
                (None, after)
            } else {
                let (field, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
                (Some(field), after)
            };
            *rest = after;
            Some(field)
        }

        let mut rest = self.0.as_slice();
        let mut changes = Vec::new();
        while !rest.is_empty() {
            let key = field(&mut rest)??;
            changes.push((key.into(), field(&mut rest)?.map(IVec::from)));
        }
        Some(changes)
    }
}

const REMOVED: u32 = u32::MAX;

/// What a panic of sled's says.
pub(super) fn panicked(panic: &(dyn std::any::Any + Send)) -> StoreError {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    StoreError::Engine(format!("sled gave up: {}", text.unwrap_or("no reason given")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let changes: Vec<Change> = vec![
            (b"put".into(), Some(b"value".as_slice().into())),
            (b"emptied".into(), Some(b"".as_slice().into())),
            (b"removed".into(), None),
        ];
        let Record(bytes) = Record::of(&changes);
        assert_eq!(Record(bytes.clone()).changes(), Some(changes));
        assert_eq!(Record(Vec::new()).changes(), Some(Vec::new()));
        assert_eq!(Record(bytes[..bytes.len() - 1].to_vec()).changes(), None);
    }
}

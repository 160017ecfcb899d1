//! sled's tree and its file: how what the log holds is brought there, and how much may be under way between two syncs.

use std::{
    fs::File,
    panic::{self, AssertUnwindSafe},
};

use sled::IVec;

use super::{AfterSync, Synced, engine_error, layout, panicked, view::Changes};
use crate::store::StoreError;

/// Size of the segments that sled's file is made of: the largest that it takes. Part of the format.
///
/// On recovery sled trusts what it has *written*, not what was *synced*: if a power cut leaves a later segment whole
/// and the one before it torn, it cuts the log short, in the middle or at the very start. That can't happen as long
/// as less than one segment is written between two syncs, which is what the window below is for.
pub(super) const SEGMENT_BYTES: usize = 16 * 1024 * 1024;

/// At most so much is written between two syncs. Every tenth change of a page writes the whole page again, so this many
/// changes come to 2 MB and four small pages for each, should all of them be due at the same time, to 13 MB.
const WINDOW_CHANGES: usize = 512;
const WINDOW_BYTES: usize = 2 * 1024 * 1024;

/// sled and its file.
pub(super) struct Tree {
    pub(super) db: sled::Db,
    /// sled's `db` file, opened a second time.
    pub(super) file: File,
    pub(super) after_sync: Option<AfterSync>,
}

impl Tree {
    /// How many commits are in the tree. A new one is brought to disk, so that it is told from one that has been emptied.
    pub(super) fn begin(&self) -> Result<u64, StoreError> {
        match self.db.get(layout::COMMITS).map_err(engine_error)? {
            None => self.sync().map(|()| 0),
            Some(value) => value
                .as_ref()
                .try_into()
                .map(u64::from_be_bytes)
                .map_err(|_| StoreError::Engine("the number of commits is not a number".into())),
        }
    }

    /// Brings changes into the tree, with which it has so many commits. They are durable when this returns. If it is
    /// interrupted, some of them are there; the number tells that they have to be brought again.
    pub(super) fn settle(&self, changes: &Changes, commits: u64) -> Result<(), StoreError> {
        let (mut under_way, mut bytes) = (0, 0);
        for (key, value) in changes {
            let more = key.len() + value.as_ref().map_or(0, |value| value.len());
            if under_way == WINDOW_CHANGES || bytes + more > WINDOW_BYTES {
                self.sync()?;
                (under_way, bytes) = (0, 0);
            }
            self.make(key, value.as_ref())?;
            (under_way, bytes) = (under_way + 1, bytes + more);
        }
        // Not before all else has arrived.
        self.sync()?;
        self.make(layout::COMMITS, Some(&commits.to_be_bytes().as_slice().into()))?;
        self.sync()
    }

    fn make(&self, key: impl AsRef<[u8]>, value: Option<&IVec>) -> Result<(), StoreError> {
        match value {
            Some(value) => self.db.insert(key, value),
            None => self.db.remove(key),
        }
        .map(drop)
        .map_err(engine_error)
    }

    /// Brings all that sled has onto the disk. sled's own flush ends in `sync_file_range`, which neither writes down
    /// the file's length nor empties the disk's cache.
    ///
    /// Never to be tried again after a failure, as the log's sync. Nor while changes are made: if a write fails that such a change
    /// has begun, sled's flush waits for it for ever.
    fn sync(&self) -> Result<(), StoreError> {
        self.db.flush().map_err(engine_error)?;
        self.file.sync_data().map_err(engine_error)?;
        if let Some(after_sync) = &self.after_sync {
            after_sync(Synced::Tree);
        }
        Ok(())
    }

    /// Lets go of sled, and answers its file.
    pub(super) fn close(self) -> (File, Result<(), StoreError>) {
        let Self { db, file, .. } = self;
        (file, panic::catch_unwind(AssertUnwindSafe(|| drop(db))).map_err(|panic| panicked(&*panic)))
    }
}

//! The marker beside the store: a small file that knows that the folder is ours and how much must be in it.
//!
//! sled takes a damaged file for an empty one and starts anew without a word. The marker is what makes that show.

use std::{
    fs::{self, File},
    io::{self, Seek, Write},
    path::Path,
    time::UNIX_EPOCH,
};

use serde::{Deserialize, Serialize};

use super::engine_error;
use crate::{domain::time::Timestamp, store::StoreError};

/// Name of the file.
pub(super) const MARKER: &str = "rehearsal.store";

/// The format of the data folder that this program reads and writes: of its files, and of the documents in them.
pub(super) const FORMAT: u32 = 3;

/// One sector: written in place and at once, it is either the old one or the new one after a power cut.
const BYTES: usize = 512;

/// What the marker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    /// The format of the whole data folder.
    pub(super) format: u32,
    /// When the folder became a store, by the file system's clock. For people.
    pub(super) created: String,
    /// The program that made it. For people.
    pub(super) created_by: String,
    /// The store has seen at least so many commits.
    pub(super) last_commit: u64,
}

/// The marker, open to be brought up to date.
#[derive(Debug)]
pub(super) struct MarkerFile {
    file: File,
    marker: Marker,
}

impl MarkerFile {
    /// Writes the marker of a new store. The folder is to be synced by the caller.
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        let millis = fs::metadata(folder)?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let marker = Marker {
            format: FORMAT,
            created: Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)).to_string(),
            created_by: concat!("rehearsal ", env!("CARGO_PKG_VERSION")).to_owned(),
            last_commit: 0,
        };
        let file = File::create(folder.join(MARKER))?;
        let created = Self { file, marker };
        created.write()?;
        created.file.sync_all()?;
        Ok(created)
    }

    /// Opens a marker that has been read.
    pub(super) fn open(folder: &Path, marker: Marker) -> io::Result<Self> {
        Ok(Self { file: File::options().write(true).open(folder.join(MARKER))?, marker })
    }

    pub(super) const fn last_commit(&self) -> u64 {
        self.marker.last_commit
    }

    /// Notes that so many commits are on disk. A lost note only makes the marker's knowledge older.
    pub(super) fn record(&mut self, commits: u64) -> Result<(), StoreError> {
        self.marker.last_commit = commits;
        self.write().map_err(engine_error)
    }

    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(engine_error)
    }

    fn write(&self) -> io::Result<()> {
        let mut text = serde_json::to_vec(&self.marker)?;
        text.resize(BYTES - 1, b' ');
        text.push(b'\n');
        let mut file = &self.file;
        file.rewind()?;
        file.write_all(&text)
    }
}

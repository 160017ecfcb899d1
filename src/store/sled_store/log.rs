//! The log: where a group of commits becomes durable, with one write and one sync.
//!
//! Two files take turns. While one is written to, what the other one holds is brought into sled's tree; when the first has
//! grown large enough and all of the other one is in the tree, they change places. Each is written over from its
//! beginning, because a sync of a file that keeps its length is several times as fast as one of a file that grows.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use super::record::{self, Record, Run};

/// The names of the files.
pub(super) const NAMES: [&str; 2] = ["1", "2"];

/// The log, open to be written to.
#[derive(Debug)]
pub(super) struct Log {
    /// What is written to.
    current: LogFile,
    /// What is written to next.
    other: LogFile,
}

/// What the log holds that is not in the tree.
#[derive(Debug, Default)]
pub(super) struct Unsettled {
    /// Of the file that is not written to.
    pub(super) older: Option<Run>,
    /// Of the file that is written to.
    pub(super) newer: Option<Run>,
}

/// Why a log can't be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogError {
    /// Commits have been lost between the tree and a file, or between two files.
    #[error("{found} commits are there without a gap, of {known}")]
    Lost { known: u64, found: u64 },
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Log {
    /// Opens the files in a folder, or makes them. So many commits are in the tree.
    pub(super) fn open(folder: &Path, settled: u64) -> Result<(Self, Unsettled), LogError> {
        let [first, second] = NAMES.map(|name| LogFile::open(&folder.join(name), settled));
        let ((first, first_run), (second, second_run)) = (first?, second?);
        let is_second_newer = match (&first_run, &second_run) {
            (Some(first), Some(second)) => first.span.before < second.span.before,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        let (log, unsettled) = if is_second_newer {
            (Self { current: second, other: first }, Unsettled { older: first_run, newer: second_run })
        } else {
            (Self { current: first, other: second }, Unsettled { older: second_run, newer: first_run })
        };
        unsettled.check(settled)?;
        Ok((log, unsettled))
    }

    /// Writes a record. It is durable when this returns.
    ///
    /// Never to be tried again after a failure: the kernel reports a lost page once, and the next sync would say that
    /// all is well.
    pub(super) fn append(&mut self, record: &Record) -> io::Result<()> {
        self.current.append(record)
    }

    /// Whether it is time to change places, where a file is to hold about so many bytes.
    pub(super) const fn has_reached(&self, bytes: u64) -> bool {
        self.current.end >= bytes
    }

    /// Has the files change places. All of the other one must be in the tree.
    pub(super) fn turn(&mut self) -> io::Result<()> {
        std::mem::swap(&mut self.current, &mut self.other);
        self.current.start_over()
    }
}

impl Unsettled {
    fn check(&self, settled: u64) -> Result<(), LogError> {
        let mut found = settled;
        for run in [&self.older, &self.newer].into_iter().flatten() {
            if run.span.before > found {
                return Err(LogError::Lost { known: self.commits(settled), found });
            }
            found = run.span.after;
        }
        Ok(())
    }

    /// How many commits there are, of which so many are in the tree.
    pub(super) fn commits(&self, settled: u64) -> u64 {
        self.newer.as_ref().map_or(settled, |run| run.span.after)
    }
}

#[derive(Debug)]
struct LogFile {
    file: File,
    /// Where the next record goes.
    end: u64,
    /// How much room the file has.
    length: u64,
}

impl LogFile {
    /// Opens a file, and reads what of it is not in the tree.
    fn open(path: &Path, settled: u64) -> io::Result<(Self, Option<Run>)> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        let bytes = std::fs::read(path)?;
        let run = record::read(&bytes).filter(|run| run.span.after > settled);
        let end = run.as_ref().map_or(0, |run| run.end);
        Ok((Self { file, end, length: bytes.len() as u64 }, run))
    }

    fn append(&mut self, record: &Record) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(record.bytes())?;
        self.end += record.bytes().len() as u64;
        if self.end > self.length {
            let room = self.end.clamp(LEAST_ROOM, MOST_ROOM);
            // On a disk that is nearly full there may be room for this record and no more.
            let _made = io::copy(&mut io::repeat(0).take(room), &mut self.file);
            self.length = self.file.metadata()?.len();
        }
        self.file.sync_data()
    }

    fn start_over(&mut self) -> io::Result<()> {
        self.end = 0;
        if self.length > KEPT {
            self.file.set_len(0)?;
            self.length = 0;
        }
        Ok(())
    }
}

/// How much room is made at a time: as much as there is already, within these bounds. Bytes.
const LEAST_ROOM: u64 = 64 * 1024;
const MOST_ROOM: u64 = 1024 * 1024;

/// A file that some huge commit has made longer than this is cut when it is used again. Bytes.
const KEPT: u64 = 32 * 1024 * 1024;

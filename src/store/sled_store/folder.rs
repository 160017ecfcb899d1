//! The data folder: what may be in it, and why it may not be opened.
//!
//! ```text
//! rehearsal.store   the marker
//! log/              the newest commits
//! sled/             sled's own files, with all others
//! tls/              the certificate authority, if the server has ever spoken TLS
//! ```

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::{
    log::{self, Log, LogError, Unsettled},
    marker::{FORMAT, MARKER, Marker, MarkerFile},
};

/// Why a data folder could not be opened as a store, and what to do about it. A folder that is in use,
/// not ours or of another format has not been touched.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open (or another store in this one).
    #[error(
        "the data folder {} is in use by another process: stop that one first, or name another folder",
        path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// It can't be made, or nothing can be written into it.
    #[error("the data folder {} is not writable: check who owns it, or name another folder", path.display())]
    NotWritable {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is a file, or a folder with files of something else.
    #[error("{} is not a data folder of Rehearsal and not empty: name an empty or a new folder", path.display())]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },
    /// Another version of Rehearsal has written it.
    #[error(
        "the data folder {} has format {found}, but this version of Rehearsal knows format {known}: use the version that \
         wrote it, or name another folder", path.display()
    )]
    OtherFormat {
        /// The folder.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The format that this program reads.
        known: u32,
    },
    /// Commits that were acknowledged are not there: the files were removed, truncated or replaced by older ones.
    #[error(
        "the store in {} has lost commits: {found} are there of at least {known}. Restore the folder from a copy, \
         or move it away to start anew", path.display()
    )]
    Lost {
        /// The folder.
        path: PathBuf,
        /// How many commits the marker knows of.
        known: u64,
        /// How many the store knows of.
        found: u64,
    },
    /// The marker or sled's files make no sense.
    #[error(
        "the store in {} is damaged ({reason}). Restore the folder from a copy, or move it away to start anew",
        path.display()
    )]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The system failed in some other way.
    #[error("the data folder {} can't be opened", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A data folder that may be opened: new, or with a marker that fits what is beside it.
#[derive(Debug, Clone)]
pub(super) struct DataFolder {
    path: PathBuf,
    marker: Option<Marker>,
}

impl DataFolder {
    /// Looks at a folder, without changing anything in it; makes it if it does not exist.
    pub(super) fn inspect(path: &Path) -> Result<Self, OpenError> {
        let path = path.to_path_buf();
        match fs::metadata(&path) {
            Ok(metadata) if !metadata.is_dir() => return Err(OpenError::NotOurs { path }),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(&path).map_err(|error| io_error(&path, error))?;
            }
            Err(error) => return Err(io_error(&path, error)),
        }
        match fs::read(path.join(MARKER)) {
            Ok(text) => Self::with_marker(path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if is_empty(&path).map_err(|error| io_error(&path, error))? {
                    Ok(Self { path, marker: None })
                } else {
                    Err(OpenError::NotOurs { path })
                }
            }
            Err(error) => Err(io_error(&path, error)),
        }
    }

    fn with_marker(path: PathBuf, text: &[u8]) -> Result<Self, OpenError> {
        #[derive(serde::Deserialize)]
        struct Format {
            format: u32,
        }

        let sled_file = Self::sled_file_in(&path);
        let has_data = fs::metadata(&sled_file).is_ok_and(|metadata| metadata.len() > 0);
        let damaged =
            |path, error: serde_json::Error| OpenError::Damaged { path, reason: format!("{MARKER}: {error}") };
        if text.iter().all(|byte| matches!(byte, 0 | b' ' | b'\n')) && !has_data {
            // The power was cut while the folder was being made: nothing has ever been in it.
            return Ok(Self { path, marker: None });
        }
        // The format alone first: whatever else another one says may look different.
        match serde_json::from_slice(text) {
            Ok(Format { format }) if format != FORMAT => {
                return Err(OpenError::OtherFormat { path, found: format, known: FORMAT });
            }
            Ok(_) => {}
            Err(error) => return Err(damaged(path, error)),
        }
        match serde_json::from_slice::<Marker>(text) {
            // sled would make a new file in its place, so this is to be found out before sled is asked.
            Ok(marker) if marker.last_commit > 0 && !has_data => {
                Err(OpenError::Lost { path, known: marker.last_commit, found: 0 })
            }
            Ok(marker) => Ok(Self { path, marker: Some(marker) }),
            Err(error) => Err(damaged(path, error)),
        }
    }

    /// Where sled's files are.
    pub(super) fn sled(&self) -> PathBuf {
        self.path.join("sled")
    }

    /// The file with all that is in sled's tree.
    fn sled_file(&self) -> PathBuf {
        Self::sled_file_in(&self.path)
    }

    /// The file with all that is in sled's tree, opened besides sled, which doesn't hand out its own.
    pub(super) fn open_sled_file(&self) -> Result<File, OpenError> {
        let opened = File::options().read(true).write(true).open(self.sled_file());
        opened.map_err(|error| self.io_error(error))
    }

    fn sled_file_in(path: &Path) -> PathBuf {
        path.join("sled").join("db")
    }

    /// Opens the marker, or makes it; either way it is there before the first commit is.
    pub(super) fn open_marker(&self) -> Result<MarkerFile, OpenError> {
        let opened = match &self.marker {
            Some(marker) => MarkerFile::open(&self.path, marker.clone()),
            None => MarkerFile::create(&self.path),
        };
        opened.map_err(|error| self.io_error(error))
    }

    /// What was left in the page cache when the store was last killed is brought to disk before anything builds on it: sled
    /// writes down at once how far its log reaches, and readers are shown what ours has.
    pub(super) fn sync_leftovers(&self) -> Result<(), OpenError> {
        self.log_files().chain([self.sled_file()]).try_for_each(|path| match File::open(path) {
            Ok(file) => file.sync_all().map_err(|error| self.io_error(error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.io_error(error)),
        })
    }

    /// Opens the log, of a store that has so many commits in its tree.
    pub(super) fn open_log(&self, settled: u64) -> Result<(Log, Unsettled), OpenError> {
        let has_commits = self.marker.as_ref().is_some_and(|marker| marker.last_commit > 0);
        if has_commits && !self.log_files().all(|path| path.exists()) {
            return Err(self.damaged("a file of the log is missing".to_owned()));
        }
        fs::create_dir_all(self.log()).map_err(|error| self.io_error(error))?;
        Log::open(&self.log(), settled).map_err(|error| match error {
            LogError::Io(error) => self.io_error(error),
            LogError::Lost { known, found } => OpenError::Lost { path: self.path.clone(), known, found },
        })
    }

    fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    fn log_files(&self) -> impl Iterator<Item = PathBuf> {
        log::NAMES.into_iter().map(|name| self.log().join(name))
    }

    /// Makes the names of all files durable, and sled's `conf`, which it does not sync itself.
    pub(super) fn sync_names(&self) -> Result<(), OpenError> {
        if cfg!(windows) {
            // Folders can't be opened there, and the file system looks after its names.
            return Ok(());
        }
        let sled = self.sled();
        let parent =
            self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        [sled.join("conf").as_path(), &sled.join("blobs"), &sled, &self.log(), &self.path, parent]
            .into_iter()
            .try_for_each(|path| File::open(path)?.sync_all())
            .map_err(|error| self.io_error(error))
    }

    /// The store behind the marker has seen so many commits: are these all?
    pub(super) fn check(&self, found: u64) -> Result<(), OpenError> {
        let known = self.marker.as_ref().map_or(0, |marker| marker.last_commit);
        if found < known { Err(OpenError::Lost { path: self.path.clone(), known, found }) } else { Ok(()) }
    }

    /// What sled says on opening.
    pub(super) fn sled_error(&self, error: sled::Error) -> OpenError {
        match error {
            // sled has no error of its own for this.
            sled::Error::Io(error) if error.to_string().contains("could not acquire lock") => {
                OpenError::InUse { path: self.path.clone() }
            }
            sled::Error::Io(error) => self.io_error(error),
            other => self.damaged(other.to_string()),
        }
    }

    pub(super) fn damaged(&self, reason: String) -> OpenError {
        OpenError::Damaged { path: self.path.clone(), reason }
    }

    pub(super) fn io_error(&self, error: io::Error) -> OpenError {
        io_error(&self.path, error)
    }
}

fn io_error(path: &Path, source: io::Error) -> OpenError {
    let path = path.to_path_buf();
    match source.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => OpenError::NotWritable { path, source },
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => OpenError::NotOurs { path },
        _ => OpenError::Io { path, source },
    }
}

/// Nothing is in the folder, or only what a freshly made file system or a first start with TLS puts there.
fn is_empty(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        // The certificate authority may have come first.
        if !["lost+found", "tls"].iter().any(|known| entry.file_name() == *known) {
            return Ok(false);
        }
    }
    Ok(true)
}

//! Moving sandboxes between stores, by way of a file: everything that a stopped server has, or some of its sandboxes.
//!
//! | | |
//! | --- | --- |
//! | [`file`] | the file: lines of JSON with a check sum at the end |
//! | [`export`] | a store into a file |
//! | [`import`] | a file into a store: nothing of it is seen until all of it is there and was read back |

mod export;
mod file;
mod import;

use super::error::AppError;
use crate::{
    domain::ids::SandboxId,
    store::{CommitError, StoreError},
};

pub use export::export;
pub use import::import;

/// What was moved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    /// Each sandbox, and how many documents it has.
    pub sandboxes: Vec<(SandboxId, u64)>,
}

impl Moved {
    /// How many documents there are.
    #[must_use]
    pub fn documents(&self) -> u64 {
        self.sandboxes.iter().map(|(_, documents)| documents).sum()
    }
}

/// Why sandboxes were not moved. `Display` is for a person, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The store failed.
    #[error("the store can't be used: {0}")]
    Store(#[from] StoreError),
    /// The file can't be read or written.
    #[error("the file can't be used: {0}")]
    File(#[from] std::io::Error),
    /// The store has no such sandbox.
    #[error("there is no sandbox {asked}\n  fix: use one of {known}")]
    UnknownSandbox {
        /// The one asked for.
        asked: SandboxId,
        /// Those that there are.
        known: String,
    },
    /// Somebody has worked on it meanwhile.
    #[error(
        "the sandbox {0} was changed while it was exported; the file is of no use\n  fix: stop the servers, and export again"
    )]
    Changed(SandboxId),
    /// The store has it already.
    #[error(
        "the sandbox {0} is there already; nothing was imported\n  fix: import into a new folder or database, or name other sandboxes"
    )]
    SandboxExists(SandboxId),
    /// The file is none of an export.
    #[error("line {line} is not one of an export: {why}")]
    NotAnExport {
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// Another version wrote it.
    #[error(
        "the file was written by another version of rehearsal (format {found}; this one reads {known})\n  fix: use that version"
    )]
    OtherFormat {
        /// The file's.
        found: u32,
        /// The one that is read.
        known: u32,
    },
    /// It ends too early, or has been changed.
    #[error("the file is damaged: {0}; nothing was imported\n  fix: export again")]
    Damaged(&'static str),
    /// A document reads otherwise than it was written.
    #[error("the sandbox {0} does not read back as it was written; it was not taken in")]
    Different(SandboxId),
    /// A document of the store can't be read.
    #[error("{0}\n  fix: use the version of rehearsal that wrote it")]
    Unreadable(String),
    /// Somebody else writes into the store.
    #[error("something else has written into the store meanwhile; nothing was imported")]
    Meanwhile,
}

impl From<AppError> for TransferError {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Store(error) => Self::Store(error),
            other => Self::Unreadable(other.to_string()),
        }
    }
}

impl From<CommitError> for TransferError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict(_) => Self::Meanwhile,
            CommitError::Store(error) => Self::Store(error),
        }
    }
}

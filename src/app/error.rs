//! Why a command or a query gave no answer.

use crate::{
    domain::{access::KeyFault, ids::SandboxId, refusal::Refusal, rules::RuleFault},
    store::{Key, StoreError},
};

/// Why a command or a query failed. Each face turns it into its own error body.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppError {
    /// A rule said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A rule of a sandbox can't be chosen so.
    #[error(transparent)]
    Rule(#[from] RuleFault),
    /// Access keys can't be changed so.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// No sandbox of that name.
    #[error("there is no sandbox {0}")]
    UnknownSandbox(SandboxId),
    /// A sandbox of that name exists already.
    #[error("sandbox {0} exists already")]
    SandboxExists(SandboxId),
    /// The sandbox that always exists can't be deleted.
    #[error("the default sandbox always exists; it can't be deleted")]
    DefaultSandbox,
    /// A record of the stand-in publisher was not as expected.
    #[error("another request changed the record {0} first")]
    RecordConflict(String),
    /// Work that a timer started was still due after it had run, so that an advance would never end.
    #[error("the work {0} is due again right after it ran")]
    WorkDoesNotEnd(String),
    /// A stored document can't be read: damaged, or written by a newer version.
    #[error("the stored document {key} can't be read")]
    Unreadable {
        /// Its key, for the log.
        key: String,
        /// What serde said.
        reason: String,
    },
    /// A document would lie under a key that is too long: a text in it should have been refused where it came in.
    #[error("a name is too long to be stored: its key has more than {} bytes", Key::BYTES_MAX)]
    NameTooLong,
    /// The sandbox has as many documents as it may have.
    #[error("the sandbox is full: it has the {documents} documents that it may have")]
    Full {
        /// How many it may have.
        documents: u64,
    },
    /// The sandbox was called more often than it may be.
    #[error("the sandbox is called more often than it may be; try again in a second")]
    TooManyCalls,
    /// The store failed.
    #[error("the store can't be used right now")]
    Store(#[from] StoreError),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

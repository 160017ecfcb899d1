//! Exit codes: distinct, documented in the README, and the same for every verb.

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything went as it should.
    Success,
    /// An assertion of a scenario failed, or a health check did.
    AssertionFailed,
    /// The command line, an environment variable or the settings file is wrong.
    Usage,
    /// A fixture or a scenario file is wrong.
    BadFile,
    /// The server could not start.
    CouldNotStart,
    /// A scenario took longer than it may.
    Timeout,
    /// Interrupted by Ctrl-C.
    Interrupted,
    /// Ended by SIGTERM.
    Terminated,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::AssertionFailed => 1,
            Exit::Usage => 2,
            Exit::BadFile => 3,
            Exit::CouldNotStart => 4,
            Exit::Timeout => 5,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        })
    }
}

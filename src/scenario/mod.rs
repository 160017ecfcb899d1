//! Scenarios: a rehearsal written down as a file, played against a server, told as a story.
//!
//! ```text
//! file -> parse (nodes with places, every mistake at once) -> runner (HTTP only) -> result (data) -> reports
//! ```
//!
//! This room is a client. It knows the marketplace, the publisher and the control API by their shapes on the wire
//! alone, and has no way to their insides. Start at [`steps`], the table of all that a scenario can do.

pub mod ast;
pub mod check;
mod codes;
mod document;
mod page;
pub mod parse;
pub mod play;
pub mod refusal;
pub mod report;
pub mod result;
pub mod runner;
mod stage;
pub mod steps;
pub mod values;

pub use ast::Scenario;
pub use parse::parse;
pub use play::{load, play};
pub use result::{PlayResult, ScenarioResult, Verdict};
pub use runner::{RunOptions, run};

//! Reports of a run, each written from the same result value.
//!
//! [`text`] and [`mermaid`] are the same in every run, byte for byte; [`json`] keeps real time in a part of its own;
//! [`junit`] tells real time, as its readers expect; [`annotations`] are for GitHub.

pub mod annotations;
pub mod json;
pub mod junit;
pub mod mermaid;
pub mod text;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) use tests::golden;

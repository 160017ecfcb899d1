//! The faces: what each player shows to the network. Parsing and answering only; no rule lives here.

pub mod control;
mod exchange;
mod faces;
pub mod identity;
pub mod marketplace;
pub mod paths;

pub use faces::{AuthMode, Faces};

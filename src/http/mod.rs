//! The faces: each player's HTTP surface.

pub mod console;
mod page;
mod same_origin;

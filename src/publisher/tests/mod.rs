//! The publisher against a host in memory and a marketplace that does as it is told.

mod flows;
mod tables;
pub(crate) mod world;

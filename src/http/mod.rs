//! The faces: what each player shows over HTTP, and what all pages share.

pub mod assets;
pub mod console;
pub mod page;
pub mod same_origin;

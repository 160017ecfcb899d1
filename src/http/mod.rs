//! The faces: what each player shows over HTTP, and what all pages share.

pub mod assets;
pub mod page;
pub mod publisher_site;
pub mod same_origin;

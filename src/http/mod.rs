//! The faces: what each player shows to the network. Parsing and answering only; no rule lives here.

pub mod assets;
pub mod console;
pub mod control;
mod cookies;
mod entrance;
mod exchange;
mod faces;
pub mod identity;
mod invoice_rows;
pub mod marketplace;
pub mod page;
pub mod partner_center;
pub mod paths;
pub mod portal;
pub mod publisher_site;
pub mod same_origin;
mod words;

pub use entrance::{Entrance, Players, routes};
pub use faces::{AuthMode, Faces};

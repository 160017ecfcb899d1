//! The faces: what each player shows to the network. Parsing and answering only; no rule lives here.

mod access;
pub mod assets;
pub mod connections;
pub mod console;
pub mod control;
mod cookies;
mod entrance;
mod exchange;
mod faces;
mod hosts;
pub mod identity;
mod invoice_rows;
mod json_text;
pub mod marketplace;
mod nowhere;
pub mod page;
pub mod partner_center;
pub mod paths;
pub mod portal;
pub mod publisher_site;
mod retry_after;
pub mod same_origin;
mod way_on;
mod words;

pub use access::{Access, Holder};
pub use entrance::{Entrance, Players, routes};
pub use faces::{AuthMode, Faces};
pub use hosts::{BadHostName, HostName, Hosts};

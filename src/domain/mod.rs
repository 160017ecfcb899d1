//! The rules of the marketplace, as pure functions: no IO, no async, no clock, no random draw.
//!
//! Types derive serde only to be stored; no type of this room is ever a shape on the wire (those are in `wire`).

pub mod catalogue;
pub mod ids;
pub mod money;
pub mod sandbox_identity;
pub mod setup_form;
pub mod time;

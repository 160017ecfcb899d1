//! The rules of the marketplace, as pure functions: no IO, no async, no clock, no random draw.
//!
//! Types derive serde only to be stored; no type of this room is ever a shape on the wire (those are in `wire`).
//! Start with [`subscription`]: a purchase makes one, commands decide what happens to it, events change it.

pub mod access;
pub mod audit;
pub mod billing;
pub mod cancellation_window;
pub mod cart;
pub mod catalogue;
pub mod charges;
pub mod customer;
pub mod event;
pub mod ids;
pub mod invoice;
pub mod lifecycle;
pub mod metering;
pub mod money;
pub mod notice;
pub mod operation;
pub mod order;
pub mod partner;
pub mod partner_change;
pub mod product;
pub mod purchase_token;
pub mod quotas;
pub mod refusal;
pub mod refusal_names;
pub mod rules;
pub mod sandbox_identity;
pub mod setup_form;
pub mod subscription;
pub mod time;
pub mod webhook;

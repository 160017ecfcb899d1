//! Rehearsal: rehearse the sale of a SaaS offer through Microsoft's commercial marketplace.

pub mod app;
pub mod cli;
pub mod delivery;
pub mod diagnostic;
pub mod domain;
pub mod fixtures;
pub mod http;
pub mod publisher;
pub mod scenario;
pub mod sim;
pub mod store;
pub mod tls;
pub mod wire;

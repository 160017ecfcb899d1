//! Rehearsal: rehearse the sale of a SaaS offer through Microsoft's commercial marketplace.

pub mod diagnostic;
pub mod domain;
pub mod fixtures;
pub mod store;

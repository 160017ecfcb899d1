//! The faces: the console called in process on a store in memory, the APIs over real HTTP.

mod access;
mod console;
mod console_clock;
mod console_keys;
mod control;
mod hosts;
mod identity;
mod marketplace;
mod marketplace_refusals;
mod metering;
mod nowhere;
mod operations;
pub(crate) mod quotas;
mod sign_in;
mod slow;

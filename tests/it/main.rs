//! The integration tests: one binary, a module a room.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops where it fails; clippy.toml's leave ends at the test function"
)]

mod batches;
mod browser;
mod changes;
mod cli;
mod clients;
mod contract;
mod database;
mod faces;
mod fuzz;
mod kill;
mod life;
mod own_webhook;
mod partner_center;
mod postgres;
mod stores;
mod tls;
mod together;
mod transfer;
mod webhooks;
mod workload;
mod world;

//! The commands: everything that can be asked of the commerce core, one use case per file.
//!
//! [`App`] knows the sandboxes. A [`Sandbox`] takes commands through its mailbox and answers queries from the store.
//! Nothing here knows HTTP.

mod acting;
mod audit;
mod carts;
mod clock;
mod customers;
mod deletion;
mod deliveries;
mod desk;
mod error;
mod fulfillment;
mod holds;
pub mod identity;
mod invoicing;
mod journal;
mod journal_pages;
mod keeping_up;
mod keys;
mod known_subscriptions;
mod lifecycle;
mod mailbox;
mod metering;
mod notices;
mod operations;
mod orders;
mod partner_calls;
mod partner_changes;
mod publisher_desk;
mod purchasing;
mod queries;
mod registry;
mod repeated_reads;
mod sandbox;
mod settings;
mod timers;
mod transfer;
mod turns;
mod webhook_manner;
mod webhook_trust;

pub use acting::Acting;
pub use audit::{AuditFilter, AuditPage, AuditPosition};
pub use carts::CheckedOut;
pub use clock::{Advance, Advanced};
pub use customers::{CustomerFilter, CustomerList, CustomerOrder, CustomerPosition};
pub use deletion::Deletion;
pub use deliveries::{Attempted, Courier, Outside};
pub use error::AppError;
pub use invoicing::{InvoiceLines, LineKind, LinePosition};
pub use journal::{Entry, Exchange, Player, PublisherStep, What};
pub use known_subscriptions::KnownSubscription;
pub use lifecycle::RenewalWish;
pub use metering::{RefusedUsage, ReportedUsage, UsageOutcome};
pub use notices::RegistrationWish;
pub use operations::Cancelled;
pub use partner_calls::Limited;
pub use partner_changes::Changed;
pub use publisher_desk::PublisherChange;
pub use queries::{JournalFilter, JournalSlice, ListPosition, RecordedCall, SubscriptionList};
pub use registry::{App, AppOptions, AppOwner, NewSandbox, Registered};
pub use sandbox::{Changes, Sandbox, TimerMode};
pub use settings::Settings;
pub use timers::{Due, PublisherWork, StoredTimer};
pub use transfer::{Moved, TransferError, export, import};
pub use webhook_manner::WebhookWish;

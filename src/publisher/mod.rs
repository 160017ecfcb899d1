//! The stand-in publisher (ISV): its landing page's logic, its accounts and licences, its provisioning.
//!
//! It is a *client*: it learns about a purchase only by calling the fulfillment API over HTTP with its own app
//! registration, and it keeps its own records. What it needs of the machine that it runs on (time, a place for its
//! records, a note in the journal) comes through [`host::Host`]. It may be pointed at any other marketplace.

pub mod host;

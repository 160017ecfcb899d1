//! HTTPS for a server on a developer's machine: a certificate authority of its own, and the listener that speaks TLS.
//!
//! Real clients insist on HTTPS towards the identity, and some have Microsoft's host names built in. So the server's
//! certificate is good for those names too, wherever they are led to by name. Nothing is ever installed into a trust
//! store: [`authority`] only keeps the certificate where it can be found.

pub mod authority;
pub mod listener;

pub use authority::{Authority, AuthorityError};
pub use listener::TlsListener;

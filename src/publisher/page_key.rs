//! The last part of an account's URL: it can't be guessed from the subscription's id, yet is the same each time.
//!
//! Who has a page's key may see the page; there is no sign-in. The account's page and the customer's page have different
//! keys, so that the URL which is sent on to the customer does not open the partner's page. In a sandbox other than
//! `default` the key starts with the sandbox's name and `~`, so that a URL says all there is to know.

use std::{fmt, str::FromStr};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::host::Site;
use crate::domain::ids::SandboxId;

const SECRET_CHARACTERS: usize = 32;

/// Which page a key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The partner's: progress, licences, answers.
    Account,
    /// The customer's: a welcome.
    Welcome,
}

/// The key of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageKey {
    /// The sandbox of its account.
    pub sandbox: SandboxId,
    secret: String,
}

/// A text that is no page key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not the address of an account")]
pub struct NotAPageKey;

impl PageKey {
    /// The key of a page of a subscription's account: a MAC under the site's secret.
    #[must_use]
    pub fn derive(page: Page, site: &Site, subscription: &str) -> Self {
        let label = match page {
            Page::Account => "account",
            Page::Welcome => "welcome",
        };
        let mut secret = String::with_capacity(SECRET_CHARACTERS);
        // HMAC takes keys of any length, so the error can't happen; an empty key would open nothing.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(site.client_secret.as_bytes()) {
            for part in [label, site.sandbox.as_str(), site.client_id.as_str(), subscription] {
                mac.update(part.as_bytes());
                mac.update(&[0]);
            }
            for byte in mac.finalize().into_bytes().iter().take(SECRET_CHARACTERS / 2) {
                secret.push_str(&format!("{byte:02x}"));
            }
        }
        Self { sandbox: site.sandbox.clone(), secret }
    }
}

impl fmt::Display for PageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sandbox != SandboxId::default_sandbox() {
            write!(f, "{}~", self.sandbox)?;
        }
        f.write_str(&self.secret)
    }
}

impl FromStr for PageKey {
    type Err = NotAPageKey;

    fn from_str(text: &str) -> Result<Self, NotAPageKey> {
        let (sandbox, secret) = match text.split_once('~') {
            Some((sandbox, secret)) => (sandbox.parse().map_err(|_| NotAPageKey)?, secret),
            None => (SandboxId::default_sandbox(), text),
        };
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if secret.len() != SECRET_CHARACTERS || !secret.bytes().all(is_hex) {
            return Err(NotAPageKey);
        }
        Ok(Self { sandbox, secret: secret.to_owned() })
    }
}

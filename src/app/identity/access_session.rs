//! Who has signed in with an access key: a sealed cookie names the key, so that the key itself is kept in no browser.

use serde::{Deserialize, Serialize};

use super::SESSION_SECONDS;
use crate::{app::App, domain::access::Reach};

const ACCESS: &str = "rehearsal:access";

#[derive(Serialize, Deserialize)]
struct SealedAccess {
    aud: String,
    reach: Reach,
    key: String,
    exp: i64,
}

impl App {
    /// The cookie of somebody who has shown a key; `None` if nothing can be signed.
    #[must_use]
    pub fn access_session(&self, reach: Reach, key: String) -> Option<String> {
        let exp = self.wall().now().as_seconds().saturating_add(SESSION_SECONDS);
        self.seal(&SealedAccess { aud: ACCESS.to_owned(), reach, key, exp })
    }

    /// What a cookie says, as long as it lives: what was opened, and by which key. Whether that key still is one is to be
    /// looked at.
    #[must_use]
    pub fn access_of_session(&self, cookie: &str) -> Option<(Reach, String)> {
        let session: SealedAccess = self.unseal(cookie, ACCESS)?;
        (self.wall().now().as_seconds() < session.exp).then_some((session.reach, session.key))
    }
}

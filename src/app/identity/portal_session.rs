//! Who sits at the portal: a sealed cookie says it, for as long as the sandbox's clock lets it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{PartnerCaller, SESSION_SECONDS};
use crate::{
    app::{App, Sandbox},
    domain::ids::{ObjectId, PartnerId, SandboxId},
};

const PORTAL: &str = "rehearsal:portal";

#[derive(Serialize, Deserialize)]
struct SealedPortal {
    aud: String,
    sandbox: SandboxId,
    /// A sandbox that was made anew has another one.
    space: String,
    partner: PartnerId,
    user: ObjectId,
    exp: i64,
}

impl App {
    /// The cookie by which the portal knows somebody; `None` if nothing can be signed.
    #[must_use]
    pub fn portal_session(&self, sandbox: &Sandbox, partner: PartnerId, user: ObjectId) -> Option<String> {
        let exp = self.wall().now().as_seconds().saturating_add(SESSION_SECONDS);
        let (sandbox, space) = (sandbox.id().clone(), sandbox.space().to_owned());
        self.seal(&SealedPortal { aud: PORTAL.to_owned(), sandbox, space, partner, user, exp })
    }

    /// Who a cookie of the portal is about, if that person still works there.
    pub async fn portal_visitor(&self, cookie: &str) -> Option<PartnerCaller> {
        let session: SealedPortal = self.unseal(cookie, PORTAL)?;
        let sandbox: Arc<Sandbox> = self.find_sandbox(&session.sandbox).await.ok()?;
        if sandbox.space() != session.space || self.wall().now().as_seconds() >= session.exp {
            return None;
        }
        let partner = sandbox.catalogue().partner(&session.partner)?;
        let (app, (_, role)) = (partner.app.client_id, partner.member(session.user)?);
        Some(PartnerCaller {
            sandbox: Arc::clone(&sandbox),
            partner: session.partner,
            app,
            user: Some((session.user, role)),
        })
    }
}

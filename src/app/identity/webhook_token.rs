//! The token that the marketplace shows at a publisher's webhook: signed for the publisher's own tenant and app.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use sha2::{Digest, Sha256};

use super::{
    MARKETPLACE_RESOURCE,
    token::{ClaimsVersion, Proof, Subject, sign},
};
use crate::{
    app::{App, Sandbox},
    domain::{
        ids::{ObjectId, PublisherId, TenantId},
        rules::WebhookTokenVersion,
    },
};

/// A token that ends within so many seconds is not used any more.
const RENEWED_BEFORE_SECONDS: i64 = 60;

/// Tokens that are still good, by the sandbox's space and the publisher: signing takes longer than all the rest of a call.
#[derive(Debug, Default)]
pub(in crate::app) struct WebhookTokens(Mutex<BTreeMap<(String, PublisherId), Kept>>);

#[derive(Clone)]
struct Kept {
    text: String,
    /// By which key and in which version: both can be changed while it is good.
    made: (String, WebhookTokenVersion),
    not_before: i64,
    expires_on: i64,
}

/// Leaves the token out.
impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("expires_on", &self.expires_on).finish_non_exhaustive()
    }
}

impl App {
    /// The token for a publisher's webhook: its audience is the publisher's app, its caller the marketplace (training,
    /// docs:webhook-new). `None` if the publisher is unknown or nothing can be signed.
    pub fn webhook_token(&self, sandbox: &Sandbox, publisher: &PublisherId) -> Option<String> {
        let now = sandbox.now().as_seconds();
        let place = (sandbox.space().to_owned(), publisher.clone());
        let key = self.signing_keys().current()?;
        let made = (key.id.clone(), sandbox.rules().webhook_token);
        let is_good = |kept: &&Kept| {
            kept.made == made && kept.not_before <= now && now < kept.expires_on - RENEWED_BEFORE_SECONDS
        };
        if let Some(kept) = self.webhook_tokens().lock().get(&place).filter(is_good) {
            return Some(kept.text.clone());
        }
        let app = &sandbox.catalogue().publisher(publisher)?.app;
        let marketplace = MARKETPLACE_RESOURCE.parse().ok()?;
        let principal = Some(service_principal(app.tenant_id));
        let version = match made.1 {
            WebhookTokenVersion::V1 => ClaimsVersion::V1,
            WebhookTokenVersion::V2 => ClaimsVersion::V2,
        };
        // Microsoft's own services show certificates (known).
        let subject = Subject { app: marketplace, principal, proof: Proof::Certificate };
        let token = sign(&key, now, (app.tenant_id, app.client_id.to_string()), subject, version)?;
        let kept = Kept { text: token.text.clone(), made, not_before: token.not_before, expires_on: token.expires_on };
        self.webhook_tokens().lock().insert(place, kept);
        Some(token.text)
    }
}

impl WebhookTokens {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, PublisherId), Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the tokens of a sandbox that is being deleted.
    pub(in crate::app) fn forget(&self, space: &str) {
        self.lock().retain(|(of, _), _| of != space);
    }
}

/// The object id of the marketplace's service principal in a tenant: another one in each, and always the same.
fn service_principal(tenant: TenantId) -> ObjectId {
    let mut digest = Sha256::new();
    digest.update(b"marketplace service principal");
    digest.update(tenant.as_bytes());
    let mut bytes = [0; 16];
    for (byte, drawn) in bytes.iter_mut().zip(digest.finalize()) {
        *byte = drawn;
    }
    ObjectId::from_bytes(bytes)
}

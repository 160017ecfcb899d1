//! The identity's public keys of a tenant, found as any client finds them: through the discovery document.

use std::{collections::BTreeMap, sync::PoisonError};

use jsonwebtoken::jwk::{Jwk, JwkSet};
use serde::Deserialize;
use url::Url;

use super::{IDENTITY, MarketplaceClient, MarketplaceError, join, read};
use crate::publisher::host::Site;

/// The keys of each tenant as they were last read.
pub(super) type KeptKeys = std::sync::Mutex<BTreeMap<String, JwkSet>>;

#[derive(Deserialize)]
struct Discovery {
    jwks_uri: Url,
}

impl MarketplaceClient {
    /// The key of that id in the publisher's tenant; `None` if there is none. Keys are kept, and read again for an id
    /// that is not among them: keys are rotated.
    ///
    /// # Errors
    /// [`MarketplaceError`] when the identity does not answer.
    pub async fn signing_key(&self, site: &Site, id: &str) -> Result<Option<Jwk>, MarketplaceError> {
        let kept = self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(&site.tenant_id).cloned();
        if let Some(key) = kept.as_ref().and_then(|keys| keys.find(id)) {
            return Ok(Some(key.clone()));
        }
        let discovery = join(&self.authority, &[&site.tenant_id, ".well-known", "openid-configuration"]);
        let found = read(IDENTITY, &discovery, self.http.get(discovery.clone()).send().await).await?.accept()?;
        let Discovery { jwks_uri } = found.json()?;
        let found = read(IDENTITY, &jwks_uri, self.http.get(jwks_uri.clone()).send().await).await?.accept()?;
        let keys: JwkSet = found.json()?;
        let key = keys.find(id).cloned();
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(site.tenant_id.clone(), keys);
        Ok(key)
    }
}

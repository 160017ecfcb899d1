//! Access tokens, one for each app registration, kept until shortly before they expire in the sandbox's time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{domain::time::Timestamp, publisher::host::Site};

/// A token is given up this long before its end, or halfway through a life shorter than two of these.
const MARGIN_MILLIS: i64 = 60_000;

/// An access token. Shows itself to nobody.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct AccessToken(Arc<str>);

impl AccessToken {
    pub(super) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text, for the `Authorization` header and nothing else.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

struct Kept {
    token: AccessToken,
    from: Timestamp,
    until: Timestamp,
}

/// A place for one registration's token. Whoever needs a token that is not there holds the place while fetching it, so
/// that many requests at once lead to one request for a token.
#[derive(Default)]
pub(super) struct Place(tokio::sync::Mutex<Option<Kept>>);

#[derive(Default)]
pub(super) struct TokenCache(Mutex<BTreeMap<[String; 3], Installed>>);

/// The place of a site, as it was installed.
#[derive(Default)]
struct Installed {
    installation: String,
    place: Arc<Place>,
}

impl TokenCache {
    /// The place of a site's token. A site that was installed anew starts without one.
    pub(super) fn place(&self, site: &Site) -> Arc<Place> {
        let key = [site.sandbox.as_str(), &site.tenant_id, &site.client_id].map(str::to_owned);
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let installed = places.entry(key).or_default();
        if installed.installation != site.installation {
            *installed = Installed { installation: site.installation.clone(), place: Arc::default() };
        }
        Arc::clone(&installed.place)
    }
}

impl Place {
    /// The token that is kept, if it is still good, and whether it had been kept; otherwise one that `fetch` brings with
    /// its life in seconds. A token that is known to be refused is not returned again.
    pub(super) async fn token<E>(
        &self,
        now: Timestamp,
        refused: Option<&AccessToken>,
        fetch: impl Future<Output = Result<(AccessToken, u32), E>>,
    ) -> Result<(AccessToken, bool), E> {
        let mut kept = self.0.lock().await;
        if let Some(kept) = &*kept
            && kept.from <= now
            && now < kept.until
            && refused != Some(&kept.token)
        {
            return Ok((kept.token.clone(), true));
        }
        let (token, life_s) = fetch.await?;
        let life = i64::from(life_s).saturating_mul(1000);
        let until = now.plus_millis(life.saturating_sub(MARGIN_MILLIS).max(life / 2));
        *kept = Some(Kept { token: token.clone(), from: now, until });
        Ok((token, false))
    }
}

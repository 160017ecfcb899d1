//! Who sits in front of the landing page: people sign in at the identity, as with any app that has single sign-on.
//!
//! The authorization-code flow with PKCE, state and nonce; the id token is verified fully. Nothing is kept on this side:
//! what has to come back, and who has signed in, is sealed into cookies under the app's secret.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use url::Url;
use uuid::Uuid;

use super::{
    Publisher,
    host::{HostError, LandingSignIn, Site},
    landing::Visit,
    marketplace_client::MarketplaceError,
};
use crate::domain::ids::{PublisherId, SandboxId};

/// Where the identity sends people back to.
const CALLBACK: &str = "/publisher/signed-in";
const SCOPE: &str = "openid profile email offline_access";

/// Somebody who has signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visitor {
    /// The name.
    pub name: String,
    /// The address that they sign in with.
    pub email: String,
    /// `oid`.
    pub object_id: String,
    /// `tid`.
    pub tenant_id: String,
}

/// A sign-in that has begun: what has to come back with the browser.
#[derive(Serialize, Deserialize)]
struct Begun {
    sandbox: SandboxId,
    publisher: PublisherId,
    state: String,
    nonce: String,
    verifier: String,
    return_to: String,
}

/// Somebody's session with a publisher.
#[derive(Serialize, Deserialize)]
struct Session {
    sandbox: SandboxId,
    publisher: PublisherId,
    visitor: Visitor,
}

/// What the identity sent the browser back with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Returned {
    /// `code`.
    pub code: Option<String>,
    /// `state`.
    pub state: Option<String>,
    /// `error_description`, or `error`.
    pub error: Option<String>,
}

/// Why nobody has signed in.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SignInFault {
    /// The browser comes back without having been sent, or from another one's sign-in.
    #[error("this sign-in was not begun in this browser")]
    NotBegun,
    /// The identity says no.
    #[error("{0}")]
    Refused(String),
    /// The identity can't be asked.
    #[error(transparent)]
    Identity(#[from] MarketplaceError),
    /// The id token is not what it has to be.
    #[error("the id token's {0} is wrong")]
    BadToken(&'static str),
    /// The host can't tell.
    #[error(transparent)]
    Host(#[from] HostError),
}

#[derive(Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    exp: i64,
    #[serde(default)]
    nbf: i64,
    #[serde(default)]
    nonce: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    preferred_username: String,
    oid: String,
    tid: String,
}

impl Publisher {
    /// The publisher whose landing page wants its visitor signed in, if that one does.
    ///
    /// # Errors
    /// [`HostError`] when the host can't tell.
    pub async fn wants_sign_in(&self, visit: &Visit) -> Result<Option<Site>, HostError> {
        let sites = self.host.sites(&visit.sandbox).await?;
        let asked = sites.into_iter().find(|site| visit.site.as_ref().is_none_or(|name| *name == site.publisher));
        Ok(asked.filter(|site| match site.landing_sign_in {
            LandingSignIn::Nobody => false,
            LandingSignIn::IfLinkSays => visit.sign_in,
            LandingSignIn::Everybody => true,
        }))
    }

    /// Where to send a browser to sign in, and the cookie that it has to bring back. `return_to` is where it wanted to go.
    #[must_use]
    pub fn begin_sign_in(&self, site: &Site, return_to: String) -> (Url, String) {
        let [state, nonce, first, second]: [Uuid; 4] = self.draws.draw();
        let begun = Begun {
            sandbox: site.sandbox.clone(),
            publisher: site.publisher.clone(),
            state: state.to_string(),
            nonce: nonce.to_string(),
            verifier: format!("{}{}", first.simple(), second.simple()),
            return_to,
        };
        let mut url = self.sign_in.clone();
        url.set_path("/organizations/oauth2/v2.0/authorize");
        url.query_pairs_mut()
            .append_pair("client_id", &site.client_id)
            .append_pair("response_type", "code")
            .append_pair("redirect_uri", self.callback().as_str())
            .append_pair("scope", SCOPE)
            .append_pair("state", &begun.state)
            .append_pair("nonce", &begun.nonce)
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(Sha256::digest(&begun.verifier)))
            .append_pair("code_challenge_method", "S256");
        (url, seal(site, "begun", &begun))
    }

    /// Finishes a sign-in: who it is, the cookie of the session, and where the browser wanted to go.
    ///
    /// # Errors
    /// [`SignInFault`].
    pub async fn finish_sign_in(
        &self,
        cookie: Option<&str>,
        returned: Returned,
    ) -> Result<(Visitor, String, String), SignInFault> {
        let (site, begun) = self.opened::<Begun>(cookie, "begun").await?.ok_or(SignInFault::NotBegun)?;
        if returned.state.as_deref() != Some(&begun.state) {
            return Err(SignInFault::NotBegun);
        }
        if let Some(error) = returned.error {
            return Err(SignInFault::Refused(error));
        }
        let code = returned.code.ok_or(SignInFault::NotBegun)?;
        let token = self.client.exchange_code(&site, &code, self.callback().as_str(), &begun.verifier).await?;
        let visitor = self.verified(&site, &token, &begun.nonce).await?;
        let Begun { sandbox, publisher, return_to, .. } = begun;
        let session = Session { sandbox, publisher, visitor };
        let cookie = seal(&site, "session", &session);
        Ok((session.visitor, cookie, return_to))
    }

    /// Who has a session with a publisher, by the browser's cookie.
    #[must_use]
    pub fn visitor(&self, site: &Site, cookie: Option<&str>) -> Option<Visitor> {
        let session: Session = unseal(site, "session", cookie?)?;
        (session.sandbox == site.sandbox && session.publisher == site.publisher).then_some(session.visitor)
    }

    /// Where a browser is sent to sign out; it comes back to the landing page.
    #[must_use]
    pub fn sign_out(&self, return_to: &str) -> Url {
        let mut url = self.sign_in.clone();
        url.set_path("/organizations/oauth2/v2.0/logout");
        let back = self.public_base.join(return_to).unwrap_or_else(|_| self.public_base.clone());
        url.query_pairs_mut().append_pair("post_logout_redirect_uri", back.as_str());
        url
    }

    fn callback(&self) -> Url {
        self.public_base.join(CALLBACK).unwrap_or_else(|_| self.public_base.clone())
    }

    /// What is in a cookie, and whose it is: the cookie names its sandbox and publisher, and their secret opens it.
    async fn opened<T: DeserializeOwned>(
        &self,
        cookie: Option<&str>,
        label: &str,
    ) -> Result<Option<(Site, T)>, SignInFault> {
        #[derive(Deserialize)]
        struct Whose {
            sandbox: SandboxId,
            publisher: PublisherId,
        }
        let Some(cookie) = cookie else { return Ok(None) };
        let payload = cookie.split('.').next().and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
        let whose: Option<Whose> = payload.and_then(|json| serde_json::from_slice(&json).ok());
        let Some(Whose { sandbox, publisher }) = whose else { return Ok(None) };
        let sites = self.host.sites(&sandbox).await?;
        let site = sites.into_iter().find(|site| site.publisher == publisher);
        Ok(site.and_then(|site| unseal(&site, label, cookie).map(|opened| (site, opened))))
    }

    async fn verified(&self, site: &Site, token: &str, nonce: &str) -> Result<Visitor, SignInFault> {
        let header = decode_header(token).map_err(|_| SignInFault::BadToken("form"))?;
        let id = header.kid.filter(|_| header.alg == Algorithm::RS256).ok_or(SignInFault::BadToken("algorithm"))?;
        let key = self.client.signing_key(site, &id).await?.ok_or(SignInFault::BadToken("key"))?;
        let key = DecodingKey::from_jwk(&key).map_err(|_| SignInFault::BadToken("key"))?;
        let mut validation = Validation::new(Algorithm::RS256);
        // The library would compare with the machine's clock; the sandbox's counts.
        validation.validate_exp = false;
        validation.set_audience(&[&site.client_id]);
        validation.set_required_spec_claims(&["exp", "aud", "iss"]);
        let claims = decode::<Claims>(token, &key, &validation).map_err(|_| SignInFault::BadToken("signature"))?.claims;
        let now = self.host.now(&site.sandbox).await?.as_seconds();
        if claims.iss != format!("https://login.microsoftonline.com/{}/v2.0", claims.tid) {
            return Err(SignInFault::BadToken("issuer"));
        }
        if claims.nonce != nonce || claims.aud != site.client_id {
            return Err(SignInFault::BadToken("nonce"));
        }
        if now >= claims.exp || now < claims.nbf {
            return Err(SignInFault::BadToken("time"));
        }
        let Claims { name, preferred_username: email, oid: object_id, tid: tenant_id, .. } = claims;
        Ok(Visitor { name, email, object_id, tenant_id })
    }
}

/// A value as a cookie: readable, and of nobody else's making.
fn seal(site: &Site, label: &str, value: &impl Serialize) -> String {
    let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap_or_default());
    let mac = mac(site, label, &payload).map(|mac| URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
    format!("{payload}.{}", mac.unwrap_or_default())
}

fn unseal<T: DeserializeOwned>(site: &Site, label: &str, cookie: &str) -> Option<T> {
    let (payload, tag) = cookie.split_once('.')?;
    mac(site, label, payload)?.verify_slice(&URL_SAFE_NO_PAD.decode(tag).ok()?).ok()?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

fn mac(site: &Site, label: &str, payload: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(site.client_secret.as_bytes()).ok()?;
    for part in ["cookie", label, &site.installation, payload] {
        mac.update(part.as_bytes());
        mac.update(&[0]);
    }
    Some(mac)
}

//! Access tokens for client credentials: who gets one, and what it says.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    GRAPH_RESOURCE, LEGACY_MARKETPLACE_RESOURCE, MARKETPLACE_RESOURCE, PARTNER_CENTER_RESOURCE,
    assertion::{self, AssertionFault},
    issuer, issuer_v2,
    person_tokens::ExchangeFault,
    sign_in,
    signing::{SigningKey, SigningKeys},
};
use crate::{
    app::{App, Registered},
    domain::{
        ids::{ClientId, ObjectId, TenantId},
        rules::{AccessToken, ClientSecret, ServicePrincipal, TokenEndpoints, TokenForm},
    },
};

/// Seconds that a token is valid for, as live Entra says it (known: 3599).
pub(super) const LIFETIME_SECONDS: i64 = 3599;
/// Seconds that `iat` and `nbf` lie in the past (known: five minutes).
pub(super) const BACKDATED_SECONDS: i64 = 300;

/// What a client asks the token endpoint for. Texts are as they came.
#[derive(Clone)]
pub struct TokenRequest {
    /// The tenant in the path.
    pub tenant: String,
    /// `grant_type`.
    pub grant: Option<Grant>,
    /// `client_id`.
    pub client_id: Option<String>,
    /// How the app shows who it is.
    pub credential: Credential,
    /// `resource` on v1, `scope` on v2.
    pub audience: Audience,
    /// Whether it came as a multipart form.
    pub is_multipart: bool,
}

/// Leaves the secret out.
impl std::fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenRequest").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// What the token shall be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// `resource`, on the v1 endpoint.
    Resource(Option<String>),
    /// `scope`, on the v2 endpoint.
    Scope(Option<String>),
}

/// A grant type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// `client_credentials`.
    ClientCredentials,
    /// Anything else.
    Other(String),
}

/// How an app shows who it is.
#[derive(Clone)]
pub enum Credential {
    /// Not at all.
    None,
    /// By `client_secret`.
    Secret(String),
    /// By `client_assertion`.
    Assertion(String),
}

/// A token that was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The JWT.
    pub text: String,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// `nbf`, seconds since 1970.
    pub not_before: i64,
    /// `exp`, seconds since 1970.
    pub expires_on: i64,
    /// Its audience.
    pub resource: String,
}

/// Why no token was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenRefusal {
    /// The tenant segment is neither a GUID nor a domain name.
    MalformedTenant(String),
    /// No such tenant.
    UnknownTenant(String),
    /// No cloud has such an authority.
    UnknownInstance,
    /// A form parameter is missing.
    MissingParameter(&'static str),
    /// The grant type is not one that an app may use.
    UnsupportedGrant(String),
    /// The app is not in the tenant.
    UnknownApp {
        /// The client id as it came.
        client: String,
        /// The tenant's display name.
        tenant_name: String,
    },
    /// No secret was sent.
    MissingSecret,
    /// The secret is wrong.
    WrongSecret(ClientId),
    /// The secret was right, and has expired.
    ExpiredSecret(ClientId),
    /// The sandbox has only the other endpoint.
    NoSuchEndpoint,
    /// The assertion is not accepted.
    BadAssertion {
        /// Whose it is said to be.
        client: ClientId,
        /// Why not.
        fault: AssertionFault,
    },
    /// The scope does not end in `/.default`.
    ScopeWithoutDefault(String),
    /// There is no such API.
    UnknownResource {
        /// The resource as it came.
        resource: String,
        /// The tenant's display name.
        tenant_name: String,
    },
    /// A code or a refresh token is not exchanged.
    Exchange(ExchangeFault),
    /// The identity itself failed.
    Internal,
}

/// What a token says, in the order of the documented sample (docs:registration-v1). Which version it has does not depend
/// on the endpoint: the API's manifest decides (known), here the sandbox's rule.
#[derive(Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) aud: String,
    pub(super) iss: String,
    pub(super) iat: i64,
    pub(super) nbf: i64,
    pub(super) exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) appid: Option<ClientId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) appidacr: Option<String>,
    /// `appid` of version 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) azp: Option<ClientId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) azpacr: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) idp: Option<String>,
    /// Absent for an app without a service principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) oid: Option<ObjectId>,
    /// Of a person's token: what the person lets the app do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scp: Option<String>,
    /// A person's is another one for each app, and no GUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sub: Option<String>,
    pub(super) tid: TenantId,
    pub(super) ver: String,
}

impl App {
    /// Grants a token to an app that shows its secret.
    ///
    /// # Errors
    /// The first [`TokenRefusal`] that applies, in the order of its variants.
    pub fn grant_token(&self, request: &TokenRequest) -> Result<(Registered, Token), TokenRefusal> {
        let (client, proof) = self.authenticate(request)?;
        let resource = wanted_resource(&request.audience, &client.app.tenant_name)?;
        let token = mint(self.signing_keys(), &client, proof, resource).ok_or(TokenRefusal::Internal)?;
        Ok((client, token))
    }

    fn authenticate(&self, request: &TokenRequest) -> Result<(Registered, Proof), TokenRefusal> {
        let tenant = self.find_tenant(&request.tenant)?;
        match &request.grant {
            None => return Err(TokenRefusal::MissingParameter("grant_type")),
            Some(Grant::Other(grant)) => return Err(TokenRefusal::UnsupportedGrant(grant.clone())),
            Some(Grant::ClientCredentials) => {}
        }
        let client = request.client_id.as_deref().ok_or(TokenRefusal::MissingParameter("client_id"))?;
        let unknown = || TokenRefusal::UnknownApp { client: client.to_owned(), tenant_name: self.tenant_name(tenant) };
        let registered = client.parse().ok().and_then(|id| self.registered_app(id)).ok_or_else(unknown)?;
        if registered.app.tenant_id != tenant {
            return Err(unknown());
        }
        let proof = prove(&registered, request)?;
        Ok((registered, proof))
    }

    /// The app that exchanges what a person's browser has brought it: of any tenant's path, because its people are of any
    /// tenant. What it shows has to be right; that it shows something is for the caller to look at.
    pub(super) fn app_of_person(&self, request: &TokenRequest) -> Result<Registered, TokenRefusal> {
        if !sign_in::is_multi_tenant(&request.tenant) {
            self.find_tenant(&request.tenant)?;
        }
        let client = request.client_id.as_deref().ok_or(TokenRefusal::MissingParameter("client_id"))?;
        let unknown = || TokenRefusal::UnknownApp { client: client.to_owned(), tenant_name: request.tenant.clone() };
        let registered = client.parse().ok().and_then(|id| self.registered_app(id)).ok_or_else(unknown)?;
        if !matches!(request.credential, Credential::None) {
            prove(&registered, request)?;
        }
        Ok(registered)
    }

    fn find_tenant(&self, segment: &str) -> Result<TenantId, TokenRefusal> {
        let Ok(tenant) = segment.parse::<TenantId>() else {
            let looks_like_domain = segment.contains('.')
                && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
            let segment = segment.to_owned();
            return Err(if looks_like_domain {
                TokenRefusal::UnknownTenant(segment)
            } else {
                TokenRefusal::MalformedTenant(segment)
            });
        };
        self.sandbox_of_tenant(tenant).map(|_| tenant).ok_or_else(|| TokenRefusal::UnknownTenant(segment.to_owned()))
    }

    fn tenant_name(&self, tenant: TenantId) -> String {
        let sandbox = self.sandbox_of_tenant(tenant);
        let Some(sandbox) = sandbox else { return String::new() };
        let publishers = sandbox.catalogue().publishers.iter().map(|publisher| &publisher.app);
        let mut apps = publishers.chain(sandbox.catalogue().partners.iter().map(|partner| &partner.app));
        let named = apps.find(|app| app.tenant_id == tenant);
        named.map(|app| app.tenant_name.clone()).unwrap_or_default()
    }
}

/// How an app shows who it is, if that is right.
fn prove(registered: &Registered, request: &TokenRequest) -> Result<Proof, TokenRefusal> {
    let app = &registered.app;
    let rules = registered.sandbox.rules();
    let is_open = match (&request.audience, rules.token_endpoints) {
        (Audience::Resource(_), TokenEndpoints::V2) | (Audience::Scope(_), TokenEndpoints::V1) => false,
        (_, TokenEndpoints::Both | TokenEndpoints::V1 | TokenEndpoints::V2) => true,
    };
    if !is_open {
        return Err(TokenRefusal::NoSuchEndpoint);
    }
    if request.is_multipart && rules.token_form == TokenForm::UrlEncoded {
        return Err(TokenRefusal::MissingParameter("grant_type"));
    }
    let proof = match &request.credential {
        Credential::None => return Err(TokenRefusal::MissingSecret),
        Credential::Secret(secret) if same_secret(secret, &app.client_secret) => {
            if rules.client_secret == ClientSecret::Expired {
                return Err(TokenRefusal::ExpiredSecret(app.client_id));
            }
            Proof::Secret
        }
        Credential::Secret(_) => return Err(TokenRefusal::WrongSecret(app.client_id)),
        Credential::Assertion(assertion) => {
            let now = registered.sandbox.now();
            assertion::check(assertion, app, &request.tenant, now)
                .map_err(|fault| TokenRefusal::BadAssertion { client: app.client_id, fault })?;
            Proof::Certificate
        }
    };
    Ok(proof)
}

/// Compared as digests, so that neither content nor length shows in the time that it takes.
fn same_secret(shown: &str, kept: &str) -> bool {
    Sha256::digest(shown).ct_eq(&Sha256::digest(kept)).into()
}

fn wanted_resource(audience: &Audience, tenant_name: &str) -> Result<String, TokenRefusal> {
    let wanted = match audience {
        Audience::Resource(resource) => resource.as_deref().ok_or(TokenRefusal::MissingParameter("resource"))?,
        Audience::Scope(scope) => {
            let scope = scope.as_deref().ok_or(TokenRefusal::MissingParameter("scope"))?;
            scope.strip_suffix("/.default").ok_or_else(|| TokenRefusal::ScopeWithoutDefault(scope.to_owned()))?
        }
    };
    let known = [MARKETPLACE_RESOURCE, LEGACY_MARKETPLACE_RESOURCE, PARTNER_CENTER_RESOURCE, GRAPH_RESOURCE];
    let bare = wanted.trim_start_matches("api://").trim_end_matches('/');
    let found = known.into_iter().find(|resource| resource.eq_ignore_ascii_case(bare));
    found.map(str::to_owned).ok_or_else(|| TokenRefusal::UnknownResource {
        resource: wanted.to_owned(),
        tenant_name: tenant_name.to_owned(),
    })
}

fn mint(keys: &SigningKeys, client: &Registered, proof: Proof, resource: String) -> Option<Token> {
    let app = &client.app;
    let (now, rules) = (client.sandbox.now().as_seconds(), client.sandbox.rules());
    let principal = (rules.service_principal == ServicePrincipal::Present).then_some(app.object_id);
    let version = match rules.access_token {
        AccessToken::V1 => ClaimsVersion::V1,
        AccessToken::V2 => ClaimsVersion::V2,
    };
    let subject = Subject { app: app.client_id, principal, proof };
    sign(keys.current()?.as_ref(), now, (app.tenant_id, resource), subject, version)
}

/// Whom a token is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject {
    /// The app.
    pub(super) app: ClientId,
    /// The service principal that stands for it in the tenant, if there is one.
    pub(super) principal: Option<ObjectId>,
    /// How it showed who it is.
    pub(super) proof: Proof,
}

/// `appidacr`: how an app showed who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// `1`
    Secret,
    /// `2`
    Certificate,
}

impl Proof {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "1",
            Self::Certificate => "2",
        }
    }
}

/// Which claims a token has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ClaimsVersion {
    /// `appid`, and the issuer of `sts.windows.net`.
    V1,
    /// `azp`, and the issuer of `login.microsoftonline.com`.
    V2,
}

/// The header of a token, in the order of the documented sample (docs:registration-v1), which is not the library's.
#[derive(Serialize)]
struct TokenHeader<'a> {
    typ: &'static str,
    alg: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    x5t: Option<&'a String>,
    kid: &'a str,
}

/// Signs a token of a tenant for an audience, about an app.
pub(super) fn sign(
    key: &SigningKey,
    now: i64,
    (tenant, audience): (TenantId, String),
    subject: Subject,
    version: ClaimsVersion,
) -> Option<Token> {
    let (not_before, expires_on) = (now.saturating_sub(BACKDATED_SECONDS), now.saturating_add(LIFETIME_SECONDS));
    let is_v1 = version == ClaimsVersion::V1;
    let proof = subject.proof.as_str().to_owned();
    let claims = Claims {
        aud: audience.clone(),
        iss: if is_v1 { issuer(tenant) } else { issuer_v2(tenant) },
        iat: not_before,
        nbf: not_before,
        exp: expires_on,
        appid: is_v1.then_some(subject.app),
        appidacr: is_v1.then(|| proof.clone()),
        azp: (!is_v1).then_some(subject.app),
        azpacr: (!is_v1).then_some(proof),
        idp: is_v1.then(|| issuer(tenant)),
        oid: subject.principal,
        scp: None,
        sub: subject.principal.map(|principal| principal.to_string()),
        tid: tenant,
        ver: if is_v1 { "1.0" } else { "2.0" }.to_owned(),
    };
    // Tokens of version 2 have no `x5t` (known).
    let header = TokenHeader { typ: "JWT", alg: "RS256", x5t: is_v1.then_some(&key.id), kid: &key.id };
    let part = |json: Vec<u8>| URL_SAFE_NO_PAD.encode(json);
    let said = format!("{}.{}", part(serde_json::to_vec(&header).ok()?), part(serde_json::to_vec(&claims).ok()?));
    let signature = jsonwebtoken::crypto::sign(said.as_bytes(), &key.private, Algorithm::RS256).ok()?;
    let text = format!("{said}.{signature}");
    Some(Token { text, expires_in: LIFETIME_SECONDS, not_before, expires_on, resource: audience })
}

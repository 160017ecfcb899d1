//! Tokens about people: what a code or a refresh token is exchanged for, and who an access token of theirs is about.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::BoxFuture;
use jsonwebtoken::{Algorithm, Header, encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    PARTNER_CENTER_RESOURCE, issuer, issuer_v2, sign_in,
    token::{Audience, BACKDATED_SECONDS, ClaimsVersion, Credential, LIFETIME_SECONDS, TokenRefusal, TokenRequest},
};
use crate::{
    app::{
        App, AppError, Registered,
        desk::Desk,
        mailbox::Command,
        timers::{Due, StoredTimer},
    },
    domain::{
        catalogue::Person,
        ids::{ClientId, ObjectId, TenantId},
        time::Timestamp,
    },
};

/// Microsoft Graph: the audience of a person's access token if the app asks for nothing else (known).
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
/// Seconds that a refresh token is good for (known: 90 days).
const REFRESH_LIFETIME_SECONDS: i64 = 90 * 24 * 60 * 60;
const REFRESH: &str = "rehearsal:refresh-token";
/// What a person lets an app do at Partner Center (docs:enable-secure-app-model).
const IMPERSONATION: &str = "user_impersonation";

/// What is exchanged for tokens.
#[derive(Clone)]
pub enum Exchanged {
    /// A code, with the verifier that its challenge was made of.
    Code {
        /// `code`.
        code: Option<String>,
        /// `redirect_uri`: the same as before.
        redirect_uri: Option<String>,
        /// `code_verifier`.
        verifier: Option<String>,
    },
    /// A refresh token.
    Refresh {
        /// `refresh_token`.
        token: Option<String>,
    },
}

/// Tokens about a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonTokens {
    /// The scopes that were granted.
    pub scope: String,
    /// Seconds until the access token expires.
    pub expires_in: i64,
    /// The access token.
    pub access_token: String,
    /// The refresh token, if `offline_access` was asked for.
    pub refresh_token: Option<String>,
    /// The id token, if `openid` was asked for.
    pub id_token: Option<String>,
    /// `client_info`: who it is, for MSAL.
    pub client_info: String,
}

/// Why a code or a refresh token is not exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExchangeFault {
    /// It is none of this identity's.
    Malformed,
    /// It has expired.
    Expired,
    /// The code was exchanged before.
    Redeemed,
    /// It was given to another app.
    OtherApp,
    /// The redirect URI is not the one that the code was sent to.
    OtherRedirect,
    /// The verifier is missing, or does not fit the challenge.
    WrongVerifier,
}

/// What is sealed into a refresh token.
#[derive(Serialize, Deserialize)]
struct SealedRefresh {
    aud: String,
    app: ClientId,
    user: ObjectId,
    scope: String,
    /// Whether its access tokens are for Partner Center.
    #[serde(default)]
    partner_center: bool,
    /// Whether its app has shown no secret for the code, because it keeps none.
    #[serde(default)]
    is_public: bool,
    version: ClaimsVersion,
    exp: i64,
}

/// What somebody's tokens shall be good for.
struct Granted {
    scope: String,
    nonce: Option<String>,
    /// Whether the access token is for Partner Center; for the graph otherwise.
    partner_center: bool,
    /// Whether the app does without a secret.
    is_public: bool,
}

/// What an id token says (docs:landing-page, known).
#[derive(Serialize)]
struct IdClaims {
    aud: ClientId,
    iss: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    oid: ObjectId,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<String>,
    sub: String,
    tid: TenantId,
    #[serde(skip_serializing_if = "Option::is_none")]
    unique_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upn: Option<String>,
    ver: &'static str,
}

/// What a person's access token says. Its reader is this identity's userinfo.
#[derive(Serialize, Deserialize)]
struct AccessClaims {
    aud: String,
    iss: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    appid: ClientId,
    name: String,
    oid: ObjectId,
    scp: String,
    sub: String,
    tid: TenantId,
    unique_name: String,
    ver: String,
}

/// Who somebody is, as `userinfo` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserInfo {
    /// `sub`: another one for each app.
    pub sub: String,
    /// The name.
    pub name: String,
    /// The e-mail address, if the scope `email` was granted.
    pub email: Option<String>,
}

impl App {
    /// Exchanges a code or a refresh token. A code is exchanged once, whatever happens afterwards.
    ///
    /// # Errors
    /// [`TokenRefusal`]; [`TokenRefusal::Exchange`] for what was exchanged.
    pub async fn exchange(
        &self,
        request: &TokenRequest,
        exchanged: &Exchanged,
    ) -> Result<(Registered, PersonTokens), TokenRefusal> {
        let registered = self.app_of_person(request)?;
        let now = registered.sandbox.now().as_seconds();
        let app = registered.app.client_id;
        let asks_for_partner_center = asks_for_partner_center(&request.audience);
        let shows_nothing = matches!(request.credential, Credential::None);
        let (user, granted, version, may_show_nothing) = match exchanged {
            Exchanged::Code { code, redirect_uri, verifier } => {
                let code = code.as_deref().ok_or(TokenRefusal::MissingParameter("code"))?;
                let sealed = self.unseal_code(code).ok_or(ExchangeFault::Malformed)?;
                check_code(&sealed, app, redirect_uri.as_deref(), verifier.as_deref(), now)?;
                let ends = Timestamp::from_millis(sealed.exp.saturating_mul(1000));
                let used = registered.sandbox.ask(UseCode { id: sealed.jti, ends }).await;
                if !used.map_err(|_| TokenRefusal::Internal)? {
                    return Err(ExchangeFault::Redeemed.into());
                }
                let partner_center = asks_for_partner_center || names_partner_center(&sealed.scope);
                let (scope, nonce) = (sealed.scope, sealed.nonce);
                let granted = Granted { scope, nonce, partner_center, is_public: shows_nothing };
                (sealed.user, granted, sealed.version, sealed.challenge.is_some())
            }
            Exchanged::Refresh { token } => {
                let token = token.as_deref().ok_or(TokenRefusal::MissingParameter("refresh_token"))?;
                let sealed: SealedRefresh = self.unseal(token, REFRESH).ok_or(ExchangeFault::Malformed)?;
                if sealed.app != app {
                    return Err(ExchangeFault::OtherApp.into());
                }
                if now >= sealed.exp {
                    return Err(ExchangeFault::Expired.into());
                }
                let partner_center = asks_for_partner_center || sealed.partner_center;
                let (scope, is_public) = (sealed.scope, sealed.is_public);
                let granted = Granted { scope, nonce: None, partner_center, is_public };
                (sealed.user, granted, sealed.version, is_public)
            }
        };
        // An app on a person's own device keeps no secret; its verifier shows that it is the one that asked. One that has
        // shown its secret for the code has to show it for what comes of the code too.
        if shows_nothing && !may_show_nothing {
            return Err(TokenRefusal::MissingSecret);
        }
        let person = sign_in::person(&registered.sandbox, user).ok_or(ExchangeFault::Malformed)?;
        let tokens = self.tokens_of(&registered, &person, granted, version).ok_or(TokenRefusal::Internal)?;
        Ok((registered, tokens))
    }

    fn tokens_of(
        &self,
        app: &Registered,
        person: &Person,
        Granted { scope, nonce, partner_center, is_public }: Granted,
        version: ClaimsVersion,
    ) -> Option<PersonTokens> {
        let now = app.sandbox.now().as_seconds();
        let has = |wanted: &str| scope.split_whitespace().any(|scope| scope == wanted);
        let client = app.app.client_id;
        let access = AccessClaims {
            aud: if partner_center { PARTNER_CENTER_RESOURCE } else { GRAPH }.to_owned(),
            iss: issuer(person.tenant_id),
            iat: now.saturating_sub(BACKDATED_SECONDS),
            nbf: now.saturating_sub(BACKDATED_SECONDS),
            exp: now.saturating_add(LIFETIME_SECONDS),
            appid: client,
            name: person.name.clone(),
            oid: person.object_id,
            scp: if partner_center { IMPERSONATION.to_owned() } else { scope.clone() },
            sub: pairwise(client, person.object_id),
            tid: person.tenant_id,
            unique_name: person.email.clone(),
            ver: "1.0".to_owned(),
        };
        let refresh = SealedRefresh {
            aud: REFRESH.to_owned(),
            app: client,
            user: person.object_id,
            scope: scope.clone(),
            partner_center,
            is_public,
            version,
            exp: now.saturating_add(REFRESH_LIFETIME_SECONDS),
        };
        let is_v1 = version == ClaimsVersion::V1;
        let client_info = format!(r#"{{"uid":"{}","utid":"{}"}}"#, person.object_id, person.tenant_id);
        Some(PersonTokens {
            expires_in: LIFETIME_SECONDS,
            access_token: self.seal(&access)?,
            refresh_token: if is_v1 || has("offline_access") { Some(self.seal(&refresh)?) } else { None },
            id_token: if is_v1 || has("openid") {
                Some(self.id_token(app, person, (&scope, nonce), version)?)
            } else {
                None
            },
            client_info: URL_SAFE_NO_PAD.encode(client_info),
            scope: if partner_center && is_v1 { IMPERSONATION.to_owned() } else { scope },
        })
    }

    /// An id token about a person, for an app.
    pub(super) fn id_token(
        &self,
        app: &Registered,
        person: &Person,
        (scope, nonce): (&str, Option<String>),
        version: ClaimsVersion,
    ) -> Option<String> {
        let key = self.signing_keys().current()?;
        let now = app.sandbox.now().as_seconds();
        let client = app.app.client_id;
        let is_v1 = version == ClaimsVersion::V1;
        let has = |wanted: &str| scope.split_whitespace().any(|scope| scope == wanted);
        let email = || person.email.clone();
        let claims = IdClaims {
            aud: client,
            iss: if is_v1 { issuer(person.tenant_id) } else { issuer_v2(person.tenant_id) },
            iat: now.saturating_sub(BACKDATED_SECONDS),
            nbf: now.saturating_sub(BACKDATED_SECONDS),
            exp: now.saturating_add(LIFETIME_SECONDS),
            email: (!is_v1 && has("email")).then(email),
            name: person.name.clone(),
            nonce,
            oid: person.object_id,
            preferred_username: (!is_v1).then(email),
            sub: pairwise(client, person.object_id),
            tid: person.tenant_id,
            unique_name: is_v1.then(email),
            upn: is_v1.then(email),
            ver: if is_v1 { "1.0" } else { "2.0" },
        };
        let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::RS256) };
        encode(&header, &claims, &key.private).ok()
    }

    /// Who shows an access token at `userinfo`; `None` if it is not one of a person, or not valid now.
    pub async fn user_info(&self, token: &str) -> Option<UserInfo> {
        let claims: AccessClaims = match self.unseal(token, GRAPH) {
            None if self.look_around().await => self.unseal(token, GRAPH),
            read => read,
        }?;
        self.meet("", Some(&claims.appid.to_string())).await;
        let sandbox = self.registered_app(claims.appid)?.sandbox;
        let now = sandbox.now().as_seconds();
        let person = sign_in::person(&sandbox, claims.oid).filter(|_| claims.nbf <= now && now < claims.exp)?;
        let has_email = claims.scp.split_whitespace().any(|scope| scope == "email");
        Some(UserInfo { sub: claims.sub, name: person.name, email: has_email.then_some(person.email) })
    }
}

fn asks_for_partner_center(audience: &Audience) -> bool {
    match audience {
        Audience::Resource(resource) => resource.as_deref().is_some_and(names_partner_center),
        Audience::Scope(scope) => scope.as_deref().is_some_and(names_partner_center),
    }
}

/// Whether one of some scopes, or a resource, is Partner Center's.
fn names_partner_center(scopes: &str) -> bool {
    scopes.split_whitespace().any(|scope| scope.starts_with(PARTNER_CENTER_RESOURCE))
}

impl From<ExchangeFault> for TokenRefusal {
    fn from(fault: ExchangeFault) -> Self {
        Self::Exchange(fault)
    }
}

fn check_code(
    sealed: &sign_in::SealedCode,
    app: ClientId,
    redirect_uri: Option<&str>,
    verifier: Option<&str>,
    now: i64,
) -> Result<(), ExchangeFault> {
    if sealed.app != app {
        return Err(ExchangeFault::OtherApp);
    }
    if now >= sealed.exp {
        return Err(ExchangeFault::Expired);
    }
    let is_same = |uri: &str| url::Url::parse(uri).is_ok_and(|uri| uri.as_str() == sealed.redirect_uri);
    if !redirect_uri.is_some_and(is_same) {
        return Err(ExchangeFault::OtherRedirect);
    }
    match (&sealed.challenge, verifier) {
        (None, _) => Ok(()),
        (Some(challenge), Some(verifier)) if fits(challenge, verifier, sealed.is_plain) => Ok(()),
        (Some(_), _) => Err(ExchangeFault::WrongVerifier),
    }
}

/// Whether a verifier is what a challenge was made of (RFC 7636).
fn fits(challenge: &str, verifier: &str, is_plain: bool) -> bool {
    if is_plain {
        return challenge == verifier;
    }
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == challenge.trim_end_matches('=')
}

/// `sub`: the same person is another one to each app (entra-recorded: `subject_types_supported` is `pairwise`).
fn pairwise(app: ClientId, user: ObjectId) -> String {
    let mut digest = Sha256::new();
    digest.update(b"pairwise subject");
    digest.update(app.as_bytes());
    digest.update(user.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.finalize())
}

/// Marks a code as used, for as long as it lives; whether it was not before.
struct UseCode {
    id: Uuid,
    ends: Timestamp,
}

impl Command for UseCode {
    type Answer = bool;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<bool, AppError>> {
        Box::pin(async move {
            let key = desk.space().used_sign_in_code(self.id, self.ends);
            let is_new = desk.get(&key).await?.is_none();
            if is_new {
                desk.put(key, &StoredTimer::new(self.ends, Due::SignInCodeEnds {}))?;
            }
            Ok(is_new)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_fits_the_challenge_of_the_rfc() {
        // RFC 7636, appendix B.
        let (verifier, challenge) =
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(fits(challenge, verifier, false));
        assert!(!fits(challenge, "dBjftJeZ4CVP", false));
        assert!(fits("same", "same", true) && !fits("same", "other", true));
    }
}

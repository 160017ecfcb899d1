//! People sign in: which request is in order, who may be picked, and what the app gets for it.
//!
//! A request ([`SignInRequest`]) is checked into a [`SignIn`]; somebody is picked; [`App::complete_sign_in`] makes what the
//! app asked for: a code, an id token, or both. The code is exchanged in [`super::person_tokens`]. Nothing of it is kept
//! but that a code was used: codes and tokens are signed and say all there is to know.

use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use url::Url;
use uuid::Uuid;

use super::token::ClaimsVersion;
use crate::{
    app::{App, Registered, Sandbox},
    domain::{
        catalogue::Person,
        ids::{ClientId, ObjectId, TenantId},
    },
};

/// Seconds that a code may be exchanged for (known: ten minutes).
const CODE_LIFETIME_SECONDS: i64 = 600;
/// Seconds that a browser is remembered for.
const SESSION_LIFETIME_SECONDS: i64 = 24 * 60 * 60;

/// What an app sends a browser with. Texts are as they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignInRequest {
    /// The tenant in the path: a GUID, `common`, `organizations` or `consumers`.
    pub tenant: String,
    /// `client_id`.
    pub client_id: Option<String>,
    /// `redirect_uri`.
    pub redirect_uri: Option<String>,
    /// `response_type`.
    pub response_type: Option<String>,
    /// `response_mode`.
    pub response_mode: Option<String>,
    /// `scope`.
    pub scope: Option<String>,
    /// `state`.
    pub state: Option<String>,
    /// `nonce`.
    pub nonce: Option<String>,
    /// `code_challenge`.
    pub code_challenge: Option<String>,
    /// `code_challenge_method`.
    pub code_challenge_method: Option<String>,
    /// `prompt`.
    pub prompt: Option<String>,
    /// `login_hint`.
    pub login_hint: Option<String>,
}

/// A request that is in order.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// The app, and its sandbox.
    pub app: Registered,
    /// Where the browser is sent back to.
    pub redirect_uri: Url,
    /// How the answer comes there.
    pub mode: ResponseMode,
    /// What to answer with.
    pub wants: Wants,
    /// Whether a page may be shown.
    pub prompt: Prompt,
    request: SignInRequest,
    version: ClaimsVersion,
}

/// How an answer comes back to the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query.
    Query,
    /// Behind the `#`.
    Fragment,
    /// In a form that the browser posts.
    FormPost,
}

/// What an app gets from the authorization endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wants {
    /// A code.
    pub code: bool,
    /// An id token at once.
    pub id_token: bool,
}

/// Whether somebody is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// The page is shown.
    Ask,
    /// Never: whoever is signed in, or nobody.
    None,
}

/// Why nobody can sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInRefusal {
    /// There is no such tenant.
    UnknownTenant(String),
    /// A parameter is missing.
    MissingParameter(&'static str),
    /// There is no such app.
    UnknownApp(String),
    /// The app may not send anybody there.
    RedirectNotRegistered {
        /// Where.
        redirect_uri: String,
        /// Which app.
        client: ClientId,
    },
}

/// Why an app gets an error instead of an answer: an OAuth error, an AADSTS code, a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInError {
    /// `error`.
    pub error: &'static str,
    /// The number behind `AADSTS`.
    pub code: u32,
    /// What is wrong.
    pub text: String,
}

/// What comes of checking a request.
#[derive(Debug, Clone)]
pub enum SignInCheck {
    /// Somebody may sign in.
    Possible(Box<SignIn>),
    /// The app is told why not.
    Returned(Box<SignIn>, SignInError),
    /// The person is told why not: nobody knows whether the app may be.
    Shown(SignInRefusal),
}

/// Somebody who can be picked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInPerson {
    /// Who.
    pub person: Person,
    /// The company.
    pub company: String,
}

/// What is sealed into a code.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SealedCode {
    aud: String,
    pub(super) jti: Uuid,
    pub(super) app: ClientId,
    pub(super) redirect_uri: String,
    pub(super) user: ObjectId,
    pub(super) scope: String,
    pub(super) nonce: Option<String>,
    pub(super) challenge: Option<String>,
    pub(super) is_plain: bool,
    pub(super) version: ClaimsVersion,
    pub(super) exp: i64,
}

/// What is sealed into a session's cookie.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct SealedSession {
    aud: String,
    app: ClientId,
    user: ObjectId,
    exp: i64,
}

const CODE: &str = "rehearsal:sign-in-code";
const SESSION: &str = "rehearsal:session";

impl App {
    /// Checks a request: the app and where it sends people first, because nothing is returned to a stranger.
    /// `own_origin` is where this server is reached.
    #[must_use]
    pub fn check_sign_in(&self, request: SignInRequest, is_v1: bool, own_origin: &str) -> SignInCheck {
        let (app, redirect_uri) = match self.app_of(&request, own_origin) {
            Ok(found) => found,
            Err(refusal) => return SignInCheck::Shown(refusal),
        };
        let types: Vec<&str> = request.response_type.as_deref().unwrap_or_default().split_whitespace().collect();
        let wants = Wants { code: types.contains(&"code"), id_token: types.contains(&"id_token") };
        let mode = match request.response_mode.as_deref() {
            Some("fragment") => ResponseMode::Fragment,
            Some("form_post") => ResponseMode::FormPost,
            None if wants.id_token => ResponseMode::Fragment,
            Some(_) | None => ResponseMode::Query,
        };
        let prompt = if request.prompt.as_deref() == Some("none") { Prompt::None } else { Prompt::Ask };
        let version = if is_v1 { ClaimsVersion::V1 } else { ClaimsVersion::V2 };
        let fault = fault_of(&request, &types, is_v1);
        let sign_in = Box::new(SignIn { app, redirect_uri, mode, wants, prompt, request, version });
        match fault {
            None => SignInCheck::Possible(sign_in),
            Some(fault) => SignInCheck::Returned(sign_in, fault),
        }
    }

    fn app_of(&self, request: &SignInRequest, own_origin: &str) -> Result<(Registered, Url), SignInRefusal> {
        let client = request.client_id.as_deref().ok_or(SignInRefusal::MissingParameter("client_id"))?;
        let unknown = || SignInRefusal::UnknownApp(client.to_owned());
        let app = client.parse().ok().and_then(|id| self.registered_app(id)).ok_or_else(unknown)?;
        if !is_multi_tenant(&request.tenant) {
            let tenant = request.tenant.parse().ok().and_then(|tenant| self.sandbox_of_tenant(tenant));
            if tenant.is_none_or(|sandbox| sandbox.id() != app.sandbox.id()) {
                return Err(SignInRefusal::UnknownTenant(request.tenant.clone()));
            }
        }
        let redirect_uri = request.redirect_uri.as_deref().ok_or(SignInRefusal::MissingParameter("redirect_uri"))?;
        let refused = || SignInRefusal::RedirectNotRegistered {
            redirect_uri: redirect_uri.to_owned(),
            client: app.app.client_id,
        };
        let url = Url::parse(redirect_uri).map_err(|_| refused())?;
        let is_registered = app.app.redirect_uris.iter().any(|registered| registered == redirect_uri);
        let is_own = url.origin().ascii_serialization() == own_origin;
        if !(is_registered || is_own || is_loopback(&url)) {
            return Err(refused());
        }
        Ok((app, url))
    }

    /// Whether a browser may be sent there after a sign-out: to this server, a loopback address, or where some app of this
    /// server may send people.
    #[must_use]
    pub fn may_return_to(&self, to: &Url, own_origin: &str) -> bool {
        let registered = |sandbox: &Sandbox| {
            let catalogue = sandbox.catalogue();
            let apps = catalogue.publishers.iter().map(|publisher| &publisher.app);
            let mut apps = apps.chain(catalogue.partners.iter().map(|partner| &partner.app));
            apps.any(|app| app.redirect_uris.iter().any(|uri| uri == to.as_str()))
        };
        to.origin().ascii_serialization() == own_origin
            || is_loopback(to)
            || self.sandboxes().iter().any(|sandbox| registered(sandbox))
    }

    /// Who can be picked: everybody of the sandbox; with a tenant in the path, everybody of that tenant.
    #[must_use]
    pub fn people_of(&self, sign_in: &SignIn) -> Vec<SignInPerson> {
        let tenant: Option<TenantId> = sign_in.request.tenant.parse().ok();
        // Personal accounts there are none.
        if sign_in.request.tenant.eq_ignore_ascii_case("consumers") {
            return Vec::new();
        }
        let mut people = people(&sign_in.app.sandbox);
        people.retain(|one| tenant.is_none_or(|tenant| one.person.tenant_id == tenant));
        if let Some(hint) = sign_in.request.login_hint.as_deref() {
            people.sort_by_key(|one| !one.person.email.eq_ignore_ascii_case(hint));
        }
        people
    }

    /// What the app is answered with, once somebody was picked: names and values. `fresh` is a new id. `None` if that
    /// person can't be picked, or nothing can be signed.
    #[must_use]
    pub fn complete_sign_in(
        &self,
        sign_in: &SignIn,
        user: ObjectId,
        fresh: Uuid,
    ) -> Option<Vec<(&'static str, String)>> {
        let picked = self.people_of(sign_in).into_iter().find(|one| one.person.object_id == user)?;
        let app = &sign_in.app.app;
        let now = sign_in.app.sandbox.now().as_seconds();
        let mut answer = Vec::new();
        if sign_in.wants.code {
            let sealed = SealedCode {
                aud: CODE.to_owned(),
                jti: fresh,
                app: app.client_id,
                redirect_uri: sign_in.redirect_uri.to_string(),
                user,
                scope: sign_in.request.scope.clone().unwrap_or_default(),
                nonce: sign_in.request.nonce.clone(),
                challenge: sign_in.request.code_challenge.clone(),
                is_plain: sign_in.request.code_challenge_method.as_deref() != Some("S256"),
                version: sign_in.version,
                exp: now.saturating_add(CODE_LIFETIME_SECONDS),
            };
            answer.push(("code", self.seal(&sealed)?));
        }
        if sign_in.wants.id_token {
            let scope = sign_in.request.scope.as_deref().unwrap_or_default();
            let nonce = sign_in.request.nonce.clone();
            answer.push(("id_token", self.id_token(&sign_in.app, &picked.person, (scope, nonce), sign_in.version)?));
        }
        answer.extend(sign_in.state());
        answer.push(("session_state", fresh.to_string()));
        Some(answer)
    }

    /// The cookie by which a browser is known the next time.
    #[must_use]
    pub fn session_cookie(&self, sign_in: &SignIn, user: ObjectId) -> Option<String> {
        let now = sign_in.app.sandbox.now().as_seconds();
        let app = sign_in.app.app.client_id;
        let exp = now.saturating_add(SESSION_LIFETIME_SECONDS);
        self.seal(&SealedSession { aud: SESSION.to_owned(), app, user, exp })
    }

    /// Who a browser's cookie says is signed in, if that is somebody who can be picked now.
    #[must_use]
    pub fn signed_in(&self, sign_in: &SignIn, cookie: &str) -> Option<ObjectId> {
        let session: SealedSession = self.unseal(cookie, SESSION)?;
        let is_of_here = self.registered_app(session.app)?.sandbox.id() == sign_in.app.sandbox.id();
        let is_valid = sign_in.app.sandbox.now().as_seconds() < session.exp;
        let can_be_picked = self.people_of(sign_in).iter().any(|one| one.person.object_id == session.user);
        (is_of_here && is_valid && can_be_picked).then_some(session.user)
    }

    pub(super) fn unseal_code(&self, code: &str) -> Option<SealedCode> {
        self.unseal(code, CODE)
    }

    /// Signs what only this identity reads again.
    pub(super) fn seal(&self, claims: &impl Serialize) -> Option<String> {
        let key = self.signing_keys().current()?;
        let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::RS256) };
        encode(&header, claims, &key.private).ok()
    }

    /// Reads what this identity has signed for a purpose. Its time is for the caller to look at: the sandbox's counts.
    pub(super) fn unseal<T: DeserializeOwned>(&self, text: &str, purpose: &str) -> Option<T> {
        let header = decode_header(text).ok().filter(|header| header.alg == Algorithm::RS256)?;
        let key = self.signing_keys().find(header.kid.as_deref()?)?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        validation.set_required_spec_claims(&["exp", "aud"]);
        validation.set_audience(&[purpose]);
        decode::<T>(text, &key.public, &validation).ok().map(|decoded| decoded.claims)
    }
}

impl SignIn {
    /// `state`, which goes back to the app whatever comes of it.
    #[must_use]
    pub fn state(&self) -> Option<(&'static str, String)> {
        self.request.state.clone().map(|state| ("state", state))
    }

    /// The parameters of the request that have to come again with whoever was picked.
    #[must_use]
    pub fn parameters(&self) -> Vec<(&'static str, &str)> {
        let request = &self.request;
        let all = [
            ("client_id", &request.client_id),
            ("redirect_uri", &request.redirect_uri),
            ("response_type", &request.response_type),
            ("response_mode", &request.response_mode),
            ("scope", &request.scope),
            ("state", &request.state),
            ("nonce", &request.nonce),
            ("code_challenge", &request.code_challenge),
            ("code_challenge_method", &request.code_challenge_method),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect()
    }
}

/// What is wrong with a request of an app that is known (known texts).
fn fault_of(request: &SignInRequest, types: &[&str], is_v1: bool) -> Option<SignInError> {
    let missing = |name: &str| SignInError {
        error: "invalid_request",
        code: 900_144,
        text: format!("The request body must contain the following parameter: '{name}'."),
    };
    let unsupported = |what: &str, value: &str| SignInError {
        error: "unsupported_response_type",
        code: 700_054,
        text: format!("{what} '{value}' is not enabled for the application."),
    };
    if types.is_empty() {
        return Some(missing("response_type"));
    }
    if let Some(other) = types.iter().find(|kind| !matches!(**kind, "code" | "id_token")) {
        return Some(unsupported("response_type", other));
    }
    if let Some(mode) = request.response_mode.as_deref() {
        let leaks = mode == "query" && types.contains(&"id_token");
        if leaks || !matches!(mode, "query" | "fragment" | "form_post") {
            return Some(SignInError {
                error: "invalid_request",
                code: 70_007,
                text: format!("'{mode}' is not a supported value of 'response_mode' when requesting a token."),
            });
        }
    }
    if let Some(fault) = fault_of_challenge(request) {
        return Some(fault);
    }
    // v1 has `resource` instead, and knows openid without being told.
    if !is_v1 && request.scope.as_deref().unwrap_or_default().trim().is_empty() {
        return Some(missing("scope"));
    }
    if types.contains(&"id_token") && request.nonce.as_deref().unwrap_or_default().is_empty() {
        return Some(missing("nonce"));
    }
    None
}

/// What is wrong with a challenge: its method is neither of the two, in just these letters, or it is not of the length that
/// the method gives it (RFC 7636; 501491 and the lengths are known, the other code is inferred).
fn fault_of_challenge(request: &SignInRequest) -> Option<SignInError> {
    let fault = |code, text: &str| Some(SignInError { error: "invalid_request", code, text: text.to_owned() });
    let lengths = match request.code_challenge_method.as_deref() {
        // Some clients leave the padding on.
        Some("S256") => 43..=44,
        Some("plain") | None => 43..=128,
        Some(_) => return fault(50_149, "Invalid Code_Challenge_Method parameter. The values are 'S256' and 'plain'."),
    };
    match &request.code_challenge {
        Some(challenge) if !lengths.contains(&challenge.len()) => {
            fault(501_491, "Invalid size of Code_Challenge parameter.")
        }
        Some(_) | None => None,
    }
}

/// Everybody of a sandbox: the customers' people and the partners'.
fn people(sandbox: &Sandbox) -> Vec<SignInPerson> {
    let catalogue = sandbox.catalogue();
    let of_customers = catalogue.customers.iter().flat_map(|customer| {
        customer.users.iter().map(|person| SignInPerson { person: person.clone(), company: customer.name.clone() })
    });
    let of_partners = catalogue.partners.iter().flat_map(|partner| {
        partner.people().map(|(person, _)| SignInPerson { person: person.clone(), company: partner.name.clone() })
    });
    of_customers.chain(of_partners).collect()
}

/// Somebody of a sandbox.
pub(super) fn person(sandbox: &Sandbox, user: ObjectId) -> Option<Person> {
    people(sandbox).into_iter().map(|one| one.person).find(|person| person.object_id == user)
}

/// A tenant segment that stands for every tenant.
pub(super) fn is_multi_tenant(segment: &str) -> bool {
    ["common", "organizations", "consumers"].iter().any(|known| known.eq_ignore_ascii_case(segment))
}

/// Entra takes any port of localhost; here every loopback address, registered or not.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

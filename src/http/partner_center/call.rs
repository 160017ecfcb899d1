//! One call of Partner Center's API: what every one of them has in common (section 1 of what is known).
//!
//! Token, role, then what the call itself is about. Every answer carries the documented headers, and every call is
//! recorded in the journal.

use std::{future::Future, sync::Arc};

use axum::{
    body::{Body as HttpBody, Bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::problem::{Problem, Told};
use crate::{
    app::{Acting, AppError, Exchange, Limited, Player, RecordedCall, Sandbox, identity::PartnerCaller},
    domain::{
        audit::Actor,
        customer::Customer,
        ids::{ObjectId, OfferId, SandboxId, SubscriptionId, TenantId},
        partner::{Partner, Right},
        refusal_names::in_names,
        rules::{CspAccount, Rules, Throttling},
        time::Timestamp,
    },
    http::{exchange::recorded_body, faces::Faces, paths::OriginalPath},
    sim::clock::Stopwatch,
    wire::partner_center::{AgreementFault, Body, TooMany},
};

/// The largest body that is read: a cart of many lines.
const LARGEST_BODY: usize = 256 * 1024;

const PDF: &str = "application/pdf";

/// A call that has arrived.
pub(super) struct Call {
    faces: Arc<Faces>,
    method: Method,
    uri: Uri,
    query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    body: Bytes,
    request_id: Option<Uuid>,
    ids: CallIds,
    started: Stopwatch,
}

/// What a call asks of its caller.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needs {
    right: Right,
    is_for_people: bool,
}

impl Needs {
    /// A right; an app that acts for itself has all (section 2.1).
    pub(super) const fn right(right: Right) -> Self {
        Self { right, is_for_people: false }
    }

    /// A right, and a person for whom the app acts.
    pub(super) const fn person(right: Right) -> Self {
        Self { right, is_for_people: true }
    }
}

/// Who calls, and what the call can ask.
pub(super) struct At {
    pub(super) call: Arc<Call>,
    pub(super) sandbox: Arc<Sandbox>,
    pub(super) partner: Partner,
    user: Option<ObjectId>,
    app: String,
}

/// A successful answer.
pub(super) struct Answer {
    status: StatusCode,
    body: Vec<u8>,
    location: Option<String>,
    subscription: Option<SubscriptionId>,
    is_of_catalogue: bool,
    content_type: &'static str,
    /// The name under which it is to be kept, if it is a file.
    file: Option<String>,
}

impl Answer {
    /// 200 with a body.
    pub(super) fn ok(body: &impl Serialize) -> Self {
        Self::with(StatusCode::OK, body)
    }

    /// Another success with a body.
    pub(super) fn with(status: StatusCode, body: &impl Serialize) -> Self {
        Self {
            status,
            // Only a map with keys that are no text could not be written.
            body: serde_json::to_vec(body).unwrap_or_default(),
            location: None,
            subscription: None,
            is_of_catalogue: false,
            content_type: "application/json; charset=utf-8",
            file: None,
        }
    }

    /// A document, to be kept under a name.
    pub(super) fn pdf(name: String, body: Vec<u8>) -> Self {
        Self { body, content_type: PDF, file: Some(name), ..Self::ok(&()) }
    }

    /// 204.
    pub(super) fn nothing() -> Self {
        Self { body: Vec::new(), ..Self::with(StatusCode::NO_CONTENT, &()) }
    }

    /// 202, and where to look.
    pub(super) fn accepted(location: String) -> Self {
        Self { body: Vec::new(), location: Some(location), ..Self::with(StatusCode::ACCEPTED, &()) }
    }

    /// The subscription that it is about.
    pub(super) fn about(self, subscription: SubscriptionId) -> Self {
        Self { subscription: Some(subscription), ..self }
    }

    /// An answer of the catalogue, which has other headers (section 1.3).
    pub(super) fn of_catalogue(body: &impl Serialize) -> Self {
        Self { is_of_catalogue: true, ..Self::ok(body) }
    }
}

impl FromRequest<Arc<Faces>> for Call {
    type Rejection = Response;

    async fn from_request(request: Request, faces: &Arc<Faces>) -> Result<Self, Response> {
        let started = Stopwatch::start();
        let (parts, body) = request.into_parts();
        let uri = parts.extensions.get::<OriginalPath>().map_or(&parts.uri, |original| &original.0).clone();
        let query = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        // A documented link has a second question mark in its query (section 1.6).
        let query = query.flat_map(|(name, value)| match value.split_once('?') {
            Some((value, more)) => {
                let (second, worth) = more.split_once('=').unwrap_or((more, ""));
                vec![(name.into_owned(), value.to_owned()), (second.to_owned(), worth.to_owned())]
            }
            None => vec![(name.into_owned(), value.into_owned())],
        });
        let query = query.collect();
        let body = axum::body::to_bytes(body, LARGEST_BODY)
            .await
            .map_err(|_| StatusCode::PAYLOAD_TOO_LARGE.into_response())?;
        let request_id = parts.headers.get("ms-requestid").and_then(|id| id.to_str().ok()?.parse().ok());
        let (faces, method, headers) = (Arc::clone(faces), parts.method, parts.headers);
        let ids = CallIds::of(&headers, &faces);
        Ok(Self { faces, method, uri, query, headers, body, request_id, ids, started })
    }
}

impl Call {
    /// Answers the call: checks token and role, lets `handler` do the rest, records the exchange.
    pub(super) async fn answer<F, Fut>(self, needs: Needs, handler: F) -> Response
    where
        F: FnOnce(At) -> Fut,
        Fut: Future<Output = Result<Answer, Problem>>,
    {
        let call = Arc::new(self);
        let caller = match call.check(needs).await {
            Ok(caller) => caller,
            Err((sandbox, problem)) => return call.finish(sandbox, "", Err(problem)).await,
        };
        let catalogue = Arc::clone(caller.sandbox.catalogue());
        let Some(partner) = catalogue.partner(&caller.partner) else {
            return call.finish(None, "", Err(Problem::NoRelationship)).await;
        };
        let at = At {
            call: Arc::clone(&call),
            sandbox: Arc::clone(&caller.sandbox),
            partner: partner.clone(),
            user: caller.user.map(|(user, _)| user),
            app: caller.app.to_string(),
        };
        let answer = handler(at).await;
        call.finish(Some(caller.sandbox), caller.partner.as_str(), answer).await
    }

    async fn check(&self, needs: Needs) -> Result<PartnerCaller, (Option<Arc<Sandbox>>, Problem)> {
        let authorization = self.headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let caller =
            self.faces.app.partner_caller(authorization).await.map_err(|fault| (None, Problem::Token(fault)))?;
        if let Err(over_quota) = caller.sandbox.takes_call() {
            return Err((Some(caller.sandbox), over_quota.into()));
        }
        let refused = |problem| Err((Some(Arc::clone(&caller.sandbox)), problem));
        if caller.sandbox.rules().throttling == Throttling::Documented {
            match caller.sandbox.count_call(&caller.partner, Limited::Calls).await {
                Ok(None) => {}
                Ok(Some(seconds)) => return refused(Problem::TooMany(seconds)),
                Err(error) => return refused(error.into()),
            }
        }
        match caller.user {
            Some((_, role)) if !role.may(needs.right) => return refused(Problem::Role),
            None if needs.is_for_people => return refused(Problem::NeedsUser),
            Some(_) | None => {}
        }
        Ok(caller)
    }

    /// A query parameter, in any case.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut found = self.query.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next_back().map(|(_, value)| value.as_str())
    }

    /// How many items a page shall have.
    pub(super) fn size(&self, usual: usize, largest: usize) -> Result<usize, Problem> {
        match self.parameter("size").map(str::parse) {
            None | Some(Ok(0)) => Ok(usual),
            Some(Ok(size)) => Ok(size.min(largest)),
            Some(Err(_)) => Err(Problem::Parameter("size")),
        }
    }

    /// Where a page goes on, if one is asked for (section 1.6).
    pub(super) fn continuation(&self) -> Result<Option<Vec<u8>>, Problem> {
        let is_next = self.parameter("seekOperation").is_some_and(|seek| seek.eq_ignore_ascii_case("next"));
        let Some(token) = self.headers.get("ms-continuationtoken").filter(|_| is_next) else { return Ok(None) };
        STANDARD.decode(token.as_bytes()).map(Some).map_err(|_| Problem::BAD_TOKEN)
    }

    /// The link of a list whose pages are found by tokens: the call's own, without what leads to the page.
    pub(super) fn list_link(&self, size: usize) -> String {
        let link = self.link().replace("&seekOperation=Next", "").replace("&seekoperation=next", "");
        if link.contains('?') { link } else { format!("{link}?size={size}") }
    }

    /// The id by which the caller would know the request again.
    pub(super) const fn request_id(&self) -> Option<Uuid> {
        self.request_id
    }

    /// The body, if it is JSON.
    pub(super) fn json(&self) -> Result<Value, Problem> {
        serde_json::from_slice(&self.body).map_err(|_| Problem::Body)
    }

    /// Path and query, without the version, as links have it.
    pub(super) fn link(&self) -> String {
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        path.get(3..).filter(|_| path.starts_with("/v1/")).unwrap_or(path).to_owned()
    }

    async fn finish(&self, sandbox: Option<Arc<Sandbox>>, partner: &str, answer: Result<Answer, Problem>) -> Response {
        let mut retry_after = None;
        let is_over_quota = matches!(answer, Err(Problem::App(AppError::TooManyCalls)));
        let (answer, remark) = match answer {
            Ok(answer) => (answer, None),
            Err(problem) => {
                let Told { status, fault, remark } = problem.told();
                let answer = match problem.seconds_to_wait() {
                    Some(seconds) => {
                        retry_after = Some(seconds);
                        Answer::with(status, &TooMany { status_code: status.as_u16(), message: fault.description })
                    }
                    _ if self.uri.path().to_ascii_lowercase().ends_with("/agreements") && fault.code == 600_061 => {
                        Answer::with(status, &agreement_fault(fault.code, fault.description))
                    }
                    _ => Answer::with(status, &fault),
                };
                (answer, remark)
            }
        };
        // What a quota refuses leaves no entry: it would use up what the quota saves.
        if !is_over_quota {
            self.record(sandbox, partner, &answer, remark).await;
        }
        // The store is away: it is worth another try.
        if answer.status == StatusCode::SERVICE_UNAVAILABLE {
            retry_after = Some(10);
        }
        let is_denied = answer.status == StatusCode::UNAUTHORIZED;
        let mut response = respond(answer, &self.ids);
        if is_denied
            && let Ok(realm) = HeaderValue::try_from(format!("OAuth realm=urn:cpsvc:cpid:{}", self.ids.request))
        {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
        }
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    async fn record(&self, sandbox: Option<Arc<Sandbox>>, partner: &str, answer: &Answer, remark: Option<String>) {
        let default = || self.faces.app.sandbox(&SandboxId::default_sandbox()).ok();
        let Some(sandbox) = sandbox.or_else(default) else { return };
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let is_read = self.method == Method::GET && answer.status.is_success();
        if is_read && sandbox.is_repeated_read(partner, path, &answer.body) {
            return;
        }
        let exchange = Exchange {
            to: Player::PartnerCenter,
            method: self.method.to_string(),
            path: path.to_owned(),
            status: Some(answer.status.as_u16()),
            publisher: None,
            request_body: recorded_body(&self.body),
            // An activation link carries an authorization code, and a new customer a password.
            response_body: (!holds_a_secret(path) && answer.content_type != PDF)
                .then(|| recorded_body(&answer.body))
                .flatten(),
            correlation_id: Some(self.ids.correlation.clone()),
            remark,
            latency_micros: self.started.micros(),
        };
        let subscription = answer.subscription.or_else(|| subscription_in(path));
        let call = RecordedCall { from: Player::Partner, subscription, exchange };
        if let Err(error) = sandbox.record(call).await {
            tracing::warn!(%error, "a call was not recorded");
        }
    }
}

fn holds_a_secret(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    path.contains("/activationlinks") || path.trim_end_matches('/') == "/v1/customers"
}

fn subscription_in(path: &str) -> Option<SubscriptionId> {
    let (_, rest) = path.split_once("/subscriptions/")?;
    rest.split(['/', '?']).next()?.parse().ok()
}

fn agreement_fault(code: u32, message: String) -> AgreementFault {
    AgreementFault {
        code,
        description: message.clone(),
        message,
        error_name: "PartnerConfirmedAgreementAlreadyExists",
        is_retryable: false,
        parameters: serde_json::Map::new(),
        error_message_extended: format!("InternalErrorCode={code}"),
    }
}

impl At {
    /// The sandbox's time.
    pub(super) fn now(&self) -> Timestamp {
        self.sandbox.now()
    }

    /// The sandbox's rules.
    pub(super) fn rules(&self) -> Rules {
        self.sandbox.rules()
    }

    /// Whether the account is an integration sandbox.
    pub(super) fn is_sandbox(&self) -> bool {
        self.rules().csp_account == CspAccount::IntegrationSandbox
    }

    /// Who acts: the person, or the app.
    pub(super) fn actor(&self) -> String {
        self.user.map_or_else(|| self.app.clone(), |user| user.to_string())
    }

    /// The sandbox, for what the caller does: the activity log tells of it under this name.
    pub(super) fn acts(&self) -> Acting<'_> {
        let person = self.user.and_then(|user| self.partner.member(user));
        self.sandbox.acting(Actor {
            user_principal_name: person.map(|(person, _)| person.email.clone()),
            application_id: self.app.clone(),
            correlation_id: self.call.ids.correlation.clone(),
        })
    }

    /// A customer of the partner, by the tenant in the path.
    pub(super) async fn customer(&self, tenant: &str) -> Result<(Customer, TenantId), Problem> {
        let tenant: TenantId = tenant.parse().map_err(|_| Problem::BadId("customer id"))?;
        let customer = self.sandbox.customer_of_tenant(tenant).await?.ok_or(Problem::UnknownTenant)?;
        if customer.partner == self.partner.id { Ok((customer, tenant)) } else { Err(Problem::NoRelationship) }
    }

    /// What went wrong with what was asked for a customer, in the names of the customer and of the offer's plans.
    pub(super) fn named(&self, error: AppError, customer: &Customer, offer: Option<&OfferId>) -> Problem {
        match error {
            AppError::Refused(refusal) => {
                let words = in_names(&refusal, self.sandbox.catalogue(), customer, offer);
                Problem::Named(refusal, words)
            }
            error => error.into(),
        }
    }

    /// The personalized link of a subscription: a dummy in an integration sandbox (docs:test-and-debug).
    pub(super) fn personalized_link(&self, subscription: &crate::domain::subscription::Subscription) -> String {
        self.call.faces.personalized_link(&self.sandbox, subscription)
    }
}

/// Reads a body that has to be an object.
pub(super) fn object(value: &Value) -> Result<Body<'_>, Problem> {
    Body::of(value).ok_or(Problem::Body)
}

/// The ids that an answer carries: the caller's, or new ones.
struct CallIds {
    request: String,
    correlation: String,
    vector: String,
}

impl CallIds {
    fn of(headers: &HeaderMap, faces: &Faces) -> Self {
        let sent = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let [request, correlation, vector] = faces.request_ids.draw();
        let (first, _) = vector.as_bytes().split_at(12);
        Self {
            request: sent("ms-requestid").unwrap_or_else(|| request.to_string()),
            correlation: sent("ms-correlationid").unwrap_or_else(|| correlation.to_string()),
            vector: sent("ms-cv").unwrap_or_else(|| format!("{}.0", STANDARD.encode(first))),
        }
    }
}

fn respond(answer: Answer, ids: &CallIds) -> Response {
    let Answer { status, body, location, is_of_catalogue, content_type, file, .. } = answer;
    let is_empty = body.is_empty();
    let mut response = (status, HttpBody::from(body)).into_response();
    let headers = response.headers_mut();
    let twice = |id: &str| if is_of_catalogue { format!("{id},{id}") } else { id.to_owned() };
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    if !is_empty {
        set("content-type", content_type.to_owned());
    }
    set("ms-requestid", twice(&ids.request));
    set("ms-correlationid", twice(&ids.correlation));
    set("ms-cv", ids.vector.clone());
    set("ms-serverid", "202010406".to_owned());
    set("x-locale", "en-US".to_owned());
    if is_of_catalogue {
        set("server", "Microsoft-IIS/10.0".to_owned());
        set("x-powered-by", "ASP.NET".to_owned());
    }
    if let Some(location) = location {
        set("location", location);
    }
    if let Some(name) = file {
        set("content-disposition", format!("attachment; filename={name}"));
    }
    response
}

/// What there is not.
pub(super) async fn not_found(call: Call) -> Response {
    let path = call.uri.path().to_owned();
    call.finish(None, "", Err(Problem::NotFound(format!("The resource {path}")))).await
}

/// What there is, but not by this method.
pub(super) async fn other_method(call: Call) -> Response {
    let method = call.method.to_string();
    call.finish(None, "", Err(Problem::Method(method))).await
}

/// Gives a refusal that the framework has written, such as that of a path or of a body that can't be read, the body that
/// every 4xx has (docs:error-codes).
pub(super) async fn with_a_fault(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !response.status().is_client_error() || is_json {
        return response;
    }
    let problem = match response.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::TooLarge,
        StatusCode::NOT_FOUND => Problem::NotFound("The resource".to_owned()),
        _ => Problem::BadId("path"),
    };
    let Told { status, fault, .. } = problem.told();
    let kind = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (status, kind, serde_json::to_vec(&fault).unwrap_or_default()).into_response()
}

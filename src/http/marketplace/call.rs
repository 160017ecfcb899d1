//! One call of the fulfillment API: what every one of them has in common.
//!
//! Checks in the real service's order (inferred): api-version, token, then what the call itself is about. Every answer
//! carries the headers that recordings show, and every call is recorded in the journal.

use std::{future::Future, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, uri::PathAndQuery},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use uuid::Uuid;

use super::problem::{Asking, Problem, Told};
use crate::{
    app::{Answering, AppError, Exchange, KnownSubscription, Player, RecordedCall, Sandbox, identity::Caller},
    domain::{
        ids::{OperationId, PublisherId, SandboxId, SubscriptionId},
        rules::{AcceptedHeaders, ApiVersion, LinkHost, Rules},
    },
    http::{connections::status_of_unread, exchange::recorded_body, faces::Faces, paths::OriginalPath, retry_after},
    sim::clock::Stopwatch,
    wire::fulfillment::{API_VERSION, SubscriptionBody},
};

/// The largest body that is read. The largest real one is a batch of 25 usage events.
const LARGEST_BODY: usize = 256 * 1024;

/// A call that has arrived.
pub(super) struct Call {
    faces: Arc<Faces>,
    method: Method,
    /// As the caller wrote it.
    uri: Uri,
    pub(super) query: CallQuery,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Ids for its answer, as far as it needs them.
    fresh_ids: [Uuid; 3],
    started: Stopwatch,
}

/// The query parameters that some call reads.
#[derive(Debug, Default)]
pub(super) struct CallQuery {
    api_version: Option<String>,
    pub(super) continuation_token: Option<String>,
    pub(super) plan_id: Option<String>,
    pub(super) usage_start_date: Option<String>,
    pub(super) usage_end_date: Option<String>,
    pub(super) offer_id: Option<String>,
    pub(super) dimension: Option<String>,
    pub(super) azure_subscription_id: Option<String>,
    pub(super) recon_status: Option<String>,
}

/// A successful answer.
pub(super) struct Answer {
    body: Option<Bytes>,
    /// What the body is an edition of, where that has numbers.
    edition: Option<u64>,
    with_etag: bool,
    subscription: Option<SubscriptionId>,
    is_read: bool,
    /// The operation that was accepted and goes on by itself.
    operation: Option<OperationId>,
    remark: Option<String>,
    /// Whether the journal tells of the call.
    is_on_record: bool,
}

impl Answer {
    /// 202: an operation on a subscription was accepted, and where it can be followed.
    pub(super) fn accepted(subscription: SubscriptionId, operation: OperationId) -> Self {
        Self { operation: Some(operation), ..Self::empty(subscription) }
    }

    const fn status(&self) -> StatusCode {
        if self.operation.is_some() { StatusCode::ACCEPTED } else { StatusCode::OK }
    }

    /// What the journal shall say besides.
    pub(super) fn remarked(self, remark: Option<String>) -> Self {
        Self { remark, ..self }
    }

    /// A JSON body that changes nothing, with an `ETag` as the recorded reads have it.
    pub(super) fn read(body: &impl Serialize, subscription: Option<SubscriptionId>) -> Self {
        Self::read_bytes(serde_json::to_vec(body).ok().map(Bytes::from), subscription)
    }

    /// A subscription as it is.
    pub(super) fn known(subscription: &KnownSubscription) -> Self {
        let body = subscription.answer(|known, rules| {
            let body = SubscriptionBody::of(known, rules);
            // Only a map with keys that are no text could not be written.
            serde_json::to_vec(&body).unwrap_or_default()
        });
        let edition = Some(subscription.version());
        Self { edition, ..Self::read_bytes(Some(Bytes::from_owner(body)), Some(subscription.id)) }
    }

    fn read_bytes(body: Option<Bytes>, subscription: Option<SubscriptionId>) -> Self {
        let mut read = Self::nothing();
        read.body = body;
        read.with_etag = true;
        read.subscription = subscription;
        read.is_read = true;
        read
    }

    /// The body of a refusal, if it has one.
    fn refused(body: Option<Vec<u8>>) -> Self {
        Self { body: body.map(Bytes::from), ..Self::nothing() }
    }

    /// A JSON body of a call that was more than a read.
    pub(super) fn done(body: &impl Serialize, subscription: impl Into<Option<SubscriptionId>>) -> Self {
        let body = serde_json::to_vec(body).ok().map(Bytes::from);
        Self { body, subscription: subscription.into(), ..Self::nothing() }
    }

    /// No body, and no subscription that it is about.
    pub(super) const fn nothing() -> Self {
        Self {
            body: None,
            edition: None,
            with_etag: false,
            subscription: None,
            is_read: false,
            operation: None,
            remark: None,
            is_on_record: false,
        }
    }

    /// No body.
    pub(super) const fn empty(subscription: SubscriptionId) -> Self {
        let mut empty = Self::nothing();
        empty.subscription = Some(subscription);
        empty
    }
}

impl FromRequest<Arc<Faces>> for Call {
    type Rejection = Response;

    async fn from_request(request: Request, faces: &Arc<Faces>) -> Result<Self, Response> {
        let started = Stopwatch::start();
        let (parts, body) = request.into_parts();
        let uri = parts.extensions.get::<OriginalPath>().map_or(&parts.uri, |original| &original.0).clone();
        let query = read_query(&parts.uri);
        let body =
            axum::body::to_bytes(body, LARGEST_BODY).await.map_err(|error| status_of_unread(&error).into_response())?;
        Ok(Self {
            faces: Arc::clone(faces),
            method: parts.method,
            uri,
            query,
            headers: parts.headers,
            body,
            fresh_ids: faces.request_ids.draw(),
            started,
        })
    }
}

/// Names in any case; the last of a name counts.
fn read_query(uri: &Uri) -> CallQuery {
    let mut query = CallQuery::default();
    for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        let read = [
            ("api-version", &mut query.api_version),
            ("continuationtoken", &mut query.continuation_token),
            ("planid", &mut query.plan_id),
            ("usagestartdate", &mut query.usage_start_date),
            ("usageenddate", &mut query.usage_end_date),
            ("offerid", &mut query.offer_id),
            ("dimension", &mut query.dimension),
            ("azuresubscriptionid", &mut query.azure_subscription_id),
            ("reconstatus", &mut query.recon_status),
        ];
        for (known, place) in read {
            if name.eq_ignore_ascii_case(known) {
                *place = Some(value.as_ref().to_owned());
            }
        }
    }
    query
}

impl Call {
    /// Answers the call: checks version and token, lets `handler` do the rest, records the exchange.
    pub(super) async fn answer<F, Fut>(self, handler: F) -> Response
    where
        F: FnOnce(Caller, Arc<Self>) -> Fut,
        Fut: Future<Output = Result<Answer, Problem>>,
    {
        let call = Arc::new(self);
        let caller = call.faces.caller(&call.headers, Problem::Token).await;
        let caller = match call.check_version() {
            Err(problem) if call.rules(caller.as_ref().ok()).api_version == ApiVersion::Required => Err(problem),
            Ok(()) | Err(_) => caller,
        };
        match caller {
            Err(problem) => call.finish(None, Err(problem)).await,
            Ok(caller) => {
                let answer = handler(caller.clone(), Arc::clone(&call)).await;
                call.finish(Some(caller), answer).await
            }
        }
    }

    fn check_version(&self) -> Result<(), Problem> {
        match &self.query.api_version {
            Some(version) if version == API_VERSION => Ok(()),
            version => Err(Problem::ApiVersion(version.clone())),
        }
    }

    /// The subscription in the path. What is no GUID is no subscription either.
    pub(super) fn subscription_id(text: &str) -> Result<SubscriptionId, Problem> {
        text.parse().map_err(|_| Problem::NoSuchPath)
    }

    /// The origin under which the caller reached this server, for links that it shall follow.
    pub(super) fn origin(&self) -> String {
        self.faces.origin(&self.headers)
    }

    /// The origin in links of the service's own: another name of this host, where the sandbox's rule says so (quirks Q17
    /// and Q29).
    pub(super) fn link_origin(&self, rules: Rules) -> String {
        let origin = self.origin();
        match rules.link_host {
            LinkHost::AsCalled => origin,
            LinkHost::Another if origin.contains("://127.0.0.1") => origin.replacen("://127.0.0.1", "://localhost", 1),
            LinkHost::Another => origin.replacen("://localhost", "://127.0.0.1", 1),
        }
    }

    /// The rules of the caller's sandbox; those of the default sandbox if nobody knows who calls.
    fn rules(&self, caller: Option<&Caller>) -> Rules {
        let default = || self.faces.app.sandbox(&SandboxId::default_sandbox()).ok();
        let rules = |sandbox: &Arc<Sandbox>| sandbox.rules();
        caller.map(|caller| caller.sandbox.rules()).or_else(|| default().as_ref().map(rules)).unwrap_or_default()
    }

    async fn finish(&self, caller: Option<Caller>, answer: Result<Answer, Problem>) -> Response {
        if caller.is_none()
            && let Err(error) = self.faces.app.find_sandbox(&SandboxId::default_sandbox()).await
        {
            tracing::debug!(%error, "the rules of the default sandbox may be out of date");
        }
        let host = self.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        let operation = answer.as_ref().ok().and_then(|answer| answer.operation);
        let ids = CallIds::of(self, operation);
        let rules = || self.rules(caller.as_ref());
        let is_over_quota = matches!(answer, Err(Problem::App(AppError::TooManyCalls)));
        let (status, answer) = match answer {
            Ok(answer) => (answer.status(), answer),
            Err(problem) => {
                let asking = Asking { host, path: self.path(), request_id: text(&ids.request), rules: rules() };
                let Told { status, body, remark } = problem.told(&asking);
                (status, Answer::refused(body).remarked(remark))
            }
        };
        // What a quota refuses leaves no entry: it would use up what the quota saves.
        if !is_over_quota && !answer.is_on_record {
            self.record(caller.as_ref(), &answer, (status, &ids)).await;
        }
        let Answer { body, with_etag, subscription, .. } = answer;
        let mut response = response(status, body, with_etag, ids);
        if let Some((subscription, operation)) = subscription.zip(operation) {
            self.tell_of_operation(response.headers_mut(), subscription, operation, rules());
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }

    /// Path and query, as the caller wrote them.
    fn path(&self) -> &str {
        self.uri.path_and_query().map_or_else(|| self.uri.path(), PathAndQuery::as_str)
    }

    /// Where an accepted operation can be followed (recorded; quirks Q28 and Q29). The path has no prefix: the official
    /// .NET client takes the id out of its sixth segment (sdk-dotnet).
    fn tell_of_operation(
        &self,
        headers: &mut HeaderMap,
        subscription: SubscriptionId,
        operation: OperationId,
        rules: Rules,
    ) {
        let location = format!(
            "{}/api/saas/subscriptions/{subscription}/operations/{operation}?api-version={API_VERSION}",
            self.link_origin(rules)
        );
        if let Ok(location) = HeaderValue::try_from(location) {
            headers.insert(HeaderName::from_static("operation-location"), location);
        }
        if rules.accepted_headers == AcceptedHeaders::All {
            if let Ok(id) = HeaderValue::try_from(operation.to_string()) {
                headers.insert(HeaderName::from_static("operation-id"), id);
            }
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
        }
    }

    /// Answers a change when it has been decided, and tells of it in the journal, in the commit that makes the change durable.
    pub(super) fn told<A>(
        self: &Arc<Self>,
        caller: &Caller,
        answer_of: impl Fn(&A) -> Answer + Send + Sync + 'static,
    ) -> impl Answering<A, Answer> {
        let (call, publisher) = (Arc::clone(self), caller.publisher.clone());
        move |outcome: &A| {
            let answer = answer_of(outcome);
            let ids = CallIds::of(&call, answer.operation);
            let entry = call.entry(Some(&publisher), &answer, (answer.status(), &ids));
            (Answer { is_on_record: true, ..answer }, Some(entry))
        }
    }

    /// What the journal tells of the call and its answer.
    fn entry(
        &self,
        publisher: Option<&PublisherId>,
        answer: &Answer,
        (status, ids): (StatusCode, &CallIds),
    ) -> RecordedCall {
        let exchange = Exchange {
            to: Player::Marketplace,
            method: self.method.to_string(),
            path: self.path().to_owned(),
            status: Some(status.as_u16()),
            publisher: publisher.cloned(),
            request_body: recorded_body(&self.body),
            response_body: answer.body.as_deref().and_then(recorded_body),
            correlation_id: Some(text(&ids.correlation).to_owned()),
            remark: answer.remark.clone(),
            latency_micros: self.started.micros(),
        };
        let subscription = answer.subscription.or_else(|| subscription_in(self.path()));
        RecordedCall { from: Player::Publisher, subscription, exchange }
    }

    /// Records a call that has changed nothing.
    async fn record(&self, caller: Option<&Caller>, answer: &Answer, told: (StatusCode, &CallIds)) {
        let sandbox = match caller {
            Some(caller) => Arc::clone(&caller.sandbox),
            // Who can't be told apart is told about in the sandbox that everybody looks at.
            None => match self.faces.app.sandbox(&SandboxId::default_sandbox()) {
                Ok(sandbox) => sandbox,
                Err(_) => return,
            },
        };
        let publisher = caller.map_or("", |caller| caller.publisher.as_str());
        if answer.is_read {
            let is_repeated = match answer.edition {
                Some(edition) => sandbox.is_repeated_read(publisher, self.path(), edition),
                None => sandbox.is_repeated_read(publisher, self.path(), &answer.body),
            };
            if is_repeated {
                return;
            }
        }
        let entry = self.entry(caller.map(|caller| &caller.publisher), answer, told);
        if let Err(error) = sandbox.record(entry).await {
            tracing::warn!(%error, "a call was not recorded");
        }
    }
}

/// The subscription that a path names, for calls that failed before they looked it up.
fn subscription_in(path: &str) -> Option<SubscriptionId> {
    path.split(['/', '?']).find_map(|segment| segment.parse().ok())
}

/// The ids that an answer carries.
struct CallIds {
    /// The caller's own, or one new GUID for both (41 of 41 recorded), which is the operation's if one was accepted
    /// (recorded).
    request: HeaderValue,
    correlation: HeaderValue,
    activity: Uuid,
    etag: Uuid,
}

impl CallIds {
    fn of(call: &Call, operation: Option<OperationId>) -> Self {
        let sent = |name| call.headers.get(name).filter(|value: &&HeaderValue| value.to_str().is_ok()).cloned();
        let [fresh, activity, etag] = call.fresh_ids;
        let fresh = operation.map_or(fresh, |id| Uuid::from_bytes(*id.as_bytes()));
        let (request, correlation) = match (sent("x-ms-requestid"), sent("x-ms-correlationid")) {
            (None, None) => {
                let id = guid(fresh);
                (id.clone(), id)
            }
            (request, correlation) => {
                (request.unwrap_or_else(|| guid(fresh)), correlation.unwrap_or_else(|| guid(fresh)))
            }
        };
        Self { request, correlation, activity, etag }
    }
}

/// A GUID as a header has it.
fn guid(id: Uuid) -> HeaderValue {
    let mut text = Uuid::encode_buffer();
    visible(id.hyphenated().encode_lower(&mut text).as_bytes())
}

/// A header of bytes that can all be seen.
fn visible(bytes: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(bytes).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// A header that [`CallIds`] has.
fn text(id: &HeaderValue) -> &str {
    id.to_str().unwrap_or_default()
}

/// The answer with the headers that recordings show.
fn response(status: StatusCode, body: Option<Bytes>, with_etag: bool, ids: CallIds) -> Response {
    const POWERED_BY: HeaderName = HeaderName::from_static("x-powered-by");
    const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-requestid");
    const CORRELATION_ID: HeaderName = HeaderName::from_static("x-ms-correlationid");
    const ACTIVITY_ID: HeaderName = HeaderName::from_static("x-ms-activityid");
    /// These, what is said of an operation, and what the server adds.
    const HEADERS: usize = 16;

    let has_body = body.is_some();
    let mut response = Response::new(body.map_or_else(Body::empty, Body::from));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    if has_body {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    }
    headers.insert(REQUEST_ID, ids.request);
    headers.insert(CORRELATION_ID, ids.correlation);
    headers.insert(ACTIVITY_ID, guid(ids.activity));
    if with_etag {
        let mut quoted = [b'"'; 38];
        ids.etag.hyphenated().encode_lower(&mut quoted[1..]);
        headers.insert(header::ETAG, visible(&quoted));
    }
    retry_after::add(headers, status);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(POWERED_BY, HeaderValue::from_static("ASP.NET"));
    response
}

/// What the API does not have.
pub(super) async fn not_found(State(_): State<Arc<Faces>>, call: Call) -> Response {
    call.answer(|_, _| async { Err(Problem::NoSuchPath) }).await
}

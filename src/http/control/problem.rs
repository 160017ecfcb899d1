//! Problem bodies (RFC 9457), and reading input so that what is wrong with it is told well.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;

use crate::{
    app::{AppError, Sandbox, identity::TokenFault},
    domain::{
        access::KeyFault,
        ids::{BadId, SandboxId},
        refusal::Refusal,
        time::BadTime,
    },
    http::faces::Faces,
    wire::control::Problem,
};

/// The media type of a problem body (RFC 9457).
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// Why a call of the control API failed.
#[derive(Debug)]
pub(super) enum ControlError {
    /// The commerce core said no, or failed.
    App(AppError),
    /// The input can't be read.
    BadInput {
        /// What is wrong.
        detail: String,
        /// The field, if it is one.
        field: Option<&'static str>,
        /// What to do.
        hint: &'static str,
    },
    /// The body is longer than any that makes sense.
    BodyTooLarge(String),
    /// There is nothing at that path.
    NoSuchPath(String),
    /// What is there is not called so.
    NoSuchMethod(Method),
    /// The publisher's token is not accepted.
    Token(TokenFault),
    /// No key was shown that opens anything.
    KeyNeeded,
    /// The key that was shown opens something else.
    OutOfReach(String),
    /// The request is for a host that is not this server's.
    Misdirected(String),
    /// A sandbox has as many parts as it may have.
    TooManyParts(SandboxId, usize),
}

impl<E: Into<AppError>> From<E> for ControlError {
    fn from(error: E) -> Self {
        Self::App(error.into())
    }
}

impl ControlError {
    /// An id that can't be one.
    pub(super) fn id(error: &BadId, field: &'static str) -> Self {
        let hint = "Ids are lower-case letters, digits, '-', '_' and '.'; subscriptions are GUIDs.";
        Self::BadInput { detail: error.to_string(), field: Some(field), hint }
    }

    /// A time that can't be one.
    pub(super) fn time(error: &BadTime, field: &'static str) -> Self {
        Self::BadInput {
            detail: error.to_string(),
            field: Some(field),
            hint: "Instants are RFC 3339, periods ISO 8601.",
        }
    }

    fn problem(&self) -> Problem {
        let (status, title, code, hint, field) = match self {
            Self::App(error) => return app_problem(error),
            Self::BadInput { field, hint, .. } => {
                (StatusCode::BAD_REQUEST, "The input can't be read", "badInput", *hint, *field)
            }
            Self::BodyTooLarge(_) => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "The body is too large",
                "bodyTooLarge",
                "Send what /sim/openapi.json describes; none of it comes near the limit.",
                None,
            ),
            Self::NoSuchPath(_) => (
                StatusCode::NOT_FOUND,
                "There is nothing here",
                "noSuchPath",
                "GET /sim/openapi.json for the paths that there are.",
                None,
            ),
            Self::NoSuchMethod(_) => (
                StatusCode::METHOD_NOT_ALLOWED,
                "It is not called so",
                "noSuchMethod",
                "The header Allow names the methods of the path.",
                None,
            ),
            Self::KeyNeeded => (
                StatusCode::UNAUTHORIZED,
                "A key is needed",
                "keyNeeded",
                "Send the key of your sandbox as 'Authorization: Bearer rhk....'; whoever runs the server makes them.",
                None,
            ),
            Self::OutOfReach(_) => (
                StatusCode::FORBIDDEN,
                "Your key does not open that",
                "outOfReach",
                "Name a sandbox that it opens, or use a key that opens everything.",
                None,
            ),
            Self::Misdirected(_) => (
                StatusCode::MISDIRECTED_REQUEST,
                "The host is not this server's",
                "misdirected",
                "Call the server by its address or as localhost; or name the host with --allow-host \
                 (REHEARSAL_ALLOW_HOST) when it is started.",
                None,
            ),
            Self::TooManyParts(..) => (
                StatusCode::CONFLICT,
                "There are many parts",
                "tooManyParts",
                "Delete sandboxes that nobody uses any more.",
                None,
            ),
            Self::Token(_) => (
                StatusCode::FORBIDDEN,
                "The access token is not accepted",
                "tokenRefused",
                "Get a token from the identity's token endpoint and send it as 'Authorization: Bearer ...'.",
                None,
            ),
        };
        problem(status, title, code, self.detail(), hint, field)
    }

    /// What is wrong here.
    fn detail(&self) -> String {
        match self {
            Self::BadInput { detail, .. } | Self::BodyTooLarge(detail) | Self::OutOfReach(detail) => detail.clone(),
            Self::KeyNeeded => "no key was shown, or one that opens nothing here".to_owned(),
            Self::TooManyParts(own, most) => format!("{own} has the {most} parts that it may have"),
            Self::Misdirected(host) => format!("this server does not go by the name {host}"),
            Self::NoSuchMethod(method) => format!("there is no {method} of that path"),
            Self::NoSuchPath(path) => format!("there is nothing at {path}"),
            Self::Token(fault) => fault.to_string(),
            Self::App(error) => error.to_string(),
        }
    }
}

fn app_problem(error: &AppError) -> Problem {
    let detail = error.to_string();
    let (status, title, code, hint) = match error {
        AppError::Refused(refusal) => {
            let status = status_of_refusal(refusal);
            return problem(status, "A rule said no", refusal.code(), detail, refusal.hint(), refusal.field());
        }
        AppError::Rule(_) => {
            let hint = "GET /sim/v1/sandboxes/{sandbox}/rules for all rules and what can be chosen.";
            return problem(
                StatusCode::BAD_REQUEST,
                "There is no such rule",
                "unknownRule",
                detail,
                hint,
                Some("rules"),
            );
        }
        AppError::Key(fault) => key_problem(fault),
        AppError::UnknownSandbox(_) => (
            StatusCode::NOT_FOUND,
            "There is no such sandbox",
            "unknownSandbox",
            "GET /sim/v1/sandboxes for those that there are, or create it.",
        ),
        AppError::SandboxExists(_) => (
            StatusCode::CONFLICT,
            "The sandbox exists already",
            "sandboxExists",
            "Take another name, or delete the sandbox first.",
        ),
        AppError::DefaultSandbox => (
            StatusCode::CONFLICT,
            "The default sandbox stays",
            "defaultSandbox",
            "Create a sandbox of your own for what shall go away again.",
        ),
        AppError::RecordConflict(_) => {
            (StatusCode::CONFLICT, "Somebody else was first", "recordConflict", "Read it again and repeat the call.")
        }
        AppError::WorkDoesNotEnd(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "The publisher's work does not end",
            "workDoesNotEnd",
            "Look at the journal for what the publisher does again and again.",
        ),
        AppError::Unreadable { .. } => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "A stored document can't be read",
            "unreadable",
            "The server's log has the details; it may have been written by a newer version.",
        ),
        AppError::NameTooLong => NAME_TOO_LONG,
        AppError::Full { .. } => FULL,
        AppError::TooManyCalls => TOO_MANY_CALLS,
        AppError::Store(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The store can't be used right now",
            "storeUnavailable",
            "The server's log says why. Nothing was changed; repeat the call when it is mended.",
        ),
        AppError::Stopping => {
            (StatusCode::SERVICE_UNAVAILABLE, "The server is stopping", "stopping", "Repeat the call when it is back.")
        }
    };
    problem(status, title, code, detail, hint, None)
}

/// Status, title, code and hint.
type Card = (StatusCode, &'static str, &'static str, &'static str);

const NAME_TOO_LONG: Card = (
    StatusCode::UNPROCESSABLE_ENTITY,
    "A name is too long",
    "nameTooLong",
    "Take a shorter name. Nothing was changed.",
);

const FULL: Card = (
    StatusCode::INSUFFICIENT_STORAGE,
    "The sandbox is full",
    "sandboxFull",
    "Have it given more room (PUT .../quotas), or go on in another sandbox. Nothing was changed.",
);

const TOO_MANY_CALLS: Card = (
    StatusCode::TOO_MANY_REQUESTS,
    "The sandbox is called too often",
    "tooManyCalls",
    "Wait as long as Retry-After says.",
);

const fn key_problem(fault: &KeyFault) -> Card {
    match fault {
        KeyFault::Unknown(_) => (
            StatusCode::NOT_FOUND,
            "There is no such key",
            "unknownKey",
            "GET the list of keys for those that there are.",
        ),
        KeyFault::TooMany { .. } => {
            (StatusCode::CONFLICT, "There are many keys", "tooManyKeys", "Remove those that nobody uses any more.")
        }
        KeyFault::Last(_) => (
            StatusCode::CONFLICT,
            "Nobody could get in",
            "lastKey",
            "Make another one first, or start the server with an admin key of your own.",
        ),
    }
}

/// What the caller can do about a refusal: ask for something that exists, take the right app, look at the present state, or
/// mend the input.
const fn status_of_refusal(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::UnknownSubscription(_)
        | Refusal::UnknownOperation(_)
        | Refusal::UnknownOrder(_)
        | Refusal::UnknownCart(_) => StatusCode::NOT_FOUND,
        Refusal::OtherPublisher { .. } => StatusCode::FORBIDDEN,
        Refusal::NotInStatus { .. }
        | Refusal::NotActive(_)
        | Refusal::OperationPending(_)
        | Refusal::PaymentsOutstanding { .. }
        | Refusal::NotWaiting(_)
        | Refusal::NotActivatedYet
        | Refusal::CancellationWindowOver(_)
        | Refusal::Stale
        | Refusal::CartSubmitted(_) => StatusCode::CONFLICT,
        Refusal::ClockBackwards { .. }
        | Refusal::BeyondCalendar(_)
        | Refusal::UnknownCustomer(_)
        | Refusal::UnknownPartner(_)
        | Refusal::CustomerOfAnotherPartner { .. }
        | Refusal::AgreementMissing(_)
        | Refusal::CartLines(_)
        | Refusal::AgreementConfirmed(_)
        | Refusal::DomainTaken(_)
        | Refusal::RequestOfAnotherKind(_)
        | Refusal::SandboxLimit
        | Refusal::NotInMarket { .. }
        | Refusal::PlanInOtherCurrency { .. }
        | Refusal::UnknownReseller(_)
        | Refusal::ProviderAsReseller(_)
        | Refusal::ResellerOfAnother(_)
        | Refusal::OrderOfSeveral
        | Refusal::NoSeats(_)
        | Refusal::NicknameTooLong(_)
        | Refusal::UnknownOffer(_)
        | Refusal::UnknownPlan { .. }
        | Refusal::PlanPrivate { .. }
        | Refusal::PlanStopSell(_)
        | Refusal::TermNotSold { .. }
        | Refusal::QuantityRequired(_)
        | Refusal::QuantityNotAllowed(_)
        | Refusal::TooFewSeats { .. }
        | Refusal::TooManySeats { .. }
        | Refusal::AmountTooLarge { .. }
        | Refusal::Code(_)
        | Refusal::ChangeMissing
        | Refusal::ChangesTogether
        | Refusal::OperationNotAllowed(_)
        | Refusal::PlanNotInOffer(_)
        | Refusal::SamePlan { .. }
        | Refusal::SameQuantity(_)
        | Refusal::TooManySeatsForAnyone { .. }
        | Refusal::OperationEnded { .. }
        | Refusal::OwnOperation(_)
        | Refusal::NotRegistered(_)
        | Refusal::NoSuchAnswer
        | Refusal::ActivatedOtherwise { .. }
        | Refusal::TooManyLicenses { .. } => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// The status that an error of the commerce core is answered with.
pub(super) fn status_of(error: &AppError) -> StatusCode {
    StatusCode::from_u16(app_problem(error).status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn problem(
    status: StatusCode,
    title: &str,
    code: &str,
    detail: String,
    hint: &str,
    field: Option<&'static str>,
) -> Problem {
    Problem {
        kind: format!("urn:rehearsal:problem:{code}"),
        title: title.to_owned(),
        status: status.as_u16(),
        detail,
        code: code.to_owned(),
        hint: hint.to_owned(),
        field: field.map(str::to_owned),
    }
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        if let Self::App(AppError::Unreadable { key, reason }) = &self {
            tracing::error!(key, reason, "a stored document can't be read");
        }
        let problem = self.problem();
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"rehearsal\""));
        }
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// What there is not.
pub(super) async fn no_such_path(uri: Uri) -> ControlError {
    ControlError::NoSuchPath(uri.path().to_owned())
}

/// A path that is called by another method.
pub(super) async fn no_such_method(method: Method) -> ControlError {
    ControlError::NoSuchMethod(method)
}

/// A JSON body. An empty one stands for `{}`.
pub(super) struct Input<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = ControlError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ControlError> {
        let bad = |detail: String| ControlError::BadInput {
            detail,
            field: None,
            hint: "Send a JSON object with the fields that /sim/openapi.json describes.",
        };
        let body = Bytes::from_request(request, state).await.map_err(|error| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ControlError::BodyTooLarge(error.body_text()),
            _ => bad(error.body_text()),
        })?;
        let body: &[u8] = if body.is_empty() { b"{}" } else { &body };
        // serde takes an array for an object whose fields come in order: a value in the wrong place would be another field's.
        if body.trim_ascii_start().first() == Some(&b'[') {
            return Err(bad("the body is not a JSON object".to_owned()));
        }
        serde_json::from_slice(body).map(Self).map_err(|error| bad(error.to_string()))
    }
}

/// The query of a request.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ControlError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ControlError> {
        let hint = "The parameters are described at /sim/openapi.json.";
        let query = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        query.map(|query| Self(query.0)).map_err(|error| ControlError::BadInput {
            detail: error.body_text(),
            field: None,
            hint,
        })
    }
}

/// The sandbox that a path names.
pub(super) fn sandbox_id(text: &str) -> Result<SandboxId, ControlError> {
    text.parse().map_err(|error| ControlError::id(&error, "sandbox"))
}

/// The sandbox that a path names.
pub(super) async fn sandbox_named(faces: &Faces, text: &str) -> Result<Arc<Sandbox>, ControlError> {
    Ok(faces.app.find_sandbox(&sandbox_id(text)?).await?)
}

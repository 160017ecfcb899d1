//! Refusals in the fulfillment API's own words.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde::Serialize;

use super::metering::MeteringProblem;
use crate::{
    app::{AppError, identity::TokenFault},
    domain::{
        ids::SubscriptionId,
        refusal::Refusal,
        rules::{EndedOperationBody, ForbiddenBody, Rules, UnknownOperation},
        subscription::Status,
    },
    wire::fulfillment::{API_VERSION, ErrorBody, VersionError, VersionErrorBody},
};

/// The body of every 403: a bare JSON string of 403 bytes with its quotes; the doubled "ID Id" is real
/// (issue:Azure/Commercial-Marketplace-SaaS-Accelerator#607; quirk Q26).
const FORBIDDEN: &str = "The authorization token is invalid, expired, missing or this request is attempting to access a SaaS subscription for an offer that was published with a different Azure AD App ID from the one used to create the authorization token. Please make sure the authorization token is created using the same Azure AD App ID as the Azure AD App ID Id set for the offer in Technical Details tab in Partner Center.";

/// Why a call is not answered with success.
#[derive(Debug)]
pub(super) enum Problem {
    /// The api-version is missing or another one.
    ApiVersion(Option<String>),
    /// No token, or one that is not accepted.
    Token(TokenFault),
    /// Only lenient reading understands the body, and reading is strict.
    NotStrict(String),
    /// Resolve without its header.
    TokenHeaderMissing,
    /// The continuation token is not one of ours.
    ContinuationToken,
    /// There is nothing at that path.
    NoSuchPath,
    /// Get Operation found none: of that subscription, or of that id.
    NoSuchOperation(Refusal),
    /// Update Operation found none. The answer is the same whichever of the two ids is wrong.
    NoOperationToUpdate(Refusal),
    /// A call of metering was refused.
    Metering(Box<MeteringProblem>),
    /// The commerce core said no, or failed.
    App(AppError),
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        Self::App(error)
    }
}

/// What an answer needs to know of the call, and of the sandbox that it is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) request_id: &'a str,
    pub(super) rules: Rules,
}

/// Status and body of a problem, and what the journal shall say that the body does not.
pub(super) struct Told {
    pub(super) status: StatusCode,
    pub(super) body: Option<Vec<u8>>,
    pub(super) remark: Option<String>,
}

impl Problem {
    pub(super) fn told(&self, to: &Asking<'_>) -> Told {
        match self {
            Self::ApiVersion(None) => {
                bad_version("ApiVersionUnspecified", "An API version is required, but was not specified.".to_owned())
            }
            Self::ApiVersion(Some(version)) => bad_version(
                "UnsupportedApiVersion",
                format!(
                    "The HTTP resource that matches the request URI 'https://{}{}' does not support the API version \
                     '{version}'.",
                    to.host, to.path
                ),
            ),
            Self::Token(fault) => {
                let is_foreign = matches!(fault, TokenFault::WrongAudience | TokenFault::UnknownApp);
                Told { remark: Some(fault.to_string()), ..forbidden(to.rules, !is_foreign) }
            }
            Self::NotStrict(remark) => Told {
                remark: Some(remark.clone()),
                ..bad_request(Some("BadArgument"), "The request is read strictly".to_owned(), Some("request"))
            },
            Self::TokenHeaderMissing => bad_request(
                Some("HeaderNotPresent"),
                "Mandatory header missing".to_owned(),
                Some("x-ms-marketplace-token"),
            ),
            Self::ContinuationToken => bad_request(
                Some("BadArgument"),
                "The continuation token is invalid".to_owned(),
                Some("continuationToken"),
            ),
            Self::NoSuchPath => Told { status: StatusCode::NOT_FOUND, body: None, remark: None },
            Self::NoSuchOperation(refusal) => {
                let (message, target) = match refusal {
                    Refusal::UnknownSubscription(id) => {
                        (format!("Subscription {id} not found"), "subscriptionId".into())
                    }
                    Refusal::UnknownOperation(id) => ("Failed to get operation".to_owned(), id.clone().into()),
                    other => return told_refusal(other, to),
                };
                let body = ErrorBody { target: Some(target), ..error_body(Some("EntityNotFound"), message) };
                answer(unknown_operation(to.rules), &body)
            }
            Self::NoOperationToUpdate(refusal) => Told {
                remark: Some(refusal.to_string()),
                status: unknown_operation(to.rules),
                ..bad_request(Some("NotFound"), "Failed to find operation".to_owned(), Some("operation"))
            },
            Self::Metering(problem) => problem.told(),
            Self::App(error) => told_app_error(error, to),
        }
    }
}

/// The status for an operation that there is not: 400, where the documentation says 404 (emulator-note; quirks Q2 and
/// Q3).
const fn unknown_operation(rules: Rules) -> StatusCode {
    match rules.unknown_operation {
        UnknownOperation::BadRequest => StatusCode::BAD_REQUEST,
        UnknownOperation::NotFound => StatusCode::NOT_FOUND,
    }
}

fn told_app_error(error: &AppError, to: &Asking<'_>) -> Told {
    match error {
        AppError::Refused(refusal) => told_refusal(refusal, to),
        AppError::Store(_) | AppError::Stopping => Told {
            remark: Some(error.to_string()),
            ..answer(StatusCode::SERVICE_UNAVAILABLE, &error_body(Some("ServiceUnavailable"), error.to_string()))
        },
        AppError::NameTooLong => bad_request(Some("BadArgument"), error.to_string(), None),
        AppError::Full { .. } => {
            answer(StatusCode::INSUFFICIENT_STORAGE, &error_body(Some("InsufficientStorage"), error.to_string()))
        }
        // The real service documents none.
        AppError::TooManyCalls => {
            answer(StatusCode::TOO_MANY_REQUESTS, &error_body(Some("TooManyRequests"), error.to_string()))
        }
        AppError::UnknownSandbox(_)
        | AppError::SandboxExists(_)
        | AppError::DefaultSandbox
        | AppError::RecordConflict(_)
        | AppError::WorkDoesNotEnd(_)
        | AppError::Rule(_)
        | AppError::Key(_)
        | AppError::Unreadable { .. } => internal_error(error.to_string()),
    }
}

/// What is said of a code that can't be opened (issue:MicrosoftDocs/azure-docs#50086).
const BAD_CODE: &str = "Failed to decrypt token with either primary or secondary secret";

fn told_refusal(refusal: &Refusal, to: &Asking<'_>) -> Told {
    let remark = Some(refusal.to_string());
    match refusal {
        Refusal::ChangeMissing
        | Refusal::ChangesTogether
        | Refusal::OperationNotAllowed(_)
        | Refusal::NotActive(_)
        | Refusal::OperationPending(_)
        | Refusal::PlanNotInOffer(_)
        | Refusal::PlanPrivate { .. }
        | Refusal::PlanStopSell(_)
        | Refusal::NotInMarket { .. }
        | Refusal::PlanInOtherCurrency { .. }
        | Refusal::SamePlan { .. }
        | Refusal::TermNotSold { .. }
        | Refusal::SameQuantity(_)
        | Refusal::QuantityNotAllowed(_)
        | Refusal::TooFewSeats { .. }
        | Refusal::TooManySeats { .. }
        | Refusal::TooManySeatsForAnyone { .. }
        | Refusal::AmountTooLarge { .. } => Told { remark, ..told_refused_change(refusal) },
        Refusal::OperationEnded { .. } => Told { remark, ..answer(StatusCode::CONFLICT, &ended_operation(to)) },
        // An answer to its own operation is an error of the server (emulator-note; quirk Q5); its body is not known.
        Refusal::OwnOperation(_) => internal_error(refusal.to_string()),
        // One answer for every way in which a code can be bad, the expired one included; the remark tells which.
        Refusal::Code(_) => Told { remark, ..bad_request(Some("InvalidValue"), BAD_CODE.to_owned(), Some("token")) },
        Refusal::OtherPublisher { .. } => Told { remark, ..forbidden(to.rules, false) },
        Refusal::NoSuchAnswer => Told {
            remark,
            ..bad_request(Some("InvalidValue"), "Expected Success or Failure".to_owned(), Some("status"))
        },
        Refusal::ActivatedOtherwise { field, missing } => Told { remark, ..activated_otherwise(field, *missing) },
        Refusal::UnknownSubscription(id) => answer(StatusCode::NOT_FOUND, &unknown_subscription(*id)),
        // Activate of one that is over: 404 with no body (docs:subscription-api, emulator-code); of a suspended one 400
        // (docs:life-cycle), and of an active one where that is refused (quirk Q10), in words of ours.
        Refusal::NotInStatus { status: Status::Suspended | Status::Subscribed, .. } => {
            bad_request(Some("BadArgument"), refusal.to_string(), Some("subscriptionId"))
        }
        Refusal::NotInStatus { .. } => Told { status: StatusCode::NOT_FOUND, body: None, remark },
        Refusal::UnknownCustomer(_)
        | Refusal::UnknownPartner(_)
        | Refusal::AgreementMissing(_)
        | Refusal::AgreementConfirmed(_)
        | Refusal::NotActivatedYet
        | Refusal::CancellationWindowOver(_)
        | Refusal::ClockBackwards { .. }
        | Refusal::BeyondCalendar(_)
        | Refusal::Stale
        | Refusal::UnknownOrder(_)
        | Refusal::UnknownCart(_)
        | Refusal::CartSubmitted(_)
        | Refusal::CartLines(_)
        | Refusal::DomainTaken(_)
        | Refusal::RequestOfAnotherKind(_)
        | Refusal::SandboxLimit
        | Refusal::UnknownReseller(_)
        | Refusal::ProviderAsReseller(_)
        | Refusal::ResellerOfAnother(_)
        | Refusal::OrderOfSeveral
        | Refusal::NoSeats(_)
        | Refusal::NicknameTooLong(_)
        | Refusal::CustomerOfAnotherPartner { .. }
        | Refusal::UnknownOffer(_)
        | Refusal::UnknownPlan { .. }
        | Refusal::QuantityRequired(_)
        | Refusal::UnknownOperation(_)
        | Refusal::NotRegistered(_)
        | Refusal::NotWaiting(_)
        | Refusal::PaymentsOutstanding { .. }
        | Refusal::TooManyLicenses { .. } => bad_request(Some("BadArgument"), refusal.to_string(), refusal.field()),
    }
}

fn unknown_subscription(id: SubscriptionId) -> ErrorBody {
    let body = error_body(Some("EntityNotFound"), format!("Subscription {id} not found"));
    ErrorBody { target: Some("subscriptionId".into()), ..body }
}

/// Why a change or a cancellation is refused: always 400, with texts of the emulator (emulator-code) where it has some.
fn told_refused_change(refusal: &Refusal) -> Told {
    let update = |code, message: String| bad_request(Some(code), message, Some("update"));
    let message = |message: String| bad_request(None, message, None);
    match refusal {
        Refusal::ChangeMissing => update("BadRequest", "The request content is null".to_owned()),
        Refusal::ChangesTogether => message("Cannot patch more than one field in the same request".to_owned()),
        Refusal::PlanNotInOffer(_)
        | Refusal::PlanPrivate { .. }
        | Refusal::PlanStopSell(_)
        | Refusal::NotInMarket { .. }
        | Refusal::PlanInOtherCurrency { .. } => update("BadRequest", "Request Plan is NOT in Catalog.".to_owned()),
        Refusal::SamePlan { name, plan } => message(format!(
            "SaaS subscription {name} is already subscribed to plan {plan}. Changing plans only supported between two \
             different plans"
        )),
        Refusal::SameQuantity(_) => message("New quantity is the same as on the subscription".to_owned()),
        Refusal::TooManySeatsForAnyone { most, .. } => message(format!(
            "This purchase has failed because the number of purchased seats exceeded the maximal limit of {most}"
        )),
        Refusal::NotActive(_) => update("BadRequest", "Subscription is not active".to_owned()),
        Refusal::OperationPending(_) => update(
            "Failed",
            "Patch cannot be completed because the subscription is locked due to pending operations".to_owned(),
        ),
        // The rest is documented as a 400, or not at all; the texts are ours.
        other => update("BadRequest", other.to_string()),
    }
}

/// 500, with a text that gives nothing away.
fn internal_error(remark: String) -> Told {
    let body = error_body(None, "An error has occurred.".to_owned());
    Told { remark: Some(remark), ..answer(StatusCode::INTERNAL_SERVER_ERROR, &body) }
}

fn bad_version(code: &'static str, message: String) -> Told {
    let remark = Some(format!("the only api-version is {API_VERSION}"));
    Told { remark, ..answer(StatusCode::BAD_REQUEST, &VersionErrorBody { error: VersionError { code, message } }) }
}

fn bad_request(code: Option<&'static str>, message: String, target: Option<&'static str>) -> Told {
    let body = ErrorBody { target: target.map(Cow::Borrowed), ..error_body(code, message) };
    answer(StatusCode::BAD_REQUEST, &body)
}

const fn error_body(code: Option<&'static str>, message: String) -> ErrorBody {
    ErrorBody { code, message, target: None, details: Vec::new() }
}

/// Who may not. `is_unknown` tells that nobody knows who asks, which some clients expect to be told by a 401 (quirk Q26).
fn forbidden(rules: Rules, is_unknown: bool) -> Told {
    match rules.forbidden_body {
        ForbiddenBody::Text => answer(StatusCode::FORBIDDEN, &FORBIDDEN),
        ForbiddenBody::Unauthorized if is_unknown => answer(StatusCode::UNAUTHORIZED, &FORBIDDEN),
        ForbiddenBody::Unauthorized => answer(StatusCode::FORBIDDEN, &FORBIDDEN),
        ForbiddenBody::Object => answer(StatusCode::FORBIDDEN, &error_body(Some("Forbidden"), FORBIDDEN.to_owned())),
    }
}

/// The body of the 409: it holds the request id and nothing else (emulator-note; quirk Q6).
fn ended_operation(to: &Asking<'_>) -> ErrorBody {
    match to.rules.ended_operation_body {
        EndedOperationBody::RequestId => error_body(None, to.request_id.to_owned()),
        EndedOperationBody::Conflict => error_body(Some("Conflict"), "The operation has ended.".to_owned()),
    }
}

/// An activation of something else than was bought: the emulator's words for a plan that is missing (emulator-code), ours
/// for the rest.
fn activated_otherwise(field: &'static str, missing: bool) -> Told {
    let detail = if missing {
        ErrorBody {
            target: Some("plan id".into()),
            ..error_body(Some("RequiredField"), "The plan id is required".to_owned())
        }
    } else {
        let message = format!("The {field} is not the one that was bought");
        ErrorBody { target: Some(field.into()), ..error_body(Some("BadArgument"), message) }
    };
    let envelope = error_body(Some("BadArgument"), "One or more errors have occurred".to_owned());
    let body = ErrorBody { target: Some("activate".into()), details: vec![detail], ..envelope };
    answer(StatusCode::BAD_REQUEST, &body)
}

/// An answer with a body, of which the journal has nothing more to say.
pub(super) fn answer(status: StatusCode, body: &impl Serialize) -> Told {
    Told { status, body: serde_json::to_vec(body).ok(), remark: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_403_body_has_exactly_403_bytes() {
        let told = Problem::Token(TokenFault::Missing).told(&Asking {
            host: "host",
            path: "/api",
            request_id: "1",
            rules: Rules::default(),
        });
        assert_eq!(told.body.map(|body| body.len()), Some(403));
    }
}

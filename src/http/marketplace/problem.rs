//! Refusals in the fulfillment API's own words.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde::Serialize;

use super::metering::MeteringProblem;
use crate::{
    app::{AppError, identity::TokenFault},
    domain::{refusal::Refusal, subscription::Status},
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

/// Status and body of a problem, and what the journal shall say that the body does not.
pub(super) struct Told {
    pub(super) status: StatusCode,
    pub(super) body: Option<Vec<u8>>,
    pub(super) remark: Option<String>,
}

impl Problem {
    pub(super) fn told(&self, host: &str, path: &str, request_id: &str) -> Told {
        match self {
            Self::ApiVersion(None) => {
                bad_version("ApiVersionUnspecified", "An API version is required, but was not specified.".to_owned())
            }
            Self::ApiVersion(Some(version)) => bad_version(
                "UnsupportedApiVersion",
                format!(
                    "The HTTP resource that matches the request URI 'https://{host}{path}' does not support the API \
                     version '{version}'."
                ),
            ),
            Self::Token(fault) => Told { remark: Some(fault.to_string()), ..answer(StatusCode::FORBIDDEN, &FORBIDDEN) },
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
            // 400, where the documentation says 404 (emulator-note; quirks Q2 and Q3).
            Self::NoSuchOperation(refusal) => {
                let (message, target) = match refusal {
                    Refusal::UnknownSubscription(id) => {
                        (format!("Subscription {id} not found"), "subscriptionId".into())
                    }
                    Refusal::UnknownOperation(id) => ("Failed to get operation".to_owned(), id.clone().into()),
                    other => return told_refusal(other, request_id),
                };
                let body = ErrorBody { code: Some("EntityNotFound"), message, target: Some(target) };
                answer(StatusCode::BAD_REQUEST, &body)
            }
            Self::NoOperationToUpdate(refusal) => Told {
                remark: Some(refusal.to_string()),
                ..bad_request(Some("NotFound"), "Failed to find operation".to_owned(), Some("operation"))
            },
            Self::Metering(problem) => problem.told(),
            Self::App(error) => told_app_error(error, request_id),
        }
    }
}

fn told_app_error(error: &AppError, request_id: &str) -> Told {
    match error {
        AppError::Refused(refusal) => told_refusal(refusal, request_id),
        AppError::Store(_) | AppError::Stopping => Told {
            remark: Some(error.to_string()),
            ..answer(
                StatusCode::SERVICE_UNAVAILABLE,
                &ErrorBody { code: Some("ServiceUnavailable"), message: error.to_string(), target: None },
            )
        },
        AppError::UnknownSandbox(_)
        | AppError::SandboxExists(_)
        | AppError::DefaultSandbox
        | AppError::RecordConflict(_)
        | AppError::WorkDoesNotEnd(_)
        | AppError::Unreadable { .. } => internal_error(error.to_string()),
    }
}

fn told_refusal(refusal: &Refusal, request_id: &str) -> Told {
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
        | Refusal::SamePlan { .. }
        | Refusal::TermNotSold { .. }
        | Refusal::SameQuantity(_)
        | Refusal::QuantityNotAllowed(_)
        | Refusal::TooFewSeats { .. }
        | Refusal::TooManySeats { .. }
        | Refusal::TooManySeatsForAnyone { .. }
        | Refusal::AmountTooLarge { .. } => Told { remark, ..told_refused_change(refusal) },
        // The body holds the request id and nothing else (emulator-note; quirk Q6).
        Refusal::OperationEnded { .. } => Told {
            remark,
            ..answer(StatusCode::CONFLICT, &ErrorBody { code: None, message: request_id.to_owned(), target: None })
        },
        // An answer to its own operation is an error of the server (emulator-note; quirk Q5); its body is not known.
        Refusal::OwnOperation(_) => internal_error(refusal.to_string()),
        // One answer for every way in which a code can be bad, the expired one included
        // (issue:MicrosoftDocs/azure-docs#50086); the remark tells which.
        Refusal::Code(_) => Told {
            remark,
            ..bad_request(
                Some("InvalidValue"),
                "Failed to decrypt token with either primary or secondary secret".to_owned(),
                Some("token"),
            )
        },
        Refusal::OtherPublisher { .. } => Told { remark, ..answer(StatusCode::FORBIDDEN, &FORBIDDEN) },
        Refusal::UnknownSubscription(id) => answer(
            StatusCode::NOT_FOUND,
            &ErrorBody {
                code: Some("EntityNotFound"),
                message: format!("Subscription {id} not found"),
                target: Some("subscriptionId".into()),
            },
        ),
        // Activate of one that is over: 404 with no body (docs:subscription-api, emulator-code); of a suspended one 400
        // (docs:life-cycle), in words of ours.
        Refusal::NotInStatus { status: Status::Suspended, .. } => {
            bad_request(Some("BadArgument"), refusal.to_string(), Some("subscriptionId"))
        }
        Refusal::NotInStatus { .. } => Told { status: StatusCode::NOT_FOUND, body: None, remark },
        Refusal::UnknownCustomer(_)
        | Refusal::UnknownPartner(_)
        | Refusal::CustomerOfAnotherPartner { .. }
        | Refusal::UnknownOffer(_)
        | Refusal::UnknownPlan { .. }
        | Refusal::QuantityRequired(_)
        | Refusal::UnknownOperation(_)
        | Refusal::TooManyLicenses { .. } => bad_request(Some("BadArgument"), refusal.to_string(), refusal.field()),
    }
}

/// Why a change or a cancellation is refused: always 400, with texts of the emulator (emulator-code) where it has some.
fn told_refused_change(refusal: &Refusal) -> Told {
    let update = |code, message: String| bad_request(Some(code), message, Some("update"));
    let message = |message: String| bad_request(None, message, None);
    match refusal {
        Refusal::ChangeMissing => update("BadRequest", "The request content is null".to_owned()),
        Refusal::ChangesTogether => message("Cannot patch more than one field in the same request".to_owned()),
        Refusal::PlanNotInOffer(_) | Refusal::PlanPrivate { .. } | Refusal::PlanStopSell(_) => {
            update("BadRequest", "Request Plan is NOT in Catalog.".to_owned())
        }
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
    let body = ErrorBody { code: None, message: "An error has occurred.".to_owned(), target: None };
    Told { remark: Some(remark), ..answer(StatusCode::INTERNAL_SERVER_ERROR, &body) }
}

fn bad_version(code: &'static str, message: String) -> Told {
    let remark = Some(format!("the only api-version is {API_VERSION}"));
    Told { remark, ..answer(StatusCode::BAD_REQUEST, &VersionErrorBody { error: VersionError { code, message } }) }
}

fn bad_request(code: Option<&'static str>, message: String, target: Option<&'static str>) -> Told {
    answer(StatusCode::BAD_REQUEST, &ErrorBody { code, message, target: target.map(Cow::Borrowed) })
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
        let told = Problem::Token(TokenFault::Missing).told("host", "/api", "1");
        assert_eq!(told.body.map(|body| body.len()), Some(403));
    }
}

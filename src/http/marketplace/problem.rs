//! Refusals in the fulfillment API's own words.

use axum::http::StatusCode;
use serde::Serialize;

use super::metering::MeteringProblem;
use crate::{
    app::{AppError, identity::TokenFault},
    domain::refusal::Refusal,
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
    /// The real API has it; this does not, yet.
    NotSimulated,
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
    pub(super) fn told(&self, host: &str, path: &str) -> Told {
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
            Self::NotSimulated => answer(
                StatusCode::NOT_IMPLEMENTED,
                &ErrorBody {
                    code: Some("NotImplemented"),
                    message: "Rehearsal does not simulate this call yet; see its fidelity table".to_owned(),
                    target: None,
                },
            ),
            Self::Metering(problem) => problem.told(),
            Self::App(error) => told_app_error(error),
        }
    }
}

fn told_app_error(error: &AppError) -> Told {
    match error {
        AppError::Refused(refusal) => told_refusal(refusal),
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
        | AppError::Unreadable { .. } => Told {
            remark: Some(error.to_string()),
            ..answer(
                StatusCode::INTERNAL_SERVER_ERROR,
                &ErrorBody { code: None, message: "An error has occurred.".to_owned(), target: None },
            )
        },
    }
}

fn told_refusal(refusal: &Refusal) -> Told {
    let remark = Some(refusal.to_string());
    match refusal {
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
                target: Some("subscriptionId"),
            },
        ),
        // Activate of one that is over: 404 with no body (docs:subscription-api, emulator-code).
        Refusal::NotInStatus { .. } => Told { status: StatusCode::NOT_FOUND, body: None, remark },
        Refusal::UnknownCustomer(_)
        | Refusal::UnknownPartner(_)
        | Refusal::CustomerOfAnotherPartner { .. }
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
        | Refusal::TooManyLicenses { .. } => bad_request(Some("BadArgument"), refusal.to_string(), refusal.field()),
    }
}

fn bad_version(code: &'static str, message: String) -> Told {
    let remark = Some(format!("the only api-version is {API_VERSION}"));
    Told { remark, ..answer(StatusCode::BAD_REQUEST, &VersionErrorBody { error: VersionError { code, message } }) }
}

fn bad_request(code: Option<&'static str>, message: String, target: Option<&'static str>) -> Told {
    answer(StatusCode::BAD_REQUEST, &ErrorBody { code, message, target })
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
        let told = Problem::Token(TokenFault::Missing).told("host", "/api");
        assert_eq!(told.body.map(|body| body.len()), Some(403));
    }
}

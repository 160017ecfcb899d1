//! Errors of Partner Center: statuses and codes (section 1.7 of what is known, docs:error-codes).

use axum::http::StatusCode;

use crate::{
    app::{AppError, identity::TokenFault},
    domain::{cancellation_window::CancellationWindow, customer::FieldFault, refusal::Refusal, subscription::Status},
    wire::partner_center::{BadField, Fault},
};

/// Why a call failed.
#[derive(Debug)]
pub(super) enum Problem {
    /// The commerce core said no, or failed.
    App(AppError),
    /// The commerce core said no, in words that name what the caller knows by name.
    Named(Refusal, String),
    /// The token is not accepted.
    Token(TokenFault),
    /// The call needs a person, and the app acts for itself.
    NeedsUser,
    /// The person's role does not allow it.
    Role,
    /// A field can't be read, or is missing.
    Field(String),
    /// A query parameter can't be read, or is missing.
    Parameter(&'static str),
    /// A query parameter that can be read asks for what there is not.
    OutOfRange(&'static str, String),
    /// The body is no JSON object.
    Body,
    /// The customer is another partner's, or nobody's.
    NoRelationship,
    /// The customer's tenant is not known.
    UnknownTenant,
    /// A segment that there is not.
    Segment,
    /// A view that there is not.
    View,
    /// Nobody has that MPN id.
    UnknownMpn(String),
    /// Nothing that third-party SaaS can do.
    NotSupported,
    /// There is no such product.
    UnknownProduct,
    /// There is no such SKU.
    UnknownSku,
    /// There is no such availability.
    UnknownAvailability,
    /// There is no line of that number.
    UnknownLine,
    /// There is nothing of that kind.
    NotFound(String),
    /// The resource has no such method.
    Method(String),
    /// The body is larger than any that is read.
    TooLarge,
    /// What an id names is not an id.
    BadId(&'static str),
    /// Only an integration sandbox does that.
    SandboxOnly,
    /// A production account may not do that.
    NotInProduction,
    /// The subscription is active already.
    AlreadyActivated,
    /// Seat-based SaaS is not cancelled so.
    CancelBySubscription,
    /// The billing cycle is not changed so.
    BillingCycleFixed,
    /// A value of `status` that there is not.
    Status(String),
    /// Nothing is told of how this is provisioned.
    NotProvisioned,
    /// Too many calls in a minute; again after so many seconds.
    TooMany(u32),
}

impl<E: Into<AppError>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::App(error.into())
    }
}

impl From<FieldFault> for Problem {
    fn from(fault: FieldFault) -> Self {
        Self::Field(fault.to_string())
    }
}

impl From<BadField> for Problem {
    fn from(BadField(name, why): BadField) -> Self {
        Self::Field(format!("{name} {why}"))
    }
}

/// A problem as it is told: the status, the error, and what the journal says besides.
pub(super) struct Told {
    pub(super) status: StatusCode,
    pub(super) fault: Fault,
    pub(super) remark: Option<String>,
}

impl Problem {
    /// A continuation token that this list has not given.
    pub(super) const BAD_TOKEN: Self = Self::Parameter("MS-ContinuationToken");

    /// After how many seconds it can be tried again, if there were too many calls.
    pub(super) const fn seconds_to_wait(&self) -> Option<u32> {
        match self {
            Self::TooMany(seconds) => Some(*seconds),
            Self::App(AppError::TooManyCalls) => Some(1),
            _ => None,
        }
    }

    pub(super) fn told(&self) -> Told {
        match self {
            Self::App(AppError::Refused(refusal)) => of_refusal(refusal, refusal.to_string()),
            Self::Named(refusal, words) => of_refusal(refusal, words.clone()),
            Self::App(AppError::TooManyCalls) => Self::TooMany(1).told(),
            Self::App(error) => of_failure(error),
            Self::Token(fault) => of_token(fault),
            _ => {
                let (status, code) = self.code();
                Told { status, fault: Fault::new(code, self.description()), remark: None }
            }
        }
    }

    /// The status and the code of a problem of the call itself.
    const fn code(&self) -> (StatusCode, u32) {
        match self {
            Self::NeedsUser => (StatusCode::FORBIDDEN, 900_329),
            Self::Role => (StatusCode::FORBIDDEN, 900_150),
            Self::Field(_) => (StatusCode::BAD_REQUEST, 3000),
            Self::Parameter(_) | Self::OutOfRange(..) | Self::Body | Self::BadId(_) => {
                (StatusCode::BAD_REQUEST, 800_002)
            }
            Self::NoRelationship => (StatusCode::FORBIDDEN, 20_002),
            Self::UnknownTenant => (StatusCode::NOT_FOUND, 60_003),
            Self::Segment => (StatusCode::FORBIDDEN, 400_030),
            Self::View => (StatusCode::FORBIDDEN, 400_036),
            Self::UnknownMpn(_) => (StatusCode::NOT_FOUND, 3000),
            Self::NotSupported => (StatusCode::BAD_REQUEST, 800_042),
            Self::UnknownProduct => (StatusCode::NOT_FOUND, 400_013),
            Self::UnknownSku => (StatusCode::NOT_FOUND, 400_018),
            Self::UnknownAvailability => (StatusCode::NOT_FOUND, 400_019),
            Self::UnknownLine => (StatusCode::BAD_REQUEST, 800_071),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, 1000),
            Self::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, 900_141),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, 800_002),
            Self::SandboxOnly => (StatusCode::BAD_REQUEST, 900_127),
            Self::NotInProduction => (StatusCode::FORBIDDEN, 800_019),
            Self::AlreadyActivated => (StatusCode::BAD_REQUEST, 800_041),
            Self::CancelBySubscription => (StatusCode::FORBIDDEN, 800_077),
            Self::BillingCycleFixed => (StatusCode::BAD_REQUEST, 800_097),
            Self::Status(_) => (StatusCode::BAD_REQUEST, 800_096),
            Self::NotProvisioned => (StatusCode::NOT_FOUND, 800_007),
            Self::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, 429),
            Self::App(_) | Self::Named(..) | Self::Token(_) => (StatusCode::INTERNAL_SERVER_ERROR, 800_003),
        }
    }

    fn description(&self) -> String {
        let text = match self {
            Self::Field(what) => return format!("Invalid property: {what}."),
            Self::Parameter(name) => return format!("The query parameter {name} is missing or invalid."),
            Self::OutOfRange(name, why) => return format!("The query parameter {name} is invalid: {why}."),
            Self::UnknownMpn(id) => return format!("Partner Organization with partner_id {id} could not be found"),
            Self::NotFound(what) => return format!("{what} was not found."),
            Self::Method(method) => return format!("The resource does not support {method}."),
            Self::TooLarge => "The request body is too large.",
            Self::BadId(what) => return format!("The {what} is not valid."),
            Self::Status(status) => return format!("The status cannot be updated to {status} for this subscription."),
            Self::TooMany(seconds) => return format!("Rate limit is exceeded. Try again in {seconds} seconds."),
            Self::NeedsUser => "Resource does not support app-only authentication.",
            Self::Role => "The role of the user does not have permission to perform this operation.",
            Self::Body => "The request body is not a JSON object.",
            Self::NoRelationship => "The partner has no commerce relationship with the customer.",
            Self::UnknownTenant => "The tenant was not found.",
            Self::Segment => "Access to the requested targetSegment is not allowed.",
            Self::View => "Access to the requested targetView is not allowed.",
            Self::NotSupported => "The operation is not supported.",
            Self::UnknownProduct => "The product was not found.",
            Self::UnknownSku => "The sku was not found.",
            Self::UnknownAvailability => "The availability was not found.",
            Self::UnknownLine => "The line item number must be between 0 and the number of line items minus one.",
            Self::SandboxOnly => "The operation is not supported in this environment.",
            Self::NotInProduction => "Non-sandbox tenants are not allowed to cancel purchases other than software.",
            Self::AlreadyActivated => "The item is already activated.",
            Self::CancelBySubscription => "Seat based SaaS cannot be cancelled by patch order. Use patch subscription.",
            Self::BillingCycleFixed => "The billing cycle cannot be updated for this subscription.",
            Self::NotProvisioned => "The provisioning information cannot be retrieved.",
            Self::App(_) | Self::Named(..) | Self::Token(_) => "An unexpected service error occurred.",
        };
        text.to_owned()
    }
}

fn of_token(fault: &TokenFault) -> Told {
    let (code, description) = match fault {
        TokenFault::Missing => (800_001, "The partner token is missing in the request context."),
        TokenFault::GraphAudience => (900_420, "The token audience is no longer supported."),
        _ => (400, "Access denied."),
    };
    let fault_body = Fault::new(code, description.to_owned());
    Told { status: StatusCode::UNAUTHORIZED, fault: fault_body, remark: Some(fault.to_string()) }
}

fn of_failure(error: &AppError) -> Told {
    let status = match error {
        AppError::NameTooLong => StatusCode::BAD_REQUEST,
        AppError::Store(_) | AppError::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        AppError::Full { .. } => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let fault = Fault::new(800_003, "An unexpected service error occurred.".to_owned());
    Told { status, fault, remark: Some(error.to_string()) }
}

/// A refusal of the commerce core. The description is ours, the code Microsoft's.
fn of_refusal(refusal: &Refusal, mut description: String) -> Told {
    let (status, code) = code_of(refusal);
    if let Some(first) = description.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    Told { status, fault: Fault::new(code, format!("{description}.")), remark: Some(refusal.hint().to_owned()) }
}

fn code_of(refusal: &Refusal) -> (StatusCode, u32) {
    const BAD: StatusCode = StatusCode::BAD_REQUEST;
    match refusal {
        Refusal::UnknownCustomer(_) | Refusal::CustomerOfAnotherPartner { .. } => (StatusCode::FORBIDDEN, 20_002),
        Refusal::AgreementMissing(_) => (StatusCode::FORBIDDEN, 13_605),
        Refusal::AgreementConfirmed(_) => (StatusCode::CONFLICT, 600_061),
        Refusal::DomainTaken(_) => (BAD, 600_002),
        Refusal::SandboxLimit => (BAD, 800_018),
        Refusal::NotInMarket { .. } => (BAD, 800_070),
        Refusal::UnknownReseller(_) => (StatusCode::NOT_FOUND, 800_015),
        Refusal::ProviderAsReseller(_) => (StatusCode::NOT_FOUND, 2072),
        Refusal::ResellerOfAnother(_) => (BAD, 800_016),
        Refusal::OrderOfSeveral => (BAD, 4018),
        Refusal::NicknameTooLong(_) => (BAD, 3000),
        Refusal::UnknownOffer(_) | Refusal::UnknownPlan { .. } | Refusal::PlanNotInOffer(_) => (BAD, 800_004),
        Refusal::PlanStopSell(_) => (StatusCode::FORBIDDEN, 800_028),
        Refusal::PlanPrivate { .. } => (StatusCode::FORBIDDEN, 800_020),
        Refusal::NoSeats(_)
        | Refusal::TooFewSeats { .. }
        | Refusal::TooManySeats { .. }
        | Refusal::TooManySeatsForAnyone { .. }
        | Refusal::AmountTooLarge { .. } => (BAD, 2002),
        Refusal::QuantityNotAllowed(_) => (BAD, 800_095),
        Refusal::UnknownSubscription(_) => (StatusCode::NOT_FOUND, 20_003),
        Refusal::UnknownOrder(_) => (StatusCode::NOT_FOUND, 20_000),
        Refusal::UnknownCart(_) => (StatusCode::NOT_FOUND, 800_008),
        Refusal::CartSubmitted(_) => (BAD, 800_065),
        Refusal::CartLines(_) => (BAD, 800_009),
        Refusal::NotActivatedYet => (BAD, 800_081),
        Refusal::CancellationWindowOver(CancellationWindow::HoursOfPurchase(_)) => (BAD, 900_213),
        Refusal::CancellationWindowOver(CancellationWindow::DaysOfActivation(_)) => (BAD, 900_117),
        Refusal::PaymentsOutstanding { .. } => (BAD, 800_096),
        Refusal::Stale => (BAD, 2055),
        Refusal::NotActive(Status::Suspended) => (BAD, 2001),
        Refusal::NotActive(_) => (BAD, 800_012),
        Refusal::NotInStatus { status: Status::Unsubscribed, .. } => (BAD, 2011),
        Refusal::NotInStatus { .. } => (BAD, 800_091),
        Refusal::OperationPending(_) => (StatusCode::CONFLICT, 800_082),
        Refusal::ClockBackwards { .. }
        | Refusal::BeyondCalendar(_)
        | Refusal::RequestOfAnotherKind(_)
        | Refusal::UnknownPartner(_)
        | Refusal::PlanInOtherCurrency { .. }
        | Refusal::TermNotSold { .. }
        | Refusal::QuantityRequired(_)
        | Refusal::Code(_)
        | Refusal::OtherPublisher { .. }
        | Refusal::ChangeMissing
        | Refusal::ChangesTogether
        | Refusal::OperationNotAllowed(_)
        | Refusal::SamePlan { .. }
        | Refusal::SameQuantity(_)
        | Refusal::UnknownOperation(_)
        | Refusal::OperationEnded { .. }
        | Refusal::OwnOperation(_)
        | Refusal::NotWaiting(_)
        | Refusal::NotRegistered(_)
        | Refusal::NoSuchAnswer
        | Refusal::ActivatedOtherwise { .. }
        | Refusal::TooManyLicenses { .. } => (BAD, 800_002),
    }
}

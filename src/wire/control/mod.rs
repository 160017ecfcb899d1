//! The control API's shapes (`/sim/v1`): what only a simulator has. Ours, so it is versioned by its path and described
//! by its own OpenAPI document.
//!
//! Values are texts that the API's callers compare and print; parsing them into domain types happens at the edge.

mod access;
mod catalogue;
mod delivery;
mod from_domain;
mod journal;
mod quotas;
mod sandbox;
mod subscription;

pub use access::{AccessKeyList, AccessKeyView, CreateAccessKey, NewAccessKey};
pub use catalogue::{
    CatalogueView, CustomerView, OfferView, PartnerView, PersonView, PlanView, PriceView, PublisherView,
};
pub use delivery::{
    AttemptView, ChangeRequest, DeliveryList, DeliveryView, OperationView, ResendRequest, WebhookAuthority,
    WebhookBehavior,
};
pub use journal::{JournalEntryView, JournalPage, Player};
pub use quotas::{QuotasView, SetQuotas};
pub use sandbox::{
    AdvanceClock, AdvanceProgress, ChangeSandbox, ChoiceView, ClockView, CreateSandbox, CustomerTenant, DeletionView,
    Environment, FreezeClock, MemberView, PartnerEnvironment, ProvisioningFault, ProvisioningFaults,
    PublisherEnvironment, RuleList, RuleView, SandboxList, SandboxView, SigningKeyList, TimerRun, TimerView, TimersRun,
};
pub use subscription::{
    ActivationRequest, BillingView, ConfirmationView, LedgerLineView, LicenseReport, LinkView, MissingConfirmation,
    MoneyView, PeriodView, PurchaseRequest, RenewalRequest, SubscriptionPage, SubscriptionSummary, SubscriptionView,
};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An error of the control API: a problem body after RFC 9457.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem: `urn:rehearsal:problem:` and the stable code of the reason.
    #[serde(rename = "type")]
    #[schema(example = "urn:rehearsal:problem:tooManySeats")]
    pub kind: String,
    /// The kind of problem, in a few words.
    pub title: String,
    /// The HTTP status.
    #[schema(example = 422)]
    pub status: u16,
    /// What is wrong here, in one sentence.
    pub detail: String,
    /// The stable code of the reason, as in `type`.
    #[schema(example = "tooManySeats")]
    pub code: String,
    /// What to do next.
    pub hint: String,
    /// The input that is wrong, if it is one field.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(example = "quantity")]
    pub field: Option<String>,
}

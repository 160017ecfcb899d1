//! Metering: a publisher reports what a customer used of a dimension, one event for each hour.
//!
//! A [`UsageReport`] is parsed from what came in; [`admit`] checks it against the subscription, in the order in which the
//! real service is believed to (inferred); [`accept`] refuses a duplicate, and decides what is written and charged.
//! [`daily`] sums accepted events up as `GET usageEvents` shows them.

mod daily;
mod decide;
mod included;
mod report;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use daily::{UsageDay, daily};
pub use decide::{Acceptance, Accepting, Admitted, accept, admit};
pub use included::Tally;
pub use report::{Field, FieldFault, RawUsage, Resource, UsageReport, parse_quantity};

use super::{
    ids::{DimensionId, OfferId, PlanId, SubscriptionId, TenantId, UsageEventId},
    money::Decimal,
    subscription::Subscription,
    time::Timestamp,
};

/// How far back usage may lie: 24 hours (docs:metering).
const WINDOW_MILLIS: i64 = 24 * HOUR_MILLIS;
/// How far ahead it may lie where that is tolerated at all (quirk Q44).
const TOLERATED_MILLIS: i64 = 5 * 60 * 1000;
const HOUR_MILLIS: i64 = 60 * 60 * 1000;

/// A usage event that was accepted. Facts of the past are never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AcceptedUsage {
    /// `usageEventId`.
    pub id: UsageEventId,
    /// `messageTime`: when it was accepted.
    pub accepted_at: Timestamp,
    /// `resourceId`.
    pub resource: SubscriptionId,
    /// `resourceUri`.
    pub resource_uri: String,
    /// How much was used.
    pub quantity: Decimal,
    /// Of what.
    pub dimension: DimensionId,
    /// When it was used.
    pub effective: Timestamp,
    /// The same as it came: it is echoed literally, with or without `Z` (recorded).
    pub effective_text: String,
    /// The plan.
    pub plan: PlanId,
    /// The offer.
    pub offer: OfferId,
    /// `azureSubscriptionId`; see [`azure_subscription`].
    pub azure_subscription: TenantId,
}

/// Why a usage event is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageRefusal {
    /// Fields are missing or can't be read.
    #[error("fields are missing or can't be read")]
    Malformed(Vec<FieldFault>),
    /// There is no such resource.
    #[error("there is no such resource")]
    ResourceNotFound,
    /// The resource is another publisher's.
    #[error("the resource is another publisher's")]
    ResourceNotAuthorized,
    /// The resource was not active at the time of the usage.
    #[error("the resource is not active at that time")]
    ResourceNotActive,
    /// The plan is not the one that was bought.
    #[error("the plan is not the one that was bought")]
    InvalidPlan,
    /// The plan has no such dimension.
    #[error("the plan has no such dimension")]
    InvalidDimension,
    /// The quantity is not above zero, or more than can be charged.
    #[error("the quantity is not above zero, or more than can be charged")]
    InvalidQuantity,
    /// Older than 24 hours, or in the future.
    #[error("the usage is older than 24 hours or in the future")]
    Expired,
    /// Usage of that dimension was accepted for that hour before.
    #[error("usage of that dimension was accepted for that hour before")]
    Duplicate(Box<AcceptedUsage>),
}

/// The hour of the clock, in UTC, that an instant lies in: one event is accepted for each (docs:metering-newer; Q35).
#[must_use]
pub fn hour_of(instant: Timestamp) -> Timestamp {
    let millis = instant.as_millis();
    Timestamp::from_millis(millis.saturating_sub(millis.rem_euclid(HOUR_MILLIS)))
}

/// The Azure subscription that a resource lies in. There is no Azure here: the customer's tenant id stands for it.
#[must_use]
pub fn azure_subscription(subscription: &Subscription) -> TenantId {
    subscription.beneficiary.tenant_id
}

/// The `resourceUri` of a subscription, in the form that recordings show; the names in it are ours.
#[must_use]
pub fn resource_uri(subscription: &Subscription) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/rehearsal/providers/Microsoft.SaaS/resources/{}",
        azure_subscription(subscription),
        subscription.id
    )
}

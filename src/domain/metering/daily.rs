//! Accepted usage by the day, as `GET usageEvents` shows it.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{
    super::{
        ids::{DimensionId, OfferId, PlanId, SubscriptionId, TenantId},
        money::Decimal,
        time::{Date, Timestamp},
    },
    AcceptedUsage, WINDOW_MILLIS,
};

/// What was used of a dimension on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageDay {
    /// The UTC day.
    pub day: Date,
    /// The subscription.
    pub resource: SubscriptionId,
    /// The dimension.
    pub dimension: DimensionId,
    /// The plan.
    pub plan: PlanId,
    /// The offer.
    pub offer: OfferId,
    /// `azureSubscriptionId`.
    pub azure_subscription: TenantId,
    /// The sum of the day's events.
    pub quantity: Decimal,
    /// How many events.
    pub count: u32,
    /// Whether the day's usage is processed: no event can be added to it any more. Microsoft does not tell when that is
    /// (inferred).
    pub is_processed: bool,
}

/// One row for each day, resource, dimension and plan; the newest day first (recorded).
#[must_use]
pub fn daily<'a>(events: impl IntoIterator<Item = &'a AcceptedUsage>, now: Timestamp) -> Vec<UsageDay> {
    let mut rows = BTreeMap::new();
    for usage in events {
        let day = usage.effective.date();
        let key = (Reverse(day), usage.resource, &usage.dimension, &usage.plan);
        let row = rows.entry(key).or_insert_with(|| UsageDay {
            day,
            resource: usage.resource,
            dimension: usage.dimension.clone(),
            plan: usage.plan.clone(),
            offer: usage.offer.clone(),
            azure_subscription: usage.azure_subscription,
            quantity: Decimal::ZERO,
            count: 0,
            is_processed: now > Timestamp::midnight(day.tomorrow().unwrap_or(day)).plus_millis(WINDOW_MILLIS),
        });
        row.quantity = row.quantity.saturating_add(usage.quantity);
        row.count = row.count.saturating_add(1);
    }
    rows.into_values().collect()
}

//! A usage event as a publisher reports it, parsed at the edge.

use std::str::FromStr;

use super::super::{ids::SubscriptionId, money::Decimal, time::Timestamp};

/// The fields of a usage event as they came; the quantity as its digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RawUsage<'a> {
    /// `resourceId`.
    pub resource_id: Option<&'a str>,
    /// `resourceUri`.
    pub resource_uri: Option<&'a str>,
    /// `quantity`.
    pub quantity: Option<&'a str>,
    /// `dimension`.
    pub dimension: Option<&'a str>,
    /// `effectiveStartTime`.
    pub effective_start_time: Option<&'a str>,
    /// `planId`.
    pub plan_id: Option<&'a str>,
}

/// A usage event that can be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageReport {
    /// What was used.
    pub resource: Resource,
    /// How much of it; any number.
    pub quantity: Decimal,
    /// Which dimension, known or not.
    pub dimension: Box<str>,
    /// When.
    pub effective: Timestamp,
    /// The same as it came.
    pub effective_text: Box<str>,
    /// Which plan, the right one or not.
    pub plan: Box<str>,
}

/// How a resource is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// By the subscription's id.
    Id(SubscriptionId),
    /// By an ARM id.
    Uri(Box<str>),
}

impl Resource {
    /// The subscription that it names, if it names one. A URI still has to be compared with the subscription's own.
    #[must_use]
    pub fn subscription(&self) -> Option<SubscriptionId> {
        match self {
            Self::Id(id) => Some(*id),
            Self::Uri(uri) => uri.rsplit('/').next()?.parse().ok(),
        }
    }
}

/// A field of a usage event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `resourceId`, or `resourceUri` in its place.
    ResourceId,
    /// `quantity`.
    Quantity,
    /// `dimension`.
    Dimension,
    /// `effectiveStartTime`.
    EffectiveStartTime,
    /// `planId`.
    PlanId,
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldFault {
    /// It was not sent, or is `null` or empty.
    Missing(Field),
    /// It can't be read as what it has to be.
    Malformed(Field),
}

impl UsageReport {
    /// Parses the fields. If both names of the resource are given, its id counts (inferred).
    ///
    /// # Errors
    /// Everything that is wrong with them, in the order of the documentation's sample.
    pub fn parse(raw: RawUsage<'_>) -> Result<Self, Vec<FieldFault>> {
        let mut faults = Vec::new();
        let resource = match (given(raw.resource_id), given(raw.resource_uri)) {
            (None, Some(uri)) => Some(Resource::Uri(uri.into())),
            (id, _) => parsed(id, Field::ResourceId, &mut faults, |id| id.parse().ok().map(Resource::Id)),
        };
        let quantity = parsed(given(raw.quantity), Field::Quantity, &mut faults, parse_quantity);
        let dimension = parsed(given(raw.dimension), Field::Dimension, &mut faults, |text| Some(text.into()));
        let effective_text = given(raw.effective_start_time);
        let effective =
            parsed(effective_text, Field::EffectiveStartTime, &mut faults, |text| Timestamp::parse_utc(text).ok());
        let plan = parsed(given(raw.plan_id), Field::PlanId, &mut faults, |text| Some(text.into()));
        match (resource, quantity, dimension, effective.zip(effective_text), plan) {
            (Some(resource), Some(quantity), Some(dimension), Some((effective, effective_text)), Some(plan)) => {
                Ok(Self { resource, quantity, dimension, effective, effective_text: effective_text.into(), plan })
            }
            _ => Err(faults),
        }
    }
}

fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

fn parsed<T>(
    text: Option<&str>,
    field: Field,
    faults: &mut Vec<FieldFault>,
    read: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let value = text.and_then(read);
    if value.is_none() {
        faults.push(if text.is_none() { FieldFault::Missing(field) } else { FieldFault::Malformed(field) });
    }
    value
}

/// A number as JSON writes it, with or without an exponent; `None` if it is none, or more than a decimal holds.
#[must_use]
pub fn parse_quantity(text: &str) -> Option<Decimal> {
    let text = text.trim();
    Decimal::from_str(text).or_else(|_| Decimal::from_scientific(text)).ok()
}

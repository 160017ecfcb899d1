//! Marketplace metering, `api-version=2018-08-31`: usage events in, and what is answered, key for key as recorded.

use serde::Serialize;
use serde_json::Value;

use super::{double::Double, lenient::Read};
use crate::domain::{
    metering::{AcceptedUsage, Field, FieldFault, RawUsage, UsageDay, UsageRefusal, UsageReport, parse_quantity},
    money::Decimal,
    rules::{BatchShape, Rules, UsageResourceUri},
    time::Timestamp,
};

/// Most events in a batch (docs:metering).
pub const LARGEST_BATCH: usize = 25;

/// A usage event as it was sent: names of keys in any case, a quantity as number or text, unknown keys ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageRequest {
    resource_id: Option<String>,
    resource_uri: Option<String>,
    quantity: Option<String>,
    dimension: Option<String>,
    effective_start_time: Option<String>,
    plan_id: Option<String>,
    /// Where the reading was lenient.
    pub leniencies: Vec<String>,
}

/// The fields of an event.
const FIELDS: [&str; 6] = ["resourceId", "resourceUri", "quantity", "dimension", "effectiveStartTime", "planId"];

impl UsageRequest {
    /// Reads an event. What is no object has no fields, and a field that is neither text nor number counts as missing.
    #[must_use]
    pub fn of(json: &Value) -> Self {
        let (fields, leniencies) = Read::fields(json, &FIELDS);
        let mut request = Self { leniencies, ..Self::default() };
        for (name, value) in fields {
            if name == "quantity" && value.is_string() {
                request.leniencies.push("quantity is a text".to_owned());
            }
            let place = match name {
                "resourceId" => &mut request.resource_id,
                "resourceUri" => &mut request.resource_uri,
                "quantity" => &mut request.quantity,
                "dimension" => &mut request.dimension,
                "effectiveStartTime" => &mut request.effective_start_time,
                _ => &mut request.plan_id,
            };
            *place = match value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
            };
        }
        request
    }

    /// What it reports.
    ///
    /// # Errors
    /// What is wrong with its fields.
    pub fn report(&self) -> Result<UsageReport, Vec<FieldFault>> {
        UsageReport::parse(RawUsage {
            resource_id: self.resource_id.as_deref(),
            resource_uri: self.resource_uri.as_deref(),
            quantity: self.quantity.as_deref(),
            dimension: self.dimension.as_deref(),
            effective_start_time: self.effective_start_time.as_deref(),
            plan_id: self.plan_id.as_deref(),
        })
    }
}

/// The events of a batch: `{"request":[...]}`, and the wrapper is mandatory (issue:Ercenk/AzureMarketplaceSaaSApiClient#5).
/// No events where it is something else. Also tells where reading the wrapper was lenient.
#[must_use]
pub fn batch_of(json: &Value) -> (Vec<UsageRequest>, Vec<String>) {
    let (fields, leniencies) = Read::fields(json, &["request"]);
    let events = fields.last().and_then(|(_, events)| events.as_array());
    (events.into_iter().flatten().map(UsageRequest::of).collect(), leniencies)
}

/// A usage event in an answer. Key order as recorded; an event that was not accepted has no id.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_event_id: Option<String>,
    status: &'static str,
    message_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<UsageErrorBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<Double>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimension: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_start_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan_id: Option<String>,
}

impl UsageBody {
    /// An event that was accepted, with both names of its resource whichever was sent (recorded; quirk Q34).
    #[must_use]
    pub fn accepted(usage: &AcceptedUsage, request: &UsageRequest, rules: Rules) -> Self {
        let mut body = Self::stored(usage, "Accepted");
        if rules.usage_resource_uri == UsageResourceUri::AsSent && request.resource_uri.is_none() {
            body.resource_uri = None;
        }
        body
    }

    fn stored(usage: &AcceptedUsage, status: &'static str) -> Self {
        Self {
            usage_event_id: Some(usage.id.to_string()),
            status,
            message_time: usage.accepted_at.to_string(),
            error: None,
            resource_id: Some(usage.resource.to_string()),
            resource_uri: Some(usage.resource_uri.clone()),
            quantity: Some(Double(usage.quantity)),
            dimension: Some(usage.dimension.to_string()),
            effective_start_time: Some(usage.effective_text.clone()),
            plan_id: Some(usage.plan.to_string()),
        }
    }

    /// An event of a batch that was refused: what was sent, and why not. Expired events and those with a bad dimension have
    /// both names of the resource, duplicates and unknown ones only what was sent (recorded, recorded-meter).
    #[must_use]
    pub fn refused(
        request: &UsageRequest,
        refusal: &UsageRefusal,
        resource: Option<(String, String)>,
        (rules, now): (Rules, Timestamp),
    ) -> Self {
        let echoes_both = match refusal {
            UsageRefusal::Malformed(_)
            | UsageRefusal::ResourceNotFound
            | UsageRefusal::ResourceNotAuthorized
            | UsageRefusal::Duplicate(_) => false,
            UsageRefusal::ResourceNotActive
            | UsageRefusal::InvalidPlan
            | UsageRefusal::InvalidDimension
            | UsageRefusal::InvalidQuantity
            | UsageRefusal::Expired => true,
        };
        let (resource_id, resource_uri) = match resource.filter(|_| echoes_both) {
            Some((id, uri)) => (Some(id), Some(uri)),
            None => (request.resource_id.clone(), request.resource_uri.clone()),
        };
        Self {
            usage_event_id: None,
            status: status_of(refusal),
            // The time of processing (recorded; quirk Q33).
            message_time: match rules.batch_shape {
                BatchShape::Recorded => now.to_string(),
                BatchShape::Documented => NO_TIME.to_owned(),
            },
            error: Some(UsageErrorBody::of(refusal)),
            resource_id,
            resource_uri,
            quantity: request.quantity.as_deref().and_then(parse_quantity).map(Double),
            dimension: request.dimension.clone(),
            effective_start_time: request.effective_start_time.clone(),
            plan_id: request.plan_id.clone(),
        }
    }
}

/// The status of a refused event of a batch (docs:metering).
const fn status_of(refusal: &UsageRefusal) -> &'static str {
    match refusal {
        UsageRefusal::Malformed(_) | UsageRefusal::InvalidPlan => "BadArgument",
        UsageRefusal::ResourceNotFound => "ResourceNotFound",
        UsageRefusal::ResourceNotAuthorized => "ResourceNotAuthorized",
        UsageRefusal::ResourceNotActive => "ResourceNotActive",
        UsageRefusal::InvalidDimension => "InvalidDimension",
        UsageRefusal::InvalidQuantity => "InvalidQuantity",
        UsageRefusal::Expired => "Expired",
        UsageRefusal::Duplicate(_) => "Duplicate",
    }
}

/// What the documentation's sample has for the time of an event that was refused (quirk Q33).
const NO_TIME: &str = "0001-01-01T00:00:00";

/// The answer to a batch, results in the order of the requests.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum BatchBody {
    /// `result` before `count` (recorded; quirk Q33).
    Recorded {
        /// The results.
        result: Vec<UsageBody>,
        /// How many.
        count: usize,
    },
    /// `count` before `result` (docs:metering).
    Documented {
        /// How many.
        count: usize,
        /// The results.
        result: Vec<UsageBody>,
    },
}

impl BatchBody {
    /// The results.
    #[must_use]
    pub const fn of(result: Vec<UsageBody>, rules: Rules) -> Self {
        let count = result.len();
        match rules.batch_shape {
            BatchShape::Recorded => Self::Recorded { result, count },
            BatchShape::Documented => Self::Documented { count, result },
        }
    }
}

/// An error of metering. Unlike elsewhere, `code` comes last, and `message` directly after `additionalInfo`: the
/// Accelerator cuts the accepted event out of the raw text (accelerator).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageErrorBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_info: Option<AdditionalInfo>,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Vec<DetailBody>>,
    code: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AdditionalInfo {
    accepted_message: Box<UsageBody>,
}

#[derive(Debug, Serialize)]
struct DetailBody {
    message: String,
    target: &'static str,
    code: &'static str,
}

const BAD_ARGUMENT: &str = "BadArgument";

impl UsageErrorBody {
    /// The error of a refused event.
    #[must_use]
    pub fn of(refusal: &UsageRefusal) -> Self {
        let one = |target, message: &str| Self::detailed(vec![detail(target, message)]);
        match refusal {
            UsageRefusal::Malformed(faults) => Self::detailed(faults.iter().copied().map(fault_detail).collect()),
            // One text for both (recorded-meter, in a batch).
            UsageRefusal::ResourceNotFound | UsageRefusal::ResourceNotActive => {
                one("resourceId", "The resourceId value provided cannot be found or this resource is not active.")
            }
            // issue:Azure/Commercial-Marketplace-SaaS-Accelerator#775
            UsageRefusal::ResourceNotAuthorized => {
                Self::plain("Client is not authorized for this usage resource.", None, "Forbidden")
            }
            // The texts for plan and quantity are not known (inferred).
            UsageRefusal::InvalidPlan => one("planId", "The payload planId is invalid."),
            UsageRefusal::InvalidQuantity => one("quantity", "The payload quantity is invalid."),
            UsageRefusal::InvalidDimension => one("dimension", "The payload dimension is invalid."),
            // "is has" is real (recorded-meter).
            UsageRefusal::Expired => {
                one("effectiveStartTime", "The effective time provided is has expired or is in future.")
            }
            // The earlier event, with another status (recorded).
            UsageRefusal::Duplicate(earlier) => Self {
                additional_info: Some(AdditionalInfo {
                    accepted_message: Box::new(UsageBody::stored(earlier, "Duplicate")),
                }),
                ..Self::plain("This usage event already exist.", None, "Conflict")
            },
        }
    }

    /// A batch with more events than are taken; "check you request" is real (issue:MicrosoftDocs/azure-docs#41420).
    #[must_use]
    pub const fn batch_too_large() -> Self {
        Self::plain(
            "Batch events request payload count is more than 25. Please check you request body and retry with count less than 25.",
            Some("batchUsageEventRequest"),
            BAD_ARGUMENT,
        )
    }

    /// A batch without events, or without its wrapper; the text is ours.
    #[must_use]
    pub const fn batch_empty() -> Self {
        Self::plain("The request is required.", Some("batchUsageEventRequest"), BAD_ARGUMENT)
    }

    /// A body that is no JSON; the text is ours.
    #[must_use]
    pub const fn not_json(target: &'static str) -> Self {
        Self::plain("The request body is not valid JSON.", Some(target), BAD_ARGUMENT)
    }

    /// A body that only lenient reading understands, where reading is strict; the text is ours.
    #[must_use]
    pub const fn not_strict(target: &'static str) -> Self {
        Self::plain("The request body is not valid: it is read strictly.", Some(target), BAD_ARGUMENT)
    }

    /// A query parameter that is missing or can't be read; the texts are ours.
    #[must_use]
    pub const fn parameter(message: &'static str, target: &'static str) -> Self {
        Self::plain(message, Some(target), BAD_ARGUMENT)
    }

    const fn plain(message: &'static str, target: Option<&'static str>, code: &'static str) -> Self {
        Self { additional_info: None, message, target, details: None, code }
    }

    fn detailed(details: Vec<DetailBody>) -> Self {
        let envelope = Self::plain("One or more errors have occurred.", Some("usageEventRequest"), BAD_ARGUMENT);
        Self { details: Some(details), ..envelope }
    }
}

fn detail(target: &'static str, message: &str) -> DetailBody {
    DetailBody { message: message.to_owned(), target, code: BAD_ARGUMENT }
}

/// A missing field's target has a capital (docs:metering).
fn fault_detail(fault: FieldFault) -> DetailBody {
    let (FieldFault::Missing(field) | FieldFault::Malformed(field)) = fault;
    let (name, target) = match field {
        Field::ResourceId => ("resourceId", "ResourceId"),
        Field::Quantity => ("quantity", "Quantity"),
        Field::Dimension => ("dimension", "Dimension"),
        Field::EffectiveStartTime => ("effectiveStartTime", "EffectiveStartTime"),
        Field::PlanId => ("planId", "PlanId"),
    };
    let wrong = if matches!(fault, FieldFault::Missing(_)) { "required" } else { "invalid" };
    detail(target, &format!("The {name} is {wrong}."))
}

/// A row of `GET usageEvents`; key order as recorded.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageDayBody<'a> {
    usage_date: String,
    usage_resource_id: String,
    dimension: &'a str,
    plan_id: &'a str,
    plan_name: &'a str,
    offer_id: &'a str,
    offer_name: &'a str,
    offer_type: &'static str,
    azure_subscription_id: String,
    recon_status: &'static str,
    submitted_quantity: Double,
    processed_quantity: Double,
    submitted_count: u32,
}

impl<'a> UsageDayBody<'a> {
    /// A row; the names of offer and plan are empty while it is not processed (recorded).
    #[must_use]
    pub fn of(day: &'a UsageDay, offer_name: &'a str, plan_name: &'a str) -> Self {
        let named = |name| if day.is_processed { name } else { "" };
        Self {
            usage_date: Timestamp::midnight(day.day).to_string(),
            usage_resource_id: day.resource.to_string(),
            dimension: day.dimension.as_str(),
            plan_id: day.plan.as_str(),
            plan_name: named(plan_name),
            offer_id: day.offer.as_str(),
            offer_name: named(offer_name),
            offer_type: "SaaS",
            azure_subscription_id: day.azure_subscription.to_string(),
            recon_status: recon_status(day),
            submitted_quantity: Double(day.quantity),
            processed_quantity: Double(if day.is_processed { day.quantity } else { Decimal::ZERO }),
            submitted_count: day.count,
        }
    }
}

/// `reconStatus` of a row. Nothing is lost between us and ourselves, so `Mismatch` and `Rejected` never occur.
#[must_use]
pub const fn recon_status(day: &UsageDay) -> &'static str {
    if day.is_processed { "Accepted" } else { "Submitted" }
}

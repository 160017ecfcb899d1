//! Registrations and notices of webhooks, in `PascalCase` (section 11.2 and A.10).

use serde::Serialize;

use super::{audit_id, offset_instant};
use crate::domain::{
    audit::{Audited, FoundRecord},
    customer::Customer,
    ids::TenantId,
    notice::{EventName, Notice, Registration},
    partner::Partner,
    webhook::Sent,
};

/// A registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RegistrationBody<'a> {
    subscriber_id: String,
    webhook_url: &'a str,
    webhook_events: Vec<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    signature_token_to_ms_signature_header: bool,
}

impl<'a> RegistrationBody<'a> {
    /// A registration as it stands.
    #[must_use]
    pub fn of(registration: &'a Registration) -> Self {
        Self {
            subscriber_id: registration.subscriber.to_string(),
            webhook_url: &registration.url,
            webhook_events: registration.events.iter().map(|event| event.as_str()).collect(),
            signature_token_to_ms_signature_header: registration.signature_in_own_header,
        }
    }
}

/// What a partner's program is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NoticeBody {
    event_name: &'static str,
    resource_uri: String,
    resource_name: &'static str,
    audit_uri: Option<String>,
    resource_change_utc_date: String,
}

impl NoticeBody {
    /// A notice to a partner, with the record that it tells of; links lead to the server at `base`.
    #[must_use]
    pub fn of(notice: &Notice, found: Option<&FoundRecord>, partner: Option<&Partner>, base: &str) -> Self {
        let customer = found.and_then(|found| found.customer.as_ref()).and_then(Customer::tenant_id);
        let customer = customer.as_ref().map(TenantId::to_string).unwrap_or_default();
        let (resource_uri, resource_name) = match found.map(|found| &found.record.what) {
            Some(Audited::SubscriptionUpdated { subscription, .. }) => {
                (format!("{base}/webhooks/v1/customers/{customer}/subscriptions/{subscription}"), "subscription")
            }
            Some(Audited::InvoiceReady { .. }) => {
                let invoice = found.and_then(|found| found.invoice.as_ref());
                let id = invoice.map_or("", |invoice| invoice.id.as_str());
                (format!("{base}/v1/invoices/{id}"), "invoice")
            }
            _ => (format!("{base}/webhooks/v1/registration/validationEvents/{}", notice.id), "test"),
        };
        let audited = found.zip(partner);
        Self {
            event_name: notice.event.as_str(),
            resource_uri,
            resource_name,
            audit_uri: audited.map(|(found, partner)| format!("{base}/v1/auditrecords/{}", audit_id(found, partner))),
            resource_change_utc_date: offset_instant(notice.changed),
        }
    }
}

/// The names of all events.
#[must_use]
pub fn event_names() -> Vec<&'static str> {
    EventName::ALL.into_iter().map(EventName::as_str).collect()
}

/// How a test of a webhook goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestBody<'a> {
    correlation_id: String,
    partner_id: String,
    status: &'static str,
    callback_url: &'a str,
    results: Vec<TestResult>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct TestResult {
    response_code: String,
    response_message: String,
    system_error: bool,
    date_time_utc: String,
}

impl<'a> TestBody<'a> {
    /// A test as it stands: it is over with its first answer.
    #[must_use]
    pub fn of(notice: &Notice, registration: &'a Registration, partner: &Partner) -> Self {
        let result = |attempt: &crate::domain::webhook::Attempt| {
            let (response_code, response_message, system_error) = match &attempt.sent {
                Sent::Answered { status, body, .. } => (code_name(*status), body.clone().unwrap_or_default(), false),
                Sent::Unanswered { why, .. } => (String::new(), why.clone(), true),
                Sent::NoWebhook => (String::new(), String::new(), true),
            };
            TestResult { response_code, response_message, system_error, date_time_utc: offset_instant(attempt.at) }
        };
        Self {
            correlation_id: notice.id.to_string(),
            partner_id: partner.app.tenant_id.to_string(),
            status: if notice.attempts.is_empty() { "pending" } else { "completed" },
            callback_url: &registration.url,
            results: notice.attempts.iter().map(result).collect(),
        }
    }
}

/// A status as .NET names it: `OK`, `InternalServerError`.
fn code_name(status: u16) -> String {
    let reason = axum::http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    reason.map_or_else(|| status.to_string(), |reason| reason.replace([' ', '-'], ""))
}

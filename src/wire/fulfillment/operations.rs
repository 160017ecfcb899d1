//! The bodies of change, and of the operations API.

use serde::Serialize;
use serde_json::Value;

use crate::{
    domain::{
        catalogue::Seats,
        operation::{Operation, OperationStatus},
        rules::{OperationErrors, Rules},
    },
    wire::lenient::Read,
};

/// An operation, key for key as recorded. `errorStatusCode` and `errorMessage` are absent while it is healthy (recorded;
/// quirk Q32).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationBody<'a> {
    id: String,
    /// The same as `id` (recorded).
    activity_id: String,
    publisher_id: &'a str,
    offer_id: &'a str,
    /// The target (recorded).
    plan_id: &'a str,
    /// Absent on flat rates (recorded); its place is inferred from the webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<u32>,
    operation_request_source: &'static str,
    subscription_id: String,
    time_stamp: String,
    action: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_status_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'static str>,
}

impl<'a> OperationBody<'a> {
    /// An operation, by the rules of its sandbox.
    #[must_use]
    pub fn of(operation: &'a Operation, rules: Rules) -> Self {
        let error = error_of(operation.status, rules);
        Self {
            id: operation.id.to_string(),
            activity_id: operation.id.to_string(),
            publisher_id: operation.publisher.as_str(),
            offer_id: operation.offer.as_str(),
            plan_id: operation.plan.as_str(),
            quantity: operation.quantity.map(Seats::get),
            operation_request_source: operation.source.as_str(),
            subscription_id: operation.subscription.to_string(),
            time_stamp: operation.requested.to_string(),
            action: operation.action().as_str(),
            status: operation.status.as_str(),
            error_status_code: error.map(|(code, _)| code),
            error_message: error.map(|(_, message)| message),
        }
    }
}

/// What is told of an operation that came to nothing. Code and text are ours: none were recorded.
const fn error_of(status: OperationStatus, rules: Rules) -> Option<(&'static str, &'static str)> {
    match (status, rules.operation_errors) {
        (OperationStatus::Failed, _) => Some(("400", "The publisher has not accepted the operation.")),
        (OperationStatus::Conflict, _) => Some(("409", "The operation does not fit the subscription any more.")),
        (_, OperationErrors::Absent) => None,
        (_, OperationErrors::Empty) => Some(("", "")),
    }
}

/// The outstanding operations: an object, as documentation and official client have it; the emulator's bare array is its
/// bug (docs:operations-api, sdk-dotnet).
#[derive(Debug, Serialize)]
pub struct OperationsBody<'a> {
    operations: Vec<OperationBody<'a>>,
}

impl<'a> OperationsBody<'a> {
    /// Operations, by the rules of their sandbox.
    #[must_use]
    pub fn of(operations: &'a [Operation], rules: Rules) -> Self {
        Self { operations: operations.iter().map(|operation| OperationBody::of(operation, rules)).collect() }
    }
}

/// A change of plan or quantity, read as leniently as the real service reads.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ChangeBody {
    /// `planId`.
    pub plan_id: Option<String>,
    /// `quantity`.
    pub quantity: Option<i64>,
    /// Where the reading was lenient.
    pub leniencies: Vec<String>,
}

impl ChangeBody {
    /// Reads a body: the quantity may be a number or a numeric text, as in Microsoft's own Postman sample. What can't be
    /// read at all says nothing.
    #[must_use]
    pub fn read(body: &[u8]) -> Self {
        let Read { value, leniencies } = Read::of(body);
        let mut read = Self { leniencies, ..Self::default() };
        let Some(value) = value else { return read };
        let (fields, leniencies) = Read::fields(&value, &["planId", "quantity"]);
        read.leniencies.extend(leniencies);
        for (name, value) in fields {
            match (name, value) {
                (_, Value::Null) => {}
                ("planId", value) => read.plan_id = Some(value.as_str().unwrap_or_default().to_owned()),
                (_, value) => {
                    if value.is_string() {
                        read.leniencies.push("quantity is a text".to_owned());
                    }
                    read.quantity = Some(quantity(value));
                }
            }
        }
        read
    }
}

/// A number of seats; 0, which no subscription can have, for what is none.
fn quantity(value: &Value) -> i64 {
    match value {
        // Beyond 64 bits a number is too large all the same.
        Value::Number(number) => number.as_i64().or_else(|| number.as_u64().map(|_| i64::MAX)).unwrap_or(0),
        Value::String(text) => text.trim().parse().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => 0,
    }
}

/// A publisher's answer to an operation.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AnswerBody {
    /// `status`; empty if it is missing or no text.
    pub status: String,
    /// Where the reading was lenient.
    pub leniencies: Vec<String>,
}

impl AnswerBody {
    /// Reads a body. The older contract repeated plan and quantity, which nothing depends on (openapi).
    #[must_use]
    pub fn read(body: &[u8]) -> Self {
        let Read { value, mut leniencies } = Read::of(body);
        let value = value.unwrap_or_default();
        let (fields, more) = Read::fields(&value, &["status", "planId", "quantity"]);
        leniencies.extend(more);
        let status = fields.iter().rev().find(|(name, _)| *name == "status").and_then(|(_, value)| value.as_str());
        Self { status: status.unwrap_or_default().to_owned(), leniencies }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read_leniently_and_each_leniency_is_told() {
        let table: [(&str, Option<&str>, Option<i64>, usize); 18] = [
            (r#"{"planId":"gold"}"#, Some("gold"), None, 0),
            (r#"{"quantity":5}"#, None, Some(5), 0),
            (r#"{"quantity":"5"}"#, None, Some(5), 1),
            (r#"{"QUANTITY":5}"#, None, Some(5), 1),
            (r#"{"PlanId":"gold","Quantity":"5"}"#, Some("gold"), Some(5), 3),
            (r#"{"planId":"gold","quantity":null}"#, Some("gold"), None, 0),
            (r#"{"planId":"gold","seats":5}"#, Some("gold"), None, 1),
            (r#"{"planId":7}"#, Some(""), None, 0),
            (r#"{"quantity":-1}"#, None, Some(-1), 0),
            (r#"{"quantity":5.5}"#, None, Some(0), 0),
            (r#"{"quantity":"many"}"#, None, Some(0), 1),
            (r#"{"quantity":true}"#, None, Some(0), 0),
            (r#"{"quantity":18446744073709551615}"#, None, Some(i64::MAX), 0),
            ("{}", None, None, 0),
            ("[]", None, None, 0),
            ("null", None, None, 0),
            ("", None, None, 0),
            ("{\"quantity\":5", None, None, 0),
        ];
        for (body, plan, quantity, leniencies) in table {
            let read = ChangeBody::read(body.as_bytes());
            let found = (read.plan_id.as_deref(), read.quantity, read.leniencies.len());
            assert_eq!(found, (plan, quantity, leniencies), "{body}");
        }
    }

    #[test]
    fn an_answer_is_whatever_it_says() {
        let table = [
            (r#"{"status":"Success"}"#, "Success"),
            (r#"{"Status":"blah"}"#, "blah"),
            (r#"{"status":1}"#, ""),
            ("x", ""),
        ];
        for (body, status) in table {
            assert_eq!(AnswerBody::read(body.as_bytes()).status, status, "{body}");
        }
    }
}

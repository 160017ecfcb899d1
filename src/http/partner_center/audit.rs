//! The activity log (section 11.1: E39).

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{
    call::{Answer, At, Call, Needs},
    problem::Problem,
};
use crate::{
    app::AuditFilter,
    domain::{
        audit::ResourceType,
        ids::{CustomerId, TenantId},
        partner::Right,
        time::{Period, Timestamp},
    },
    http::faces::Faces,
    wire::partner_center::{AuditBody, Body, Collection, audit_id, audited_at},
};

/// Records on a page if nothing else is asked for (inferred), and at the most.
const USUAL_SIZE: usize = 100;
const LARGEST_SIZE: usize = 500;
/// How far back it goes by itself, and at the most, in days.
const USUAL_DAYS: i32 = 30;
const MOST_DAYS: i32 = 90;

/// `GET /v1/auditrecords?startDate=&endDate=&size=&filter=`
pub(super) async fn list(State(_): State<Arc<Faces>>, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |at| async move {
        let filter = filter(&at)?;
        let size = at.call.size(USUAL_SIZE, LARGEST_SIZE)?;
        let after = at.call.continuation()?;
        let after = after.map(|after| String::from_utf8_lossy(&after).parse()).transpose();
        let after = after.map_err(|_| Problem::BAD_TOKEN)?;
        let page = at.sandbox.audit_records(&at.partner.id, &filter, after, size).await?;
        let (catalogue, rules) = (at.sandbox.catalogue(), at.rules());
        let items = page.records.iter().map(|found| AuditBody::of(found, &at.partner, catalogue, rules)).collect();
        let next = page.next.map(|place| STANDARD.encode(place.to_string()));
        Ok(Answer::ok(&Collection::page(at.call.list_link(size), items, next, false)))
    })
    .await
}

/// `GET /v1/auditrecords/{id}`: where the `AuditUri` of a webhook's event leads.
pub(super) async fn get(State(_): State<Arc<Faces>>, Path(id): Path<String>, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |at| async move {
        let unknown = || Problem::NotFound(format!("The audit record {id}"));
        let from = audited_at(&id).ok_or_else(unknown)?;
        let until = from.plus_millis(1);
        let filter = AuditFilter { from, until, customer: None, company: None, resource: None };
        let page = at.sandbox.audit_records(&at.partner.id, &filter, None, usize::MAX).await?;
        let found = page.records.iter().find(|found| audit_id(found, &at.partner).eq_ignore_ascii_case(&id));
        let found = found.ok_or_else(unknown)?;
        Ok(Answer::ok(&AuditBody::of(found, &at.partner, at.sandbox.catalogue(), at.rules())))
    })
    .await
}

fn filter(at: &At) -> Result<AuditFilter, Problem> {
    let today = Timestamp::midnight(at.now().date());
    let days = |days: i32| Period::days(days);
    let instant = |name: &'static str| match at.call.parameter(name).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => Timestamp::parse_utc(text).map(Some).map_err(|_| Problem::Parameter(name)),
    };
    let from = instant("startDate")?.unwrap_or_else(|| today.plus(days(-USUAL_DAYS)));
    if from < today.plus(days(-MOST_DAYS)) {
        let why = format!("records are told for the last {MOST_DAYS} days, and it lies before them");
        return Err(Problem::OutOfRange("startDate", why));
    }
    // A day is meant, and all of it (inferred).
    let last = instant("endDate")?.unwrap_or(today);
    if last < from {
        let why = "it lies before the first day that is asked for".to_owned();
        return Err(Problem::OutOfRange("endDate", why));
    }
    let until = Timestamp::midnight(last.date()).plus(days(1));
    let wanted = AuditFilter { from, until, customer: None, company: None, resource: None };
    match at.call.parameter("filter").filter(|text| !text.is_empty()) {
        None => Ok(wanted),
        Some(text) => narrowed(at, text, wanted),
    }
}

/// `{"Field":"CustomerId","Value":"...","Operator":"equals"}`: one field, with the one operator that it has.
fn narrowed(at: &At, text: &str, wanted: AuditFilter) -> Result<AuditFilter, Problem> {
    const BAD: Problem = Problem::Parameter("filter");
    let value: Value = serde_json::from_str(text).map_err(|_| BAD)?;
    let body = Body::of(&value).ok_or(BAD)?;
    let asked = |name| body.text(name).ok().flatten().unwrap_or_default();
    let value = asked("Value");
    match (asked("Field").to_ascii_lowercase().as_str(), asked("Operator").to_ascii_lowercase().as_str()) {
        ("companyname", "substring") if !value.is_empty() => Ok(AuditFilter { company: Some(value), ..wanted }),
        ("customerid", "equals") => {
            let tenant: TenantId = value.parse().map_err(|_| BAD)?;
            let known = at.sandbox.catalogue().customer_of_tenant(tenant).map(|customer| customer.id.clone());
            let customer = known.unwrap_or_else(|| CustomerId::of_tenant(tenant));
            Ok(AuditFilter { customer: Some(customer), ..wanted })
        }
        ("resourcetype", "equals") => {
            Ok(AuditFilter { resource: Some(ResourceType::named(&value).ok_or(BAD)?), ..wanted })
        }
        _ => Err(BAD),
    }
}

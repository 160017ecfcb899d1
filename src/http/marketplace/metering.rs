//! Metering: a single usage event, a batch, and what was reported so far.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use serde_json::Value;

use super::{
    call::{Answer, Call},
    problem::{Problem, Told, answer},
};
use crate::{
    app::{RefusedUsage, UsageOutcome},
    domain::{
        metering::{AcceptedUsage, UsageDay, UsageRefusal},
        rules::Rules,
        time::Timestamp,
    },
    http::faces::Faces,
    wire::{
        lenient::{Read, judged},
        metering::{
            BatchBody, LARGEST_BATCH, UsageBody, UsageDayBody, UsageErrorBody, UsageRequest, batch_of, recon_status,
        },
    },
};

/// Why a call of metering is not answered with success.
#[derive(Debug)]
pub(super) enum MeteringProblem {
    /// The only event of the call was refused.
    Refused(UsageRefusal),
    /// The body is no JSON; what it should have been.
    NotJson(&'static str),
    /// Only lenient reading understands the body, and reading is strict.
    NotStrict {
        /// What the body should have been.
        target: &'static str,
        /// What was wrong with it.
        remark: String,
    },
    /// A batch without events.
    BatchEmpty,
    /// A batch with too many events.
    BatchTooLarge,
    /// `usageStartDate` is missing.
    StartDateMissing,
    /// A date can't be read.
    BadDate(&'static str),
}

impl From<MeteringProblem> for Problem {
    fn from(problem: MeteringProblem) -> Self {
        Self::Metering(Box::new(problem))
    }
}

impl MeteringProblem {
    pub(super) fn told(&self) -> Told {
        let (status, body, remark) = match self {
            Self::Refused(refusal) => {
                let status = match refusal {
                    UsageRefusal::ResourceNotAuthorized => StatusCode::FORBIDDEN,
                    UsageRefusal::Duplicate(_) => StatusCode::CONFLICT,
                    UsageRefusal::Malformed(_)
                    | UsageRefusal::ResourceNotFound
                    | UsageRefusal::ResourceNotActive
                    | UsageRefusal::InvalidPlan
                    | UsageRefusal::InvalidDimension
                    | UsageRefusal::InvalidQuantity
                    | UsageRefusal::Expired => StatusCode::BAD_REQUEST,
                };
                (status, UsageErrorBody::of(refusal), Some(refusal.to_string()))
            }
            Self::NotJson(target) => (StatusCode::BAD_REQUEST, UsageErrorBody::not_json(target), None),
            Self::NotStrict { target, remark } => {
                (StatusCode::BAD_REQUEST, UsageErrorBody::not_strict(target), Some(remark.clone()))
            }
            Self::BatchEmpty => (StatusCode::BAD_REQUEST, UsageErrorBody::batch_empty(), None),
            Self::BatchTooLarge => (StatusCode::BAD_REQUEST, UsageErrorBody::batch_too_large(), None),
            Self::StartDateMissing => {
                let body = UsageErrorBody::parameter("The usageStartDate is required.", "usageStartDate");
                (StatusCode::BAD_REQUEST, body, None)
            }
            Self::BadDate(target) => {
                (StatusCode::BAD_REQUEST, UsageErrorBody::parameter("The date is invalid.", target), None)
            }
        };
        Told { remark, ..answer(status, &body) }
    }
}

/// `POST /api/usageEvent`
pub(super) async fn usage_event(State(_): State<Arc<Faces>>, call: Call) -> Response {
    let response = call.answer(|caller, call| async move {
        let rules = caller.sandbox.rules();
        let (json, mut leniencies) = json(&call, "usageEventRequest")?;
        let request = UsageRequest::of(&json);
        leniencies.extend_from_slice(&request.leniencies);
        let remark = judge(&leniencies, rules, "usageEventRequest")?;
        let report = request.report();
        let told = call.told(&caller, move |usage: &AcceptedUsage| {
            Answer::done(&UsageBody::accepted(usage, &request, rules), usage.resource).remarked(remark.clone())
        });
        let outcome = caller.sandbox.report_usage_event(caller.publisher, report, told).await?;
        outcome.map_err(|refused| MeteringProblem::Refused(refused.refusal).into())
    });
    as_recorded(response.await)
}

/// `POST /api/batchUsageEvent`: 200 even if every event was refused (docs:metering).
pub(super) async fn batch_usage_event(State(_): State<Arc<Faces>>, call: Call) -> Response {
    let response = call.answer(|caller, call| async move {
        let rules = caller.sandbox.rules();
        let (json, mut leniencies) = json(&call, "batchUsageEventRequest")?;
        let (requests, of_wrapper) = batch_of(&json);
        leniencies.extend(of_wrapper);
        leniencies.extend(requests.iter().flat_map(|request| request.leniencies.iter().cloned()));
        let remark = judge(&leniencies, rules, "batchUsageEventRequest")?;
        if requests.is_empty() {
            return Err(MeteringProblem::BatchEmpty.into());
        }
        if requests.len() > LARGEST_BATCH {
            return Err(MeteringProblem::BatchTooLarge.into());
        }
        let reports = requests.iter().map(UsageRequest::report).collect();
        let told = call.told(&caller, move |outcomes: &Vec<UsageOutcome>| {
            let results = requests.iter().zip(outcomes).map(|(request, outcome)| match outcome {
                Ok(usage) => UsageBody::accepted(usage, request, rules),
                Err(RefusedUsage { refusal, resource, at }) => {
                    UsageBody::refused(request, refusal, resource.clone(), (rules, *at))
                }
            });
            Answer::done(&BatchBody::of(results.collect(), rules), None).remarked(remark.clone())
        });
        Ok(caller.sandbox.report_usage_batch(caller.publisher, reports, told).await?)
    });
    as_recorded(response.await)
}

/// `GET /api/usageEvents`
pub(super) async fn usage_events(State(_): State<Arc<Faces>>, call: Call) -> Response {
    let response = call.answer(|caller, call| async move {
        let query = &call.query;
        let from = query.usage_start_date.as_deref().ok_or(MeteringProblem::StartDateMissing)?;
        let from = date(from, "usageStartDate")?;
        let until = query.usage_end_date.as_deref().map(|until| date(until, "usageEndDate")).transpose()?;
        let days = caller.sandbox.usage_days(&caller.publisher, from, until).await?;
        let wanted = |day: &&UsageDay| {
            let is = |filter: &Option<String>, value: &str| {
                filter.as_deref().is_none_or(|filter| filter.eq_ignore_ascii_case(value))
            };
            is(&query.offer_id, day.offer.as_str())
                && is(&query.plan_id, day.plan.as_str())
                && is(&query.dimension, day.dimension.as_str())
                && is(&query.azure_subscription_id, &day.azure_subscription.to_string())
                && is(&query.recon_status, recon_status(day))
        };
        let catalogue = caller.sandbox.catalogue();
        let rows: Vec<UsageDayBody<'_>> = days
            .iter()
            .filter(wanted)
            .map(|day| {
                let offer = catalogue.offer(&day.offer);
                let plan = offer.and_then(|offer| offer.plan(&day.plan));
                UsageDayBody::of(day, offer.map_or("", |offer| &offer.name), plan.map_or("", |plan| &plan.name))
            })
            .collect();
        Ok(Answer::read(&rows, None))
    });
    as_recorded(response.await)
}

/// The body as JSON, and where reading it was lenient.
fn json(call: &Call, target: &'static str) -> Result<(Value, Vec<String>), Problem> {
    let Read { value, leniencies } = Read::of(&call.body);
    value.map(|value| (value, leniencies)).ok_or_else(|| MeteringProblem::NotJson(target).into())
}

/// What the journal shall say of leniencies; where reading is strict, they are refused.
fn judge(leniencies: &[String], rules: Rules, target: &'static str) -> Result<Option<String>, Problem> {
    judged(leniencies, rules.json).map_err(|remark| MeteringProblem::NotStrict { target, remark }.into())
}

/// A date, or an instant of it: `2020-12-03`, `2020-12-03T15:00` (docs:metering).
fn date(text: &str, target: &'static str) -> Result<Timestamp, Problem> {
    Timestamp::parse_utc(text).map_err(|_| MeteringProblem::BadDate(target).into())
}

/// The three calls of metering have neither of these headers, unlike all others (recorded).
fn as_recorded(mut response: Response) -> Response {
    for absent in ["x-ms-activityid", "etag"] {
        response.headers_mut().remove(absent);
    }
    response
}

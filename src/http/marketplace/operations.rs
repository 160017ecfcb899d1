//! Change, cancel, and the operations API: list, get, update.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};

use super::{
    call::{Answer, Call},
    problem::Problem,
};
use crate::{
    app::{AppError, Cancelled},
    domain::{
        ids::{OperationId, SubscriptionId},
        operation::{Verdict, Wish},
        refusal::Refusal,
        rules::OperationsOfUnknown,
    },
    http::faces::Faces,
    wire::{
        fulfillment::operations::{AnswerBody, ChangeBody, OperationBody, OperationsBody},
        lenient::judged,
    },
};

/// `PATCH /api/saas/subscriptions/{id}`
pub(super) async fn change(State(_): State<Arc<Faces>>, Path(id): Path<String>, call: Call) -> Response {
    call.answer(|caller, call| async move {
        let id = Call::subscription_id(&id)?;
        // What can't be read says nothing: the wish is empty, and refused in its turn.
        let ChangeBody { plan_id, quantity, leniencies } = ChangeBody::read(&call.body);
        let remark = judged(&leniencies, caller.sandbox.rules().json).map_err(Problem::NotStrict)?;
        let wish = Wish { plan: plan_id, quantity };
        let told = call.told(&caller, move |operation| Answer::accepted(id, *operation).remarked(remark.clone()));
        Ok(caller.sandbox.request_change(caller.publisher, id, wish, told).await?)
    })
    .await
}

/// `DELETE /api/saas/subscriptions/{id}`
pub(super) async fn cancel(State(_): State<Arc<Faces>>, Path(id): Path<String>, call: Call) -> Response {
    call.answer(|caller, call| async move {
        let id = Call::subscription_id(&id)?;
        let told = call.told(&caller, move |cancelled| match cancelled {
            Cancelled::By(operation) => Answer::accepted(id, *operation),
            Cancelled::Before => Answer::empty(id),
        });
        Ok(caller.sandbox.request_cancel(caller.publisher, id, told).await?)
    })
    .await
}

/// `GET /api/saas/subscriptions/{id}/operations`
pub(super) async fn list(State(_): State<Arc<Faces>>, Path(id): Path<String>, call: Call) -> Response {
    call.answer(|caller, _| async move {
        let id = Call::subscription_id(&id)?;
        let rules = caller.sandbox.rules();
        let listed = match caller.sandbox.operations_in_progress(&caller.publisher, id).await {
            // 404 in the documentation; the real API knows no unknown subscription here (emulator-note; quirk Q1).
            Err(AppError::Refused(Refusal::UnknownSubscription(_)))
                if rules.operations_of_unknown == OperationsOfUnknown::EmptyList =>
            {
                Vec::new()
            }
            other => other?,
        };
        Ok(Answer::read(&OperationsBody::of(&listed, rules), Some(id)))
    })
    .await
}

/// `GET /api/saas/subscriptions/{id}/operations/{operationId}`
pub(super) async fn get(State(_): State<Arc<Faces>>, Path(ids): Path<(String, String)>, call: Call) -> Response {
    call.answer(|caller, _| async move {
        let (subscription, operation) = read_ids(&ids).map_err(not_got)?;
        let found = caller.sandbox.operation(&caller.publisher, subscription, operation).await;
        let found = found.map_err(|error| not_got(error.into()))?;
        Ok(Answer::read(&OperationBody::of(&found, caller.sandbox.rules()), Some(subscription)))
    })
    .await
}

/// `PATCH /api/saas/subscriptions/{id}/operations/{operationId}`. What the body says is not checked, except against the
/// two words that mean something (emulator-note; quirk Q4).
pub(super) async fn update(State(_): State<Arc<Faces>>, Path(ids): Path<(String, String)>, call: Call) -> Response {
    call.answer(|caller, call| async move {
        let ids = read_ids(&ids).map_err(not_updated)?;
        let AnswerBody { status, leniencies } = AnswerBody::read(&call.body);
        let lenient = judged(&leniencies, caller.sandbox.rules().json).map_err(Problem::NotStrict)?;
        let verdict = Verdict::read(&status);
        let remark = "the status is neither Success nor Failure: accepted, and without effect";
        let remark = (verdict == Verdict::NoSuchWord).then(|| remark.to_owned()).or(lenient);
        let told = call.told(&caller, move |&()| Answer::empty(ids.0).remarked(remark.clone()));
        let answered = caller.sandbox.answer_operation(caller.publisher, ids, verdict, told).await;
        answered.map_err(|error| not_updated(error.into()))
    })
    .await
}

/// Both ids of a path. With one of them no GUID, the operation is one that there is not.
fn read_ids((subscription, operation): &(String, String)) -> Result<(SubscriptionId, OperationId), Problem> {
    let unknown = || AppError::from(Refusal::UnknownOperation(operation.clone()));
    let subscription = subscription.parse().map_err(|_| unknown())?;
    let operation = operation.parse().map_err(|_| unknown())?;
    Ok((subscription, operation))
}

fn not_got(problem: Problem) -> Problem {
    missing(problem, Problem::NoSuchOperation)
}

fn not_updated(problem: Problem) -> Problem {
    missing(problem, Problem::NoOperationToUpdate)
}

/// These calls have words of their own for what there is not.
fn missing(problem: Problem, told: fn(Refusal) -> Problem) -> Problem {
    match problem {
        Problem::App(AppError::Refused(refusal @ (Refusal::UnknownSubscription(_) | Refusal::UnknownOperation(_)))) => {
            told(refusal)
        }
        other => other,
    }
}

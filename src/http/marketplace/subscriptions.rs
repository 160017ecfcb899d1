//! Resolve, activate, get, list, available plans.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};

use super::{
    call::{Answer, Call},
    continuation,
    problem::Problem,
};
use crate::{
    app::AppError,
    domain::refusal::Refusal,
    http::faces::Faces,
    wire::fulfillment::{PlansBody, ResolvedBody, SubscriptionBody, SubscriptionsBody},
};

/// Subscriptions on a page (docs:subscription-api; quirk Q17).
const PAGE: usize = 100;

/// `POST /api/saas/subscriptions/resolve`
pub(super) async fn resolve(State(_): State<Arc<Faces>>, call: Call) -> Response {
    call.answer(|caller, call| async move {
        let code = call.headers.get("x-ms-marketplace-token").ok_or(Problem::TokenHeaderMissing)?;
        // What is not text can't be a code; it is refused as one that does not open.
        let code = String::from_utf8_lossy(code.as_bytes()).into_owned();
        let subscription = caller.sandbox.resolve(caller.publisher, code).await?;
        Ok(Answer::done(&ResolvedBody::from(&subscription), subscription.id))
    })
    .await
}

/// `POST /api/saas/subscriptions/{id}/activate`: no body is needed, and what one says is not checked (quirk Q8).
pub(super) async fn activate(State(_): State<Arc<Faces>>, Path(id): Path<String>, call: Call) -> Response {
    call.answer(|caller, _| async move {
        let id = Call::subscription_id(&id)?;
        caller.sandbox.activate(caller.publisher, id).await?;
        Ok(Answer::empty(id))
    })
    .await
}

/// `GET /api/saas/subscriptions/{id}`
pub(super) async fn get(State(_): State<Arc<Faces>>, Path(id): Path<String>, call: Call) -> Response {
    call.answer(|caller, _| async move {
        let id = Call::subscription_id(&id)?;
        let subscription = caller.sandbox.subscription_of(&caller.publisher, id).await?;
        Ok(Answer::known(&subscription))
    })
    .await
}

/// `GET /api/saas/subscriptions`
pub(super) async fn list(State(_): State<Arc<Faces>>, call: Call) -> Response {
    call.answer(|caller, call| async move {
        let after = call.query.continuation_token.as_deref().map(continuation::read).transpose()?;
        let page = caller.sandbox.subscriptions_of(&caller.publisher, after, PAGE).await?;
        let next_link = page.next.map(|position| continuation::next_link(&call.origin(), position));
        let subscriptions = page.subscriptions.iter().map(|known| SubscriptionBody::from(&***known)).collect();
        Ok(Answer::read(&SubscriptionsBody { subscriptions, next_link }, None))
    })
    .await
}

/// `GET /api/saas/subscriptions/{id}/listAvailablePlans`
pub(super) async fn list_available_plans(State(_): State<Arc<Faces>>, Path(id): Path<String>, call: Call) -> Response {
    call.answer(|caller, call| async move {
        let id = Call::subscription_id(&id)?;
        let subscription = match caller.sandbox.subscription_of(&caller.publisher, id).await {
            // An unknown id is no error here (docs:subscription-api; quirk Q21).
            Err(AppError::Refused(Refusal::UnknownSubscription(_))) => {
                return Ok(Answer::read(&PlansBody::none(), Some(id)));
            }
            other => other?,
        };
        let catalogue = caller.sandbox.catalogue();
        let plans = catalogue
            .offer(&subscription.offer)
            .map_or_else(PlansBody::none, |offer| PlansBody::of(offer, &subscription, call.query.plan_id.as_deref()));
        Ok(Answer::read(&plans, Some(id)))
    })
    .await
}

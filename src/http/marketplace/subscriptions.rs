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
    app::{AppError, ListPlace},
    domain::{
        operation::Wish,
        refusal::Refusal,
        rules::{EmptyList, LastNextLink, ListPages, PlansOfUnknown, Rules},
        subscription::Subscription,
    },
    http::faces::Faces,
    wire::{
        fulfillment::{PlansBody, ResolvedBody, SubscriptionBody, SubscriptionsBody, operations::ChangeBody},
        lenient::judged,
    },
};

/// Subscriptions on a page (docs:subscription-api; quirk Q17).
const PAGE: usize = 100;

/// How many come on the page after a position: real pages are as long as a partition of Microsoft's store happens to be
/// (recorded: 66, 70, 87, 68, 89).
fn page_length(rules: Rules, after: Option<ListPlace>) -> usize {
    match (rules.list_pages, after) {
        (ListPages::Full, _) => PAGE,
        (ListPages::Irregular, None) => 2,
        (ListPages::Irregular, Some(after)) => {
            // Places follow each other in regular steps.
            let [mixed, ..] = after.number().wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
            usize::from(mixed % 5).saturating_add(1)
        }
    }
}

/// `POST /api/saas/subscriptions/resolve`
pub(super) async fn resolve(State(_): State<Arc<Faces>>, call: Call) -> Response {
    call.answer(|caller, call| async move {
        let code = call.headers.get("x-ms-marketplace-token").ok_or(Problem::TokenHeaderMissing)?;
        // What is not text can't be a code; it is refused as one that does not open.
        let code = String::from_utf8_lossy(code.as_bytes()).into_owned();
        let rules = caller.sandbox.rules();
        let told = call.told(&caller, move |subscription: &Subscription| {
            Answer::done(&ResolvedBody::of(subscription, rules), subscription.id)
        });
        Ok(caller.sandbox.resolve(caller.publisher, code, told).await?)
    })
    .await
}

/// `POST /api/saas/subscriptions/{id}/activate`: no body is needed; whether one is looked at is a rule (quirk Q8).
pub(super) async fn activate(State(_): State<Arc<Faces>>, Path(id): Path<String>, call: Call) -> Response {
    call.answer(|caller, call| async move {
        let id = Call::subscription_id(&id)?;
        let ChangeBody { plan_id, quantity, leniencies } = ChangeBody::read(&call.body);
        let remark = judged(&leniencies, caller.sandbox.rules().json).map_err(Problem::NotStrict)?;
        let told = call.told(&caller, move |_: &Subscription| Answer::empty(id).remarked(remark.clone()));
        Ok(caller.sandbox.activate(caller.publisher, id, Wish { plan: plan_id, quantity }, told).await?)
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
        let rules = caller.sandbox.rules();
        let is_first = after.is_none();
        let page = caller.sandbox.subscriptions_of(&caller.publisher, after, page_length(rules, after)).await?;
        if is_first && page.subscriptions.is_empty() && rules.empty_list == EmptyList::EmptyBody {
            return Ok(Answer::nothing());
        }
        let origin = call.link_origin(rules);
        let on_last_page = (rules.last_next_link == LastNextLink::Empty).then(String::new);
        let next_link = page.next.map(|position| continuation::next_link(&origin, position)).or(on_last_page);
        let subscriptions = page.subscriptions.iter().map(|known| SubscriptionBody::of(known, rules)).collect();
        Ok(Answer::read(&SubscriptionsBody { subscriptions, next_link }, None))
    })
    .await
}

/// `GET /api/saas/subscriptions/{id}/listAvailablePlans`
pub(super) async fn list_available_plans(State(_): State<Arc<Faces>>, Path(id): Path<String>, call: Call) -> Response {
    call.answer(|caller, call| async move {
        let id = Call::subscription_id(&id)?;
        let rules = caller.sandbox.rules();
        let subscription = match caller.sandbox.subscription_of(&caller.publisher, id).await {
            // An unknown id is no error here (docs:subscription-api; quirk Q21).
            Err(AppError::Refused(Refusal::UnknownSubscription(_)))
                if rules.plans_of_unknown != PlansOfUnknown::NotFound =>
            {
                return Ok(match rules.plans_of_unknown {
                    PlansOfUnknown::EmptyBody => Answer::empty(id),
                    _ => Answer::read(&PlansBody::none(), Some(id)),
                });
            }
            other => other?,
        };
        let catalogue = caller.sandbox.catalogue();
        let only = call.query.plan_id.as_deref();
        let offer = catalogue.offer(&subscription.offer);
        let plans = offer.map_or_else(PlansBody::none, |offer| PlansBody::of(offer, &subscription, only, rules));
        Ok(Answer::read(&plans, Some(id)))
    })
    .await
}

//! What whoever bought a subscription does with it in the marketplace, what happens to its payments, and what the
//! publisher was told of all that.

use askama::Template;
use axum::{
    Form,
    extract::{Path, rejection::FormRejection},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use serde_json::Value;

use super::{Here, buy::Choice, error::ConsoleError, shell::Place, subscription};
use crate::http::words::{Moment, count, sentence, spaced};
use crate::{
    app::{AppError, RenewalWish},
    domain::{
        ids::{OperationId, SubscriptionId},
        operation::Wish,
        rules::Rules,
        subscription::{Status, Subscription},
        webhook::{Delivery, DeliveryState, Sent},
    },
    wire::control::DeliveryView,
};

/// The forms, and the table of what the publisher was told.
#[derive(Debug, Template)]
#[template(path = "console/marketplace.html")]
pub(super) struct MarketplacePanel {
    place: Place,
    subscription: SubscriptionId,
    status: Status,
    /// Seats, as text; `None` on a flat rate.
    seats: Option<String>,
    plans: Vec<Choice>,
    seats_error: Option<String>,
    plan_error: Option<String>,
    /// What is under way, which locks the rest.
    under_way: Option<&'static str>,
    auto_renew: bool,
    payment_fails: bool,
    term_ends: Option<Moment>,
    told: Vec<ToldRow>,
}

#[derive(Debug)]
struct ToldRow {
    what: &'static str,
    at: Moment,
    state: String,
    tone: &'static str,
    attempts: String,
    /// What came of the last attempt.
    last: Option<String>,
    /// The operation that it tells of.
    operation: OperationId,
    is_waiting: bool,
    is_held: bool,
    /// What is sent, set out over lines.
    body: String,
}

/// A form that was refused: what was typed, and why.
#[derive(Debug, Clone)]
pub(super) enum RefusedChange {
    /// The number of seats.
    Seats {
        /// What was typed.
        typed: String,
        /// Why not.
        why: String,
    },
    /// The plan.
    Plan {
        /// What was chosen.
        chosen: String,
        /// Why not.
        why: String,
    },
}

impl MarketplacePanel {
    /// The panel of a subscription.
    pub(super) async fn of(
        here: &Here,
        subscription: &Subscription,
        refused: Option<&RefusedChange>,
    ) -> Result<Self, ConsoleError> {
        let deliveries = here.sandbox.deliveries(subscription.id).await.map_err(|error| here.failed(&error))?;
        let offer = here.sandbox.catalogue().offer(&subscription.offer);
        let others = offer.map_or_else(Default::default, |offer| offer.plans.as_slice()).iter();
        let others = others.filter(|plan| plan.id != subscription.plan && !plan.stop_sell);
        let chosen = match refused {
            Some(RefusedChange::Plan { chosen, .. }) => chosen.as_str(),
            _ => "",
        };
        let plans = others.map(|plan| Choice {
            value: plan.id.to_string(),
            label: plan.name.clone(),
            chosen: plan.id.as_str() == chosen,
            disabled: false,
        });
        Ok(Self {
            seats: subscription.quantity.map(|seats| match refused {
                Some(RefusedChange::Seats { typed, .. }) => typed.clone(),
                _ => seats.get().to_string(),
            }),
            plans: plans.collect(),
            seats_error: match refused {
                Some(RefusedChange::Seats { why, .. }) => Some(why.clone()),
                _ => None,
            },
            plan_error: match refused {
                Some(RefusedChange::Plan { why, .. }) => Some(why.clone()),
                _ => None,
            },
            status: subscription.state.status(),
            under_way: subscription.outstanding.first().map(|outstanding| outstanding.action.words()),
            auto_renew: subscription.auto_renew,
            payment_fails: subscription.payment_fails,
            term_ends: subscription.next_term_at().map(Moment::of),
            told: deliveries.iter().rev().map(|delivery| ToldRow::of(delivery, here.sandbox.rules())).collect(),
            place: here.place.clone(),
            subscription: subscription.id,
        })
    }

    /// Where the form for something is sent to.
    fn action(&self, name: &str) -> String {
        self.place.to(&format!("/subscriptions/{}/{name}", self.subscription))
    }

    /// Where what shall be done with a call is sent to.
    fn call(&self, call: &ToldRow, what: &str) -> String {
        self.action(&format!("deliveries/{}/{what}", call.operation))
    }

    /// Whether it shows what was refused.
    pub(super) const fn is_refused(&self) -> bool {
        self.seats_error.is_some() || self.plan_error.is_some()
    }

    fn is_active(&self) -> bool {
        self.status == Status::Subscribed
    }

    fn is_suspended(&self) -> bool {
        self.status == Status::Suspended
    }

    fn is_over(&self) -> bool {
        self.status == Status::Unsubscribed
    }
}

impl ToldRow {
    fn of(delivery: &Delivery, rules: Rules) -> Self {
        let last = delivery.latest.last().map(|attempt| match &attempt.sent {
            Sent::Answered { status, .. } => format!("answered {status}"),
            Sent::Unanswered { why, .. } => why.clone(),
            Sent::NoWebhook => "the offer has no webhook".to_owned(),
        });
        Self {
            what: delivery.operation.action().as_str(),
            at: Moment::of(delivery.created),
            state: spaced(delivery.state.as_str()),
            tone: match delivery.state {
                DeliveryState::Waiting | DeliveryState::Held => "warn",
                DeliveryState::Delivered => "good",
                DeliveryState::Refused | DeliveryState::GivenUp => "bad",
                DeliveryState::NoWebhook => "",
            },
            attempts: count(u64::from(delivery.attempts), "attempt"),
            last,
            operation: delivery.operation.id,
            is_waiting: delivery.state == DeliveryState::Waiting,
            is_held: delivery.state == DeliveryState::Held,
            body: match DeliveryView::of(delivery, rules).body {
                Value::String(text) => text,
                body => format!("{body:#}"),
            },
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SeatsInput {
    quantity: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PlanInput {
    plan: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RenewalInput {
    auto_renew: Option<bool>,
    payment_fails: Option<bool>,
}

type Read<T> = Result<Form<T>, FormRejection>;

fn read<T>(here: &Here, form: Read<T>) -> Result<T, ConsoleError> {
    form.map(|Form(input)| input).map_err(|rejection| ConsoleError::malformed(&here.place, rejection.body_text()))
}

/// Changes the number of seats.
pub(super) async fn change_seats(
    here: Here,
    id: Path<String>,
    form: Read<SeatsInput>,
) -> Result<Response, ConsoleError> {
    let SeatsInput { quantity } = read(&here, form)?;
    let typed = quantity.trim();
    let Some(seats) = typed.parse().ok().filter(|seats: &i64| *seats > 0) else {
        let why = "Enter a whole number of seats, 1 or more.".to_owned();
        return subscription::refused(here, id, &RefusedChange::Seats { typed: quantity, why }).await;
    };
    let wish = Wish { plan: None, quantity: Some(seats) };
    change(here, id, wish, |why| RefusedChange::Seats { typed: quantity, why }).await
}

/// Changes the plan.
pub(super) async fn change_plan(here: Here, id: Path<String>, form: Read<PlanInput>) -> Result<Response, ConsoleError> {
    let PlanInput { plan } = read(&here, form)?;
    if plan.is_empty() {
        let refused = RefusedChange::Plan { chosen: plan, why: "Choose a plan.".to_owned() };
        return subscription::refused(here, id, &refused).await;
    }
    let wish = Wish { plan: Some(plan.clone()), quantity: None };
    change(here, id, wish, |why| RefusedChange::Plan { chosen: plan, why }).await
}

async fn change(
    here: Here,
    path: Path<String>,
    wish: Wish,
    refused: impl FnOnce(String) -> RefusedChange,
) -> Result<Response, ConsoleError> {
    let id = here.subscription_id(Path(path.0.clone()))?;
    match here.sandbox.change_in_marketplace(id, wish).await {
        Ok(_) => Ok(back(&here, id).into_response()),
        Err(AppError::Refused(refusal)) if here.sandbox.subscription(id).await.is_ok() => {
            let why = format!("{} {}", sentence(&refusal.to_string()), refusal.hint());
            subscription::refused(here, path, &refused(why)).await
        }
        Err(error) => Err(here.failed(&error)),
    }
}

/// Cancels.
pub(super) async fn cancel(here: Here, id: Path<String>) -> Result<Redirect, ConsoleError> {
    let id = here.subscription_id(id)?;
    here.sandbox.cancel_in_marketplace(id).await.map_err(|error| here.failed(&error))?;
    Ok(back(&here, id))
}

/// Says what shall happen when the term ends.
pub(super) async fn set_renewal(
    here: Here,
    id: Path<String>,
    form: Read<RenewalInput>,
) -> Result<Redirect, ConsoleError> {
    let RenewalInput { auto_renew, payment_fails } = read(&here, form)?;
    let id = here.subscription_id(id)?;
    let wish = RenewalWish { auto_renew, payment_fails, ..RenewalWish::default() };
    here.sandbox.set_renewal(id, wish).await.map_err(|error| here.failed(&error))?;
    Ok(back(&here, id))
}

/// Makes a payment fail.
pub(super) async fn suspend(here: Here, id: Path<String>) -> Result<Redirect, ConsoleError> {
    let id = here.subscription_id(id)?;
    here.sandbox.suspend(id).await.map_err(|error| here.failed(&error))?;
    Ok(back(&here, id))
}

/// Pays.
pub(super) async fn reinstate(here: Here, id: Path<String>) -> Result<Redirect, ConsoleError> {
    let id = here.subscription_id(id)?;
    here.sandbox.reinstate(id).await.map_err(|error| here.failed(&error))?;
    Ok(back(&here, id))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ResendInput {
    body: Option<String>,
}

/// Tells the publisher once more, with another body if there is one in the form.
pub(super) async fn resend(here: Here, call: CallPath, form: Read<ResendInput>) -> Result<Redirect, ConsoleError> {
    let ResendInput { body } = read(&here, form)?;
    let (id, operation) = called(&here, call)?;
    // A browser sends a text field's lines with ends of its own; JSON goes out as usual, without any.
    let edited = body.map(|text| serde_json::from_str(&text).map_or(text, |body: Value| body.to_string()));
    here.sandbox.deliver_again(id, operation, edited).await.map_err(|error| here.failed(&error))?;
    Ok(back(&here, id))
}

/// Holds back what the publisher was not told yet.
pub(super) async fn hold(here: Here, call: CallPath) -> Result<Redirect, ConsoleError> {
    let (id, operation) = called(&here, call)?;
    here.sandbox.hold_delivery(id, operation).await.map_err(|error| here.failed(&error))?;
    Ok(back(&here, id))
}

/// The subscription and the operation that a call to the webhook is about.
type CallPath = Path<(String, String)>;

fn called(here: &Here, Path((id, operation)): CallPath) -> Result<(SubscriptionId, OperationId), ConsoleError> {
    let id = here.subscription_id(Path(id))?;
    let fix = "Choose one of the calls on the subscription's page.";
    let unknown = |_| ConsoleError::not_found(&here.place, format!("{operation:?} is no operation id."), fix);
    Ok((id, operation.parse().map_err(unknown)?))
}

fn back(here: &Here, id: SubscriptionId) -> Redirect {
    here.back_to(&format!("/subscriptions/{id}#marketplace"))
}

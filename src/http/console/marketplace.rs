//! What whoever bought a subscription does with it in the marketplace, what happens to its payments, and what the
//! publisher was told of all that.

use askama::Template;
use axum::{
    Form,
    extract::{Path, rejection::FormRejection},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{Here, buy::Choice, clock::held_up, error::ConsoleError, shell::Place, subscription};
use crate::http::{
    json_text,
    words::{Moment, count, in_prose, sentence, spaced},
};
use crate::{
    app::{AppError, Entry, RenewalWish, What},
    domain::{
        event::Event,
        ids::{OperationId, SubscriptionId},
        lifecycle::grace_ends_at,
        operation::{Effect, Operation, OperationStatus, Wish, within_reach},
        rules::Rules,
        subscription::{State, Status, Subscription},
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
    /// What holds that up, if it does not go on by itself.
    held_up: Option<&'static str>,
    auto_renew: bool,
    payment_fails: bool,
    term_ends: Option<Moment>,
    /// When it ends unless it is paid.
    grace_ends: Option<Moment>,
    /// The last change that was asked for, if nothing came of it: the journal's entry, and what that says.
    in_vain: Option<(u64, String)>,
    told: Vec<ToldRow>,
}

#[derive(Debug)]
struct ToldRow {
    what: &'static str,
    at: Moment,
    state: String,
    tone: &'static str,
    /// What became of what it was told: the operation as it is now.
    outcome: String,
    outcome_tone: &'static str,
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
        entries: &[Entry],
        refused: Option<&RefusedChange>,
    ) -> Result<Self, ConsoleError> {
        let deliveries = here.sandbox.deliveries(subscription.id).await.map_err(|error| here.failed(&error))?;
        let mut told = Vec::with_capacity(deliveries.len());
        for delivery in deliveries.iter().rev() {
            told.push(ToldRow::of(delivery, status_now(here, delivery).await?, here.sandbox.rules()));
        }
        let is_revert = |delivery: &&Delivery| matches!(delivery.operation.effect, Effect::Revert { .. });
        let reverts: Vec<_> = deliveries.iter().filter(is_revert).map(|delivery| delivery.operation.id).collect();
        let offer = here.sandbox.catalogue().offer(&subscription.offer);
        let tenant = subscription.beneficiary.tenant_id;
        let others = offer.into_iter().flat_map(|offer| offer.plans.iter().map(move |plan| (offer, plan)));
        let others = others.filter(|(offer, plan)| {
            plan.id != subscription.plan
                && !plan.stop_sell
                && plan.is_open_to(tenant)
                && within_reach(subscription, offer, plan).is_ok()
        });
        let chosen = match refused {
            Some(RefusedChange::Plan { chosen, .. }) => chosen.as_str(),
            _ => "",
        };
        let plans = others.map(|(_, plan)| Choice {
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
            held_up: held_up(here.sandbox.timer_mode(), here.sandbox.clock().is_frozen()),
            grace_ends: match subscription.state {
                State::Suspended { since, .. } => Some(Moment::of(grace_ends_at(since))),
                State::Pending | State::Subscribed { .. } | State::Unsubscribed { .. } => None,
            },
            auto_renew: subscription.auto_renew,
            payment_fails: subscription.payment_fails,
            term_ends: subscription.next_term_at().map(Moment::of),
            in_vain: in_vain(entries, &reverts),
            told,
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

    /// What was refused: the field, and why.
    pub(super) fn error(&self) -> Option<(&'static str, &str)> {
        let seats = self.seats_error.as_deref().map(|why| ("seats", why));
        seats.or_else(|| self.plan_error.as_deref().map(|why| ("plan", why)))
    }

    /// When it ends unless it is paid.
    pub(super) const fn grace_ends(&self) -> Option<&Moment> {
        self.grace_ends.as_ref()
    }

    /// Whether something is under way.
    pub(super) const fn is_under_way(&self) -> bool {
        self.under_way.is_some()
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

/// The status of the operation that a delivery tells of: the delivery keeps it as it was when it was told.
async fn status_now(here: &Here, delivery: &Delivery) -> Result<OperationStatus, ConsoleError> {
    let Operation { id, ref publisher, subscription, status, .. } = delivery.operation;
    if status.is_final() {
        return Ok(status);
    }
    let now = here.sandbox.operation(publisher, subscription, id).await;
    now.map(|operation| operation.status).map_err(|error| here.failed(&error))
}

/// The last change or cancellation of a subscription, if nothing came of it. The operations that take a change back come
/// after the change, and say nothing of their own.
fn in_vain(entries: &[Entry], reverts: &[OperationId]) -> Option<(u64, String)> {
    let last = entries.iter().rev().find_map(|entry| match &entry.what {
        What::Fact(event) => match event {
            Event::OperationRequested { operation, .. }
            | Event::OperationSucceeded { operation, .. }
            | Event::OperationFailed { operation, .. }
            | Event::OperationConflicted { operation, .. }
                if !reverts.contains(operation) =>
            {
                Some((entry, event))
            }
            _ => None,
        },
        _ => None,
    });
    let (entry, event) = last?;
    let is_in_vain = matches!(event, Event::OperationFailed { .. } | Event::OperationConflicted { .. });
    is_in_vain.then(|| (entry.seq.0, in_prose(&entry.summary())))
}

/// How an operation stands, as the API spells it but for its spaces, and its colour.
fn outcome(status: OperationStatus) -> (String, &'static str) {
    let tone = match status {
        OperationStatus::NotStarted | OperationStatus::InProgress => "warn",
        OperationStatus::Succeeded => "good",
        OperationStatus::Failed | OperationStatus::Conflict => "bad",
    };
    (sentence(spaced(status.as_str()).trim()).trim_end_matches('.').to_owned(), tone)
}

impl ToldRow {
    fn of(delivery: &Delivery, status: OperationStatus, rules: Rules) -> Self {
        let (outcome, outcome_tone) = outcome(status);
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
                DeliveryState::Refused | DeliveryState::GivenUp => "bad",
                // That it has arrived is no success of what it tells of.
                DeliveryState::Delivered | DeliveryState::NoWebhook | DeliveryState::Withdrawn => "",
            },
            outcome,
            outcome_tone,
            attempts: count(u64::from(delivery.attempts), "attempt"),
            last,
            operation: delivery.operation.id,
            is_waiting: delivery.state == DeliveryState::Waiting,
            is_held: delivery.state == DeliveryState::Held,
            // Whoever edits it again finds what was typed.
            body: match &delivery.edited {
                Some(text) => json_text::pretty(text),
                None => format!("{:#}", DeliveryView::of(delivery, rules).body),
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
    let edited = body.map(|text| json_text::compact(&text));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::Player,
        domain::{
            event::Seq,
            operation::{Action, RequestSource, TurnedDown},
            time::Timestamp,
        },
    };

    const CHANGE: OperationId = OperationId::from_bytes([1; 16]);
    const OTHER: OperationId = OperationId::from_bytes([2; 16]);

    fn requested(operation: OperationId) -> Event {
        let (action, source) = (Action::ChangeQuantity, RequestSource::Azure);
        Event::OperationRequested { operation, action, source, plan: "team".parse().unwrap(), quantity: None }
    }

    #[test]
    fn a_change_in_vain_is_told_until_another_is_asked_for() {
        let action = Action::ChangeQuantity;
        let failed = |operation| Event::OperationFailed { operation, action, how: TurnedDown::Failure };
        let succeeded = |operation| Event::OperationSucceeded { operation, action };
        let conflicted = |operation| Event::OperationConflicted { operation, action };
        let unrelated = Event::NicknameSet { nickname: "x".into() };
        let table: [(Vec<Event>, &[OperationId], Option<u64>); 7] = [
            (vec![], &[], None),
            (vec![requested(CHANGE)], &[], None),
            (vec![requested(CHANGE), failed(CHANGE), unrelated], &[], Some(2)),
            (vec![requested(CHANGE), conflicted(CHANGE)], &[], Some(2)),
            (vec![failed(CHANGE), requested(OTHER)], &[], None),
            (vec![failed(CHANGE), succeeded(OTHER)], &[], None),
            // What takes the change back is told too, and succeeds.
            (vec![failed(CHANGE), requested(OTHER), succeeded(OTHER)], &[OTHER], Some(1)),
        ];
        for (events, reverts, expected) in table {
            let at = Timestamp::from_millis(0);
            let entries = events.iter().zip(1..).map(|(event, seq)| Entry {
                seq: Seq(seq),
                at,
                wall_at: at,
                subscription: None,
                from: Player::Marketplace,
                what: What::Fact(event.clone()),
            });
            let entries: Vec<_> = entries.collect();
            assert_eq!(in_vain(&entries, reverts).map(|(seq, _)| seq), expected, "{events:?}");
        }
    }

    #[test]
    fn an_operation_stands_in_words() {
        let table = [
            (OperationStatus::NotStarted, "Not started", "warn"),
            (OperationStatus::InProgress, "In progress", "warn"),
            (OperationStatus::Succeeded, "Succeeded", "good"),
            (OperationStatus::Failed, "Failed", "bad"),
            (OperationStatus::Conflict, "Conflict", "bad"),
        ];
        for (status, words, tone) in table {
            assert_eq!(outcome(status), (words.to_owned(), tone));
        }
    }
}

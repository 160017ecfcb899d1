//! The life of an active subscription: what the ends of terms and of graces bring, and what buyers and payments do.

use futures_util::future::BoxFuture;

use super::{
    desk::Desk,
    error::AppError,
    fulfillment::{find_subscription, keep_trial, load_up_to_date, save},
    journal::Player,
    mailbox::Command,
    operations::{new_id, start_of_microsoft},
    sandbox::Sandbox,
};
use crate::domain::{
    event::Event,
    ids::SubscriptionId,
    lifecycle,
    operation::Operation,
    refusal::Refusal,
    subscription::{Command as Asked, Decision, Status, Subscription, decide},
    time::Timestamp,
};

/// What shall happen when a term ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RenewalWish {
    /// Whether the next term follows; as it was if `None`.
    pub auto_renew: Option<bool>,
    /// Whether the payment for it fails; as it was if `None`.
    pub payment_fails: Option<bool>,
    /// Whether its activation fails on Microsoft's side; as it was if `None`.
    pub activation_fails: Option<bool>,
}

impl Sandbox {
    /// Says what shall happen when the subscription's term ends. Nobody is told (docs:life-cycle names no webhook).
    ///
    /// # Errors
    /// [`Refusal::NotInStatus`] if it is over.
    pub async fn set_renewal(&self, subscription: SubscriptionId, wish: RenewalWish) -> Result<Subscription, AppError> {
        self.ask(SetRenewal { subscription, wish }).await
    }

    /// A payment fails: suspends the subscription.
    ///
    /// # Errors
    /// [`Refusal::NotInStatus`] if it is not active.
    pub async fn suspend(&self, subscription: SubscriptionId) -> Result<Operation, AppError> {
        self.ask(Payment { subscription, works: false }).await
    }

    /// A payment succeeds: brings a suspended subscription back.
    ///
    /// # Errors
    /// [`Refusal::NotInStatus`] if it is not suspended.
    pub async fn reinstate(&self, subscription: SubscriptionId) -> Result<Operation, AppError> {
        self.ask(Payment { subscription, works: true }).await
    }
}

struct SetRenewal {
    subscription: SubscriptionId,
    wish: RenewalWish,
}

impl Command for SetRenewal {
    type Answer = Subscription;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Subscription, AppError>> {
        Box::pin(async move {
            let subscription = load_up_to_date(desk, self.subscription).await?;
            let status = subscription.state.status();
            if status == Status::Unsubscribed {
                return Err(Refusal::NotInStatus { status, action: "a setting of its renewal" }.into());
            }
            let RenewalWish { auto_renew, payment_fails, activation_fails } = self.wish;
            let mut events = Decision::starting_at(desk.next_entry());
            if let Some(auto_renew) = auto_renew.filter(|wished| *wished != subscription.auto_renew) {
                events.events.push(Event::AutoRenewSet { auto_renew });
            }
            let subscription = save(desk, Player::Partner, Some(&subscription), subscription.clone(), &events).await?;
            let mut events = Decision::starting_at(desk.next_entry());
            if let Some(fail) = payment_fails.filter(|wished| *wished != subscription.payment_fails) {
                events.events.push(Event::PaymentsSet { fail });
            }
            if let Some(fail) = activation_fails.filter(|wished| *wished != subscription.activation_fails) {
                events.events.push(Event::ActivationSet { fail });
            }
            save(desk, Player::Operator, Some(&subscription), subscription.clone(), &events).await
        })
    }
}

struct Payment {
    subscription: SubscriptionId,
    works: bool,
}

impl Command for Payment {
    type Answer = Operation;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Operation, AppError>> {
        Box::pin(async move {
            let subscription = load_up_to_date(desk, self.subscription).await?;
            let (id, context, delays) = (new_id(desk), desk.context(), desk.head.delays);
            let request = if self.works {
                lifecycle::reinstate(&subscription, id, delays, context)?
            } else {
                lifecycle::suspend(&subscription, id, context)?
            };
            start_of_microsoft(desk, subscription, request).await.map(|(_, operation)| operation)
        })
    }
}

/// The time has come at which an activation takes effect.
pub(super) async fn activation_takes_effect(desk: &mut Desk<'_>, id: SubscriptionId) -> Result<(), AppError> {
    let Some(subscription) = find_subscription(desk, id).await? else { return Ok(()) };
    if subscription.activation_fails {
        if let Some(request) = lifecycle::activation_fails(&subscription, new_id(desk), desk.context()) {
            start_of_microsoft(desk, subscription, request).await?;
        }
        return Ok(());
    }
    let subscription = keep_trial(desk, subscription).await?;
    let decision = decide(&subscription, Asked::ActivationTakesEffect, desk.context())?;
    save(desk, Player::Marketplace, Some(&subscription), subscription.clone(), &decision).await?;
    Ok(())
}

/// The end of a term has come.
pub(super) async fn term_ends(desk: &mut Desk<'_>, id: SubscriptionId, due: Timestamp) -> Result<(), AppError> {
    let Some(subscription) = find_subscription(desk, id).await? else { return Ok(()) };
    if let Some(request) = lifecycle::term_ends(&subscription, due, new_id(desk), desk.context()) {
        start_of_microsoft(desk, subscription, request).await?;
    }
    Ok(())
}

/// A part of a term is to be paid.
pub(super) async fn payment_due(desk: &mut Desk<'_>, id: SubscriptionId, due: Timestamp) -> Result<(), AppError> {
    let Some(subscription) = find_subscription(desk, id).await? else { return Ok(()) };
    match lifecycle::payment_due(&subscription, due, new_id(desk), desk.context()) {
        None => {}
        Some(lifecycle::Payment::Made(decision)) => {
            save(desk, Player::Marketplace, Some(&subscription), subscription.clone(), &decision).await?;
        }
        Some(lifecycle::Payment::Failed(request)) => {
            start_of_microsoft(desk, subscription, request).await?;
        }
    }
    Ok(())
}

/// The end of a suspension's grace has come.
pub(super) async fn grace_ends(
    desk: &mut Desk<'_>,
    id: SubscriptionId,
    suspended_at: Timestamp,
) -> Result<(), AppError> {
    let Some(subscription) = find_subscription(desk, id).await? else { return Ok(()) };
    if let Some(request) = lifecycle::grace_ends(&subscription, suspended_at, new_id(desk), desk.context()) {
        start_of_microsoft(desk, subscription, request).await?;
    }
    Ok(())
}

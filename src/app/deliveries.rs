//! Deliveries: what a publisher is told of, put down in the commit of what it tells, attempted outside, and what each
//! attempt brings.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{
    desk::{Desk, decode},
    error::AppError,
    journal::{Exchange, Player, What},
    mailbox::Command,
    operations,
    sandbox::Sandbox,
    timers::{Due, StoredTimer, set_timers},
};
use crate::{
    domain::{
        event::Event,
        ids::{OperationId, SubscriptionId},
        notice::{Notice, Registration},
        operation::Operation,
        refusal::Refusal,
        rules::WebhookSending,
        subscription::Subscription,
        time::Timestamp,
        webhook::{Delivery, DeliveryState, FollowUp, Made, Sent, follow_up, tells},
    },
    store::{Direction, Document, Key, KeyRange},
};

/// Whoever calls the webhooks of publishers and partners.
pub trait Courier: std::fmt::Debug + Send + Sync {
    /// Makes one attempt at a delivery, and tells what came of it.
    fn attempt<'a>(&'a self, sandbox: &'a Sandbox, delivery: &'a Delivery) -> BoxFuture<'a, Attempted>;

    /// Makes one attempt at a notice to a partner's own program.
    fn notify<'a>(&'a self, sandbox: &'a Sandbox, notice: &'a Notice, to: &'a Registration)
    -> BoxFuture<'a, Attempted>;

    /// Whether the delivery goes to a webhook of somebody's own. The stand-in's is called one after the other instead, so
    /// that what it does is told in the same order each time.
    fn goes_outside(&self, sandbox: &Sandbox, delivery: &Delivery) -> bool;
}

/// What came of an attempt, and what was sent in it, for the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// What came of it.
    pub sent: Sent,
    /// The body as it was sent.
    pub body: String,
}

impl Sandbox {
    /// The deliveries about a subscription, oldest first.
    ///
    /// # Errors
    /// [`Refusal::UnknownSubscription`].
    pub async fn deliveries(&self, subscription: SubscriptionId) -> Result<Vec<Delivery>, AppError> {
        self.subscription(subscription).await?;
        let range = KeyRange::under(&self.world.space.deliveries(subscription));
        let found = self.store.scan(&range, Direction::Ascending, usize::MAX).await?;
        let mut deliveries: Vec<Delivery> =
            found.iter().map(|(key, document)| decode(key, &document.bytes)).collect::<Result<_, _>>()?;
        deliveries.sort_by_key(|delivery| delivery.entry);
        Ok(deliveries)
    }

    /// Makes a delivery once more, whether or not the publisher has it; with another body, if one is given. One that is
    /// held is released by it.
    ///
    /// # Errors
    /// [`Refusal::UnknownOperation`] if nobody is told of that operation.
    pub async fn deliver_again(
        &self,
        subscription: SubscriptionId,
        operation: OperationId,
        edited: Option<String>,
    ) -> Result<Delivery, AppError> {
        self.ask(Handle { subscription, operation, how: Handling::Again { edited } }).await
    }

    /// Holds a delivery back that has not been made, until [`Sandbox::deliver_again`].
    ///
    /// # Errors
    /// [`Refusal::UnknownOperation`] if nobody is told of that operation; [`Refusal::NotWaiting`] if it has been made.
    pub async fn hold_delivery(
        &self,
        subscription: SubscriptionId,
        operation: OperationId,
    ) -> Result<Delivery, AppError> {
        self.ask(Handle { subscription, operation, how: Handling::Hold }).await
    }

    /// Attempts a delivery whose timer is due, and waits for what comes of it.
    pub(super) async fn deliver(
        &self,
        claimed: ClaimedTimer,
        due: Timestamp,
        (subscription, operation): (SubscriptionId, OperationId),
        courier: &dyn Courier,
    ) -> Result<(), AppError> {
        match self.due_delivery(subscription, operation, due).await? {
            Some(due) => self.attempt(claimed, due, courier).await.record(self).await,
            None => self.ask(Forget(claimed.timer)).await,
        }
    }

    /// The delivery that a timer of an instant is for; `None` if it was held, or made already.
    pub(super) async fn due_delivery(
        &self,
        subscription: SubscriptionId,
        operation: OperationId,
        due: Timestamp,
    ) -> Result<Option<DueDelivery>, AppError> {
        let key = self.world.space.delivery(subscription, operation);
        let Some(Document { bytes, .. }) = self.store.get(&key).await? else { return Ok(None) };
        let delivery: Delivery = decode(&key, &bytes)?;
        Ok(delivery.is_due(due).then_some(DueDelivery { delivery, bytes }))
    }

    /// Calls the webhook. What came of it is still to be recorded.
    pub(super) async fn attempt(&self, claimed: ClaimedTimer, due: DueDelivery, courier: &dyn Courier) -> Unrecorded {
        let ClaimedTimer { timer, left_behind } = claimed;
        let delivery = &due.delivery;
        let run = self.world.run;
        let repeated = delivery.may_have_been_attempted(run, self.store.shared().map(|_| left_behind));
        self.may_deliver().await;
        let made = Made { run, began: self.now(), handled: delivery.handled, repeated };
        let attempted = courier.attempt(self, delivery).await;
        Unrecorded(RecordAttempt { timer, due, made, attempted })
    }
}

/// A delivery whose time has come.
pub(super) struct DueDelivery {
    pub(super) delivery: Delivery,
    /// As it is stored.
    bytes: Arc<[u8]>,
}

/// A timer that nobody else runs.
pub(super) struct ClaimedTimer {
    /// The timer.
    pub(super) timer: Key,
    /// Whether a process had it that is gone.
    pub(super) left_behind: bool,
}

/// Puts down what the publisher has to be told of a decision about an operation. Both are as the decision left them.
pub(super) fn tell(
    desk: &mut Desk<'_>,
    before: &Subscription,
    after: &Subscription,
    operation: &Operation,
    events: &[Event],
) -> Result<(), AppError> {
    if !events.iter().any(|event| tells(event, before, desk.head.rules)) {
        return Ok(());
    }
    let activity = desk.head.seed.draws("activity", desk.next_entry()).activity_id();
    let run = desk.world.run;
    let delivery = Delivery::new(activity, operation.clone(), after.clone(), (desk.now(), desk.next_entry()), run);
    let key = desk.space().delivery(after.id, operation.id);
    match desk.head.rules.webhook_sending {
        WebhookSending::Held => desk.put(key, &delivery.held()),
        WebhookSending::AtOnce => {
            desk.put(key, &delivery)?;
            set(desk, after.id, operation.id)
        }
    }
}

/// Sets the timer of a delivery that is due at once.
fn set(desk: &mut Desk<'_>, subscription: SubscriptionId, operation: OperationId) -> Result<(), AppError> {
    let timer = StoredTimer::new(desk.now(), Due::Delivery { subscription, operation });
    set_timers(desk, desk.next_entry(), INDEX, vec![timer])
}

/// Tells the timers of deliveries from those that the same command sets for other ends.
const INDEX: u64 = 1 << 32;

/// Drops a timer whose delivery was held, or made already.
struct Forget(Key);

impl Command for Forget {
    type Answer = ();

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<(), AppError>> {
        desk.remove(self.0.clone());
        Box::pin(std::future::ready(Ok(())))
    }
}

/// What shall be done with a delivery by hand.
enum Handling {
    Again { edited: Option<String> },
    Hold,
}

struct Handle {
    subscription: SubscriptionId,
    operation: OperationId,
    how: Handling,
}

impl Command for Handle {
    type Answer = Delivery;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Delivery, AppError>> {
        Box::pin(async move {
            let key = desk.space().delivery(self.subscription, self.operation);
            let found: Option<Delivery> = desk.load(&key).await?;
            let delivery = found.ok_or_else(|| Refusal::UnknownOperation(self.operation.to_string()))?;
            let action = delivery.operation.action().words();
            let (delivery, summary) = match &self.how {
                Handling::Hold if delivery.state != DeliveryState::Waiting => {
                    return Err(Refusal::NotWaiting(delivery.state).into());
                }
                Handling::Hold => {
                    (delivery.held(), format!("{action} is not told to the publisher until it is released."))
                }
                Handling::Again { edited } => {
                    let how = match (&edited, delivery.state) {
                        (Some(_), _) => "told to the publisher with another body",
                        (None, DeliveryState::Held) => "released, and told to the publisher",
                        (None, _) => "told to the publisher once more",
                    };
                    let delivery = Delivery { edited: edited.clone(), ..delivery.again(desk.now(), desk.world.run) };
                    set(desk, self.subscription, self.operation)?;
                    (delivery, format!("{action} is {how}."))
                }
            };
            desk.put(key, &delivery)?;
            desk.note(Player::Operator, Some(self.subscription), What::Steering { summary });
            Ok(delivery)
        })
    }
}

/// An attempt that was made, and that nobody knows of yet.
pub(super) struct Unrecorded(RecordAttempt);

impl Unrecorded {
    pub(super) async fn record(self, sandbox: &Sandbox) -> Result<(), AppError> {
        sandbox.ask(self.0).await
    }
}

struct RecordAttempt {
    timer: Key,
    /// As it was before the attempt.
    due: DueDelivery,
    made: Made,
    attempted: Attempted,
}

impl Command for RecordAttempt {
    type Answer = ();

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<(), AppError>> {
        Box::pin(async move {
            desk.remove(self.timer.clone());
            let Operation { subscription, id, .. } = self.due.delivery.operation;
            let key = desk.space().delivery(subscription, id);
            // A sandbox that was made anew meanwhile has other deliveries.
            let Some(bytes) = desk.get(&key).await? else { return Ok(()) };
            let is_the_same = bytes == self.due.bytes;
            let delivery = if is_the_same { self.due.delivery.clone() } else { decode(&key, &bytes)? };
            let operation = operations::load_operation(desk, subscription, id).await?;
            let Attempted { sent, body } = &self.attempted;
            let exchange = exchange(sent, body, &delivery, self.made.repeated);
            desk.note(Player::Marketplace, Some(subscription), What::Exchange(exchange));
            let context = desk.context();
            let FollowUp { delivery, again, decision } =
                follow_up(delivery, &operation, sent.clone(), self.made, context);
            desk.put(key, &delivery)?;
            if let Some(due) = again {
                let what = Due::Delivery { subscription, operation: id };
                set_timers(desk, context.first_entry, INDEX, vec![StoredTimer::new(due, what)])?;
            }
            operations::follow(desk, operation, &decision).await
        })
    }

    fn may_overfill(&self) -> bool {
        true
    }
}

/// The attempt as the journal tells of it.
fn exchange(sent: &Sent, body: &str, delivery: &Delivery, repeated: bool) -> Exchange {
    let call = Exchange::sent(Player::Publisher, sent, body);
    let again = repeated.then(|| "sent again after a stop: the publisher may have had it before".to_owned());
    Exchange {
        publisher: Some(delivery.operation.publisher.clone()),
        correlation_id: Some(delivery.activity.to_string()),
        remark: match (call.remark.clone(), again) {
            (Some(why), Some(again)) => Some(format!("{why}; {again}")),
            (why, again) => why.or(again),
        },
        ..call
    }
}

/// What timers cause outside of the mailbox, and who does it.
#[derive(Debug, Clone)]
pub struct Outside {
    /// Does the stand-in publisher's work.
    pub publisher: Arc<dyn super::timers::PublisherWork>,
    /// Calls webhooks.
    pub courier: Arc<dyn Courier>,
}

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
    outbound::{Attempted, ClaimedTimer, Courier, exchange},
    sandbox::Sandbox,
    timers::{Due, StoredTimer, set_timers},
};
use crate::{
    domain::{
        event::Event,
        ids::{OperationId, SubscriptionId},
        operation::Operation,
        refusal::Refusal,
        rules::WebhookSending,
        subscription::Subscription,
        time::Timestamp,
        webhook::{Delivery, DeliveryState, FollowUp, Made, follow_up, tells},
    },
    store::{Direction, Document, Key, KeyRange},
};

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
    pub(super) async fn attempt(
        &self,
        claimed: ClaimedTimer,
        due: DueDelivery,
        courier: &dyn Courier,
    ) -> RecordAttempt {
        let ClaimedTimer { timer, left_behind } = claimed;
        let delivery = &due.delivery;
        let repeated = self.may_be_repeated(left_behind, delivery.in_hand_of);
        let made = Made { run: self.world.run, began: self.now(), handled: delivery.handled, repeated };
        let attempted = courier.attempt(self, delivery).await;
        RecordAttempt { timer, due, made, attempted }
    }
}

/// A delivery whose time has come.
pub(super) struct DueDelivery {
    pub(super) delivery: Delivery,
    /// As it is stored.
    bytes: Arc<[u8]>,
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

/// Takes the delivery about an operation back, if there is one that waits: what it tells of has come to nothing.
pub(super) async fn withdraw(
    desk: &mut Desk<'_>,
    subscription: SubscriptionId,
    operation: OperationId,
) -> Result<(), AppError> {
    let key = desk.space().delivery(subscription, operation);
    let Some(delivery) = desk.load::<Delivery>(&key).await? else { return Ok(()) };
    desk.put(key, &delivery.withdrawn())
}

/// Sets the timer of a delivery that is due at once.
fn set(desk: &mut Desk<'_>, subscription: SubscriptionId, operation: OperationId) -> Result<(), AppError> {
    let timer = StoredTimer::new(desk.now(), Due::Delivery { subscription, operation });
    set_timers(desk, desk.next_entry(), INDEX, vec![timer])
}

/// Tells the timers of deliveries from those that the same command sets for other ends.
const INDEX: u64 = 1 << 32;

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
pub(super) struct RecordAttempt {
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
            let call = exchange(Player::Publisher, &self.attempted, delivery.activity.to_string(), self.made.repeated);
            let exchange = Exchange { publisher: Some(delivery.operation.publisher.clone()), ..call };
            desk.note(Player::Marketplace, Some(subscription), What::Exchange(exchange));
            let context = desk.context();
            let FollowUp { delivery, again, decision } =
                follow_up(delivery, &operation, self.attempted.sent.clone(), self.made, context);
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

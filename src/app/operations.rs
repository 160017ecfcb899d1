//! Operations: asked for, taken on when their time has come, answered, looked up.
//!
//! An operation lies in a document of its own; its subscription knows which ones have not ended. Each step writes both,
//! with its journal entries and the timer of the next step, in one commit.

use futures_util::future::BoxFuture;

use super::{
    audit, deliveries,
    desk::{Desk, decode},
    error::AppError,
    fulfillment::{load_own, load_subscription, load_up_to_date, save},
    journal::Player,
    mailbox::Command,
    on_record::Answering,
    sandbox::Sandbox,
};
use crate::domain::{
    event::Event,
    ids::{OperationId, PublisherId, SubscriptionId},
    operation::{self, Cancellation, Operation, Request, Verdict, Wish},
    refusal::Refusal,
    subscription::{Decision, Subscription, TimerPlan},
};

/// What became of a request to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// This operation does it.
    By(OperationId),
    /// It had ended before.
    Before,
}

impl Sandbox {
    /// Starts a change of plan or quantity that a publisher asks for.
    ///
    /// # Errors
    /// [`AppError::Refused`] with the first rule that the request breaks.
    pub async fn request_change<R: Send + 'static>(
        &self,
        publisher: PublisherId,
        subscription: SubscriptionId,
        wish: Wish,
        told: impl Answering<OperationId, R>,
    ) -> Result<R, AppError> {
        self.ask_on_record(RequestChange { publisher, subscription, wish }, told).await
    }

    /// Starts a cancellation that a publisher asks for.
    ///
    /// # Errors
    /// [`AppError::Refused`] if the subscription is unknown, another publisher's, or not for the publisher to cancel.
    pub async fn request_cancel<R: Send + 'static>(
        &self,
        publisher: PublisherId,
        subscription: SubscriptionId,
        told: impl Answering<Cancelled, R>,
    ) -> Result<R, AppError> {
        self.ask_on_record(RequestCancel { publisher, subscription }, told).await
    }

    /// Starts a change of plan or quantity that whoever bought the subscription makes in the marketplace. The publisher
    /// is told, and may refuse.
    ///
    /// # Errors
    /// [`AppError::Refused`] with the first rule that the change breaks.
    pub async fn change_in_marketplace(&self, subscription: SubscriptionId, wish: Wish) -> Result<Operation, AppError> {
        self.ask(InMarketplace { subscription, wish: Some(wish) }).await
    }

    /// Cancels, as whoever bought the subscription does in the marketplace: at once.
    ///
    /// # Errors
    /// [`AppError::Refused`] if it is unknown or over.
    pub async fn cancel_in_marketplace(&self, subscription: SubscriptionId) -> Result<Operation, AppError> {
        self.ask(InMarketplace { subscription, wish: None }).await
    }

    /// Takes a publisher's answer to an operation.
    ///
    /// # Errors
    /// [`Refusal::UnknownOperation`], [`Refusal::OperationEnded`], [`Refusal::OwnOperation`].
    pub async fn answer_operation<R: Send + 'static>(
        &self,
        publisher: PublisherId,
        (subscription, operation): (SubscriptionId, OperationId),
        verdict: Verdict,
        told: impl Answering<(), R>,
    ) -> Result<R, AppError> {
        self.ask_on_record(AnswerOperation { publisher, subscription, operation, verdict }, told).await
    }

    /// An operation on a subscription of a publisher.
    ///
    /// # Errors
    /// [`Refusal::UnknownSubscription`], [`Refusal::OtherPublisher`], [`Refusal::UnknownOperation`].
    pub async fn operation(
        &self,
        publisher: &PublisherId,
        subscription: SubscriptionId,
        operation: OperationId,
    ) -> Result<Operation, AppError> {
        self.subscription_of(publisher, subscription).await?;
        let key = self.world.space.operation(subscription, operation);
        let document = self.store.get(&key).await?;
        let document = document.ok_or_else(|| Refusal::UnknownOperation(operation.to_string()))?;
        decode(&key, &document.bytes)
    }

    /// The operations on a subscription that the list of outstanding ones shows.
    ///
    /// # Errors
    /// [`Refusal::UnknownSubscription`], [`Refusal::OtherPublisher`].
    pub async fn operations_in_progress(
        &self,
        publisher: &PublisherId,
        subscription: SubscriptionId,
    ) -> Result<Vec<Operation>, AppError> {
        let outstanding = self.subscription_of(publisher, subscription).await?.outstanding.clone();
        let mut listed = Vec::new();
        for outstanding in outstanding {
            let operation = self.operation(publisher, subscription, outstanding.operation).await?;
            if operation.is_listed(self.now(), self.delays()) {
                listed.push(operation);
            }
        }
        Ok(listed)
    }
}

struct RequestChange {
    publisher: PublisherId,
    subscription: SubscriptionId,
    wish: Wish,
}

impl Command for RequestChange {
    type Answer = OperationId;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<OperationId, AppError>> {
        Box::pin(async move {
            let subscription = load_own(desk, self.subscription, &self.publisher).await?;
            let offer = desk.world.catalogue.offer(&subscription.offer);
            let offer = offer.ok_or_else(|| Refusal::UnknownOffer(subscription.offer.clone()))?;
            let (id, delays) = (new_id(desk), desk.head.delays);
            let request = operation::request_change(&subscription, offer, &self.wish, id, delays, desk.context())?;
            start(desk, subscription, request).await?;
            Ok(id)
        })
    }
}

struct RequestCancel {
    publisher: PublisherId,
    subscription: SubscriptionId,
}

impl Command for RequestCancel {
    type Answer = Cancelled;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Cancelled, AppError>> {
        Box::pin(async move {
            let subscription = load_own(desk, self.subscription, &self.publisher).await?;
            let (id, delays) = (new_id(desk), desk.head.delays);
            match operation::request_cancel(&subscription, id, delays, desk.context())? {
                Cancellation::Over => Ok(Cancelled::Before),
                Cancellation::UnderWay(id) => Ok(Cancelled::By(id)),
                Cancellation::Requested(request) => {
                    start(desk, subscription, *request).await?;
                    Ok(Cancelled::By(id))
                }
            }
        })
    }
}

/// What whoever bought a subscription does: a change, or the end.
struct InMarketplace {
    subscription: SubscriptionId,
    wish: Option<Wish>,
}

impl Command for InMarketplace {
    type Answer = Operation;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Operation, AppError>> {
        Box::pin(async move {
            let subscription = load_up_to_date(desk, self.subscription).await?;
            let (id, context) = (new_id(desk), desk.context());
            let Request { operation, decision } = match &self.wish {
                Some(wish) => {
                    let offer = desk.world.catalogue.offer(&subscription.offer);
                    let offer = offer.ok_or_else(|| Refusal::UnknownOffer(subscription.offer.clone()))?;
                    operation::change_in_marketplace(&subscription, offer, wish, id, context)?
                }
                None => operation::cancel_in_marketplace(&subscription, id, context)?,
            };
            let (_, operation) = carry_out(desk, Player::Partner, subscription, operation, &decision).await?;
            Ok(operation)
        })
    }
}

struct AnswerOperation {
    publisher: PublisherId,
    subscription: SubscriptionId,
    operation: OperationId,
    verdict: Verdict,
}

impl Command for AnswerOperation {
    type Answer = ();

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<(), AppError>> {
        Box::pin(async move {
            let subscription = load_own(desk, self.subscription, &self.publisher).await?;
            let operation = load_operation(desk, self.subscription, self.operation).await?;
            let decision = operation::answer(&operation, &subscription, self.verdict, desk.context())?;
            carry_out(desk, Player::Publisher, subscription, operation, &decision).await?;
            Ok(())
        })
    }
}

/// Takes an operation to its next status, because its time has come.
pub(super) async fn take_on(
    desk: &mut Desk<'_>,
    subscription: SubscriptionId,
    operation: OperationId,
) -> Result<(), AppError> {
    let subscription = load_subscription(desk, subscription).await?;
    let operation = load_operation(desk, subscription.id, operation).await?;
    let decision = operation::step(&operation, &subscription, desk.head.delays, desk.context());
    carry_out(desk, Player::Marketplace, subscription, operation, &decision).await?;
    Ok(())
}

/// Puts down which other operations have come to nothing by what became of one.
async fn give_up_others(
    desk: &mut Desk<'_>,
    subscription: &Subscription,
    operation: OperationId,
    events: &[Event],
) -> Result<(), AppError> {
    for event in events {
        let Event::OperationConflicted { operation: given_up, .. } = event else { continue };
        if *given_up != operation {
            let given_up = load_operation(desk, subscription.id, *given_up).await?.apply(event, desk.now());
            desk.put(desk.space().operation(subscription.id, given_up.id), &given_up)?;
            // In the log it is whoever asked for it that has not got it.
            let actor = desk.actor.take();
            audit::resume_actor(desk, subscription, &given_up).await?;
            audit::note_request(desk, subscription, &given_up, std::slice::from_ref(event)).await?;
            desk.actor = actor;
        }
        deliveries::withdraw(desk, subscription.id, *given_up).await?;
    }
    Ok(())
}

/// Carries out what follows for an operation from what its publisher was told; mostly nothing does.
pub(super) async fn follow(desk: &mut Desk<'_>, operation: Operation, decision: &Decision) -> Result<(), AppError> {
    if decision.events.is_empty() && decision.timers.is_empty() {
        return Ok(());
    }
    let subscription = load_subscription(desk, operation.subscription).await?;
    carry_out(desk, Player::Marketplace, subscription, operation, decision).await?;
    Ok(())
}

/// Writes down what Microsoft starts by itself.
pub(super) async fn start_of_microsoft(
    desk: &mut Desk<'_>,
    subscription: Subscription,
    Request { operation, decision }: Request,
) -> Result<(Subscription, Operation), AppError> {
    carry_out(desk, Player::Marketplace, subscription, operation, &decision).await
}

/// Writes a granted request down. Where operations take no time, it is brought to its end at once.
async fn start(desk: &mut Desk<'_>, subscription: Subscription, request: Request) -> Result<(), AppError> {
    let Request { operation, mut decision } = request;
    let (mut subscription, mut operation, mut actor) = (subscription, operation, Player::Publisher);
    loop {
        let goes_on_now = decision.timers.iter().any(|timer| is_due(timer, desk));
        decision.timers.retain(|timer| !is_due(timer, desk));
        (subscription, operation) = carry_out(desk, actor, subscription, operation, &decision).await?;
        if !goes_on_now {
            return Ok(());
        }
        actor = Player::Marketplace;
        decision = operation::step(&operation, &subscription, desk.head.delays, desk.context());
    }
}

fn is_due(timer: &TimerPlan, desk: &Desk<'_>) -> bool {
    matches!(timer, TimerPlan::OperationStep { due, .. } if *due <= desk.now())
}

/// Turns a decision about an operation into documents.
pub(super) async fn carry_out(
    desk: &mut Desk<'_>,
    actor: Player,
    subscription: Subscription,
    operation: Operation,
    decision: &Decision,
) -> Result<(Subscription, Operation), AppError> {
    let now = desk.now();
    let operation = decision.events.iter().fold(operation, |operation, event| operation.apply(event, now));
    audit::resume_actor(desk, &subscription, &operation).await?;
    let after = save(desk, actor, Some(&subscription), subscription.clone(), decision).await?;
    audit::note_request(desk, &subscription, &operation, &decision.events).await?;
    if !decision.events.is_empty() {
        desk.put(desk.space().operation(after.id, operation.id), &operation)?;
    }
    give_up_others(desk, &after, operation.id, &decision.events).await?;
    deliveries::tell(desk, &subscription, &after, &operation, &decision.events)?;
    match operation::revert(&operation, &after, &decision.events, new_id(desk), desk.context()) {
        None => Ok((after, operation)),
        Some(request) => {
            let (after, _) = Box::pin(start_of_microsoft(desk, after, request)).await?;
            Ok((after, operation))
        }
    }
}

pub(super) async fn load_operation(
    desk: &mut Desk<'_>,
    subscription: SubscriptionId,
    operation: OperationId,
) -> Result<Operation, AppError> {
    let key = desk.space().operation(subscription, operation);
    desk.load(&key).await?.ok_or_else(|| Refusal::UnknownOperation(operation.to_string()).into())
}

pub(super) fn new_id(desk: &Desk<'_>) -> OperationId {
    desk.head.seed.draws("operation", desk.next_entry()).operation_id()
}

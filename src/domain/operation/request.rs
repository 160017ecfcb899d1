//! Asking for a change or a cancellation: which ones a subscription allows.

use super::{
    super::{
        catalogue::{Offer, Plan, Seats},
        event::Event,
        ids::OperationId,
        refusal::Refusal,
        subscription::{
            Context, CustomerOperation, Decision, Status, Subscription, TimerPlan, check_quantity, term_not_sold,
        },
    },
    Action, Delays, Effect, Operation, OperationStatus, RequestSource, Transition,
};

/// The most seats of any subscription (emulator-code: its text says so).
const MOST_SEATS: u32 = 1_000_000;

/// A change as a publisher wrote it down; nothing of it is checked yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// The plan, if one was named.
    pub plan: Option<String>,
    /// The number of seats, if one was named.
    pub quantity: Option<i64>,
}

/// A request that was granted: the operation as it starts, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The operation.
    pub operation: Operation,
    /// What happened, and when it goes on.
    pub decision: Decision,
}

/// What becomes of a request to cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancellation {
    /// It is over already: success, and nothing happens (docs-new; quirk Q31).
    Over,
    /// A cancellation is under way: the request is about that one (inferred).
    UnderWay(OperationId),
    /// It will be over.
    Requested(Box<Request>),
}

/// Decides a publisher's request to change plan or quantity. Checks in the order: what is asked for, who may ask, the
/// subscription's status, the lock, the limits (inferred).
///
/// # Errors
/// The first rule that the request breaks.
pub fn request_change(
    subscription: &Subscription,
    offer: &Offer,
    wish: &Wish,
    id: OperationId,
    delays: Delays,
    context: Context,
) -> Result<Request, Refusal> {
    let change = Change::read(wish)?;
    allowed(subscription, CustomerOperation::Update)?;
    let status = subscription.state.status();
    if status != Status::Subscribed {
        return Err(Refusal::NotActive(status));
    }
    if let Some(outstanding) = subscription.outstanding.first() {
        return Err(Refusal::OperationPending(outstanding.operation));
    }
    let mut operation = Operation::requested(subscription, id, context);
    match change {
        Change::Plan(name) => {
            let plan = offer.plans.iter().find(|plan| plan.id.as_str() == name);
            let plan = plan.ok_or_else(|| Refusal::PlanNotInOffer(name.to_owned()))?;
            operation.effect = change_of_plan(subscription, plan)?;
            operation.plan = plan.id.clone();
        }
        Change::Quantity(quantity) => {
            let to = new_quantity(subscription, offer, quantity)?;
            operation.effect = Effect::ChangeQuantity { to };
            operation.quantity = Some(to);
        }
    }
    Ok(Request::granted(operation, delays, context))
}

/// Decides a publisher's request to cancel: at any point of the life cycle (docs:life-cycle), and whether or not a change
/// is under way (emulator-code).
///
/// # Errors
/// [`Refusal::OperationNotAllowed`] for what a CSP bought.
pub fn request_cancel(
    subscription: &Subscription,
    id: OperationId,
    delays: Delays,
    context: Context,
) -> Result<Cancellation, Refusal> {
    allowed(subscription, CustomerOperation::Delete)?;
    if subscription.state.status() == Status::Unsubscribed {
        return Ok(Cancellation::Over);
    }
    let under_way = subscription.outstanding.iter().find(|outstanding| outstanding.action == Action::Unsubscribe);
    if let Some(cancellation) = under_way {
        return Ok(Cancellation::UnderWay(cancellation.operation));
    }
    let operation = Operation::requested(subscription, id, context);
    Ok(Cancellation::Requested(Box::new(Request::granted(operation, delays, context))))
}

/// One change: plan and quantity never come together (docs:subscription-api).
enum Change<'a> {
    Plan(&'a str),
    Quantity(u64),
}

impl<'a> Change<'a> {
    fn read(wish: &'a Wish) -> Result<Self, Refusal> {
        match (wish.plan.as_deref(), wish.quantity) {
            (Some(_), Some(_)) => Err(Refusal::ChangesTogether),
            (Some(plan), None) if !plan.trim().is_empty() => Ok(Self::Plan(plan)),
            (None, Some(quantity)) if quantity > 0 => Ok(Self::Quantity(quantity.unsigned_abs())),
            (_, _) => Err(Refusal::ChangeMissing),
        }
    }
}

fn allowed(subscription: &Subscription, operation: CustomerOperation) -> Result<(), Refusal> {
    if subscription.allowed_customer_operations().contains(&operation) {
        Ok(())
    } else {
        Err(Refusal::OperationNotAllowed(operation))
    }
}

fn change_of_plan(subscription: &Subscription, plan: &Plan) -> Result<Effect, Refusal> {
    if plan.id == subscription.plan {
        return Err(Refusal::SamePlan { name: subscription.name.clone(), plan: plan.id.clone() });
    }
    if !plan.is_open_to(subscription.beneficiary.tenant_id) {
        return Err(Refusal::PlanPrivate { plan: plan.id.clone(), customer: subscription.customer.clone() });
    }
    if plan.stop_sell {
        return Err(Refusal::PlanStopSell(plan.id.clone()));
    }
    // What becomes of the dates when the term changes is not documented: such a change is refused (inferred).
    let unit = &subscription.term_unit;
    let term = plan.term(unit).ok_or_else(|| term_not_sold(plan, Some(unit)))?;
    if let Some(seats) = check_quantity(plan, subscription.quantity)? {
        let refusal = || Refusal::AmountTooLarge { plan: plan.id.clone(), quantity: seats };
        term.price.times(seats.get()).ok_or_else(refusal)?;
    }
    Ok(Effect::ChangePlan {
        plan_name: plan.name.clone(),
        unit_price: term.price,
        // Another trial plan goes on with the trial, any other ends it; a second trial there is not (docs:plans-pricing).
        free_trial: subscription.free_trial && plan.free_trial,
    })
}

fn new_quantity(subscription: &Subscription, offer: &Offer, quantity: u64) -> Result<Seats, Refusal> {
    if subscription.quantity.is_none() {
        return Err(Refusal::QuantityNotAllowed(subscription.plan.clone()));
    }
    let too_many = || Refusal::TooManySeatsForAnyone { quantity, most: MOST_SEATS };
    let seats = u32::try_from(quantity).ok().filter(|&seats| seats <= MOST_SEATS).ok_or_else(too_many)?;
    let seats = Seats::try_from(seats).map_err(|_| Refusal::ChangeMissing)?;
    if subscription.quantity == Some(seats) {
        return Err(Refusal::SameQuantity(seats));
    }
    let plan = offer.plan(&subscription.plan).ok_or_else(|| Refusal::PlanNotInOffer(subscription.plan.to_string()))?;
    check_quantity(plan, Some(seats))?;
    let refusal = || Refusal::AmountTooLarge { plan: plan.id.clone(), quantity: seats };
    subscription.unit_price.times(seats.get()).ok_or_else(refusal)?;
    Ok(seats)
}

impl Operation {
    /// A publisher's operation on a subscription as it is; a cancellation until it is given another effect.
    fn requested(subscription: &Subscription, id: OperationId, context: Context) -> Self {
        let status = OperationStatus::NotStarted;
        Self {
            id,
            subscription: subscription.id,
            publisher: subscription.publisher.clone(),
            offer: subscription.offer.clone(),
            plan: subscription.plan.clone(),
            quantity: subscription.quantity,
            source: RequestSource::Partner,
            effect: Effect::Unsubscribe,
            requested: context.now,
            status,
            transitions: vec![Transition { status, at: context.now }],
        }
    }
}

impl Request {
    fn granted(operation: Operation, delays: Delays, context: Context) -> Self {
        let mut decision = Decision::starting_at(context.first_entry);
        decision.events.push(Event::OperationRequested {
            operation: operation.id,
            action: operation.action(),
            source: operation.source,
            plan: operation.plan.clone(),
            quantity: operation.quantity,
        });
        let due = context.now.plus_millis(delays.until_started());
        decision.timers.push(TimerPlan::OperationStep { due, operation: operation.id });
        Self { operation, decision }
    }
}

//! Asking for a change or a cancellation: which ones a subscription allows, to a publisher and to whoever bought it.

use super::{
    super::{
        cancellation_window::CancellationWindow,
        catalogue::{Offer, Plan, Seats, TermPrice},
        charges,
        event::Event,
        ids::OperationId,
        refusal::Refusal,
        rules::{CancelAgain, FirstStatus, OperationLock, Rules},
        subscription::{
            Context, CustomerOperation, Decision, MOST_SEATS, Outstanding, Status, Subscription, TimerPlan,
            check_quantity, term_not_sold,
        },
    },
    Action, Delays, Effect, Operation, OperationStatus, RequestSource, Transition,
};

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
    let operation = Operation::requested(subscription, RequestSource::Partner, id, context);
    Ok(Request::granted(changing(subscription, offer, change, operation, context.rules)?, delays, context))
}

/// Decides a change that whoever bought the subscription makes in the marketplace: its CSP, or the customer. The
/// publisher has to be told of it, and may refuse; until then nothing has changed (docs:life-cycle).
///
/// # Errors
/// The first rule that the change breaks.
pub fn change_in_marketplace(
    subscription: &Subscription,
    offer: &Offer,
    wish: &Wish,
    id: OperationId,
    context: Context,
) -> Result<Request, Refusal> {
    let change = Change::read(wish)?;
    let operation = Operation::requested(subscription, RequestSource::Azure, id, context);
    let operation = changing(subscription, offer, change, operation, context.rules)?;
    let mut decision = Decision::starting_at(context.first_entry);
    decision.events.push(operation.request());
    // What the publisher says, or its silence, is what it goes on with.
    decision.events.push(Event::OperationStarted { operation: id, action: operation.action() });
    Ok(Request { operation, decision })
}

/// Decides a cancellation that whoever bought the subscription makes in the marketplace. It takes effect at once, and the
/// publisher hears of it afterwards (docs:life-cycle).
///
/// # Errors
/// [`Refusal::NotInStatus`] if it is over already.
pub fn cancel_in_marketplace(
    subscription: &Subscription,
    id: OperationId,
    context: Context,
) -> Result<Request, Refusal> {
    let status = subscription.state.status();
    if status == Status::Unsubscribed {
        return Err(Refusal::NotInStatus { status, action: "a cancellation" });
    }
    if let Some(next) = subscription.next_payment_at().filter(|_| is_bound(subscription, context)) {
        return Err(Refusal::PaymentsOutstanding { next });
    }
    Ok(cancelled(subscription, id, context))
}

/// Decides what becomes of a subscription whose customer is gone: it ends as by a cancellation, and nothing binds anybody to
/// it (docs:delete-a-customer-account-from-the-integration-sandbox: all resources are purged). `None` if it is over already.
#[must_use]
pub fn end_with_customer(subscription: &Subscription, id: OperationId, context: Context) -> Option<Request> {
    let is_over = subscription.state.status() == Status::Unsubscribed;
    (!is_over).then(|| cancelled(subscription, id, context))
}

fn cancelled(subscription: &Subscription, id: OperationId, context: Context) -> Request {
    let operation = Operation::requested(subscription, RequestSource::Azure, id, context);
    let mut decision = Decision::starting_at(context.first_entry);
    decision.events.push(operation.request());
    end(subscription, &mut decision, context);
    decision.events.push(Event::OperationSucceeded { operation: id, action: operation.action() });
    Request { operation, decision }
}

/// Whether a buyer has to keep it: a term of several years can't be cancelled after 72 hours while payments are
/// outstanding (docs:plan-saas-offer of 2023).
fn is_bound(subscription: &Subscription, context: Context) -> bool {
    let is_multi_year = subscription.term_unit.months().is_some_and(|months| months > 12);
    is_multi_year && context.now > subscription.created.plus(CancellationWindow::PRESENT.period())
}

/// The end of a subscription that somebody asked for, and what is given back or still to be paid.
pub(super) fn end(subscription: &Subscription, decision: &mut Decision, context: Context) {
    let ended = decision.next_entry();
    decision.events.push(Event::Unsubscribed {});
    let lines = charges::cancelled(subscription, context.rules.refund_window, context.now, vec![ended]);
    decision.events.extend(lines.into_iter().map(|line| Event::Charged { line }));
    supersede(subscription, decision);
}

/// What is still open when a subscription ends has come to nothing: it can't be answered any more (emulator-note: 409), and
/// nobody is told of it (training: no webhook in `Unsubscribed`). A cancellation has what it wanted, and goes its way.
pub(in crate::domain) fn supersede(subscription: &Subscription, decision: &mut Decision) {
    let open = subscription.outstanding.iter().filter(|outstanding| outstanding.action != Action::Unsubscribe);
    decision
        .events
        .extend(open.map(|&Outstanding { operation, action }| Event::OperationConflicted { operation, action }));
}

/// The operation that makes a change, if the subscription allows it.
fn changing(
    subscription: &Subscription,
    offer: &Offer,
    change: Change<'_>,
    mut operation: Operation,
    rules: Rules,
) -> Result<Operation, Refusal> {
    let status = subscription.state.status();
    if status != Status::Subscribed {
        return Err(Refusal::NotActive(status));
    }
    if let Some(outstanding) =
        subscription.outstanding.first().filter(|_| rules.operation_lock == OperationLock::Locked)
    {
        return Err(Refusal::OperationPending(outstanding.operation));
    }
    match change {
        Change::Plan(name) => {
            let plan = offer.plans.iter().find(|plan| plan.id.as_str() == name);
            let plan = plan.ok_or_else(|| Refusal::PlanNotInOffer(name.to_owned()))?;
            operation.effect = change_of_plan(subscription, offer, plan)?;
            operation.plan = plan.id.clone();
        }
        Change::Quantity(quantity) => {
            let to = new_quantity(subscription, offer, quantity)?;
            operation.effect = Effect::ChangeQuantity { to };
            operation.quantity = Some(to);
        }
    }
    Ok(operation)
}

/// Decides a publisher's request to cancel: at any point of the life cycle (docs:life-cycle), and whether or not a change
/// is under way (emulator-code) or payments are outstanding, which then fall due (inferred: only buyers are said to be bound).
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
        return Ok(match context.rules.cancel_again {
            CancelAgain::Ok => Cancellation::Over,
            CancelAgain::Accepted => Cancellation::Requested(Box::new(Request::ended(subscription, id, context))),
        });
    }
    let under_way = subscription.outstanding.iter().find(|outstanding| outstanding.action == Action::Unsubscribe);
    if let Some(cancellation) = under_way {
        return Ok(Cancellation::UnderWay(cancellation.operation));
    }
    let operation = Operation::requested(subscription, RequestSource::Partner, id, context);
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

/// Checks that a subscription could change to a plan as far as place and currency go: plans are available in the market of the
/// subscription (docs:subscription-api), and an order, and so what was bought by it, has one currency (docs:order-resources).
///
/// # Errors
/// [`Refusal::NotInMarket`], [`Refusal::PlanInOtherCurrency`].
pub fn within_reach(subscription: &Subscription, offer: &Offer, plan: &Plan) -> Result<(), Refusal> {
    if let Some(present) = offer.plan(&subscription.plan).filter(|present| present.market != plan.market) {
        return Err(Refusal::NotInMarket { plan: plan.id.clone(), country: present.market.clone() });
    }
    let paid_in = subscription.unit_price.currency;
    match plan.currency().filter(|currency| *currency != paid_in) {
        None => Ok(()),
        Some(currency) => Err(Refusal::PlanInOtherCurrency { plan: plan.id.clone(), currency, paid_in }),
    }
}

fn change_of_plan(subscription: &Subscription, offer: &Offer, plan: &Plan) -> Result<Effect, Refusal> {
    if plan.id == subscription.plan {
        return Err(Refusal::SamePlan { name: subscription.name.clone(), plan: plan.id.clone() });
    }
    if !plan.is_open_to(subscription.beneficiary.tenant_id) {
        return Err(Refusal::PlanPrivate { plan: plan.id.clone(), customer: subscription.customer.clone() });
    }
    if plan.stop_sell {
        return Err(Refusal::PlanStopSell(plan.id.clone()));
    }
    within_reach(subscription, offer, plan)?;
    // What becomes of the dates when the term changes, and of what is paid when the schedule does, is not documented: such a
    // change is refused (inferred).
    let unit = &subscription.term_unit;
    let same = |term: &&TermPrice| term.payment == subscription.payment;
    let term = plan.term(unit).filter(same).ok_or_else(|| term_not_sold(plan, unit, subscription.payment.as_ref()))?;
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
    /// An operation on a subscription as it is; a cancellation until it is given another effect.
    pub(in crate::domain) fn requested(
        subscription: &Subscription,
        source: RequestSource,
        id: OperationId,
        context: Context,
    ) -> Self {
        let status = OperationStatus::NotStarted;
        Self {
            id,
            subscription: subscription.id,
            publisher: subscription.publisher.clone(),
            offer: subscription.offer.clone(),
            plan: subscription.plan.clone(),
            quantity: subscription.quantity,
            source,
            effect: Effect::Unsubscribe,
            requested: context.now,
            status,
            transitions: vec![Transition { status, at: context.now }],
        }
    }

    /// The fact that it was asked for.
    pub(in crate::domain) fn request(&self) -> Event {
        Event::OperationRequested {
            operation: self.id,
            action: self.action(),
            source: self.source,
            plan: self.plan.clone(),
            quantity: self.quantity,
        }
    }
}

impl Request {
    fn granted(operation: Operation, delays: Delays, context: Context) -> Self {
        let mut decision = Decision::starting_at(context.first_entry);
        decision.events.push(operation.request());
        let wait = match context.rules.first_status {
            FirstStatus::NotStarted => delays.until_started(),
            FirstStatus::InProgress => {
                decision.events.push(Event::OperationStarted { operation: operation.id, action: operation.action() });
                delays.until_ended()
            }
        };
        let due = context.now.plus_millis(wait);
        decision.timers.push(TimerPlan::OperationStep { due, operation: operation.id });
        Self { operation, decision }
    }

    /// A cancellation of what is over: there is nothing left to do (docs:subscription-api of 2020 to 2022; quirk Q31).
    fn ended(subscription: &Subscription, id: OperationId, context: Context) -> Self {
        let operation = Operation::requested(subscription, RequestSource::Partner, id, context);
        let mut decision = Decision::starting_at(context.first_entry);
        decision.events.push(operation.request());
        decision.events.push(Event::OperationSucceeded { operation: id, action: operation.action() });
        Self { operation, decision }
    }
}

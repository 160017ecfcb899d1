//! The ledger lines of a subscription's life: the fee of a term, a trial, what a change costs for the rest of a term, and
//! what a cancellation gives back. Each line is rounded once, and says how it came about.

use super::{
    billing::{ChargeKind, LedgerLine},
    cancellation_window::CancellationWindow,
    catalogue::Seats,
    event::{Seq, count},
    money::{Decimal, Money},
    rules::RefundWindow,
    subscription::Subscription,
    time::{Term, TermUnit, Timestamp},
};

/// A line in the making: what stands in it, whatever it charges for.
struct Line<'a> {
    subscription: &'a Subscription,
    now: Timestamp,
    caused_by: Vec<Seq>,
    /// Lines that the same decision has written before.
    before: u32,
}

impl Line<'_> {
    fn of(
        self,
        kind: ChargeKind,
        description: String,
        (unit_price, quantity, amount): (Money, Decimal, Money),
        period: Term,
    ) -> LedgerLine {
        let number = self.subscription.ledger_lines.saturating_add(1).saturating_add(self.before);
        let (at, caused_by) = (self.now, self.caused_by);
        LedgerLine { number, kind, description, dimension: None, unit_price, quantity, amount, period, at, caused_by }
    }
}

/// The charge for a term, or for the first part of it: flat fee or seats times price.
#[must_use]
pub fn term_fee(subscription: &Subscription, period: Term, now: Timestamp, caused_by: Vec<Seq>) -> LedgerLine {
    fee(ChargeKind::TermFee, subscription, period, (now, caused_by, 0))
}

/// The charge for a later part of a term.
#[must_use]
pub fn cycle_fee(subscription: &Subscription, period: Term, now: Timestamp, caused_by: Vec<Seq>) -> LedgerLine {
    fee(ChargeKind::CycleCharge, subscription, period, (now, caused_by, 0))
}

fn fee(
    kind: ChargeKind,
    subscription: &Subscription,
    period: Term,
    (now, caused_by, before): (Timestamp, Vec<Seq>, u32),
) -> LedgerLine {
    let quantity = subscription.quantity.map_or(1, u32::from);
    let (price, plan, unit) = (subscription.unit_price, &subscription.plan_name, &subscription.term_unit);
    let what = match &subscription.payment {
        None => unit.length(),
        Some(payment) => format!("{} of a term of {}", payment.length(), unit.length()),
    };
    let description = if subscription.quantity.is_some() {
        format!("{plan}, {} × {price} for {what}", count(quantity, "seat"))
    } else {
        format!("{plan}, flat rate {price} for {what}")
    };
    // The purchase or the change was refused if this product did not fit.
    let amount = price.times(quantity).unwrap_or(price);
    let line = Line { subscription, now, caused_by, before };
    line.of(kind, description, (price, quantity.into(), amount), period)
}

/// The free month of a trial, at zero; whatever the plan's term, a trial lasts one month (docs:plans-pricing).
#[must_use]
pub fn trial(subscription: &Subscription, from: Timestamp, now: Timestamp, caused_by: Vec<Seq>) -> LedgerLine {
    let free = Money::zero(subscription.unit_price.currency);
    let quantity = subscription.quantity.map_or(1, u32::from);
    let description = format!("{}, free trial of one month", subscription.plan_name);
    let line = Line { subscription, now, caused_by, before: 0 };
    let zero = free.times(quantity).unwrap_or(free);
    line.of(ChargeKind::FreeTrial, description, (free, quantity.into(), zero), Term::starting(from, &TermUnit::P1M))
}

/// The end of a trial, at zero, for the dates of the trial.
fn trial_ended(subscription: &Subscription, now: Timestamp, caused_by: Vec<Seq>) -> LedgerLine {
    let from = subscription.billing.map_or(now, |billing| billing.at);
    let line = trial(subscription, from, now, caused_by);
    let description = format!("{}, free trial cancelled", subscription.plan_name);
    LedgerLine { kind: ChargeKind::Refund, description, ..line }
}

/// What is left of a period that is paid for, in days: the day of `now` and those after it, of all its days.
fn days_left(period: Term, now: Timestamp) -> (u32, u32) {
    let days = |from, to| Term { start: from, end: to }.days();
    (days(now.date().max(period.start), period.end), days(period.start, period.end))
}

/// A plan, a number of seats and a price: what the rest of a period is given back of, or costs.
struct Side<'a> {
    plan: &'a str,
    seats: Option<Seats>,
    price: Money,
}

/// What the rest of the paid period gives back of the old number of seats, and costs with the new one
/// (docs:fulfillment-faq: fees are prorated; portal:common-billing-scenarios: two rows; that days are counted, the present
/// one included, is the same page's).
#[must_use]
pub fn seats_changed(
    subscription: &Subscription,
    term: Term,
    to: Seats,
    now: Timestamp,
    caused_by: &[Seq],
) -> [LedgerLine; 2] {
    let (plan, price) = (subscription.plan_name.as_str(), subscription.unit_price);
    let kind = match subscription.quantity {
        Some(before) if to < before => ChargeKind::RemoveQuantity,
        Some(_) | None => ChargeKind::AddQuantity,
    };
    changed(subscription, kind, term, Side { plan, seats: Some(to), price }, now, caused_by)
}

/// What the rest of the paid period gives back of the old plan, and costs on the new one.
#[must_use]
pub fn plan_changed(
    subscription: &Subscription,
    term: Term,
    (plan, price): (&str, Money),
    now: Timestamp,
    caused_by: &[Seq],
) -> [LedgerLine; 2] {
    let to = Side { plan, seats: subscription.quantity, price };
    changed(subscription, ChargeKind::Convert, term, to, now, caused_by)
}

fn changed(
    subscription: &Subscription,
    kind: ChargeKind,
    term: Term,
    to: Side<'_>,
    now: Timestamp,
    caused_by: &[Seq],
) -> [LedgerLine; 2] {
    let period = subscription.payment_period(term, now);
    let (left, all) = days_left(period, now);
    let rest = Term { start: now.date(), ..period };
    let line = |before, sign: Decimal, side: &Side<'_>, what: &str| {
        let Side { plan, seats, price } = side;
        let quantity = seats.map_or(Decimal::ONE, |seats| Decimal::from(seats.get())) * sign;
        let description = match seats {
            Some(seats) => format!("{plan}, {} × {price}: {left} of {all} days{what}", count(seats.get(), "seat")),
            None => format!("{plan}, flat rate {price}: {left} of {all} days{what}"),
        };
        let line = Line { subscription, now, caused_by: caused_by.to_vec(), before };
        line.of(kind, description, (*price, quantity, prorated(*price, quantity, left, all)), rest)
    };
    let from = Side { plan: &subscription.plan_name, seats: subscription.quantity, price: subscription.unit_price };
    [line(0, Decimal::NEGATIVE_ONE, &from, " given back"), line(1, Decimal::ONE, &to, "")]
}

/// The rest of one unit's price, rounded, times the units: 3.87 and 7.74 for 29 of 30 days of one and two units at 4
/// (portal:common-billing-scenarios-onetime-recurring; portal23:modern-invoice-reconciliation-file: a subtotal is the
/// effective unit price in whole cents times the quantity).
fn prorated(price: Money, quantity: Decimal, left: u32, all: u32) -> Money {
    let share = Decimal::from(left).checked_div(all.into());
    let rest = share.and_then(|share| price.times(share)).and_then(|one| one.times(quantity));
    rest.unwrap_or_else(|| Money::zero(price.currency))
}

/// The days that a partner is committed to: the month of a trial, whatever it renews to, or the running or last term.
#[must_use]
pub fn commitment(subscription: &Subscription) -> Option<Term> {
    let term = subscription.state.term()?;
    Some(if subscription.free_trial { Term::starting(Timestamp::midnight(term.start), &TermUnit::P1M) } else { term })
}

/// Until when a cancellation gives everything back; `None` if that counts from an activation that has not come.
#[must_use]
pub fn refundable_until(subscription: &Subscription, rule: RefundWindow) -> Option<Timestamp> {
    let window = CancellationWindow::of(&subscription.term_unit, rule);
    let from = match window {
        CancellationWindow::HoursOfPurchase(_) => subscription.created,
        CancellationWindow::DaysOfActivation(_) => subscription.confirmations.activated?.at,
    };
    Some(from.plus(window.period()))
}

/// What a cancellation comes to. In time, it gives everything back that was charged but usage; later, nothing, and what is
/// left to pay of the term is charged: the customer is billed to its end (docs:subscription-api), at once (inferred).
#[must_use]
pub fn cancelled(
    subscription: &Subscription,
    rule: RefundWindow,
    now: Timestamp,
    caused_by: Vec<Seq>,
) -> Vec<LedgerLine> {
    if refundable_until(subscription, rule).is_none_or(|until| now <= until) {
        return refund(subscription, rule, now, caused_by).into_iter().collect();
    }
    let (Some(term), mut next) = (subscription.state.term(), subscription.next_payment_at()) else { return Vec::new() };
    let mut lines = Vec::new();
    while let Some(from) = next.filter(|next| *next < term.next_start()) {
        let period = subscription.payment_period(term, from);
        let before = u32::try_from(lines.len()).unwrap_or(u32::MAX);
        lines.push(fee(ChargeKind::CycleCharge, subscription, period, (now, caused_by.clone(), before)));
        next = Some(period.next_start());
    }
    lines
}

/// All that was paid, given back; `None` where nothing was.
fn refund(subscription: &Subscription, rule: RefundWindow, now: Timestamp, caused_by: Vec<Seq>) -> Option<LedgerLine> {
    let window = CancellationWindow::of(&subscription.term_unit, rule);
    // A trial that a partner ends is a row as well, of nothing (portal:common-billing-scenarios-saas: New 0, Cancel 0).
    if subscription.free_trial && subscription.partner.is_some() && subscription.billing.is_some() {
        return Some(trial_ended(subscription, now, caused_by));
    }
    let paid = subscription.paid.filter(|paid| !paid.amount.is_zero())?;
    let within = match window {
        CancellationWindow::HoursOfPurchase(_) => format!("{window} of the purchase"),
        CancellationWindow::DaysOfActivation(1) => "24 hours of the activation".to_owned(),
        CancellationWindow::DaysOfActivation(_) => format!("{window} of the activation"),
    };
    let back = paid.times(Decimal::NEGATIVE_ONE)?;
    let term = subscription.state.term().or_else(|| subscription.billing.map(|billing| billing.term))?;
    let description = format!("{}, cancelled within {within}: {paid} given back in full", subscription.plan_name);
    let line = Line { subscription, now, caused_by, before: 0 };
    Some(line.of(ChargeKind::Refund, description, (paid, Decimal::NEGATIVE_ONE, back), term))
}

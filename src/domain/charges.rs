//! The ledger lines of a subscription's life: the fee of a term, a trial, what a change costs for the rest of a term, and
//! what a cancellation gives back. Each line is rounded once, and says how it came about.

use super::{
    billing::{ChargeKind, LedgerLine},
    catalogue::Seats,
    event::{Seq, count},
    money::{Decimal, Money},
    rules::RefundWindow,
    subscription::Subscription,
    time::{Period, Term, TermUnit, Timestamp},
};

/// Cancelled within so many days of the purchase, everything but usage is given back (docs:subscription-api; quirk Q37).
const REFUND_DAYS: i32 = 3;

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
        LedgerLine { number, kind, description, unit_price, quantity, amount, period, at, caused_by }
    }
}

/// The charge for a term: flat fee or seats times price.
#[must_use]
pub fn term_fee(subscription: &Subscription, term: Term, now: Timestamp, caused_by: Vec<Seq>) -> LedgerLine {
    let quantity = subscription.quantity.map_or(1, u32::from);
    let (price, plan, unit) = (subscription.unit_price, &subscription.plan_name, &subscription.term_unit);
    let description = if subscription.quantity.is_some() {
        format!("{plan}, {} × {price} for one {unit} term", count(quantity, "seat"))
    } else {
        format!("{plan}, flat rate {price} for one {unit} term")
    };
    // The purchase or the change was refused if this product did not fit.
    let amount = price.times(quantity).unwrap_or(price);
    let line = Line { subscription, now, caused_by, before: 0 };
    line.of(ChargeKind::TermFee, description, (price, quantity.into(), amount), term)
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

/// What is left of a term, in days: the day of `now` and those after it, of all its days.
fn days_left(term: Term, now: Timestamp) -> (u32, u32) {
    let days = |from, to| Term { start: from, end: to }.days();
    (days(now.date().max(term.start), term.end), days(term.start, term.end))
}

/// What the rest of the running term costs more, or less, with another number of seats (docs:fulfillment-faq: fees are
/// prorated; that days are counted, the present one included, is inferred).
#[must_use]
pub fn seats_changed(
    subscription: &Subscription,
    term: Term,
    to: Seats,
    now: Timestamp,
    caused_by: Vec<Seq>,
) -> LedgerLine {
    let (left, all) = days_left(term, now);
    let price = subscription.unit_price;
    let (before, after) = (subscription.quantity.map_or(0, u32::from), to.get());
    let (difference, word) = (before.abs_diff(after), if after < before { "fewer" } else { "more" });
    let sign = if after < before { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
    let quantity = Decimal::from(difference) * sign;
    let description =
        format!("{}, {} {word} × {price} for {left} of {all} days", subscription.plan_name, count(difference, "seat"));
    let amount = prorated(price, quantity, left, all);
    let line = Line { subscription, now, caused_by, before: 0 };
    line.of(ChargeKind::Proration, description, (price, quantity, amount), Term { start: now.date(), ..term })
}

/// What the rest of the running term gives back of the old plan, and costs on the new one.
#[must_use]
pub fn plan_changed(
    subscription: &Subscription,
    term: Term,
    (plan_name, unit_price): (&str, Money),
    now: Timestamp,
    caused_by: &[Seq],
) -> [LedgerLine; 2] {
    let (left, all) = days_left(term, now);
    let seats = subscription.quantity.map_or(Decimal::ONE, |seats| Decimal::from(seats.get()));
    let what = |plan: &str, price: Money| match subscription.quantity {
        Some(seats) => format!("{plan}, {} × {price}", count(seats.get(), "seat")),
        None => format!("{plan}, flat rate {price}"),
    };
    let period = Term { start: now.date(), ..term };
    let line = |before| Line { subscription, now, caused_by: caused_by.to_vec(), before };
    let old = subscription.unit_price;
    let back = format!("{}: {left} of {all} days given back", what(&subscription.plan_name, old));
    let fee = format!("{}: {left} of {all} days", what(plan_name, unit_price));
    [
        line(0).of(ChargeKind::Proration, back, (old, -seats, prorated(old, -seats, left, all)), period),
        line(1).of(ChargeKind::Proration, fee, (unit_price, seats, prorated(unit_price, seats, left, all)), period),
    ]
}

fn prorated(price: Money, quantity: Decimal, left: u32, all: u32) -> Money {
    let share = quantity.checked_mul(left.into()).and_then(|days| days.checked_div(all.into()));
    share.and_then(|share| price.times(share)).unwrap_or_else(|| Money::zero(price.currency))
}

/// What a cancellation gives back: everything that was charged but usage, if it comes in time (docs:subscription-api);
/// nothing otherwise, and nothing where nothing was paid.
#[must_use]
pub fn refund(
    subscription: &Subscription,
    window: RefundWindow,
    now: Timestamp,
    caused_by: Vec<Seq>,
) -> Option<LedgerLine> {
    let paid = subscription.paid.filter(|paid| !paid.amount.is_zero())?;
    let (from, days, within) = match window {
        RefundWindow::ThreeDays => (subscription.created, REFUND_DAYS, "72 hours of the purchase"),
        RefundWindow::Older => {
            let activated = subscription.confirmations.activated?.at;
            if subscription.term_unit == TermUnit::P1M {
                (activated, 1, "24 hours of the activation")
            } else {
                (activated, 14, "14 days of the activation")
            }
        }
    };
    if now > from.plus(Period::days(days)) {
        return None;
    }
    let back = paid.times(Decimal::NEGATIVE_ONE)?;
    let term = subscription.state.term().or_else(|| subscription.billing.map(|billing| billing.term))?;
    let description = format!("{}, cancelled within {within}: {paid} given back in full", subscription.plan_name);
    let line = Line { subscription, now, caused_by, before: 0 };
    Some(line.of(ChargeKind::Refund, description, (paid, Decimal::NEGATIVE_ONE, back), term))
}

//! Invoices of a CSP partner: one for a calendar month and a currency, made of the ledger lines that were written in it.

use std::{fmt, str::FromStr};

use jiff::{ToSpan, civil::Date};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    billing::{ChargeKind, LedgerLine},
    ids::{CustomerId, OfferId, PartnerId, PlanId, SubscriptionId},
    money::{Currency, Decimal, Money},
    order::OrderPlace,
    partner::MpnId,
    product::BillingCycle,
    subscription::Subscription,
    time::{BadTime, Term, TermUnit, Timestamp},
};

/// The day of the following month on which an invoice is there (portal:csp-commercial-marketplace-billing).
const INVOICE_DAY: i8 = 8;

/// A calendar month, UTC: the period of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month(Date);

impl Month {
    /// The month of an instant.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self(at.date().first_of_month())
    }

    /// The days of the month.
    #[must_use]
    pub fn days(self) -> Term {
        Term { start: self.0, end: self.0.last_of_month() }
    }

    /// The month before.
    #[must_use]
    pub fn before(self) -> Self {
        Self(self.0.saturating_sub(1.month()))
    }

    /// When the invoice for it is there.
    #[must_use]
    pub fn invoiced_at(self) -> Timestamp {
        let next = self.0.saturating_add(1.month());
        Timestamp::midnight(next.with().day(INVOICE_DAY).build().unwrap_or(next))
    }
}

/// `2026-01`.
impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

impl FromStr for Month {
    type Err = BadTime;
    fn from_str(text: &str) -> Result<Self, BadTime> {
        let first = format!("{text}-01").parse::<Date>();
        first.map(Self).map_err(|_| BadTime { text: text.to_owned(), wanted: "a month such as 2026-01" })
    }
}

impl TryFrom<String> for Month {
    type Error = BadTime;
    fn try_from(text: String) -> Result<Self, BadTime> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

/// An invoice, or what is to become one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invoice {
    /// `G` and nine digits (docs:get-a-collection-of-invoices).
    pub id: String,
    /// The month.
    pub month: Month,
    /// The sum of its lines.
    pub total: Money,
    /// How many lines it has.
    pub lines: u64,
}

impl Invoice {
    /// An invoice without a line.
    #[must_use]
    pub fn empty(partner: &PartnerId, month: Month, currency: Currency) -> Self {
        let mut digest = Sha256::new();
        digest.update(format!("{partner} {month} {}", currency.code()));
        let [a, b, c, d, ..] = <[u8; 32]>::from(digest.finalize());
        let number = u32::from_be_bytes([a, b, c, d]) % 1_000_000_000;
        Self { id: format!("G{number:09}"), month, total: Money::zero(currency), lines: 0 }
    }

    /// The month in which a line counts: that of its use, if it is one of usage (A.9: `usageDate`), or that in which it was
    /// written. What is reported within its day comes before the invoice in any case.
    #[must_use]
    pub fn month_of(line: &InvoiceLine) -> Month {
        Month::of(line.used.unwrap_or(line.line.at))
    }

    /// With one line more.
    #[must_use]
    pub fn with(self, line: &LedgerLine) -> Self {
        let total = self.total.plus(line.amount).unwrap_or(self.total);
        Self { total, lines: self.lines.saturating_add(1), ..self }
    }

    /// Whether it is there, or its lines are still unbilled.
    #[must_use]
    pub fn is_issued(&self, now: Timestamp) -> bool {
        now >= self.month.invoiced_at()
    }
}

/// `chargeType` of a line (portal:recon-file-charge-types).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChargeType {
    /// A new purchase, and the first row of a trial.
    New,
    /// The next term, and the first paid one after a trial.
    Renew,
    /// A later payment within a term.
    CycleCharge,
    /// Both rows of an increase of seats.
    AddQuantity,
    /// Both rows of a decrease.
    RemoveQuantity,
    /// Both rows of another plan.
    Convert,
    /// A cancellation.
    CancelImmediate,
    /// The cancellation of a trial, for which nothing was paid.
    Cancel,
    /// Metered usage: a row of the daily usage, not of the licences.
    Usage,
}

impl ChargeType {
    /// What a ledger line of a subscription is, that has had so many lines before.
    #[must_use]
    pub fn of(line: &LedgerLine) -> Self {
        match line.kind {
            ChargeKind::FreeTrial => Self::New,
            // The first line of a subscription is its purchase; a fee after it is another term's.
            ChargeKind::TermFee if line.number == 1 => Self::New,
            ChargeKind::TermFee => Self::Renew,
            ChargeKind::CycleCharge => Self::CycleCharge,
            ChargeKind::AddQuantity => Self::AddQuantity,
            ChargeKind::RemoveQuantity => Self::RemoveQuantity,
            ChargeKind::Convert => Self::Convert,
            ChargeKind::Refund if line.amount.amount.is_zero() => Self::Cancel,
            ChargeKind::Refund => Self::CancelImmediate,
            ChargeKind::Usage => Self::Usage,
        }
    }

    /// The type as the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Renew => "renew",
            Self::CycleCharge => "cycleCharge",
            Self::AddQuantity => "addQuantity",
            Self::RemoveQuantity => "removeQuantity",
            Self::Convert => "convert",
            Self::CancelImmediate => "cancelImmediate",
            Self::Cancel => "cancel",
            Self::Usage => "usage",
        }
    }
}

/// A line of an invoice: a ledger line, with what the bill says of its subscription at that time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceLine {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// Its customer.
    pub customer: CustomerId,
    /// Its place among the orders.
    pub order: Option<OrderPlace>,
    /// When it was bought.
    pub ordered: Timestamp,
    /// The indirect reseller that it counted for.
    pub reseller: Option<MpnId>,
    /// Whether it had one that was taken away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reseller_removed: bool,
    /// When the usage was that it charges for; it may have been reported a day later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Timestamp>,
    /// The offer.
    pub offer: OfferId,
    /// The plan.
    pub plan: PlanId,
    /// The term.
    pub term_unit: TermUnit,
    /// How often it is billed.
    pub billing_cycle: BillingCycle,
    /// The dates of the term.
    pub term: Option<Term>,
    /// What is charged for.
    pub charge_type: ChargeType,
    /// The ledger line.
    pub line: LedgerLine,
}

impl InvoiceLine {
    /// The line of an invoice that a ledger line is; `None` if no partner pays for it. `before` is the subscription before the
    /// change that the line is charged for: what a change of plan gives back is of the plan that it had
    /// (portal:common-billing-scenarios-saas: Convert -20.00 Silver, Convert 10.00 Bronze). `used` is when the usage was, if it
    /// charges for usage.
    #[must_use]
    pub fn of(
        before: &Subscription,
        subscription: &Subscription,
        used: Option<Timestamp>,
        line: &LedgerLine,
    ) -> Option<(PartnerId, Self)> {
        let partner = subscription.partner.clone()?;
        let charge_type = ChargeType::of(line);
        let is_trial = line.kind == ChargeKind::FreeTrial || charge_type == ChargeType::Cancel;
        let is_given_back = line.kind == ChargeKind::Convert && line.quantity.is_sign_negative();
        let plan = if is_given_back { &before.plan } else { &subscription.plan };
        let every = subscription.payment.as_ref().unwrap_or(&subscription.term_unit);
        let billed = Self {
            subscription: subscription.id,
            customer: subscription.customer.clone(),
            order: subscription.order,
            ordered: subscription.created,
            reseller: subscription.reseller.clone(),
            reseller_removed: subscription.reseller_removed,
            used,
            offer: subscription.offer.clone(),
            plan: plan.clone(),
            term_unit: subscription.term_unit.clone(),
            billing_cycle: if is_trial { BillingCycle::None } else { BillingCycle::every(every) },
            term: if is_trial { Some(line.period) } else { subscription.state.term() },
            charge_type,
            line: billed_line(subscription, line),
        };
        Some((partner, billed))
    }
}

/// A line as the bill has it: what a cancellation gives back is that of so many seats at their price, not one of the sum
/// (portal:common-billing-scenarios-saas).
fn billed_line(subscription: &Subscription, line: &LedgerLine) -> LedgerLine {
    let mut line = line.clone();
    if line.kind == ChargeKind::Refund && !subscription.free_trial {
        let seats = subscription.quantity.map_or(1, u32::from);
        line.unit_price = subscription.unit_price;
        line.quantity = Decimal::from(seats) * Decimal::NEGATIVE_ONE;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_invoiced_on_the_eighth_of_the_next() {
        let table = [
            ("2026-01-31T23:59:59.999Z", "2026-01", "2026-02-08T00:00:00Z"),
            ("2026-02-01T00:00:00Z", "2026-02", "2026-03-08T00:00:00Z"),
            ("2026-12-15T12:00:00Z", "2026-12", "2027-01-08T00:00:00Z"),
        ];
        for (at, month, issued) in table {
            let found = Month::of(at.parse().unwrap());
            assert_eq!((found.to_string().as_str(), found.invoiced_at().to_string().as_str()), (month, issued));
            assert_eq!(month.parse(), Ok(found));
        }
        assert_eq!("2026-01".parse::<Month>().unwrap().before().to_string(), "2025-12");
        assert!("2026-13".parse::<Month>().is_err());
    }

    #[test]
    fn invoices_of_partners_months_and_currencies_have_numbers_of_their_own() {
        let invoice = |partner: &str, month: &str, currency| {
            Invoice::empty(&partner.parse().unwrap(), month.parse().unwrap(), currency).id
        };
        let one = invoice("proseware", "2026-01", Currency::USD);
        assert_eq!((one.len(), one.starts_with('G')), (10, true));
        for other in [
            invoice("litware", "2026-01", Currency::USD),
            invoice("proseware", "2026-02", Currency::USD),
            invoice("proseware", "2026-01", Currency::EUR),
        ] {
            assert_ne!(one, other);
        }
    }
}

//! What of the reported usage is charged: nothing until the quantity that a term includes is used up, then the rest.

use serde::{Deserialize, Serialize};

use super::super::{
    billing::{ChargeKind, LedgerLine},
    catalogue::Dimension,
    event::Seq,
    money::{Decimal, Money},
    rules::IncludedUsage,
    subscription::Subscription,
    time::{Term, Timestamp},
};

/// How much of a dimension has been used in a term since billing started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Units, the included ones among them.
    pub units: Decimal,
}

/// What one usage event does to a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Consumption {
    /// The term that it belongs to.
    pub(super) term: Term,
    /// The tally after it.
    pub(super) tally: Tally,
    /// How much of it is beyond what the term includes.
    overage: Decimal,
    /// What that costs.
    amount: Money,
    /// What the term includes.
    included: Decimal,
}

/// The billed term that an instant of usage lies in; `None` if billing had not started then.
pub(super) fn billed_term(subscription: &Subscription, effective: Timestamp) -> Option<Term> {
    let billing = subscription.billing.filter(|billing| effective >= billing.at)?;
    Some(billing.term.containing(effective, &subscription.term_unit))
}

impl Consumption {
    /// Adds usage to a term; `None` if the numbers become larger than a decimal holds.
    ///
    /// A line is rounded to the currency, so that the price of each event alone would lose fractions of a cent again and
    /// again. What is charged is therefore the price of all overage of the term less what was charged before.
    pub(super) fn of(
        quantity: Decimal,
        dimension: &Dimension,
        subscription: &Subscription,
        (term, before): (Term, Tally),
        rule: IncludedUsage,
    ) -> Option<Self> {
        let included = dimension.included.iter().find(|included| included.unit == subscription.term_unit);
        let included = match rule {
            IncludedUsage::Subtracted => included.map_or(Decimal::ZERO, |included| Decimal::from(included.quantity)),
            IncludedUsage::ChargedInFull => Decimal::ZERO,
        };
        let tally = Tally { units: before.units.checked_add(quantity)? };
        let beyond = |tally: Tally| tally.units.checked_sub(included).map(|rest| rest.max(Decimal::ZERO));
        let (overage_before, overage_after) = (beyond(before)?, beyond(tally)?);
        let price = dimension.price_per_unit;
        let amount = price.times(overage_after)?.minus(price.times(overage_before)?)?;
        Some(Self { term, tally, overage: overage_after.checked_sub(overage_before)?, amount, included })
    }

    /// The ledger line, if anything is beyond what the term includes.
    pub(super) fn line(
        &self,
        dimension: &Dimension,
        subscription: &Subscription,
        now: Timestamp,
        usage: Seq,
    ) -> Option<LedgerLine> {
        if self.overage.is_zero() {
            return None;
        }
        let overage = self.overage.normalize();
        let (plan, price) = (&subscription.plan_name, dimension.price_per_unit);
        let beyond = if self.included.is_zero() {
            String::new()
        } else {
            format!(" beyond the {} that a term of {} includes", self.included, subscription.term_unit.length())
        };
        Some(LedgerLine {
            number: subscription.ledger_lines.saturating_add(1),
            kind: ChargeKind::Usage,
            description: format!(
                "{plan}, {}: {overage}{beyond} × {price} {}",
                dimension.name, dimension.unit_of_measure
            ),
            dimension: Some(dimension.id.clone()),
            unit_price: price,
            quantity: overage,
            amount: self.amount,
            period: self.term,
            at: now,
            caused_by: vec![usage],
        })
    }
}

//! Facts in words, for people.

use super::{Event, count};
use crate::domain::operation::{Action, RequestSource};

impl Event {
    /// The fact as one sentence for a person.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::PurchaseCreated { partner, customer, offer, plan, quantity, term_unit, .. } => {
                let seats = quantity.map_or_else(String::new, |seats| format!(", {}", count(seats.get(), "seat")));
                let (buyer, whom) = partner.as_ref().map_or_else(
                    || (customer.to_string(), "itself".to_owned()),
                    |partner| (partner.to_string(), customer.to_string()),
                );
                let term = term_unit.length();
                format!("{buyer} bought {offer} / {plan}{seats}, a term of {term}, for {whom}. Nothing is billed yet.")
            }
            Self::CodeIssued { expires_at } => {
                format!("A personalized link with a fresh authorization code was made; it is valid until {expires_at}.")
            }
            Self::CodeExpired { issued_at } => {
                format!("The authorization code of {issued_at} has expired without an activation.")
            }
            Self::CodeRefused { fault } => format!("An authorization code was refused: {}.", fault.sentence()),
            Self::Resolved { status } => {
                format!("The publisher resolved the authorization code ({}).", status.as_str())
            }
            Self::LicensesAssigned { assigned, pool } => {
                format!("The publisher assigned {}; {pool} in the pool.", count(*assigned, "licence"))
            }
            Self::Activated { term } => {
                format!("The publisher activated the subscription; its term is {} to {}.", term.start, term.end)
            }
            Self::TrialUsed {} => {
                "The customer has begun a free trial of this plan with another purchase: this one is paid for from its start."
                    .to_owned()
            }
            Self::BillingStarted { at, .. } => {
                format!("Billing started at {at}: everything it waits for is confirmed.")
            }
            Self::Charged { line } if line.amount.amount.is_sign_negative() => {
                format!("Gave back {}: {}.", line.amount, line.description)
            }
            Self::Charged { line } => format!("Charged {}: {}.", line.amount, line.description),
            Self::PlanChanged { from, to, unit_price, .. } => {
                format!("The plan is {to} now, no longer {from}; a unit costs {unit_price}.")
            }
            Self::QuantityChanged { from, to } => {
                let before = from.map_or_else(String::new, |seats| format!(", no longer {}", seats.get()));
                format!("The subscription has {} now{before}.", count(to.get(), "seat"))
            }
            Self::Unsubscribed {} => "The subscription is cancelled; no further term is billed.".to_owned(),
            Self::UsageAccepted { dimension, quantity, effective_at, .. } => {
                format!("The publisher reported usage of {dimension}: {quantity} at {effective_at}.")
            }
            Self::OperationRequested { .. }
            | Self::OperationStarted { .. }
            | Self::OperationSucceeded { .. }
            | Self::OperationFailed { .. }
            | Self::OperationConflicted { .. } => self.of_an_operation(),
            Self::TermBegan { .. }
            | Self::PaymentDue { .. }
            | Self::Suspended { .. }
            | Self::Reinstated { .. }
            | Self::AutoRenewSet { .. }
            | Self::NicknameSet { .. }
            | Self::ResellerSet { .. }
            | Self::PaymentsSet { .. }
            | Self::ActivationRequested { .. }
            | Self::ActivationFailed {}
            | Self::ActivationSet { .. } => self.of_a_life(),
            Self::NotActivatedInTime {} => {
                "Nobody activated the purchase within 30 days: it is cancelled, and nothing was billed.".to_owned()
            }
        }
    }

    /// The same of what a partner has brought about in Partner Center, where that makes another sentence of it.
    #[must_use]
    pub fn sentence_of_partner(&self) -> String {
        match self {
            Self::Suspended { .. } => {
                "The partner suspended the subscription: it ends in 30 days unless it is active again.".to_owned()
            }
            _ => self.sentence(),
        }
    }

    /// A fact about an operation; nothing for any other.
    fn of_an_operation(&self) -> String {
        match self {
            Self::OperationRequested { action, source, plan, quantity, .. } => {
                let wish = match (action, quantity) {
                    (Action::ChangePlan, _) => format!("a change of plan to {plan}"),
                    (Action::ChangeQuantity, Some(seats)) => format!("a change to {}", count(seats.get(), "seat")),
                    (Action::ChangeQuantity, None) => "a change of seats".to_owned(),
                    (Action::Unsubscribe, _) => "the end of the subscription".to_owned(),
                    (Action::Renew | Action::Suspend | Action::Reinstate | Action::Subscribe, _) => {
                        return format!("{} is due.", action.words());
                    }
                };
                let who = match source {
                    RequestSource::Partner => "The publisher",
                    RequestSource::Azure => "The buyer",
                };
                format!("{who} asked for {wish}. Nothing has changed yet.")
            }
            Self::OperationStarted { action, .. } => format!("{} is in progress.", action.words()),
            Self::OperationSucceeded { action, .. } => format!("{} succeeded.", action.words()),
            Self::OperationFailed { action, how, .. } => {
                format!("{} was turned down by the publisher: {how}. The subscription stays as it was.", action.words())
            }
            Self::OperationConflicted { action, .. } => {
                format!("{} does not fit the subscription any more, and is given up.", action.words())
            }
            _ => String::new(),
        }
    }

    /// A fact about activation, terms and payments; nothing for any other.
    fn of_a_life(&self) -> String {
        match self {
            Self::TermBegan { term, after_trial: false } => {
                format!("The term from {} to {} began.", term.start, term.end)
            }
            Self::TermBegan { term, after_trial: true } => {
                format!("The trial is over; the first paid term, from {} to {}, began.", term.start, term.end)
            }
            Self::PaymentDue { period } => {
                format!("The payment for {} to {} is due.", period.start, period.end)
            }
            Self::Suspended { .. } => {
                "A payment failed: the subscription is suspended, and ends in 30 days unless it is paid.".to_owned()
            }
            Self::Reinstated { .. } => "It is paid for again: the subscription is active as before.".to_owned(),
            Self::NicknameSet { nickname } => format!("The partner calls it {nickname:?} now."),
            Self::ResellerSet { reseller: Some(reseller) } => {
                format!("It counts for the indirect reseller {reseller} now.")
            }
            Self::ResellerSet { reseller: None } => "It counts for no indirect reseller any more.".to_owned(),
            Self::AutoRenewSet { auto_renew: true } => "The subscription renews itself when its term ends.".to_owned(),
            Self::AutoRenewSet { auto_renew: false } => "The subscription ends with its term.".to_owned(),
            Self::PaymentsSet { fail: true } => "The next payment will fail.".to_owned(),
            Self::ActivationRequested { effective_at } => {
                format!("The publisher asked for the activation; it takes effect at {effective_at}.")
            }
            Self::ActivationFailed {} => "The activation failed on Microsoft's side.".to_owned(),
            Self::ActivationSet { fail: true } => "The activation will fail on Microsoft's side.".to_owned(),
            Self::ActivationSet { fail: false } => "The activation will work.".to_owned(),
            Self::PaymentsSet { fail: false } => "Payments work again.".to_owned(),
            _ => String::new(),
        }
    }
}

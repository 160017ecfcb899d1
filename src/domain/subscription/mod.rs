//! A SaaS subscription: what was bought, where it stands, and what billing still waits for.
//!
//! Start with [`Subscription`] and [`State`]; [`purchase`] makes one, [`decide`] is the one match over states and
//! commands, and [`Subscription::apply`] is the only way in which one changes.

mod decide;
mod purchase;
#[cfg(test)]
pub(in crate::domain) mod tests;
mod trial;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use decide::{Command, Context, Decision, TimerPlan, check_activation, decide};
pub use purchase::{Buyer, NAME_CHARACTERS, New, PurchaseOrder, check_quantity, purchase};
pub(super) use purchase::{MOST_SEATS, check_name, term_not_sold};
pub use trial::{keep_trial, waits_with_trial};

use super::{
    billing::{ChargeKind, LedgerLine},
    catalogue::{BillingWaitsFor, ConfirmationKind, Person, Seats},
    event::{Event, Seq},
    ids::{CustomerId, OfferId, OperationId, PartnerId, PlanId, PublisherId, SubscriptionId},
    money::Money,
    operation::Action,
    order::OrderPlace,
    partner::MpnId,
    purchase_token::AuthorizationCode,
    time::{Date, Term, TermUnit, Timestamp},
};

/// One purchase of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// Its id in every API.
    pub id: SubscriptionId,
    /// The name that the purchaser gave it.
    pub name: String,
    /// Whose offer it is.
    pub publisher: PublisherId,
    /// The offer.
    pub offer: OfferId,
    /// The plan.
    pub plan: PlanId,
    /// Display name of the plan at the time of purchase.
    pub plan_name: String,
    /// Seats; `None` for a flat rate.
    pub quantity: Option<Seats>,
    /// The billing term.
    pub term_unit: TermUnit,
    /// Flat fee or price of a seat for one payment, as agreed at purchase.
    pub unit_price: Money,
    /// How often the term is paid for; `None`: once, in advance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<TermUnit>,
    /// The last day that is paid for, where a term is paid for in parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_until: Option<Date>,
    /// Whether its first month is free.
    pub free_trial: bool,
    /// The CSP partner that bought it; `None` if the customer bought for itself.
    pub partner: Option<PartnerId>,
    /// The customer that it is for.
    pub customer: CustomerId,
    /// Whoever bought: the partner's person, or the customer's own.
    pub purchaser: Arc<Person>,
    /// The customer's person.
    pub beneficiary: Arc<Person>,
    /// When it was bought.
    pub created: Timestamp,
    /// The newest authorization code.
    pub code: AuthorizationCode,
    /// Where it stands.
    pub state: State,
    /// What the publisher has confirmed, and what billing waits for.
    pub confirmations: Confirmations,
    /// Since when it is billed.
    pub billing: Option<BillingStart>,
    /// Whether its next term follows by itself.
    #[serde(default = "yes")]
    pub auto_renew: bool,
    /// Whether the next payment fails.
    #[serde(default)]
    pub payment_fails: bool,
    /// What was charged and given back so far, usage aside; `None` before the first charge.
    #[serde(default)]
    pub paid: Option<Money>,
    /// Whether a CSP partner bought it in its integration sandbox.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub csp_sandbox: bool,
    /// Since when its activation has been under way, if it is (docs-new; quirk Q9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activating_since: Option<Timestamp>,
    /// Whether its activation fails on Microsoft's side.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub activation_fails: bool,
    /// Where it stands among the partner's orders; `None` if the customer bought for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderPlace>,
    /// The name that the partner has given it since (`friendlyName`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// The indirect reseller of record (`partnerId`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reseller: Option<MpnId>,
    /// Whether it had a reseller of record that was taken away: bills say so (portal:use-the-reconciliation-files).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reseller_removed: bool,
    /// How often it has become another one. A fresh authorization code alone makes it none.
    #[serde(default)]
    pub edition: u64,
    /// How many ledger lines it has.
    pub ledger_lines: u32,
    /// The timer that cancels it if nobody activates it.
    pub activation_deadline: Timestamp,
    /// The operations on it that have not ended: one change at the most, and one cancellation.
    #[serde(default)]
    pub outstanding: Vec<Outstanding>,
}

/// An operation that has not ended. While there is one, the plan and the quantity are locked (emulator-code; quirk Q36).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outstanding {
    /// Which one.
    pub operation: OperationId,
    /// What it does.
    pub action: Action,
}

/// Where a subscription stands, with what is true only there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum State {
    /// Bought; the publisher has not activated it.
    Pending,
    /// Activated.
    Subscribed {
        /// The running term.
        term: Term,
    },
    /// Not paid for: nobody may use it, and nothing is deleted (docs:life-cycle).
    Suspended {
        /// The term that it was in.
        term: Term,
        /// Since when.
        since: Timestamp,
    },
    /// Over for good.
    Unsubscribed {
        /// The last term, kept for ever (13 of 13 recorded rows); `None` if it never began.
        term: Option<Term>,
        /// Since when.
        since: Timestamp,
    },
}

/// `saasSubscriptionStatus` of the fulfillment API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Status {
    /// Bought, not activated.
    PendingFulfillmentStart,
    /// Active.
    Subscribed,
    /// Not paid for.
    Suspended,
    /// Cancelled.
    Unsubscribed,
}

impl Status {
    /// The status as the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PendingFulfillmentStart => "PendingFulfillmentStart",
            Self::Subscribed => "Subscribed",
            Self::Suspended => "Suspended",
            Self::Unsubscribed => "Unsubscribed",
        }
    }
}

impl State {
    /// The status that the API shows.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::Pending => Status::PendingFulfillmentStart,
            Self::Subscribed { .. } => Status::Subscribed,
            Self::Suspended { .. } => Status::Suspended,
            Self::Unsubscribed { .. } => Status::Unsubscribed,
        }
    }

    /// The running or last term.
    #[must_use]
    pub const fn term(&self) -> Option<Term> {
        match self {
            Self::Pending => None,
            Self::Subscribed { term } | Self::Suspended { term, .. } => Some(*term),
            Self::Unsubscribed { term, .. } => *term,
        }
    }
}

/// What the publisher has confirmed, against what billing waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Confirmations {
    /// What has to be there before billing starts.
    pub waits_for: BillingWaitsFor,
    /// Licences assigned.
    pub licenses_assigned: Option<LicenseConfirmation>,
    /// Activated.
    pub activated: Option<Confirmation>,
}

/// That something was confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Confirmation {
    /// When.
    pub at: Timestamp,
    /// The journal entry that says so.
    pub entry: Seq,
}

/// That licences were assigned, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LicenseConfirmation {
    /// When, and where the journal says so.
    #[serde(flatten)]
    pub confirmation: Confirmation,
    /// Seats with named users.
    pub assigned: u32,
    /// Seats in the pool.
    pub pool: u32,
}

impl Confirmations {
    /// The confirmation of a kind, if it has come.
    #[must_use]
    pub fn of(&self, kind: ConfirmationKind) -> Option<Confirmation> {
        match kind {
            ConfirmationKind::LicensesAssigned => self.licenses_assigned.map(|licenses| licenses.confirmation),
            ConfirmationKind::Activated => self.activated,
        }
    }

    /// What billing still waits for.
    #[must_use]
    pub fn missing(&self) -> Vec<ConfirmationKind> {
        self.waits_for.iter().filter(|&kind| self.of(kind).is_none()).collect()
    }

    /// When the last of the confirmations that billing waits for came; `None` while one is missing.
    #[must_use]
    pub fn complete_since(&self) -> Option<Timestamp> {
        self.waits_for.iter().map(|kind| self.of(kind).map(|confirmed| confirmed.at)).try_fold(None, |latest, at| {
            let at = at?;
            Some(Some(latest.map_or(at, |latest: Timestamp| latest.max(at))))
        })?
    }
}

/// That billing has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BillingStart {
    /// The later of the confirmations.
    pub at: Timestamp,
    /// The term that was billed first.
    pub term: Term,
}

/// What the publisher may do on the customer's behalf: `allowedCustomerOperations`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomerOperation {
    /// Cancel.
    Delete,
    /// Look at it.
    Read,
    /// Change plan or quantity.
    Update,
}

impl CustomerOperation {
    /// The operation as the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "Delete",
            Self::Read => "Read",
            Self::Update => "Update",
        }
    }
}

/// What nobody has said otherwise.
const fn yes() -> bool {
    true
}

impl Subscription {
    /// Whether it differs from another state of it at most in the code: whoever asks for a link again has changed nothing, and
    /// nobody's edition of it is older for that.
    #[must_use]
    pub fn is_same_but_for_its_code(&self, other: &Self) -> bool {
        if self.code == other.code { self == other } else { *self == Self { code: self.code.clone(), ..other.clone() } }
    }

    /// When its term ends and the next one would start: the end of a trial is one too, a month after it began
    /// (docs:plans-pricing). `None` while it is not billed.
    #[must_use]
    pub fn next_term_at(&self) -> Option<Timestamp> {
        let billing = self.billing?;
        if self.free_trial {
            return Some(Term::starting(billing.at, &TermUnit::P1M).next_start());
        }
        Some(self.state.term().unwrap_or(billing.term).next_start())
    }

    /// When the next part of the running term is to be paid; `None` if it is paid for, or over.
    #[must_use]
    pub fn next_payment_at(&self) -> Option<Timestamp> {
        let (State::Subscribed { term } | State::Suspended { term, .. }) = self.state else { return None };
        let paid_until = self.paid_until?;
        let next = Term { start: paid_until, end: paid_until }.next_start();
        (self.payment.is_some() && next < term.next_start()).then_some(next)
    }

    /// The part of a term that one payment is for, at an instant within it: all of it if it is paid for at once. Parts are
    /// counted from the first term, as terms are.
    #[must_use]
    pub fn payment_period(&self, term: Term, at: Timestamp) -> Term {
        let Some(unit) = &self.payment else { return term };
        let first = self.billing.filter(|_| !self.free_trial).map_or(term, |billing| billing.term);
        Term::starting(Timestamp::midnight(first.start), unit).containing(at, unit)
    }

    /// What its partner calls it.
    #[must_use]
    pub fn friendly_name(&self) -> &str {
        self.nickname.as_ref().unwrap_or(&self.name)
    }

    /// What the publisher may do on the customer's behalf: with what a CSP bought, only read it (docs:subscription-new);
    /// with everything else, all of it, in the order of 2024 (recorded; quirk Q43).
    #[must_use]
    pub const fn allowed_customer_operations(&self) -> &'static [CustomerOperation] {
        match self.partner {
            Some(_) => &[CustomerOperation::Read],
            None => &[CustomerOperation::Delete, CustomerOperation::Read, CustomerOperation::Update],
        }
    }

    fn note_charge(&mut self, line: &LedgerLine) {
        self.ledger_lines = line.number;
        if self.payment.is_some() && matches!(line.kind, ChargeKind::TermFee | ChargeKind::CycleCharge) {
            self.paid_until = Some(line.period.end);
        }
        if line.kind != ChargeKind::Usage {
            let before = self.paid.unwrap_or_else(|| Money::zero(line.amount.currency));
            self.paid = before.plus(line.amount);
        }
    }

    /// The subscription after a fact. Facts that concern only the journal change nothing.
    #[must_use]
    pub fn apply(mut self, event: &Event, at: Timestamp, entry: Seq) -> Self {
        let confirmation = Confirmation { at, entry };
        match event {
            Event::LicensesAssigned { assigned, pool } => {
                self.confirmations.licenses_assigned =
                    Some(LicenseConfirmation { confirmation, assigned: *assigned, pool: *pool });
            }
            Event::ActivationRequested { .. } => self.activating_since = Some(at),
            Event::ActivationFailed {} => self.activating_since = None,
            Event::ActivationSet { fail } => self.activation_fails = *fail,
            Event::Activated { term } => {
                self.activating_since = None;
                self.confirmations.activated = Some(confirmation);
                self.state = State::Subscribed { term: *term };
            }
            Event::TrialUsed {} => self.free_trial = false,
            Event::BillingStarted { at, term, .. } => {
                self.billing = Some(BillingStart { at: *at, term: *term });
                // A term never begins before it is paid for: the dates move with the later confirmation, also of one that is
                // suspended meanwhile. Otherwise the next term would be the one that was charged already.
                if let State::Subscribed { term: running } | State::Suspended { term: running, .. } = &mut self.state {
                    *running = *term;
                }
            }
            Event::Charged { line } => self.note_charge(line),
            Event::TermBegan { term, after_trial } => {
                if let Some(billing) = self.billing.as_mut().filter(|_| *after_trial) {
                    billing.term = *term;
                }
                self.free_trial = false;
                self.state = State::Subscribed { term: *term };
            }
            Event::Suspended { term } => self.state = State::Suspended { term: *term, since: at },
            Event::Reinstated { term } => {
                self.state = State::Subscribed { term: *term };
                self.payment_fails = false;
            }
            Event::NicknameSet { nickname } => self.nickname = Some(nickname.clone()),
            Event::ResellerSet { reseller } => {
                self.reseller_removed = reseller.is_none();
                self.reseller.clone_from(reseller);
            }
            Event::AutoRenewSet { auto_renew } => self.auto_renew = *auto_renew,
            Event::PaymentsSet { fail } => self.payment_fails = *fail,
            Event::NotActivatedInTime {} => {
                self.state = State::Unsubscribed { term: None, since: at };
            }
            Event::OperationRequested { operation, action, .. } => {
                self.outstanding.push(Outstanding { operation: *operation, action: *action });
            }
            Event::OperationSucceeded { operation, .. }
            | Event::OperationFailed { operation, .. }
            | Event::OperationConflicted { operation, .. } => {
                self.outstanding.retain(|outstanding| outstanding.operation != *operation);
            }
            Event::PlanChanged { to, plan_name, unit_price, free_trial, .. } => {
                self.plan = to.clone();
                self.plan_name.clone_from(plan_name);
                self.unit_price = *unit_price;
                self.free_trial = *free_trial;
            }
            Event::QuantityChanged { to, .. } => self.quantity = Some(*to),
            // Plan, quantity and term stay (13 of 13 recorded rows; quirks Q15 and Q39).
            Event::Unsubscribed {} => self.state = State::Unsubscribed { term: self.state.term(), since: at },
            Event::PaymentDue { .. }
            | Event::OperationStarted { .. }
            | Event::PurchaseCreated { .. }
            | Event::CodeIssued { .. }
            | Event::CodeExpired { .. }
            | Event::CodeRefused { .. }
            | Event::Resolved { .. }
            | Event::UsageAccepted { .. } => {}
        }
        self
    }
}

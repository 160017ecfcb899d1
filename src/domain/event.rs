//! What happened to a purchase: the facts that rules produce, states are built from and the journal shows.

use serde::{Deserialize, Serialize};

use super::{
    billing::LedgerLine,
    catalogue::Seats,
    ids::{CustomerId, DimensionId, OfferId, OperationId, PartnerId, PlanId, SubscriptionId, UsageEventId},
    money::{Decimal, Money},
    operation::{Action, RequestSource},
    purchase_token::CodeFault,
    subscription::Status,
    time::{Term, TermUnit, Timestamp},
};

/// The place of an entry in its sandbox's journal: 1 for the first, without gaps; 0 stands before all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl std::fmt::Display for Seq {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A fact about one purchase. Facts are never taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// A plan was bought for a customer. Nothing is billed yet.
    PurchaseCreated {
        /// The subscription that came to be.
        subscription: SubscriptionId,
        /// The partner that bought; `None` if the customer bought for itself.
        partner: Option<PartnerId>,
        /// For whom.
        customer: CustomerId,
        /// What.
        offer: OfferId,
        /// Which plan of it.
        plan: PlanId,
        /// How many seats; `None` for a flat rate.
        quantity: Option<Seats>,
        /// For which term.
        term_unit: TermUnit,
    },
    /// A personalized link with a fresh authorization code was made.
    CodeIssued {
        /// Until when the code resolves.
        expires_at: Timestamp,
    },
    /// A code's 24 hours are over, and the purchase still waits for its publisher.
    CodeExpired {
        /// When the code had been issued.
        issued_at: Timestamp,
    },
    /// A publisher showed a code that does not resolve.
    CodeRefused {
        /// What is wrong with it: the API does not say, the journal does.
        fault: CodeFault,
    },
    /// The publisher resolved a code.
    Resolved {
        /// The status that it was told.
        status: Status,
    },
    /// The publisher reported that licences are assigned: the first confirmation.
    LicensesAssigned {
        /// Seats that went to named users.
        assigned: u32,
        /// Seats that wait in a pool.
        pool: u32,
    },
    /// The publisher activated the subscription: the second confirmation.
    Activated {
        /// The term that began.
        term: Term,
    },
    /// Everything that billing waits for is confirmed.
    BillingStarted {
        /// The later of the confirmations.
        at: Timestamp,
        /// The term that is billed first.
        term: Term,
        /// The journal entries of the confirmations.
        confirmed_by: Vec<Seq>,
    },
    /// A line was written to the ledger.
    Charged {
        /// The line.
        line: LedgerLine,
    },
    /// A change or a cancellation was asked for. Nothing has changed yet.
    OperationRequested {
        /// The operation that came to be.
        operation: OperationId,
        /// What it does.
        action: Action,
        /// Who asked.
        source: RequestSource,
        /// The plan that the subscription shall have.
        plan: PlanId,
        /// The seats that it shall have; `None` on a flat rate.
        quantity: Option<Seats>,
    },
    /// An operation is under way.
    OperationStarted {
        /// Which one.
        operation: OperationId,
        /// What it does.
        action: Action,
    },
    /// An operation has done what it was for.
    OperationSucceeded {
        /// Which one.
        operation: OperationId,
        /// What it was to do.
        action: Action,
    },
    /// An operation was turned down; the subscription stays as it was.
    OperationFailed {
        /// Which one.
        operation: OperationId,
        /// What it was to do.
        action: Action,
    },
    /// The subscription has become another one meanwhile, and the operation does not fit it any more.
    OperationConflicted {
        /// Which one.
        operation: OperationId,
        /// What it was to do.
        action: Action,
    },
    /// The subscription has another plan.
    PlanChanged {
        /// The plan until now.
        from: PlanId,
        /// The plan from now on.
        to: PlanId,
        /// Its name.
        plan_name: String,
        /// What it costs for one term: flat, or for a seat.
        unit_price: Money,
        /// Whether a free trial goes on.
        free_trial: bool,
    },
    /// The subscription has another number of seats.
    QuantityChanged {
        /// Seats until now.
        from: Option<Seats>,
        /// Seats from now on.
        to: Seats,
    },
    /// The subscription is over: nothing is billed any more.
    Unsubscribed {},
    /// The publisher reported usage of a dimension, and it was accepted.
    UsageAccepted {
        /// The event.
        usage_event: UsageEventId,
        /// What was used.
        dimension: DimensionId,
        /// How much of it.
        quantity: Decimal,
        /// When.
        effective_at: Timestamp,
    },
    /// 30 days passed without activation: the purchase is cancelled, nothing was billed.
    NotActivatedInTime {},
}

impl Event {
    /// The name of the kind of fact, as the journal and scenarios spell it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::PurchaseCreated { .. } => "purchaseCreated",
            Self::CodeIssued { .. } => "codeIssued",
            Self::CodeExpired { .. } => "codeExpired",
            Self::CodeRefused { .. } => "codeRefused",
            Self::Resolved { .. } => "resolved",
            Self::LicensesAssigned { .. } => "licensesAssigned",
            Self::Activated { .. } => "activated",
            Self::BillingStarted { .. } => "billingStarted",
            Self::Charged { .. } => "charged",
            Self::OperationRequested { .. } => "operationRequested",
            Self::OperationStarted { .. } => "operationStarted",
            Self::OperationSucceeded { .. } => "operationSucceeded",
            Self::OperationFailed { .. } => "operationFailed",
            Self::OperationConflicted { .. } => "operationConflicted",
            Self::PlanChanged { .. } => "planChanged",
            Self::QuantityChanged { .. } => "quantityChanged",
            Self::Unsubscribed {} => "unsubscribed",
            Self::UsageAccepted { .. } => "usageAccepted",
            Self::NotActivatedInTime {} => "notActivatedInTime",
        }
    }

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
                format!("{buyer} bought {offer} / {plan}{seats}, {term_unit}, for {whom}. Nothing is billed yet.")
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
            Self::BillingStarted { at, .. } => {
                format!("Billing started at {at}: everything it waits for is confirmed.")
            }
            Self::Charged { line } => format!("Charged {}: {}.", line.amount, line.description),
            Self::OperationRequested { action, source, plan, quantity, .. } => {
                let wish = match (action, quantity) {
                    (Action::ChangePlan, _) => format!("a change of plan to {plan}"),
                    (Action::ChangeQuantity, Some(seats)) => format!("a change to {}", count(seats.get(), "seat")),
                    (Action::ChangeQuantity, None) => "a change of seats".to_owned(),
                    (Action::Unsubscribe, _) => "the end of the subscription".to_owned(),
                };
                let who = match source {
                    RequestSource::Partner => "The publisher",
                    RequestSource::Azure => "The buyer",
                };
                format!("{who} asked for {wish}. Nothing has changed yet.")
            }
            Self::OperationStarted { action, .. } => format!("{} is in progress.", action.words()),
            Self::OperationSucceeded { action, .. } => format!("{} succeeded.", action.words()),
            Self::OperationFailed { action, .. } => {
                format!("{} was turned down; the subscription stays as it was.", action.words())
            }
            Self::OperationConflicted { action, .. } => {
                format!("{} does not fit the subscription any more, and is given up.", action.words())
            }
            Self::PlanChanged { from, to, unit_price, .. } => {
                format!("The plan is {to} now, no longer {from}; a unit costs {unit_price} for one term.")
            }
            Self::QuantityChanged { from, to } => {
                let before = from.map_or_else(String::new, |seats| format!(", no longer {}", seats.get()));
                format!("The subscription has {} now{before}.", count(to.get(), "seat"))
            }
            Self::Unsubscribed {} => "The subscription is cancelled; nothing is billed any more.".to_owned(),
            Self::UsageAccepted { dimension, quantity, effective_at, .. } => {
                format!("The publisher reported usage of {dimension}: {quantity} at {effective_at}.")
            }
            Self::NotActivatedInTime {} => {
                "Nobody activated the purchase within 30 days: it is cancelled, and nothing was billed.".to_owned()
            }
        }
    }
}

/// `1 seat`, `5 seats`.
#[must_use]
pub fn count(number: u32, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

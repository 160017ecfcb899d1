//! What happened to a purchase: the facts that rules produce, states are built from and the journal shows.

use serde::{Deserialize, Serialize};

use super::{
    billing::LedgerLine,
    catalogue::Seats,
    ids::{CustomerId, DimensionId, OfferId, PartnerId, PlanId, SubscriptionId, UsageEventId},
    money::Decimal,
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
    /// A partner bought a plan for a customer. Nothing is billed yet.
    PurchaseCreated {
        /// The subscription that came to be.
        subscription: SubscriptionId,
        /// Who bought.
        partner: PartnerId,
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
                format!("{partner} bought {offer} / {plan}{seats}, {term_unit}, for {customer}. Nothing is billed yet.")
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

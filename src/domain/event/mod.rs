//! What happened to a purchase: the facts that rules produce, states are built from and the journal shows.

mod sentence;

use serde::{Deserialize, Serialize};

use super::{
    billing::LedgerLine,
    catalogue::Seats,
    ids::{CustomerId, DimensionId, OfferId, OperationId, PartnerId, PlanId, SubscriptionId, UsageEventId},
    money::{Decimal, Money},
    operation::{Action, RequestSource, TurnedDown},
    partner::MpnId,
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
    /// The publisher asked for the activation, which takes its time.
    ActivationRequested {
        /// When it takes effect.
        effective_at: Timestamp,
    },
    /// The activation failed on Microsoft's side.
    ActivationFailed {},
    /// Whoever steers the simulation said how the activation goes.
    ActivationSet {
        /// Whether it fails.
        fail: bool,
    },
    /// The publisher activated the subscription: the second confirmation.
    Activated {
        /// The term that began.
        term: Term,
    },
    /// The customer has begun a free trial of the plan with another purchase: this one has none.
    TrialUsed {},
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
        /// How the publisher has said no.
        how: TurnedDown,
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
    /// The subscription is over: no further term is billed.
    Unsubscribed {},
    /// A paid term began: the next one, or the first after a trial.
    TermBegan {
        /// The term.
        term: Term,
        /// Whether a trial ended with it.
        after_trial: bool,
    },
    /// A later part of a term that is paid for in parts is to be paid.
    PaymentDue {
        /// The part.
        period: Term,
    },
    /// A payment failed: the subscription is suspended until it is paid, for 30 days at the most.
    Suspended {
        /// The term that it was in.
        term: Term,
    },
    /// It is paid for again: the subscription is active as before.
    Reinstated {
        /// The term that it was in.
        term: Term,
    },
    /// The partner gave it another name.
    NicknameSet {
        /// The name.
        nickname: String,
    },
    /// The partner said which indirect reseller it counts for.
    ResellerSet {
        /// Which one; `None` for none any more.
        reseller: Option<MpnId>,
    },
    /// Whoever bought it said what shall happen when its term ends.
    AutoRenewSet {
        /// Whether it goes on.
        auto_renew: bool,
    },
    /// Whoever steers the simulation said how the next payment goes.
    PaymentsSet {
        /// Whether it fails.
        fail: bool,
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
            Self::ActivationRequested { .. } => "activationRequested",
            Self::ActivationFailed {} => "activationFailed",
            Self::ActivationSet { .. } => "activationSet",
            Self::Activated { .. } => "activated",
            Self::TrialUsed {} => "trialUsed",
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
            Self::TermBegan { .. } => "termBegan",
            Self::PaymentDue { .. } => "paymentDue",
            Self::Suspended { .. } => "suspended",
            Self::Reinstated { .. } => "reinstated",
            Self::NicknameSet { .. } => "nicknameSet",
            Self::ResellerSet { .. } => "resellerSet",
            Self::AutoRenewSet { .. } => "autoRenewSet",
            Self::PaymentsSet { .. } => "paymentsSet",
            Self::UsageAccepted { .. } => "usageAccepted",
            Self::NotActivatedInTime {} => "notActivatedInTime",
        }
    }
}

/// `1 seat`, `5 seats`.
#[must_use]
pub fn count(number: u32, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

//! Purchases and subscriptions as the simulator shows them: more than any API of the real marketplace tells.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A purchase for a customer: by its CSP partner, or by the customer itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PurchaseRequest {
    /// The customer.
    #[schema(example = "northwind")]
    pub customer: String,
    /// The offer.
    #[schema(example = "contoso-crm")]
    pub offer: String,
    /// The plan.
    #[schema(example = "team")]
    pub plan: String,
    /// The term; the plan's first if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "P1M")]
    pub term_unit: Option<String>,
    /// Seats; only on per-user plans, and needed there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 5)]
    pub quantity: Option<u32>,
    /// The partner; the customer's own if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<String>,
    /// Whether the customer buys for itself, without a partner: purchaser and beneficiary are the same person, and the
    /// publisher may change and cancel on its behalf.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub direct: bool,
    /// A name for the subscription; the offer's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The way to the publisher: link and code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkView {
    /// The personalized link: the landing page with the code as its `token`, percent-encoded.
    pub personalized_link: String,
    /// The authorization code, as it has to reach Resolve.
    pub authorization_code: String,
    /// When it was issued, in sandbox time.
    pub issued_at: String,
    /// Until when it resolves.
    pub expires_at: String,
    /// Whether that is already over.
    pub expired: bool,
}

/// A subscription, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `PendingFulfillmentStart`, `Subscribed`, `Suspended` or `Unsubscribed`.
    pub status: String,
    /// The publisher.
    pub publisher: String,
    /// The offer.
    pub offer: String,
    /// The plan.
    pub plan: String,
    /// The plan's display name.
    pub plan_name: String,
    /// Seats; absent for a flat rate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quantity: Option<u32>,
    /// The term unit.
    pub term_unit: String,
    /// The running or last term; absent before activation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub term: Option<PeriodView>,
    /// Flat fee or price of a seat, for one payment.
    pub unit_price: MoneyView,
    /// How often a term is paid for; absent if it is paid for once, in advance.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payment: Option<String>,
    /// When the next part of the running term is to be paid.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_payment: Option<String>,
    /// Whether its first month is free.
    pub free_trial: bool,
    /// Whether its next term follows by itself.
    pub auto_renew: bool,
    /// Whether the next payment is going to fail.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub payment_fails: bool,
    /// The partner that bought it; absent if the customer bought for itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub partner: Option<String>,
    /// E-mail of whoever bought it.
    pub purchaser: String,
    /// The customer that it is for.
    pub customer: String,
    /// E-mail of the customer's person.
    pub beneficiary: String,
    /// When it was bought.
    pub created: String,
    /// By when it has to be activated; it is cancelled otherwise.
    pub activation_deadline: String,
    /// The newest link and code.
    pub link: LinkView,
    /// Both confirmations, whether billing waits for them or not.
    pub confirmations: Vec<ConfirmationView>,
    /// Whether it is billed, or what that still needs.
    pub billing: BillingView,
    /// The ledger.
    pub ledger: Vec<LedgerLineView>,
}

/// What shall happen when a term ends; what is left out stays as it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RenewalRequest {
    /// Whether the next term follows by itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub auto_renew: Option<bool>,
    /// Whether the payment for it fails, which suspends the subscription.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payment_fails: Option<bool>,
}

/// How an activation goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ActivationRequest {
    /// Whether it fails on Microsoft's side: *Activate* is answered with success, and then the subscription ends.
    pub fails: bool,
}

/// One of the two confirmations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfirmationView {
    /// `licensesAssigned` or `activated`.
    pub kind: String,
    /// Whether billing waits for it.
    pub required: bool,
    /// When it came; absent while it is missing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at: Option<String>,
    /// The journal entry that says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub entry: Option<u64>,
    /// Licences of named users, on `licensesAssigned`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub assigned: Option<u32>,
    /// Licences in the pool, on `licensesAssigned`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pool: Option<u32>,
}

/// Whether a subscription is billed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BillingView {
    /// Whether billing has started.
    pub started: bool,
    /// Since when; absent while it has not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<String>,
    /// What is missing; empty once billing has started, and when the purchase was cancelled before.
    pub missing: Vec<MissingConfirmation>,
}

/// A confirmation that billing waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MissingConfirmation {
    /// `licensesAssigned` or `activated`.
    pub kind: String,
    /// Since when it is missing: since the purchase.
    pub since: String,
    /// What would bring it, in one sentence.
    pub remedy: String,
}

/// A ledger line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerLineView {
    /// Its number, from 1.
    pub number: u32,
    /// `termFee`, `cycleCharge`, `freeTrial`, `addQuantity`, `removeQuantity`, `convert`, `refund` or `usage`.
    pub kind: String,
    /// The formula in words.
    pub description: String,
    /// Price of one unit.
    pub unit_price: MoneyView,
    /// Units, a decimal as text: seats, 1 for a flat rate, or what was used beyond the included quantity.
    #[schema(example = "5")]
    pub quantity: String,
    /// The charge.
    pub amount: MoneyView,
    /// The days it pays for.
    pub period: PeriodView,
    /// When it was written.
    pub at: String,
    /// The journal entries that caused it.
    pub caused_by: Vec<u64>,
}

/// An amount: a decimal as text, so that no reader turns it into a float unawares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MoneyView {
    /// The amount.
    #[schema(example = "100.00")]
    pub amount: String,
    /// ISO 4217.
    #[schema(example = "USD")]
    pub currency: String,
}

/// Days, both included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PeriodView {
    /// First day.
    #[schema(example = "2026-01-01")]
    pub start: String,
    /// Last day.
    #[schema(example = "2026-01-31")]
    pub end: String,
}

/// A subscription in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionSummary {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: String,
    /// The offer.
    pub offer: String,
    /// The plan.
    pub plan: String,
    /// Seats; absent for a flat rate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quantity: Option<u32>,
    /// The customer.
    pub customer: String,
    /// When it was bought.
    pub created: String,
    /// Whether it is billed.
    pub billing: BillingView,
}

/// A page of subscriptions, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionPage {
    /// The subscriptions.
    pub subscriptions: Vec<SubscriptionSummary>,
    /// The query that gets the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
}

/// A publisher's report that licences are assigned: the first of the two confirmations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LicenseReport {
    /// Licences that went to named users; the rest of what was bought waits in a pool.
    #[schema(example = 3)]
    pub assigned: u32,
}

//! What Partner Center's activity log remembers: who did what for which customer, and how it ended
//! (docs:get-a-record-of-partner-center-activity-by-user).

use serde::{Deserialize, Serialize};

use super::{
    customer::Customer,
    ids::{CustomerId, OfferId, PartnerId, PlanId, SubscriptionId},
    invoice::{Invoice, Month},
    money::Currency,
    order::{Order, OrderId},
    partner::MpnId,
    subscription::{Status, Subscription},
    time::Timestamp,
};

/// Who acts for a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// The person's name of sign-in; `None` if an app acts for itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user_principal_name: Option<String>,
    /// The app.
    pub application_id: String,
    /// The id by which the caller finds its call again.
    pub correlation_id: String,
}

/// An entry of the activity log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord {
    /// Its number in the sandbox: its place among those of the same instant.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Whose log it is in.
    pub partner: PartnerId,
    /// The customer that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer: Option<CustomerId>,
    /// Who acted; `None` for what the publisher, the marketplace or time has done.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<Actor>,
    /// How it ended.
    pub status: AuditStatus,
    /// What was done.
    pub what: Audited,
}

/// A record, with what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRecord {
    /// The record.
    pub record: AuditRecord,
    /// Its customer, who may have been removed since.
    pub customer: Option<Customer>,
    /// Its order.
    pub order: Option<Order>,
    /// Its invoice.
    pub invoice: Option<Invoice>,
}

/// `operationStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AuditStatus {
    /// It was done.
    Succeeded,
    /// The publisher has refused it.
    Failed,
    /// The publisher is asked.
    Progress,
}

impl AuditStatus {
    /// The status as the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Progress => "progress",
        }
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Audited {
    /// A customer was made.
    CustomerAdded,
    /// A customer was removed.
    CustomerDeleted,
    /// A customer's acceptance of the Microsoft Customer Agreement was noted.
    AgreementCreated,
    /// An order was placed.
    OrderCreated {
        /// Which one.
        order: OrderId,
    },
    /// A subscription has changed, or is to.
    SubscriptionUpdated {
        /// Which one.
        subscription: SubscriptionId,
        /// As it was.
        before: SubscriptionFacts,
        /// As it is, or is to be.
        after: SubscriptionFacts,
    },
    /// An invoice is there.
    InvoiceReady {
        /// Its month.
        month: Month,
        /// Its currency.
        currency: Currency,
    },
}

impl Audited {
    /// `operationType` (docs:auditing-resources).
    #[must_use]
    pub const fn operation_type(&self) -> &'static str {
        match self {
            Self::CustomerAdded => "add_customer",
            Self::CustomerDeleted => "delete_customer",
            Self::AgreementCreated => "create_agreement",
            Self::OrderCreated { .. } => "create_order",
            Self::SubscriptionUpdated { .. } => "update_subscription",
            Self::InvoiceReady { .. } => "ready_invoice",
        }
    }

    /// `resourceType`.
    #[must_use]
    pub const fn resource_type(&self) -> ResourceType {
        match self {
            Self::CustomerAdded | Self::CustomerDeleted => ResourceType::Customer,
            Self::AgreementCreated => ResourceType::Agreement,
            Self::OrderCreated { .. } => ResourceType::Order,
            Self::SubscriptionUpdated { .. } => ResourceType::Subscription,
            Self::InvoiceReady { .. } => ResourceType::Invoice,
        }
    }
}

/// `resourceType` (docs:auditing-resources).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceType {
    /// A customer.
    Customer,
    /// An agreement of a customer.
    Agreement,
    /// An order.
    Order,
    /// A subscription.
    Subscription,
    /// An invoice.
    Invoice,
}

impl ResourceType {
    const ALL: [Self; 5] = [Self::Customer, Self::Agreement, Self::Order, Self::Subscription, Self::Invoice];

    /// The type as the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Agreement => "agreement",
            Self::Order => "order",
            Self::Subscription => "subscription",
            Self::Invoice => "invoice",
        }
    }

    /// The type of that name, in any case.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(text))
    }
}

/// What can change of a subscription, from where Partner Center looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionFacts {
    /// `friendlyName`.
    pub friendly_name: String,
    /// The offer.
    pub offer: OfferId,
    /// The plan.
    pub plan: PlanId,
    /// `quantity`: 1 on a flat rate.
    pub quantity: u32,
    /// Where it stands.
    pub status: Status,
    /// `autoRenewEnabled`.
    pub auto_renew: bool,
    /// `partnerId`: the indirect reseller of record.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reseller: Option<MpnId>,
}

impl SubscriptionFacts {
    /// The facts of a subscription.
    #[must_use]
    pub fn of(subscription: &Subscription) -> Self {
        Self {
            friendly_name: subscription.friendly_name().to_owned(),
            offer: subscription.offer.clone(),
            plan: subscription.plan.clone(),
            quantity: subscription.quantity.map_or(1, u32::from),
            status: subscription.state.status(),
            auto_renew: subscription.auto_renew,
            reseller: subscription.reseller.clone(),
        }
    }
}

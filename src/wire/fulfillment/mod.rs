//! SaaS fulfillment API v2, `api-version=2018-08-31`: what it answers, key for key as recorded.
//!
//! Order of keys and which of them are left out follow recordings of the live service (recorded). A key without a value
//! is absent, never `null`: the official .NET client throws on a `null` quantity (sdk-dotnet).

pub mod operations;
pub mod webhook;

use std::borrow::Cow;

use serde::Serialize;

use super::double::Double;
use crate::domain::{
    catalogue::{Dimension, Offer, Person, Plan, Pricing, Seats, TermPrice},
    operation::within_reach,
    rules::{AllowedOperations, EndedQuantity, QuantityForm, ResolvedTerm, Rules, StopSellPlans},
    subscription::{CustomerOperation, Status, Subscription},
    time::{Term, Timestamp},
};

/// The only version of the API (openapi).
pub const API_VERSION: &str = "2018-08-31";

/// What `lastModified` always says in Get, List and Resolve (recorded, 2021 and 2024; quirk Q23).
const LAST_MODIFIED: &str = "0001-01-01T00:00:00";

/// The subscription object of Get, List and Resolve.
///
/// Source: recorded, 380 of 380 rows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionBody<'a> {
    id: String,
    publisher_id: &'a str,
    offer_id: &'a str,
    name: &'a str,
    saas_subscription_status: &'static str,
    beneficiary: PersonBody<'a>,
    purchaser: PersonBody<'a>,
    plan_id: &'a str,
    /// Absent only where the sandbox's rule says so (quirk Q16).
    #[serde(skip_serializing_if = "Option::is_none")]
    term: Option<TermBody<'a>>,
    auto_renew: bool,
    is_test: bool,
    is_free_trial: bool,
    allowed_customer_operations: Vec<&'static str>,
    sandbox_type: &'static str,
    created: String,
    last_modified: &'static str,
    /// Only on per-user plans (recorded; quirk Q14).
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<QuantityBody>,
    session_mode: &'static str,
}

/// A number of seats in an answer (quirk Q14).
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum QuantityBody {
    Number(u32),
    Text(String),
}

impl QuantityBody {
    fn of(subscription: &Subscription, rules: Rules) -> Option<Self> {
        let is_over = subscription.state.status() == Status::Unsubscribed;
        let seats = subscription.quantity.map(Seats::get);
        let seats = seats.filter(|_| !is_over || rules.ended_quantity == EndedQuantity::Kept);
        match rules.quantity_form {
            QuantityForm::Number => seats.map(Self::Number),
            QuantityForm::Text => Some(Self::Text(seats.map_or_else(String::new, |seats| seats.to_string()))),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PersonBody<'a> {
    email_id: &'a str,
    object_id: String,
    tenant_id: String,
    puid: &'a str,
}

/// Only the unit before the first activation; the dates stay after the end (recorded; quirk Q15).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TermBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    start_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_date: Option<String>,
    term_unit: &'a str,
}

impl<'a> SubscriptionBody<'a> {
    /// A subscription, by the rules of its sandbox.
    #[must_use]
    pub fn of(subscription: &'a Subscription, rules: Rules) -> Self {
        Self {
            id: subscription.id.to_string(),
            publisher_id: subscription.publisher.as_str(),
            offer_id: subscription.offer.as_str(),
            name: &subscription.name,
            saas_subscription_status: subscription.state.status().as_str(),
            beneficiary: PersonBody::of(&subscription.beneficiary),
            purchaser: PersonBody::of(&subscription.purchaser),
            plan_id: subscription.plan.as_str(),
            term: Some(TermBody::of(subscription.state.term(), subscription.term_unit.as_str())),
            auto_renew: subscription.auto_renew,
            is_test: false,
            is_free_trial: subscription.free_trial,
            allowed_customer_operations: allowed_operations(subscription, rules),
            sandbox_type: sandbox_type(subscription),
            created: subscription.created.to_string(),
            last_modified: LAST_MODIFIED,
            quantity: QuantityBody::of(subscription, rules),
            session_mode: "None",
        }
    }
}

/// `allowedCustomerOperations`: a set, whose order has changed over the years (quirk Q43).
fn allowed_operations(subscription: &Subscription, rules: Rules) -> Vec<&'static str> {
    use CustomerOperation::{Delete, Read, Update};
    let order = match rules.allowed_operations {
        AllowedOperations::Order2024 => [Delete, Read, Update],
        AllowedOperations::Order2021 => [Delete, Update, Read],
        AllowedOperations::Documented => [Read, Update, Delete],
    };
    let allowed = subscription.allowed_customer_operations();
    order.into_iter().filter(|operation| allowed.contains(operation)).map(CustomerOperation::as_str).collect()
}

/// `sandboxType`: `Csp` is what a partner bought in its integration sandbox (openapi).
const fn sandbox_type(subscription: &Subscription) -> &'static str {
    if subscription.csp_sandbox { "Csp" } else { "None" }
}

impl<'a> PersonBody<'a> {
    fn of(person: &'a Person) -> Self {
        Self {
            email_id: &person.email,
            object_id: person.object_id.to_string(),
            tenant_id: person.tenant_id.to_string(),
            puid: &person.puid,
        }
    }
}

impl<'a> TermBody<'a> {
    fn of(term: Option<Term>, term_unit: &'a str) -> Self {
        let midnight = |date| Timestamp::midnight(date).to_string();
        Self {
            start_date: term.map(|term| midnight(term.start)),
            end_date: term.map(|term| midnight(term.end)),
            term_unit,
        }
    }
}

/// The answer of Resolve.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResolvedBody<'a> {
    id: String,
    subscription_name: &'a str,
    offer_id: &'a str,
    plan_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<QuantityBody>,
    subscription: SubscriptionBody<'a>,
}

impl<'a> ResolvedBody<'a> {
    /// What a code stands for, by the rules of its sandbox.
    #[must_use]
    pub fn of(subscription: &'a Subscription, rules: Rules) -> Self {
        let mut resolved = SubscriptionBody::of(subscription, rules);
        if rules.resolved_term == ResolvedTerm::Absent {
            resolved.term = None;
        }
        Self {
            id: subscription.id.to_string(),
            subscription_name: &subscription.name,
            offer_id: subscription.offer.as_str(),
            plan_id: subscription.plan.as_str(),
            quantity: QuantityBody::of(subscription, rules),
            subscription: resolved,
        }
    }
}

/// A page of List.
#[derive(Debug, Serialize)]
pub struct SubscriptionsBody<'a> {
    /// The subscriptions of the page.
    pub subscriptions: Vec<SubscriptionBody<'a>>,
    /// Absent on the last page (recorded; quirk Q18).
    #[serde(rename = "@nextLink", skip_serializing_if = "Option::is_none")]
    pub next_link: Option<String>,
}

/// The answer of `listAvailablePlans`.
#[derive(Debug, Serialize)]
pub struct PlansBody<'a> {
    /// The plans that the customer may have.
    pub plans: Vec<PlanBody<'a>>,
}

/// A plan in `listAvailablePlans`; key order as recorded.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanBody<'a> {
    plan_id: &'a str,
    display_name: &'a str,
    is_private: bool,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_quantity: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_quantity: Option<u32>,
    has_free_trials: bool,
    is_price_per_seat: bool,
    is_stop_sell: bool,
    market: &'a str,
    plan_components: PlanComponents<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanComponents<'a> {
    recurrent_billing_terms: Vec<BillingTermBody<'a>>,
    metering_dimensions: Vec<DimensionBody<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BillingTermBody<'a> {
    currency: &'static str,
    price: Double,
    term_unit: &'a str,
    term_description: String,
    /// Absent when the plan has no dimensions (recorded).
    #[serde(skip_serializing_if = "Option::is_none")]
    metered_quantity_included: Option<Vec<IncludedBody<'a>>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct IncludedBody<'a> {
    dimension_id: &'a str,
    /// A text, unlike every other quantity (recorded).
    units: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DimensionBody<'a> {
    id: &'a str,
    currency: &'static str,
    price_per_unit: Double,
    unit_of_measure: &'a str,
    display_name: &'a str,
}

impl<'a> PlansBody<'a> {
    /// The plans of an offer that a customer's tenant may have in its market and currency, the one named by `only` if one is;
    /// a plan that is not sold any more stays in the list (recorded; quirk Q45).
    #[must_use]
    pub fn of(offer: &'a Offer, subscription: &Subscription, only: Option<&str>, rules: Rules) -> Self {
        let tenant = subscription.beneficiary.tenant_id;
        let shown = |plan: &&Plan| !plan.stop_sell || rules.stop_sell_plans == StopSellPlans::Listed;
        let reached = |plan: &&Plan| within_reach(subscription, offer, plan).is_ok();
        let open =
            |plan: &&Plan| plan.is_open_to(tenant) && shown(plan) && reached(plan) || plan.id == subscription.plan;
        let plans = offer.plans.iter().filter(open);
        Self { plans: plans.filter(|plan| only.is_none_or(|id| plan.id.as_str() == id)).map(PlanBody::from).collect() }
    }

    /// No plans.
    #[must_use]
    pub const fn none() -> Self {
        Self { plans: Vec::new() }
    }
}

impl<'a> From<&'a Plan> for PlanBody<'a> {
    fn from(plan: &'a Plan) -> Self {
        let (per_seat, min, max) = match plan.pricing {
            Pricing::FlatRate => (false, None, None),
            Pricing::PerUser { min, max } => (true, min, max),
        };
        Self {
            plan_id: plan.id.as_str(),
            display_name: &plan.name,
            is_private: plan.private_to.is_some(),
            description: &plan.description,
            min_quantity: min.map(Seats::get),
            max_quantity: max.map(Seats::get),
            has_free_trials: plan.free_trial,
            is_price_per_seat: per_seat,
            is_stop_sell: plan.stop_sell,
            market: &plan.market,
            plan_components: PlanComponents {
                recurrent_billing_terms: plan.terms.iter().map(|term| billing_term(plan, term)).collect(),
                metering_dimensions: plan.dimensions.iter().map(DimensionBody::from).collect(),
            },
        }
    }
}

fn billing_term<'a>(plan: &'a Plan, term: &'a TermPrice) -> BillingTermBody<'a> {
    let included = |dimension: &'a Dimension| {
        let quantity = dimension.included.iter().find(|included| included.unit == term.unit);
        IncludedBody {
            dimension_id: dimension.id.as_str(),
            units: quantity.map_or(0, |included| included.quantity).to_string(),
        }
    };
    BillingTermBody {
        currency: term.price.currency.code(),
        price: Double(term.price.amount),
        term_unit: term.unit.as_str(),
        term_description: term.unit.description(),
        metered_quantity_included: (!plan.dimensions.is_empty())
            .then(|| plan.dimensions.iter().map(included).collect()),
    }
}

impl<'a> From<&'a Dimension> for DimensionBody<'a> {
    fn from(dimension: &'a Dimension) -> Self {
        Self {
            id: dimension.id.as_str(),
            currency: dimension.price_per_unit.currency.code(),
            price_per_unit: Double(dimension.price_per_unit.amount),
            unit_of_measure: &dimension.unit_of_measure,
            display_name: &dimension.name,
        }
    }
}

/// The error object of the API: up to four keys, each only where it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorBody {
    /// `InvalidValue`, `EntityNotFound`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// The text.
    pub message: String,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Cow<'static, str>>,
    /// What exactly is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Self>,
}

/// The error of the api-version check, with its capital keys (emulator-code; quirk Q27).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VersionErrorBody {
    /// The only key.
    pub error: VersionError,
}

/// What is wrong with the version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VersionError {
    /// `ApiVersionUnspecified` or `UnsupportedApiVersion`.
    pub code: &'static str,
    /// The text.
    pub message: String,
}

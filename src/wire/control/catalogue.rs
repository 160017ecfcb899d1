//! What a sandbox sells, and to whom.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::MoneyView;

/// A sandbox's catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CatalogueView {
    /// The publishers.
    pub publishers: Vec<PublisherView>,
    /// The offers.
    pub offers: Vec<OfferView>,
    /// The partners.
    pub partners: Vec<PartnerView>,
    /// The customers.
    pub customers: Vec<CustomerView>,
}

/// A publisher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublisherView {
    /// Its id.
    pub id: String,
    /// The company's name.
    pub name: String,
    /// Tenant of its app.
    pub tenant_id: String,
    /// Its app's id.
    pub client_id: String,
}

/// An offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfferView {
    /// Its id.
    pub id: String,
    /// Its publisher.
    pub publisher: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Where its personalized links lead.
    pub landing_page: String,
    /// What billing waits for: `licensesAssigned`, `activated`.
    pub billing_waits_for: Vec<String>,
    /// Its plans.
    pub plans: Vec<PlanView>,
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Whether its price is per seat.
    pub per_user: bool,
    /// Fewest seats.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub min_quantity: Option<u32>,
    /// Most seats.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_quantity: Option<u32>,
    /// Its terms and prices.
    pub prices: Vec<PriceView>,
    /// Whether its first month is free.
    pub free_trial: bool,
    /// Whether only some customers may buy it.
    pub private: bool,
    /// Whether it is not sold any more.
    pub stop_sell: bool,
    /// Metering dimensions.
    pub dimensions: Vec<String>,
}

/// The price for a term.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PriceView {
    /// The term.
    pub term_unit: String,
    /// Flat fee or price of a seat, for one payment.
    pub price: MoneyView,
    /// How often the term is paid for; absent if it is paid for once, in advance.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payment: Option<String>,
}

/// A partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartnerView {
    /// Its id.
    pub id: String,
    /// The company's name.
    pub name: String,
    /// The person who buys.
    pub user: PersonView,
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerView {
    /// Its id.
    pub id: String,
    /// Its partner.
    pub partner: String,
    /// The company's name.
    pub name: String,
    /// The domain of its tenant.
    pub domain: String,
    /// Its people.
    pub users: Vec<PersonView>,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonView {
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
}

//! What can be bought, who sells it and who buys it: publishers, offers, plans, partners, customers.
//!
//! A [`Catalogue`] is complete and consistent when it exists: whoever builds one (the fixtures room) has resolved every
//! reference. Lookups are by id; lists keep the order of the fixture.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use super::{customer::Customer, partner::Partner};
use super::{
    ids::{ClientId, CustomerId, DimensionId, ObjectId, OfferId, PartnerId, PlanId, PublisherId, TenantId},
    money::{Currency, Money},
    setup_form::SetupForm,
    time::TermUnit,
};

/// Everything a sandbox knows before the first purchase.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Catalogue {
    /// The publishers (ISVs), each with its app registration.
    pub publishers: Vec<Publisher>,
    /// The offers, each of one publisher.
    pub offers: Vec<Offer>,
    /// The CSP partners who buy for customers.
    pub partners: Vec<Partner>,
    /// The customers, each of one partner.
    pub customers: Vec<Customer>,
}

impl Catalogue {
    /// The publisher of that id.
    #[must_use]
    pub fn publisher(&self, id: &PublisherId) -> Option<&Publisher> {
        self.publishers.iter().find(|publisher| publisher.id == *id)
    }

    /// The offer of that id.
    #[must_use]
    pub fn offer(&self, id: &OfferId) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.id == *id)
    }

    /// The partner of that id.
    #[must_use]
    pub fn partner(&self, id: &PartnerId) -> Option<&Partner> {
        self.partners.iter().find(|partner| partner.id == *id)
    }

    /// The customer whose tenant that is: `customer-id` of Partner Center.
    #[must_use]
    pub fn customer_of_tenant(&self, tenant: TenantId) -> Option<&Customer> {
        self.customers.iter().find(|customer| customer.tenant_id() == Some(tenant))
    }

    /// The customer of that id.
    #[must_use]
    pub fn customer(&self, id: &CustomerId) -> Option<&Customer> {
        self.customers.iter().find(|customer| customer.id == *id)
    }
}

/// An ISV with an account in Partner Center.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Publisher {
    /// `publisherId` of the APIs.
    pub id: PublisherId,
    /// The company's name, for people.
    pub name: String,
    /// The identity under which it calls the marketplace (docs:registration-v1: one pair of tenant and app per publisher).
    pub app: AppRegistration,
}

/// An app registration in Entra that calls the marketplace with client credentials.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppRegistration {
    /// The tenant that the app lives in.
    pub tenant_id: TenantId,
    /// Display name of the tenant, which some error texts quote.
    pub tenant_name: String,
    /// A verified domain of the tenant, which may stand for its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The app (client) id.
    pub client_id: ClientId,
    /// Object id of the app's service principal: `oid` and `sub` of its tokens.
    pub object_id: ObjectId,
    /// The client secret. Seedable and shown by `print-env`; never written to a log or the journal.
    pub client_secret: String,
    /// Where it may send people back to after they have signed in, besides loopback addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<String>,
    /// Certificates whose keys it may sign with instead.
    #[serde(default)]
    pub certificates: Vec<AppCertificate>,
}

/// A certificate of an app registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppCertificate {
    /// `x5t`: the SHA-1 of the certificate, base64url.
    pub sha1: String,
    /// `x5t#S256`: its SHA-256, likewise.
    pub sha256: String,
    /// Its RSA key, PKCS#1 in base64url.
    pub public_key: String,
}

/// Leaves the secret out, so that no debug line can carry it.
impl std::fmt::Debug for AppRegistration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppRegistration")
            .field("tenant_id", &self.tenant_id)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// A SaaS offer with its plans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// `offerId` of the APIs.
    pub id: OfferId,
    /// Who sells it.
    pub publisher: PublisherId,
    /// Display name.
    pub name: String,
    /// One or two sentences for the buyer.
    pub description: String,
    /// The landing page of the technical configuration; `None` stands for the stand-in publisher's own.
    /// Has no `#` (docs:life-cycle).
    pub landing_page_url: Option<String>,
    /// Where the publisher wants to be told of operations; the stand-in's own webhook if `None`.
    #[serde(default)]
    pub webhook_url: Option<String>,
    /// What must be confirmed before billing starts.
    pub billing_waits_for: BillingWaitsFor,
    /// The plans, at least one; all of one pricing model (docs:plan-saas-offer).
    pub plans: Vec<Plan>,
    /// What the publisher asks on its landing page.
    pub setup_form: SetupForm,
    /// Provisioning steps that the stand-in publisher shall see fail at first, and how often.
    pub provisioning_faults: Vec<PlannedFault>,
}

impl Offer {
    /// The plan of that id.
    #[must_use]
    pub fn plan(&self, id: &PlanId) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.id == *id)
    }
}

/// A step of the stand-in publisher's provisioning, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProvisioningStep {
    /// The customer's account comes to be on the publisher's side.
    CreateAccount,
    /// Seats go to the named users, the rest to a pool.
    AssignLicenses,
    /// The publisher tells the marketplace that licences are assigned.
    ReportLicenses,
    /// The publisher calls the fulfillment API's *activate*.
    Activate,
}

impl ProvisioningStep {
    /// All steps, in the order in which they run.
    pub const ALL: [Self; 4] = [Self::CreateAccount, Self::AssignLicenses, Self::ReportLicenses, Self::Activate];

    /// The name in fixtures, scenarios and the control API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateAccount => "createAccount",
            Self::AssignLicenses => "assignLicenses",
            Self::ReportLicenses => "reportLicenses",
            Self::Activate => "activate",
        }
    }
}

/// How the stand-in publisher's webhook takes a change that the buyer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WebhookManner {
    /// 200, and afterwards `Success`.
    #[default]
    Accept,
    /// 200, and not a word: accepted when its ten seconds are over.
    StaySilent,
    /// 400: refused.
    Refuse,
    /// 500: told again later.
    Fail,
    /// 200, and afterwards `Failure`.
    Decline,
    /// 200, and `Success` when the ten seconds are over.
    AnswerLate,
}

impl WebhookManner {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Accept, Self::StaySilent, Self::Refuse, Self::Fail, Self::Decline, Self::AnswerLate];

    /// The name in scenarios and the control API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::StaySilent => "staySilent",
            Self::Refuse => "refuse",
            Self::Fail => "fail",
            Self::Decline => "decline",
            Self::AnswerLate => "answerLate",
        }
    }
}

/// "This step fails the first n times" for each purchase of an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedFault {
    /// The step that fails.
    pub step: ProvisioningStep,
    /// How many attempts fail before one succeeds.
    pub times: u32,
}

/// A confirmation that billing may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ConfirmationKind {
    /// The publisher has assigned licences.
    LicensesAssigned,
    /// The publisher has called *activate*.
    Activated,
}

impl ConfirmationKind {
    /// The name in the control API and in scenarios.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LicensesAssigned => "licensesAssigned",
            Self::Activated => "activated",
        }
    }
}

/// The confirmations that billing waits for: the activation always, because nothing is billed before it
/// (docs:life-cycle). A publisher brought by the user has no licence API to call in the real world, so an offer can wait
/// for less than both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeSet<ConfirmationKind>", into = "Vec<ConfirmationKind>")]
pub struct BillingWaitsFor {
    /// Whether it waits for more than the activation.
    licenses: bool,
}

impl BillingWaitsFor {
    /// Both confirmations: the default.
    #[must_use]
    pub const fn both() -> Self {
        Self { licenses: true }
    }

    /// The confirmations, in a fixed order.
    pub fn iter(self) -> impl Iterator<Item = ConfirmationKind> {
        let licenses = self.licenses.then_some(ConfirmationKind::LicensesAssigned);
        licenses.into_iter().chain([ConfirmationKind::Activated])
    }
}

impl TryFrom<BTreeSet<ConfirmationKind>> for BillingWaitsFor {
    type Error = &'static str;
    fn try_from(kinds: BTreeSet<ConfirmationKind>) -> Result<Self, Self::Error> {
        if kinds.is_empty() {
            return Err("billing has to wait for at least one confirmation");
        }
        Ok(Self { licenses: kinds.contains(&ConfirmationKind::LicensesAssigned) })
    }
}

impl From<BillingWaitsFor> for Vec<ConfirmationKind> {
    fn from(waits: BillingWaitsFor) -> Self {
        waits.iter().collect()
    }
}

/// A plan of an offer: what `listAvailablePlans` tells of it, and the limits of a purchase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// `planId` of the APIs.
    pub id: PlanId,
    /// Display name.
    pub name: String,
    /// One sentence for the buyer.
    pub description: String,
    /// Flat rate or per user.
    pub pricing: Pricing,
    /// The terms it is sold for, at least one, all in one currency.
    pub terms: Vec<TermPrice>,
    /// Starts with one free month (docs:plans-pricing; never together with dimensions).
    pub free_trial: bool,
    /// The customer tenants that a private plan is for; `None` for a public plan.
    pub private_to: Option<Vec<TenantId>>,
    /// Not sold any more; existing subscriptions go on (recorded: stays in `listAvailablePlans`).
    pub stop_sell: bool,
    /// Whether Microsoft activates what is bought by itself, without the publisher (docs:subscription-new).
    #[serde(default)]
    pub auto_activation: bool,
    /// Metering dimensions; only on flat-rate plans (docs:saas-metered-billing).
    pub dimensions: Vec<Dimension>,
    /// The market it is sold in: `US`.
    pub market: String,
}

impl Plan {
    /// The price for a term, if the plan is sold for it.
    #[must_use]
    pub fn term(&self, unit: &TermUnit) -> Option<&TermPrice> {
        self.terms.iter().find(|term| term.unit == *unit)
    }

    /// The currency of all its prices; `None` only for a plan that no fixture would load.
    #[must_use]
    pub fn currency(&self) -> Option<Currency> {
        self.terms.first().map(|term| term.price.currency)
    }

    /// Whether a customer of that tenant may see and buy it: public, or private and meant for them.
    #[must_use]
    pub fn is_open_to(&self, tenant: TenantId) -> bool {
        self.private_to.as_ref().is_none_or(|audience| audience.contains(&tenant))
    }
}

/// The pricing model of an offer's plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "camelCase")]
pub enum Pricing {
    /// One price for a term; there is no quantity.
    FlatRate,
    /// A price for each seat; no limits set means 1 to unlimited (docs:plan-saas-offer).
    PerUser {
        /// Fewest seats.
        min: Option<Seats>,
        /// Most seats.
        max: Option<Seats>,
    },
}

/// A number of seats: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Seats(u32);

impl Seats {
    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Seats {
    type Error = &'static str;
    fn try_from(count: u32) -> Result<Self, Self::Error> {
        if count == 0 { Err("a number of seats is at least 1") } else { Ok(Self(count)) }
    }
}

impl From<Seats> for u32 {
    fn from(seats: Seats) -> Self {
        seats.0
    }
}

impl std::fmt::Display for Seats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What a plan costs for one term: the flat fee, or the price of a seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TermPrice {
    /// The billing term.
    pub unit: TermUnit,
    /// Flat fee or price per seat: of one payment.
    pub price: Money,
    /// How often it is paid for: one payment option for a term and plan (docs:create-plans). `None`: once, in advance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<TermUnit>,
}

/// A metering dimension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dimension {
    /// `id` of the APIs.
    pub id: DimensionId,
    /// Display name.
    pub name: String,
    /// What one unit is, in the publisher's words.
    pub unit_of_measure: String,
    /// Price of one unit beyond what is included.
    pub price_per_unit: Money,
    /// How much is included, by term.
    pub included: Vec<IncludedQuantity>,
}

/// How much of a dimension one term includes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IncludedQuantity {
    /// The term.
    pub unit: TermUnit,
    /// Units included in each such term.
    pub quantity: u64,
}

/// A user in a tenant, as the subscription object shows purchaser and beneficiary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// `emailId`.
    pub email: String,
    /// Display name.
    pub name: String,
    /// `objectId`.
    pub object_id: ObjectId,
    /// `tenantId`.
    pub tenant_id: TenantId,
    /// `puid`: 16 upper-case hex digits, as all 380 recorded ones.
    pub puid: String,
}

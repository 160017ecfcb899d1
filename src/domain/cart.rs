//! Carts of Partner Center: what is to be bought together, checked line by line, and what becomes of it.

use serde::{Deserialize, Serialize};

use super::{
    catalogue::{Catalogue, Plan, Pricing, Seats, TermPrice},
    customer::Customer,
    ids::{CartId, CustomerId, PartnerId},
    order::OrderId,
    partner::MpnId,
    product::{BillingCycle, CatalogItemId},
    refusal::Refusal,
    rules::CspAccount,
    subscription::{Buyer, NAME_CHARACTERS, PurchaseOrder, check_name},
    time::{Period, TermUnit, Timestamp},
};

/// Days that a cart lives (docs23:create-a-cart: seven; 15 minutes in 2019).
const CART_DAYS: i32 = 7;
/// Seats of one subscription in an integration sandbox (docs:test-and-debug).
pub const SANDBOX_SEATS: u32 = 25;

/// A cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cart {
    /// Its id.
    pub id: CartId,
    /// Who buys.
    pub partner: PartnerId,
    /// For whom.
    pub customer: CustomerId,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
    /// What is to be bought.
    pub lines: Vec<CartLine>,
    /// The orders that it has become.
    pub orders: Option<Vec<OrderId>>,
}

impl Cart {
    /// Until when it can be checked out.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        self.created.plus(Period::days(CART_DAYS))
    }
}

/// A line of a cart, as its partner wrote it, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CartLine {
    /// Its number, as its partner numbers them, or its place.
    pub id: u32,
    /// What is wanted.
    pub wish: CartWish,
    /// Why it can't be bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<CartError>,
    /// How often it is billed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_cycle: Option<BillingCycle>,
    /// The code of its currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CartWish {
    /// `id` of the line, as its partner numbers them; its place if it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// `catalogItemId`.
    pub catalog_item_id: String,
    /// `friendlyName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub friendly_name: Option<String>,
    /// `quantity`.
    pub quantity: i64,
    /// `billingCycle`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_cycle: Option<String>,
    /// `termDuration`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term_duration: Option<String>,
    /// The term that a trial turns into (`renewsTo`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renews_to: Option<String>,
    /// The participant `transaction_reseller`, or `partnerIdOnRecord` of an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reseller: Option<String>,
}

/// `errorCode` of a line (sdk:CartErrorCode).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CartError {
    /// Which one.
    pub code: CartErrorCode,
    /// In words.
    pub description: String,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CartErrorCode {
    /// 10001: there is no such item.
    CatalogItemIdIsNotValid,
    /// 10004: the reseller is not the partner's.
    ParticipantsIsNotSupportedForPartner,
    /// 10006: a rule says no.
    UnableToProcessCartLineItem,
    /// 10009: more than an integration sandbox may have.
    SandboxLimitExceeded,
    /// 10010: the line can't be read.
    InvalidInput,
    /// 10013: the plan is not billed so.
    BillingPlanNotSupported,
}

impl CartErrorCode {
    /// The name in a cart: snake case (inferred from the converter of the .NET SDK).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CatalogItemIdIsNotValid => "catalog_item_id_is_not_valid",
            Self::ParticipantsIsNotSupportedForPartner => "participants_is_not_supported_for_partner",
            Self::UnableToProcessCartLineItem => "unable_to_process_cart_line_item",
            Self::SandboxLimitExceeded => "sandbox_limit_exceeded",
            Self::InvalidInput => "invalid_input",
            Self::BillingPlanNotSupported => "billing_plan_not_supported",
        }
    }
}

impl CartWish {
    /// What is to be bought for a customer, and how often it is billed.
    ///
    /// # Errors
    /// What is wrong with the wish itself; what the rules of a purchase say comes later.
    pub fn read(
        &self,
        catalogue: &Catalogue,
        customer: &Customer,
        account: CspAccount,
    ) -> Result<(PurchaseOrder, BillingCycle), CartError> {
        let error = |code, description: String| CartError { code, description };
        let invalid = |description: &str| error(CartErrorCode::InvalidInput, description.to_owned());
        check_name(self.friendly_name.as_deref())
            .map_err(|_| invalid(&format!("friendlyName has {NAME_CHARACTERS} characters at the most.")))?;
        let unknown = || {
            let text = format!("{} is not an item of the catalogue.", self.catalog_item_id);
            error(CartErrorCode::CatalogItemIdIsNotValid, text)
        };
        let item: CatalogItemId = self.catalog_item_id.parse().map_err(|_| unknown())?;
        let (offer, plan) = catalogue.item(&item).ok_or_else(unknown)?;
        let term = self.term(plan)?;
        let cycle = BillingCycle::of(plan, term);
        if let Some(asked) = &self.billing_cycle
            && BillingCycle::named(asked) != Some(cycle)
        {
            let text = format!("The plan is billed {} for {}, not {asked}.", cycle.as_str(), term.unit);
            return Err(error(CartErrorCode::BillingPlanNotSupported, text));
        }
        let quantity = u32::try_from(self.quantity).ok().and_then(|quantity| Seats::try_from(quantity).ok());
        let quantity = quantity.ok_or_else(|| invalid("quantity is a whole number of at least 1."))?;
        if account == CspAccount::IntegrationSandbox && quantity.get() > SANDBOX_SEATS {
            let text = format!("An integration sandbox has {SANDBOX_SEATS} licenses per subscription at the most.");
            return Err(error(CartErrorCode::SandboxLimitExceeded, text));
        }
        let reseller = self.reseller.as_deref().filter(|text| !text.is_empty()).map(str::parse::<MpnId>).transpose();
        let reseller =
            reseller.map_err(|bad| error(CartErrorCode::ParticipantsIsNotSupportedForPartner, format!("{bad}.")))?;
        let quantity = match plan.pricing {
            Pricing::PerUser { .. } => Some(quantity),
            Pricing::FlatRate if quantity.get() == 1 => None,
            Pricing::FlatRate => return Err(invalid("A flat rate is bought once: quantity is 1.")),
        };
        let order = PurchaseOrder {
            buyer: Buyer::Partner(customer.partner.clone()),
            customer: customer.id.clone(),
            offer: offer.id.clone(),
            plan: plan.id.clone(),
            term_unit: Some(term.unit.clone()),
            quantity,
            name: self.friendly_name.clone().filter(|name| !name.trim().is_empty()),
            reseller,
        };
        Ok((order, cycle))
    }
}

impl CartWish {
    /// The term that is bought. A trial lasts a month, whatever it renews to, which is the term then (docs:create-a-cart); a
    /// line that names only the term gets the trial before it all the same, because nobody can waive it
    /// (portal:create-a-new-subscription).
    fn term<'a>(&self, plan: &'a Plan) -> Result<&'a TermPrice, CartError> {
        let named = |unit: &str| TermUnit::from(unit.to_uppercase());
        let sold = |unit: &String| {
            plan.term(&named(unit)).ok_or_else(|| CartError {
                code: CartErrorCode::BillingPlanNotSupported,
                description: format!("The plan is not sold for {unit}."),
            })
        };
        let not_sold = || CartError {
            code: CartErrorCode::BillingPlanNotSupported,
            description: "The plan is not sold.".to_owned(),
        };
        let first = || plan.terms.first().ok_or_else(not_sold);
        match (&self.term_duration, &self.renews_to) {
            (None, Some(renews_to)) if plan.free_trial => sold(renews_to),
            (Some(trial), Some(renews_to)) if plan.free_trial => match named(trial) {
                TermUnit::P1M => sold(renews_to),
                _ => Err(CartError {
                    code: CartErrorCode::BillingPlanNotSupported,
                    description: format!("The trial lasts {}, not {trial}.", TermUnit::P1M),
                }),
            },
            (Some(trial), None) if plan.free_trial && named(trial) == TermUnit::P1M => {
                plan.term(&TermUnit::P1M).map_or_else(first, Ok)
            }
            (Some(unit), _) => sold(unit),
            (None, _) => first(),
        }
    }
}

impl CartError {
    /// A refusal at its line, in these words.
    #[must_use]
    pub fn of(refusal: &Refusal, words: &str) -> Self {
        let code = match refusal {
            Refusal::UnknownReseller(_) | Refusal::ProviderAsReseller(_) | Refusal::ResellerOfAnother(_) => {
                CartErrorCode::ParticipantsIsNotSupportedForPartner
            }
            _ => CartErrorCode::UnableToProcessCartLineItem,
        };
        Self { code, description: format!("{words}.") }
    }
}

//! Offers and plans as Partner Center names them: product, SKU and availability (docs:product-resources).
//!
//! A product is an offer, a SKU one of its plans, an availability the plan in a market. Their ids are made of the ids that
//! the publisher gave, so they are the same wherever and whenever they are looked up.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

use super::{
    catalogue::{Catalogue, Offer, Plan, TermPrice},
    ids::BadId,
    time::TermUnit,
};

/// How ids of products and availabilities begin (docs:product-resources: `DZH318Z0BXWC`).
const PREFIX: &str = "DZH318Z";
const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// What can be ordered: `catalogItemId`, product, SKU and availability joined by colons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogItemId {
    /// The product: an offer.
    pub product: String,
    /// The SKU: the plan's place in the offer.
    pub sku: String,
    /// The availability.
    pub availability: String,
}

impl CatalogItemId {
    /// The item that a plan of an offer is.
    #[must_use]
    pub fn of(offer: &Offer, plan: &Plan) -> Self {
        Self { product: product_id(offer), sku: sku_id(offer, plan), availability: availability_id(offer, plan) }
    }
}

impl fmt::Display for CatalogItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.product, self.sku, self.availability)
    }
}

impl FromStr for CatalogItemId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let parts: Vec<&str> = text.split(':').collect();
        match parts[..] {
            [product, sku, availability] if !(product.is_empty() || sku.is_empty() || availability.is_empty()) => {
                Ok(Self { product: product.into(), sku: sku.into(), availability: availability.into() })
            }
            _ => Err(BadId { kind: "catalog item id", text: text.to_owned(), why: "is not product:sku:availability" }),
        }
    }
}

/// The id of the product that an offer is: 12 characters.
#[must_use]
pub fn product_id(offer: &Offer) -> String {
    made_up(&[offer.id.as_str()])
}

/// The id of the SKU that a plan is: its place in the offer, four digits.
#[must_use]
pub fn sku_id(offer: &Offer, plan: &Plan) -> String {
    let place = offer.plans.iter().position(|other| other.id == plan.id).unwrap_or_default();
    format!("{:04}", place.saturating_add(1))
}

/// The id of the availability of a plan: 12 characters.
#[must_use]
pub fn availability_id(offer: &Offer, plan: &Plan) -> String {
    made_up(&[offer.id.as_str(), plan.id.as_str(), &plan.market])
}

fn made_up(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    let drawn = digest.finalize();
    let digits = drawn.iter().take(5).filter_map(|byte| DIGITS.get(usize::from(*byte) % DIGITS.len()));
    PREFIX.chars().chain(digits.map(|&digit| char::from(digit))).collect()
}

impl Catalogue {
    /// The offer that a product is, whatever the case of the id.
    #[must_use]
    pub fn product(&self, id: &str) -> Option<&Offer> {
        self.offers.iter().find(|offer| product_id(offer).eq_ignore_ascii_case(id))
    }

    /// The offer and plan that a catalogue item is.
    #[must_use]
    pub fn item(&self, id: &CatalogItemId) -> Option<(&Offer, &Plan)> {
        let offer = self.product(&id.product)?;
        let plan = sku(offer, &id.sku)?;
        availability_id(offer, plan).eq_ignore_ascii_case(&id.availability).then_some((offer, plan))
    }
}

/// The plan that a SKU of an offer is.
#[must_use]
pub fn sku<'a>(offer: &'a Offer, id: &str) -> Option<&'a Plan> {
    offer.plans.iter().find(|plan| sku_id(offer, plan) == id)
}

/// How often something is billed (docs:product-resources; `biennial` and `triennial` since 2022).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BillingCycle {
    /// Each month.
    Monthly,
    /// Each year.
    Annual,
    /// Not at all: a trial.
    None,
    /// Every two years.
    Biennial,
    /// Every three years.
    Triennial,
    /// At once, for a longer term.
    OneTime,
}

impl BillingCycle {
    /// How often a term of a plan is billed; its trial is not.
    #[must_use]
    pub fn of(plan: &Plan, term: &TermPrice) -> Self {
        if plan.free_trial { Self::None } else { Self::every(term.payment.as_ref().unwrap_or(&term.unit)) }
    }

    /// How often something is billed that is paid for so often.
    #[must_use]
    pub const fn every(unit: &TermUnit) -> Self {
        match unit {
            TermUnit::P1M => Self::Monthly,
            TermUnit::P1Y => Self::Annual,
            TermUnit::P2Y => Self::Biennial,
            TermUnit::P3Y => Self::Triennial,
            TermUnit::P4Y | TermUnit::P5Y | TermUnit::Other(_) => Self::OneTime,
        }
    }

    /// The name in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Monthly => "monthly",
            Self::Annual => "annual",
            Self::None => "none",
            Self::Biennial => "biennial",
            Self::Triennial => "triennial",
            Self::OneTime => "one_time",
        }
    }

    /// The name in an availability's terms, and in bills: capitalised (docs23:get-a-list-of-availabilities-for-a-sku).
    #[must_use]
    pub const fn capitalised(self) -> &'static str {
        match self {
            Self::Monthly => "Monthly",
            Self::Annual => "Annual",
            Self::None => "None",
            Self::Biennial => "Biennial",
            Self::Triennial => "Triennial",
            Self::OneTime => "OneTime",
        }
    }

    /// The cycle of a name, in whichever case and with or without its underscore.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        let all = [Self::Monthly, Self::Annual, Self::None, Self::Biennial, Self::Triennial, Self::OneTime];
        all.into_iter()
            .find(|cycle| cycle.as_str().eq_ignore_ascii_case(text) || cycle.capitalised().eq_ignore_ascii_case(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::subscription::tests::catalogue;

    #[test]
    fn every_plan_is_found_again_by_its_item() {
        let catalogue = catalogue();
        for offer in &catalogue.offers {
            for plan in &offer.plans {
                let item = CatalogItemId::of(offer, plan);
                assert_eq!((item.product.len(), item.sku.len(), item.availability.len()), (12, 4, 12));
                let again: CatalogItemId = item.to_string().to_lowercase().parse().unwrap();
                let found = catalogue.item(&again).map(|(offer, plan)| (&offer.id, &plan.id));
                assert_eq!(found, Some((&offer.id, &plan.id)), "{item}");
            }
        }
    }

    #[test]
    fn what_is_no_item_is_none() {
        for text in ["", "a:b", "a:b:", "a:b:c:d", ":b:c"] {
            assert!(text.parse::<CatalogItemId>().is_err(), "{text:?}");
        }
        let item = "DZH318Z00000:0001:DZH318Z00000".parse().unwrap();
        assert_eq!(catalogue().item(&item).map(|(_, plan)| &plan.id), None);
    }

    #[test]
    fn cycles_are_read_in_any_case() {
        for (text, expected) in [
            ("Monthly", Some(BillingCycle::Monthly)),
            ("one_time", Some(BillingCycle::OneTime)),
            ("ONETIME", Some(BillingCycle::OneTime)),
            ("none", Some(BillingCycle::None)),
            ("weekly", None),
        ] {
            assert_eq!(BillingCycle::named(text), expected, "{text}");
        }
    }
}

//! Orders of CSP partners: what was bought together, and when Partner Center shows it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    ids::{BadId, CustomerId, OfferId, PartnerId, PlanId, SubscriptionId},
    money::Currency,
    operation::Delays,
    partner::MpnId,
    product::BillingCycle,
    time::{TermUnit, Timestamp},
};

/// How long an order may be missing in a customer's list, at the longest
/// (docs:create-subscription-azure-marketplace-products).
const UNLISTED_MINUTES: i64 = 15;

/// The number of an order: 12 hex digits, which are its `alternateId` too (docs23:checkout-a-cart).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrderId([u8; 6]);

impl OrderId {
    /// The number that these bytes spell.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for OrderId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId { kind: "order id", text: text.to_owned(), why: "is not 12 hex digits" };
        if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(bad());
        }
        let number = u64::from_str_radix(text, 16).map_err(|_| bad())?;
        let [_, _, a, b, c, d, e, f] = number.to_be_bytes();
        Ok(Self([a, b, c, d, e, f]))
    }
}

impl TryFrom<String> for OrderId {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<OrderId> for String {
    fn from(id: OrderId) -> Self {
        id.to_string()
    }
}

/// Where a subscription stands in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderPlace {
    /// The order.
    pub order: OrderId,
    /// `lineItemNumber`, from 0.
    pub line: u32,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Its number.
    pub id: OrderId,
    /// Who bought.
    pub partner: PartnerId,
    /// For whom.
    pub customer: CustomerId,
    /// How often its lines are billed: lines with different cycles land in different orders (docs:create-a-cart).
    pub billing_cycle: BillingCycle,
    /// The currency of its prices.
    pub currency: Currency,
    /// When it was placed.
    pub created: Timestamp,
    /// From when on it is complete.
    pub completes: Timestamp,
    /// From when on the customer's list shows it.
    pub listed: Timestamp,
    /// By what it was placed.
    pub client: OrderClient,
    /// What was bought.
    pub lines: Vec<OrderLine>,
}

/// By what an order was placed: `client.name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OrderClient {
    /// A program on the API.
    Api,
    /// Somebody in the portal, or whoever steers the simulation.
    Web,
}

impl OrderClient {
    /// The name in an order (docs:api-throttling-guidance).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "Partner Center API",
            Self::Web => "Partner Center Web",
        }
    }
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderLine {
    /// What came of it.
    pub subscription: SubscriptionId,
    /// The offer.
    pub offer: OfferId,
    /// The plan.
    pub plan: PlanId,
    /// The term.
    pub term_unit: TermUnit,
    /// How many: seats, or 1.
    pub quantity: u32,
    /// The name that the partner gave it.
    pub friendly_name: Option<String>,
    /// The indirect reseller of record.
    pub reseller: Option<MpnId>,
}

/// `status` of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderStatus {
    /// Placed, and on its way.
    Pending,
    /// Done.
    Completed,
}

impl OrderStatus {
    /// The status as the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
        }
    }
}

impl Order {
    /// When an order that is placed now is complete, and listed.
    #[must_use]
    pub fn dates(now: Timestamp, delays: Delays) -> (Timestamp, Timestamp) {
        let unlisted = if delays == Delays::Live { UNLISTED_MINUTES.saturating_mul(60_000) } else { 0 };
        (now.plus_millis(delays.until_ended()), now.plus_millis(unlisted))
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> OrderStatus {
        if now < self.completes { OrderStatus::Pending } else { OrderStatus::Completed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_id_is_twelve_hex_digits() {
        for (text, expected) in [("55a4e6854d54", true), ("55A4E6854D54", true), ("55a4e6854d5", false), ("xyz", false)]
        {
            let found = text.parse::<OrderId>();
            assert_eq!(found.as_ref().map(ToString::to_string).ok(), expected.then(|| text.to_lowercase()), "{text}");
        }
    }

    #[test]
    fn a_live_order_is_pending_and_unlisted_for_a_while() {
        let now: Timestamp = "2026-01-01T09:00:00Z".parse().unwrap();
        assert_eq!(Order::dates(now, Delays::None), (now, now));
        let (completes, listed) = Order::dates(now, Delays::Live);
        assert!(completes > now);
        assert_eq!(listed, now.plus_millis(900_000));
    }
}

//! Money: a decimal amount and its currency; never a float.

use std::fmt;

pub use iso_currency::Currency;
pub use rust_decimal::Decimal;
use rust_decimal::RoundingStrategy;
use serde::{Deserialize, Serialize};

/// An amount in one currency.
///
/// Shape when stored: `{"amount":"25.00","currency":"USD"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// The amount, in units of the currency (dollars, not cents).
    pub amount: Decimal,
    /// The ISO 4217 currency.
    pub currency: Currency,
}

impl Money {
    /// Nothing, in a currency.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self { amount: Decimal::ZERO, currency }
    }

    /// This price times a count, rounded to the currency's smallest unit: the one rounding of a ledger line, half away
    /// from zero as invoices do. `None` if the product is larger than a decimal holds.
    #[must_use]
    pub fn times(self, count: impl Into<Decimal>) -> Option<Self> {
        let product = self.amount.checked_mul(count.into())?;
        let digits = u32::from(self.currency.exponent().unwrap_or(2));
        let mut amount = product.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero);
        amount.rescale(digits);
        Some(Self { amount, currency: self.currency })
    }

    /// This amount and another of the same currency; `None` if the currencies differ.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let amount = self.amount.checked_add(other.amount)?;
        (self.currency == other.currency).then_some(Self { amount, currency: self.currency })
    }

    /// This amount less another of the same currency; `None` if the currencies differ.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        let amount = self.amount.checked_sub(other.amount)?;
        (self.currency == other.currency).then_some(Self { amount, currency: self.currency })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_rounded_once_to_the_currency() {
        let table = [
            ("10.005", Currency::USD, 1, "10.01 USD"),
            ("10.005", Currency::USD, 2, "20.01 USD"),
            ("0", Currency::USD, 7, "0.00 USD"),
            ("99.5", Currency::JPY, 1, "100 JPY"),
            ("20", Currency::EUR, 12, "240.00 EUR"),
        ];
        for (price, currency, count, expected) in table {
            let line = Money { amount: price.parse().unwrap(), currency }.times(count).unwrap();
            assert_eq!(line.to_string(), expected);
        }
    }

    #[test]
    fn a_product_beyond_decimals_is_refused_not_wrapped() {
        assert_eq!(Money { amount: Decimal::MAX, currency: Currency::USD }.times(2), None);
    }
}

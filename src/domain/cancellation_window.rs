//! How long a cancellation gives everything back.

use std::fmt;

use super::{
    event::count,
    rules::RefundWindow,
    time::{Period, TermUnit},
};

/// The time in which what is cancelled is given back in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancellationWindow {
    /// So many hours from the purchase (docs:subscription-api; quirk Q37).
    HoursOfPurchase(u32),
    /// So many days from the activation, as it was before.
    DaysOfActivation(u32),
}

impl CancellationWindow {
    /// The present one.
    pub const PRESENT: Self = Self::HoursOfPurchase(72);

    /// The one that a rule gives to a term.
    #[must_use]
    pub fn of(unit: &TermUnit, rule: RefundWindow) -> Self {
        match rule {
            RefundWindow::ThreeDays => Self::PRESENT,
            RefundWindow::Older if *unit == TermUnit::P1M => Self::DaysOfActivation(1),
            RefundWindow::Older => Self::DaysOfActivation(14),
        }
    }

    /// How long it is.
    #[must_use]
    pub fn period(self) -> Period {
        let whole = |number| i32::try_from(number).unwrap_or(i32::MAX);
        match self {
            Self::HoursOfPurchase(hours) => Period::hours(whole(hours)),
            Self::DaysOfActivation(days) => Period::days(whole(days)),
        }
    }

    /// As an ISO period of whole days.
    #[must_use]
    pub fn iso_days(self) -> String {
        match self {
            Self::HoursOfPurchase(hours) => format!("P{}D", hours / 24),
            Self::DaysOfActivation(days) => format!("P{days}D"),
        }
    }
}

impl fmt::Display for CancellationWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match self {
            Self::HoursOfPurchase(hours) => (*hours, "hour"),
            Self::DaysOfActivation(days) => (*days, "day"),
        };
        f.write_str(&count(number, unit))
    }
}

//! Time as the marketplace writes it: UTC instants, calendar dates, ISO 8601 periods and billing terms.
//!
//! Nothing here knows what time it is: `now` is always an argument.

use std::{fmt, str::FromStr};

pub use jiff::civil::Date;
use jiff::{
    Span,
    civil::DateTime,
    tz::{Offset, TimeZone},
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Visitor},
};

/// An instant in UTC with millisecond precision, so that every store returns what it was given.
///
/// Written as .NET writes it: `2024-01-14T00:07:14.962Z`, trailing zeros trimmed (recorded).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Timestamp(jiff::Timestamp);

/// Why a text is not a time, a period or a term unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {wanted}")]
pub struct BadTime {
    /// What was given.
    pub text: String,
    /// What was wanted, with an example.
    pub wanted: &'static str,
}

const INSTANT: &str = "an instant such as 2026-01-31T09:30:00Z";

impl Timestamp {
    /// The instant so many milliseconds after 1970-01-01T00:00:00Z; the nearest one that the calendar has, beyond it.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        let bound = if millis < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        Self(jiff::Timestamp::from_millisecond(millis).unwrap_or(bound))
    }

    /// The latest instant that a sandbox's clock may show, 9900-01-01: from there on terms and deadlines would lie beyond the
    /// calendar, and be due again and again.
    #[must_use]
    pub fn latest() -> Self {
        Self::from_millis(250_246_627_200_000)
    }

    /// An instant as clients of .NET write it: without an offset it is UTC, and a date alone is its midnight (recorded).
    ///
    /// # Errors
    /// [`BadTime`] if it is neither.
    pub fn parse_utc(text: &str) -> Result<Self, BadTime> {
        text.parse().or_else(|bad: BadTime| {
            let civil: DateTime = text.parse().map_err(|_| bad.clone())?;
            let zoned = civil.to_zoned(TimeZone::UTC).map_err(|_| bad)?;
            Ok(Self::from_millis(zoned.timestamp().as_millisecond()))
        })
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, as tokens carry them.
    #[must_use]
    pub fn as_seconds(self) -> i64 {
        self.0.as_second()
    }

    /// The UTC calendar date.
    #[must_use]
    pub fn date(self) -> Date {
        Offset::UTC.to_datetime(self.0).date()
    }

    /// Midnight UTC at the start of `date`.
    #[must_use]
    pub fn midnight(date: Date) -> Self {
        date.to_zoned(TimeZone::UTC).map_or(Self(jiff::Timestamp::MAX), |zoned| Self(zoned.timestamp()))
    }

    /// This instant plus a period, month ends clamped; the last instant of the calendar if it would lie beyond.
    #[must_use]
    pub fn plus(self, period: Period) -> Self {
        let zoned = self.0.to_zoned(TimeZone::UTC);
        let sum = zoned.checked_add(period.0).map_or(jiff::Timestamp::MAX, |sum| sum.timestamp());
        Self::from_millis(sum.as_millisecond())
    }

    /// This instant plus so many milliseconds.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        Self::from_millis(self.as_millis().saturating_add(millis))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Timestamp {
    type Err = BadTime;
    fn from_str(text: &str) -> Result<Self, BadTime> {
        text.parse::<jiff::Timestamp>()
            .map(|exact| Self::from_millis(exact.as_millisecond()))
            .map_err(|_| BadTime { text: text.to_owned(), wanted: INSTANT })
    }
}

/// By hand, because stored documents hold many and are read often: no text is copied on the way.
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(INSTANT)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// A length of time as ISO 8601 writes it (`P1M`, `PT24H`), or in the short form `24h`, `30 days` that people type.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period(Span);

impl Period {
    /// A period of whole hours.
    #[must_use]
    pub fn hours(hours: i32) -> Self {
        Self(Span::new().hours(hours))
    }

    /// A period of whole calendar years.
    #[must_use]
    pub fn years(years: i16) -> Self {
        Self(Span::new().years(years))
    }

    /// A period of whole calendar days.
    #[must_use]
    pub fn days(days: i32) -> Self {
        Self(Span::new().days(days))
    }
}

impl PartialEq for Period {
    fn eq(&self, other: &Self) -> bool {
        self.0.fieldwise() == other.0.fieldwise()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Period {
    type Err = BadTime;
    fn from_str(text: &str) -> Result<Self, BadTime> {
        let wanted = "a period that moves forward, such as P1M, PT24H, 30d or 90s";
        match text.trim().parse::<Span>() {
            Ok(span) if !span.is_negative() => Ok(Self(span)),
            Ok(_) | Err(_) => Err(BadTime { text: text.to_owned(), wanted }),
        }
    }
}

impl TryFrom<String> for Period {
    type Error = BadTime;
    fn try_from(text: String) -> Result<Self, BadTime> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

/// How long one billing term lasts. The published list (openapi, 4 and 5 years since 2025-06), kept open: a unit that
/// the specification does not list is carried as it came.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum TermUnit {
    /// One month.
    P1M,
    /// One year.
    P1Y,
    /// Two years.
    P2Y,
    /// Three years.
    P3Y,
    /// Four years.
    P4Y,
    /// Five years.
    P5Y,
    /// A unit that the specification does not list, such as `PAY`.
    Other(Box<str>),
}

impl TermUnit {
    /// The unit as the API spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::P1M => "P1M",
            Self::P1Y => "P1Y",
            Self::P2Y => "P2Y",
            Self::P3Y => "P3Y",
            Self::P4Y => "P4Y",
            Self::P5Y => "P5Y",
            Self::Other(text) => text,
        }
    }

    /// Its length in calendar months; `None` for a unit whose length nobody has told.
    #[must_use]
    pub const fn months(&self) -> Option<i32> {
        match self {
            Self::P1M => Some(1),
            Self::P1Y => Some(12),
            Self::P2Y => Some(24),
            Self::P3Y => Some(36),
            Self::P4Y => Some(48),
            Self::P5Y => Some(60),
            Self::Other(_) => None,
        }
    }

    /// The unit as a buyer reads it: `month`, `3 years`.
    #[must_use]
    pub fn words(&self) -> String {
        match (self, self.months()) {
            (Self::Other(text), _) => text.to_string(),
            (_, Some(1)) => "month".to_owned(),
            (_, Some(12)) => "year".to_owned(),
            (_, Some(months)) if months % 12 == 0 => format!("{} years", months / 12),
            (_, Some(months)) => format!("{months} months"),
            (_, None) => self.to_string(),
        }
    }

    /// How long it is: `1 month`, `3 years`.
    #[must_use]
    pub fn length(&self) -> String {
        let one = if matches!(self.months(), Some(1 | 12)) { "1 " } else { "" };
        format!("{one}{}", self.words())
    }

    /// The words that `listAvailablePlans` shows: `1 Month Subscription` (recorded).
    #[must_use]
    pub fn description(&self) -> String {
        match self {
            Self::P1M => "1 Month Subscription".to_owned(),
            Self::P1Y => "1 Year Subscription".to_owned(),
            Self::P2Y => "2 Year Subscription".to_owned(),
            Self::P3Y => "3 Year Subscription".to_owned(),
            Self::P4Y => "4 Year Subscription".to_owned(),
            Self::P5Y => "5 Year Subscription".to_owned(),
            Self::Other(text) => format!("{text} Subscription"),
        }
    }
}

impl From<String> for TermUnit {
    fn from(text: String) -> Self {
        match text.as_str() {
            "P1M" => Self::P1M,
            "P1Y" => Self::P1Y,
            "P2Y" => Self::P2Y,
            "P3Y" => Self::P3Y,
            "P4Y" => Self::P4Y,
            "P5Y" => Self::P5Y,
            _ => Self::Other(text.into()),
        }
    }
}

impl From<TermUnit> for String {
    fn from(unit: TermUnit) -> Self {
        unit.as_str().to_owned()
    }
}

impl fmt::Display for TermUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The dates of one term; `end` is the last day that is still in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// First day, UTC.
    pub start: Date,
    /// Last day, UTC.
    pub end: Date,
}

impl Term {
    /// When the next term starts: the midnight after its last day.
    #[must_use]
    pub fn next_start(self) -> Timestamp {
        Timestamp::midnight(self.end.tomorrow().unwrap_or(self.end))
    }

    /// How many days it has.
    #[must_use]
    pub fn days(self) -> u32 {
        let days = self.start.until(self.end).map_or(0, |span| span.get_days()).saturating_add(1);
        u32::try_from(days).unwrap_or(0)
    }

    /// The term of `unit` that starts on the day of `at`: start + n months, month ends clamped, minus one day
    /// (238 of 242 recorded terms fit). A unit of unknown length is taken for a month.
    #[must_use]
    pub fn starting(at: Timestamp, unit: &TermUnit) -> Self {
        let start = at.date();
        let months = Span::new().months(unit.months().unwrap_or(1));
        let next = start.saturating_add(months);
        Self { start, end: next.yesterday().unwrap_or(next) }
    }

    /// The term of `unit` that the day of `at` lies in, when this is the first one and they follow without gaps. All are
    /// counted from the first start, so that a 31st does not drift. An instant before this term counts to this one.
    #[must_use]
    pub fn containing(self, at: Timestamp, unit: &TermUnit) -> Self {
        let months = i64::from(unit.months().unwrap_or(1).max(1));
        let nth_start = |n: i64| self.start.saturating_add(Span::new().months(n.saturating_mul(months)));
        let day = at.date();
        let passed = i64::from(day.year().saturating_sub(self.start.year()))
            .saturating_mul(12)
            .saturating_add(i64::from(day.month().saturating_sub(self.start.month())));
        let guess = passed.div_euclid(months).max(0);
        // Within the month of the guess, its start may still be ahead.
        let n = if nth_start(guess) > day { guess.saturating_sub(1).max(0) } else { guess };
        let next = nth_start(n.saturating_add(1));
        Self { start: nth_start(n), end: next.yesterday().unwrap_or(next) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_in_words() {
        let table = [
            (TermUnit::P1M, "month", "1 month"),
            (TermUnit::P1Y, "year", "1 year"),
            (TermUnit::P3Y, "3 years", "3 years"),
            (TermUnit::Other("PAY".into()), "PAY", "PAY"),
        ];
        for (unit, words, length) in table {
            assert_eq!((unit.words().as_str(), unit.length().as_str()), (words, length));
        }
    }

    #[test]
    fn terms_fit_the_recorded_ones() {
        let table = [
            ("2019-12-01T10:00:00Z", TermUnit::P1M, "2019-12-01", "2019-12-31"),
            ("2021-03-07T00:00:00Z", TermUnit::P1M, "2021-03-07", "2021-04-06"),
            ("2019-10-31T23:59:59Z", TermUnit::P1M, "2019-10-31", "2019-11-29"),
            ("2020-12-23T01:00:00Z", TermUnit::P1Y, "2020-12-23", "2021-12-22"),
            ("2024-01-14T01:00:00Z", TermUnit::P1M, "2024-01-14", "2024-02-13"),
            ("2024-02-29T01:00:00Z", TermUnit::P3Y, "2024-02-29", "2027-02-27"),
        ];
        for (at, unit, start, end) in table {
            let term = Term::starting(at.parse().unwrap(), &unit);
            assert_eq!(
                (term.start.to_string(), term.end.to_string()),
                (start.to_owned(), end.to_owned()),
                "{at} {unit}"
            );
        }
    }

    #[test]
    fn a_later_term_is_counted_from_the_first() {
        let first = |at: &str, unit: &TermUnit| Term::starting(at.parse().unwrap(), unit);
        let table = [
            ("2026-01-31T09:00:00Z", TermUnit::P1M, "2026-02-27T23:59:59Z", "2026-01-31", "2026-02-27"),
            ("2026-01-31T09:00:00Z", TermUnit::P1M, "2026-02-28T00:00:00Z", "2026-02-28", "2026-03-30"),
            ("2026-01-31T09:00:00Z", TermUnit::P1M, "2026-03-31T00:00:00Z", "2026-03-31", "2026-04-29"),
            ("2026-01-31T09:00:00Z", TermUnit::P1M, "2025-12-31T00:00:00Z", "2026-01-31", "2026-02-27"),
            ("2024-02-29T09:00:00Z", TermUnit::P1Y, "2025-02-27T00:00:00Z", "2024-02-29", "2025-02-27"),
            ("2024-02-29T09:00:00Z", TermUnit::P1Y, "2028-02-29T00:00:00Z", "2028-02-29", "2029-02-27"),
            ("2026-06-15T09:00:00Z", TermUnit::P3Y, "2030-01-01T00:00:00Z", "2029-06-15", "2032-06-14"),
        ];
        for (start, unit, at, from, until) in table {
            let term = first(start, &unit).containing(at.parse().unwrap(), &unit);
            assert_eq!(
                (term.start.to_string(), term.end.to_string()),
                (from.to_owned(), until.to_owned()),
                "{unit} {at}"
            );
        }
    }

    #[test]
    fn fractions_are_trimmed_as_dotnet_trims_them() {
        let table = [
            ("2023-04-14T00:07:14.962328Z", "2023-04-14T00:07:14.962Z"),
            ("2023-04-14T00:07:14.900Z", "2023-04-14T00:07:14.9Z"),
            ("2023-04-14T02:07:14+02:00", "2023-04-14T00:07:14Z"),
        ];
        for (text, printed) in table {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), printed);
        }
    }

    #[test]
    fn periods_are_read_as_people_and_iso_write_them() {
        let start: Timestamp = "2026-01-31T00:00:00Z".parse().unwrap();
        let table = [
            ("P1M", Some("2026-02-28T00:00:00Z")),
            ("PT24H", Some("2026-02-01T00:00:00Z")),
            ("24h", Some("2026-02-01T00:00:00Z")),
            ("30 days", Some("2026-03-02T00:00:00Z")),
            ("PT0S", Some("2026-01-31T00:00:00Z")),
            ("-P1D", None),
            ("soon", None),
            ("", None),
        ];
        for (text, expected) in table {
            let found = text.parse::<Period>().ok().map(|period| start.plus(period).to_string());
            assert_eq!(found.as_deref(), expected, "{text:?}");
        }
    }
}

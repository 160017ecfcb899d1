//! Days and months, counted anew: the model shares no arithmetic with what it checks.

/// A day: how many since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(pub(super) i64);

pub(super) const DAY: i64 = 24 * 60 * 60 * 1000;

impl Day {
    /// The day of an instant, in milliseconds since 1970.
    pub(super) const fn of(instant: i64) -> Self {
        Self(instant.div_euclid(DAY))
    }

    pub(super) const fn midnight(self) -> i64 {
        self.0 * DAY
    }

    const fn is_leap(year: i64) -> bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    fn length(year: i64, month: i64) -> i64 {
        match month {
            2 if Self::is_leap(year) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    /// Year, month and day of the month: by walking through the years and the months.
    pub(super) fn civil(self) -> (i64, i64, i64) {
        let (mut year, mut rest) = (1970, self.0);
        loop {
            let days = if Self::is_leap(year) { 366 } else { 365 };
            if rest < days {
                break;
            }
            rest -= days;
            year += 1;
        }
        let mut month = 1;
        while rest >= Self::length(year, month) {
            rest -= Self::length(year, month);
            month += 1;
        }
        (year, month, rest + 1)
    }

    /// The same day some months later; the last of the month where there is no such day.
    pub(super) fn plus_months(self, months: i64) -> Self {
        let (year, month, day) = self.civil();
        let all = (month - 1) + months;
        let (year, month) = (year + all.div_euclid(12), all.rem_euclid(12) + 1);
        let before = (1970..year).map(|year| if Self::is_leap(year) { 366 } else { 365 }).sum::<i64>();
        let in_year = (1..month).map(|month| Self::length(year, month)).sum::<i64>();
        Self(before + in_year + day.min(Self::length(year, month)) - 1)
    }

    /// As the API writes it.
    pub(super) fn text(self) -> String {
        let (year, month, day) = self.civil();
        format!("{year:04}-{month:02}-{day:02}T00:00:00Z")
    }
}

#[test]
fn days_and_months_are_those_of_the_calendar() {
    assert_eq!(Day(20_484).text(), "2026-01-31T00:00:00Z");
    assert_eq!(Day(20_484).plus_months(1).text(), "2026-02-28T00:00:00Z");
    assert_eq!(Day(20_484).plus_months(25).text(), "2028-02-29T00:00:00Z");
    assert_eq!(Day(20_484).plus_months(2).text(), "2026-03-31T00:00:00Z");
}

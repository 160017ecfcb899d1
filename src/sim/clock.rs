//! The sandbox's clock, and the one place that reads the machine's.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// The machine's clock, behind a trait so that tests bring their own.
pub trait WallClock: std::fmt::Debug + Send + Sync {
    /// The machine's time.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsClock;

impl WallClock for OsClock {
    #[expect(clippy::disallowed_methods, reason = "the one reader of the machine's clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Measures how long something takes in real time: latencies for people, never part of a decision.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts to measure.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one reader of the machine's monotonic clock")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The real time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// The same in microseconds, as the journal has it.
    #[must_use]
    pub fn micros(&self) -> u64 {
        u64::try_from(self.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// A sandbox's clock. It never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Clock {
    /// The machine's time plus an offset.
    Running {
        /// Milliseconds ahead of the machine.
        offset_millis: i64,
    },
    /// Stands still until it is moved.
    Frozen {
        /// Where it stands.
        at: Timestamp,
    },
}

impl Clock {
    /// A clock that agrees with the machine's.
    #[must_use]
    pub const fn wall() -> Self {
        Self::Running { offset_millis: 0 }
    }

    /// What it shows when the machine's shows `wall`.
    #[must_use]
    pub fn read(&self, wall: Timestamp) -> Timestamp {
        match *self {
            Self::Running { offset_millis } => wall.plus_millis(offset_millis),
            Self::Frozen { at } => at,
        }
    }

    /// The same clock, standing still at what it shows, or later.
    #[must_use]
    pub fn frozen(&self, wall: Timestamp, at: Option<Timestamp>) -> Self {
        let now = self.read(wall);
        Self::Frozen { at: at.map_or(now, |at| at.max(now)) }
    }

    /// The same clock, running on from what it shows.
    #[must_use]
    pub fn running(&self, wall: Timestamp) -> Self {
        Self::Running { offset_millis: self.read(wall).as_millis().saturating_sub(wall.as_millis()) }
    }

    /// The same clock, showing `at`, or what it shows if that is later. It keeps its mode.
    #[must_use]
    pub fn moved_to(&self, at: Timestamp, wall: Timestamp) -> Self {
        let at = at.max(self.read(wall));
        match self {
            Self::Frozen { .. } => Self::Frozen { at },
            Self::Running { .. } => Self::Frozen { at }.running(wall),
        }
    }

    /// Whether it stands still.
    #[must_use]
    pub const fn is_frozen(&self) -> bool {
        matches!(self, Self::Frozen { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_clock_keeps_its_time_through_freeze_and_resume_and_never_goes_back() {
        let clock = Clock::wall();
        assert_eq!(clock.read(at(1000)), at(1000));
        let clock = clock.frozen(at(1000), None);
        assert_eq!(clock.read(at(9000)), at(1000));
        let clock = clock.moved_to(at(50_000), at(9000));
        assert_eq!(clock.read(at(9000)), at(50_000));
        assert_eq!(clock.moved_to(at(10), at(9000)), clock);
        let clock = clock.running(at(10_000));
        assert_eq!(clock.read(at(11_000)), at(51_000));
        let clock = clock.moved_to(at(60_000), at(11_000));
        assert_eq!(clock.read(at(12_000)), at(61_000));
        assert_eq!(clock.frozen(at(12_000), Some(at(5))).read(at(0)), at(61_000));
    }
}

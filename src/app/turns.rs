//! How processes that work on one sandbox at the same time let each other through.

use std::time::Duration;

use crate::sim::entropy::Jitter;

/// The longest pause after the first time that another was first, in microseconds; twice as long after each further time.
const PAUSE_MICROS: u64 = 2_000;
/// The longest pause of all.
const LONGEST_MICROS: u64 = 64_000;

/// A moment: longer than what lingers in a mailbox, and its commit.
const A_MOMENT: Duration = Duration::from_millis(20);

/// Commits of ours in a row after which others are believed to have gone away.
const ALONE_AFTER: u32 = 16;

/// Whose turn it has been.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// How often in a row another process was first.
    lost: u32,
    /// How many more commits of ours make us believe that nobody else is here.
    until_alone: u32,
    jitter: Jitter,
}

impl Turns {
    /// Before the first turn: where there may be others, they are believed to be there.
    pub(super) fn begin(may_be_shared: bool) -> Self {
        Self { until_alone: if may_be_shared { ALONE_AFTER } else { 0 }, ..Self::default() }
    }

    /// Ours was first.
    pub(super) const fn is_ours(&mut self) {
        self.lost = 0;
        self.until_alone = self.until_alone.saturating_sub(1);
    }

    /// Another process has changed something since our last commit.
    pub(super) const fn was_theirs(&mut self) {
        self.until_alone = ALONE_AFTER;
    }

    /// Whether others have been here a moment ago: then the next command may as well come to them, and there is no use in
    /// waiting for it.
    pub(super) const fn are_shared(&self) -> bool {
        self.until_alone > 0
    }

    /// Another one was first: lets it have its way for a while.
    #[expect(clippy::disallowed_methods, reason = "processes yield to each other on the machine's time")]
    pub(super) async fn yielded(&mut self) {
        let longest = longest(self.lost);
        let micros = (longest / 2).saturating_add(self.jitter.below(longest / 2));
        self.lost = self.lost.saturating_add(1);
        tokio::time::sleep(Duration::from_micros(micros)).await;
    }
}

/// Lets another process get on with what has to be done before ours.
#[expect(clippy::disallowed_methods, reason = "processes yield to each other on the machine's time")]
pub(super) async fn a_moment() {
    tokio::time::sleep(A_MOMENT).await;
}

/// The longest pause after having lost so often before, in microseconds. How much of its second half is taken is drawn, so
/// that two who have met don't meet again.
fn longest(lost: u32) -> u64 {
    PAUSE_MICROS.saturating_mul(1 << lost.min(10)).min(LONGEST_MICROS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_forgotten_after_some_turns_of_ours() {
        assert!(!Turns::begin(false).are_shared());
        let mut turns = Turns::begin(true);
        for _ in 0..ALONE_AFTER {
            assert!(turns.are_shared());
            turns.is_ours();
        }
        assert!(!turns.are_shared());
        turns.was_theirs();
        for _ in 0..ALONE_AFTER {
            assert!(turns.are_shared());
            turns.is_ours();
        }
        assert!(!turns.are_shared());
    }

    #[test]
    fn pauses_grow_up_to_the_longest() {
        for (lost, micros) in [(0, 2_000), (1, 4_000), (4, 32_000), (5, 64_000), (99, 64_000)] {
            assert_eq!(longest(lost), micros, "{lost}");
        }
    }
}

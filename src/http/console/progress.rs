//! How far the publisher has come with a purchase, as the journal tells it.

use crate::{
    app::{Entry, What},
    domain::event::Event,
    http::words::{Moment, in_prose},
};

/// What the publisher did last.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// The entry that tells of it.
    pub(super) entry: u64,
    pub(super) href: String,
    pub(super) words: String,
    /// Whether it has stopped there.
    pub(super) is_bad: bool,
    /// When an activation takes effect that was asked for.
    pub(super) effective_at: Option<Moment>,
}

impl Progress {
    /// From a subscription's entries, oldest first; `None` if the publisher has not begun, as far as they tell.
    pub(super) fn of(entries: &[Entry]) -> Option<Self> {
        let mut found = None;
        let mut asked_for = None;
        for entry in entries {
            match &entry.what {
                // What it is told of changes is no part of setting it up.
                What::PublisherStep(step) if !matches!(step.step.as_str(), "webhook" | "answerOperation") => {
                    let is_bad = step.outcome == "gaveUp";
                    let more = match step.outcome.as_str() {
                        "failed" => format!(" That was attempt {}; it tries again by itself.", step.attempt),
                        "gaveUp" => {
                            format!(" That was attempt {}; the next is asked for on its page.", step.attempt)
                        }
                        _ => String::new(),
                    };
                    found = Some((entry.seq.0, format!("{}{more}", in_prose(&step.summary)), is_bad));
                }
                What::Fact(Event::ActivationRequested { effective_at }) => asked_for = Some(*effective_at),
                What::Fact(event @ Event::ActivationFailed {}) => {
                    asked_for = None;
                    found = Some((entry.seq.0, in_prose(&event.sentence()), true));
                }
                What::Fact(Event::Activated { .. }) => asked_for = None,
                _ => {}
            }
        }
        let (entry, words, is_bad) = found?;
        let effective_at = asked_for.map(Moment::of);
        Some(Self { entry, href: format!("#entry-{entry}"), words, is_bad, effective_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{Player, PublisherStep},
        domain::{event::Seq, time::Timestamp},
    };

    fn step(step: &str, outcome: &str, attempt: u32) -> What {
        What::PublisherStep(PublisherStep {
            publisher: "contoso".parse().unwrap(),
            step: step.to_owned(),
            outcome: outcome.to_owned(),
            attempt,
            summary: format!("{step}."),
        })
    }

    /// Number of the entry, part of its words, whether it has stopped, whether it takes effect later.
    type Told = (u64, &'static str, bool, bool);

    #[test]
    fn the_publishers_last_step_is_told_with_what_comes_next() {
        let at = Timestamp::from_millis(0);
        let asked = || What::Fact(Event::ActivationRequested { effective_at: at });
        let failed = || What::Fact(Event::ActivationFailed {});
        let table: [(Vec<What>, Option<Told>); 7] = [
            (vec![], None),
            (vec![step("webhook", "done", 1)], None),
            (vec![step("formSubmitted", "done", 1)], Some((1, "formSubmitted.", false, false))),
            (vec![step("activate", "failed", 2)], Some((1, "attempt 2; it tries again", false, false))),
            (vec![step("activate", "gaveUp", 8)], Some((1, "attempt 8; the next is asked for", true, false))),
            (vec![asked(), step("activate", "done", 1)], Some((2, "activate.", false, true))),
            (vec![asked(), step("activate", "done", 1), failed()], Some((3, "failed on Microsoft", true, false))),
        ];
        for (entries, expected) in table {
            let entries = entries.into_iter().zip(1..).map(|(what, seq)| Entry {
                seq: Seq(seq),
                at,
                wall_at: at,
                subscription: None,
                from: Player::Publisher,
                what,
            });
            let found = Progress::of(&entries.collect::<Vec<_>>());
            match (found, expected) {
                (None, None) => {}
                (Some(found), Some((entry, part, is_bad, is_asked_for))) => {
                    let seen = (found.entry, found.is_bad, found.effective_at.is_some());
                    assert_eq!(seen, (entry, is_bad, is_asked_for));
                    assert!(found.words.contains(part), "{}", found.words);
                }
                (found, expected) => panic!("{found:?} is not {expected:?}"),
            }
        }
    }
}

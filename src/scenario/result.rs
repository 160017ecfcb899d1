//! What came of a run: plain data, from which every report is written. What may differ from run to run (real time) is
//! kept apart from what may not.

use std::{sync::Arc, time::Duration};

use serde_json::Value as Json;

use crate::{
    diagnostic::{Diagnostic, Spot},
    wire::control::{JournalEntryView, Player},
};

use super::{
    ast::Source,
    check::Check,
    codes::{encoded, shortened},
    stage::Seen,
};

/// How a run as a whole ended. Each has its own exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Everything was as expected.
    Passed,
    /// Something was not.
    Failed,
    /// A scenario took longer than it may.
    TimedOut,
    /// A file is no scenario; nothing was run.
    BadScenario,
}

/// What came of playing some files.
#[derive(Debug)]
pub struct PlayResult {
    /// The scenarios, in the order of the files; empty if a file is bad.
    pub scenarios: Vec<ScenarioResult>,
    /// What is wrong with the files.
    pub problems: Vec<Diagnostic>,
    /// Real time that all of it took.
    pub wall: Duration,
}

impl PlayResult {
    /// How it ended: the worst of what happened.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if !self.problems.is_empty() {
            return Verdict::BadScenario;
        }
        self.scenarios.iter().map(ScenarioResult::verdict).max().unwrap_or(Verdict::Passed)
    }
}

/// What came of one scenario.
#[derive(Debug)]
pub struct ScenarioResult {
    /// The file.
    pub source: Arc<Source>,
    /// The scenario's name.
    pub name: String,
    /// The place of its name, to which a failure outside of every step is pinned.
    pub name_spot: Spot,
    /// Its seed.
    pub seed: u64,
    /// Where its clock stood at first.
    pub start: String,
    /// Its steps, in order.
    pub steps: Vec<StepResult>,
    /// Why it failed outside of its steps: its sandbox could not be set up, or its journal not be read.
    pub trouble: Option<Failure>,
    /// The journal of its sandbox.
    pub journal: Vec<JournalLine>,
    /// The name of its sandbox, which reports leave out: it is another one in each run.
    pub sandbox: String,
    /// Real time that it took.
    pub wall: Duration,
}

/// What came of a step.
#[derive(Debug)]
pub struct StepResult {
    /// The step's name.
    pub kind: &'static str,
    /// The place of its name.
    pub spot: Spot,
    /// The step as a sentence.
    pub sentence: String,
    /// How it went.
    pub status: StepStatus,
    /// All that was compared.
    pub checks: Vec<Check>,
    /// Real time that it took.
    pub wall: Duration,
}

/// How a step went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepStatus {
    /// As it should.
    Passed,
    /// Not as it should; the failures, at least one.
    Failed(Vec<Failure>),
    /// It took longer than it may.
    TimedOut(Failure),
    /// It was not tried, since a step before it failed.
    Skipped,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The place in the file that shows it best.
    pub spot: Spot,
    /// What was looked at or tried.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub fix: String,
}

/// A line of the sequence: who called whom, and what happened. No real time, no request ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalLine {
    /// Its number in the journal.
    pub seq: u64,
    /// Sandbox time.
    pub at: String,
    /// The kind.
    pub kind: String,
    /// Who acted.
    pub from: Player,
    /// Who was called, and how that went; absent for a fact.
    pub call: Option<CallLine>,
    /// One sentence.
    pub summary: String,
}

/// A call in the sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallLine {
    /// Who was called.
    pub to: Player,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The status of the answer.
    pub status: u64,
}

impl ScenarioResult {
    /// How it ended.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let of_step = |step: &StepResult| match step.status {
            StepStatus::Passed | StepStatus::Skipped => Verdict::Passed,
            StepStatus::Failed(_) => Verdict::Failed,
            StepStatus::TimedOut(_) => Verdict::TimedOut,
        };
        let steps = self.steps.iter().map(of_step).max().unwrap_or(Verdict::Passed);
        if self.trouble.is_some() { steps.max(Verdict::Failed) } else { steps }
    }

    /// Everything that is wrong.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        let of_steps = self.steps.iter().flat_map(|step| match &step.status {
            StepStatus::Failed(failures) => failures.as_slice(),
            StepStatus::TimedOut(failure) => std::slice::from_ref(failure),
            StepStatus::Passed | StepStatus::Skipped => &[],
        });
        of_steps.chain(&self.trouble)
    }
}

impl JournalLine {
    /// The part of an entry that is the same in every run.
    pub(super) fn of(entry: &JournalEntryView, mask: &Mask) -> Self {
        let text = |name: &str| entry.data.get(name).and_then(Json::as_str).unwrap_or_default();
        let call = entry.to.map(|to| CallLine {
            to,
            method: text("method").to_owned(),
            path: mask.apply(text("path")),
            status: entry.data.get("status").and_then(Json::as_u64).unwrap_or_default(),
        });
        Self {
            seq: entry.seq,
            at: entry.at.clone(),
            kind: entry.kind.clone(),
            from: entry.from,
            call,
            summary: mask.apply(&entry.summary),
        }
    }
}

/// The name of a player in reports.
#[must_use]
pub const fn player(player: Player) -> &'static str {
    match player {
        Player::Partner => "partner",
        Player::PartnerCenter => "partnerCenter",
        Player::Publisher => "publisher",
        Player::Marketplace => "marketplace",
        Player::Identity => "identity",
        Player::Operator => "operator",
    }
}

/// Takes out of a text what depends on where the run happens, and shortens codes, which are bearer secrets.
#[derive(Debug)]
pub(super) struct Mask(Vec<(String, String)>);

impl Mask {
    pub(super) fn new(base: &reqwest::Url, sandbox: &str, seen: &Seen) -> Self {
        let mut replaced = Vec::new();
        for code in &seen.codes {
            replaced.push((encoded(&encoded(code)), shortened(code)));
            replaced.push((encoded(code), shortened(code)));
            replaced.push((code.clone(), shortened(code)));
            replaced.push((code.replace('+', " "), shortened(code)));
        }
        let base = base.as_str().trim_end_matches('/');
        replaced.push((base.to_owned(), "{base}".to_owned()));
        replaced.push((encoded(base), "{base}".to_owned()));
        replaced.push((sandbox.to_owned(), "{sandbox}".to_owned()));
        replaced.extend(seen.identities.iter().cloned());
        Self(replaced)
    }

    pub(super) fn apply(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from.as_str(), to))
    }

    pub(super) fn failure(&self, failure: Failure) -> Failure {
        Failure {
            spot: failure.spot,
            what: self.apply(&failure.what),
            expected: self.apply(&failure.expected),
            found: self.apply(&failure.found),
            fix: self.apply(&failure.fix),
        }
    }

    pub(super) fn check(&self, check: Check) -> Check {
        Check {
            expected: self.apply(&check.expected),
            found: self.apply(&check.found),
            fix: check.fix.map(|fix| self.apply(&fix)),
            ..check
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_runs_and_what_is_secret_is_taken_out() {
        let code = "abcd+fgh/jklmnop==".to_owned();
        let tenant = ("7c3f0a54-5b0e-4f6a-8d31-2f9e6b1c0d47".to_owned(), "{tenant of contoso}".to_owned());
        let seen = Seen { codes: vec![code.clone()], identities: vec![tenant] };
        let mask = Mask::new(&"http://127.0.0.1:49152".parse().unwrap(), "play-ok-sale", &seen);
        assert_eq!(mask.apply("/7c3f0a54-5b0e-4f6a-8d31-2f9e6b1c0d47/oauth2"), "/{tenant of contoso}/oauth2");
        let link = format!("http://127.0.0.1:49152/x?token={}&sandbox=play-ok-sale", encoded(&code));
        assert_eq!(mask.apply(&link), "{base}/x?token=abcd+fgh…&sandbox={sandbox}");
        assert_eq!(mask.apply(&format!("{code} {}", code.replace('+', " "))), "abcd+fgh… abcd+fgh…");
    }

    #[test]
    fn the_worst_of_what_happened_is_the_verdict() {
        assert!(Verdict::BadScenario > Verdict::TimedOut && Verdict::TimedOut > Verdict::Failed);
        assert!(Verdict::Failed > Verdict::Passed);
    }
}

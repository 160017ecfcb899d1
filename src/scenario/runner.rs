//! Carries a scenario out, step by step, in a sandbox of its own. It ends in a result value; nothing is printed here.
//!
//! ```text
//! create the sandbox (seed, frozen clock)
//! for each step:  fill in the values -> act -> settle the sandbox -> compare;  stop at the first that fails
//! read the journal, delete the sandbox
//! ```

use std::{future::Future, sync::Arc, time::Duration};

use reqwest::{Client, Url};
use tokio::sync::watch;

use crate::{diagnostic::Spot, sim::clock::Stopwatch, wire::control::JournalEntryView};

use super::{
    ast::{Refused, Scenario, Step},
    check::Check,
    refusal::Refusal,
    result::{Failure, JournalLine, Mask, ScenarioResult, StepResult, StepStatus},
    stage::{Stage, Trouble, Turn},
    steps::{Done, Role, journal_entries, sentence},
};

/// How to run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Real time that one scenario may take.
    pub timeout: Duration,
    /// Leave the sandboxes as they are at the end, to look at them.
    pub keep: bool,
    /// How many scenarios run at once.
    pub at_once: usize,
    /// What the names of the sandboxes begin with.
    pub prefix: String,
    /// What they end with, on a server that others play against as well: something that no other run has.
    pub mark: Option<String>,
    /// The key that the server's control API asks for.
    pub key: Option<String>,
    /// The seed of every scenario instead of its own.
    pub seed: Option<u64>,
    /// Turns true when the run is to be broken off: what was begun is told and cleared away, the rest is left out.
    pub stop: Option<watch::Receiver<bool>>,
}

impl RunOptions {
    /// Waits until the run is to be broken off.
    async fn stopped(&self) {
        if let Some(stop) = &self.stop
            && stop.clone().wait_for(|is_stopped| *is_stopped).await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            keep: false,
            at_once: 4,
            prefix: "play".to_owned(),
            mark: None,
            key: None,
            seed: None,
            stop: None,
        }
    }
}

/// Real time for reading the journal and clearing up, whatever time the steps have used.
const TAIL: Duration = Duration::from_secs(20);

/// Runs a scenario against the server at `base_url`, in a sandbox named after its file.
pub async fn run(scenario: &Scenario, base_url: &Url, options: &RunOptions) -> ScenarioResult {
    run_in(scenario, base_url, options, &super::play::sandbox_name(options, &scenario.source.file)).await
}

/// Runs a scenario in a sandbox of that name, which is made afresh.
pub(super) async fn run_in(scenario: &Scenario, base: &Url, options: &RunOptions, sandbox: &str) -> ScenarioResult {
    let watch = Stopwatch::start();
    let seed = options.seed.unwrap_or(scenario.seed);
    let mut result = ScenarioResult {
        source: Arc::clone(&scenario.source),
        name: scenario.name.value.clone(),
        name_spot: scenario.name.spot,
        seed,
        start: scenario.start.clone(),
        steps: Vec::new(),
        trouble: None,
        journal: Vec::new(),
        sandbox: sandbox.to_owned(),
        wall: Duration::ZERO,
    };
    let client = match Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build() {
        Ok(client) => client,
        Err(error) => {
            let fix = "this is a fault of the machine, not of the scenario".to_owned();
            let broken = Trouble::Broken { message: format!("no HTTP client can be made: {error}"), fix };
            result.trouble = Some(trouble(broken, scenario.name.spot, "starting"));
            return result;
        }
    };
    let mut stage = Stage::new(&client, (base, options.key.as_deref()), sandbox);
    let set = tokio::select! {
        // What is to be broken off is not even begun.
        biased;
        () = options.stopped() => None,
        set = within(options.timeout, stage.set(seed, &scenario.start)) => Some(set),
    };
    match set {
        Some(Ok(())) => steps(scenario, &mut stage, options, watch, &mut result).await,
        Some(Err(broken)) => {
            result.trouble = Some(trouble(broken, scenario.name.spot, "setting up the sandbox"));
            hide(&mut result, &Mask::new(base, sandbox, &stage.seen()));
            result.wall = watch.elapsed();
            return result;
        }
        None => {
            result.trouble = Some(broken_off(scenario.name.spot, "setting up the sandbox"));
            result.steps = scenario.steps.iter().map(skipped).collect();
        }
    }
    let is_set = set.is_some();
    let journal = if is_set { within(TAIL, told(&mut stage)).await } else { Ok(Vec::new()) };
    let mask = Mask::new(base, sandbox, &stage.seen());
    match journal {
        Ok(entries) => result.journal = entries.iter().map(|entry| JournalLine::of(entry, &mask)).collect(),
        Err(broken) => {
            result.trouble.get_or_insert_with(|| trouble(broken, scenario.name.spot, "reading the journal"));
        }
    }
    // One that was broken off while it was made may be there or not.
    if !options.keep
        && let Err(broken) = within(TAIL, stage.strike()).await
    {
        result.trouble.get_or_insert_with(|| trouble(broken, scenario.name.spot, "deleting the sandbox"));
    }
    hide(&mut result, &mask);
    result.wall = watch.elapsed();
    result
}

/// The journal, and before it what of it must not be shown as it is.
async fn told(stage: &mut Stage<'_>) -> Result<Vec<JournalEntryView>, Trouble> {
    stage.environment().await?;
    journal_entries(stage).await
}

fn broken_off(spot: Spot, what: &str) -> Failure {
    Failure {
        spot,
        what: what.to_owned(),
        expected: "the scenario is played to its end".to_owned(),
        found: "it was interrupted here".to_owned(),
        fix: "play it again".to_owned(),
    }
}

fn skipped(step: &Step) -> StepResult {
    let (status, checks, wall) = (StepStatus::Skipped, Vec::new(), Duration::ZERO);
    StepResult { kind: step.kind.name, spot: step.spot, sentence: sentence(step), status, checks, wall }
}

/// Every text of the result goes through the mask, so that no report can forget to.
fn hide(result: &mut ScenarioResult, mask: &Mask) {
    result.trouble = result.trouble.take().map(|failure| mask.failure(failure));
    for step in &mut result.steps {
        step.checks = std::mem::take(&mut step.checks).into_iter().map(|check| mask.check(check)).collect();
        step.status = match std::mem::replace(&mut step.status, StepStatus::Skipped) {
            StepStatus::Failed(failures) => {
                StepStatus::Failed(failures.into_iter().map(|failure| mask.failure(failure)).collect())
            }
            StepStatus::TimedOut(failure) => StepStatus::TimedOut(mask.failure(failure)),
            other @ (StepStatus::Passed | StepStatus::Skipped) => other,
        };
    }
}

/// The outcome, or trouble that says that the time is over.
async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        Err(Trouble::Broken {
            message: "no answer in time".to_owned(),
            fix: "give it more time, or look at what the server is doing".to_owned(),
        })
    })
}

async fn steps(
    scenario: &Scenario,
    stage: &mut Stage<'_>,
    options: &RunOptions,
    watch: Stopwatch,
    result: &mut ScenarioResult,
) {
    let mut going = true;
    for step in &scenario.steps {
        if !going {
            result.steps.push(skipped(step));
            continue;
        }
        let begun = Stopwatch::start();
        let left = options.timeout.saturating_sub(watch.elapsed());
        let ended = tokio::select! {
            biased;
            () = options.stopped() => None,
            ended = tokio::time::timeout(left, one(step, stage)) => Some(ended),
        };
        let (status, checks) = match ended {
            Some(Ok(ended)) => ended,
            Some(Err(_)) => (StepStatus::TimedOut(too_slow(step, options.timeout)), Vec::new()),
            None => {
                result.trouble = Some(broken_off(step.spot, step.kind.name));
                (StepStatus::Skipped, Vec::new())
            }
        };
        going = status == StepStatus::Passed;
        let (sentence, wall) = (sentence(step), begun.elapsed());
        result.steps.push(StepResult { kind: step.kind.name, spot: step.spot, sentence, status, checks, wall });
    }
}

fn too_slow(step: &Step, timeout: Duration) -> Failure {
    Failure {
        spot: step.spot,
        what: step.kind.name.to_owned(),
        expected: format!("the scenario ends within {} seconds", timeout.as_secs()),
        found: "it was still at this step".to_owned(),
        fix: "give it more time, or look at what the server is doing".to_owned(),
    }
}

/// A step and the settling after it.
async fn one(step: &Step, stage: &mut Stage<'_>) -> (StepStatus, Vec<Check>) {
    let turn = Turn::new(step, &stage.values);
    stage.takes_too_many = step.refused.as_ref().is_some_and(Refused::is_too_many);
    let outcome = (step.kind.act)(stage, &turn).await;
    stage.takes_too_many = false;
    let settled = if step.kind.role == Role::Action { stage.settle().await } else { Ok(()) };
    let (mut failures, checks) = judge(step, stage, outcome);
    if failures.is_empty()
        && let Err(broken) = settled
    {
        failures.push(trouble(broken, step.spot, "settling the sandbox"));
    }
    let status = if failures.is_empty() { StepStatus::Passed } else { StepStatus::Failed(failures) };
    (status, checks)
}

/// What is wrong with an outcome, and all that was compared on the way.
fn judge(step: &Step, stage: &mut Stage<'_>, outcome: Result<Done, Trouble>) -> (Vec<Failure>, Vec<Check>) {
    match (outcome, &step.refused) {
        (Ok(done), None) => {
            if let (Some(save), Some(thing)) = (&step.save, step.kind.brings) {
                stage.values.save(&save.value, thing, done.brings);
            }
            (mismatches(&done.checks), done.checks)
        }
        (Ok(done), Some(refused)) => {
            let failure = Failure {
                spot: refused.spot,
                what: step.kind.name.to_owned(),
                expected: "a refusal".to_owned(),
                found: "it was accepted".to_owned(),
                fix: "leave `refused` out, or change what is asked for".to_owned(),
            };
            (vec![failure], done.checks)
        }
        (Err(Trouble::Refused(refusal)), Some(refused)) => {
            let checks = refusal.compare(refused);
            (mismatches(&checks), checks)
        }
        (Err(Trouble::Refused(refusal)), None) => (vec![unexpected(step, &refusal)], Vec::new()),
        (Err(broken), _) => (vec![trouble(broken, step.spot, step.kind.name)], Vec::new()),
    }
}

fn mismatches(checks: &[Check]) -> Vec<Failure> {
    let failed = checks.iter().filter(|check| !check.passed);
    let failure = |check: &Check| Failure {
        spot: check.spot,
        what: check.path.clone(),
        expected: check.expected.clone(),
        found: check.found.clone(),
        fix: check.fix.clone().unwrap_or_else(|| {
            "if what was found is right, change the expectation; if not, the sequence shows how it came to be"
                .to_owned()
        }),
    };
    failed.map(failure).collect()
}

/// A refusal that nobody expected, shown at the field that it is about if the step has it.
fn unexpected(step: &Step, refusal: &Refusal) -> Failure {
    let field = refusal.reasons.iter().find_map(|reason| reason.field.as_deref());
    let arg = step.args.iter().find(|arg| Some(arg.key.value.as_str()) == field);
    let hint = refusal.hint.as_deref().map_or_else(String::new, |hint| format!("{hint} "));
    Failure {
        spot: arg.map_or(step.spot, |arg| arg.value.spot),
        what: step.kind.name.to_owned(),
        expected: "it is done".to_owned(),
        found: format!("refused: {}", refusal.sentence()),
        fix: format!("{hint}If the refusal is right, expect it: `{}`", refusal.as_expectation()),
    }
}

fn trouble(trouble: Trouble, spot: Spot, what: &str) -> Failure {
    let (found, fix) = match trouble {
        Trouble::Broken { message, fix } => (message, fix),
        Trouble::Refused(refusal) => {
            let fix = refusal.hint.clone().unwrap_or_else(|| "look at the server's log".to_owned());
            (format!("refused: {}", refusal.sentence()), fix)
        }
    };
    Failure { spot, what: what.to_owned(), expected: "an answer".to_owned(), found, fix }
}

#[cfg(test)]
mod tests;

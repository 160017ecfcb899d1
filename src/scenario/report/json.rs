//! The report for programs. Everything but `wall` is the same in every run.

use serde_json::{Value as Json, json};

use super::super::{
    result::{Failure, JournalLine, PlayResult, ScenarioResult, StepStatus, Verdict, player},
    steps::Role,
};

/// The version of the report's form; raised when a field is renamed or goes away.
const FORM: u32 = 1;

/// Everything.
#[must_use]
pub fn play(result: &PlayResult) -> Json {
    let scenarios: Vec<Json> = result.scenarios.iter().map(scenario).collect();
    let walls: Vec<Json> = result
        .scenarios
        .iter()
        .map(|scenario| {
            let steps: Vec<f64> = scenario.steps.iter().map(|step| step.wall.as_secs_f64()).collect();
            json!({"file": scenario.source.file, "seconds": scenario.wall.as_secs_f64(), "stepSeconds": steps})
        })
        .collect();
    json!({
        "form": FORM,
        "verdict": word(result.verdict()),
        "problems": result.problems,
        "scenarios": scenarios,
        "wall": {"seconds": result.wall.as_secs_f64(), "scenarios": walls},
    })
}

/// The name of a verdict.
#[must_use]
pub const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        Verdict::TimedOut => "timedOut",
        Verdict::BadScenario => "badScenario",
    }
}

fn scenario(result: &ScenarioResult) -> Json {
    let steps: Vec<Json> = result
        .steps
        .iter()
        .map(|step| {
            let (status, failures) = match &step.status {
                StepStatus::Passed => ("passed", [].as_slice()),
                StepStatus::Failed(failures) => ("failed", failures.as_slice()),
                StepStatus::TimedOut(failure) => ("timedOut", std::slice::from_ref(failure)),
                StepStatus::Skipped => ("skipped", [].as_slice()),
            };
            let failures: Vec<Json> = failures.iter().map(|failure| self::failure(result, failure)).collect();
            let checks: Vec<Json> = step
                .checks
                .iter()
                .map(|check| {
                    json!({
                        "what": check.path, "line": check.spot.line, "column": check.spot.column,
                        "expected": check.expected, "found": check.found, "passed": check.passed,
                    })
                })
                .collect();
            let is_expectation =
                super::super::steps::StepKind::named(step.kind).is_some_and(|kind| kind.role == Role::Expectation);
            json!({
                "step": step.kind, "line": step.spot.line, "sentence": step.sentence, "expectation": is_expectation,
                "status": status, "checks": checks, "failures": failures,
            })
        })
        .collect();
    json!({
        "file": result.source.file,
        "name": result.name,
        "seed": result.seed,
        "start": result.start,
        "verdict": word(result.verdict()),
        "steps": steps,
        "trouble": result.trouble.as_ref().map(|failure| self::failure(result, failure)),
        "journal": result.journal.iter().map(line).collect::<Vec<_>>(),
    })
}

fn failure(result: &ScenarioResult, failure: &Failure) -> Json {
    json!({
        "file": result.source.file, "line": failure.spot.line, "column": failure.spot.column, "what": failure.what,
        "expected": failure.expected, "found": failure.found, "fix": failure.fix,
    })
}

fn line(line: &JournalLine) -> Json {
    let mut out = json!({
        "seq": line.seq, "at": line.at, "kind": line.kind, "from": player(line.from), "summary": line.summary,
    });
    if let (Some(call), Json::Object(fields)) = (&line.call, &mut out) {
        fields.insert("to".to_owned(), player(call.to).into());
        fields.insert("method".to_owned(), call.method.as_str().into());
        fields.insert("path".to_owned(), call.path.as_str().into());
        fields.insert("status".to_owned(), call.status.into());
    }
    out
}

//! The report for CI servers: one test case for each scenario, one suite for each folder.

use std::path::Path;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{
    super::result::{PlayResult, ScenarioResult, Verdict},
    text::{self, Alphabet},
};

/// The XML. A bad file is a case with an error.
///
/// # Errors
/// When the XML can't be written, which no text that reaches it causes.
pub fn play(result: &PlayResult) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new("rehearsal");
    report.set_time(result.wall);
    let mut suites: Vec<(String, TestSuite)> = Vec::new();
    let mut add = |file: &str, case: TestCase| {
        let folder = folder(file);
        let at = suites.iter().position(|(name, _)| *name == folder);
        let at = at.unwrap_or_else(|| {
            suites.push((folder.clone(), TestSuite::new(folder.as_str())));
            suites.len() - 1
        });
        if let Some((_, suite)) = suites.get_mut(at) {
            suite.add_test_case(case);
        }
    };
    for scenario in &result.scenarios {
        add(&scenario.source.file, case(scenario));
    }
    for problem in &result.problems {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_type("badScenario").set_message(problem.message.as_str()).set_description(problem.render());
        let mut case = TestCase::new(problem.link(), status);
        case.set_classname(folder(&problem.file));
        add(&problem.file, case);
    }
    for (_, suite) in suites {
        report.add_test_suite(suite);
    }
    report.to_string()
}

fn folder(file: &str) -> String {
    let folder = Path::new(file).parent().map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default();
    if folder.is_empty() { ".".to_owned() } else { folder }
}

fn case(result: &ScenarioResult) -> TestCase {
    let kind = match result.verdict() {
        Verdict::Passed => None,
        Verdict::Failed | Verdict::BadScenario => Some(NonSuccessKind::Failure),
        Verdict::TimedOut => Some(NonSuccessKind::Error),
    };
    let status = kind.map_or_else(TestCaseStatus::success, |kind| {
        let failures: Vec<String> = result.failures().map(|failure| text::failure(&result.source, failure)).collect();
        let first = result.failures().next();
        let message = first.map_or_else(String::new, |failure| {
            format!("{}: expected {}, found {}", failure.what, failure.expected, failure.found)
        });
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(super::json::word(result.verdict())).set_message(message).set_description(failures.join("\n"));
        status
    });
    let mut case = TestCase::new(result.name.as_str(), status);
    case.set_classname(result.source.file.as_str());
    case.set_time(result.wall);
    case.set_assertions(result.steps.iter().map(|step| step.checks.len()).sum());
    case.add_property(("seed", result.seed.to_string().as_str()));
    case.set_system_out(text::scenario(result, Alphabet::Ascii));
    case
}

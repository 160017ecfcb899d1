//! The report for people: the story of each scenario, then who called whom, then how it ended.

use std::fmt::Write as _;

use crate::{diagnostic::render_all, wire::control::Player};

use super::super::{
    ast::Source,
    result::{Failure, JournalLine, PlayResult, ScenarioResult, StepResult, StepStatus, Verdict, player},
};

/// Which characters a report may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Alphabet {
    /// Ticks, crosses and arrows.
    #[default]
    Unicode,
    /// ASCII for the report's own signs; what comes from the scenario stays as it is.
    Ascii,
}

/// The signs of a report.
struct Signs {
    passed: &'static str,
    failed: &'static str,
    skipped: &'static str,
    arrow: &'static str,
}

impl Alphabet {
    const fn signs(self) -> Signs {
        match self {
            Self::Unicode => Signs { passed: "✓", failed: "✗", skipped: "·", arrow: "→" },
            Self::Ascii => Signs { passed: "ok  ", failed: "FAIL", skipped: "-   ", arrow: "->" },
        }
    }
}

/// Everything: each scenario, and a line that counts them. What is wrong with the files instead, if they are bad.
#[must_use]
pub fn play(result: &PlayResult, alphabet: Alphabet) -> String {
    if !result.problems.is_empty() {
        return render_all(&result.problems);
    }
    let mut out = String::new();
    for scenario in &result.scenarios {
        out.push_str(&self::scenario(scenario, alphabet));
        out.push('\n');
    }
    out.push_str(&summary(result));
    out
}

/// How many scenarios ended how.
#[must_use]
pub fn summary(result: &PlayResult) -> String {
    let count = |verdict| result.scenarios.iter().filter(|scenario| scenario.verdict() == verdict).count();
    let total = counted(result.scenarios.len(), "scenario");
    let mut out = format!("{total}: {} passed", count(Verdict::Passed));
    for (verdict, word) in [(Verdict::Failed, "failed"), (Verdict::TimedOut, "timed out")] {
        match count(verdict) {
            0 => {}
            some => push(&mut out, format_args!(", {some} {word}")),
        }
    }
    out.push('\n');
    out
}

/// The story of a scenario.
#[must_use]
pub fn scenario(result: &ScenarioResult, alphabet: Alphabet) -> String {
    let signs = alphabet.signs();
    let mut out = format!("{}\n", result.name);
    push(&mut out, format_args!("{}, seed {}, clock from {}\n\n", result.source.file, result.seed, result.start));
    for (index, step) in result.steps.iter().enumerate() {
        let sign = match step.status {
            StepStatus::Passed => signs.passed,
            StepStatus::Failed(_) | StepStatus::TimedOut(_) => signs.failed,
            StepStatus::Skipped => signs.skipped,
        };
        push(&mut out, format_args!("{sign} {:>2}. {}\n", index + 1, step.sentence));
        for failure in failures(step) {
            push_indented(&mut out, &self::failure(&result.source, failure));
        }
    }
    if let Some(failure) = &result.trouble {
        push(&mut out, format_args!("{} {}\n", signs.failed, failure.what));
        push_indented(&mut out, &self::failure(&result.source, failure));
    }
    if !result.journal.is_empty() {
        out.push_str("\nWho called whom, and what came of it\n");
        for line in &result.journal {
            push(&mut out, format_args!("  {}\n", sequence_line(line, &signs)));
        }
    }
    push(&mut out, format_args!("\n{}\n", verdict(result)));
    out
}

fn failures(step: &StepResult) -> &[Failure] {
    match &step.status {
        StepStatus::Failed(failures) => failures,
        StepStatus::TimedOut(failure) => std::slice::from_ref(failure),
        StepStatus::Passed | StepStatus::Skipped => &[],
    }
}

/// A failure with its line of the file.
#[must_use]
pub fn failure(source: &Source, failure: &Failure) -> String {
    let problem = source.problem(failure.spot, "");
    // The first two lines of a diagnostic are its message and place, which are told otherwise here.
    let snippet: Vec<String> = problem.render().lines().skip(2).map(str::to_owned).collect();
    format!(
        "failed: {}\n{}\n  about:    {}\n  expected: {}\n  found:    {}\n  fix:      {}\n",
        problem.link(),
        snippet.join("\n"),
        failure.what,
        one_line(&failure.expected),
        one_line(&failure.found),
        one_line(&failure.fix),
    )
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn sequence_line(line: &JournalLine, signs: &Signs) -> String {
    /// The longest name of a player, `partnerCenter`.
    const WIDTH: usize = 13;
    let from = player(line.from);
    match &line.call {
        Some(call) => {
            let to = player(call.to);
            format!(
                "{}  {from:<WIDTH$} {} {to:<WIDTH$}  {} {}  {}",
                line.at, signs.arrow, call.method, call.path, call.status
            )
        }
        None => {
            let blank = " ".repeat(signs.arrow.chars().count() + 1 + WIDTH);
            format!("{}  {from:<WIDTH$} {blank}  {}: {}", line.at, line.kind, one_line(&line.summary))
        }
    }
}

fn verdict(result: &ScenarioResult) -> String {
    let (mut steps, mut checks) = (0, 0);
    for step in &result.steps {
        steps += usize::from(step.status == StepStatus::Passed);
        checks += step.checks.iter().filter(|check| check.passed).count();
    }
    let total = result.steps.len();
    match result.verdict() {
        Verdict::Passed => format!("passed: {}, {}", counted(steps, "step"), counted(checks, "comparison")),
        Verdict::TimedOut => format!("timed out: {steps} of {total} steps passed"),
        Verdict::Failed | Verdict::BadScenario => format!("failed: {steps} of {total} steps passed"),
    }
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn push_indented(out: &mut String, text: &str) {
    for line in text.lines() {
        push(out, format_args!("     {line}\n"));
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String can't fail.
    let _ = out.write_fmt(text);
}

/// The players in the order of the lanes.
pub(super) const PLAYERS: [Player; 6] = [
    Player::Operator,
    Player::Partner,
    Player::PartnerCenter,
    Player::Marketplace,
    Player::Publisher,
    Player::Identity,
];

//! Each report of one made-up run against its golden text in `tests/golden/scenario/`; `UPDATE_GOLDEN=1` writes them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{annotations, json, junit, mermaid, text};
use crate::{
    diagnostic::Spot,
    scenario::{
        ast::Source,
        check::Check,
        result::{CallLine, Failure, JournalLine, PlayResult, ScenarioResult, StepResult, StepStatus},
    },
    wire::control::Player,
};

/// Compares with the golden file of that name, or writes it when `UPDATE_GOLDEN` asks for it.
#[expect(clippy::disallowed_methods, reason = "tests take this one switch from the environment")]
pub(in crate::scenario) fn golden(name: &str, found: &str) {
    let path = PathBuf::from("tests/golden/scenario").join(name);
    if std::env::var("UPDATE_GOLDEN").is_ok_and(|wanted| wanted == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, found).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, wanted, "{} differs; UPDATE_GOLDEN=1 writes it", path.display());
}

const FILE: &str =
    "name: late\nsteps:\n  - partner.buys: { offer: crm }\n  - expect.subscription: { status: Subscribed }\n";

fn spot(line: u32, column: u32, width: u32) -> Spot {
    Spot { line, column, width }
}

fn step(kind: &'static str, sentence: &str, status: StepStatus, checks: Vec<Check>) -> StepResult {
    let spot = spot(3, 5, 12);
    StepResult { kind, spot, sentence: sentence.to_owned(), status, checks, wall: Duration::from_millis(7) }
}

fn line(seq: u64, kind: &str, from: Player, call: Option<CallLine>, summary: &str) -> JournalLine {
    let at = "2026-01-01T00:00:00Z".to_owned();
    JournalLine { seq, at, kind: kind.to_owned(), from, call, summary: summary.to_owned() }
}

fn call(to: Player, status: u64) -> CallLine {
    CallLine { to, method: "POST".to_owned(), path: "/api/x?a=1&b=100%".to_owned(), status }
}

fn made_up() -> PlayResult {
    let check = Check::texts(spot(4, 36, 10), "status", "Subscribed", "Pending <&> 100 %\nand more");
    let failure = Failure {
        spot: check.spot,
        what: check.path.clone(),
        expected: check.expected.clone(),
        found: check.found.clone(),
        fix: "activate it first".to_owned(),
    };
    let failed = ScenarioResult {
        source: Arc::new(Source::new("scenarios/ok/late.yaml", FILE)),
        name: "the publisher is late; nothing #1 is <billed>".to_owned(),
        name_spot: spot(1, 7, 4),
        seed: 7,
        start: "2026-01-01T00:00:00Z".to_owned(),
        steps: vec![
            step("partner.buys", "The partner buys crm.", StepStatus::Passed, Vec::new()),
            step("expect.subscription", "Expected: x.", StepStatus::Failed(vec![failure]), vec![check]),
            step("publisher.activates", "The publisher activates it.", StepStatus::Skipped, Vec::new()),
        ],
        trouble: None,
        journal: vec![
            line(1, "purchaseCreated", Player::Partner, None, "p bought crm; for c."),
            line(2, "exchange", Player::Publisher, Some(call(Player::Marketplace, 200)), ""),
            line(3, "exchange", Player::Publisher, Some(call(Player::Identity, 401)), ""),
        ],
        sandbox: "play-a".to_owned(),
        wall: Duration::from_millis(1250),
    };
    let passed = ScenarioResult {
        source: Arc::new(Source::new("scenarios/faults/fine.yaml", FILE)),
        name: "fine".to_owned(),
        name_spot: spot(1, 7, 4),
        seed: 8,
        start: "2026-01-01T00:00:00Z".to_owned(),
        steps: vec![step("partner.buys", "The partner buys crm.", StepStatus::Passed, Vec::new())],
        trouble: None,
        journal: Vec::new(),
        sandbox: "play-b".to_owned(),
        wall: Duration::from_millis(250),
    };
    PlayResult { scenarios: vec![failed, passed], problems: Vec::new(), wall: Duration::from_millis(1500) }
}

fn bad_file() -> PlayResult {
    let problems = crate::scenario::parse("scenarios/bad.yaml", "name: x\nstep: []\n").unwrap_err();
    PlayResult { scenarios: Vec::new(), problems, wall: Duration::ZERO }
}

#[test]
fn each_report_tells_the_same_run() {
    let run = made_up();
    golden("report.txt", &text::play(&run, text::Alphabet::Unicode));
    golden("report.ascii.txt", &text::play(&run, text::Alphabet::Ascii));
    golden("report.json", &format!("{:#}\n", json::play(&run)));
    golden("report.md", &mermaid::play(&run));
    golden("report.annotations.txt", &annotations::play(&run));
    golden("report.xml", &junit::play(&run).unwrap());
}

#[test]
fn a_bad_file_is_in_every_report() {
    let run = bad_file();
    golden("bad.txt", &text::play(&run, text::Alphabet::Unicode));
    golden("bad.annotations.txt", &annotations::play(&run));
    golden("bad.xml", &junit::play(&run).unwrap());
}

#[test]
fn only_the_wall_part_of_the_json_report_depends_on_real_time() {
    let (mut slow, fast) = (made_up(), made_up());
    slow.wall = Duration::from_secs(9);
    slow.scenarios[0].wall = Duration::from_secs(8);
    slow.scenarios[0].steps[0].wall = Duration::from_secs(7);
    let without_wall = |run: &PlayResult| {
        let mut report = json::play(run);
        report.as_object_mut().unwrap().remove("wall");
        report
    };
    assert_eq!(without_wall(&slow), without_wall(&fast));
    assert_ne!(json::play(&slow), json::play(&fast));
    let story = |run: &PlayResult| text::play(run, text::Alphabet::Unicode) + mermaid::play(run).as_str();
    assert_eq!(story(&slow), story(&fast));
}

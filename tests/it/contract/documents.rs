//! `docs/fidelity.md` and `docs/rules.md`, made of the rows of the contract.
//!
//! `fidelity.md` beside this file is what people have written; every row of its tables names the tests that show it, and
//! a name that no test has fails here. `UPDATE_GOLDEN=1` writes the documents.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use rehearsal::domain::rules::{RuleCard, Rules};

use super::quirks;

const WRITTEN: &str = include_str!("fidelity.md");
/// Where the table of quirks goes.
const PLACE: &str = "<!-- rows -->\n";
/// The rows of the table of quirks (reference, section 9).
const QUIRKS: u32 = 45;

#[test]
fn fidelity_is_told_as_it_was_proven() {
    let tests = test_names();
    let mut unknown = Vec::new();
    for row in WRITTEN.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---")) {
        let shown = row.trim_end_matches('|').trim_end().rsplit(" | ").next().unwrap();
        let named: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty() || matches!(shown, "not tested" | "shown by"), "no proof: {row}");
        unknown.extend(named.into_iter().filter(|name| !tests.contains(*name)));
    }
    assert!(unknown.is_empty(), "these tests do not exist: {unknown:?}");
    compare("docs/fidelity.md", &WRITTEN.replace(PLACE, &table()));
}

#[test]
fn every_quirk_and_every_rule_has_its_row() {
    let ids: BTreeSet<&str> = quirks::rows().map(|row| row.id).collect();
    let missing: Vec<String> =
        (1..=QUIRKS).map(|number| format!("Q{number}")).filter(|id| !ids.contains(id.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let told = WRITTEN.lines().filter_map(|line| line.strip_prefix("| rule `")?.split('`').next());
    let proven: BTreeSet<&str> = quirks::rows().filter_map(|row| row.rule).chain(told).collect();
    let rules: BTreeSet<&str> = Rules::CARDS.iter().map(|card| card.name).collect();
    assert_eq!(proven, rules);
}

#[test]
fn rules_are_told_as_they_are() {
    let mut text = String::from(
        "# Rules\n\n<!-- Made of src/domain/rules/table.rs by `UPDATE_GOLDEN=1 cargo test --test it contract`. -->\n\n\
         Where documentation and reality differ, where the service has changed over the years, and where nobody knows for\n\
         certain, a sandbox has a rule. The first choice is the default: what the real service does today, as far as that\n\
         is known. The others let you test a publisher against what it may have been written for, or against what it may\n\
         meet one day. `Qn` is a row of [fidelity.md](fidelity.md).\n\n\
         ```sh\n\
         curl -s $SIM/sandboxes/default/rules\n\
         curl -s -X PATCH $SIM/sandboxes/default --json '{\"rules\": {\"failureAnswer\": \"ignored\"}}'\n\
         ```\n\n\
         In a scenario: `- operator.changes-sandbox: { rules: { failureAnswer: ignored } }`. By hand: the console's page *Rules*.\n\n\
         Two rules are looked at before anybody knows which sandbox a call is for, when its token is missing or bad:\n\
         `apiVersion` and `forbiddenBody`. Those of the sandbox `default` count then.\n",
    );
    for card in Rules::CARDS {
        write!(text, "\n## {}\n{} ({})\n\n", card.name, card.about.trim(), card.source).unwrap();
        for (place, choice) in card.choices.iter().enumerate() {
            let usual = if place == 0 { ", the default" } else { "" };
            writeln!(text, "- `{}`{usual}: {}", choice.name, choice.meaning.trim()).unwrap();
        }
    }
    compare("docs/rules.md", &text);
}

/// The table of quirks.
fn table() -> String {
    let mut text = String::from("| row | what | by default | otherwise |\n| --- | --- | --- | --- |\n");
    let mut rows: Vec<_> = quirks::rows().collect();
    rows.sort_by_key(|row| match row.id.strip_prefix('Q').map(str::parse::<u32>) {
        Some(Ok(number)) => (0, number, row.id),
        _ => (1, 0, row.id),
    });
    for row in rows {
        let card: Option<&RuleCard> = Rules::CARDS.iter().find(|card| Some(card.name) == row.rule);
        match card {
            None => writeln!(text, "| {} | | {} | |", row.id, row.says).unwrap(),
            Some(card) => {
                let (usual, others) = card.choices.split_first().unwrap();
                let others: Vec<_> =
                    others.iter().map(|choice| format!("`{}`: {}", choice.name, choice.meaning.trim())).collect();
                let (about, usual) = (card.about.trim(), usual.meaning.trim());
                writeln!(text, "| {} | {about} `{}` | {usual} | {} |", row.id, card.name, others.join(" ")).unwrap();
            }
        }
    }
    text
}

/// The names of all functions in the tests, here and beside the code.
fn test_names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["tests", "src"] {
        collect(&root().join(folder), &mut names);
    }
    names
}

fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, names);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let functions = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
            names.extend(functions.map(str::to_owned));
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn compare(document: &str, wanted: &str) {
    let path = root().join(document);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let first = found.lines().zip(wanted.lines()).position(|(found, wanted)| found != wanted);
    assert!(
        found == wanted,
        "{document} is not what the contract says, from line {first:?} on: UPDATE_GOLDEN=1 writes it"
    );
}

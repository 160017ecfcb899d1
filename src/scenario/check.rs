//! Comparing what a scenario expects with what there is. A comparison is data: it never fails, it says how it went.

use serde_json::Value as Json;

use crate::diagnostic::{Spot, advise};

use super::{
    ast::{Node, Scalar, Value},
    values::plain,
};

/// One thing compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The place of the expectation in the file.
    pub spot: Spot,
    /// What was looked at: `term.start`.
    pub path: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// Whether the two agree.
    pub passed: bool,
    /// What to do if they don't, where that can be told.
    pub fix: Option<String>,
}

impl Check {
    /// Something compared by its text.
    #[must_use]
    pub fn texts(spot: Spot, path: &str, expected: &str, found: &str) -> Self {
        let passed = expected == found;
        Self { spot, path: path.to_owned(), expected: expected.to_owned(), found: found.to_owned(), passed, fix: None }
    }

    /// The same with advice for the case that it fails.
    #[must_use]
    pub fn or_fix(mut self, fix: impl Into<String>) -> Self {
        self.fix.get_or_insert_with(|| fix.into());
        self
    }
}

/// Compares all that is expected with what was found. Of a map only the keys that are given are looked at, of a list
/// every item; an amount such as `100.00` is compared as it was written.
pub(super) fn compare(path: &str, expected: &Node, found: Option<&Json>, checks: &mut Vec<Check>) {
    match (&expected.value, found) {
        (Value::Map(entries), Some(Json::Object(object))) => {
            for entry in entries {
                let key = entry.key.value.as_str();
                let inner = joined(path, key);
                let value = object.get(key);
                if value.is_none() && !entry.value.is_nothing() {
                    let fix = advise(key, object.keys().map(String::as_str));
                    checks.push(Check { fix, ..outcome(entry.key.spot, &inner, shown(&entry.value), None, false) });
                } else {
                    compare(&inner, &entry.value, value, checks);
                }
            }
        }
        (Value::List(items), Some(Json::Array(array))) if items.len() == array.len() => {
            if items.is_empty() {
                checks.push(outcome(expected.spot, path, "nothing".to_owned(), found, true));
            }
            for (index, (item, value)) in items.iter().zip(array).enumerate() {
                compare(&format!("{path}[{index}]"), item, Some(value), checks);
            }
        }
        (Value::List(items), Some(Json::Array(array))) => {
            let counted = format!("{} of them: {}", items.len(), shown(expected));
            let found = Json::from(format!("{} of them: {}", array.len(), json_words(&Json::Array(array.clone()))));
            checks.push(outcome(expected.spot, path, counted, Some(&found), false));
        }
        (Value::Scalar(scalar), _) => {
            checks.push(outcome(expected.spot, path, shown(expected), found, scalar_agrees(scalar, found)));
        }
        (Value::Map(_) | Value::List(_), _) => {
            checks.push(outcome(expected.spot, path, shown(expected), found, false));
        }
    }
}

fn outcome(spot: Spot, path: &str, expected: String, found: Option<&Json>, passed: bool) -> Check {
    let found = found.map_or_else(|| "nothing".to_owned(), json_words);
    Check { spot, path: path.to_owned(), expected, found, passed, fix: None }
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn scalar_agrees(expected: &Scalar, found: Option<&Json>) -> bool {
    match found {
        None | Some(Json::Null) => expected.json.is_null(),
        Some(Json::String(text)) => !expected.json.is_null() && expected.raw == *text,
        Some(Json::Number(number)) => {
            expected.json.is_number()
                && (expected.json.as_f64() == number.as_f64() || expected.raw == number.to_string())
        }
        Some(Json::Bool(flag)) => expected.json.as_bool() == Some(*flag),
        Some(Json::Array(_) | Json::Object(_)) => false,
    }
}

/// An expectation in a few words.
pub(super) fn shown(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) if scalar.json.is_null() => "nothing".to_owned(),
        Value::Scalar(scalar) => scalar.raw.clone(),
        Value::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let inside: Vec<String> =
                entries.iter().map(|entry| format!("{}: {}", entry.key.value, shown(&entry.value))).collect();
            format!("{{{}}}", inside.join(", "))
        }
    }
}

/// What was found, in the same words.
pub(super) fn json_words(json: &Json) -> String {
    match json {
        Json::Null => "nothing".to_owned(),
        Json::Array(items) => format!("[{}]", items.iter().map(json_words).collect::<Vec<_>>().join(", ")),
        Json::Object(object) => {
            let inside: Vec<String> =
                object.iter().map(|(key, value)| format!("{key}: {}", json_words(value))).collect();
            format!("{{{}}}", inside.join(", "))
        }
        Json::String(_) | Json::Number(_) | Json::Bool(_) => plain(json),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{ast::Source, document};

    fn failures(expected: &str, found: &Json) -> Vec<String> {
        let node = document::read(&Source::new("x.yaml", expected)).unwrap().unwrap();
        let mut checks = Vec::new();
        compare("", &node, Some(found), &mut checks);
        assert!(!checks.is_empty());
        let failed = checks.into_iter().filter(|check| !check.passed);
        failed
            .map(|check| {
                let Spot { line, column, .. } = check.spot;
                let fix = check.fix.map_or_else(String::new, |fix| format!(" ({fix})"));
                format!("{line}:{column} {}: {} but {}{fix}", check.path, check.expected, check.found)
            })
            .collect()
    }

    #[test]
    fn a_part_of_a_document_is_compared_and_each_mismatch_names_its_path() {
        let found = serde_json::json!({
            "status": "Subscribed", "quantity": 5, "amount": "100.00", "started": true,
            "term": {"start": "2026-01-01", "end": "2026-01-31"},
            "ledger": [{"kind": "termFee"}], "missing": [],
        });
        let table: &[(&str, &[&str])] = &[
            ("{ status: Subscribed, quantity: 5, amount: 100.00, started: true }", &[]),
            ("{ term: { end: 2026-01-31 }, ledger: [ { kind: termFee } ], missing: [], since: null }", &[]),
            ("{ status: Pending }", &["1:11 status: Pending but Subscribed"]),
            ("{ quantity: 6, started: no }", &["1:13 quantity: 6 but 5", "1:25 started: no but true"]),
            ("{ amount: 100 }", &["1:11 amount: 100 but 100.00"]),
            ("{ term: { end: 2026-02-01 } }", &["1:16 term.end: 2026-02-01 but 2026-01-31"]),
            ("{ term: { strat: x } }", &["1:11 term.strat: x but nothing (did you mean `start`?)"]),
            ("{ ledger: [] }", &["1:11 ledger: 0 of them: [] but 1 of them: [{kind: termFee}]"]),
            ("{ ledger: [ { kind: freeTrial } ] }", &["1:21 ledger[0].kind: freeTrial but termFee"]),
            ("{ status: null }", &["1:11 status: nothing but Subscribed"]),
            ("{ term: soon }", &["1:9 term: soon but {start: 2026-01-01, end: 2026-01-31}"]),
            ("{ status: { of: x } }", &["1:11 status: {of: x} but Subscribed"]),
        ];
        for (expected, wanted) in table {
            assert_eq!(failures(expected, &found), *wanted, "{expected}");
        }
    }
}

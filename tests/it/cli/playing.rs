//! `play`: exit codes and reports.

use std::{fs, path::Path};

use serde_json::Value;

use super::{Served, run_in};
use crate::world::{client, send, text};

/// A scenario that ends as expected, and one that expects what does not come.
pub(super) const GOOD: &str = "name: a purchase waits
seed: 7
start: 2026-01-01T09:00:00Z
steps:
  - partner.buys: { customer: northwind, offer: contoso-crm, plan: team, quantity: 5, save: sub }
  - expect.subscription: { subscription: $sub, status: PendingFulfillmentStart }
";

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

#[test]
fn the_exit_code_tells_how_it_went() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "good.yaml", GOOD);
    write(folder.path(), "fails.yaml", &GOOD.replace("PendingFulfillmentStart", "Subscribed"));
    write(folder.path(), "bad.yaml", &GOOD.replace("partner.buys", "partner.buyz"));
    let good = run_in(folder.path(), ["play", "good.yaml"]);
    assert!(good.succeeded().contains("a purchase waits"), "{}", good.out);
    let fails = run_in(folder.path(), ["play", "good.yaml", "fails.yaml"]);
    assert_eq!(fails.code, Some(1), "{}", fails.err);
    for words in ["fails.yaml:6:", "Subscribed", "PendingFulfillmentStart"] {
        assert!(fails.out.contains(words), "{words} is not in {}", fails.out);
    }
    run_in(folder.path(), ["play", "good.yaml", "bad.yaml"]).failed(3, &["bad.yaml:5:", "partner.buys"]);
    run_in(folder.path(), ["play", "none.yaml"]).failed(3, &["none.yaml"]);
    run_in(folder.path(), ["play"]).failed(2, &["FILE"]);
    run_in(folder.path(), ["play", "good.yaml", "--report", "juint=x"]).failed(2, &["did you mean junit?"]);
    run_in(folder.path(), ["play", "good.yaml", "--jobs", "many"]).failed(2, &["many"]);
}

#[test]
fn reports_are_written_and_the_same_every_time() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "good.yaml", GOOD);
    write(folder.path(), "again.yaml", &GOOD.replace("a purchase waits", "a purchase waits again"));
    let reports = ["junit=report.xml", "json=report.json", "mermaid=report.mmd"];
    let args =
        || ["play", "good.yaml", "again.yaml"].into_iter().chain(reports.iter().flat_map(|kind| ["--report", kind]));
    let read = || {
        let names = ["report.xml", "report.json", "report.mmd"];
        names.map(|name| fs::read_to_string(folder.path().join(name)).unwrap())
    };
    let play = || {
        let story = run_in(folder.path(), args()).succeeded().to_owned();
        let [junit, json, mermaid] = read();
        let mut json: Value = serde_json::from_str(&json).unwrap();
        assert!(json.as_object_mut().unwrap().shift_remove("wall").is_some(), "real time stands apart");
        [story, untimed(&junit), json.to_string(), mermaid]
    };
    let first = play();
    assert_eq!(first, play());
    let [_, junit, json, mermaid] = first;
    assert!(junit.starts_with("<?xml") && junit.contains("a purchase waits again"), "{junit}");
    assert!(json.contains(r#""verdict":"passed""#), "{json}");
    assert!(mermaid.contains("sequenceDiagram"), "{mermaid}");
}

/// A JUnit report without the seconds that it took, which its format wants to be told.
fn untimed(junit: &str) -> String {
    let mut pieces = junit.split(" time=\"");
    let start = pieces.next().unwrap().to_owned();
    pieces.fold(start, |text, piece| text + piece.split_once('"').unwrap().1)
}

#[tokio::test]
async fn a_scenario_is_played_against_a_running_server_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "good.yaml", GOOD);
    let served = Served::start(folder.path(), ["--ephemeral"]);
    let url = served.url();
    let own = run_in(folder.path(), ["play", "good.yaml"]).succeeded().to_owned();
    let against = run_in(folder.path(), ["play", "good.yaml", "--against", &url]);
    assert_eq!(against.succeeded(), own);
    let left = send(client().get(format!("{url}/sim/v1/sandboxes"))).await.expect(200);
    let names: Vec<String> = left["sandboxes"].as_array().unwrap().iter().map(|one| text(one, "name")).collect();
    assert_eq!(names, ["default"]);
    drop(served);
    run_in(folder.path(), ["play", "good.yaml", "--against", &url]).failed(4, &["can't be reached", "fix:"]);
}

//! `play`: exit codes and reports.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use super::{Served, command, ended, run_in};
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

/// The sandboxes of a server.
async fn sandboxes(url: &str) -> Vec<String> {
    let list = send(client().get(format!("{url}/sim/v1/sandboxes"))).await.expect(200);
    list["sandboxes"].as_array().unwrap().iter().map(|one| text(one, "name")).collect()
}

#[tokio::test]
async fn runs_that_share_a_server_leave_each_other_alone() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "good.yaml", GOOD);
    let served = Served::start(folder.path(), ["--ephemeral"]);
    let url = served.url();
    let own = run_in(folder.path(), ["play", "good.yaml"]).succeeded().to_owned();
    let runs: Vec<_> = (0..4)
        .map(|_| {
            let mut run = command(folder.path(), ["play", "good.yaml", "--against", &url]);
            run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), own, "{}", String::from_utf8_lossy(&output.stderr));
    }
    let kept = run_in(folder.path(), ["play", "good.yaml", "--against", &url, "--keep"]);
    assert_eq!(kept.succeeded(), own);
    let names = sandboxes(&url).await;
    assert!(names.len() == 2 && names[1].starts_with("play-good-"), "{names:?}");
    assert!(kept.err.contains(&format!("kept: {} at {url}", names[1])), "{}", kept.err);
    // One that was kept is in nobody's way.
    assert_eq!(run_in(folder.path(), ["play", "good.yaml", "--against", &url]).succeeded(), own);
    assert_eq!(sandboxes(&url).await, names);
}

#[tokio::test]
async fn a_server_that_lets_in_few_calls_a_second_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let expects = "  - partner.buys: { customer: northwind, offer: contoso-crm, plan: team, quantity: 5, refused: { status: 429 } }
";
    write(folder.path(), "good.yaml", GOOD);
    write(folder.path(), "expects.yaml", &format!("{GOOD}{expects}"));
    let served = Served::start(folder.path(), ["--ephemeral", "--quota", "requests-per-second=2"]);
    let url = served.url();
    let own = run_in(folder.path(), ["play", "good.yaml"]).succeeded().to_owned();
    assert_eq!(run_in(folder.path(), ["play", "good.yaml", "--against", &url]).succeeded(), own);
    let served = Served::start(folder.path(), ["--ephemeral", "--quota", "requests-per-second=1"]);
    run_in(folder.path(), ["play", "expects.yaml", "--against", &served.url()]).succeeded();
}

#[tokio::test]
async fn a_run_that_is_interrupted_tells_its_story_and_clears_up() {
    let folder = tempfile::tempdir().unwrap();
    let many = "  - expect.subscriptions: { count: 1 }\n".repeat(60);
    write(folder.path(), "long.yaml", &format!("{GOOD}{many}"));
    let served = Served::start(folder.path(), ["--ephemeral", "--quota", "requests-per-second=3"]);
    let url = served.url();
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut run = command(folder.path(), ["play", "long.yaml", "--against", &url, "--report", "json=report.json"]);
        let run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while sandboxes(&url).await.len() == 1 {
            tokio::task::yield_now().await;
        }
        assert!(Command::new("kill").args([signal, &run.id().to_string()]).status().unwrap().success());
        let output = run.wait_with_output().unwrap();
        let story = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code), "{story}");
        assert!(story.contains("a purchase waits") && story.contains("it was interrupted here"), "{story}");
        assert!(fs::read_to_string(folder.path().join("report.json")).unwrap().contains("interrupted"));
        assert_eq!(sandboxes(&url).await, ["default"]);
    }
}

#[test]
fn what_would_pass_whatever_happens_is_no_scenario() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "empty.yaml", "name: nothing\nsteps: []\n");
    run_in(folder.path(), ["play", "empty.yaml"]).failed(3, &["empty.yaml:2:8", "has no steps"]);
}

#[test]
fn a_clock_that_is_moved_into_the_past_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let back = |more: &str| {
        format!("name: back\nsteps:\n  - operator.advances-clock: {{ to: \"2020-01-01T00:00:00Z\"{more} }}\n")
    };
    write(folder.path(), "back.yaml", &back(""));
    write(folder.path(), "refused.yaml", &back(", refused: { status: 422, code: clockBackwards }"));
    let ended = run_in(folder.path(), ["play", "back.yaml"]);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.out.contains("moves forward only"), "{}", ended.out);
    run_in(folder.path(), ["play", "refused.yaml"]).succeeded();
}

#[test]
fn a_server_that_is_named_has_fixtures_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "good.yaml", GOOD);
    let served = Served::start(folder.path(), ["--ephemeral"]);
    let mut play = command(folder.path(), ["play", "good.yaml", "--against", &served.url()]);
    ended(play.env("REHEARSAL_FIXTURES", "of-the-server")).succeeded();
}

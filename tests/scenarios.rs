//! Every scenario in `scenarios/` is played against a real server, twice: each report has to be equal to the golden one
//! beside the scenario, so both are equal. `UPDATE_GOLDEN=1` writes the golden reports, and the tables of
//! `docs/scenario-format.md`.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails; clippy.toml's leave ends at the test function")]

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use rehearsal::{
    cli::wiring::{Server, ServerOptions},
    diagnostic::render_all,
    scenario::{
        PlayResult, RunOptions, Verdict, load, play,
        report::text::{self, Alphabet},
        steps::{self, Presence, Role, StepKind},
        values::THINGS,
    },
    store::DatabaseUrl,
};

#[path = "it/postgres.rs"]
#[expect(dead_code, reason = "the other tests use more of it")]
mod postgres;

#[expect(clippy::disallowed_methods, reason = "tests take this one switch from the environment")]
fn update_golden() -> bool {
    std::env::var("UPDATE_GOLDEN").is_ok_and(|wanted| wanted == "1")
}

fn folder() -> PathBuf {
    PathBuf::from("scenarios")
}

/// Plays everything against the server at an address.
async fn rehearse(base_url: &str, at_once: usize) -> PlayResult {
    let options = RunOptions { at_once, ..RunOptions::default() };
    let result = play(&[folder()], &base_url.parse().unwrap(), &options, &|_| ()).await;
    assert_ne!(result.verdict(), Verdict::BadScenario, "{}", render_all(&result.problems));
    result
}

/// What is different from the golden reports, and what failed.
fn judged(result: &PlayResult) -> String {
    let mut wrong = String::new();
    for scenario in &result.scenarios {
        let found = text::scenario(scenario, Alphabet::Unicode);
        let path = Path::new(&scenario.source.file).with_extension("report");
        if scenario.verdict() != Verdict::Passed {
            writeln!(wrong, "{found}").unwrap();
            continue;
        }
        if update_golden() {
            std::fs::write(&path, &found).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        if let Some((number, (line, wanted))) = first_difference(&found, &golden) {
            writeln!(wrong, "{}:{number}\n  found:  {line}\n  golden: {wanted}", path.display()).unwrap();
        }
    }
    wrong
}

fn first_difference<'t>(found: &'t str, golden: &'t str) -> Option<(usize, (&'t str, &'t str))> {
    const END: &str = "(the end)";
    if found == golden {
        return None;
    }
    let lines = found.lines().chain([END]).zip(golden.lines().chain([END]));
    lines.enumerate().map(|(index, pair)| (index + 1, pair)).find(|(_, (line, wanted))| line != wanted)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_passes_and_its_report_is_the_same_in_every_run() {
    // The second time they run side by side: neither a neighbour nor the port may show.
    for at_once in [1, 8] {
        let server = Server::start(ServerOptions::default()).await.unwrap();
        let wrong = judged(&rehearse(&server.base_url, at_once).await);
        server.stop().await.unwrap();
        assert!(wrong.is_empty(), "{at_once} at once:\n{wrong}\nUPDATE_GOLDEN=1 writes the golden reports");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_the_same_on_every_engine() {
    let folder = tempfile::tempdir().unwrap();
    let database = postgres::Database::new().await;
    let engines = [
        ("sled", ServerOptions { data: Some(folder.path().join("data")), ..ServerOptions::default() }),
        ("PostgreSQL", ServerOptions { database: Some(DatabaseUrl::new(&database.url())), ..ServerOptions::default() }),
    ];
    for (engine, options) in engines {
        let server = Server::start(options).await.unwrap();
        let wrong = judged(&rehearse(&server.base_url, 4).await);
        server.stop().await.unwrap();
        assert!(wrong.is_empty(), "on {engine}:\n{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_can_be_played_against_again() {
    let server = Server::start(ServerOptions::default()).await.unwrap();
    for run in ["first", "second"] {
        let result = rehearse(&server.base_url, 8).await;
        assert_eq!(result.verdict(), Verdict::Passed, "{run}:\n{}", text::play(&result, Alphabet::Unicode));
    }
    server.stop().await.unwrap();
}

#[test]
fn every_scenario_has_a_seed_of_its_own_and_every_report_a_scenario() {
    let (scenarios, problems) = load(&[folder()]);
    assert!(problems.is_empty(), "{}", render_all(&problems));
    let mut seeds: Vec<u64> = scenarios.iter().map(|scenario| scenario.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), scenarios.len(), "two scenarios with one seed would have the same ids");

    for kind in ["ok", "refused", "faults"] {
        for entry in std::fs::read_dir(folder().join(kind)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "report") {
                assert!(path.with_extension("yaml").exists(), "{} belongs to no scenario", path.display());
            }
        }
    }
}

#[test]
fn every_step_is_used_by_a_scenario() {
    let (scenarios, _) = load(&[folder()]);
    let used =
        |kind: &StepKind| scenarios.iter().flat_map(|scenario| &scenario.steps).any(|s| s.kind.name == kind.name);
    let unused: Vec<&str> = steps::all().filter(|kind| !used(kind)).map(|kind| kind.name).collect();
    assert!(unused.is_empty(), "no scenario shows {unused:?}");
}

/// The part of the documentation that follows from the tables in the code.
fn tables() -> String {
    let mut out = String::from("\n");
    for kind in steps::all() {
        writeln!(out, "### {}\n\n{}\n", kind.name, kind.about).unwrap();
        if !kind.fields.is_empty() {
            out.push_str("| field | takes | meaning |\n| --- | --- | --- |\n");
        }
        for field in kind.fields {
            let name = match field.presence {
                Presence::Required => format!("**`{}`**", field.name),
                Presence::Optional => format!("`{}`", field.name),
                Presence::OneOfThese => format!("`{}` (one of them)", field.name),
            };
            writeln!(out, "| {name} | {} | {} |", field.kind.noun(), field.about).unwrap();
        }
        if !kind.fields.is_empty() {
            out.push('\n');
        }
        let mut notes: Vec<String> = Vec::new();
        notes.extend(kind.brings.map(|thing| format!("`save` keeps a *{}*.", thing.noun)));
        notes.extend((kind.role == Role::Action).then(|| "May be `refused`.".to_owned()));
        if !notes.is_empty() {
            writeln!(out, "{}\n", notes.join(" ")).unwrap();
        }
    }
    out
}

fn things() -> String {
    let mut out = String::from("\n| a saved | has | the bare `$name` is its |\n| --- | --- | --- |\n");
    for thing in THINGS {
        let names: Vec<String> = thing.properties.iter().map(|property| format!("`.{}`", property.name)).collect();
        writeln!(out, "| {} | {} | `{}` |", thing.noun, names.join(", "), thing.properties[0].name).unwrap();
    }
    out.push('\n');
    out
}

#[test]
fn the_documentation_has_every_step_and_value() {
    let path = "docs/scenario-format.md";
    let mut text = std::fs::read_to_string(path).unwrap();
    for (name, wanted) in [("steps", tables()), ("values", things())] {
        let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
        let from = text.find(&begin).map(|at| at + begin.len()).expect(&begin);
        let to = text.find(&end).expect(&end);
        if update_golden() {
            text.replace_range(from..to, &wanted);
            std::fs::write(path, &text).unwrap();
        } else {
            assert_eq!(text[from..to], wanted, "{path} is out of date; UPDATE_GOLDEN=1 writes it");
        }
    }
}

//! Every scenario in `scenarios/` is played against a server, twice: the reports have to be equal to each other and to
//! the golden one beside the scenario. `UPDATE_GOLDEN=1` writes the golden reports.

use std::path::{Path, PathBuf};

use rehearsal::{
    cli::wiring::{Server, ServerOptions},
    scenario::{PlayResult, RunOptions, ScenarioResult, Verdict, load, play, report},
};

fn folder() -> PathBuf {
    PathBuf::from("scenarios")
}

#[test]
fn every_scenario_can_be_read_and_has_a_seed_of_its_own() {
    let (scenarios, problems) = load(&[folder()]);
    assert!(problems.is_empty(), "{}", rehearsal::diagnostic::render_all(&problems));
    let mut seeds: Vec<u64> = scenarios.iter().map(|scenario| scenario.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), scenarios.len(), "two scenarios with one seed would have the same ids");
}

/// Plays all scenarios on a server of their own.
async fn play_all(at_once: usize) -> PlayResult {
    let server = Server::start(ServerOptions::default()).await.expect("the server starts");
    let url = server.base_url.parse().expect("a server's address is a URL");
    let options = RunOptions { at_once, ..RunOptions::default() };
    let result = play(&[folder()], &url, &options, &|_| {}).await;
    server.stop().await.expect("the server stops");
    result
}

fn told(result: &ScenarioResult) -> String {
    report::text::scenario(result, report::text::Alphabet::Unicode)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_passes_and_tells_its_golden_story_every_time() {
    let first = play_all(1).await;
    // The second time they run side by side: neither port nor neighbours may show in a report.
    let second = play_all(8).await;
    let mut wrong = Vec::new();
    for (one, other) in first.scenarios.iter().zip(&second.scenarios) {
        let file = &one.source.file;
        let story = told(one);
        if one.verdict() != Verdict::Passed {
            wrong.push(format!("{file} did not pass:\n{story}"));
        }
        if story != told(other) {
            wrong.push(format!("{file} told another story the second time:\n{story}\n--- and then\n{}", told(other)));
        }
        let golden = Path::new(file).with_extension("report");
        if update_golden() {
            std::fs::write(&golden, &story).expect("the golden report can be written");
        } else if std::fs::read_to_string(&golden).ok().as_ref() != Some(&story) {
            wrong.push(format!("{} is not what was told (UPDATE_GOLDEN=1 writes it):\n{story}", golden.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert_eq!((first.verdict(), second.verdict()), (Verdict::Passed, Verdict::Passed));
}

#[expect(clippy::disallowed_methods, reason = "tests have no settings; this one is for whoever changes a report")]
fn update_golden() -> bool {
    std::env::var("UPDATE_GOLDEN").is_ok()
}

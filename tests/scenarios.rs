//! Every scenario in `scenarios/` is played against a server, twice: the reports have to be equal to each other and to
//! the golden one beside the scenario. `UPDATE_GOLDEN=1` writes the golden reports.

use std::path::{Path, PathBuf};

use rehearsal::scenario::{PlayResult, RunOptions, Verdict, load, play, report};

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

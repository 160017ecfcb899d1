//! Plays many scenarios: finds the files, reads all of them, then runs them side by side, each in its own sandbox.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use futures_util::{StreamExt, stream};
use reqwest::Url;
use sha2::{Digest, Sha256};

use crate::{diagnostic::Diagnostic, sim::clock::Stopwatch};

use super::{
    ast::Scenario,
    parse::parse,
    result::{PlayResult, ScenarioResult},
    runner::{RunOptions, run_in},
};

/// Told as soon as a scenario has ended; not in the order of the files.
pub type Progress<'p> = &'p (dyn Fn(&ScenarioResult) + Sync);

/// Plays files, and all `*.yaml` and `*.yml` files in folders. If one of them is no scenario, nothing is run.
pub async fn play(paths: &[PathBuf], base_url: &Url, options: &RunOptions, progress: Progress<'_>) -> PlayResult {
    let watch = Stopwatch::start();
    let (scenarios, problems) = load(paths);
    if !problems.is_empty() {
        return PlayResult { scenarios: Vec::new(), problems, wall: watch.elapsed() };
    }
    let names = sandbox_names(options, &scenarios);
    let runs = scenarios.iter().zip(&names).map(async |(scenario, name)| {
        let result = run_in(scenario, base_url, options, name).await;
        progress(&result);
        result
    });
    let scenarios = stream::iter(runs).buffered(options.at_once.max(1)).collect().await;
    PlayResult { scenarios, problems, wall: watch.elapsed() }
}

/// Reads files and folders: the scenarios, and everything that is wrong.
#[must_use]
pub fn load(paths: &[PathBuf]) -> (Vec<Scenario>, Vec<Diagnostic>) {
    let (mut scenarios, mut problems) = (Vec::new(), Vec::new());
    let mut files = Vec::new();
    for path in paths {
        let before = files.len();
        if let Err(problem) = find(path, &mut BTreeSet::new(), &mut files) {
            problems.push(problem);
        } else if files.len() == before {
            let nothing = Diagnostic::of_file(shown(path), "there is no scenario in this folder");
            problems.push(nothing.with_suggestion("scenarios are files that end in `.yaml` or `.yml`"));
        }
    }
    for file in files {
        match std::fs::read_to_string(&file) {
            Ok(text) => match parse(&shown(&file), &text) {
                Ok(scenario) => scenarios.push(scenario),
                Err(found) => problems.extend(found),
            },
            Err(error) => problems.push(unreadable(&file, &error)),
        }
    }
    (scenarios, problems)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::of_file(shown(path), format!("the file can't be read: {error}"))
}

/// A path as reports show it: the same on every system.
fn shown(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

/// What is to be played of a path. A folder that links lead to more than once is gone through once.
fn find(path: &Path, seen: &mut BTreeSet<PathBuf>, files: &mut Vec<PathBuf>) -> Result<(), Diagnostic> {
    let is_folder = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?.is_dir();
    if !is_folder {
        files.push(path.to_owned());
        return Ok(());
    }
    let place = std::fs::canonicalize(path).map_err(|error| unreadable(path, &error))?;
    if !seen.insert(place) {
        return Ok(());
    }
    let entries = std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut inside: Vec<PathBuf> =
        entries.map_err(|error| unreadable(path, &error))?.into_iter().map(|entry| entry.path()).collect();
    inside.sort();
    for path in inside {
        let is_scenario = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        if path.is_dir() || is_scenario {
            find(&path, seen, files)?;
        }
    }
    Ok(())
}

/// Sandbox names for files, no two alike.
fn sandbox_names(options: &RunOptions, scenarios: &[Scenario]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let unique = |scenario: &Scenario| {
        let name = sandbox_name(options, &scenario.source.file);
        let free = (1_u32..).map(|count| if count == 1 { name.clone() } else { format!("{name}.{count}") });
        let free = free.into_iter().find(|name| !taken.contains(name)).unwrap_or(name);
        taken.insert(free.clone());
        free
    };
    scenarios.iter().map(unique).collect()
}

/// `play-ok-main-flow` for `scenarios/ok/main-flow.yaml`: folder and stem, within the limits of a sandbox's name. The run's
/// mark stands at the end: runs that share a server would take each other's sandboxes away without it.
pub(super) fn sandbox_name(options: &RunOptions, file: &str) -> String {
    /// A sandbox's name has at most 50 characters; four are left for a number.
    const CHARS_MAX: usize = 46;
    const DIGEST_CHARS: usize = 8;
    let path = Path::new(file);
    let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let parts: Vec<String> = [folder, stem].into_iter().flatten().collect();
    let fits = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_' { c } else { '-' };
    let name: String = parts.join("-").to_lowercase().chars().map(fits).collect();
    let name = format!("{}-{name}", options.prefix);
    let mark = options.mark.as_deref().map_or_else(String::new, |mark| format!("-{mark}"));
    let most = CHARS_MAX.saturating_sub(mark.len());
    if name.len() <= most {
        return format!("{name}{mark}");
    }
    let digest: String = Sha256::digest(name.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let kept = most.saturating_sub(DIGEST_CHARS + 1);
    format!("{}-{}{mark}", name.get(..kept).unwrap_or_default(), digest.get(..DIGEST_CHARS).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_has_a_sandbox_of_its_own() {
        let options = |prefix: &str, mark: Option<&str>| RunOptions {
            prefix: prefix.to_owned(),
            mark: mark.map(str::to_owned),
            ..RunOptions::default()
        };
        let name = |prefix: &str, file: &str| sandbox_name(&options(prefix, None), file);
        assert_eq!(name("play", "scenarios/ok/main-flow.yaml"), "play-ok-main-flow");
        assert_eq!(name("ci", "Größe.yaml"), "ci-gr--e");
        assert_eq!(name("team-a.play", "a.b/c.yaml"), "team-a.play-a-b-c");
        let long = name("play", &format!("a/{}.yaml", "x".repeat(80)));
        assert_eq!(long.len(), 46);
        assert_ne!(long, name("play", &format!("a/{}y.yaml", "x".repeat(80))));
        let marked = options("play", Some("0a1b2c3d"));
        assert_eq!(sandbox_name(&marked, "ok/main-flow.yaml"), "play-ok-main-flow-0a1b2c3d");
        let long = sandbox_name(&marked, &format!("a/{}.yaml", "x".repeat(80)));
        assert!(long.len() == 46 && long.ends_with("-0a1b2c3d"), "{long}");
        let text = "name: a\nsteps: [ operator.runs-next-timer: {} ]\n";
        let twins: Vec<Scenario> = (0..3).map(|_| parse("a/b.yaml", text).unwrap()).collect();
        assert_eq!(sandbox_names(&options("play", None), &twins), ["play-a-b", "play-a-b.2", "play-a-b.3"]);
    }

    #[test]
    #[cfg(unix)]
    fn a_link_back_into_a_folder_plays_nothing_twice() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("inside");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(inside.join("a.yaml"), "name: a\nsteps: [ operator.runs-next-timer: {} ]\n").unwrap();
        std::os::unix::fs::symlink(folder.path(), inside.join("loop")).unwrap();
        std::os::unix::fs::symlink(&inside, folder.path().join("again")).unwrap();
        let (scenarios, problems) = load(&[folder.path().to_owned()]);
        assert_eq!((scenarios.len(), problems), (1, Vec::new()));
    }

    #[test]
    fn a_path_that_leads_nowhere_is_reported() {
        let (scenarios, problems) = load(&[PathBuf::from("no/such/file.yaml")]);
        assert!(scenarios.is_empty());
        assert_eq!(problems.len(), 1);
        let empty = tempfile::tempdir().unwrap();
        assert!(load(&[empty.path().to_owned()]).1[0].message.contains("no scenario"));
    }
}

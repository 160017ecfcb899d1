//! Keeps the house in order: reads the sources as text and reports everything that breaks a rule, as `file:line: reason`.
//!
//! Who may import whom is the table [`HOUSE`]; `docs/architecture.md` says why. The other rules are in [`RULES`]. Each
//! rule is shown to catch a planted sample, so a rule that has gone blind fails here too.

#![expect(clippy::expect_used, reason = "sources that can't be read have to fail the test")]

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// What each room may import: rooms, or parts of a room. A room may always import itself; nobody may import `cli`
/// except `main`, which does nothing else.
const HOUSE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("diagnostic", &[]),
    ("sim", &["domain"]),
    ("wire", &["domain"]),
    ("store", &["domain"]),
    ("app", &["domain", "sim", "store"]),
    ("publisher", &["wire", "store", "sim", "domain::ids", "domain::time", "domain::setup_form", "domain::catalogue"]),
    ("http", &["app", "publisher", "wire", "domain", "sim::clock::Stopwatch", "sim::entropy::RequestIds"]),
    ("scenario", &["wire", "diagnostic", "sim::clock"]),
    ("fixtures", &["domain", "diagnostic"]),
    ("delivery", &["app", "domain", "wire", "sim::clock::Stopwatch"]),
    (
        "cli",
        &[
            "app",
            "delivery",
            "diagnostic",
            "domain",
            "fixtures",
            "http",
            "publisher",
            "scenario",
            "sim",
            "store",
            "tls",
            "wire",
        ],
    ),
    ("tls", &["domain::time"]),
    ("main", &["cli"]),
    (
        "lib",
        &[
            "app",
            "delivery",
            "diagnostic",
            "domain",
            "fixtures",
            "http",
            "publisher",
            "scenario",
            "sim",
            "store",
            "tls",
            "wire",
        ],
    ),
];

/// Files that may wait for real time, and why. An entry that is not needed any more is reported.
const MAY_SLEEP: &[(&str, &str)] = &[
    ("src/app/timers.rs", "an idle clock that runs with the machine's waits for its next timer"),
    ("src/app/turns.rs", "processes that share a store yield to each other"),
    ("src/scenario/stage.rs", "a server that lets in so many calls a second says how long to wait"),
    (
        "src/publisher/marketplace_client/mod.rs",
        "a marketplace that lets in so many calls a second says how long to wait",
    ),
    ("tests/it/together/chaos.rs", "callers that hammer would take the machine from who is to come back"),
    ("src/store/postgres/leases.rs", "leases run on the database's clock"),
    ("src/store/postgres/others.rs", "notices to other processes are gathered, and looked for when none can come"),
    ("src/store/sled_store/committer.rs", "sled's threads let go of its file a moment after it is closed"),
];

/// Words that say nothing of what a file or module holds.
const EMPTY_WORDS: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc", "manager"];

const MOST_LINES_IN_SRC: usize = 800;
const MOST_LINES_IN_TESTS: usize = 1200;

/// What is found nowhere but where the second column says, and the reason.
const CONFINED: &[(&[&str], Place, &str)] = &[
    (&["SystemTime", "::", "now"], Place::Sim, "only sim::clock reads the machine's clock"),
    (&["Instant", "::", "now"], Place::Sim, "only sim::clock reads the machine's clock"),
    (&["Timestamp", "::", "now"], Place::Sim, "only sim::clock reads the machine's clock"),
    (&["Zoned", "::", "now"], Place::Sim, "only sim::clock reads the machine's clock"),
    (&["Uuid", "::", "new_v4"], Place::Sim, "only sim::entropy draws randomness"),
    (&["Uuid", "::", "now_v7"], Place::Sim, "only sim::entropy draws randomness"),
    (&["rand", "::"], Place::Sim, "only sim::entropy draws randomness"),
    (&["getrandom"], Place::Sim, "only sim::entropy draws randomness"),
    (&["SysRng"], Place::Sim, "only sim::entropy draws randomness"),
    (&["todo", "!"], Place::Nowhere, "finish it, or leave it out"),
    (&["unimplemented", "!"], Place::Nowhere, "finish it, or leave it out"),
    (&["dbg", "!"], Place::Nowhere, "a trace that was forgotten"),
    (&["#", "[", "ignore"], Place::Nowhere, "a test runs, or is deleted"),
    (&["sleep", "("], Place::AllowList, "waits for real time; if it must, say why in MAY_SLEEP"),
    (&["sleep_until", "("], Place::AllowList, "waits for real time; if it must, say why in MAY_SLEEP"),
];

/// Where something is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the room `sim`, and in what is not part of the product: tests and benches measure real time.
    Sim,
    /// In the files of [`MAY_SLEEP`].
    AllowList,
    Nowhere,
}

type Rule = fn(&Source) -> Vec<Finding>;

const RULES: &[Rule] = &[imports, confined, sizes, names];

#[test]
fn the_house_is_in_order() {
    let sources = sources();
    assert!(sources.len() > 30, "only {} source files were found", sources.len());
    let mut findings: Vec<Finding> =
        sources.iter().flat_map(|source| RULES.iter().flat_map(move |rule| rule(source))).collect();
    findings.extend(needless_allowances(&sources));
    assert!(findings.is_empty(), "{}", listed(&findings));
}

/// Path, text, and where and why it is reported; nothing where it is in order.
const SAMPLES: &[(&str, &str, &[&str])] = &[
    ("src/domain/a.rs", "use crate::sim::clock;", &["1: domain may not import sim::clock"]),
    ("src/domain/a.rs", "use crate::domain::time; use super::ids;", &[]),
    ("src/sim/a.rs", "\n\nfn f(x: crate::store::Key) {}", &["3: sim may not import store::Key"]),
    (
        "src/wire/a.rs",
        "use crate::{\n  domain::ids,\n  app::{App, Sandbox},\n};",
        &["3: wire may not import app::App", "3: wire may not import app::Sandbox"],
    ),
    ("src/app/identity/mod.rs", "use super::super::http::Faces;", &["1: app may not import http::Faces"]),
    ("src/app/a.rs", "use super::{super::wire::control, desk::Desk};", &["1: app may not import wire::control"]),
    ("src/app/a.rs", "mod tests { use super::super::super::cli; }", &["1: app may not import cli"]),
    ("src/app/a.rs", "mod tests { use super::super::desk; } use super::super::cli;", &["1: app may not import cli"]),
    ("src/store/a.rs", "use rehearsal::app::App as Core;", &["1: store may not import app::App"]),
    (
        "src/publisher/a.rs",
        "use crate::domain::{ids::OfferId, subscription::Status};",
        &["1: publisher may not import domain::subscription::Status"],
    ),
    ("src/publisher/a.rs", "use crate::domain;", &["1: publisher may not import domain"]),
    ("src/publisher/a.rs", "use crate::{sim::clock, domain::catalogue::{self, Plan}, wire::control};", &[]),
    (
        "src/http/a.rs",
        "use crate::sim::{clock::{Stopwatch, Clock}, entropy::RequestIds};",
        &["1: http may not import sim::clock::Clock"],
    ),
    (
        "src/scenario/a.rs",
        "use crate::{sim::entropy::Seed, app::App};",
        &["1: scenario may not import sim::entropy::Seed", "1: scenario may not import app::App"],
    ),
    (
        "src/fixtures/a.rs",
        "use crate::{diagnostic::Span, wire::control};",
        &["1: fixtures may not import wire::control"],
    ),
    ("src/diagnostic.rs", "use super::domain::ids;", &["1: diagnostic may not import domain::ids"]),
    ("src/http/a.rs", "use crate::cli::exit;", &["1: http may not import cli::exit"]),
    ("src/main.rs", "use rehearsal::{app::App, cli::run};", &["1: main may not import app::App"]),
    ("src/cli/a.rs", "use crate::{app, http, scenario, store};", &[]),
    ("src/cli/a.rs", "use crate::*;", &["1: cli takes the whole crate; name the rooms"]),
    ("src/app/a.rs", "use crate as all;", &["1: app takes the whole crate; name the rooms"]),
    ("src/kitchen/a.rs", "use crate::domain;", &["1: kitchen is not a room of the house"]),
    ("src/domain/a.rs", "// crate::app\n/* crate::app /* nested */ crate::app */ const A: &str = \"crate::app\";", &[]),
    (
        "src/domain/a.rs",
        "const A: &str = r#\"\" crate::app\"#; const B: char = '\"'; use crate::app;",
        &["1: domain may not import app"],
    ),
    ("src/app/a.rs", "let now = std::time::SystemTime::now();", &["1: SystemTime::now: only sim::clock"]),
    ("src/http/a.rs", "let now = Instant :: now();", &["1: Instant::now: only sim::clock"]),
    ("src/domain/a.rs", "jiff::Timestamp::now()", &["1: Timestamp::now: only sim::clock"]),
    ("src/cli/a.rs", "jiff::Zoned::now()", &["1: Zoned::now: only sim::clock"]),
    ("src/cli/a.rs", "uuid::Uuid::new_v4()", &["1: Uuid::new_v4: only sim::entropy"]),
    ("src/cli/a.rs", "uuid::Uuid::now_v7()", &["1: Uuid::now_v7: only sim::entropy"]),
    ("src/cli/a.rs", "use rand::Rng;", &["1: rand::: only sim::entropy"]),
    ("src/cli/a.rs", "getrandom(&mut bytes)", &["1: getrandom: only sim::entropy"]),
    ("src/cli/a.rs", "SysRng.next()", &["1: SysRng: only sim::entropy"]),
    ("src/cli/a.rs", "operand::new(); brand::x; first.strand", &[]),
    ("src/sim/clock.rs", "SystemTime::now(); Instant::now(); rand::rng()", &[]),
    ("tests/crash.rs", "let started = Instant::now();", &[]),
    ("src/app/a.rs", "fn f() {\n    todo!()\n}", &["2: todo!: finish it"]),
    ("tests/a.rs", "unimplemented!(\"later\")", &["1: unimplemented!: finish it"]),
    ("src/app/a.rs", "let a = dbg!(b);", &["1: dbg!: a trace"]),
    ("tests/a.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}", &["2: #[ignore: a test runs"]),
    ("tests/a.rs", "#[cfg_attr(windows, ignore)]\nfn f() {}", &["1: #[ignore: a test runs"]),
    ("src/http/a.rs", "tokio::time::sleep(second).await", &["1: sleep(: waits for real time"]),
    ("src/http/a.rs", "tokio::time::sleep_until(then).await", &["1: sleep_until(: waits for real time"]),
    ("src/app/timers.rs", "tokio::time::sleep(second).await", &[]),
    ("src/app/string_utils.rs", "", &["1: \"utils\" says nothing"]),
    ("src/common/mod.rs", "", &["1: common is not a room", "1: \"common\" says nothing"]),
    ("src/app/a.rs", "\nmod helpers;", &["2: \"helpers\" says nothing"]),
    ("tests/it/main.rs", "mod misc { }", &["1: \"misc\" says nothing"]),
    ("src/app/manager.rs", "", &["1: \"manager\" says nothing"]),
];

#[test]
fn every_rule_catches_its_sample() {
    let mut wrong = String::new();
    for (path, text, expected) in SAMPLES {
        let source = Source::new(path, text);
        let mut found: Vec<String> = RULES.iter().flat_map(|rule| rule(&source)).map(|one| one.to_string()).collect();
        found.sort();
        let mut expected: Vec<String> = expected.iter().map(|one| format!("{path}:{one}")).collect();
        expected.sort();
        let fits = found.len() == expected.len() && found.iter().zip(&expected).all(|(f, e)| f.starts_with(e.as_str()));
        if !fits {
            let shown: String = text.chars().take(120).collect();
            let _ = writeln!(wrong, "{path} {shown:?}\n  expected {expected:?}\n  found    {found:?}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_file_that_is_too_long_is_reported() {
    let table = [
        ("src/app/a.rs", MOST_LINES_IN_SRC, None),
        ("src/app/a.rs", MOST_LINES_IN_SRC + 1, Some("src/app/a.rs:801: 801 lines; a file has at most 800")),
        ("tests/a.rs", MOST_LINES_IN_TESTS, None),
        ("tests/a.rs", MOST_LINES_IN_TESTS + 1, Some("tests/a.rs:1201: 1201 lines; a file has at most 1200")),
    ];
    for (path, lines, expected) in table {
        let found = sizes(&Source::new(path, &"\n".repeat(lines)));
        assert_eq!(found.first().map(Finding::to_string).as_deref(), expected, "{path}, {lines} lines");
    }
}

#[test]
fn an_allowance_that_is_not_needed_is_reported() {
    let quiet = [Source::new("src/app/timers.rs", "// sleep(\nfn wait() {}")];
    assert_eq!(needless_allowances(&quiet).len(), MAY_SLEEP.len());
    assert_eq!(needless_allowances(&[]).len(), MAY_SLEEP.len(), "files that are gone");
}

/// A problem body names its code, which this page explains.
#[test]
fn every_problem_code_is_explained() {
    let page = read("docs/errors.md");
    let sources = sources();
    let codes: Vec<(&str, &Token)> = sources
        .iter()
        .filter(|source| source.path == "src/domain/refusal.rs" || source.path == "src/http/control/problem.rs")
        .flat_map(|source| problem_codes(source).into_iter().map(|code| (source.path.as_str(), code)))
        .collect();
    assert!(codes.len() >= 18, "only {} codes were found", codes.len());
    let findings: Vec<Finding> = codes
        .into_iter()
        .filter(|(_, code)| !page.lines().any(|line| line == format!("### {}", code.text)))
        .map(|(path, code)| Finding::new(path, code.line, format!("docs/errors.md has no heading for {}", code.text)))
        .collect();
    assert!(findings.is_empty(), "{}", listed(&findings));
    let sample = "fn code(&self) { match self { A => \"one\" } } (NOT_FOUND, \"A title\", \"two\", \"A hint.\")";
    let sample = Source::new("src/http/control/problem.rs", sample);
    let codes: Vec<&str> = problem_codes(&sample).into_iter().map(|code| code.text.as_str()).collect();
    assert_eq!(codes, ["one", "two"]);
}

/// The guide to the control API tells of every path that it has.
#[test]
fn every_control_route_is_in_its_guide() {
    let page = normal_path(&read("docs/control-api.md"));
    let findings: Vec<Finding> = sources()
        .iter()
        .filter(|source| source.path.starts_with("src/http/control"))
        .flat_map(|source| paths(source).into_iter().map(|path| (source.path.clone(), path.line, path.text.clone())))
        .filter(|(_, _, path)| !page.contains(&format!("{}`", normal_path(path))))
        .map(|(file, line, path)| Finding::new(&file, line, format!("docs/control-api.md does not tell of {path}")))
        .collect();
    assert!(findings.is_empty(), "{}", listed(&findings));
    let sample = Source::new("src/http/control/clock.rs", "#[utoipa::path(get, path = \"/sim/v1/x\")]");
    assert_eq!(paths(&sample).first().map(|path| path.text.as_str()), Some("/sim/v1/x"));
}

/// Whoever adds a route to an imitated API says in the table how faithful it is.
#[test]
fn every_imitated_route_is_in_the_fidelity_table() {
    let page = normal_path(&read("docs/fidelity.md"));
    let findings: Vec<Finding> = sources()
        .iter()
        .filter(|source| ["src/http/marketplace", "src/http/identity"].iter().any(|face| source.path.starts_with(face)))
        .flat_map(|source| {
            routes(source).into_iter().map(|route| (source.path.clone(), route.line, route.text.clone()))
        })
        .filter(|(_, _, route)| !route.contains("{*") && !page.contains(&format!("{}`", normal_path(route))))
        .map(|(path, line, route)| Finding::new(&path, line, format!("docs/fidelity.md does not tell of {route}")))
        .collect();
    assert!(findings.is_empty(), "{}", listed(&findings));
    let sample = Source::new("src/http/marketplace/mod.rs", "x\n.route(\"/api/x/{id}\", get(f))");
    assert_eq!(routes(&sample).first().map(|route| (route.line, route.text.as_str())), Some((2, "/api/x/{id}")));
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let mut pages = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    pages.extend(files(&root().join("docs"), "md"));
    let mut findings = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page).expect("the page can be read");
        let folder = page.parent().expect("a page lies in a folder");
        for (number, line) in (1..).zip(text.lines()) {
            for target in links(line) {
                let file = target.split('#').next().unwrap_or_default();
                if !file.is_empty() && !folder.join(file).exists() {
                    findings.push(Finding::new(&shown(&page), number, format!("there is no {target}")));
                }
            }
        }
    }
    assert!(findings.is_empty(), "{}", listed(&findings));
    assert_eq!(links("see [a](b.md#c), ![d](e.svg) and [f](https://g)"), ["b.md#c", "e.svg"]);
}

// The rules.

/// Rooms import only what the house allows them.
fn imports(source: &Source) -> Vec<Finding> {
    let Some(module) = source.module() else { return Vec::new() };
    let room = source.room();
    let Some((_, allowed)) = HOUSE.iter().find(|(name, _)| *name == room) else {
        return vec![source.finding(1, format!("{room} is not a room of the house; add it to HOUSE in tests/tidy.rs"))];
    };
    let mut findings = Vec::new();
    for (line, path) in crate_paths(&source.tokens, &module) {
        let target = path.join("::");
        match path.first().map(String::as_str) {
            None | Some("*" | "self") => {
                findings.push(source.finding(line, format!("{room} takes the whole crate; name the rooms")));
            }
            Some(first) if first == room || allowed.iter().any(|part| is_within(&target, part)) => {}
            Some(_) => findings.push(source.finding(line, format!("{room} may not import {target}"))),
        }
    }
    findings
}

fn is_within(path: &str, part: &str) -> bool {
    path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Clock, randomness and sleep stay where they belong; nothing is left unfinished.
fn confined(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (needle, place, reason) in CONFINED {
        let allowed = match place {
            Place::Sim => !source.is_product() || source.room() == "sim",
            Place::AllowList => MAY_SLEEP.iter().any(|(file, _)| *file == source.path),
            Place::Nowhere => false,
        };
        if !allowed {
            let found = lines_of(&source.tokens, needle).into_iter();
            findings.extend(found.map(|line| source.finding(line, format!("{}: {reason}", needle.concat()))));
        }
    }
    let attribute = ["#", "[", "cfg_attr"];
    for start in places_of(&source.tokens, &attribute) {
        let rest = source.tokens.iter().skip(start).take_while(|token| !token.is("]"));
        let ignored = rest.filter(|token| token.is("ignore"));
        findings.extend(ignored.map(|token| source.finding(token.line, "#[ignore: a test runs, or is deleted".into())));
    }
    findings
}

fn needless_allowances(sources: &[Source]) -> Vec<Finding> {
    let sleeps = |source: &Source| {
        ["sleep", "sleep_until"].iter().any(|call| !places_of(&source.tokens, &[call, "("]).is_empty())
    };
    MAY_SLEEP
        .iter()
        .filter(|(file, _)| !sources.iter().any(|source| source.path == *file && sleeps(source)))
        .map(|(file, _)| Finding::new("tests/tidy.rs", 1, format!("{file} does not sleep; take it off MAY_SLEEP")))
        .collect()
}

/// Files stay small enough to be read.
fn sizes(source: &Source) -> Vec<Finding> {
    let most = if source.is_product() { MOST_LINES_IN_SRC } else { MOST_LINES_IN_TESTS };
    let too_long = source.lines > most;
    too_long
        .then(|| source.finding(source.lines, format!("{} lines; a file has at most {most}", source.lines)))
        .into_iter()
        .collect()
}

/// Files and modules are named for what they hold.
fn names(source: &Source) -> Vec<Finding> {
    let parts = source.path.trim_end_matches(".rs").split('/').map(|part| (1, part));
    let modules = places_of(&source.tokens, &["mod"])
        .into_iter()
        .filter_map(|at| source.tokens.get(at.saturating_add(1)))
        .map(|token| (token.line, token.text.as_str()));
    let mut findings = Vec::new();
    for (line, name) in parts.chain(modules) {
        for word in name.split('_').filter(|word| EMPTY_WORDS.contains(word)) {
            findings.push(source.finding(line, format!("{word:?} says nothing of what it holds; name it for that")));
        }
    }
    findings
}

// What is read, and what is found.

/// A file of Rust.
struct Source {
    path: String,
    lines: usize,
    tokens: Vec<Token>,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), lines: text.lines().count(), tokens: tokens(text) }
    }

    /// Whether it is part of the product, and not a test of it.
    fn is_product(&self) -> bool {
        self.path.starts_with("src/")
    }

    /// The module that the file is; the crate's root for `lib` and `main`.
    fn module(&self) -> Option<Vec<String>> {
        let path = self.path.strip_prefix("src/")?.trim_end_matches(".rs").trim_end_matches("/mod");
        let is_root = matches!(path, "lib" | "main");
        Some(if is_root { Vec::new() } else { path.split('/').map(str::to_owned).collect() })
    }

    fn room(&self) -> &str {
        let path = self.path.strip_prefix("src/").unwrap_or_default();
        path.split(['/', '.']).next().unwrap_or_default()
    }

    fn finding(&self, line: usize, reason: String) -> Finding {
        Finding::new(&self.path, line, reason)
    }
}

/// Something out of order.
struct Finding(String);

impl Finding {
    fn new(path: &str, line: usize, reason: String) -> Self {
        Self(format!("{path}:{line}: {reason}"))
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn listed(findings: &[Finding]) -> String {
    let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    format!("{} out of order:\n{}", lines.len(), lines.join("\n"))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).expect("the page can be read")
}

fn sources() -> Vec<Source> {
    ["src", "tests", "benches"]
        .into_iter()
        .flat_map(|folder| files(&root().join(folder), "rs"))
        .map(|path| Source::new(&shown(&path), &fs::read_to_string(&path).expect("a source file can be read")))
        .collect()
}

/// The files of a folder and of those below it, in a fixed order; none if there is no such folder.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder can be listed").path()).collect();
    paths.sort();
    paths
        .into_iter()
        .flat_map(|path| {
            let fits = path.extension().is_some_and(|found| found == extension);
            if path.is_dir() { files(&path, extension) } else { fits.then_some(path).into_iter().collect() }
        })
        .collect()
}

/// Targets of the links of a Markdown line that lead to files of ours.
fn links(line: &str) -> Vec<&str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        .filter(|target| !target.contains("://"))
        .collect()
}

/// A path with its parameters' names left out, in lower case, as the router sees it.
fn normal_path(text: &str) -> String {
    let mut normal = String::new();
    let mut in_parameter = false;
    for letter in text.to_lowercase().chars() {
        match letter {
            '{' => in_parameter = true,
            '}' => {
                in_parameter = false;
                normal.push_str("{}");
            }
            _ if in_parameter => {}
            _ => normal.push(letter),
        }
    }
    normal
}

/// The literals that a router is given as its routes.
fn routes(source: &Source) -> Vec<&Token> {
    literals_after(source, &["route", "("])
}

/// The paths of an API that describes itself.
fn paths(source: &Source) -> Vec<&Token> {
    literals_after(source, &["path", "="])
}

fn literals_after<'a>(source: &'a Source, needle: &[&str]) -> Vec<&'a Token> {
    let places = places_of(&source.tokens, needle).into_iter();
    let following = places.filter_map(|at| source.tokens.get(at.saturating_add(needle.len())));
    following.filter(|token| token.is_literal && token.text.starts_with('/')).collect()
}

/// The literals in functions called `code`, and those that follow a title: `"The sandbox exists already", "sandboxExists"`.
fn problem_codes(source: &Source) -> Vec<&Token> {
    let tokens = &source.tokens;
    let mut codes = Vec::new();
    for start in places_of(tokens, &["fn", "code", "("]) {
        let mut depth = 0_usize;
        for token in tokens.iter().skip(start).skip_while(|token| !token.is("{")) {
            match token.text.as_str() {
                _ if token.is_literal => codes.push(token),
                "{" => depth = depth.saturating_add(1),
                "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    let after_a_title = tokens.windows(3).filter_map(|window| match window {
        [title, comma, code] if title.is_literal && comma.is(",") && is_code(code) => Some(code),
        _ => None,
    });
    codes.extend(after_a_title);
    codes
}

fn is_code(token: &Token) -> bool {
    token.is_literal
        && token.text.starts_with(|first: char| first.is_ascii_lowercase())
        && token.text.chars().all(|letter| letter.is_ascii_alphanumeric())
}

// Rust, as far as the rules need to read it.

/// A word, a mark or a literal of Rust. `::` is one mark; comments are none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    line: usize,
    text: String,
    is_literal: bool,
}

impl Token {
    fn is(&self, text: &str) -> bool {
        !self.is_literal && self.text == text
    }
}

fn places_of(tokens: &[Token], needle: &[&str]) -> Vec<usize> {
    let fits = |window: &[Token]| window.iter().zip(needle).all(|(token, text)| token.is(text));
    tokens.windows(needle.len()).enumerate().filter(|(_, window)| fits(window)).map(|(at, _)| at).collect()
}

fn lines_of(tokens: &[Token], needle: &[&str]) -> Vec<usize> {
    places_of(tokens, needle).into_iter().filter_map(|at| tokens.get(at)).map(|token| token.line).collect()
}

/// Every path that is written from the crate's root or that climbs with `super`, from the root, with its line. `module`
/// is the module that the tokens are the file of.
fn crate_paths(tokens: &[Token], module: &[String]) -> Vec<(usize, Vec<String>)> {
    let mut paths = Vec::new();
    let mut here = module.to_vec();
    // For each open brace, whether it opened an inline module.
    let mut braces = Vec::new();
    let mut at = 0;
    let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token: &Token| token.is(text));
    while let Some(token) = tokens.get(at) {
        let starts_path = is(at + 1, "::") && !(at > 0 && is(at - 1, "::"));
        let next = match token.text.as_str() {
            _ if token.is_literal => None,
            "{" => {
                let opens_module = at > 1 && is(at - 2, "mod");
                if opens_module {
                    here.extend(tokens.get(at - 1).map(|name| name.text.clone()));
                }
                braces.push(opens_module);
                None
            }
            "}" => {
                if braces.pop() == Some(true) {
                    here.pop();
                }
                None
            }
            "crate" if is(at + 1, "as") => {
                paths.push((token.line, Vec::new()));
                None
            }
            "crate" | "rehearsal" if starts_path => Some(tree(tokens, at + 2, &[], &mut paths)),
            "super" | "self" if starts_path => Some(tree(tokens, at, &here, &mut paths)),
            _ => None,
        };
        at = next.unwrap_or(at + 1);
    }
    paths
}

/// Reads a path or a group of paths, as `use` has them; returns the place behind it.
fn tree(tokens: &[Token], mut at: usize, prefix: &[String], paths: &mut Vec<(usize, Vec<String>)>) -> usize {
    let mut path = prefix.to_vec();
    let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token: &Token| token.is(text));
    let mut line = tokens.get(at).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(at) {
        line = token.line;
        match token.text.as_str() {
            "{" => {
                at += 1;
                while at < tokens.len() && !is(at, "}") {
                    at = if is(at, ",") { at + 1 } else { tree(tokens, at, &path, paths).max(at + 1) };
                }
                return at + 1;
            }
            "super" => drop(path.pop()),
            "self" => {}
            "*" => path.push("*".to_owned()),
            name if name.starts_with(|first: char| first == '_' || first.is_alphabetic()) => path.push(name.to_owned()),
            _ => break,
        }
        at += 1;
        if !is(at, "::") {
            break;
        }
        at += 1;
    }
    paths.push((line, path));
    if is(at, "as") { at + 2 } else { at }
}

/// Cuts Rust into tokens.
fn tokens(text: &str) -> Vec<Token> {
    let letters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(&letter) = letters.get(at) {
        let rest = letters.get(at..).unwrap_or_default();
        let (length, token) = match letter {
            '/' if rest.starts_with(&['/', '/']) => (rest.iter().take_while(|one| **one != '\n').count(), None),
            '/' if rest.starts_with(&['/', '*']) => (comment_length(rest), None),
            '"' => literal(rest, 0),
            '\'' => quoted(rest),
            'r' | 'b' | 'c' if literal_prefix(rest).is_some() => {
                literal(rest, literal_prefix(rest).unwrap_or_default())
            }
            '_' => word(rest),
            _ if letter.is_alphanumeric() => word(rest),
            _ if letter.is_whitespace() => (1, None),
            ':' if rest.starts_with(&[':', ':']) => (2, Some(("::".to_owned(), false))),
            mark => (1, Some((mark.to_string(), false))),
        };
        tokens.extend(token.map(|(text, is_literal)| Token { line, text, is_literal }));
        line += rest.iter().take(length).filter(|one| **one == '\n').count();
        at += length;
    }
    tokens
}

/// How many letters a token has, and what it is: its text, and whether it is a literal.
type Cut = (usize, Option<(String, bool)>);

fn word(letters: &[char]) -> Cut {
    let text: String = letters.iter().take_while(|one| one.is_alphanumeric() || **one == '_').collect();
    (text.chars().count(), Some((text, false)))
}

/// The length of a block comment; they nest.
fn comment_length(letters: &[char]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(rest) = letters.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(&['/', '*']) {
            (at, depth) = (at + 2, depth + 1);
        } else if rest.starts_with(&['*', '/']) {
            (at, depth) = (at + 2, depth.saturating_sub(1));
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// The length of what stands before the quote of `r"`, `r#"`, `b"`, `br#"`, `c"`; `None` where no string begins.
fn literal_prefix(letters: &[char]) -> Option<usize> {
    let names = letters.iter().take_while(|one| matches!(one, 'r' | 'b' | 'c')).count();
    let hashes = letters.iter().skip(names).take_while(|one| **one == '#').count();
    let raw = letters.iter().take(names).any(|one| *one == 'r');
    let fits = names <= 2 && (hashes == 0 || raw) && letters.get(names + hashes) == Some(&'"');
    fits.then_some(names + hashes)
}

/// A string with so many letters before its quote.
fn literal(letters: &[char], prefix: usize) -> Cut {
    let hashes = letters.iter().take(prefix).filter(|one| **one == '#').count();
    let raw = letters.iter().take(prefix).any(|one| *one == 'r');
    let start = prefix + 1;
    let mut at = start;
    while let Some(&letter) = letters.get(at) {
        let closes = letters.iter().skip(at + 1).take(hashes).filter(|one| **one == '#').count() == hashes;
        match letter {
            '\\' if !raw => at += 1,
            '"' if closes => break,
            _ => {}
        }
        at += 1;
    }
    let text = letters.get(start..at).unwrap_or_default().iter().collect();
    (at + 1 + hashes, Some((text, true)))
}

/// A character or a lifetime.
fn quoted(letters: &[char]) -> Cut {
    if letters.get(1) == Some(&'\\') {
        let body = letters.iter().skip(3).take_while(|one| **one != '\'').count();
        return (body + 4, None);
    }
    if letters.get(2) == Some(&'\'') {
        return (3, None);
    }
    (word(letters.get(1..).unwrap_or_default()).0 + 1, None)
}

//! From a file to a scenario. Whatever is wrong with it is found here, all of it at once, before anything runs.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value as Json;

use crate::{
    diagnostic::{Diagnostic, Spot, advise},
    wire::control::RuleList,
};

use super::{
    ast::{Entry, Node, Refused, Scenario, Source, Spanned, Step, Value},
    document,
    steps::{self, Field, FieldKind, Presence, Role, StepKind},
    values::{Reference, Thing, references},
};

/// Where a scenario's clock stands if it does not say so.
pub const DEFAULT_START: &str = "2026-01-01T00:00:00Z";
/// Where a scenario's randomness starts if it does not say so.
pub const DEFAULT_SEED: u64 = 1;

const SCENARIO_KEYS: &[&str] = &["name", "about", "seed", "start", "steps"];
const REFUSED_KEYS: &[&str] = &["status", "code", "field", "message"];

/// Reads a scenario.
///
/// # Errors
/// Everything that is wrong with the file, in the order of the file.
pub fn parse(file: &str, text: &str) -> Result<Scenario, Vec<Diagnostic>> {
    let source = Arc::new(Source::new(file, text));
    let root = match document::read(&source) {
        Ok(Some(root)) => root,
        Ok(None) => {
            return Err(vec![
                Diagnostic::of_file(file, "the file is empty").with_suggestion("a scenario needs `name` and `steps`"),
            ]);
        }
        Err(problem) => return Err(vec![problem]),
    };
    let mut parser = Parser { source: &source, problems: Vec::new(), saved: BTreeMap::new() };
    let scenario = parser.scenario(&root);
    let mut problems = parser.problems;
    problems.sort_by_key(|problem| problem.place.as_ref().map(|place| (place.line, place.column)));
    match scenario {
        Some(scenario) if problems.is_empty() => Ok(scenario),
        Some(_) | None => Err(problems),
    }
}

struct Parser<'s> {
    source: &'s Arc<Source>,
    problems: Vec<Diagnostic>,
    saved: BTreeMap<String, &'static Thing>,
}

impl Parser<'_> {
    fn problem(&mut self, spot: Spot, message: impl Into<String>, fix: Option<String>) {
        let problem = self.source.problem(spot, message);
        self.problems.push(match fix {
            Some(fix) => problem.with_suggestion(fix),
            None => problem,
        });
    }

    fn scenario(&mut self, root: &Node) -> Option<Scenario> {
        if !matches!(root.value, Value::Map(_)) {
            let fix = "write `name: ...` and `steps: ...`".to_owned();
            self.problem(root.spot, format!("a scenario is a map, not {}", root.noun()), Some(fix));
            return None;
        }
        self.known_keys(root.entries(), SCENARIO_KEYS, "a scenario");
        let get = |name: &str| root.entries().iter().find(|entry| entry.key.value == name).map(|entry| &entry.value);
        for name in ["name", "steps"] {
            if get(name).is_none() {
                self.problem(root.spot, format!("the scenario has no `{name}`"), Some(format!("add `{name}:`")));
            }
        }
        let name = get("name").and_then(|node| self.text(node, "name"));
        let seed = get("seed").and_then(|node| self.number(node, "seed")).unwrap_or(DEFAULT_SEED);
        if let Some(start) = get("start") {
            self.check_kind(start, "start", FieldKind::Instant);
        }
        let start = get("start").map_or(DEFAULT_START, Node::text).to_owned();
        let steps = match get("steps") {
            // One that does nothing would pass whatever happens.
            Some(Node { value: Value::List(items), spot }) if items.is_empty() => {
                let fix = Some("write at least one step, after `- `".to_owned());
                self.problem(*spot, "the scenario has no steps", fix);
                Vec::new()
            }
            Some(Node { value: Value::List(items), .. }) => items.iter().filter_map(|item| self.step(item)).collect(),
            Some(other) => {
                let fix = Some("write each step on its own line, after `- `".to_owned());
                self.problem(other.spot, format!("`steps` is a list, not {}", other.noun()), fix);
                Vec::new()
            }
            None => Vec::new(),
        };
        Some(Scenario { source: Arc::clone(self.source), name: name?, seed, start, steps })
    }

    fn known_keys(&mut self, entries: &[Entry], known: &[&'static str], of: &str) {
        for entry in entries {
            let key = entry.key.value.as_str();
            if !known.contains(&key) {
                self.problem(
                    entry.key.spot,
                    format!("{of} has no `{key}`"),
                    or_docs(advise(key, known.iter().copied())),
                );
            }
        }
    }

    fn step(&mut self, item: &Node) -> Option<Step> {
        let [entry] = item.entries() else {
            let fix = "write `- who.does-what: { ... }`; each step has its own `- `".to_owned();
            self.problem(item.spot, "a step is one name with its fields", Some(fix));
            return None;
        };
        let name = entry.key.value.as_str();
        let Some(kind) = StepKind::named(name) else {
            let known: Vec<&str> = steps::all().map(|kind| kind.name).collect();
            let fix = or_docs(advise(name, known));
            self.problem(entry.key.spot, format!("there is no step `{name}`"), fix);
            // What it would have saved may be used below: one mistake shall be reported once.
            if let Some(save) = entry.value.entries().iter().find(|arg| arg.key.value == "save") {
                self.saved.insert(save.value.text().to_owned(), &ANYTHING);
            }
            return None;
        };
        if !matches!(entry.value.value, Value::Map(_)) && !entry.value.is_nothing() {
            let fix = Some(format!("write `{name}: {{ {} }}`", example(kind)));
            self.problem(entry.value.spot, format!("`{name}` takes fields, not {}", entry.value.noun()), fix);
            return None;
        }
        Some(self.step_of_kind(kind, entry))
    }

    fn step_of_kind(&mut self, kind: &'static StepKind, entry: &Entry) -> Step {
        let (mut args, mut save, mut refused) = (Vec::new(), None, None);
        // What is expected to be refused may well be a rule that there is not.
        let is_refused = entry.value.entries().iter().any(|arg| arg.key.value == "refused");
        for arg in entry.value.entries() {
            match (arg.key.value.as_str(), kind.field(&arg.key.value)) {
                (_, Some(Field { kind: FieldKind::Rules, .. })) if is_refused => args.push(arg.clone()),
                (_, Some(field)) => {
                    self.field(field, &arg.value);
                    args.push(arg.clone());
                }
                ("save", None) => save = self.save(kind, arg),
                ("refused", None) if kind.role == Role::Action => refused = Some(self.refused(arg)),
                (key, None) => {
                    let mut known: Vec<&str> = kind.fields.iter().map(|field| field.name).collect();
                    known.extend(kind.brings.map(|_| "save"));
                    known.extend((kind.role == Role::Action).then_some("refused"));
                    let fix = or_docs(advise(key, known));
                    self.problem(arg.key.spot, format!("`{}` has no field `{key}`", kind.name), fix);
                }
            }
        }
        self.complete(kind, entry.key.spot, &args);
        if let (Some(save), Some(_)) = (&save, &refused) {
            let fix = Some("leave one of the two out".to_owned());
            self.problem(save.spot, "a step that is refused brings nothing to save", fix);
        }
        if let (Some(save), Some(thing)) = (&save, kind.brings) {
            self.saved.insert(save.value.clone(), thing);
        }
        Step { kind, spot: entry.key.spot, args, save, refused }
    }

    /// Nothing is left out that the step needs.
    fn complete(&mut self, kind: &StepKind, spot: Spot, args: &[Entry]) {
        let given = |name: &str| args.iter().any(|arg| arg.key.value == name);
        for field in kind.fields.iter().filter(|field| field.presence == Presence::Required && !given(field.name)) {
            let message = format!("`{}` needs `{}`: {}", kind.name, field.name, field.kind.noun());
            self.problem(spot, message, Some(format!("add `{}: ...`", field.name)));
        }
        let choices: Vec<&str> =
            kind.fields.iter().filter(|field| field.presence == Presence::OneOfThese).map(|field| field.name).collect();
        if !choices.is_empty() && choices.iter().filter(|name| given(name)).count() != 1 {
            let message = format!("`{}` needs either `{}`", kind.name, choices.join("` or `"));
            self.problem(spot, message, Some("give one of them".to_owned()));
        }
        // A step that compares nothing would pass whatever happens.
        if kind.role == Role::Expectation && args.iter().all(|arg| arg.key.value == "subscription") {
            let known: Vec<String> = kind
                .fields
                .iter()
                .filter(|field| field.name != "subscription")
                .map(|field| format!("`{}`", field.name))
                .collect();
            let fix = Some(format!("add what is expected: {}", known.join(", ")));
            self.problem(spot, format!("`{}` expects nothing", kind.name), fix);
        }
    }

    fn save(&mut self, kind: &StepKind, arg: &Entry) -> Option<Spanned<String>> {
        let name = arg.value.text();
        if kind.brings.is_none() {
            let fix = Some("leave `save` out".to_owned());
            self.problem(arg.key.spot, format!("`{}` brings nothing to save", kind.name), fix);
            return None;
        }
        let as_used = format!("${name}");
        let plain =
            matches!(references(&as_used).as_slice(), [only] if only.end == as_used.len() && only.property.is_none());
        if !plain {
            let fix = Some("start with a letter, go on with letters, digits, `-` and `_`: `save: sub`".to_owned());
            self.problem(arg.value.spot, format!("`{name}` is no name for a value"), fix);
            return None;
        }
        if self.saved.contains_key(name) {
            let fix = Some("take another name".to_owned());
            self.problem(arg.value.spot, format!("`{name}` is saved already"), fix);
        }
        Some(Spanned { value: name.to_owned(), spot: arg.value.spot })
    }

    fn refused(&mut self, arg: &Entry) -> Refused {
        let node = &arg.value;
        if !matches!(node.value, Value::Map(_)) {
            let fix = Some("write `refused: { status: 422, code: tooManySeats }`".to_owned());
            self.problem(node.spot, format!("`refused` takes a map, not {}", node.noun()), fix);
        }
        self.known_keys(node.entries(), REFUSED_KEYS, "`refused`");
        let get = |name: &str| node.entries().iter().find(|entry| entry.key.value == name).map(|entry| &entry.value);
        let status = get("status").and_then(|node| {
            let number = self.number(node, "status")?;
            match u16::try_from(number).ok().filter(|status| (400..600).contains(status)) {
                Some(value) => Some(Spanned { value, spot: node.spot }),
                None => {
                    let fix = Some("use the status of the answer: 400, 403, 404, 422".to_owned());
                    self.problem(node.spot, format!("{number} is not the status of a refusal"), fix);
                    None
                }
            }
        });
        Refused {
            spot: arg.key.spot,
            status,
            code: get("code").and_then(|node| self.text(node, "code")),
            field: get("field").and_then(|node| self.text(node, "field")),
            message: get("message").and_then(|node| self.text(node, "message")),
        }
    }

    fn text(&mut self, node: &Node, name: &str) -> Option<Spanned<String>> {
        if node.as_scalar().is_none() || node.text().trim().is_empty() {
            let fix = Some(format!("write `{name}: ...` on one line"));
            let is_blank = node.as_scalar().is_some_and(|scalar| scalar.json.is_string());
            let found = if is_blank { "an empty one" } else { node.noun() };
            self.problem(node.spot, format!("`{name}` is a text, not {found}"), fix);
            return None;
        }
        Some(Spanned { value: node.text().to_owned(), spot: node.spot })
    }

    fn number(&mut self, node: &Node, name: &str) -> Option<u64> {
        let number = node.as_scalar().and_then(|scalar| scalar.json.as_u64());
        if number.is_none() {
            let fix = Some("give it a whole number, without quotes: `5`".to_owned());
            self.problem(node.spot, format!("`{name}` is a whole number, not {}", shown(node)), fix);
        }
        number
    }

    fn field(&mut self, field: &Field, node: &Node) {
        let before = self.problems.len();
        self.references(node);
        let uses = references(node.text());
        match uses.as_slice() {
            [] => self.check_kind(node, field.name, field.kind),
            [only] if field.kind == FieldKind::Subscription && before == self.problems.len() => {
                self.subscription(node, *only);
            }
            _ => {}
        }
    }

    /// Every value that is used was saved, with the property that is asked for.
    fn references(&mut self, node: &Node) {
        match &node.value {
            Value::List(items) => items.iter().for_each(|item| self.references(item)),
            Value::Map(entries) => entries.iter().for_each(|entry| self.references(&entry.value)),
            Value::Scalar(scalar) => {
                if let Json::String(text) = &scalar.json {
                    for used in references(text) {
                        self.reference(node, used);
                    }
                }
            }
        }
    }

    fn reference(&mut self, node: &Node, used: Reference<'_>) {
        let spot = within(node, self.source, used);
        let Some(thing) = self.saved.get(used.name).copied() else {
            let known: Vec<String> = self.saved.keys().map(|name| format!("${name}")).collect();
            let fix = advise(&format!("${}", used.name), known.iter().map(String::as_str))
                .unwrap_or_else(|| format!("add `save: {}` to the step that brings it", used.name));
            self.problem(spot, format!("no step above saves `{}`", used.name), Some(fix));
            return;
        };
        if let Some(name) = used.property
            && !std::ptr::eq(thing, &raw const ANYTHING)
            && thing.property(Some(name)).is_none()
        {
            let known = thing.properties.iter().map(|property| property.name);
            self.problem(spot, format!("a {} has no `{name}`", thing.noun), advise(name, known));
        }
    }

    fn subscription(&mut self, node: &Node, used: Reference<'_>) {
        let Some(thing) = self.saved.get(used.name).copied() else { return };
        let fits = thing.property(used.property).is_none_or(|property| property.is_subscription);
        if !fits {
            let carriers: Vec<&str> = self
                .saved
                .iter()
                .filter(|(_, thing)| thing.property(None).is_some_and(|property| property.is_subscription))
                .map(|(name, _)| name.as_str())
                .collect();
            let fix = carriers.first().map(|name| format!("use `${name}`"));
            let what = used.property.map_or_else(String::new, |property| format!("'s {property}"));
            let message = format!("`{}` is a {}{what}, not a subscription", node.text(), thing.noun);
            self.problem(node.spot, message, fix);
        }
    }

    fn check_kind(&mut self, node: &Node, name: &str, kind: FieldKind) {
        let is_text = node.as_scalar().is_some() && !node.is_nothing();
        let fits = match kind {
            FieldKind::Text | FieldKind::Subscription => is_text,
            FieldKind::Count => node
                .as_scalar()
                .is_some_and(|scalar| scalar.json.as_u64().is_some_and(|number| u32::try_from(number).is_ok())),
            FieldKind::Flag => node.as_scalar().is_some_and(|scalar| scalar.json.is_boolean()),
            FieldKind::Instant => node.text().parse::<jiff::Timestamp>().is_ok(),
            FieldKind::Period => node.text().parse::<jiff::Span>().is_ok_and(|span| !span.is_negative()),
            FieldKind::Texts => node.items().iter().all(|item| item.as_scalar().is_some() && !item.is_nothing()),
            FieldKind::Answers => {
                matches!(node.value, Value::Map(_))
                    && node.entries().iter().all(|entry| matches!(entry.value.value, Value::Scalar(_) | Value::List(_)))
            }
            FieldKind::Shape | FieldKind::Body => true,
            FieldKind::OneOf(words) => return self.word(node, name, words),
            FieldKind::SomeOf(words) => return node.items().iter().for_each(|item| self.word(item, name, words)),
            FieldKind::Counts(words) => return self.counts(node, name, words),
            FieldKind::Rules => return self.rules(node, name),
            FieldKind::Lines(fields) => return self.lines(node, name, fields),
        };
        if !fits {
            let fix = Some(format!("give it {}", kind.noun()));
            self.problem(node.spot, format!("`{name}` can't be {}", shown(node)), fix);
        }
    }

    fn word(&mut self, node: &Node, name: &str, words: &[&'static str]) {
        let word = node.text();
        if references(word).is_empty() && !words.contains(&word) {
            let message = format!("`{name}` can't be {}", shown(node));
            self.problem(node.spot, message, advise(word, words.iter().copied()));
        }
    }

    fn counts(&mut self, node: &Node, name: &str, words: &[&'static str]) {
        if !matches!(node.value, Value::Map(_)) {
            let fix = words.first().map(|word| format!("write `{name}: {{ {word}: 1 }}`"));
            self.problem(node.spot, format!("`{name}` is a map of numbers, not {}", node.noun()), fix);
        }
        self.known_keys(node.entries(), words, &format!("`{name}`"));
        for entry in node.entries() {
            self.number(&entry.value, &entry.key.value);
        }
    }

    /// Each is a rule that there is, with one of its choices.
    fn rules(&mut self, node: &Node, name: &str) {
        if !matches!(node.value, Value::Map(_)) {
            let fix = Some(format!("write `{name}: {{ failureAnswer: ignored }}`"));
            self.problem(node.spot, format!("`{name}` is a map of rules to choices, not {}", node.noun()), fix);
        }
        let known = RuleList::usual().rules;
        let or_rules = |advice: Option<String>| advice.or_else(|| Some("docs/rules.md has the list".to_owned()));
        for entry in node.entries() {
            let rule = entry.key.value.as_str();
            let Some(found) = known.iter().find(|known| known.name == rule) else {
                let fix = or_rules(advise(rule, known.iter().map(|known| known.name.as_str())));
                self.problem(entry.key.spot, format!("there is no rule `{rule}`"), fix);
                continue;
            };
            let choices = || found.choices.iter().map(|choice| choice.name.as_str());
            let choice = entry.value.text();
            if references(choice).is_empty() && !choices().any(|known| known == choice) {
                let message = format!("the rule `{rule}` has no choice {}", shown(&entry.value));
                self.problem(entry.value.spot, message, or_rules(advise(choice, choices())));
            }
        }
    }

    fn lines(&mut self, node: &Node, name: &str, fields: &[&'static str]) {
        if !matches!(node.value, Value::List(_)) {
            let fix = Some(format!("write `{name}: [ {{ ... }} ]`; `[]` for none"));
            self.problem(node.spot, format!("`{name}` is a list, not {}", node.noun()), fix);
            return;
        }
        for line in node.items() {
            if !matches!(line.value, Value::Map(_)) {
                let fix = fields.first().map(|field| format!("write `{{ {field}: ... }}`"));
                self.problem(line.spot, format!("a line of `{name}` is a map, not {}", line.noun()), fix);
            }
            self.known_keys(line.entries(), fields, &format!("a line of `{name}`"));
        }
    }
}

/// Stands for what a step would have brought that could not be read.
static ANYTHING: Thing = Thing { noun: "value", properties: &[] };

/// The place of a use within its text; the whole node if the text was written over several lines or with escapes.
fn within(node: &Node, source: &Source, used: Reference<'_>) -> Spot {
    let line = source.problem(node.spot, "").place.map(|place| place.source_line).unwrap_or_default();
    let needle = node.text().get(used.start..used.end).unwrap_or_default();
    let skip = usize::try_from(node.spot.column.saturating_sub(1)).unwrap_or_default();
    let from = line.char_indices().nth(skip).map_or(line.len(), |(at, _)| at);
    let found = line.get(from..).and_then(|rest| Some(rest.get(..rest.find(needle)?)?.chars().count()));
    match found.and_then(|offset| u32::try_from(offset).ok()) {
        Some(offset) => Spot {
            line: node.spot.line,
            column: node.spot.column.saturating_add(offset),
            width: u32::try_from(needle.chars().count()).unwrap_or(1),
        },
        None => node.spot,
    }
}

/// Advice on a misspelt word, or where all the words are.
fn or_docs(advice: Option<String>) -> Option<String> {
    advice.or_else(|| Some("docs/scenario-format.md has the list".to_owned()))
}

fn shown(node: &Node) -> String {
    match node.as_scalar() {
        Some(scalar) if !scalar.json.is_null() => format!("`{}`", scalar.raw),
        Some(_) | None => node.noun().to_owned(),
    }
}

/// The required fields of a step, to be filled in.
fn example(kind: &StepKind) -> String {
    let names: Vec<String> = kind
        .fields
        .iter()
        .filter(|field| field.presence != Presence::Optional)
        .map(|field| format!("{}: ...", field.name))
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{diagnostic::render_all, scenario::report::golden};

    #[test]
    fn every_mistake_in_a_bad_file_is_reported_at_its_place() {
        let folder = Path::new("tests/golden/scenario/bad");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".yaml"))
            .collect();
        names.sort();
        assert!(!names.is_empty());
        for name in names {
            let text = std::fs::read_to_string(folder.join(&name)).unwrap();
            let problems = parse(&name, &text).expect_err(&name);
            golden(&format!("bad/{}.err", name.trim_end_matches(".yaml")), &render_all(&problems));
        }
    }

    #[test]
    fn a_good_file_becomes_steps_with_their_places() {
        let text = "name: good\nseed: 9\nstart: 2026-02-01T00:00:00Z\nsteps:\n\
                    \x20 - partner.buys: { customer: c, offer: o, plan: p, save: sub }\n\
                    \x20 - publisher.activates:\n      subscription: $sub\n      refused: { status: 403, message: no }\n\
                    \x20 - operator.runs-next-timer:\n";
        let scenario = parse("good.yaml", text).unwrap();
        assert_eq!(
            (scenario.name.value.as_str(), scenario.seed, scenario.start.as_str()),
            ("good", 9, "2026-02-01T00:00:00Z")
        );
        let kinds: Vec<&str> = scenario.steps.iter().map(|step| step.kind.name).collect();
        assert_eq!(kinds, ["partner.buys", "publisher.activates", "operator.runs-next-timer"]);
        assert_eq!(scenario.steps[0].save.as_ref().unwrap().value, "sub");
        let refused = scenario.steps[1].refused.as_ref().unwrap();
        assert_eq!(refused.status, Some(Spanned { value: 403, spot: Spot { line: 8, column: 26, width: 3 } }));
        assert_eq!((refused.spot.line, refused.spot.column), (8, 7));
        assert_eq!(refused.message.as_ref().unwrap().value, "no");
        assert!(scenario.steps[2].args.is_empty());
        let defaults = parse("x.yaml", "name: x\nsteps: [ operator.runs-next-timer: {} ]\n").unwrap();
        assert_eq!((defaults.seed, defaults.start.as_str()), (DEFAULT_SEED, DEFAULT_START));
    }
}

//! The table of steps: all that a scenario can do or expect.
//!
//! A step is a row: its name, its fields with their types, the sentence that the report tells, what it brings for
//! `save`, and the function that carries it out. Parser, runner, reports and the table in `docs/scenario-format.md`
//! work on the rows, so a new step is a new row and its function, and nothing else changes.

mod buyer;
mod expect;
mod operator;
mod partner;
mod partner_center;
mod publisher;
mod sentence;

use futures_util::future::BoxFuture;
use serde_json::Value as Json;

use super::{
    check::{Check, compare},
    stage::{Stage, Trouble, Turn},
    values::Thing,
};

pub(super) use sentence::sentence;

use crate::wire::control::JournalEntryView;

/// A row of the table.
pub struct StepKind {
    /// `who.does-what`, as scenarios spell it.
    pub name: &'static str,
    /// What it does, for the documentation.
    pub about: &'static str,
    /// The sentence of the report: `{field}` is the field's value, `{?field}` nothing; `[..]` is left out unless its
    /// fields are given; `{*}` is every field that is not named elsewhere.
    pub sentence: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
    /// What it brings, to be named by `save`.
    pub brings: Option<&'static Thing>,
    /// What it is.
    pub role: Role,
    /// Carries it out.
    pub(super) act: Act,
}

/// What a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Somebody does something that may be `refused`; the sandbox is settled afterwards.
    Action,
    /// Something is looked at; nothing changes.
    Expectation,
}

/// Carries a step out.
pub(super) type Act = for<'a> fn(&'a mut Stage<'_>, &'a Turn) -> BoxFuture<'a, Result<Done, Trouble>>;

/// A field of a step.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: FieldKind,
    /// Whether it has to be given.
    pub presence: Presence,
    /// What it means, for the documentation.
    pub about: &'static str,
}

/// Whether a field has to be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Always.
    Required,
    /// As one likes.
    Optional,
    /// Exactly one of the step's fields of this presence.
    OneOfThese,
}

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A text.
    Text,
    /// A subscription: a saved one, or its id.
    Subscription,
    /// A whole number from 0.
    Count,
    /// `true` or `false`.
    Flag,
    /// An instant: `2026-01-31T09:30:00Z`.
    Instant,
    /// A length of time: `P1D`, `PT24H`, `30d`.
    Period,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Some of these words, in a list.
    SomeOf(&'static [&'static str]),
    /// A number for some of these words.
    Counts(&'static [&'static str]),
    /// A map of texts; its keys are the offer's affair.
    Answers,
    /// A choice for each of some rules of the sandbox.
    Rules,
    /// A text or a list of texts.
    Texts,
    /// Anything: compared with what is found, of a map only the keys that are given.
    Shape,
    /// Anything: sent as JSON.
    Body,
    /// A list of lines with these fields, as many as there are.
    Lines(&'static [&'static str]),
}

impl FieldKind {
    /// What it takes, in words.
    #[must_use]
    pub fn noun(&self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Subscription => "a subscription, saved (`$sub`) or its id".to_owned(),
            Self::Count => "a whole number".to_owned(),
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Instant => "an instant such as `2026-01-31T09:30:00Z`".to_owned(),
            Self::Period => "a period such as `P1D`, `PT24H`, `30d`".to_owned(),
            Self::OneOf(words) => format!("one of {}", listed(words)),
            Self::SomeOf(words) => format!("a list of {}", listed(words)),
            Self::Counts(words) => format!("a number for each of some of {}", listed(words)),
            Self::Answers => "a map of field names to answers".to_owned(),
            Self::Rules => "a map of rules to choices".to_owned(),
            Self::Texts => "a text or a list of texts".to_owned(),
            Self::Shape => "what is expected; of a map only the keys that are given count".to_owned(),
            Self::Body => "anything; it is sent as JSON".to_owned(),
            Self::Lines(fields) => format!("a list with one map for each line, of {}", listed(fields)),
        }
    }
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// What a step that was done leaves.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// What `save` keeps.
    pub(super) brings: Json,
    /// What was compared on the way.
    pub(super) checks: Vec<Check>,
}

impl Done {
    const fn brings(brings: Json) -> Self {
        Self { brings, checks: Vec::new() }
    }

    const fn checked(brings: Json, checks: Vec<Check>) -> Self {
        Self { brings, checks }
    }

    /// An answer, compared with the field `shows` if that was given.
    fn shows(turn: &Turn, body: Json) -> Self {
        let mut checks = Vec::new();
        if let Some(expected) = turn.get("shows") {
            compare("", expected, Some(&body), &mut checks);
        }
        Self::checked(body, checks)
    }
}

impl StepKind {
    /// The row of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        all().find(|kind| kind.name == name)
    }

    /// The field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl std::fmt::Debug for StepKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The whole journal of a sandbox.
pub(super) async fn journal_entries(stage: &Stage<'_>) -> Result<Vec<JournalEntryView>, Trouble> {
    expect::entries(stage, None).await
}

/// Every row, in the order of the documentation.
pub fn all() -> impl Iterator<Item = &'static StepKind> {
    [partner::STEPS, partner_center::STEPS, buyer::STEPS, publisher::STEPS, operator::STEPS, expect::STEPS]
        .into_iter()
        .flatten()
}

const fn need(name: &'static str, kind: FieldKind, about: &'static str) -> Field {
    Field { name, kind, presence: Presence::Required, about }
}

const fn may(name: &'static str, kind: FieldKind, about: &'static str) -> Field {
    Field { name, kind, presence: Presence::Optional, about }
}

const fn either(name: &'static str, kind: FieldKind, about: &'static str) -> Field {
    Field { name, kind, presence: Presence::OneOfThese, about }
}

/// The subscription that a step is about.
const SUBSCRIPTION: Field = need("subscription", FieldKind::Subscription, "The subscription.");
/// The code that a step shows instead of the newest one.
const CODE: Field = may("code", FieldKind::Text, "The authorization code to show; the newest one if left out.");
/// How a code is spoilt on its way.
const MANGLED: Field = may(
    "mangled",
    FieldKind::OneOf(super::codes::MANGLINGS),
    "How the code is spoilt on its way to the publisher; not at all if left out.",
);

//! A scenario as it was written: every node knows its place in the file, so that whatever goes wrong later can be shown
//! there.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::diagnostic::{Diagnostic, SourceFile, Spot};

use super::steps::StepKind;

/// A file and its text, kept so that a failing step can show its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path as the user gave it.
    pub file: String,
    /// What is in it.
    pub text: String,
}

impl Source {
    /// A file of that name and text.
    #[must_use]
    pub fn new(file: &str, text: &str) -> Self {
        let read = SourceFile::new(file, text);
        Self { file: read.name.to_owned(), text: read.text.to_owned() }
    }

    /// The file, to be read.
    #[must_use]
    pub fn as_file(&self) -> SourceFile<'_> {
        SourceFile { name: &self.file, text: &self.text }
    }

    /// Something wrong at a place in the file.
    #[must_use]
    pub fn problem(&self, spot: Spot, message: impl Into<String>) -> Diagnostic {
        self.as_file().problem(spot, message)
    }
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub spot: Spot,
}

/// A node of the document.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its place.
    pub spot: Spot,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text, number, truth value or nothing.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// Keys with values, in the order of the file.
    Map(Vec<Entry>),
}

/// A scalar: what it means and how it was written, since `100.00` is an amount, not the float 100.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// What it means.
    pub json: Json,
    /// How it was written, without quotes.
    pub raw: String,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Spanned<String>,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The scalar, if it is one.
    #[must_use]
    pub const fn as_scalar(&self) -> Option<&Scalar> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The text of a scalar as it was written; empty for anything else.
    #[must_use]
    pub fn text(&self) -> &str {
        self.as_scalar().map_or("", |scalar| &scalar.raw)
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.as_scalar().is_some_and(|scalar| scalar.json.is_null())
    }

    /// The items of a list, or the node itself as the only one.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Scalar(_) | Value::Map(_) => std::slice::from_ref(self),
        }
    }

    /// The entries of a map; none for anything else.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Scalar(_) | Value::List(_) => &[],
        }
    }

    /// What it means, as JSON.
    #[must_use]
    pub fn json(&self) -> Json {
        match &self.value {
            Value::Scalar(scalar) => scalar.json.clone(),
            Value::List(items) => items.iter().map(Self::json).collect(),
            Value::Map(entries) => {
                entries.iter().map(|entry| (entry.key.value.clone(), entry.value.json())).collect::<Map<_, _>>().into()
            }
        }
    }

    /// What it is, in a word or two.
    #[must_use]
    pub const fn noun(&self) -> &'static str {
        match &self.value {
            Value::Map(_) => "a map",
            Value::List(_) => "a list",
            Value::Scalar(Scalar { json: Json::Null, .. }) => "nothing",
            Value::Scalar(Scalar { json: Json::Bool(_), .. }) => "a truth value",
            Value::Scalar(Scalar { json: Json::Number(_), .. }) => "a number",
            Value::Scalar(_) => "a text",
        }
    }
}

/// A whole scenario, checked: its steps exist, their fields fit, and each value that they use was saved before.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The file that it came from.
    pub source: Arc<Source>,
    /// What it shows, in words.
    pub name: Spanned<String>,
    /// Where the randomness of its sandbox starts.
    pub seed: u64,
    /// Where its clock stands at first.
    pub start: String,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A step: who does what, or what is expected.
#[derive(Debug, Clone)]
pub struct Step {
    /// Which step of the table.
    pub kind: &'static StepKind,
    /// The place of its name.
    pub spot: Spot,
    /// What it was given, apart from `save` and `refused`.
    pub args: Vec<Entry>,
    /// The name for what it brings.
    pub save: Option<Spanned<String>>,
    /// That it is expected to be refused, and how.
    pub refused: Option<Refused>,
}

/// An expected refusal: what is said here has to be so, the rest may be anything.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// The place of the word `refused`.
    pub spot: Spot,
    /// The status of the answer.
    pub status: Option<Spanned<u16>>,
    /// The stable code of the reason.
    pub code: Option<Spanned<String>>,
    /// The input that is wrong.
    pub field: Option<Spanned<String>>,
    /// A part of the message.
    pub message: Option<Spanned<String>>,
}

impl Refused {
    /// Whether it is about how often somebody may call: then the answer that says so is waited for, and not sat out.
    #[must_use]
    pub fn is_too_many(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.value == 429)
    }
}

//! A mistake in a text file that a person wrote, shown as compilers show it: what is wrong, where, and what to do.
//!
//! Fixtures and scenarios are both reported with [`Diagnostic`], so that every bad file looks the same on a terminal,
//! in a CI log and in the console. Nothing here knows what the file is about; this module imports nothing of ours.
//!
//! ```text
//! error: unknown field `pirce`
//!  --> fixtures/offers/contoso-crm.yaml:14:9
//!    14 |         pirce: 10
//!       |         ^^^^^
//!   fix: did you mean `price`?
//! ```

mod yaml;

use std::fmt::{self, Write as _};

use serde::Serialize;

/// A mistake, located in a file where that makes sense.
///
/// Shape: `{"file":"..","line":14,"column":9,"width":5,"sourceLine":"..","message":"..","suggestion":"did you .."}`;
/// a mistake that has no place (a file that can't be read) comes without the four fields of [`Place`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// The file's name, as a person would open it.
    pub file: String,
    /// Where in the file; `None` if the whole of it is meant.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// What is wrong: one sentence without its full stop, starting in lower case.
    pub message: String,
    /// What to do about it, if there is something to say.
    pub suggestion: Option<String>,
}

/// A stretch of one line of a file, together with that line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The first character meant, from 1.
    pub column: u32,
    /// How many characters are meant, at least 1.
    pub width: u32,
    /// The text of the line. The value of a secret in it is starred out.
    pub source_line: String,
}

/// A position in a file whose text is not at hand: line and column from 1, width in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// The line, from 1.
    pub line: u32,
    /// The first character meant, from 1.
    pub column: u32,
    /// How many characters are meant; 0 when only the start is known.
    pub width: u32,
}

/// A file that is being read: its name for people, and its text.
#[derive(Debug, Clone, Copy)]
pub struct SourceFile<'a> {
    /// The name, as a person would open it.
    pub name: &'a str,
    /// The whole text, without a byte order mark.
    pub text: &'a str,
}

impl<'a> SourceFile<'a> {
    /// A file of that name and text. A byte order mark, which editors on Windows like to write, is no part of the text.
    #[must_use]
    pub fn new(name: &'a str, text: &'a str) -> Self {
        Self { name, text: text.strip_prefix('\u{feff}').unwrap_or(text) }
    }

    /// A mistake at a place in this file.
    #[must_use]
    pub fn problem(&self, spot: Spot, message: impl Into<String>) -> Diagnostic {
        let index = usize::try_from(spot.line.saturating_sub(1)).unwrap_or(usize::MAX);
        let line = self.text.lines().nth(index).unwrap_or_default();
        Diagnostic {
            file: self.name.to_owned(),
            place: Some(Place {
                line: spot.line.max(1),
                column: spot.column.max(1),
                width: spot.width.max(1),
                source_line: without_secret(line),
            }),
            message: message.into(),
            suggestion: None,
        }
    }

    /// The mistake that the YAML reader found in this file, in our words and with a suggestion where there is one.
    #[must_use]
    pub fn yaml_problem(&self, error: &serde_saphyr::Error) -> Diagnostic {
        yaml::problem(self, error)
    }
}

impl Diagnostic {
    /// A mistake of a file as a whole, such as one that can't be read.
    #[must_use]
    pub fn of_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: file.into(), place: None, message: message.into(), suggestion: None }
    }

    /// The same mistake with advice.
    #[must_use]
    pub fn with_suggestion(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// `file:line:column`, which terminals and editors turn into a link; the bare file for a mistake without a place.
    #[must_use]
    pub fn link(&self) -> String {
        match &self.place {
            Some(place) => format!("{}:{}:{}", self.file, place.line, place.column),
            None => self.file.clone(),
        }
    }

    /// The whole report as plain text, ending in a newline.
    #[must_use]
    pub fn render(&self) -> String {
        format!("{self}\n")
    }
}

/// The report as [`Diagnostic::render`] gives it, without the last newline.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}\n --> {}", printable(&self.message), printable(&self.link()))?;
        if let Some(place) = &self.place {
            let (line, padding, carets) = window(place);
            write!(f, "\n{:>5} | {line}\n      | {padding}{carets}", place.line)?;
        }
        match &self.suggestion {
            Some(suggestion) => write!(f, "\n  fix: {}", printable(suggestion)),
            None => Ok(()),
        }
    }
}

/// All reports, one below the other, and a line that counts them. Ends in a newline; empty if there is nothing to say.
#[must_use]
pub fn render_all(problems: &[Diagnostic]) -> String {
    let mut text = String::new();
    for problem in problems {
        text.push_str(&problem.render());
        text.push('\n');
    }
    match problems.len() {
        0 => {}
        1 => text.push_str("1 problem\n"),
        // Writing to a String can't fail.
        count => drop(writeln!(text, "{count} problems")),
    }
    text
}

/// The candidate that somebody who wrote `word` most likely meant; `None` if none is near.
///
/// Case is looked past; a third of the letters may be wrong, missing or swapped. Of equally near ones the first wins.
#[must_use]
pub fn did_you_mean<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let lower = word.to_lowercase();
    let tolerated = (lower.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= tolerated && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Advice on a word that is none of the `allowed` ones: the one meant if it can be told, else the list of them.
#[must_use]
pub fn advise<'c>(word: &str, allowed: impl IntoIterator<Item = &'c str> + Clone) -> Option<String> {
    if let Some(meant) = did_you_mean(word, allowed.clone()) {
        return Some(format!("did you mean `{meant}`?"));
    }
    let names: Vec<String> = allowed.into_iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => None,
        [only] => Some(format!("use {only}")),
        // A longer list helps nobody; the documentation has it.
        many if many.len() > LISTED_MAX => None,
        [first @ .., last] => Some(format!("use {} or {last}", first.join(", "))),
    }
}

/// How many allowed words [`advise`] lists.
const LISTED_MAX: usize = 16;

/// How much of a long line is shown, in characters, and how much of it before the mistake.
const WINDOW: usize = 120;
const WINDOW_BEFORE: usize = 40;

/// The part of the line to show, the padding below it and the carets. A tab stays a tab in the padding, so that the
/// carets stand right in every terminal.
fn window(place: &Place) -> (String, String, String) {
    let at = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let chars: Vec<char> = place.source_line.chars().map(visible).collect();
    let start = at(place.column).saturating_sub(1).min(chars.len());
    let from = if chars.len() > WINDOW { start.saturating_sub(WINDOW_BEFORE) } else { 0 };
    let to = chars.len().min(from.saturating_add(WINDOW));
    let shown = chars.get(from..to).unwrap_or_default();
    let before = shown.get(..start.saturating_sub(from)).unwrap_or_default();

    let (head, tail) = (if from > 0 { "…" } else { "" }, if to < chars.len() { "…" } else { "" });
    let line = format!("{head}{}{tail}", shown.iter().collect::<String>());
    let padding: String = head.chars().map(|_| ' ').chain(before.iter().map(|c| blank(*c))).collect();
    let carets = at(place.width).min(to.saturating_sub(start)).max(1);
    (line.trim_end().to_owned(), padding, "^".repeat(carets))
}

/// A file must not be able to move the cursor or recolour the terminal of whoever reads its report.
fn visible(c: char) -> char {
    if c.is_control() && c != '\t' { '\u{fffd}' } else { c }
}

fn blank(c: char) -> char {
    if c == '\t' { '\t' } else { ' ' }
}

fn printable(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { ' ' } else { visible(c) }).collect()
}

/// The line with the value of a secret starred out, letter by letter so that carets still fit: reports end up in CI
/// logs. A key that is only nearly spelt like a secret's counts too, as the misspelling is what gets reported.
fn without_secret(line: &str) -> String {
    let is_secret = |colon: usize| {
        let before = line.get(..colon).unwrap_or_default().trim_end_matches([' ', '"', '\'']);
        let key = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        key.to_ascii_lowercase().contains("secret") || did_you_mean(key, SECRET_KEYS).is_some()
    };
    let colon = line.match_indices(':').map(|(at, _)| at).find(|at| is_secret(*at));
    match colon.and_then(|at| line.split_at_checked(at.saturating_add(1))) {
        Some((key, value)) => {
            let starred = value.chars().map(|c| if c.is_whitespace() || ",{}".contains(c) { c } else { '*' });
            key.chars().chain(starred).collect()
        }
        None => line.to_owned(),
    }
}

const SECRET_KEYS: [&str; 3] = ["secret", "clientSecret", "password"];

#[cfg(test)]
mod tests;

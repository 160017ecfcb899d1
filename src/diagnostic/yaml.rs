//! What the YAML reader says, in our words: its own texts advise the programmer who calls it, not the author of a file.

use serde_saphyr::{DefaultMessageFormatter, Error, Location, MessageFormatter as _};

use super::{Diagnostic, SourceFile, Spot, advise};

impl Spot {
    /// The place of a value that was read with `serde_saphyr::Spanned`.
    #[must_use]
    pub fn of_yaml(location: Location) -> Self {
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Self { line: small(location.line()), column: small(location.column()), width: small(location.span().len()) }
    }
}

pub(super) fn problem(file: &SourceFile<'_>, error: &Error) -> Diagnostic {
    let error = innermost(error);
    let spot = error.location().map_or(Spot { line: 1, column: 1, width: 1 }, Spot::of_yaml);
    let (message, suggestion) = explain(error);
    if message.contains("tab")
        && let Some(tab) = tab_in_indentation(file.text, spot.line)
    {
        return file
            .problem(tab, "a tab in the indentation")
            .with_suggestion("indent with spaces: YAML does not allow tabs there");
    }
    let found = file.problem(spot, message);
    match suggestion {
        Some(suggestion) => found.with_suggestion(suggestion),
        None => found,
    }
}

fn innermost(error: &Error) -> &Error {
    match error.without_snippet() {
        Error::AliasError { error, .. } => innermost(error),
        other => other,
    }
}

/// What is wrong, and what to do.
fn explain(error: &Error) -> (String, Option<String>) {
    let indentation = || Some("check how far the lines here are indented".to_owned());
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            (format!("unknown field `{field}`"), advise(field, expected.iter().copied()))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            (format!("`{variant}` is not known here"), advise(variant, expected.iter().copied()))
        }
        // A line that is indented too little ends the block that it was meant for, and reads as a missing field.
        Error::SerdeMissingField { field, .. } => (
            format!("missing field `{field}`"),
            Some(format!("add `{field}:`; if it is there, check that it is indented like its neighbours")),
        ),
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            (format!("`{key}` is given twice"), Some("keep one of the two".to_owned()))
        }
        Error::MultipleDocuments { .. } => (
            "a second document starts here".to_owned(),
            Some("put it into a file of its own, and leave out the `---`".to_owned()),
        ),
        Error::UnknownAnchor { .. } => {
            ("no anchor of this name comes before".to_owned(), Some("quote a text that starts with `*`".to_owned()))
        }
        Error::Budget { .. } => (
            "the file is larger than any real one, or unfolds to be: an alias (`*`) repeats all that its anchor (`&`) holds".to_owned(),
            Some("write out what is repeated, or split the file".to_owned()),
        ),
        Error::InvalidScalar { ty, .. } if ty.starts_with(['i', 'u']) => {
            ("a whole number is wanted here".to_owned(), None)
        }
        Error::InvalidScalar { ty: "bool", .. } | Error::InvalidBooleanStrict { .. } => {
            ("`true` or `false` is wanted here".to_owned(), None)
        }
        other => {
            let text = DefaultMessageFormatter.format_message(other).into_owned();
            let hint = if text.contains("mapping values are not allowed") {
                Some("check the indentation, and quote a text that contains `: `".to_owned())
            } else if text.contains("quote") {
                Some("close the quote that opens here".to_owned())
            } else if text.contains("indent") || text.contains("block") {
                indentation()
            } else {
                None
            };
            (text, hint)
        }
    }
}

/// The first tab that indents a line, from the line of the error on: the reader may notice it a line early.
fn tab_in_indentation(text: &str, from: u32) -> Option<Spot> {
    let start = usize::try_from(from.saturating_sub(1)).ok()?;
    text.lines().enumerate().skip(start).find_map(|(index, line)| {
        let indentation = line.chars().take_while(|c| c.is_whitespace());
        let column = indentation.into_iter().position(|c| c == '\t')?;
        Some(Spot {
            line: u32::try_from(index).ok()?.saturating_add(1),
            column: u32::try_from(column).ok()?.saturating_add(1),
            width: 1,
        })
    })
}

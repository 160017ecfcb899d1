//! The fields of a set-up form as a page shows them: what was typed, what is wrong with it, and how that is told to
//! assistive technology.

use crate::{
    domain::setup_form::{FieldKind, FormField},
    publisher::answers::{FieldProblem, Typed},
};

/// How a field is typed into.
pub(super) enum Input {
    Line(&'static str),
    Lines,
    Choice(Vec<String>),
}

pub(super) struct FieldView {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) help: String,
    pub(super) required: bool,
    pub(super) typed: String,
    pub(super) error: Option<String>,
    pub(super) input: Input,
    /// Made of constants and the field's name, escaped here: what assistive technology needs to know.
    pub(super) attributes: String,
}

impl FieldView {
    pub(super) fn of(field: &FormField, typed: &Typed, problems: &[FieldProblem], seats: Option<u32>) -> Self {
        let error = problems.iter().find(|problem| problem.field == field.name).map(|problem| problem.message.clone());
        let input = match &field.kind {
            FieldKind::Text { .. } | FieldKind::Domain => Input::Line("text"),
            FieldKind::Email => Input::Line("email"),
            FieldKind::Choice { options } => Input::Choice(options.clone()),
            FieldKind::Users { .. } => Input::Lines,
        };
        let help = match (&field.kind, seats) {
            (FieldKind::Users { .. }, Some(seats)) => {
                format!("{} One e-mail address a line, at most {seats}.", field.help).trim().to_owned()
            }
            (FieldKind::Users { .. }, None) => format!("{} One e-mail address a line.", field.help).trim().to_owned(),
            _ => field.help.clone(),
        };
        let name = escaped(&field.name);
        let mut described = Vec::new();
        if !help.is_empty() {
            described.push(format!("h-{name}"));
        }
        if error.is_some() {
            described.push(format!("e-{name}"));
        }
        let mut attributes = String::new();
        if !described.is_empty() {
            attributes.push_str(&format!(" aria-describedby=\"{}\"", described.join(" ")));
        }
        if error.is_some() {
            attributes.push_str(" aria-invalid=\"true\"");
        }
        if field.required {
            attributes.push_str(" aria-required=\"true\"");
        }
        Self {
            name: field.name.clone(),
            label: field.label.clone(),
            help,
            required: field.required,
            typed: typed.get(&field.name).cloned().unwrap_or_default(),
            error,
            input,
            attributes,
        }
    }
}

fn escaped(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.')).collect()
}

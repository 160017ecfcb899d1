//! The set-up form that a publisher shows on its landing page: which fields an offer asks for.
//!
//! Only the description lives here. Checking what was typed is the publisher's affair (`publisher::answers`).

use serde::{Deserialize, Serialize};

/// The fields of a form, in order; may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SetupForm {
    /// The fields, with distinct names.
    pub fields: Vec<FormField>,
}

/// One field of a set-up form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FormField {
    /// The key of the answer: `contactEmail`.
    pub name: String,
    /// What the person reads.
    pub label: String,
    /// A sentence of help below the field; may be empty.
    pub help: String,
    /// Whether the form is refused without it.
    pub required: bool,
    /// What may be typed.
    pub kind: FieldKind,
}

/// What a field takes, with its limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FieldKind {
    /// A line of text.
    Text {
        /// Fewest characters.
        min_length: u32,
        /// Most characters.
        max_length: u32,
    },
    /// An e-mail address.
    Email,
    /// One of some choices.
    Choice {
        /// The values, at least one.
        options: Vec<String>,
    },
    /// A domain name, such as `fabrikam.example`.
    Domain,
    /// E-mail addresses of the users who get a seat, one a line; never more than seats were bought.
    Users {
        /// Most users, whatever was bought.
        max_users: u32,
    },
}

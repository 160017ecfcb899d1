//! How pages write times, kinds and amounts for people.

use askama::Template;

use crate::domain::{
    catalogue::{ConfirmationKind, ProvisioningStep},
    subscription::Status,
    time::Timestamp,
};

/// An instant as a `<time>` element: exact for programs, readable for people.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(ext = "html", source = r#"<time datetime="{{ exact }}">{{ text }}</time>"#)]
pub(in crate::http) struct Moment {
    exact: String,
    text: String,
}

impl Moment {
    /// An instant in UTC, to the second.
    pub(in crate::http) fn of(at: Timestamp) -> Self {
        let exact = at.to_string();
        let text = jiff::Timestamp::from_millisecond(at.as_millis())
            .map_or_else(|_| exact.clone(), |instant| instant.strftime("%-d %b %Y, %H:%M:%S UTC").to_string());
        Self { exact, text }
    }

    /// The instant in words alone, for texts that are no mark-up.
    pub(in crate::http) fn text(&self) -> &str {
        &self.text
    }

    /// The day alone.
    pub(in crate::http) fn day(&self) -> String {
        self.exact.get(..10).unwrap_or(&self.exact).to_owned()
    }

    /// An instant that a view carries as text; whatever can't be read is shown as it is.
    pub(in crate::http) fn of_text(text: &str) -> Self {
        text.parse().map_or_else(|_| Self { exact: text.to_owned(), text: text.to_owned() }, Self::of)
    }
}

/// How a thing stands, for its colour. The words beside it always say the same.
pub(in crate::http) const fn status_tone(status: Status) -> &'static str {
    match status {
        Status::PendingFulfillmentStart => "warn",
        Status::Subscribed => "good",
        Status::Suspended => "bad",
        Status::Unsubscribed => "",
    }
}

/// A confirmation in the words of the field.
pub(in crate::http) const fn confirmation_words(kind: ConfirmationKind) -> &'static str {
    match kind {
        ConfirmationKind::LicensesAssigned => "licences assigned",
        ConfirmationKind::Activated => "activated",
    }
}

/// A confirmation by the name that views carry.
pub(in crate::http) fn confirmation_words_of(kind: &str) -> &str {
    let known = [ConfirmationKind::LicensesAssigned, ConfirmationKind::Activated];
    match known.into_iter().find(|known| known.as_str() == kind) {
        Some(known) => confirmation_words(known),
        None => kind,
    }
}

/// A step of provisioning as its publisher says it.
pub(in crate::http) const fn step_words(step: ProvisioningStep) -> &'static str {
    match step {
        ProvisioningStep::CreateAccount => "Create the account",
        ProvisioningStep::AssignLicenses => "Assign licences",
        ProvisioningStep::ReportLicenses => "Confirm the licences to the marketplace",
        ProvisioningStep::Activate => "Activate the subscription",
    }
}

/// A sentence with its instants as people write them: `2026-02-03T04:05:06.789Z` is `3 Feb 2026, 04:05:06 UTC`.
pub(in crate::http) fn in_prose(sentence: &str) -> String {
    let readable = |word: &str| {
        let instant = word.trim_end_matches(['.', ',', ';', ':', ')']);
        let rest = word.get(instant.len()..).unwrap_or_default();
        let is_instant = instant.contains('T') && instant.ends_with('Z');
        let at: Timestamp = is_instant.then(|| instant.parse().ok()).flatten()?;
        Some(format!("{}{rest}", Moment::of(at).text))
    };
    let words = sentence.split(' ').map(|word| readable(word).unwrap_or_else(|| word.to_owned()));
    words.collect::<Vec<_>>().join(" ")
}

/// An amount with its thousands set apart: `-12,345.60`.
pub(in crate::http) fn grouped(amount: &str) -> String {
    let (sign, digits) = amount.strip_prefix('-').map_or(("", amount), |digits| ("-", digits));
    let (whole, rest) = digits.find('.').map_or((digits, ""), |point| digits.split_at(point));
    let mut groups = String::with_capacity(amount.len().saturating_add(4));
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && whole.len().saturating_sub(at) % 3 == 0 {
            groups.push(',');
        }
        groups.push(digit);
    }
    format!("{sign}{groups}{rest}")
}

/// `1 seat`, `5 seats`.
pub(in crate::http) fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A name in camel case as words: `purchaseCreated` is `purchase created`.
pub(in crate::http) fn spaced(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

/// A clause as a sentence: capital letter first, full stop last.
pub(in crate::http) fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    let start: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if clause.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{start}{}{end}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_exact_for_programs_and_readable_for_people() {
        let moment = Moment::of_text("2026-02-03T04:05:06.789Z");
        assert_eq!(
            moment.render().unwrap(),
            r#"<time datetime="2026-02-03T04:05:06.789Z">3 Feb 2026, 04:05:06 UTC</time>"#
        );
        assert_eq!(
            Moment::of_text("<soon>").render().unwrap(),
            "<time datetime=\"&#60;soon&#62;\">&#60;soon&#62;</time>"
        );
    }

    #[test]
    fn words_for_people() {
        assert_eq!(spaced("purchaseCreated"), "purchase created");
        assert_eq!(sentence("there is no offer x"), "There is no offer x.");
        assert_eq!(sentence(""), ".");
        assert_eq!(in_prose("Valid until 2026-02-03T04:05:06.789Z."), "Valid until 3 Feb 2026, 04:05:06 UTC.");
        assert_eq!(in_prose("Its term is 2026-02-03 to THAT  (Z)."), "Its term is 2026-02-03 to THAT  (Z).");
        let amounts = ["0.00", "999", "1000", "-12345.60", "1234567.8901"].map(grouped);
        assert_eq!(amounts, ["0.00", "999", "1,000", "-12,345.60", "1,234,567.8901"]);
        assert_eq!(count(1, "seat"), "1 seat");
        assert_eq!(count(5, "seat"), "5 seats");
        assert_eq!(confirmation_words_of("licensesAssigned"), "licences assigned");
        assert_eq!(confirmation_words_of("other"), "other");
    }
}

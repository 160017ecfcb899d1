//! Checking what was typed into a set-up form: parsed answers, or a message for each field that needs another look.
//!
//! Browsers check some of this too, but nothing here relies on it. What was typed is kept by the caller and shown again;
//! messages may quote a little of it and are escaped like everything else that reaches a page.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::setup_form::{FieldKind, FormField, SetupForm};

/// What was typed, by field name, exactly as it arrived.
pub type Typed = BTreeMap<String, String>;

/// The answers to a form, all of them acceptable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// One for each field that was filled in, in the form's order.
    pub values: Vec<Answer>,
    /// The users who get a seat, in the order in which they were typed.
    pub users: Vec<String>,
}

/// The answer to one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The field's name.
    pub name: String,
    /// What the person read beside it, kept so that an old account reads the same after the form has changed.
    pub label: String,
    /// The answer, tidied: no blanks around it, domain names in lower case, users one a line.
    pub value: String,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// The field's name.
    pub field: String,
    /// What to change, in one sentence.
    pub message: String,
}

/// Checks a form. `seats` is what was bought; `None` for a flat rate, which has no seats to run out of.
///
/// # Errors
/// All problems, in the form's order, at most one for each field.
pub fn check(form: &SetupForm, typed: &Typed, seats: Option<u32>) -> Result<Answers, Vec<FieldProblem>> {
    let mut answers = Answers::default();
    let mut problems = Vec::new();
    for field in &form.fields {
        let text = typed.get(&field.name).map_or("", |text| text.trim());
        let checked = if text.is_empty() { check_empty(field) } else { check_field(field, text, seats, &mut answers) };
        match checked {
            Ok(Some(value)) => {
                answers.values.push(Answer { name: field.name.clone(), label: field.label.clone(), value });
            }
            Ok(None) => {}
            Err(message) => problems.push(FieldProblem { field: field.name.clone(), message }),
        }
    }
    if problems.is_empty() { Ok(answers) } else { Err(problems) }
}

fn check_empty(field: &FormField) -> Result<Option<String>, String> {
    if !field.required {
        return Ok(None);
    }
    Err(match field.kind {
        FieldKind::Text { .. } => "Fill this in.".to_owned(),
        FieldKind::Email => "Enter an e-mail address, such as kim@fabrikam.example.".to_owned(),
        FieldKind::Choice { .. } => "Choose one of these.".to_owned(),
        FieldKind::Domain => "Enter a domain name, such as fabrikam.example.".to_owned(),
        FieldKind::Users { .. } => "Enter the e-mail address of at least one user.".to_owned(),
    })
}

fn check_field(
    field: &FormField,
    text: &str,
    seats: Option<u32>,
    answers: &mut Answers,
) -> Result<Option<String>, String> {
    match &field.kind {
        FieldKind::Text { min_length, max_length } => check_text(text, *min_length, *max_length),
        FieldKind::Email => check_email(text),
        FieldKind::Choice { options } => {
            let chosen = options.iter().find(|option| option.as_str() == text);
            chosen.cloned().ok_or_else(|| "Choose one of these.".to_owned())
        }
        FieldKind::Domain => check_domain(text),
        FieldKind::Users { max_users } => check_users(text, *max_users, seats, answers),
    }
    .map(Some)
}

fn check_text(text: &str, min: u32, max: u32) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        return Err("Use one line of plain text, without line breaks or control characters.".to_owned());
    }
    let length = text.chars().count();
    if length < min as usize {
        return Err(format!("Use at least {}.", counted(min, "character")));
    }
    if length > max as usize {
        return Err(format!("Use at most {}; these are {length}.", counted(max, "character")));
    }
    Ok(text.to_owned())
}

fn check_email(text: &str) -> Result<String, String> {
    let wanted = || format!("{} is not an e-mail address. Enter one such as kim@fabrikam.example.", quoted(text));
    let (local, domain) = text.rsplit_once('@').ok_or_else(wanted)?;
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte);
    let local_is_fine = local.len() <= 64
        && local.split('.').all(|part| !part.is_empty() && part.bytes().all(atom))
        && text.len() <= 254;
    if !local_is_fine || !is_domain(domain) {
        return Err(wanted());
    }
    Ok(text.to_owned())
}

fn check_domain(text: &str) -> Result<String, String> {
    if text.contains("://") || text.contains('/') || text.contains('@') {
        return Err(
            "Enter the domain name alone, such as fabrikam.example, without https:// and without a path.".to_owned()
        );
    }
    let name = text.trim_end_matches('.').to_ascii_lowercase();
    if is_domain(&name) {
        return Ok(name);
    }
    if !text.is_ascii() {
        return Err("Enter the name in its ASCII form, such as xn--bcher-kva.example.".to_owned());
    }
    Err(format!("{} is not a domain name. Enter one such as fabrikam.example.", quoted(text)))
}

/// At least two labels of letters, digits and inner hyphens; the last one is no number (RFC 1123, RFC 3696).
fn is_domain(text: &str) -> bool {
    let label_is_fine = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(label_is_fine)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

fn check_users(text: &str, max_users: u32, seats: Option<u32>, answers: &mut Answers) -> Result<String, String> {
    let mut seen = BTreeSet::new();
    let mut users = Vec::new();
    for user in text.split(['\n', ',', ';']).map(str::trim).filter(|user| !user.is_empty()) {
        let user = check_email(user)?;
        if !seen.insert(user.to_ascii_lowercase()) {
            return Err(format!("{} stands here twice. Each user gets one seat.", quoted(&user)));
        }
        users.push(user);
    }
    if users.is_empty() {
        return Err("Enter the e-mail address of at least one user.".to_owned());
    }
    let others: BTreeSet<_> = answers.users.iter().map(|user| user.to_ascii_lowercase()).collect();
    let new = users.iter().filter(|user| !others.contains(&user.to_ascii_lowercase()));
    let all: Vec<String> = answers.users.iter().chain(new).cloned().collect();
    if let Some(seats) = seats
        && all.len() > seats as usize
    {
        return Err(format!("You bought {}, and these are {} users.", counted(seats, "seat"), all.len()));
    }
    if users.len() > max_users as usize {
        return Err(format!("Name at most {} here; these are {}.", counted(max_users, "user"), users.len()));
    }
    answers.users = all;
    Ok(users.join("\n"))
}

fn counted(number: u32, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// What was typed, short enough for a sentence and without control characters.
fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    let more = if text.chars().count() > LONGEST { "…" } else { "" };
    format!("“{clean}{more}”")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, required: bool, kind: FieldKind) -> FormField {
        FormField { name: name.to_owned(), label: name.to_uppercase(), help: String::new(), required, kind }
    }

    /// What a single required field makes of a text: `Ok` with the answer, `Err` with a part of the message.
    fn verdict(kind: FieldKind, seats: Option<u32>, text: &str) -> Result<String, String> {
        let form = SetupForm { fields: vec![field("f", true, kind)] };
        match check(&form, &Typed::from([("f".to_owned(), text.to_owned())]), seats) {
            Ok(answers) => Ok(answers.values[0].value.clone()),
            Err(problems) => Err(problems[0].message.clone()),
        }
    }

    #[track_caller]
    fn assert_table(kind: &FieldKind, seats: Option<u32>, table: &[(&str, Result<&str, &str>)]) {
        for (text, expected) in table {
            match (verdict(kind.clone(), seats, text), expected) {
                (Ok(found), Ok(wanted)) => assert_eq!(&found, wanted, "{text:?}"),
                (Err(found), Err(part)) => assert!(found.contains(part), "{text:?}: {found}"),
                (found, _) => panic!("{text:?}: expected {expected:?}, found {found:?}"),
            }
        }
    }

    #[test]
    fn text_is_one_line_within_its_limits_counted_in_characters() {
        let long = "x".repeat(100_000);
        let table = [
            ("Fabrikam", Ok("Fabrikam")),
            ("  Fabrikam \n", Ok("Fabrikam")),
            ("<script>a</", Ok("<script>a</")),
            ("日本語のお客さま", Ok("日本語のお客さま")),
            ("👩‍🚀 moon", Ok("👩‍🚀 moon")),
            ("", Err("Fill this in")),
            (" \t\r\n", Err("Fill this in")),
            ("x", Err("at least 2 characters")),
            ("0123456789abc", Err("at most 12 characters; these are 13")),
            (&long, Err("these are 100000")),
            ("one\r\ntwo", Err("one line")),
            ("a\u{0}b", Err("control")),
            ("a\u{1b}[31m", Err("control")),
        ];
        assert_table(&FieldKind::Text { min_length: 2, max_length: 12 }, None, &table);
    }

    #[test]
    fn an_e_mail_address_has_one_local_part_and_a_domain() {
        let long = format!("{}@fabrikam.example", "x".repeat(65));
        let table = [
            ("kim@fabrikam.example", Ok("kim@fabrikam.example")),
            (" Kim.O'Neil+crm@sub.fabrikam.example ", Ok("Kim.O'Neil+crm@sub.fabrikam.example")),
            ("", Err("Enter an e-mail address")),
            ("kim", Err("“kim” is not an e-mail")),
            ("kim@", Err("not an e-mail")),
            ("@fabrikam.example", Err("not an e-mail")),
            ("kim@fabrikam", Err("not an e-mail")),
            ("kim@@fabrikam.example", Err("not an e-mail")),
            (".kim@fabrikam.example", Err("not an e-mail")),
            ("kim..k@fabrikam.example", Err("not an e-mail")),
            ("kim k@fabrikam.example", Err("not an e-mail")),
            ("kim@fabrikam.example\r\nBcc: x@y.example", Err("not an e-mail")),
            ("<b>@fabrikam.example", Err("not an e-mail")),
            (&long, Err("…” is not")),
        ];
        assert_table(&FieldKind::Email, None, &table);
    }

    #[test]
    fn a_choice_is_one_of_the_options() {
        let kind = FieldKind::Choice { options: vec!["Europe".to_owned(), "North America".to_owned()] };
        let table = [
            ("Europe", Ok("Europe")),
            ("europe", Err("Choose one")),
            ("", Err("Choose one")),
            ("Mars", Err("Choose one")),
        ];
        assert_table(&kind, None, &table);
    }

    #[test]
    fn a_domain_name_stands_alone() {
        let long = format!("{}.example", "a".repeat(64));
        let table = [
            ("fabrikam.example", Ok("fabrikam.example")),
            ("Mail.Fabrikam.EXAMPLE.", Ok("mail.fabrikam.example")),
            ("xn--bcher-kva.example", Ok("xn--bcher-kva.example")),
            ("", Err("Enter a domain name")),
            ("fabrikam", Err("not a domain name")),
            ("https://fabrikam.example/", Err("without https://")),
            ("kim@fabrikam.example", Err("alone")),
            ("bücher.example", Err("ASCII form")),
            ("-a.example", Err("not a domain name")),
            ("a..example", Err("not a domain name")),
            ("10.0.0.1", Err("not a domain name")),
            ("a b.example", Err("not a domain name")),
            ("a.example\nb.example", Err("not a domain name")),
            (&long, Err("not a domain name")),
        ];
        assert_table(&FieldKind::Domain, None, &table);
    }

    #[test]
    fn users_are_addresses_without_duplicates_and_never_more_than_seats() {
        let kind = FieldKind::Users { max_users: 3 };
        let table = [
            ("a@x.example", Ok("a@x.example")),
            ("a@x.example\r\n b@x.example ,, c@x.example;\n", Ok("a@x.example\nb@x.example\nc@x.example")),
            ("", Err("at least one user")),
            (" , \n ; ", Err("at least one user")),
            ("a@x.example, A@X.example", Err("“A@X.example” stands here twice")),
            ("a@x.example, nobody", Err("“nobody” is not an e-mail")),
            ("a@x.example,b@x.example,c@x.example,d@x.example", Err("at most 3 users here; these are 4")),
        ];
        assert_table(&kind, None, &table);
        let two = [
            ("a@x.example,b@x.example", Ok("a@x.example\nb@x.example")),
            ("a@x.example,b@x.example,c@x.example", Err("You bought 2 seats, and these are 3 users")),
        ];
        assert_table(&kind, Some(2), &two);
        assert_table(&kind, Some(1), &[("a@x.example,b@x.example", Err("You bought 1 seat,"))]);
    }

    #[test]
    fn every_field_gets_its_message_and_optional_ones_may_stay_empty() {
        let form = SetupForm {
            fields: vec![
                field("company", true, FieldKind::Text { min_length: 1, max_length: 10 }),
                field("note", false, FieldKind::Text { min_length: 5, max_length: 10 }),
                field("contact", true, FieldKind::Email),
                field("admins", false, FieldKind::Users { max_users: 5 }),
                field("users", false, FieldKind::Users { max_users: 5 }),
            ],
        };
        let typed =
            |pairs: &[(&str, &str)]| pairs.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect::<Typed>();

        let problems = check(&form, &typed(&[("note", "abc"), ("stranger", "x")]), None).unwrap_err();
        let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["company", "note", "contact"]);

        let right = [
            ("company", "Fabrikam"),
            ("contact", "k@x.example"),
            ("admins", "k@x.example"),
            ("users", "K@x.example, l@x.example"),
        ];
        let answers = check(&form, &typed(&right), Some(2)).unwrap();
        assert_eq!(answers.users, ["k@x.example", "l@x.example"]);
        let names: Vec<&str> = answers.values.iter().map(|answer| answer.name.as_str()).collect();
        assert_eq!(names, ["company", "contact", "admins", "users"]);
        assert_eq!(check(&form, &typed(&right), Some(1)).unwrap_err()[0].field, "users");
    }
}

//! JSON of requests, read as leniently as the real service reads it, with every leniency told; or strictly.
//!
//! Lenient means, as Json.NET and publishers' own calls suggest (inferred): single quotes, unquoted keys, comments,
//! commas too many, keys in any case, numbers as text, and keys that nobody knows.

use serde_json::Value;

use crate::domain::rules::JsonReading;

/// Deeper than any request, and shallow enough for a reader that goes down level by level.
const DEEPEST: usize = 64;

/// A body, and where reading it was lenient.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// What it says; `None` if it can't be read at all.
    pub value: Option<Value>,
    /// Where the reading was lenient, in words.
    pub leniencies: Vec<String>,
}

impl Read {
    /// Reads a body.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        if let Ok(value) = serde_json::from_slice(body) {
            return Self { value: Some(value), leniencies: Vec::new() };
        }
        let text = std::str::from_utf8(body).ok().filter(|text| is_shallow(text));
        match text.and_then(|text| json5::from_str(text).ok()) {
            Some(value) => {
                let leniency = "it is JSON only if single quotes, bare keys, comments or commas too many are allowed";
                Self { value: Some(value), leniencies: vec![leniency.to_owned()] }
            }
            None => Self::default(),
        }
    }

    /// The fields of an object that are known, by their known names; of several of one name the last counts.
    pub fn fields<'a>(value: &'a Value, known: &[&'static str]) -> (Vec<(&'static str, &'a Value)>, Vec<String>) {
        let (mut fields, mut leniencies) = (Vec::new(), Vec::new());
        for (key, value) in value.as_object().into_iter().flatten() {
            match known.iter().find(|known| known.eq_ignore_ascii_case(key)) {
                Some(&name) => {
                    if name != key {
                        leniencies.push(format!("{name} is spelled {key}"));
                    }
                    fields.push((name, value));
                }
                None => leniencies.push(format!("{key} is not known, and ignored")),
            }
        }
        (fields, leniencies)
    }
}

/// What the journal shall say of leniencies; where reading is strict, what the caller is told.
///
/// # Errors
/// The leniencies that would have been needed.
pub fn judged(leniencies: &[String], reading: JsonReading) -> Result<Option<String>, String> {
    match reading {
        _ if leniencies.is_empty() => Ok(None),
        JsonReading::Lenient => Ok(Some(leniencies.join("; "))),
        JsonReading::Strict => Err(leniencies.join("; ")),
    }
}

/// Brackets within brackets, whether or not they stand in texts.
fn is_shallow(text: &str) -> bool {
    let mut depth = 0_usize;
    text.bytes().all(|byte| {
        match byte {
            b'[' | b'{' => depth = depth.saturating_add(1),
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth <= DEEPEST
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_quite_json_is_read_and_told() {
        let gold = json!({"planId": "gold"});
        let table = [
            (r#"{"planId":"gold"}"#, Some(&gold), 0),
            ("{'planId':'gold'}", Some(&gold), 1),
            ("{planId:\"gold\"}", Some(&gold), 1),
            ("{\"planId\":\"gold\",}", Some(&gold), 1),
            ("/* a change */ {\"planId\":\"gold\"}", Some(&gold), 1),
            ("{\"planId\":\"gold\"", None, 0),
            ("planId=gold", None, 0),
            ("", None, 0),
        ];
        for (body, value, leniencies) in table {
            let read = Read::of(body.as_bytes());
            assert_eq!((read.value.as_ref(), read.leniencies.len()), (value, leniencies), "{body}");
        }
    }

    #[test]
    fn a_body_that_is_too_deep_or_no_text_is_not_read() {
        let deep = "[".repeat(200_000);
        for body in [deep.as_bytes(), &[0xff, 0xfe, b'{'][..]] {
            assert_eq!(Read::of(body), Read::default());
        }
    }

    #[test]
    fn fields_are_known_in_any_case_and_the_others_told() {
        let value = json!({"PLANID": "gold", "seats": 1, "quantity": null});
        let (fields, leniencies) = Read::fields(&value, &["planId", "quantity"]);
        assert_eq!(fields, [("planId", &json!("gold")), ("quantity", &Value::Null)]);
        assert_eq!(leniencies, ["planId is spelled PLANID", "seats is not known, and ignored"]);
    }

    #[test]
    fn what_lenient_reading_forgives_strict_reading_refuses() {
        let some = ["a".to_owned(), "b".to_owned()];
        assert_eq!(judged(&[], JsonReading::Strict), Ok(None));
        assert_eq!(judged(&some, JsonReading::Lenient), Ok(Some("a; b".to_owned())));
        assert_eq!(judged(&some, JsonReading::Strict), Err("a; b".to_owned()));
    }
}

//! JSON as text: set out over lines or without any, with every number, key and escape as it was written.

use serde::de::IgnoredAny;

/// JSON with line breaks; any other text as it is.
pub(in crate::http) fn pretty(text: &str) -> String {
    if !is_json(text) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len().saturating_mul(2));
    let mut depth = 0_usize;
    let mut tokens = tokens(text).peekable();
    while let Some(token) = tokens.next() {
        match token {
            "{" | "[" if matches!(tokens.peek(), Some(&("}" | "]"))) => out.push_str(token),
            "{" | "[" => {
                depth = depth.saturating_add(1);
                out.push_str(token);
                new_line(&mut out, depth);
            }
            "}" | "]" if out.ends_with(['{', '[']) => out.push_str(token),
            "}" | "]" => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push_str(token);
            }
            "," => {
                out.push_str(token);
                new_line(&mut out, depth);
            }
            ":" => out.push_str(": "),
            other => out.push_str(other),
        }
    }
    out
}

/// JSON without line breaks and spaces between its parts; any other text as it is.
pub(in crate::http) fn compact(text: &str) -> String {
    if is_json(text) { tokens(text).collect() } else { text.to_owned() }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// The parts of a text that is JSON.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let (token, after) = rest.split_at_checked(length(rest)?)?;
        rest = after;
        Some(token)
    })
}

/// How long the first part is, in bytes.
fn length(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    match first {
        '{' | '}' | '[' | ']' | ',' | ':' => Some(1),
        '"' => {
            let mut is_escaped = false;
            let end = text.char_indices().skip(1).find(|(_, letter)| {
                let ends = *letter == '"' && !is_escaped;
                is_escaped = *letter == '\\' && !is_escaped;
                ends
            });
            end.map(|(at, _)| at.saturating_add(1))
        }
        _ => Some(text.find(['{', '}', '[', ']', ',', ':', ' ', '\t', '\r', '\n']).unwrap_or(text.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_stays_as_it_was_written() {
        let table = [
            ("{\r\n  \"a\" : 8.50 ,\r\n \"b\":[ ]\r\n}", "{\"a\":8.50,\"b\":[]}"),
            (r#"{"a": "x, {\"y\": [1]}\\", "a": 1E+2}"#, r#"{"a":"x, {\"y\": [1]}\\","a":1E+2}"#),
            (" [1 , -0.0, null, {\"é\": \"\\u00e9 ü\"}] ", "[1,-0.0,null,{\"é\":\"\\u00e9 ü\"}]"),
            ("no JSON, at  all", "no JSON, at  all"),
            ("{\"a\": 1,}", "{\"a\": 1,}"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(compact(text), expected, "{text}");
            assert_eq!(compact(&pretty(text)), expected, "{text}");
        }
    }

    #[test]
    fn it_is_set_out_as_usual() {
        for text in [r#"{"a":[1,{"b":{}}],"c":[],"d":"{}"}"#, "[]", "{}", "7", r#"[[],[[]],{"a":{"b":[null,true]}}]"#] {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            assert_eq!(pretty(text), serde_json::to_string_pretty(&value).unwrap());
        }
    }
}

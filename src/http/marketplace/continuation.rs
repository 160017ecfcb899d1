//! Continuation tokens of the list: opaque to clients, in the form that was recorded.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use crate::{app::ListPlace, wire::fulfillment::API_VERSION};

/// `[{"token":"...","range":{"min":"...","max":"FF"}}]` (recorded).
#[derive(Serialize, Deserialize)]
struct Continuation {
    token: String,
    range: Range,
}

#[derive(Serialize, Deserialize)]
struct Range {
    min: String,
    max: String,
}

/// The link to the page after a position, on the host that was called. Percent-encoded in lower-case hexadecimal, as
/// recorded.
pub(super) fn next_link(origin: &str, after: ListPlace) -> String {
    let token = format!("+RID:~{after}#RT:1");
    let range = Range { min: String::new(), max: "FF".to_owned() };
    let text = serde_json::to_string(&[Continuation { token, range }]).unwrap_or_default();
    let encoded: String = utf8_percent_encode(&text, NON_ALPHANUMERIC)
        .map(|part| if part.starts_with('%') { part.to_ascii_lowercase() } else { part.to_owned() })
        .collect();
    format!("{origin}/api/saas/subscriptions/?continuationToken={encoded}&api-version={API_VERSION}")
}

/// The position that a continuation token stands for.
pub(super) fn read(text: &str) -> Result<ListPlace, Problem> {
    let [continuation]: [Continuation; 1] = serde_json::from_str(text).map_err(|_| Problem::ContinuationToken)?;
    let place = continuation.token.strip_prefix("+RID:~").and_then(|token| token.strip_suffix("#RT:1"));
    place.and_then(|place| place.parse().ok()).ok_or(Problem::ContinuationToken)
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;

    use super::*;

    #[test]
    fn a_next_link_leads_to_where_it_was_made() {
        let place = "1767607200123.42".parse().unwrap();
        let link = next_link("http://127.0.0.1:7070", place);
        let start = "http://127.0.0.1:7070/api/saas/subscriptions/?continuationToken=%5b%7b%22token%22%3a%22%2bRID%3a";
        assert!(link.starts_with(start), "{link}");
        let encoded = link.split(['=', '&']).nth(1).unwrap();
        let token = percent_decode_str(encoded).decode_utf8().unwrap();
        assert_eq!(read(&token).ok(), Some(place));
    }

    #[test]
    fn a_token_of_somebody_else_is_refused() {
        for text in ["", "nonsense", "[]", r#"[{"token":null,"range":{"min":"","max":"FF"}}]"#] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}

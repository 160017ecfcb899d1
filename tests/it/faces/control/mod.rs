//! The control API over HTTP.

mod clock;
mod document;
mod journal;
mod licenses;
mod purchases;
mod sandboxes;

use serde_json::Value;

use crate::world::{Reply, text};

/// Checks that an answer is a problem with a code about a field, and that it says what to do.
#[track_caller]
fn problem(reply: &Reply, status: u16, code: &str, field: Option<&str>) {
    let body = reply.expect(status);
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    assert_eq!((text(&body, "code").as_str(), body["field"].as_str()), (code, field), "{body}");
    assert_eq!(text(&body, "type"), format!("urn:rehearsal:problem:{code}"));
    assert_eq!(body["status"], status);
    for words in ["title", "detail", "hint"] {
        assert!(!text(&body, words).is_empty(), "{words} is empty: {body}");
    }
}

fn kinds(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["kind"].as_str().unwrap()).collect()
}

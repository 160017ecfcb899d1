//! Paths of Microsoft's APIs, whatever their case and with or without a slash at the end (recorded, inferred): they are
//! folded to one form before routing. Paths of our own are left as they came.
//!
//! Bytes that are no text (`%FF`) become the character that stands for them, in any path, as they do in a query: so each face
//! says in its own words that there is nothing of that name. The router would answer for all of them, in plain text.

use std::borrow::Cow;

use axum::{
    extract::Request,
    http::{Uri, uri::PathAndQuery},
};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The URI as the caller wrote it, on requests whose path was folded.
#[derive(Debug, Clone)]
pub(super) struct OriginalPath(pub(super) Uri);

/// Folds the path of a request to Microsoft's APIs, and makes any path one that can be read.
pub fn fold(mut request: Request) -> Request {
    if let Some(uri) = folded(request.uri()) {
        let original = std::mem::replace(request.uri_mut(), uri);
        request.extensions_mut().insert(OriginalPath(original));
    }
    request
}

fn folded(uri: &Uri) -> Option<Uri> {
    let path = readable(uri.path());
    let path = of_an_api(&path).map_or(path, Cow::Owned);
    if path == uri.path() {
        return None;
    }
    let path_and_query = uri.query().map_or_else(|| path.clone().into_owned(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path_and_query).ok()?);
    Uri::from_parts(parts).ok()
}

/// The one form of a path of Microsoft's APIs, if it is one and has another.
fn of_an_api(path: &str) -> Option<String> {
    let is_api = ["/api/", "/v1/", "/webhooks/v1/"]
        .iter()
        .any(|root| path.get(..root.len()).is_some_and(|start| start.eq_ignore_ascii_case(root)));
    let trimmed = if path.len() > 1 { path.strip_suffix('/').unwrap_or(path) } else { path };
    let is_folded = trimmed.len() == path.len() && !path.bytes().any(|byte| byte.is_ascii_uppercase());
    (is_api && !is_folded).then(|| trimmed.to_ascii_lowercase())
}

/// A path whose parts are all text.
fn readable(path: &str) -> Cow<'_, str> {
    let is_text = |part: &str| percent_decode_str(part).decode_utf8().is_ok();
    // Most paths have nothing that would have to be decoded.
    if !path.contains('%') || path.split('/').all(is_text) {
        return Cow::Borrowed(path);
    }
    let parts = path.split('/').map(|part| match percent_decode_str(part).decode_utf8() {
        Ok(_) => Cow::Borrowed(part),
        Err(_) => {
            let text = percent_decode_str(part).decode_utf8_lossy();
            Cow::Owned(utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string())
        }
    });
    Cow::Owned(parts.collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_microsofts_paths_are_folded_and_all_can_be_read() {
        let table = [
            ("/api/saas/subscriptions/?api-version=X", Some("/api/saas/subscriptions?api-version=X")),
            ("/API/SaaS/Subscriptions/AB/listAvailablePlans", Some("/api/saas/subscriptions/ab/listavailableplans")),
            ("/webhooks/v1/registration/validationEvents", Some("/webhooks/v1/registration/validationevents")),
            ("/api/saas/subscriptions", None),
            ("/publisher/Landing/", None),
            ("/publisher/%E2%82%AC%zz%2F", None),
            ("/sim/%FF/a%2Fb?x=%FF", Some("/sim/%EF%BF%BD/a%2Fb?x=%FF")),
            ("/sim/A%2F%c3%28b", Some("/sim/A%2F%EF%BF%BD%28b")),
            ("/API/saas/%ff/", Some("/api/saas/%ef%bf%bd")),
            ("/", None),
        ];
        for (path, expected) in table {
            let found = folded(&Uri::from_static(path)).map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), expected, "{path}");
        }
    }
}

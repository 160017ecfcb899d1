//! Where no route leads: a page for people, with the way on; nothing but the status for programs.

use askama::Template;
use axum::{
    extract::Request,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
};

use super::{page::page, way_on::leads_within};

#[derive(Template)]
#[template(path = "nowhere.html")]
struct Nowhere<'a> {
    path: &'a str,
}

/// Answers what no route does.
pub(super) async fn answer(request: Request) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_read || !is_browser(request.headers()) {
        return StatusCode::NOT_FOUND.into_response();
    }
    match without_slash(request.uri()) {
        Some(there) => Redirect::permanent(&there).into_response(),
        None => page(StatusCode::NOT_FOUND, &Nowhere { path: request.uri().path() }),
    }
}

/// Whether a page is wanted.
pub(super) fn is_browser(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// The address without the slashes at its end; `None` if it has none, or would lead to another host.
fn without_slash(uri: &Uri) -> Option<String> {
    let path = uri.path();
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() || trimmed.len() == path.len() || !leads_within(trimmed) {
        return None;
    }
    Some(uri.query().map_or_else(|| trimmed.to_owned(), |query| format!("{trimmed}?{query}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_is_taken_away_within_this_server() {
        let table = [
            ("/journal/", Some("/journal")),
            ("/publisher//?sandbox=a", Some("/publisher?sandbox=a")),
            ("/journal", None),
            ("/", None),
            ("//evil.example/", None),
            ("/\\evil.example/", None),
        ];
        for (uri, expected) in table {
            assert_eq!(without_slash(&uri.parse().unwrap()).as_deref(), expected, "{uri}");
        }
    }
}

//! Keeps other web pages from sending our forms: a page on another origin must not buy, submit or retry anything just
//! because its reader has Rehearsal open as well.
//!
//! The pages have no session and so no secret to put into a form; instead the browser is asked where the form stood.
//! Programs that are no browser (curl, a scenario runner, an ISV's own app) send neither header and pass.

use axum::{
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// A middleware (`axum::middleware::from_fn`) that refuses changing requests which a browser says come from elsewhere.
pub async fn refuse_cross_site(request: Request, next: Next) -> Response {
    if is_foreign(request.method(), request.headers()) {
        let body = "This form was sent from another web page. Open it here and send it again.\n";
        return (StatusCode::FORBIDDEN, body).into_response();
    }
    next.run(request).await
}

/// Whether a browser says that a changing request was sent by a page of another origin.
///
/// `Sec-Fetch-Site` decides where it is present. Browsers leave it out towards plain HTTP on other names than
/// localhost; then `Origin` has to name the host that the request went to. Another port of the same machine is another
/// origin.
#[must_use]
pub fn is_foreign(method: &Method, headers: &HeaderMap) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return false;
    }
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text("origin") else { return false };
    let sent_from = origin.split_once("://").map(|(_, authority)| authority);
    sent_from.is_none() || sent_from != text(header::HOST.as_str())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    type Case = (Method, &'static [(&'static str, &'static str)], bool);

    #[test]
    fn only_a_browser_on_another_origin_is_foreign() {
        const HOST: (&str, &str) = ("host", "127.0.0.1:7070");
        let table: [Case; 11] = [
            (Method::POST, &[HOST], false),
            (Method::POST, &[HOST, ("origin", "http://127.0.0.1:7070")], false),
            (Method::POST, &[HOST, ("origin", "http://127.0.0.1:9999")], true),
            (Method::POST, &[HOST, ("origin", "https://evil.example")], true),
            (Method::POST, &[HOST, ("origin", "null")], true),
            (Method::POST, &[HOST, ("origin", "\u{e9}")], true),
            (Method::POST, &[HOST, ("sec-fetch-site", "same-origin"), ("origin", "null")], false),
            (Method::POST, &[HOST, ("sec-fetch-site", "none")], false),
            (Method::POST, &[HOST, ("sec-fetch-site", "same-site")], true),
            (Method::DELETE, &[HOST, ("sec-fetch-site", "cross-site")], true),
            (Method::GET, &[HOST, ("sec-fetch-site", "cross-site")], false),
        ];
        for (method, pairs, foreign) in table {
            let headers: HeaderMap = pairs
                .iter()
                .map(|(name, value)| {
                    (HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
                })
                .collect();
            assert_eq!(is_foreign(&method, &headers), foreign, "{method} {pairs:?}");
        }
    }
}

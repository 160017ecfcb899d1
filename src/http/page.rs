//! How a template becomes an answer: one place for the headers that every page carries.

use askama::Template;
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::retry_after;

/// What a page may load and do. No inline code, nothing from elsewhere, no frame around it. `form-action` also governs
/// where a form's redirect may lead (Chromium), so every form here is answered with a redirect within this origin.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Authorization codes stand in the URLs of landing pages, so no other origin ever learns where a reader came from.
/// `no-referrer` would go further than helps: it also makes browsers send `Origin: null` with our own forms, which
/// [`super::same_origin`] could not tell from a foreign page's.
pub const REFERRER_POLICY: &str = "same-origin";

/// Renders a template as a page. A template that fails to render becomes a plain 500, and its reason goes to the log.
pub fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => html_response(status, html),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            let body = "The page could not be built. The server's log says why.\n";
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            (status, headers(status, "text/plain; charset=utf-8"), body).into_response()
        }
    }
}

/// A page from HTML that is already escaped.
pub fn html_response(status: StatusCode, html: String) -> Response {
    let mut response = (status, headers(status, "text/html; charset=utf-8"), html).into_response();
    retry_after::add(response.headers_mut(), status);
    response
}

fn headers(status: StatusCode, content_type: &'static str) -> [(HeaderName, HeaderValue); 5] {
    [
        (header::CACHE_CONTROL, HeaderValue::from_static(keeping(status))),
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static(REFERRER_POLICY)),
    ]
}

/// Who may keep a page. Pages show secrets, so nobody does; but what was said to a form that was refused is kept by the
/// browser that sent it: the way back leads over it, and without it Chromium asks to send the form again.
fn keeping(status: StatusCode) -> &'static str {
    if status.is_client_error() { "private, no-cache" } else { "no-store" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Template)]
    #[template(source = "<p>{{ text }}</p>", ext = "html")]
    struct Paragraph<'a> {
        text: &'a str,
    }

    #[tokio::test]
    async fn a_page_escapes_and_carries_its_headers() {
        let response = page(StatusCode::UNPROCESSABLE_ENTITY, &Paragraph { text: "<script>" });
        assert_eq!(response.status(), 422);
        let expected = [
            ("content-type", "text/html; charset=utf-8"),
            ("content-security-policy", CONTENT_SECURITY_POLICY),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cache-control", "private, no-cache"),
        ];
        for (name, value) in expected {
            assert_eq!(response.headers().get(name).unwrap(), value, "{name}");
        }
        let shown = page(StatusCode::OK, &Paragraph { text: "" });
        assert_eq!(shown.headers().get("cache-control").unwrap(), "no-store");
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        assert_eq!(&body[..], b"<p>&#60;script&#62;</p>");
    }
}

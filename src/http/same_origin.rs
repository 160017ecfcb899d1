//! Refuses forms that another site sends.

use axum::{
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};

/// Refuses a POST that a page of another site has made a browser send.
pub(crate) async fn refuse_cross_site(request: Request, next: Next) -> Response {
    let site = request.headers().get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if request.method().is_safe() || site.is_none_or(|site| matches!(site, "same-origin" | "none")) {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "This form was sent by another site.").into_response()
    }
}

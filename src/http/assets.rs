//! The stylesheet, the script and the icon, embedded in the binary.
//!
//! | route | answer |
//! | --- | --- |
//! | `GET /assets/rehearsal.css` | the stylesheet |
//! | `GET /assets/rehearsal.js` | the script |
//! | `GET /assets/favicon.svg`, `GET /favicon.ico` | the icon, as SVG |

use std::sync::LazyLock;

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use sha2::{Digest, Sha256};

/// One embedded file with the tag that its content has.
struct Asset {
    content_type: &'static str,
    body: &'static str,
    etag: HeaderValue,
}

/// The routes of the files.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/assets/rehearsal.css", get(async |headers: HeaderMap| answer(&STYLESHEET, &headers)))
        .route("/assets/rehearsal.js", get(async |headers: HeaderMap| answer(&SCRIPT, &headers)))
        .route("/assets/favicon.svg", get(async |headers: HeaderMap| answer(&ICON, &headers)))
        .route("/favicon.ico", get(async |headers: HeaderMap| answer(&ICON, &headers)))
}

static STYLESHEET: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "text/css; charset=utf-8",
        concat!(include_str!("../../assets/rehearsal.css"), include_str!("../../assets/console.css")),
    )
});
static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("text/javascript; charset=utf-8", include_str!("../../assets/rehearsal.js")));
static ICON: LazyLock<Asset> = LazyLock::new(|| Asset::new("image/svg+xml", include_str!("../../assets/favicon.svg")));

impl Asset {
    fn new(content_type: &'static str, body: &'static str) -> Self {
        let digest: String = Sha256::digest(body).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let etag = HeaderValue::try_from(format!("\"{digest}\"")).unwrap_or(HeaderValue::from_static("\"0\""));
        Self { content_type, body, etag }
    }
}

/// Caches may keep a file but ask before each use: a new binary's pages must never meet an old stylesheet.
fn answer(asset: &Asset, request: &HeaderMap) -> Response {
    let headers = [
        (header::ETAG, asset.etag.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, no-cache")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    if is_known(request, &asset.etag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type))];
    (headers, content_type, asset.body).into_response()
}

fn is_known(request: &HeaderMap, etag: &HeaderValue) -> bool {
    let Ok(etag) = etag.to_str() else { return false };
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .any(|tag| matches!(tag.trim(), "*") || tag.trim().trim_start_matches("W/") == etag)
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use tower::ServiceExt;

    use super::*;

    async fn fetch(path: &str, known: Option<&str>) -> Response {
        let mut request = Request::get(path);
        if let Some(tag) = known {
            request = request.header("if-none-match", tag);
        }
        router::<()>().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn files_are_served_once_and_confirmed_after_that() {
        let table = [
            ("/assets/rehearsal.css", "text/css; charset=utf-8"),
            ("/assets/rehearsal.js", "text/javascript; charset=utf-8"),
            ("/assets/favicon.svg", "image/svg+xml"),
            ("/favicon.ico", "image/svg+xml"),
        ];
        for (path, content_type) in table {
            let first = fetch(path, None).await;
            assert_eq!(
                (first.status(), first.headers()["content-type"].to_str().unwrap()),
                (StatusCode::OK, content_type)
            );
            let tag = first.headers()["etag"].to_str().unwrap().to_owned();
            assert_eq!(fetch(path, Some(&tag)).await.status(), 304, "{path}");
            assert_eq!(fetch(path, Some(&format!("\"other\", W/{tag}"))).await.status(), 304, "{path}");
            assert_eq!(fetch(path, Some("\"other\"")).await.status(), 200, "{path}");
        }
    }
}

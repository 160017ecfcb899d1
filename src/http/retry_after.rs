//! When somebody may come again who was turned away for now.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

/// Adds `Retry-After` to answers that ask to come again.
pub(super) fn add(headers: &mut HeaderMap, status: StatusCode) {
    let seconds = match status {
        StatusCode::SERVICE_UNAVAILABLE => "10",
        // Calls are counted by the second.
        StatusCode::TOO_MANY_REQUESTS => "1",
        _ => return,
    };
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
}

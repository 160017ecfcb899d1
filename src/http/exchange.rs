//! What the journal keeps of a call: bodies are cut, secrets are blanked. And the recording of visits to the publisher's
//! pages, which the publisher itself knows nothing of.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};

use super::Faces;
use crate::{
    app::{Exchange, Player, RecordedCall},
    domain::ids::SandboxId,
    sim::clock::Stopwatch,
};

/// Laid on an answer of the publisher's site that the journal shall tell of: which sandbox and, where the publisher has
/// learned it, which subscription it was about.
#[derive(Debug, Clone)]
pub(super) struct Visited {
    /// The sandbox.
    pub(super) sandbox: SandboxId,
    /// The subscription, as the marketplace named it.
    pub(super) subscription: Option<String>,
}

/// Records a visit to the publisher's site: the partner, or whoever sits at the browser, calls the publisher.
pub(super) async fn record_visit(State(faces): State<Arc<Faces>>, request: Request, next: Next) -> Response {
    let started = Stopwatch::start();
    let method = request.method().to_string();
    let path = recorded_path(request.uri().path_and_query().map_or("/", |path| path.as_str()));
    let response = next.run(request).await;
    let Some(visited) = response.extensions().get::<Visited>() else { return response };
    let exchange = Exchange {
        to: Player::Publisher,
        method,
        path,
        status: Some(response.status().as_u16()),
        publisher: None,
        // Forms hold personal data and codes, pages are pages: neither helps in a journal.
        request_body: None,
        response_body: None,
        correlation_id: None,
        remark: None,
        latency_micros: started.micros(),
    };
    let subscription = visited.subscription.as_deref().and_then(|id| id.parse().ok());
    if let Ok(sandbox) = faces.app.sandbox(&visited.sandbox)
        && let Err(error) = sandbox.record(RecordedCall { from: Player::Partner, subscription, exchange }).await
    {
        tracing::warn!(%error, "a visit was not recorded");
    }
    response
}

/// Characters of a body that are kept.
const KEPT: usize = 4096;

/// A body as the journal shows it; `None` if there is none.
pub(super) fn recorded_body(body: &[u8]) -> Option<String> {
    if body.is_empty() {
        return None;
    }
    let text = String::from_utf8_lossy(body);
    // What has no more bytes has no more characters.
    let rest = if text.len() > KEPT { text.char_indices().nth(KEPT) } else { None };
    Some(match rest {
        None => text.into_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    })
}

/// A path as the journal shows it: the value of `token` in its query is blanked, because a code is a bearer secret.
pub(super) fn recorded_path(path_and_query: &str) -> String {
    let Some((path, query)) = path_and_query.split_once('?') else { return path_and_query.to_owned() };
    let shown: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if name == "token" && !value.is_empty() => format!("{name}=(code)"),
            Some(_) | None => pair.to_owned(),
        })
        .collect();
    format!("{path}?{}", shown.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_blanked_and_long_bodies_cut() {
        assert_eq!(recorded_path("/publisher/landing?site=a&token=x%2B"), "/publisher/landing?site=a&token=(code)");
        assert_eq!(recorded_path("/publisher/landing"), "/publisher/landing");
        assert_eq!(recorded_body(b""), None);
        assert_eq!(recorded_body("é".repeat(5000).as_bytes()).map(|text| text.chars().count()), Some(KEPT + 1));
    }
}

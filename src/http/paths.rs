//! Paths of Microsoft's APIs, whatever their case and with or without a slash at the end (recorded, inferred): they are
//! folded to one form before routing. Paths of our own are left as they came.

use axum::{
    extract::Request,
    http::{Uri, uri::PathAndQuery},
};

/// The URI as the caller wrote it, on requests whose path was folded.
#[derive(Debug, Clone)]
pub(super) struct OriginalPath(pub(super) Uri);

/// Folds the path of a request to Microsoft's APIs.
pub fn fold(mut request: Request) -> Request {
    if let Some(uri) = folded(request.uri()) {
        let original = std::mem::replace(request.uri_mut(), uri);
        request.extensions_mut().insert(OriginalPath(original));
    }
    request
}

fn folded(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let is_api = ["/api/", "/v1/", "/webhooks/v1/"]
        .iter()
        .any(|root| path.get(..root.len()).is_some_and(|start| start.eq_ignore_ascii_case(root)));
    let trimmed = if path.len() > 1 { path.strip_suffix('/').unwrap_or(path) } else { path };
    if !is_api || (trimmed.len() == path.len() && !path.bytes().any(|byte| byte.is_ascii_uppercase())) {
        return None;
    }
    let path = trimmed.to_ascii_lowercase();
    let path_and_query = uri.query().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path_and_query).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_microsofts_paths_are_folded() {
        let table = [
            ("/api/saas/subscriptions/?api-version=X", Some("/api/saas/subscriptions?api-version=X")),
            ("/API/SaaS/Subscriptions/AB/listAvailablePlans", Some("/api/saas/subscriptions/ab/listavailableplans")),
            ("/webhooks/v1/registration/validationEvents", Some("/webhooks/v1/registration/validationevents")),
            ("/api/saas/subscriptions", None),
            ("/publisher/Landing/", None),
            ("/", None),
        ];
        for (path, expected) in table {
            let found = folded(&Uri::from_static(path)).map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), expected, "{path}");
        }
    }
}

//! Discovery and keys, with absolute URLs on this server.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::problem;
use crate::{
    app::identity::TokenRefusal,
    http::faces::Faces,
    wire::identity::{KeyDocument, KeySet, OpenIdConfiguration},
};

const HEADERS: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "max-age=86400, private"),
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, OPTIONS"),
];

/// `GET /{tenant}/.well-known/openid-configuration`
pub(super) async fn v1(State(faces): State<Arc<Faces>>, Path(tenant): Path<String>, headers: HeaderMap) -> Response {
    if let Some(refused) = unknown_tenant(&faces, &tenant) {
        return refused;
    }
    let origin = faces.origin(&headers);
    Json(configuration(Endpoints {
        token: format!("{origin}/{tenant}/oauth2/token"),
        authorize: format!("{origin}/{tenant}/oauth2/authorize"),
        keys: format!("{origin}/common/discovery/keys"),
        issuer: format!("https://sts.windows.net/{}/", issuer_tenant(&tenant)),
    }))
    .into_response_with_headers()
}

/// `GET /{tenant}/v2.0/.well-known/openid-configuration`
pub(super) async fn v2(State(faces): State<Arc<Faces>>, Path(tenant): Path<String>, headers: HeaderMap) -> Response {
    if let Some(refused) = unknown_tenant(&faces, &tenant) {
        return refused;
    }
    let origin = faces.origin(&headers);
    Json(configuration(Endpoints {
        token: format!("{origin}/{tenant}/oauth2/v2.0/token"),
        authorize: format!("{origin}/{tenant}/oauth2/v2.0/authorize"),
        keys: format!("{origin}/{tenant}/discovery/v2.0/keys"),
        issuer: format!("https://login.microsoftonline.com/{}/v2.0", issuer_tenant(&tenant)),
    }))
    .into_response_with_headers()
}

/// `GET /{tenant}/discovery/keys`, `GET /{tenant}/discovery/v2.0/keys`
pub(super) async fn keys(State(faces): State<Arc<Faces>>, Path(tenant): Path<String>) -> Response {
    if let Some(refused) = unknown_tenant(&faces, &tenant) {
        return refused;
    }
    let issuer = format!("https://login.microsoftonline.com/{}/v2.0", issuer_tenant(&tenant));
    let keys = faces.app.signing_keys().public_parts().map(|(id, n, e)| KeyDocument {
        kty: "RSA".to_owned(),
        purpose: "sig".to_owned(),
        kid: id.to_owned(),
        x5t: id.to_owned(),
        n: n.to_owned(),
        e: e.to_owned(),
        issuer: issuer.clone(),
    });
    Json(KeySet { keys: keys.collect() }).into_response_with_headers()
}

struct Endpoints {
    token: String,
    authorize: String,
    keys: String,
    issuer: String,
}

fn configuration(endpoints: Endpoints) -> OpenIdConfiguration {
    let list = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect();
    OpenIdConfiguration {
        token_endpoint: endpoints.token,
        token_endpoint_auth_methods_supported: list(&["client_secret_post"]),
        jwks_uri: endpoints.keys,
        response_modes_supported: list(&["query", "fragment", "form_post"]),
        subject_types_supported: list(&["pairwise"]),
        id_token_signing_alg_values_supported: list(&["RS256"]),
        response_types_supported: list(&["code", "id_token", "code id_token", "id_token token"]),
        scopes_supported: list(&["openid", "profile", "email", "offline_access"]),
        issuer: endpoints.issuer,
        authorization_endpoint: endpoints.authorize,
        tenant_region_scope: "WW".to_owned(),
        cloud_instance_name: "microsoftonline.com".to_owned(),
    }
}

/// Multi-tenant segments have no tenant of their own: their documents hold a placeholder (entra-recorded).
fn is_multi_tenant(tenant: &str) -> bool {
    matches!(tenant, "common" | "organizations" | "consumers")
}

fn issuer_tenant(tenant: &str) -> &str {
    if is_multi_tenant(tenant) { "{tenantid}" } else { tenant }
}

fn unknown_tenant(faces: &Faces, tenant: &str) -> Option<Response> {
    let known = tenant.parse().ok().and_then(|id| faces.app.sandbox_of_tenant(id)).is_some();
    if known || is_multi_tenant(tenant) {
        return None;
    }
    let new_id = || faces.request_ids.next().to_string();
    let refusal = TokenRefusal::UnknownTenant(tenant.to_owned());
    let (status, body) = problem::told(&refusal, new_id(), new_id(), faces.app.wall().now());
    Some((status, Json(body)).into_response())
}

/// A document with the headers that discovery answers carry.
trait WithHeaders {
    fn into_response_with_headers(self) -> Response;
}

impl<T: serde::Serialize> WithHeaders for Json<T> {
    fn into_response_with_headers(self) -> Response {
        (StatusCode::OK, HEADERS, self).into_response()
    }
}

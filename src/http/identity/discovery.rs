//! Discovery and keys, with absolute URLs on this server.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};

use serde::Deserialize;

use super::{problem, tenant::Tenant};
use crate::{
    app::identity::TokenRefusal,
    http::faces::Faces,
    wire::identity::{InstanceDocument, InstanceMetadata, KeyDocument, KeySet, OpenIdConfiguration},
};

const HEADERS: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "max-age=86400, private"),
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, OPTIONS"),
];

/// `GET /{tenant}/.well-known/openid-configuration`
pub(super) async fn v1(State(faces): State<Arc<Faces>>, Tenant(tenant): Tenant, headers: HeaderMap) -> Response {
    if let Some(refused) = unknown_tenant(&faces, &tenant).await {
        return refused;
    }
    let origin = faces.origin(&headers);
    Json(configuration(Endpoints {
        token: format!("{origin}/{tenant}/oauth2/token"),
        authorize: format!("{origin}/{tenant}/oauth2/authorize"),
        userinfo: format!("{origin}/oidc/userinfo"),
        sign_out: format!("{origin}/{tenant}/oauth2/logout"),
        keys: format!("{origin}/common/discovery/keys"),
        issuer: format!("https://sts.windows.net/{}/", issuer_tenant(&tenant)),
    }))
    .into_response_with_headers()
}

/// `GET /{tenant}/v2.0/.well-known/openid-configuration`
pub(super) async fn v2(State(faces): State<Arc<Faces>>, Tenant(tenant): Tenant, headers: HeaderMap) -> Response {
    if let Some(refused) = unknown_tenant(&faces, &tenant).await {
        return refused;
    }
    let origin = faces.origin(&headers);
    Json(configuration(Endpoints {
        token: format!("{origin}/{tenant}/oauth2/v2.0/token"),
        authorize: format!("{origin}/{tenant}/oauth2/v2.0/authorize"),
        userinfo: format!("{origin}/oidc/userinfo"),
        sign_out: format!("{origin}/{tenant}/oauth2/v2.0/logout"),
        keys: format!("{origin}/{tenant}/discovery/v2.0/keys"),
        issuer: format!("https://login.microsoftonline.com/{}/v2.0", issuer_tenant(&tenant)),
    }))
    .into_response_with_headers()
}

/// `GET /{tenant}/discovery/keys`, `GET /{tenant}/discovery/v2.0/keys`
pub(super) async fn keys(State(faces): State<Arc<Faces>>, Tenant(tenant): Tenant) -> Response {
    if let Some(refused) = unknown_tenant(&faces, &tenant).await {
        return refused;
    }
    faces.app.look_around().await;
    let issuer = format!("https://login.microsoftonline.com/{}/v2.0", issuer_tenant(&tenant));
    let keys = faces.app.signing_keys().public().into_iter().map(|key| KeyDocument {
        kty: "RSA".to_owned(),
        purpose: "sig".to_owned(),
        kid: key.id.clone(),
        x5t: key.id,
        n: key.modulus,
        e: key.exponent,
        issuer: issuer.clone(),
    });
    Json(KeySet { keys: keys.collect() }).into_response_with_headers()
}

/// What the instance discovery is asked about.
#[derive(Debug, Deserialize)]
pub(super) struct InstanceQuery {
    authorization_endpoint: Option<String>,
}

/// `GET /common/discovery/instance`: which cloud an authority belongs to, for clients that were told to ask here or were
/// led here by name. Its own host and Microsoft's are one instance (entra-recorded).
pub(super) async fn instance(
    State(faces): State<Arc<Faces>>,
    Query(query): Query<InstanceQuery>,
    headers: HeaderMap,
) -> Response {
    let origin = faces.origin(&headers);
    let own = url::Url::parse(&origin).ok().and_then(|url| authority(&url));
    let asked = query.authorization_endpoint.as_deref().and_then(|endpoint| url::Url::parse(endpoint).ok());
    let host = asked.as_ref().and_then(authority);
    let is_known = host.as_ref().is_some_and(|host| own.as_ref() == Some(host) || ALIASES.contains(&host.as_str()));
    let (Some(asked), Some(host)) = (asked.filter(|_| is_known), host) else {
        let new_id = || faces.request_ids.next().to_string();
        let (status, body) = problem::told(&TokenRefusal::UnknownInstance, new_id(), new_id(), faces.app.wall().now());
        return (status, Json(body)).into_response();
    };
    let tenant = asked.path_segments().and_then(|mut parts| parts.next()).unwrap_or("common");
    let mut aliases: Vec<String> = ALIASES.map(str::to_owned).into();
    if !aliases.contains(&host) {
        aliases.insert(0, host.clone());
    }
    Json(InstanceDocument {
        tenant_discovery_endpoint: format!("{origin}/{tenant}/v2.0/.well-known/openid-configuration"),
        api_version: "1.1",
        metadata: [InstanceMetadata { preferred_network: host, preferred_cache: CACHE.to_owned(), aliases }],
    })
    .into_response_with_headers()
}

/// The names of Microsoft's one public cloud (entra-recorded).
const ALIASES: [&str; 4] = ["login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"];

/// The name under which clients keep what they get, whichever they ask (entra-recorded).
const CACHE: &str = "login.windows.net";

/// Host, and port where it is not the usual one.
fn authority(url: &url::Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

struct Endpoints {
    token: String,
    authorize: String,
    userinfo: String,
    sign_out: String,
    keys: String,
    issuer: String,
}

fn configuration(endpoints: Endpoints) -> OpenIdConfiguration {
    let list = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect();
    OpenIdConfiguration {
        token_endpoint: endpoints.token,
        token_endpoint_auth_methods_supported: list(&["client_secret_post", "private_key_jwt", "client_secret_basic"]),
        jwks_uri: endpoints.keys,
        response_modes_supported: list(&["query", "fragment", "form_post"]),
        subject_types_supported: list(&["pairwise"]),
        id_token_signing_alg_values_supported: list(&["RS256"]),
        response_types_supported: list(&["code", "id_token", "code id_token"]),
        scopes_supported: list(&["openid", "profile", "email", "offline_access"]),
        issuer: endpoints.issuer,
        request_uri_parameter_supported: false,
        userinfo_endpoint: endpoints.userinfo,
        authorization_endpoint: endpoints.authorize,
        http_logout_supported: true,
        frontchannel_logout_supported: true,
        end_session_endpoint: endpoints.sign_out,
        claims_supported: list(&[
            "sub",
            "iss",
            "aud",
            "exp",
            "iat",
            "nonce",
            "preferred_username",
            "name",
            "tid",
            "ver",
            "email",
        ]),
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

async fn unknown_tenant(faces: &Faces, tenant: &str) -> Option<Response> {
    faces.app.meet(tenant, None).await;
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

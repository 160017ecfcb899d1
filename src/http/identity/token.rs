//! The token endpoints.

use std::sync::Arc;

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{FromRequest, Multipart, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::{problem, tenant::Tenant};
use crate::{
    app::{
        Exchange, Player, RecordedCall, Sandbox,
        identity::{Audience, Credential, Exchanged, Grant, PersonTokens, Token, TokenRequest},
    },
    domain::ids::SandboxId,
    http::faces::Faces,
    sim::clock::Stopwatch,
    wire::identity::{PersonToken, Seconds, TokenForm, TokenV1, TokenV2},
};

/// Which endpoint was called: it decides how the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

/// `POST /{tenant}/oauth2/token`
pub(super) async fn v1(state: State<Arc<Faces>>, tenant: Tenant, headers: HeaderMap, body: Bytes) -> Response {
    grant(Version::V1, state, tenant, headers, body).await
}

/// `POST /{tenant}/oauth2/v2.0/token`
pub(super) async fn v2(state: State<Arc<Faces>>, tenant: Tenant, headers: HeaderMap, body: Bytes) -> Response {
    grant(Version::V2, state, tenant, headers, body).await
}

async fn grant(
    version: Version,
    State(faces): State<Arc<Faces>>,
    Tenant(tenant): Tenant,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let started = Stopwatch::start();
    let (form, is_multipart) = read_form(&headers, body).await;
    let form = with_basic(form, &headers);
    let wants_client_info = form.client_info.as_deref() == Some("1");
    let exchanged = exchanged(&form);
    let request = TokenRequest { is_multipart, ..read(version, tenant, form) };
    let trace_id = faces.request_ids.next().to_string();
    let sent = headers.get("client-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let correlation_id = sent.unwrap_or_else(|| faces.request_ids.next().to_string());

    faces.app.meet(&request.tenant, request.client_id.as_deref()).await;
    let outcome = match exchanged {
        Some(exchanged) => faces
            .app
            .exchange(&request, &exchanged)
            .await
            .map(|(registered, tokens)| (registered, of_person(version, tokens, wants_client_info))),
        None => faces.app.grant_token(&request).map(|(registered, token)| (registered, granted(version, token))),
    };
    let (sandbox, from, publisher, status, response) = match outcome {
        Ok((registered, response)) => {
            let from = if registered.owner.partner().is_some() { Player::Partner } else { Player::Publisher };
            let publisher = registered.owner.publisher().cloned();
            (Some(registered.sandbox), from, publisher, StatusCode::OK, response)
        }
        Err(refusal) => {
            let sandbox = request.tenant.parse().ok().and_then(|tenant| faces.app.sandbox_of_tenant(tenant));
            let now = sandbox.as_ref().map_or_else(|| faces.app.wall().now(), |sandbox| sandbox.now());
            let (status, body) = problem::told(&refusal, trace_id.clone(), correlation_id.clone(), now);
            let from = sandbox.as_deref().map_or(Player::Publisher, |sandbox| caller(sandbox, &request.tenant));
            (sandbox, from, None, status, (status, Json(body)).into_response())
        }
    };
    let suffix = if version == Version::V1 { "token" } else { "v2.0/token" };
    let exchange = Exchange {
        to: Player::Identity,
        method: "POST".to_owned(),
        path: format!("/{}/oauth2/{suffix}", request.tenant),
        status: Some(status.as_u16()),
        publisher,
        // Both bodies hold secrets.
        request_body: None,
        response_body: None,
        correlation_id: Some(correlation_id),
        remark: None,
        latency_micros: started.micros(),
    };
    record(&faces, sandbox, from, exchange).await;
    with_headers(response, &trace_id)
}

/// The only type of assertion (docs:registration-v1).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The form, and whether it is a multipart one: a publisher got a token by such a one
/// (issue:microsoft/mona-saas#111).
async fn read_form(headers: &HeaderMap, body: Bytes) -> (TokenForm, bool) {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    if !kind.to_ascii_lowercase().starts_with(b"multipart/form-data") {
        let fields = url::form_urlencoded::parse(&body).map(|(name, value)| (name.into_owned(), value.into_owned()));
        return (TokenForm::read(fields), false);
    }
    let mut request = Request::new(Body::from(body));
    *request.headers_mut() = headers.clone();
    let mut fields = Vec::new();
    if let Ok(mut parts) = Multipart::from_request(request, &()).await {
        while let Ok(Some(part)) = parts.next_field().await {
            let name = part.name().unwrap_or_default().to_owned();
            let Ok(value) = part.text().await else { break };
            fields.push((name, value));
        }
    }
    (TokenForm::read(fields.into_iter()), true)
}

/// What the form leaves out of client id and secret, as HTTP Basic tells them: `client_secret_basic`, which discovery
/// advertises (entra-recorded). Both are form-encoded there (RFC 6749, 2.3.1).
fn with_basic(mut form: TokenForm, headers: &HeaderMap) -> TokenForm {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let encoded =
        shown.and_then(|shown| shown.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let decoded = encoded.and_then(|(_, encoded)| STANDARD.decode(encoded.trim()).ok());
    let Some(text) = decoded.and_then(|bytes| String::from_utf8(bytes).ok()) else { return form };
    let Some((client, secret)) = text.split_once(':') else { return form };
    let plain = |text: &str| {
        let text = text.replace('+', " ");
        Some(percent_decode_str(&text).decode_utf8_lossy().into_owned()).filter(|text| !text.is_empty())
    };
    form.client_id = form.client_id.or_else(|| plain(client));
    if form.client_assertion.is_none() {
        form.client_secret = form.client_secret.or_else(|| plain(secret));
    }
    form
}

fn read(version: Version, tenant: String, form: TokenForm) -> TokenRequest {
    let grant = form.grant_type.map(|grant| match grant.as_str() {
        "client_credentials" => Grant::ClientCredentials,
        _ => Grant::Other(grant),
    });
    let audience = match version {
        Version::V1 => Audience::Resource(form.resource),
        Version::V2 => Audience::Scope(form.scope),
    };
    let is_jwt = form.client_assertion_type.as_deref() == Some(JWT_BEARER);
    let credential = match (form.client_secret, form.client_assertion.filter(|_| is_jwt)) {
        (Some(secret), _) => Credential::Secret(secret),
        (None, Some(assertion)) => Credential::Assertion(assertion),
        (None, None) => Credential::None,
    };
    TokenRequest { tenant, grant, client_id: form.client_id, credential, audience, is_multipart: false }
}

/// What a person's browser has brought the app, if that is what it comes with.
fn exchanged(form: &TokenForm) -> Option<Exchanged> {
    match form.grant_type.as_deref()? {
        "authorization_code" => Some(Exchanged::Code {
            code: form.code.clone(),
            redirect_uri: form.redirect_uri.clone(),
            verifier: form.code_verifier.clone(),
        }),
        "refresh_token" => Some(Exchanged::Refresh { token: form.refresh_token.clone() }),
        _ => None,
    }
}

fn of_person(version: Version, tokens: PersonTokens, wants_client_info: bool) -> Response {
    let seconds = || match version {
        Version::V1 => Seconds::Text(tokens.expires_in.to_string()),
        Version::V2 => Seconds::Number(tokens.expires_in),
    };
    json(&PersonToken {
        token_type: "Bearer",
        expires_in: seconds(),
        ext_expires_in: seconds(),
        scope: tokens.scope,
        access_token: tokens.access_token,
        refresh_token: tokens.refresh_token,
        id_token: tokens.id_token,
        client_info: wants_client_info.then_some(tokens.client_info),
    })
}

fn granted(version: Version, token: Token) -> Response {
    match version {
        Version::V1 => json(&TokenV1 {
            token_type: "Bearer",
            expires_in: token.expires_in.to_string(),
            ext_expires_in: token.expires_in.to_string(),
            expires_on: token.expires_on.to_string(),
            not_before: token.not_before.to_string(),
            resource: token.resource,
            access_token: token.text,
        }),
        Version::V2 => json(&TokenV2 {
            token_type: "Bearer",
            expires_in: token.expires_in,
            ext_expires_in: token.expires_in,
            access_token: token.text,
        }),
    }
}

fn json(body: &impl Serialize) -> Response {
    Json(body).into_response()
}

/// Who seems to ask, when it is not known whose app it is: whoever the tenant in the path belongs to.
fn caller(sandbox: &Sandbox, tenant: &str) -> Player {
    let is_partners = |id| sandbox.catalogue().partners.iter().any(|partner| partner.app.tenant_id == id);
    if tenant.parse().is_ok_and(is_partners) { Player::Partner } else { Player::Publisher }
}

async fn record(faces: &Faces, sandbox: Option<Arc<Sandbox>>, from: Player, exchange: Exchange) {
    let sandbox = sandbox.map_or_else(|| faces.app.sandbox(&SandboxId::default_sandbox()), Ok);
    let Ok(sandbox) = sandbox else { return };
    let call = RecordedCall { from, subscription: None, exchange };
    if let Err(error) = sandbox.record(call).await {
        tracing::warn!(%error, "a call was not recorded");
    }
}

/// The headers that recordings show on every answer (entra-recorded).
fn with_headers(mut response: Response, trace_id: &str) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(header::EXPIRES, HeaderValue::from_static("-1"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(trace_id) = HeaderValue::try_from(trace_id) {
        headers.insert(HeaderName::from_static("x-ms-request-id"), trace_id);
    }
    response
}

//! The certificate authority by which a sandbox's webhooks are trusted.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use x509_parser::pem::parse_x509_pem;

use super::problem::{ControlError, Input, sandbox_named};
use crate::{
    http::faces::Faces,
    wire::control::{Problem, WebhookAuthority},
};

/// The authority that is trusted besides those that everybody trusts.
#[utoipa::path(
    get, path = "/sim/v1/sandboxes/{sandbox}/webhook-authority", tag = "webhooks",
    params(("sandbox" = String, Path)),
    responses((status = 200, body = WebhookAuthority), (status = 404, body = Problem))
)]
pub(super) async fn show(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
) -> Result<Json<WebhookAuthority>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    Ok(Json(WebhookAuthority { certificate: sandbox.webhook_authority().await? }))
}

/// Trusts an authority of your own, for webhooks on `https://` that nobody else vouches for; `null` trusts none any more.
#[utoipa::path(
    put, path = "/sim/v1/sandboxes/{sandbox}/webhook-authority", tag = "webhooks",
    params(("sandbox" = String, Path)), request_body = WebhookAuthority,
    responses((status = 200, body = WebhookAuthority), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn trust(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
    Input(input): Input<WebhookAuthority>,
) -> Result<Json<WebhookAuthority>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    if let Some(certificate) = &input.certificate {
        let is_certificate =
            parse_x509_pem(certificate.trim().as_bytes()).is_ok_and(|(_, pem)| pem.parse_x509().is_ok());
        if !is_certificate {
            return Err(ControlError::BadInput {
                detail: "this is not a certificate in PEM".to_owned(),
                field: Some("certificate"),
                hint: "Send the lines from -----BEGIN CERTIFICATE----- on, without the private key.",
            });
        }
    }
    sandbox.trust_webhooks(input.certificate.clone()).await?;
    Ok(Json(input))
}

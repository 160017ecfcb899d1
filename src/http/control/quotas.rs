//! What a sandbox may use of the server.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};

use super::problem::{ControlError, Input, sandbox_named};
use crate::{
    app::Sandbox,
    domain::quotas::Quotas,
    http::faces::Faces,
    wire::control::{Problem, QuotasView, SetQuotas},
};

/// What a sandbox may use, and how much of it is used.
#[utoipa::path(
    get, path = "/sim/v1/sandboxes/{sandbox}/quotas", tag = "access", params(("sandbox" = String, Path)),
    responses((status = 200, body = QuotasView), (status = 404, body = Problem))
)]
pub(super) async fn show(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
) -> Result<Json<QuotasView>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    Ok(view(&sandbox))
}

/// Sets what a sandbox may use; what is left out is as the server usually has it. Where keys are asked for, one is needed that
/// opens everything.
#[utoipa::path(
    put, path = "/sim/v1/sandboxes/{sandbox}/quotas", tag = "access", params(("sandbox" = String, Path)),
    request_body = SetQuotas,
    responses(
        (status = 200, body = QuotasView), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)
    )
)]
pub(super) async fn set(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
    Input(SetQuotas { documents, requests_per_second, deliveries_per_minute }): Input<SetQuotas>,
) -> Result<Json<QuotasView>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    sandbox.set_quotas(Quotas { documents, requests_per_second, deliveries_per_minute }).await?;
    Ok(view(&sandbox))
}

fn view(sandbox: &Sandbox) -> Json<QuotasView> {
    let Quotas { documents, requests_per_second, deliveries_per_minute } = sandbox.quotas();
    let documents_used = sandbox.documents();
    Json(QuotasView { documents, requests_per_second, deliveries_per_minute, documents_used })
}

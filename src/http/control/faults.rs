//! Faults: making the stand-in publisher's provisioning fail on request.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};

use super::problem::{ControlError, Input, sandbox_named};
use crate::{
    app::Sandbox,
    domain::catalogue::ProvisioningStep,
    http::faces::Faces,
    wire::control::{Problem, ProvisioningFault, ProvisioningFaults},
};

/// The provisioning faults that are still to come.
#[utoipa::path(
    get, path = "/sim/v1/sandboxes/{sandbox}/faults/provisioning", tag = "faults", params(("sandbox" = String, Path)),
    responses((status = 200, body = ProvisioningFaults), (status = 404, body = Problem))
)]
pub(super) async fn list(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
) -> Result<Json<ProvisioningFaults>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    view(&sandbox).await
}

/// Makes the next attempts at a step fail, whichever purchase they are for; `times: 0` lifts the fault.
#[utoipa::path(
    put, path = "/sim/v1/sandboxes/{sandbox}/faults/provisioning", tag = "faults", params(("sandbox" = String, Path)),
    request_body = ProvisioningFault,
    responses(
        (status = 200, body = ProvisioningFaults), (status = 400, body = Problem), (status = 404, body = Problem)
    )
)]
pub(super) async fn set(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
    Input(input): Input<ProvisioningFault>,
) -> Result<Json<ProvisioningFaults>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    let step = ProvisioningStep::ALL.into_iter().find(|step| step.as_str() == input.step);
    let step = step.ok_or_else(|| ControlError::BadInput {
        detail: format!("{:?} is not a provisioning step", input.step),
        field: Some("step"),
        hint: "The steps are createAccount, assignLicenses, reportLicenses and activate.",
    })?;
    sandbox.set_fault(step, input.times).await?;
    view(&sandbox).await
}

async fn view(sandbox: &Sandbox) -> Result<Json<ProvisioningFaults>, ControlError> {
    let faults = sandbox.faults().await?.into_iter();
    let faults = faults.map(|(step, times)| ProvisioningFault { step: step.as_str().to_owned(), times }).collect();
    Ok(Json(ProvisioningFaults { faults }))
}

//! Sandboxes, what they sell, and the environment that a user's own app needs.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};

use super::{
    clock::clock_view,
    door::out_of_reach,
    problem::{ControlError, Input, sandbox_id, sandbox_named},
};
use crate::{
    app::{
        AppError, NewSandbox, Sandbox, Settings, TimerMode,
        identity::{MARKETPLACE_RESOURCE, PARTNER_CENTER_RESOURCE},
    },
    domain::{access::Reach, operation::Delays, partner::Partner, quotas::Quotas, rules::Rules},
    http::{access::Holder, faces::Faces},
    wire::{
        control::{
            CatalogueView, ChangeSandbox, CreateSandbox, CustomerTenant, DeletionView, Environment, MemberView,
            PartnerEnvironment, Problem, PublisherEnvironment, RuleList, SandboxList, SandboxView,
        },
        fulfillment::API_VERSION,
    },
};

/// All sandboxes.
#[utoipa::path(get, path = "/sim/v1/sandboxes", tag = "sandboxes", responses((status = 200, body = SandboxList)))]
pub(super) async fn list(State(faces): State<Arc<Faces>>, holder: Holder) -> Result<Json<SandboxList>, ControlError> {
    let mut sandboxes = Vec::new();
    faces.app.look_around().await;
    for sandbox in faces.app.sandboxes().into_iter().filter(|sandbox| holder.reach.covers(sandbox.id())) {
        sandboxes.push(view(&sandbox).await?);
    }
    let deletions = faces.app.deletions().await?.into_iter().filter(|one| holder.reach.covers(&one.sandbox));
    let deletions =
        deletions.map(|one| DeletionView { sandbox: one.sandbox.to_string(), removed: one.removed }).collect();
    Ok(Json(SandboxList { sandboxes, deletions }))
}

/// Parts of one sandbox that there are at the same time, where keys are needed.
const MOST_PARTS: usize = 100;

/// What a part of a team's sandbox may use: what was set for the team.
async fn quotas_of_part(faces: &Faces, holder: &Holder) -> Result<Quotas, ControlError> {
    let Reach::Sandbox(own) = &holder.reach else { return Ok(Quotas::default()) };
    faces.app.look_around().await;
    let parts = faces.app.sandboxes().into_iter().filter(|sandbox| holder.reach.covers(sandbox.id())).count();
    // The sandbox itself is counted among them.
    if parts > MOST_PARTS {
        return Err(ControlError::TooManyParts(own.clone(), MOST_PARTS));
    }
    Ok(faces.app.find_sandbox(own).await?.quotas_of_its_own())
}

/// Creates a sandbox, ready for use.
#[utoipa::path(
    post, path = "/sim/v1/sandboxes", tag = "sandboxes", request_body = CreateSandbox,
    responses((status = 201, body = SandboxView), (status = 400, body = Problem), (status = 409, body = Problem))
)]
pub(super) async fn create(
    State(faces): State<Arc<Faces>>,
    holder: Holder,
    Input(input): Input<CreateSandbox>,
) -> Result<(StatusCode, Json<SandboxView>), ControlError> {
    let id = input.name.parse().map_err(|error| ControlError::id(&error, "name"))?;
    if !holder.reach.covers(&id) {
        return Err(out_of_reach(&holder));
    }
    let frozen_at = input.frozen_at.map(|at| at.parse()).transpose();
    let frozen_at = frozen_at.map_err(|error| ControlError::time(&error, "frozenAt"))?;
    let timers = timers_of(input.timers.as_deref())?.unwrap_or_default();
    let delays = delays_of(input.delays.as_deref())?.unwrap_or_default();
    let mut rules = Rules::default();
    for (rule, choice) in &input.rules {
        rules.choose(rule, choice).map_err(AppError::Rule)?;
    }
    let quotas = quotas_of_part(&faces, &holder).await?;
    let new = NewSandbox { id, seed: input.seed.map(Into::into), frozen_at, timers, delays, rules, quotas };
    let sandbox = faces.app.create_sandbox(new).await?;
    Ok((StatusCode::CREATED, Json(view(&sandbox).await?)))
}

/// A sandbox.
#[utoipa::path(
    get, path = "/sim/v1/sandboxes/{sandbox}", tag = "sandboxes", params(("sandbox" = String, Path)),
    responses((status = 200, body = SandboxView), (status = 404, body = Problem))
)]
pub(super) async fn get(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
) -> Result<Json<SandboxView>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    Ok(Json(view(&sandbox).await?))
}

/// Changes how a sandbox works, from the next call on; what is left out stays.
#[utoipa::path(
    patch, path = "/sim/v1/sandboxes/{sandbox}", tag = "sandboxes", params(("sandbox" = String, Path)),
    request_body = ChangeSandbox,
    responses((status = 200, body = SandboxView), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn change(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
    Input(input): Input<ChangeSandbox>,
) -> Result<Json<SandboxView>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    let settings = Settings {
        timers: timers_of(input.timers.as_deref())?,
        delays: delays_of(input.delays.as_deref())?,
        rules: input.rules,
    };
    sandbox.change_settings(settings).await?;
    Ok(Json(view(&sandbox).await?))
}

/// The rules: what the sandbox does where documentation and reality differ, or where nobody knows for certain.
#[utoipa::path(
    get, path = "/sim/v1/sandboxes/{sandbox}/rules", tag = "sandboxes", params(("sandbox" = String, Path)),
    responses((status = 200, body = RuleList), (status = 404, body = Problem))
)]
pub(super) async fn rules(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
) -> Result<Json<RuleList>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    Ok(Json(RuleList::of(&sandbox.rules())))
}

/// Deletes a sandbox. It is gone at once; what it held is removed in the background.
#[utoipa::path(
    delete, path = "/sim/v1/sandboxes/{sandbox}", tag = "sandboxes", params(("sandbox" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(super) async fn delete(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
) -> Result<StatusCode, ControlError> {
    faces.app.delete_sandbox(&sandbox_id(&sandbox)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What an app of your own needs to work against the sandbox: base URLs and app registrations, secrets included.
#[utoipa::path(
    get, path = "/sim/v1/sandboxes/{sandbox}/environment", tag = "sandboxes", params(("sandbox" = String, Path)),
    responses((status = 200, body = Environment), (status = 404, body = Problem))
)]
pub(super) async fn environment(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
) -> Result<Json<Environment>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    Ok(Json(environment_of(&faces, &sandbox)))
}

/// What the sandbox sells, and to whom.
#[utoipa::path(
    get, path = "/sim/v1/sandboxes/{sandbox}/catalogue", tag = "sandboxes", params(("sandbox" = String, Path)),
    responses((status = 200, body = CatalogueView), (status = 404, body = Problem))
)]
pub(super) async fn catalogue(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
) -> Result<Json<CatalogueView>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    Ok(Json(CatalogueView::of(sandbox.catalogue(), |offer| faces.landing_page(&sandbox, offer))))
}

fn timers_of(text: Option<&str>) -> Result<Option<TimerMode>, ControlError> {
    text.map(|text| match text {
        "automatic" => Ok(TimerMode::Automatic),
        "manual" => Ok(TimerMode::Manual),
        other => Err(ControlError::BadInput {
            detail: format!("{other:?} is not a way to run timers"),
            field: Some("timers"),
            hint: "Say 'automatic' or 'manual'.",
        }),
    })
    .transpose()
}

fn delays_of(text: Option<&str>) -> Result<Option<Delays>, ControlError> {
    let refused = |text: &str| ControlError::BadInput {
        detail: format!("{text:?} is not a length of delays"),
        field: Some("delays"),
        hint: "Say 'none', 'brief' or 'live'.",
    };
    let named =
        |text: &str| Delays::ALL.into_iter().find(|delays| delays.as_str() == text).ok_or_else(|| refused(text));
    text.map(named).transpose()
}

async fn view(sandbox: &Sandbox) -> Result<SandboxView, ControlError> {
    let timers = match sandbox.timer_mode() {
        TimerMode::Automatic => "automatic",
        TimerMode::Manual => "manual",
    };
    let usual = Rules::default().chosen().into_iter();
    let rules = Rules::CARDS.iter().zip(sandbox.rules().chosen().into_iter().zip(usual));
    Ok(SandboxView {
        name: sandbox.id().to_string(),
        seed: sandbox.seed().into(),
        clock: clock_view(sandbox).await?,
        timers: timers.to_owned(),
        delays: sandbox.delays().as_str().to_owned(),
        rules: rules
            .filter(|(_, (chosen, usual))| chosen != usual)
            .map(|(card, (chosen, _))| (card.name.to_owned(), chosen.to_owned()))
            .collect(),
        journal_entries: sandbox.newest_entry().0,
    })
}

/// The environment of a sandbox.
pub(in crate::http) fn environment_of(faces: &Faces, sandbox: &Sandbox) -> Environment {
    let publishers = sandbox.catalogue().publishers.iter().map(|publisher| {
        let app = &publisher.app;
        PublisherEnvironment {
            publisher: publisher.id.to_string(),
            name: publisher.name.clone(),
            tenant_id: app.tenant_id.to_string(),
            client_id: app.client_id.to_string(),
            client_secret: app.client_secret.clone(),
            token_endpoint: format!("{}/{}/oauth2/v2.0/token", faces.base_url, app.tenant_id),
            landing_page: faces.stand_in_landing_page(sandbox, &publisher.id),
        }
    });
    Environment {
        sandbox: sandbox.id().to_string(),
        marketplace_api: format!("{}/api", faces.base_url),
        authority: faces.base_url.clone(),
        resource: MARKETPLACE_RESOURCE.to_owned(),
        api_version: API_VERSION.to_owned(),
        publishers: publishers.collect(),
        partner_center_api: faces.base_url.clone(),
        partner_center_resource: PARTNER_CENTER_RESOURCE.to_owned(),
        partners: sandbox
            .catalogue()
            .partners
            .iter()
            .map(|partner| partner_environment(faces, sandbox, partner))
            .collect(),
    }
}

fn partner_environment(faces: &Faces, sandbox: &Sandbox, partner: &Partner) -> PartnerEnvironment {
    let app = &partner.app;
    let customers = sandbox.catalogue().customers.iter().filter(|customer| customer.partner == partner.id);
    PartnerEnvironment {
        partner: partner.id.to_string(),
        name: partner.name.clone(),
        mpn_id: partner.mpn_id.to_string(),
        tenant_id: app.tenant_id.to_string(),
        client_id: app.client_id.to_string(),
        client_secret: app.client_secret.clone(),
        token_endpoint: format!("{}/{}/oauth2/token", faces.base_url, app.tenant_id),
        users: partner
            .people()
            .map(|(person, role)| MemberView {
                name: person.name.clone(),
                email: person.email.clone(),
                role: role.as_str().to_owned(),
                object_id: person.object_id.to_string(),
            })
            .collect(),
        customers: customers
            .filter_map(|customer| {
                let tenant_id = customer.tenant_id()?.to_string();
                Some(CustomerTenant { customer: customer.id.to_string(), tenant_id })
            })
            .collect(),
    }
}

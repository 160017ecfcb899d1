//! Webhooks of a partner's own program (section 11.2: E40).

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use super::{
    call::{Answer, At, Call, Needs, object},
    problem::Problem,
};
use crate::{
    app::{Limited, RegistrationWish},
    domain::{
        notice::{EventName, Registration},
        partner::Right,
    },
    http::faces::Faces,
    wire::partner_center::{RegistrationBody, TestBody, event_names},
};

/// `GET /webhooks/v1/registration/events`
pub(super) async fn events(State(_): State<Arc<Faces>>, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |_| async move { Ok(Answer::ok(&event_names())) }).await
}

/// `GET /webhooks/v1/registration`
pub(super) async fn get(State(_): State<Arc<Faces>>, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |at| async move {
        Ok(Answer::ok(&RegistrationBody::of(&registered(&at).await?)))
    })
    .await
}

/// `POST /webhooks/v1/registration`. Done again, it changes what there is (inferred).
pub(super) async fn register(State(_): State<Arc<Faces>>, call: Call) -> Response {
    call.answer(Needs::right(Right::ManageSubscriptions), |at| async move { written(&at).await }).await
}

/// `PUT /webhooks/v1/registration`
pub(super) async fn update(State(_): State<Arc<Faces>>, call: Call) -> Response {
    call.answer(Needs::right(Right::ManageSubscriptions), |at| async move {
        registered(&at).await?;
        written(&at).await
    })
    .await
}

async fn registered(at: &At) -> Result<Registration, Problem> {
    let found = at.sandbox.registration(&at.partner.id).await?;
    found.ok_or_else(|| Problem::NotFound("The webhook registration".to_owned()))
}

async fn written(at: &At) -> Result<Answer, Problem> {
    let wish = wish(&at.call.json()?)?;
    let registration = at.sandbox.register(at.partner.id.clone(), wish).await?;
    Ok(Answer::ok(&RegistrationBody::of(&registration)))
}

fn wish(value: &Value) -> Result<RegistrationWish, Problem> {
    let bad = |what: &str| Problem::Field(what.to_owned());
    let body = object(value)?;
    let url = body.required("WebhookUrl")?;
    let is_url = Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if !is_url {
        return Err(bad("WebhookUrl is not a URL of http or https"));
    }
    let names = body.get("WebhookEvents").and_then(Value::as_array);
    let names = names.ok_or_else(|| bad("WebhookEvents is not a list of names"))?;
    let mut events: Vec<EventName> = Vec::new();
    for name in names {
        let event = name.as_str().and_then(EventName::named);
        let event = event.ok_or_else(|| bad(&format!("WebhookEvents has no event {name}")))?;
        if !events.contains(&event) {
            events.push(event);
        }
    }
    if events.is_empty() {
        return Err(bad("WebhookEvents is empty"));
    }
    let signature_in_own_header = body.flag("SignatureTokenToMsSignatureHeader")?.unwrap_or_default();
    Ok(RegistrationWish { url, events, signature_in_own_header })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TestStarted {
    correlation_id: String,
}

/// `POST /webhooks/v1/registration/validationEvents`
pub(super) async fn test(State(_): State<Arc<Faces>>, call: Call) -> Response {
    call.answer(Needs::right(Right::ManageSubscriptions), |at| async move {
        registered(&at).await?;
        if let Some(seconds) = at.sandbox.count_call(&at.partner.id, Limited::Tests).await? {
            return Err(Problem::TooMany(seconds));
        }
        let correlation_id = at.sandbox.test_registration(at.partner.id.clone()).await?.to_string();
        Ok(Answer::ok(&TestStarted { correlation_id }))
    })
    .await
}

/// `GET /webhooks/v1/registration/validationEvents/{correlation}`
pub(super) async fn test_result(State(_): State<Arc<Faces>>, Path(id): Path<String>, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |at| async move {
        let registration = registered(&at).await?;
        let unknown = || Problem::NotFound(format!("The validation event {id}"));
        let correlation: Uuid = id.parse().map_err(|_| unknown())?;
        let notice = at.sandbox.notice(&at.partner.id, correlation).await?;
        let notice = notice.filter(|notice| notice.event == EventName::TestCreated).ok_or_else(unknown)?;
        Ok(Answer::ok(&TestBody::of(&notice, &registration, &at.partner)))
    })
    .await
}

/// `GET /webhooks/v1/certificates/{name}.cer`: where the `X-MS-Certificate-Url` of a notice leads; for everybody.
pub(super) async fn certificate(State(faces): State<Arc<Faces>>, Path(file): Path<String>) -> Response {
    let found = file.strip_suffix(".cer").and_then(|name| faces.app.notice_certificate(name));
    match found {
        Some(certificate) => ([(header::CONTENT_TYPE, "application/pkix-cert")], certificate).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

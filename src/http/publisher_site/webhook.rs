//! The publisher's webhook.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use url::form_urlencoded;

use super::{Asked, Format, failed, json, json::ErrorBody};
use crate::publisher::{
    Publisher,
    webhook::{Notification, Reply},
};

/// `POST /publisher/webhook?site=&sandbox=`
pub(super) async fn take(
    State(publisher): State<Arc<Publisher>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = Asked::from_pairs(form_urlencoded::parse(query.unwrap_or_default().as_bytes()));
    let visit = match asked.visit() {
        Ok(visit) => visit,
        Err(error) => return failed(&error, Format::Json),
    };
    let notification = Notification {
        sandbox: &visit.sandbox,
        site: visit.site.as_ref(),
        authorization: headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()),
        body: &body,
    };
    let refused = |status, code, message: String| json(status, &ErrorBody::new(code, message));
    match publisher.webhook(notification).await {
        Ok(Reply::Taken) => StatusCode::OK.into_response(),
        Ok(Reply::NotTheMarketplace(fault)) => {
            refused(StatusCode::UNAUTHORIZED, "notTheMarketplace", fault.to_string())
        }
        Ok(Reply::NoSuchSite) => {
            refused(StatusCode::NOT_FOUND, "noSuchSite", "no publisher of that name is played here".to_owned())
        }
        Ok(Reply::Refused(why)) => refused(StatusCode::BAD_REQUEST, "refused", why),
        Ok(Reply::Failed(why)) => refused(StatusCode::INTERNAL_SERVER_ERROR, "failed", why),
        Err(error) => failed(&error, Format::Json),
    }
}

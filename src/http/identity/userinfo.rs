//! Who somebody is, for an app that shows the access token that it got when they signed in.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{http::faces::Faces, wire::identity::UserInfoBody};

/// `GET` and `POST /oidc/userinfo`
pub(super) async fn show(State(faces): State<Arc<Faces>>, headers: HeaderMap) -> Response {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token =
        authorization.and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let found = match token {
        Some((_, token)) => faces.app.user_info(token.trim()).await,
        None => None,
    };
    match found {
        Some(user) => {
            let body = UserInfoBody { sub: user.sub, name: user.name, email: user.email };
            ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
        }
        None => {
            let refused = HeaderValue::from_static("Bearer error=\"invalid_token\"");
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, refused)]).into_response()
        }
    }
}

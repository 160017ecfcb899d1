//! What the OpenAPI document says of every call alike: how errors are told, and which come from the door.

use axum::http::StatusCode;
use utoipa::openapi::{
    ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder,
    path::{Operation, PathItem},
};

use super::problem::PROBLEM_JSON;

/// What any call may be answered with, whatever it is about.
const EVERYWHERE: [(StatusCode, &str); 6] = [
    (StatusCode::BAD_REQUEST, "The input can't be read."),
    (StatusCode::UNAUTHORIZED, "No key was shown that opens anything."),
    (StatusCode::FORBIDDEN, "The key opens something else."),
    (StatusCode::TOO_MANY_REQUESTS, "The sandbox is called too often."),
    (StatusCode::SERVICE_UNAVAILABLE, "The store can't be used right now, or the server is stopping."),
    (StatusCode::INSUFFICIENT_STORAGE, "The sandbox is full."),
];

/// Completes the answers of every call.
pub(super) fn complete(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        let PathItem { get, put, post, delete, patch, .. } = item;
        for operation in [get, put, post, delete, patch].into_iter().flatten() {
            complete_answers(operation);
        }
    }
}

fn complete_answers(operation: &mut Operation) {
    let answers = &mut operation.responses.responses;
    for (status, answer) in answers.iter_mut() {
        if let RefOr::T(answer) = answer
            && status.as_str() >= "400"
            && let Some(body) = answer.content.shift_remove("application/json")
        {
            answer.content.insert(PROBLEM_JSON.to_owned(), body);
        }
    }
    for (status, description) in EVERYWHERE {
        answers.entry(status.as_str().to_owned()).or_insert_with(|| RefOr::T(problem(description)));
    }
}

fn problem(description: &str) -> Response {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content(PROBLEM_JSON, body).build()
}

//! Rows of operations: changes, cancellations, and what the operations API says of them.

use reqwest::Method;
use serde_json::json;

use super::{super::Row, fact, rule};
use crate::contract::stage::{Act, NOBODY};

pub(in crate::contract) const ROWS: &[Row] = &[
    rule!("Q1", "operationsOfUnknown", operations_of_unknown),
    rule!("Q2", "unknownOperation", unknown_operation_to_read),
    rule!("Q3", "unknownOperation", unknown_operation_to_answer),
    rule!("Q4", "answerWord", answer_word),
    rule!("Q5", "ownOperationAnswer", own_operation_answer),
    rule!("Q6", "endedOperationBody", ended_operation_body),
    fact!(
        "Q7",
        "`delays: live`: an operation is listed two seconds after it is in progress; otherwise at once.",
        listed_late
    ),
    rule!("Q11", "failureAnswer", failure_answer),
    rule!("Q28", "acceptedHeaders", accepted_headers),
    rule!("Q30", "firstStatus", first_status),
    rule!("Q31", "cancelAgain", cancel_again),
    rule!("Q32", "operationErrors", operation_errors),
    rule!("Q36", "operationLock", operation_lock),
    fact!("Q40", "The buyer changes plan and seats in the marketplace, whichever portal that is.", buyer_changes),
    rule!("5.2", "answerWindow", answer_window),
];

async fn operations_of_unknown(act: Act<'_>) {
    assert_eq!(act.told(Method::GET, NOBODY, "/operations", "").await, (200, r#"{"operations":[]}"#.to_owned()));
    act.choose("operationsOfUnknown", "notFound").await;
    let (status, body) = act.told(Method::GET, NOBODY, "/operations", "").await;
    assert!(status == 404 && body.contains("EntityNotFound"), "{body}");
}

async fn unknown_operation_to_read(act: Act<'_>) {
    let id = act.active().await;
    let bodies = [
        (
            NOBODY,
            format!(
                r#"{{"code":"EntityNotFound","message":"Subscription {NOBODY} not found","target":"subscriptionId"}}"#
            ),
        ),
        (&id, format!(r#"{{"code":"EntityNotFound","message":"Failed to get operation","target":"{NOBODY}"}}"#)),
    ];
    for (choice, status) in [("badRequest", 400), ("notFound", 404)] {
        act.choose("unknownOperation", choice).await;
        for (subscription, body) in &bodies {
            let told = act.told(Method::GET, subscription, &format!("/operations/{NOBODY}"), "").await;
            assert_eq!(told, (status, body.clone()), "{choice}");
        }
    }
}

async fn unknown_operation_to_answer(act: Act<'_>) {
    let id = act.active().await;
    let body = r#"{"code":"NotFound","message":"Failed to find operation","target":"operation"}"#;
    for (choice, status) in [("badRequest", 400), ("notFound", 404)] {
        act.choose("unknownOperation", choice).await;
        for subscription in [NOBODY, &id] {
            assert_eq!(act.answers(subscription, NOBODY, "Success").await, (status, body.to_owned()), "{choice}");
        }
    }
}

async fn answer_word(act: Act<'_>) {
    let id = act.active().await;
    let operation = act.buyer_changes(&id, 8).await;
    assert_eq!(act.answers(&id, &operation, "Succeeded").await, (200, String::new()));
    assert_eq!(act.status(&id, &operation).await, "InProgress");
    act.choose("answerWord", "checked").await;
    let refused = r#"{"code":"InvalidValue","message":"Expected Success or Failure","target":"status"}"#;
    assert_eq!(act.answers(&id, &operation, "Succeeded").await, (400, refused.to_owned()));
    assert_eq!(act.answers(&id, &operation, "Success").await.0, 200);
}

async fn own_operation_answer(act: Act<'_>) {
    let id = act.active().await;
    let operation = act.publisher_changes(&id, 8).await;
    assert_eq!(act.answers(&id, &operation, "Success").await.0, 500);
    act.advances("PT1S").await;
    act.choose("ownOperationAnswer", "accepted").await;
    let operation = act.publisher_changes(&id, 9).await;
    assert_eq!(act.answers(&id, &operation, "Success").await, (200, String::new()));
    assert_eq!((act.status(&id, &operation).await.as_str(), act.reads(&id, "quantity").await), ("Succeeded", json!(9)));
    act.advances("PT1S").await;
    let operation = act.publisher_changes(&id, 10).await;
    act.answers(&id, &operation, "Failure").await;
    assert_eq!((act.status(&id, &operation).await.as_str(), act.reads(&id, "quantity").await), ("Failed", json!(9)));
}

async fn ended_operation_body(act: Act<'_>) {
    let id = act.active().await;
    let operation = act.buyer_changes(&id, 8).await;
    act.answers(&id, &operation, "Success").await;
    let again = act.calls(Method::PATCH, &id, &format!("/operations/{operation}"), r#"{"status":"Success"}"#).await;
    let request = again.header("x-ms-requestid").unwrap();
    assert_eq!((again.status, again.text.clone()), (409, format!(r#"{{"message":"{request}"}}"#)));
    act.choose("endedOperationBody", "conflict").await;
    let again = act.calls(Method::PATCH, &id, &format!("/operations/{operation}"), r#"{"status":"Success"}"#).await;
    assert_eq!((again.status, &again.json()["code"]), (409, &json!("Conflict")));
}

async fn listed_late(act: Act<'_>) {
    act.delays("live").await;
    let id = act.active().await;
    act.advances("PT30S").await;
    let operation = act.buyer_changes(&id, 8).await;
    let listed = async || act.calls(Method::GET, &id, "/operations", "").await.expect(200)["operations"].clone();
    assert_eq!(act.status(&id, &operation).await, "InProgress");
    assert_eq!(listed().await, json!([]));
    act.advances("PT2S").await;
    assert_eq!(listed().await[0]["id"], operation);
    act.advances("PT8S").await;
    act.delays("brief").await;
    let operation = act.buyer_changes(&id, 9).await;
    assert_eq!(listed().await[0]["id"], operation);
}

async fn failure_answer(act: Act<'_>) {
    let id = act.active().await;
    let operation = act.buyer_changes(&id, 8).await;
    assert_eq!(act.answers(&id, &operation, "Failure").await, (200, String::new()));
    assert_eq!((act.status(&id, &operation).await.as_str(), act.reads(&id, "quantity").await), ("Failed", json!(5)));
    act.choose("failureAnswer", "ignored").await;
    let operation = act.buyer_changes(&id, 8).await;
    assert_eq!(act.answers(&id, &operation, "Failure").await, (200, String::new()));
    act.advances("PT10S").await;
    assert_eq!((act.status(&id, &operation).await.as_str(), act.reads(&id, "quantity").await), ("Succeeded", json!(8)));
}

async fn accepted_headers(act: Act<'_>) {
    let id = act.active().await;
    let headers = async |quantity: u32| {
        let reply = act.calls(Method::PATCH, &id, "", &json!({ "quantity": quantity }).to_string()).await;
        act.advances("PT1S").await;
        ["operation-location", "operation-id", "retry-after"].map(|name| reply.header(name).is_some())
    };
    assert_eq!(headers(6).await, [true; 3]);
    act.choose("acceptedHeaders", "locationOnly").await;
    assert_eq!(headers(7).await, [true, false, false]);
}

async fn first_status(act: Act<'_>) {
    let id = act.active().await;
    for (choice, status, quantity) in [("notStarted", "NotStarted", 6), ("inProgress", "InProgress", 7)] {
        act.choose("firstStatus", choice).await;
        let operation = act.publisher_changes(&id, quantity).await;
        assert_eq!(act.status(&id, &operation).await, status);
        act.advances("PT1S").await;
        assert_eq!(act.status(&id, &operation).await, "Succeeded");
        assert_eq!(act.last_heard(&id)["id"], operation, "it is told, whichever status comes first");
    }
}

async fn cancel_again(act: Act<'_>) {
    let id = act.active().await;
    assert_eq!(act.told(Method::DELETE, &id, "", "").await.0, 202);
    act.advances("PT1S").await;
    let told = act.heard(&id).len();
    assert_eq!(act.told(Method::DELETE, &id, "", "").await, (200, String::new()));
    act.choose("cancelAgain", "accepted").await;
    let again = act.calls(Method::DELETE, &id, "", "").await;
    assert_eq!(again.status, 202);
    assert_eq!(act.status(&id, again.header("operation-id").unwrap()).await, "Succeeded");
    act.advances("PT1S").await;
    assert_eq!(act.heard(&id).len(), told, "nothing has happened, so nothing is told");
}

async fn operation_errors(act: Act<'_>) {
    let id = act.active().await;
    let operation = act.buyer_changes(&id, 8).await;
    let errors = async || {
        let read = act.calls(Method::GET, &id, &format!("/operations/{operation}"), "").await.expect(200);
        ["errorStatusCode", "errorMessage"].map(|key| read.get(key).map(|value| value.as_str().unwrap().to_owned()))
    };
    assert_eq!(errors().await, [None, None]);
    act.choose("operationErrors", "empty").await;
    assert_eq!(errors().await, [Some(String::new()), Some(String::new())]);
    act.answers(&id, &operation, "Failure").await;
    for choice in ["empty", "absent"] {
        act.choose("operationErrors", choice).await;
        assert_eq!(errors().await[0].as_deref(), Some("400"), "one that has failed says so: {choice}");
    }
}

async fn operation_lock(act: Act<'_>) {
    let id = act.active().await;
    let first = act.publisher_changes(&id, 8).await;
    let locked = r#"{"code":"Failed","message":"Patch cannot be completed because the subscription is locked due to pending operations","target":"update"}"#;
    assert_eq!(act.told(Method::PATCH, &id, "", r#"{"quantity":9}"#).await, (400, locked.to_owned()));
    act.choose("operationLock", "open").await;
    let second = act.publisher_changes(&id, 9).await;
    act.advances("PT1S").await;
    for operation in [&first, &second] {
        assert_eq!(act.status(&id, operation).await, "Succeeded");
    }
    assert_eq!(act.reads(&id, "quantity").await, 9);
}

async fn buyer_changes(act: Act<'_>) {
    let id = act.active().await;
    let change = act.does(Method::POST, &id, "changes", json!({ "planId": "business" })).await;
    assert_eq!((&change["operationRequestSource"], &change["status"]), (&json!("Azure"), &json!("InProgress")));
    assert_eq!(act.last_heard(&id)["planId"], "business");
    act.advances("PT10S").await;
    assert_eq!(act.reads(&id, "planId").await, "business", "silence is consent");
}

async fn answer_window(act: Act<'_>) {
    let id = act.active().await;
    for (choice, quantity) in [("fromAnswer", 6), ("fromSending", 7)] {
        act.choose("answerWindow", choice).await;
        let operation = act.buyer_changes(&id, quantity).await;
        act.advances("PT9S").await;
        assert_eq!(act.status(&id, &operation).await, "InProgress", "{choice}");
        act.advances("PT1S").await;
        assert_eq!(act.status(&id, &operation).await, "Succeeded", "{choice}");
    }
}

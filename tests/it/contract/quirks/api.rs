//! Rows of the subscription calls.

use reqwest::Method;
use serde_json::{Value, json};

use super::{super::Row, fact, rule};
use crate::{
    contract::stage::{Act, NOBODY},
    world::{Reply, code, send, text},
};

pub(in crate::contract) const ROWS: &[Row] = &[
    rule!("Q27", "apiVersion", api_version),
    rule!("Q26", "forbiddenBody", forbidden_body),
    rule!("4.0", "json", json_reading),
    rule!("3", "purchaseToken", purchase_token),
    rule!("Q22", "subscriptionIds", subscription_ids),
    rule!("Q14", "quantityForm", quantity_form),
    rule!("Q39", "endedQuantity", ended_quantity),
    rule!("Q43", "allowedOperations", allowed_operations),
    rule!("7.7", "cspAccount", csp_account),
    rule!("Q16", "resolvedTerm", resolved_term),
    rule!("Q8", "activateBody", activate_body),
    rule!("Q10", "activateAgain", activate_again),
    rule!("Q17", "listPages", list_pages),
    rule!("Q18", "lastNextLink", last_next_link),
    rule!("Q19", "emptyList", empty_list),
    rule!("Q21", "plansOfUnknown", plans_of_unknown),
    rule!("Q45", "stopSellPlans", stop_sell_plans),
    rule!("Q29", "linkHost", link_host),
    fact!(
        "Q9",
        "`delays: live`: *Activate* is answered at once and takes effect after 30 seconds; otherwise at once.",
        activation
    ),
    fact!("Q15", "Term dates stay after the end; what was never activated has only `termUnit`.", terms_stay),
    fact!("Q20", "Get of a subscription that there is not: 404 `EntityNotFound`.", unknown_subscription),
    fact!("4.11", "`GET /api/saas/operations`, `GET /api`: 404.", undocumented_calls),
    fact!("Q23", "`lastModified` is `0001-01-01T00:00:00` in Get, a real time in webhooks.", last_modified),
];

async fn api_version(act: Act<'_>) {
    let call = async |query: &str| {
        let reply = send(act.contoso.raw(Method::GET, &format!("/api/saas/subscriptions{query}"))).await;
        (reply.status, reply.text)
    };
    let missing =
        r#"{"Error":{"Code":"ApiVersionUnspecified","Message":"An API version is required, but was not specified."}}"#;
    assert_eq!(call("").await, (400, missing.to_owned()));
    assert_eq!(call("?api-version=2018-08-28").await.0, 400);
    act.choose("apiVersion", "ignored").await;
    for query in ["", "?api-version=2018-08-28"] {
        assert_eq!(call(query).await, (200, r#"{"subscriptions":[]}"#.to_owned()));
    }
}

async fn forbidden_body(act: Act<'_>) {
    let foreign = act.world.publisher_in(&act.sandbox, "fabrikam").await;
    let id = text(&act.seats().await, "id");
    let forbidden = async |of: &str| -> Reply {
        if of == "foreign" { foreign.get(&id).await } else { act.contoso.with_token("x.y.z".to_owned()).get(&id).await }
    };
    let reply = forbidden("foreign").await;
    assert_eq!((reply.status, reply.text.len(), reply.json().is_string()), (403, 403, true));
    act.choose("forbiddenBody", "object").await;
    let reply = forbidden("foreign").await;
    assert_eq!((reply.status, &reply.json()["code"]), (403, &json!("Forbidden")));
    act.choose("forbiddenBody", "unauthorized").await;
    assert_eq!(forbidden("foreign").await.status, 403, "a foreign one is known");

    // Nobody knows whose a bad token is: the default sandbox's rule counts.
    assert_eq!(forbidden("bad").await.status, 403);
    let default = act.world.control(
        Method::PATCH,
        "/sandboxes/default",
        Some(json!({ "rules": { "forbiddenBody": "unauthorized" } })),
    );
    default.await.expect(200);
    let reply = forbidden("bad").await;
    assert_eq!((reply.status, reply.header("www-authenticate")), (401, Some("Bearer")));
    let back = json!({ "rules": { "forbiddenBody": "text" } });
    act.world.control(Method::PATCH, "/sandboxes/default", Some(back)).await.expect(200);
}

async fn json_reading(act: Act<'_>) {
    let id = act.active().await;
    let flat = act.activated(&act.flat_rate().await).await;
    let remarks = async || -> Vec<String> {
        let entries = act.operator().journal("kind=exchange&limit=1000").await;
        entries.iter().filter_map(|entry| entry["data"]["remark"].as_str().map(str::to_owned)).collect()
    };
    let lenient = "it is JSON only if single quotes, bare keys, comments or commas too many are allowed";
    assert_eq!(act.told(Method::PATCH, &id, "", "{'Quantity':'7',seats:1,}").await.0, 202);
    let told = format!("{lenient}; quantity is spelled Quantity; seats is not known, and ignored; quantity is a text");
    assert!(remarks().await.contains(&told), "{:?}", remarks().await);
    act.advances("PT1S").await;
    let operation = act.buyer_changes(&id, 9).await;
    assert_eq!(act.told(Method::PATCH, &id, &format!("/operations/{operation}"), "{status:'Success'}").await.0, 200);
    assert_eq!(act.reads(&id, "quantity").await, 9);
    let usage = json!({ "ResourceId": flat, "quantity": "2", "dimension": "mails", "effectiveStartTime": Act::start(), "planId": "growth" });
    assert_eq!(act.posts("usageEvent", &usage).await.status, 200);
    assert!(remarks().await.contains(&"resourceId is spelled ResourceId; quantity is a text".to_owned()));

    act.choose("json", "strict").await;
    for body in ["{'quantity':6}", r#"{"quantity":"6"}"#, r#"{"Quantity":6}"#, r#"{"quantity":6,"x":1}"#] {
        let (status, text) = act.told(Method::PATCH, &id, "", body).await;
        assert_eq!(status, 400, "{body}");
        assert_eq!(text, r#"{"code":"BadArgument","message":"The request is read strictly","target":"request"}"#);
    }
    assert_eq!(act.posts("usageEvent", &usage).await.status, 400);
    assert_eq!(act.posts("batchUsageEvent", &json!({ "Request": [usage] })).await.status, 400);
    assert_eq!(act.told(Method::PATCH, &id, "", r#"{"quantity":6}"#).await.0, 202);
}

async fn purchase_token(act: Act<'_>) {
    let bought = act.seats().await;
    for _ in 0..2 {
        act.contoso.resolve(&code(&bought)).await.expect(200);
    }
    act.choose("purchaseToken", "singleUse").await;
    let bought = act.seats().await;
    act.contoso.resolve(&code(&bought)).await.expect(200);
    let again = act.contoso.resolve(&code(&bought)).await;
    assert_eq!((again.status, &again.json()["code"]), (400, &json!("InvalidValue")));
    let refused = act.operator().journal("kind=codeRefused").await;
    assert_eq!(refused[0]["data"]["fault"]["fault"], "used", "{refused:?}");
}

async fn subscription_ids(act: Act<'_>) {
    let version = async || -> bool {
        let id = text(&act.seats().await, "id");
        id.as_bytes()[14] == b'4' && matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b')
    };
    let mut of_version_4 = 0;
    for _ in 0..20 {
        of_version_4 += u32::from(version().await);
    }
    assert!(of_version_4 < 20, "all of them are of version 4");
    act.choose("subscriptionIds", "version4").await;
    for _ in 0..20 {
        assert!(version().await);
    }
}

async fn quantity_form(act: Act<'_>) {
    let (seats, flat) = (act.seats().await, act.flat_rate().await);
    let (seats, flat) = (text(&seats, "id"), text(&flat, "id"));
    assert_eq!((act.reads(&seats, "quantity").await, act.reads(&flat, "quantity").await), (json!(5), Value::Null));
    act.choose("quantityForm", "text").await;
    assert_eq!((act.reads(&seats, "quantity").await, act.reads(&flat, "quantity").await), (json!("5"), json!("")));
}

async fn ended_quantity(act: Act<'_>) {
    let id = act.active().await;
    act.does(Method::POST, &id, "cancellation", json!({})).await;
    assert_eq!(act.reads(&id, "quantity").await, 5);
    act.choose("endedQuantity", "removed").await;
    assert_eq!(act.reads(&id, "quantity").await, Value::Null);
    let active = act.active().await;
    assert_eq!(act.reads(&active, "quantity").await, 5);
}

async fn allowed_operations(act: Act<'_>) {
    let (own, csp) = (text(&act.seats().await, "id"), text(&act.csp_seats().await, "id"));
    for (choice, order) in [
        ("order2024", json!(["Delete", "Read", "Update"])),
        ("order2021", json!(["Delete", "Update", "Read"])),
        ("documented", json!(["Read", "Update", "Delete"])),
    ] {
        act.choose("allowedOperations", choice).await;
        assert_eq!(act.reads(&own, "allowedCustomerOperations").await, order);
        assert_eq!(act.reads(&csp, "allowedCustomerOperations").await, json!(["Read"]));
    }
}

async fn csp_account(act: Act<'_>) {
    let csp = text(&act.csp_seats().await, "id");
    assert_eq!(act.reads(&csp, "sandboxType").await, "None");
    act.choose("cspAccount", "integrationSandbox").await;
    let (csp, own) = (text(&act.csp_seats().await, "id"), text(&act.seats().await, "id"));
    assert_eq!(
        (act.reads(&csp, "sandboxType").await, act.reads(&own, "sandboxType").await),
        (json!("Csp"), json!("None"))
    );
}

async fn resolved_term(act: Act<'_>) {
    let bought = act.seats().await;
    let resolved = act.contoso.resolve(&code(&bought)).await.expect(200);
    assert_eq!(resolved["subscription"]["term"], json!({ "termUnit": "P1M" }));
    act.choose("resolvedTerm", "absent").await;
    let resolved = act.contoso.resolve(&code(&bought)).await.expect(200);
    assert_eq!(resolved["subscription"].get("term"), None);
    assert_eq!(act.reads(&text(&bought, "id"), "term").await, json!({ "termUnit": "P1M" }));
}

async fn activate_body(act: Act<'_>) {
    let id = text(&act.seats().await, "id");
    assert_eq!(
        act.told(Method::POST, &id, "/activate", r#"{"planId":"other","quantity":1}"#).await,
        (200, String::new())
    );
    act.choose("activateBody", "checked").await;
    let id = text(&act.seats().await, "id");
    let missing = r#"{"code":"BadArgument","message":"One or more errors have occurred","target":"activate","details":[{"code":"RequiredField","message":"The plan id is required","target":"plan id"}]}"#;
    assert_eq!(act.told(Method::POST, &id, "/activate", "").await, (400, missing.to_owned()));
    for body in [r#"{"planId":"other"}"#, r#"{"planId":"team","quantity":4}"#] {
        assert_eq!(act.told(Method::POST, &id, "/activate", body).await.0, 400, "{body}");
    }
    assert_eq!(act.told(Method::POST, &id, "/activate", r#"{"planId":"team","quantity":"5"}"#).await.0, 200);
}

async fn activate_again(act: Act<'_>) {
    let id = act.active().await;
    assert_eq!(act.told(Method::POST, &id, "/activate", "").await, (200, String::new()));
    act.choose("activateAgain", "refused").await;
    assert_eq!(act.told(Method::POST, &id, "/activate", "").await.0, 400);
    assert_eq!(act.reads(&id, "saasSubscriptionStatus").await, "Subscribed");
}

async fn list_pages(act: Act<'_>) {
    let mut bought = Vec::new();
    for _ in 0..12 {
        bought.push(text(&act.seats().await, "id"));
    }
    let first = act.contoso.lists().await.expect(200);
    assert_eq!((first["subscriptions"].as_array().unwrap().len(), first.get("@nextLink")), (12, None));
    act.choose("listPages", "irregular").await;
    let (mut found, mut lengths, mut next) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let page = match &next {
            None => act.contoso.lists().await,
            Some(link) => send(act.contoso.raw(Method::GET, link)).await,
        };
        let page = page.expect(200);
        let rows = page["subscriptions"].as_array().unwrap().clone();
        lengths.push(rows.len());
        found.extend(rows.iter().map(|row| text(row, "id")));
        next = page.get("@nextLink").map(|link| link.as_str().unwrap().to_owned());
        if next.is_none() {
            break;
        }
    }
    found.sort_unstable();
    bought.sort_unstable();
    assert_eq!(found, bought);
    assert!(lengths.len() > 3 && lengths.iter().any(|length| length != &lengths[0]), "{lengths:?}");
}

async fn last_next_link(act: Act<'_>) {
    act.seats().await;
    assert_eq!(act.contoso.lists().await.expect(200).get("@nextLink"), None);
    act.choose("lastNextLink", "empty").await;
    assert_eq!(act.contoso.lists().await.expect(200)["@nextLink"], "");
}

async fn empty_list(act: Act<'_>) {
    assert_eq!(act.contoso.lists().await.text, r#"{"subscriptions":[]}"#);
    act.choose("emptyList", "emptyBody").await;
    let none = act.contoso.lists().await;
    assert_eq!((none.status, none.text.as_str()), (200, ""));
    act.seats().await;
    assert_eq!(act.contoso.lists().await.expect(200)["subscriptions"].as_array().unwrap().len(), 1);
}

async fn plans_of_unknown(act: Act<'_>) {
    for (choice, status, body) in [
        ("emptyList", 200, r#"{"plans":[]}"#.to_owned()),
        ("emptyBody", 200, String::new()),
        ("notFound", 404, unknown()),
    ] {
        act.choose("plansOfUnknown", choice).await;
        assert_eq!(act.told(Method::GET, NOBODY, "/listAvailablePlans", "").await, (status, body), "{choice}");
    }
}

async fn stop_sell_plans(act: Act<'_>) {
    let id = text(&act.seats().await, "id");
    let plans = async || -> Vec<bool> {
        let plans = act.calls(Method::GET, &id, "/listAvailablePlans", "").await.expect(200);
        plans["plans"].as_array().unwrap().iter().map(|plan| plan["isStopSell"].as_bool().unwrap()).collect()
    };
    assert!(plans().await.contains(&true));
    act.choose("stopSellPlans", "hidden").await;
    let shown = plans().await;
    assert!(!shown.contains(&true) && !shown.is_empty());
}

async fn link_host(act: Act<'_>) {
    let id = act.active().await;
    let location = async |quantity: u32| -> String {
        let reply = act.calls(Method::PATCH, &id, "", &json!({ "quantity": quantity }).to_string()).await;
        act.advances("PT1S").await;
        reply.header("operation-location").unwrap().to_owned()
    };
    assert!(location(6).await.starts_with(&act.world.base_url));
    act.choose("linkHost", "another").await;
    let elsewhere = location(7).await;
    assert!(elsewhere.starts_with(&act.world.base_url.replace("127.0.0.1", "localhost")), "{elsewhere}");
    assert_eq!(send(act.contoso.raw(Method::GET, &elsewhere)).await.expect(200)["status"], "Succeeded", "it answers");
}

async fn activation(act: Act<'_>) {
    act.delays("live").await;
    let id = text(&act.seats().await, "id");
    for _ in 0..2 {
        assert_eq!(act.told(Method::POST, &id, "/activate", "").await, (200, String::new()));
    }
    act.advances("PT29S").await;
    assert_eq!(act.reads(&id, "saasSubscriptionStatus").await, "PendingFulfillmentStart");
    assert_eq!(act.reads(&id, "term").await, json!({ "termUnit": "P1M" }));
    act.advances("PT1S").await;
    assert_eq!(act.reads(&id, "saasSubscriptionStatus").await, "Subscribed");
    assert!(act.heard(&id).is_empty(), "an activation is not told");
    act.delays("brief").await;
    let id = act.active().await;
    assert_eq!(act.reads(&id, "saasSubscriptionStatus").await, "Subscribed");
}

async fn terms_stay(act: Act<'_>) {
    let (never, once) = (text(&act.seats().await, "id"), act.active().await);
    let dates = act.reads(&once, "term").await;
    for id in [&never, &once] {
        act.does(Method::POST, id, "cancellation", json!({})).await;
    }
    assert_eq!(act.reads(&never, "term").await, json!({ "termUnit": "P1M" }));
    assert_eq!(act.reads(&once, "term").await, dates);
    assert_eq!(dates["startDate"], "2026-01-01T00:00:00Z");
}

fn unknown() -> String {
    format!(r#"{{"code":"EntityNotFound","message":"Subscription {NOBODY} not found","target":"subscriptionId"}}"#)
}

async fn unknown_subscription(act: Act<'_>) {
    assert_eq!(act.told(Method::GET, NOBODY, "", "").await, (404, unknown()));
}

async fn last_modified(act: Act<'_>) {
    let id = act.active().await;
    assert_eq!(act.reads(&id, "lastModified").await, "0001-01-01T00:00:00");
    act.buyer_changes(&id, 8).await;
    assert_eq!(act.last_heard(&id)["subscription"]["lastModified"], Act::start());
}

async fn undocumented_calls(act: Act<'_>) {
    for path in ["/api/saas/operations?api-version=2018-08-31", "/api?api-version=2018-08-31"] {
        let reply = send(act.contoso.raw(Method::GET, path)).await;
        assert_eq!((reply.status, reply.text.as_str()), (404, ""), "{path}");
    }
}

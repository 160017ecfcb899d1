//! The fulfillment API where it says yes: bodies key for key, headers, paths, pages, and calls that come at once.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use rehearsal::cli::wiring::ServerOptions;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Reply, VERSION, World, code, masked, send, text};

const BENEFICIARY: &str = r#""beneficiary":{"emailId":"nora.lindqvist@northwind.example","objectId":"<guid>","tenantId":"<guid>","puid":"<puid>"}"#;
const PURCHASER: &str = r#""purchaser":{"emailId":"priya.sharma@proseware.example","objectId":"<guid>","tenantId":"<guid>","puid":"<puid>"}"#;

/// The subscription object of the flat rate or of the five seats that the buyer buys, as it was recorded.
fn recorded(is_flat: bool, status: &str, term: &str) -> String {
    let (offer, name, plan, quantity) = if is_flat {
        ("contoso-mail", "Contoso Mail Relay", "growth", "")
    } else {
        ("contoso-crm", "Contoso CRM", "team", r#""quantity":5,"#)
    };
    format!(
        r#"{{"id":"<guid>","publisherId":"contoso","offerId":"{offer}","name":"{name}","saasSubscriptionStatus":"{status}",{BENEFICIARY},{PURCHASER},"planId":"{plan}","term":{term},"autoRenew":true,"isTest":false,"isFreeTrial":false,"allowedCustomerOperations":["Read"],"sandboxType":"None","created":"2026-01-01T09:00:00Z","lastModified":"0001-01-01T00:00:00",{quantity}"sessionMode":"None"}}"#
    )
}

const NO_DATES: &str = r#"{"termUnit":"P1M"}"#;
const JANUARY: &str = r#"{"startDate":"2026-01-01T00:00:00Z","endDate":"2026-01-31T00:00:00Z","termUnit":"P1M"}"#;

#[tokio::test]
async fn resolve_tells_what_was_bought_key_for_key() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let seats = world.buyer().buys_seats().await;
    let reply = contoso.resolve(&code(&seats)).await;
    assert_eq!((reply.status, text(&reply.json(), "id")), (200, text(&seats, "id")));
    let object = recorded(false, "PendingFulfillmentStart", NO_DATES);
    let expected = format!(
        r#"{{"id":"<guid>","subscriptionName":"Contoso CRM","offerId":"contoso-crm","planId":"team","quantity":5,"subscription":{object}}}"#
    );
    assert_eq!(masked(&reply.text), expected);

    let flat = world.buyer().buys_flat_rate().await;
    let reply = contoso.resolve(&code(&flat)).await;
    let object = recorded(true, "PendingFulfillmentStart", NO_DATES);
    let expected = format!(
        r#"{{"id":"<guid>","subscriptionName":"Contoso Mail Relay","offerId":"contoso-mail","planId":"growth","subscription":{object}}}"#
    );
    assert_eq!(masked(&reply.text), expected);
}

#[tokio::test]
async fn a_subscription_has_dates_once_it_is_activated() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    for (bought, is_flat) in [(world.buyer().buys_seats().await, false), (world.buyer().buys_flat_rate().await, true)] {
        let id = text(&bought, "id");
        let before = contoso.get(&id).await;
        assert_eq!(masked(&before.text), recorded(is_flat, "PendingFulfillmentStart", NO_DATES));
        let activated = contoso.activate(&id).await;
        assert_eq!((activated.status, activated.text.as_str()), (200, ""));
        assert_eq!(activated.header("content-length"), Some("0"));
        let after = contoso.get(&id).await;
        assert_eq!(masked(&after.text), recorded(is_flat, "Subscribed", JANUARY));
        let resolved = contoso.resolve(&code(&bought)).await.expect(200);
        assert_eq!(resolved["subscription"], after.json(), "resolve works in every status");
    }
}

/// What is read again and again is remembered; whoever has been told of a change has to see it all the same.
#[tokio::test]
async fn a_subscription_that_was_read_often_is_read_anew_after_a_change() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let id = text(&world.buyer().buys_seats().await, "id");
    let shown = async || {
        let first = contoso.get(&id).await.text;
        for _ in 0..3 {
            assert_eq!(contoso.get(&id).await.text, first, "nothing has happened in between");
        }
        first
    };
    assert_eq!(masked(&shown().await), recorded(false, "PendingFulfillmentStart", NO_DATES));
    contoso.activate(&id).await.expect_text(200, "");
    assert_eq!(masked(&shown().await), recorded(false, "Subscribed", JANUARY));
    for auto_renew in [false, true, false] {
        let renewal = json!({ "autoRenew": auto_renew });
        let path = format!("/sandboxes/stage/subscriptions/{id}/renewal");
        world.control(Method::PUT, &path, Some(renewal)).await.expect(200);
        let now = recorded(false, "Subscribed", JANUARY)
            .replace(r#""autoRenew":true"#, &format!(r#""autoRenew":{auto_renew}"#));
        assert_eq!(masked(&shown().await), now);
    }
}

#[tokio::test]
async fn activate_takes_every_form_of_body() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    for body in ["", "{}", r#"{"planId":"team","quantity":"5"}"#, r#"{"planId":"team","quantity":5}"#, "nonsense"] {
        let id = text(&world.buyer().buys_seats().await, "id");
        let request = contoso.request(Method::POST, &format!("/subscriptions/{id}/activate"));
        let reply = send(request.header("content-type", "application/json").body(body)).await;
        assert_eq!(reply.status, 200, "{body}");
    }
}

#[tokio::test]
async fn a_second_activation_is_fine_and_changes_nothing() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let id = text(&world.buyer().buys_seats().await, "id");
    contoso.reports(&id, 5).await.expect(200);
    for _ in 0..2 {
        assert_eq!(contoso.activate(&id).await.status, 200);
        world.operator().advances("PT10M").await;
    }
    let facts = world.operator().journal(&format!("subscription={id}&kind=activated,billingStarted,charged")).await;
    let kinds: Vec<&str> = facts.iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["activated", "billingStarted", "charged"]);
    assert_eq!(world.operator().subscription(&id).await["billing"]["since"], "2026-01-01T09:00:00Z");
}

#[tokio::test]
async fn a_list_without_subscriptions_is_empty_and_others_are_not_in_it() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    assert_eq!(contoso.lists().await.text, r#"{"subscriptions":[]}"#);
    world.buyer().buys("woodgrove", "fabrikam-vault", "teams", Some(2)).await;
    assert_eq!(contoso.lists().await.text, r#"{"subscriptions":[]}"#);
    world.buyer().buys_seats().await;
    let expected = format!(r#"{{"subscriptions":[{}]}}"#, recorded(false, "PendingFulfillmentStart", NO_DATES));
    assert_eq!(masked(&contoso.lists().await.text), expected);
    assert_eq!(world.publisher("fabrikam").await.lists().await.json()["subscriptions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn pages_follow_each_other_without_doubles_and_gaps() {
    let world = World::start().await;
    let mut bought = BTreeSet::new();
    let buyer = world.buyer();
    for number in [1, 90, 9, 1, 1, 128] {
        // At one instant, so that many of them are stored together.
        let at_once = join_all((0..number).map(|_| buyer.buys_flat_rate())).await;
        bought.extend(at_once.iter().map(|one| text(one, "id")));
        world.operator().advances("PT1M").await;
        buyer.buys("woodgrove", "fabrikam-vault", "teams", Some(2)).await;
    }
    let contoso = world.publisher("contoso").await;
    let mut sizes = Vec::new();
    let mut listed = Vec::new();
    let mut next = Some(format!("/api/saas/subscriptions?{VERSION}"));
    while let Some(link) = next {
        let page = send(contoso.raw(Method::GET, &link)).await.expect(200);
        let subscriptions = page["subscriptions"].as_array().unwrap();
        sizes.push(subscriptions.len());
        listed.extend(subscriptions.iter().map(|subscription| text(subscription, "id")));
        next = page.get("@nextLink").map(|link| link.as_str().unwrap().to_owned());
        let start = format!("{}/api/saas/subscriptions/?continuationToken=%5b%7b%22token", world.base_url);
        assert!(next.iter().all(|link| link.starts_with(&start) && link.ends_with(VERSION)), "{next:?}");
    }
    assert_eq!(sizes, [100, 100, 30]);
    assert_eq!(listed.len(), bought.len());
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), bought);
}

#[tokio::test]
async fn plans_are_told_key_for_key() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let mail = text(&world.buyer().buys_flat_rate().await, "id");
    let plans = send(contoso.raw(Method::GET, &plans_path(&mail, "&planId=growth"))).await;
    let expected = concat!(
        r#"{"plans":[{"planId":"growth","displayName":"Growth","isPrivate":false,"description":"10,000 mails a month included, more as you need them.","#,
        r#""hasFreeTrials":false,"isPricePerSeat":false,"isStopSell":false,"market":"US","planComponents":{"recurrentBillingTerms":["#,
        r#"{"currency":"USD","price":79.0,"termUnit":"P1M","termDescription":"1 Month Subscription","meteredQuantityIncluded":[{"dimensionId":"mails","units":"10"},{"dimensionId":"validations","units":"0"}]},"#,
        r#"{"currency":"USD","price":790.0,"termUnit":"P1Y","termDescription":"1 Year Subscription","meteredQuantityIncluded":[{"dimensionId":"mails","units":"120"},{"dimensionId":"validations","units":"0"}]}],"#,
        r#""meteringDimensions":[{"id":"mails","currency":"USD","pricePerUnit":0.8,"unitOfMeasure":"per 1,000 mails","displayName":"Mails sent"},"#,
        r#"{"id":"validations","currency":"USD","pricePerUnit":0.0045,"unitOfMeasure":"per address","displayName":"Addresses validated"}]}}]}"#,
    );
    assert_eq!(plans.text, expected);

    let crm = text(&world.buyer().buys_seats().await, "id");
    let plans = send(contoso.raw(Method::GET, &plans_path(&crm, "&planId=team"))).await;
    let expected = concat!(
        r#"{"plans":[{"planId":"team","displayName":"Team","isPrivate":false,"description":"Shared pipelines and reports for 5 to 50 people.","#,
        r#""minQuantity":5,"maxQuantity":50,"hasFreeTrials":false,"isPricePerSeat":true,"isStopSell":false,"market":"US","planComponents":{"recurrentBillingTerms":["#,
        r#"{"currency":"USD","price":24.5,"termUnit":"P1M","termDescription":"1 Month Subscription"},"#,
        r#"{"currency":"USD","price":264.0,"termUnit":"P1Y","termDescription":"1 Year Subscription"}],"meteringDimensions":[]}}]}"#,
    );
    assert_eq!(plans.text, expected);
}

#[tokio::test]
async fn private_plans_are_for_their_audience_and_unsold_plans_stay_listed() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let listed = async |id: &str| {
        let plans = send(contoso.raw(Method::GET, &plans_path(id, ""))).await.expect(200);
        plans["plans"].as_array().unwrap().iter().map(|plan| text(plan, "planId")).collect::<Vec<_>>()
    };
    let northwind = text(&world.buyer().buys_seats().await, "id");
    assert_eq!(listed(&northwind).await, ["starter", "team", "business", "classic"]);
    let invited = text(&world.buyer().buys("adventure-works", "contoso-crm", "team", Some(5)).await, "id");
    assert_eq!(listed(&invited).await, ["starter", "team", "business", "enterprise-aw", "classic"]);
    let unknown = send(contoso.raw(Method::GET, &plans_path("0e1d2c3b-4a59-6877-8695-a4b3c2d1e0f9", ""))).await;
    assert_eq!((unknown.status, unknown.text.as_str()), (200, r#"{"plans":[]}"#));
}

fn plans_path(id: &str, query: &str) -> String {
    format!("/api/saas/subscriptions/{id}/listAvailablePlans?{VERSION}{query}")
}

#[tokio::test]
async fn every_answer_has_the_recorded_headers() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let bought = world.buyer().buys_seats().await;
    let id = text(&bought, "id");
    let answers: BTreeMap<&str, Reply> = [
        ("get", contoso.get(&id).await),
        ("list", contoso.lists().await),
        ("plans", send(contoso.raw(Method::GET, &plans_path(&id, ""))).await),
        ("resolve", contoso.resolve(&code(&bought)).await),
        ("activate", contoso.activate(&id).await),
        ("refused code", contoso.resolve("nonsense").await),
        ("no version", send(contoso.raw(Method::GET, "/api/saas/subscriptions")).await),
        ("no token", world.get(&format!("/api/saas/subscriptions?{VERSION}")).await),
        ("no path", send(contoso.request(Method::GET, "/nothing")).await),
    ]
    .into();
    for (name, reply) in &answers {
        let guid = |header| reply.header(header).unwrap_or_else(|| panic!("{name}: no {header}")).to_owned();
        assert_eq!(guid("x-ms-requestid"), guid("x-ms-correlationid"), "{name}");
        assert_ne!(guid("x-ms-requestid"), guid("x-ms-activityid"), "{name}");
        assert_eq!(masked(&guid("x-ms-requestid")), "<guid>", "{name}");
        assert_eq!(reply.header("x-powered-by"), Some("ASP.NET"), "{name}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{name}");
        assert!(reply.header("date").is_some() && reply.header("content-length").is_some(), "{name}");
        let json = (!reply.text.is_empty()).then_some("application/json; charset=utf-8");
        assert_eq!(reply.header("content-type"), json, "{name}");
        let is_read = matches!(*name, "get" | "list" | "plans");
        let etag = reply.header("etag").map(masked);
        assert_eq!(etag.as_deref(), is_read.then_some("\"<guid>\""), "{name}");
    }
    assert_ne!(answers["get"].header("etag"), contoso.get(&id).await.header("etag"), "new each time");
}

#[tokio::test]
async fn the_callers_own_ids_come_back() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let list = || contoso.request(Method::GET, "/subscriptions");
    let both = send(list().header("x-ms-requestid", "my-request").header("x-ms-correlationid", "my-story")).await;
    assert_eq!(both.header("x-ms-requestid"), Some("my-request"));
    assert_eq!(both.header("x-ms-correlationid"), Some("my-story"));
    let one = send(list().header("x-ms-correlationid", "my-story")).await;
    assert_eq!(one.header("x-ms-correlationid"), Some("my-story"));
    assert_eq!(one.header("x-ms-requestid").map(masked).as_deref(), Some("<guid>"));
    let azure =
        send(list().header("x-ms-client-request-id", "x").header("x-ms-return-client-request-id", "true")).await;
    assert_eq!(azure.header("x-ms-client-request-id"), None);
}

#[tokio::test]
async fn paths_and_query_names_are_read_whatever_their_case() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let bought = world.buyer().buys_seats().await;
    let id = text(&bought, "id");
    for path in [
        format!("/api/saas/subscriptions/?{VERSION}"),
        "/API/SaaS/Subscriptions?API-Version=2018-08-31".to_owned(),
        format!("/api/saas/subscriptions/{}?{VERSION}", id.to_uppercase()),
        format!("/api/saas/subscriptions/{id}/?{VERSION}"),
        format!("/api/saas/Subscriptions/{id}/LISTAVAILABLEPLANS/?{VERSION}&PlanID=team"),
    ] {
        assert_eq!(send(contoso.raw(Method::GET, &path)).await.status, 200, "{path}");
    }
    let resolve = contoso.raw(Method::POST, &format!("/api/saas/subscriptions/Resolve/?{VERSION}"));
    assert_eq!(send(resolve.header("X-MS-Marketplace-Token", code(&bought))).await.status, 200);
    let activate = contoso.raw(Method::POST, &format!("/api/saas/subscriptions/{id}/Activate/?{VERSION}"));
    assert_eq!(send(activate).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_at_once_make_one_activation_and_one_charge() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let bought = world.buyer().buys_seats().await;
    let (id, code) = (text(&bought, "id"), code(&bought));
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (contoso, id, code) = (contoso.clone(), id.clone(), code.clone());
            tokio::spawn(async move {
                let resolved = contoso.resolve(&code).await.status;
                let reported = contoso.reports(&id, 4).await.status;
                [resolved, reported, contoso.activate(&id).await.status]
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), [200, 200, 200]);
    }
    let facts = world.operator().journal(&format!("subscription={id}&limit=1000")).await;
    let count = |kind: &str| facts.iter().filter(|entry| entry["kind"] == kind).count();
    for kind in ["licensesAssigned", "activated", "billingStarted", "charged"] {
        assert_eq!(count(kind), 1, "{kind}");
    }
    let ledger = &world.operator().subscription(&id).await["ledger"];
    assert_eq!(ledger.as_array().map(Vec::len), Some(1));
    assert_eq!(ledger[0]["amount"]["amount"], "122.50");
}

#[tokio::test]
async fn relaxed_authentication_acts_as_a_publisher_and_still_refuses_a_bad_token() {
    let act_as = Some("fabrikam".parse().unwrap());
    let world = World::start_with(ServerOptions { relaxed: true, act_as, ..ServerOptions::default() }).await;
    let bought = world.buyer().buys_in("default", "woodgrove", "fabrikam-vault", "teams", Some(2)).await;
    let others = world.buyer().buys_in("default", "northwind", "contoso-mail", "growth", None).await;
    let path = |id: &Value| format!("/api/saas/subscriptions/{}?{VERSION}", id.as_str().unwrap());
    assert_eq!(world.get(&path(&bought["id"])).await.expect(200)["publisherId"], "fabrikam");
    assert_eq!(world.get(&path(&others["id"])).await.status, 403);
    let bad = world.request(Method::GET, &path(&bought["id"])).header("authorization", "Bearer nonsense");
    assert_eq!(send(bad).await.status, 403);
    let contoso = world.publisher_in("default", "contoso").await;
    assert_eq!(contoso.get(others["id"].as_str().unwrap()).await.status, 200, "a good token goes before");
}

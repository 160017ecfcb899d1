//! Subscriptions, and what is changed of them (E30 to E35).

use reqwest::Method;
use serde_json::{Value, json};

use super::{publisher_activates, refused};
use crate::world::{Reply, World, send, text};

/// E30, E31, section 7.2: the resource, in the field order of real answers.
#[tokio::test]
async fn a_subscription_is_told_as_the_real_one() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let (customer, id) = partner.has_bought().await;
    publisher_activates(&world, &id).await;
    let reply = partner.get(&format!("/customers/{customer}/subscriptions/{id}")).await;
    let found = reply.expect(200);
    let order = [
        "\"id\"",
        "\"offerId\"",
        "\"offerName\"",
        "\"friendlyName\"",
        "\"productType\"",
        "\"quantity\"",
        "\"unitType\"",
        "\"hasPurchasableAddons\"",
        "\"creationDate\"",
        "\"effectiveStartDate\"",
        "\"commitmentEndDate\"",
        "\"status\"",
        "\"autoRenewEnabled\"",
        "\"isTrial\"",
        "\"billingType\"",
        "\"billingCycle\"",
        "\"termDuration\"",
        "\"renewalTermDuration\"",
        "\"refundOptions\"",
        "\"isMicrosoftProduct\"",
        "\"partnerId\"",
        "\"attentionNeeded\"",
        "\"actionTaken\"",
        "\"contractType\"",
        "\"links\"",
        "\"publisherName\"",
        "\"orderId\"",
        "\"attributes\"",
    ];
    let places: Vec<usize> =
        order.iter().map(|name| reply.text.rfind(&format!("{name}:")).unwrap_or(usize::MAX)).collect();
    let firsts: Vec<usize> =
        order.iter().map(|name| reply.text.find(&format!("{name}:")).unwrap_or(usize::MAX)).collect();
    assert!(firsts[1..].is_sorted() && places.iter().all(|place| *place != usize::MAX), "{}", reply.text);
    let shown = ["status", "quantity", "unitType", "billingCycle", "termDuration", "partnerId", "friendlyName"];
    let values: Vec<&Value> = shown.iter().map(|name| &found[*name]).collect();
    assert_eq!(
        values,
        ["active", "5", "License(s)", "monthly", "P1M", "", "Ours"]
            .map(|text| text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)))
            .iter()
            .collect::<Vec<_>>()
    );
    assert_eq!(found["effectiveStartDate"], "2026-01-01T09:00:00.0000000+00:00");
    assert_eq!(found["commitmentEndDate"], "2026-02-01T00:00:00.0000000+00:00");
    assert_eq!(found["refundOptions"], json!([{ "type": "Full", "expiresAt": "2026-01-04T09:00:00.0000000+00:00" }]));

    let list = |query: &str| {
        let path = format!("/customers/{customer}/subscriptions{query}");
        let partner = partner.clone();
        async move { partner.get(&path).await.expect(200) }
    };
    let all = list("").await;
    assert_eq!((&all["items"][0], all.get("links")), (&found, None));
    assert_eq!(list(&format!("?order_id={}", text(&found, "orderId"))).await["totalCount"], 1);
    assert_eq!(list("?mpn_id=4847383").await["totalCount"], 0);
    let path = format!("/customers/{customer}/subscriptions?order_id=000000000000");
    assert_eq!(refused(&partner.get(&path).await, 404), 20_000);
    let missing = format!("/customers/{customer}/subscriptions/7d9c0a52-1f3e-4c8b-9a60-2b5f4e8c1d01");
    assert_eq!(refused(&partner.get(&missing).await, 404), 20_003);
    world.stop().await;
}

/// E32: nickname and reseller before activation; seats only after it, and only when the publisher agrees (S8, S9, S12, S13).
#[tokio::test(flavor = "multi_thread")]
async fn a_partner_changes_what_it_has_bought() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let (customer, id) = partner.has_bought().await;
    let changed =
        partner.changes(&customer, &id, &json!({ "friendlyName": "HQ", "partnerId": "4847383" })).await.expect(200);
    assert_eq!((&changed["friendlyName"], &changed["partnerId"]), (&json!("HQ"), &json!("4847383")));
    let list = partner.get(&format!("/customers/{customer}/subscriptions?mpn_id=4847383")).await.expect(200);
    assert_eq!(list["totalCount"], 1);
    let code = |reply: &Reply| refused(reply, 400);
    assert_eq!(code(&partner.changes(&customer, &id, &json!({ "quantity": 8 })).await), 800_081);
    assert_eq!(code(&partner.changes(&customer, &id, &json!({ "status": "deleted" })).await), 800_081);
    publisher_activates(&world, &id).await;

    // The publisher is told first: 202, and nothing has changed yet.
    let reply = partner.changes(&customer, &id, &json!({ "quantity": 8 })).await;
    assert_eq!((reply.status, reply.text.as_str()), (202, ""));
    assert_eq!(reply.header("location"), Some(format!("/customers/{customer}/subscriptions/{id}").as_str()));
    assert_eq!(partner.subscription(&customer, &id).await["quantity"], 5);
    assert_eq!(refused(&partner.changes(&customer, &id, &json!({ "quantity": 9 })).await, 409), 800_082);
    world.operator().advances("PT1M").await;
    assert_eq!(partner.subscription(&customer, &id).await["quantity"], 8);

    // It refuses: nothing changes.
    world.publisher_refuses().await;
    assert_eq!(partner.changes(&customer, &id, &json!({ "quantity": 9 })).await.status, 202);
    world.operator().advances("PT1M").await;
    assert_eq!(partner.subscription(&customer, &id).await["quantity"], 8);
    let table = [
        (json!({ "quantity": 51 }), 2002),
        (json!({ "quantity": 4 }), 2002),
        (json!({ "quantity": 0 }), 2002),
        (json!({ "quantity": -3 }), 2002),
        (json!({ "quantity": 8.5 }), 3000),
        (json!({ "friendlyName": "é".repeat(129) }), 3000),
        (json!({ "quantity": "many" }), 3000),
        (json!({ "partnerId": "x" }), 3000),
        (json!({ "status": "suspended", "quantity": 9 }), 2001),
        (json!({ "status": "deleted", "quantity": 9 }), 2011),
        (json!({ "billingCycle": "annual" }), 800_097),
        (json!({ "status": "expired" }), 800_096),
        (json!({ "autoRenewEnabled": "perhaps" }), 3000),
        (json!({ "id": "7d9c0a52-1f3e-4c8b-9a60-2b5f4e8c1d01" }), 3000),
    ];
    for (change, expected) in table {
        assert_eq!(code(&partner.changes(&customer, &id, &change).await), expected, "{change}");
    }
    let many = partner.changes(&customer, &id, &json!({ "quantity": 51 })).await;
    assert_eq!(many.json()["description"], "Plan Team ends at 50 seats; 51 are too many.");
    // Section 1.7: a number that nobody has, and the provider's own, which is no reseller's.
    for (mpn_id, expected) in [("1111111", 800_015), ("1234567", 2072)] {
        let reply = partner.changes(&customer, &id, &json!({ "partnerId": mpn_id })).await;
        assert_eq!(refused(&reply, 404), expected, "{mpn_id}");
    }
    let now = partner.subscription(&customer, &id).await;
    assert_eq!((&now["status"], &now["quantity"]), (&json!("active"), &json!(8)));
    world.stop().await;
}

/// Sections 1.4 and 7.4: an etag is read before it is used; a body that leaves auto-renew out switches it off.
#[tokio::test]
async fn a_stale_etag_is_refused_and_a_missing_renewal_is_switched_off() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let (customer, id) = partner.has_bought().await;
    publisher_activates(&world, &id).await;
    let path = format!("/customers/{customer}/subscriptions/{id}");
    let old = text(&partner.subscription(&customer, &id).await["attributes"], "etag");
    partner.changes(&customer, &id, &json!({ "friendlyName": "HQ" })).await.expect(200);
    // A link that is asked for again is no change.
    let (path_of_links, edition) = (format!("{path}/activationlinks"), async || {
        text(&partner.subscription(&customer, &id).await["attributes"], "etag")
    });
    let before = edition().await;
    world.set_rules(json!({ "activationLink": "always" })).await;
    world.operator().advances("PT25H").await;
    let partner = world.partner("proseware").await;
    let links = partner.get(&path_of_links).await.expect(200);
    assert_eq!(
        (&links["totalCount"], text(&partner.subscription(&customer, &id).await["attributes"], "etag")),
        (&json!(1), before)
    );
    let with = |etag: String| {
        let body = json!({ "Id": id, "FriendlyName": "Late", "AutoRenewEnabled": true });
        send(partner.request(Method::PATCH, &path).header("If-Match", etag).json(&body))
    };
    assert_eq!(refused(&with(format!("\"{old}\"")).await, 400), 2055);
    assert_eq!(refused(&with("\"nonsense\"".to_owned()).await, 400), 2055);
    with("\"\"".to_owned()).await.expect(200);
    let new = text(&partner.subscription(&customer, &id).await["attributes"], "etag");
    with(format!("\"{new}\"")).await.expect(200);
    let in_body = json!({ "FriendlyName": "x", "AutoRenewEnabled": true, "Attributes": { "Etag": old } });
    assert_eq!(refused(&partner.patch(&path, &in_body).await, 400), 2055);
    assert_eq!(partner.patch(&path, &json!({ "friendlyName": "y" })).await.expect(200)["autoRenewEnabled"], false);
    assert_eq!(
        partner.changes(&customer, &id, &json!({ "autoRenewEnabled": true })).await.expect(200)["autoRenewEnabled"],
        true
    );
    world.stop().await;
}

/// Section 8: within the window everything comes back; afterwards it is refused, or ends with its term (S10, S11, S22, S23).
#[tokio::test]
async fn a_cancellation_has_its_window() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let (customer, id) = partner.has_bought().await;
    publisher_activates(&world, &id).await;
    let body = json!({ "status": "deleted", "autoRenewEnabled": false });
    let cancelled = partner.changes(&customer, &id, &body).await.expect(200);
    assert_eq!((&cancelled["status"], &cancelled["autoRenewEnabled"]), (&json!("deleted"), &json!(false)));
    assert!(cancelled["links"].get("activationLinks").is_none());
    let ledger = world.operator().subscription(&id).await["ledger"].clone();
    assert_eq!(ledger[1]["amount"]["amount"], "-122.50", "{ledger}");
    // Section 1.7: nothing of what is deleted is changed, whatever it is.
    for change in [
        json!({ "status": "active" }),
        json!({ "status": "deleted" }),
        json!({ "quantity": 6 }),
        json!({ "friendlyName": "Late" }),
        json!({ "partnerId": "4847383" }),
        json!({}),
    ] {
        assert_eq!(refused(&partner.changes(&customer, &id, &change).await, 400), 2011, "{change}");
    }
    assert_eq!(partner.subscription(&customer, &id).await["actions"], json!([]));

    let (_, late) = partner.has_bought().await;
    let actions = async || world.partner("proseware").await.subscription(&customer, &late).await["actions"].clone();
    assert_eq!(actions().await, json!(["edit"]), "not before it is activated");
    publisher_activates(&world, &late).await;
    assert_eq!(actions().await, json!(["edit", "cancel"]));
    world.operator().advances("P4D").await;
    assert_eq!(actions().await, json!(["edit"]), "the window is over");
    let partner = world.partner("proseware").await;
    assert_eq!(refused(&partner.changes(&customer, &late, &body).await, 400), 900_213);
    world.set_rules(json!({ "refundWindow": "older" })).await;
    assert_eq!(refused(&partner.changes(&customer, &late, &body).await, 400), 900_117);
    world.set_rules(json!({ "cspLateCancel": "atRenewal" })).await;
    assert_eq!(actions().await, json!(["edit", "cancel"]));
    let scheduled = partner.changes(&customer, &late, &body).await.expect(200);
    assert_eq!((&scheduled["status"], &scheduled["autoRenewEnabled"]), (&json!("active"), &json!(false)));
    assert_eq!(scheduled["actions"], json!(["edit"]), "it is scheduled");
    world.operator().advances("P30D").await;
    let partner = world.partner("proseware").await;
    assert_eq!(partner.subscription(&customer, &late).await["status"], "deleted");
    world.stop().await;
}

/// Section 7.4: suspended and active again.
#[tokio::test]
async fn a_partner_suspends_and_reactivates() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let (customer, id) = partner.has_bought().await;
    publisher_activates(&world, &id).await;
    let suspended = partner.changes(&customer, &id, &json!({ "status": "suspended" })).await.expect(200);
    assert_eq!((&suspended["status"], &suspended["suspensionReasons"]), (&json!("suspended"), &json!(["NonPayment"])));
    assert_eq!(refused(&partner.changes(&customer, &id, &json!({ "quantity": 8 })).await, 400), 2001);
    let reply = partner.changes(&customer, &id, &json!({ "status": "active" })).await;
    assert!(matches!(reply.status, 200 | 202), "{}", reply.text);
    world.operator().advances("PT1M").await;
    assert_eq!(partner.subscription(&customer, &id).await["status"], "active");
    world.stop().await;
}

/// E33 to E35: what third-party SaaS has not.
#[tokio::test]
async fn provisioning_registration_and_support_are_answered_as_far_as_they_go() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let person = partner.signed_in_as("adminAgent").await;
    let (customer, id) = partner.has_bought().await;
    let one = format!("/customers/{customer}/subscriptions/{id}");
    assert_eq!(refused(&person.get(&format!("{one}/provisioningstatus")).await, 404), 800_007);
    let registration = partner.get(&format!("{one}/registrationstatus")).await.expect(200);
    assert_eq!(registration["status"], "notregistered");
    assert_eq!(refused(&partner.post(&format!("{one}/registrations"), &Value::Null).await, 400), 800_042);
    partner.changes(&customer, &id, &json!({ "partnerId": "4847383" })).await.expect(200);
    let contact = person.get(&format!("{one}/supportcontact")).await.expect(200);
    assert_eq!((&contact["supportMpnId"], &contact["name"]), (&json!("4847383"), &json!("Fourth Coffee IT")));
    assert_eq!(refused(&partner.get(&format!("{one}/supportcontact")).await, 403), 900_329);
    assert_eq!(refused(&person.put(&format!("{one}/supportcontact"), &contact).await, 400), 800_042);
    world.stop().await;
}

/// Section 16.1: what the status is before activation is shown nowhere.
#[tokio::test]
async fn what_waits_for_its_publisher_is_active_or_pending() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let (customer, id) = partner.has_bought().await;
    let found = partner.subscription(&customer, &id).await;
    assert_eq!((&found["status"], &found["attentionNeeded"]), (&json!("active"), &json!(true)));
    assert!(found.get("effectiveStartDate").is_none());
    world.set_rules(json!({ "cspPendingStatus": "pending" })).await;
    assert_eq!(partner.subscription(&customer, &id).await["status"], "pending");
    world.stop().await;
}

//! Rows of webhooks and of the life cycle.

use reqwest::Method;
use serde_json::{Value, json};

use super::{super::Row, fact, rule};
use crate::{
    contract::stage::Act,
    world::{masked, text},
};

pub(in crate::contract) const ROWS: &[Row] = &[
    rule!("Q12", "webhookRefusal", webhook_refusal),
    rule!("Q13", "reinstatement", reinstatement),
    rule!("Q24", "webhookQuantity", webhook_quantity),
    fact!("Q25", "Webhooks write `null` where the other calls leave a key out.", nulls),
    rule!("6.2", "webhookPayload", webhook_payload),
    rule!("6.3", "webhookToken", webhook_token),
    rule!("6.4", "webhookSending", webhook_sending),
    rule!("Q37", "refundWindow", refund_window),
    rule!("Q41", "suspendedTold", suspended_told),
    rule!("Q42", "revertWebhook", revert_webhook),
    rule!("7.1", "pendingCancellation", pending_cancellation),
];

async fn webhook_refusal(act: Act<'_>) {
    let id = act.active().await;
    act.webhook.answers(400);
    let operation = act.buyer_changes(&id, 8).await;
    assert_eq!(act.status(&id, &operation).await, "Failed");
    act.choose("webhookRefusal", "retried").await;
    let operation = act.buyer_changes(&id, 8).await;
    assert_eq!(act.status(&id, &operation).await, "InProgress");
    let calls = act.heard(&id).len();
    act.webhook.answers(200);
    act.advances("PT1M").await;
    assert_eq!(act.heard(&id).len(), calls + 1);
    act.advances("PT10S").await;
    assert_eq!(act.status(&id, &operation).await, "Succeeded");
}

async fn reinstatement(act: Act<'_>) {
    let id = act.active().await;
    let suspended = async || {
        act.does(Method::POST, &id, "suspension", json!({})).await;
        text(&act.does(Method::POST, &id, "reinstatement", json!({})).await, "id")
    };
    let operation = suspended().await;
    assert_eq!(act.answers(&id, &operation, "Failure").await, (200, String::new()));
    act.advances("PT1S").await;
    assert_eq!(act.reads(&id, "saasSubscriptionStatus").await, "Subscribed", "whatever the publisher says");

    act.choose("reinstatement", "asked").await;
    let operation = suspended().await;
    act.advances("PT1M").await;
    assert_eq!(act.reads(&id, "saasSubscriptionStatus").await, "Suspended");
    act.answers(&id, &operation, "Failure").await;
    assert_eq!(
        (act.status(&id, &operation).await.as_str(), act.reads(&id, "saasSubscriptionStatus").await),
        ("Failed", json!("Suspended"))
    );
    let operation = text(&act.does(Method::POST, &id, "reinstatement", json!({})).await, "id");
    act.answers(&id, &operation, "Success").await;
    assert_eq!(act.reads(&id, "saasSubscriptionStatus").await, "Subscribed");
}

async fn webhook_quantity(act: Act<'_>) {
    let id = act.activated(&act.flat_rate().await).await;
    let told = async || {
        act.does(Method::POST, &id, "suspension", json!({})).await;
        let told = act.last_heard(&id);
        act.does(Method::POST, &id, "reinstatement", json!({})).await;
        act.advances("PT1S").await;
        (told.get("quantity").cloned(), told["subscription"].get("quantity").cloned())
    };
    assert_eq!(told().await, (Some(json!(1)), Some(Value::Null)));
    act.choose("webhookQuantity", "omitted").await;
    assert_eq!(told().await, (None, None));
}

async fn nulls(act: Act<'_>) {
    let id = act.active().await;
    act.buyer_changes(&id, 8).await;
    let told = act.last_heard(&id);
    assert_eq!(
        (told.get("purchaseToken"), told["subscription"]["term"].get("chargeDuration")),
        (Some(&Value::Null), Some(&Value::Null))
    );
    let term = act.reads(&id, "term").await;
    assert_eq!(term.get("chargeDuration"), None);
}

/// Keys, in their order; those of the subscription behind a dot.
fn keys(body: &Value) -> Vec<String> {
    let mut keys = Vec::new();
    for (key, value) in body.as_object().unwrap() {
        keys.push(key.clone());
        if key == "subscription" {
            keys.extend(value.as_object().unwrap().keys().map(|key| format!(".{key}")));
        }
    }
    keys
}

async fn webhook_payload(act: Act<'_>) {
    const ROOT: &str = "id activityId publisherId offerId planId quantity subscriptionId timeStamp action status operationRequestSource subscription";
    let id = act.active().await;
    for (quantity, choice, expected) in [
        (
            6,
            "current",
            format!(
                "{ROOT} .id .name .publisherId .offerId .planId .quantity .beneficiary .purchaser .allowedCustomerOperations .sessionMode .isFreeTrial .isTest .sandboxType .saasSubscriptionStatus .term .autoRenew .created .lastModified purchaseToken"
            ),
        ),
        (
            7,
            "autumn2021",
            format!(
                "{ROOT} .id .publisherId .offerId .name .saasSubscriptionStatus .beneficiary .purchaser .planId .term .autoRenew .isTest .isFreeTrial .allowedCustomerOperations .sessionId .fulfillmentId .legacySubscriptionId .sandboxType .created .lastModified .isBlending .tags .quantity .sessionMode purchaseToken"
            ),
        ),
        (8, "may2021", format!("{ROOT} .id .publisherId .offerId .name purchaseToken")),
        (9, "thin", "id activityId operationRequestSource subscriptionId timeStamp action".to_owned()),
        (
            10,
            "flat2019",
            "id activityId subscriptionId offerId publisherId planId quantity timeStamp action status".to_owned(),
        ),
    ] {
        act.choose("webhookPayload", choice).await;
        let operation = act.buyer_changes(&id, quantity).await;
        let told = act.last_heard(&id);
        assert_eq!(keys(&told).join(" "), expected, "{choice}");
        assert_eq!((&told["id"], &told["action"]), (&json!(operation), &json!("ChangeQuantity")), "{choice}");
        if choice == "autumn2021" {
            let person = masked(&told["subscription"]["beneficiary"].to_string());
            assert!(
                person.ends_with(r#""groupIds":null,"iss":null,"idp":null,"altsecid":null,"CLIENT-IP":null}"#),
                "{person}"
            );
        }
        act.advances("PT10S").await;
        assert_eq!(act.reads(&id, "quantity").await, quantity, "it happens, whatever is told");
    }
}

async fn webhook_token(act: Act<'_>) {
    let id = act.active().await;
    let claims = async |quantity: u32| {
        act.buyer_changes(&id, quantity).await;
        act.advances("PT10S").await;
        let token = act.heard(&id).pop().unwrap().token;
        jsonwebtoken::dangerous::insecure_decode::<Value>(&token).unwrap().claims
    };
    let v1 = claims(6).await;
    let tenant = text(&act.contoso.environment, "tenantId");
    assert_eq!((&v1["ver"], &v1["iss"]), (&json!("1.0"), &json!(format!("https://sts.windows.net/{tenant}/"))));
    assert_eq!((v1["appid"].as_str(), v1.get("azp")), (Some("20e940b3-4c77-4b0b-9a53-9e16a1b010a7"), None));
    act.choose("webhookToken", "v2").await;
    let v2 = claims(7).await;
    let issuer = format!("https://login.microsoftonline.com/{tenant}/v2.0");
    assert_eq!((&v2["ver"], &v2["iss"]), (&json!("2.0"), &json!(issuer)));
    assert_eq!((v2["azp"].as_str(), v2.get("appid")), (Some("20e940b3-4c77-4b0b-9a53-9e16a1b010a7"), None));
    assert_eq!(v2["aud"], act.contoso.environment["clientId"]);
}

async fn webhook_sending(act: Act<'_>) {
    let id = act.active().await;
    act.choose("webhookSending", "held").await;
    let first = act.buyer_changes(&id, 8).await;
    act.advances("P1D").await;
    assert!(act.heard(&id).is_empty());
    act.does(Method::POST, &id, "cancellation", json!({})).await;
    let second = deliveries(&act, &id).await.pop().unwrap();
    assert_eq!((&second["state"], &second["action"]), (&json!("held"), &json!("Unsubscribe")));

    // Released in the other order, one of them twice, one with another body.
    act.does(Method::POST, &id, &format!("deliveries/{}/resend", text(&second, "operation")), json!({})).await;
    act.does(Method::POST, &id, &format!("deliveries/{first}/resend"), json!({})).await;
    act.does(Method::POST, &id, &format!("deliveries/{first}/resend"), json!({})).await;
    let edited = json!({ "body": { "id": first, "action": "Transfer", "subscriptionId": id } });
    act.does(Method::POST, &id, &format!("deliveries/{first}/resend"), edited).await;
    let heard: Vec<Value> = act.heard(&id).iter().map(|call| serde_json::from_str(&call.body).unwrap()).collect();
    let actions: Vec<_> = heard.iter().map(|body| text(body, "action")).collect();
    assert_eq!(actions, ["Unsubscribe", "ChangeQuantity", "ChangeQuantity", "Transfer"]);

    // One that waits for its next attempt is held, and its timer calls nobody.
    act.choose("webhookSending", "atOnce").await;
    let other = act.active().await;
    act.webhook.answers(500);
    let operation = act.buyer_changes(&other, 8).await;
    let held = act.does(Method::POST, &other, &format!("deliveries/{operation}/hold"), json!({})).await;
    assert_eq!((&held["state"], held.get("nextAttempt")), (&json!("held"), None));
    act.webhook.answers(200);
    act.advances("PT1H").await;
    assert_eq!(act.heard(&other).len(), 1);
    act.does(Method::POST, &other, &format!("deliveries/{operation}/resend"), json!({})).await;
    assert_eq!(act.heard(&other).len(), 2);
    let again =
        act.control(Method::POST, &format!("/subscriptions/{other}/deliveries/{operation}/hold"), json!({})).await;
    assert_eq!((again.status, &again.json()["code"]), (409, &json!("notWaiting")));
}

async fn deliveries(act: &Act<'_>, id: &str) -> Vec<Value> {
    let list = act.operator().get(&format!("subscriptions/{id}/deliveries")).await.expect(200);
    list["deliveries"].as_array().unwrap().clone()
}

async fn refund_window(act: Act<'_>) {
    let refunded = async |after: &str| {
        let id = act.active().await;
        act.advances(after).await;
        act.does(Method::POST, &id, "cancellation", json!({})).await;
        act.ledger(&id).await.iter().any(|(kind, _)| kind == "refund")
    };
    assert!(refunded("PT72H").await);
    assert!(!refunded("PT73H").await);
    act.choose("refundWindow", "older").await;
    assert!(refunded("PT24H").await);
    assert!(!refunded("PT25H").await);
}

async fn suspended_told(act: Act<'_>) {
    let id = act.active().await;
    for (choice, status) in [("suspended", "Suspended"), ("subscribed", "Subscribed")] {
        act.choose("suspendedTold", choice).await;
        act.does(Method::POST, &id, "suspension", json!({})).await;
        assert_eq!(act.last_heard(&id)["subscription"]["saasSubscriptionStatus"], status);
        assert_eq!(act.reads(&id, "saasSubscriptionStatus").await, "Suspended");
        act.does(Method::POST, &id, "reinstatement", json!({})).await;
        act.advances("PT1S").await;
    }
}

async fn revert_webhook(act: Act<'_>) {
    let id = act.active().await;
    let operation = act.buyer_changes(&id, 8).await;
    act.answers(&id, &operation, "Failure").await;
    act.advances("PT1M").await;
    assert_eq!(act.heard(&id).len(), 1);
    act.choose("revertWebhook", "afterFailure").await;
    let operation = act.buyer_changes(&id, 8).await;
    act.answers(&id, &operation, "Failure").await;
    act.advances("PT0S").await;
    let told = act.last_heard(&id);
    assert_ne!(told["id"], operation);
    assert_eq!(
        (&told["action"], &told["quantity"], &told["subscription"]["quantity"]),
        (&json!("ChangeQuantity"), &json!(5), &json!(5))
    );
    act.advances("PT10S").await;
    assert_eq!(
        (act.status(&id, &text(&told, "id")).await.as_str(), act.reads(&id, "quantity").await),
        ("Succeeded", json!(5))
    );
    assert_eq!(act.heard(&id).len(), 3, "what is taken back is not taken back again");
}

async fn pending_cancellation(act: Act<'_>) {
    let silent = text(&act.seats().await, "id");
    act.does(Method::POST, &silent, "cancellation", json!({})).await;
    assert!(act.heard(&silent).is_empty());
    act.choose("pendingCancellation", "told").await;
    let told = text(&act.seats().await, "id");
    act.does(Method::POST, &told, "cancellation", json!({})).await;
    assert_eq!(act.last_heard(&told)["action"], "Unsubscribe");
}

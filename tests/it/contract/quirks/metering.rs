//! Rows of metering and of the identity.

use reqwest::Method;
use serde_json::{Value, json};

use super::{super::Row, rule};
use crate::{
    contract::stage::Act,
    world::{Reply, client, send, text, token_form},
};

pub(in crate::contract) const ROWS: &[Row] = &[
    rule!("Q33", "batchShape", batch_shape),
    rule!("Q34", "usageResourceUri", usage_resource_uri),
    rule!("Q35", "usageKey", usage_key),
    rule!("Q44", "futureUsage", future_usage),
    rule!("8", "includedUsage", included_usage),
    rule!("Q38", "tokenEndpoints", token_endpoints),
    rule!("2.1", "tokenForm", token_form_rule),
    rule!("2.3", "clientSecret", client_secret),
    rule!("2.4", "accessToken", access_token),
    rule!("2.4", "servicePrincipal", service_principal),
    rule!("3", "landingSignIn", landing_sign_in),
];

async fn billed(act: &Act<'_>) -> String {
    act.activated(&act.flat_rate().await).await
}

async fn batch_shape(act: Act<'_>) {
    let id = billed(&act).await;
    let event = Act::usage(&id, "mails", Act::start());
    let batch = json!({ "request": [event, event] });
    let told = act.posts("batchUsageEvent", &batch).await;
    assert!(told.text.starts_with(r#"{"result":["#) && told.text.ends_with(r#","count":2}"#), "{}", told.text);
    assert_eq!(told.json()["result"][1]["messageTime"], Act::start());
    act.choose("batchShape", "documented").await;
    let told = act.posts("batchUsageEvent", &batch).await;
    assert!(told.text.starts_with(r#"{"count":2,"result":["#), "{}", told.text);
    assert_eq!(told.json()["result"][1]["messageTime"], "0001-01-01T00:00:00");
}

async fn usage_resource_uri(act: Act<'_>) {
    let id = billed(&act).await;
    let told = act.posts("usageEvent", &Act::usage(&id, "mails", "2026-01-01T08:30:00Z")).await.expect(200);
    assert!(text(&told, "resourceUri").contains("/providers/Microsoft.SaaS/resources/"));
    act.choose("usageResourceUri", "asSent").await;
    let told = act.posts("usageEvent", &Act::usage(&id, "mails", "2026-01-01T07:30:00Z")).await.expect(200);
    assert_eq!((told.get("resourceUri"), &told["resourceId"]), (None, &json!(id)));
}

async fn usage_key(act: Act<'_>) {
    let id = billed(&act).await;
    let report =
        async |dimension: &str, at: &str| act.posts("usageEvent", &Act::usage(&id, dimension, at)).await.status;
    assert_eq!(report("mails", "2026-01-01T08:10:00Z").await, 200);
    assert_eq!(report("validations", "2026-01-01T08:20:00Z").await, 200);
    assert_eq!(report("mails", "2026-01-01T08:50:00Z").await, 409);
    act.choose("usageKey", "withoutDimension").await;
    assert_eq!(report("mails", "2026-01-01T07:10:00Z").await, 200);
    assert_eq!(report("validations", "2026-01-01T07:20:00Z").await, 409);
    assert_eq!(report("validations", "2026-01-01T06:20:00Z").await, 200);
}

async fn future_usage(act: Act<'_>) {
    let id = billed(&act).await;
    let report = async |at: &str| act.posts("usageEvent", &Act::usage(&id, "mails", at)).await;
    let refused = report("2026-01-01T09:00:01Z").await;
    assert!(refused.status == 400 && refused.text.contains("is has expired or is in future"), "{}", refused.text);
    act.choose("futureUsage", "tolerated").await;
    assert_eq!(report("2026-01-01T09:05:01Z").await.status, 400);
    assert_eq!(report("2026-01-01T09:05:00Z").await.status, 200);
}

async fn included_usage(act: Act<'_>) {
    let reports = async || {
        let id = billed(&act).await;
        let mut event = Act::usage(&id, "mails", Act::start());
        event["quantity"] = 12.into();
        act.posts("usageEvent", &event).await.expect(200);
        act.ledger(&id)
            .await
            .into_iter()
            .filter(|(kind, _)| kind == "usage")
            .map(|(_, amount)| amount)
            .collect::<Vec<_>>()
    };
    assert_eq!(reports().await, ["1.60"], "2 of 12 are beyond the 10 that are included");
    act.choose("includedUsage", "chargedInFull").await;
    assert_eq!(reports().await, ["9.60"]);
}

/// Asks for a token on an endpoint.
async fn asks(act: &Act<'_>, endpoint: &str) -> Reply {
    let environment = &act.contoso.environment;
    let mut form = token_form(environment);
    if endpoint == "token" {
        form.pop();
        form.push(("resource", "20e940b3-4c77-4b0b-9a53-9e16a1b010a7".to_owned()));
    }
    let url = text(environment, "tokenEndpoint").replace("v2.0/token", endpoint);
    send(client().post(url).form(&form)).await
}

async fn token_endpoints(act: Act<'_>) {
    for (choice, v1, v2) in [("both", 200, 200), ("v1", 200, 404), ("v2", 404, 200)] {
        act.choose("tokenEndpoints", choice).await;
        assert_eq!((asks(&act, "token").await.status, asks(&act, "v2.0/token").await.status), (v1, v2), "{choice}");
    }
}

async fn token_form_rule(act: Act<'_>) {
    let multipart = async || {
        let body: String = token_form(&act.contoso.environment)
            .iter()
            .map(|(name, value)| {
                format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
            })
            .collect();
        let request =
            client().post(text(&act.contoso.environment, "tokenEndpoint")).body(format!("{body}--edge--\r\n"));
        send(request.header("content-type", "multipart/form-data; boundary=edge")).await
    };
    multipart().await.expect(200);
    act.choose("tokenForm", "urlEncoded").await;
    let refused = multipart().await;
    assert_eq!((refused.status, &refused.json()["error_codes"]), (400, &json!([900_144])));
    asks(&act, "v2.0/token").await.expect(200);
}

async fn client_secret(act: Act<'_>) {
    asks(&act, "token").await.expect(200);
    act.choose("clientSecret", "expired").await;
    let refused = asks(&act, "v2.0/token").await;
    assert_eq!(
        (refused.status, &refused.json()["error"], &refused.json()["error_codes"]),
        (401, &json!("invalid_client"), &json!([7_000_222]))
    );
    let said = text(&refused.json(), "error_description");
    assert!(said.starts_with("AADSTS7000222: The provided client secret keys for app '"), "{said}");
    act.contoso.lists().await.expect(200);
}

/// The claims of a fresh token, which opens the API.
async fn claims(act: &Act<'_>) -> Value {
    let token = text(&asks(act, "v2.0/token").await.expect(200), "access_token");
    send(act.contoso.with_token(token.clone()).request(Method::GET, "/subscriptions")).await.expect(200);
    jsonwebtoken::dangerous::insecure_decode::<Value>(&token).unwrap().claims
}

async fn access_token(act: Act<'_>) {
    let (tenant, app) = (text(&act.contoso.environment, "tenantId"), text(&act.contoso.environment, "clientId"));
    let v1 = claims(&act).await;
    assert_eq!(
        (&v1["ver"], &v1["appid"], &v1["appidacr"], v1.get("azp")),
        (&json!("1.0"), &json!(app), &json!("1"), None)
    );
    assert_eq!(v1["iss"], format!("https://sts.windows.net/{tenant}/"));
    act.choose("accessToken", "v2").await;
    let v2 = claims(&act).await;
    assert_eq!(
        (&v2["ver"], &v2["azp"], &v2["azpacr"], v2.get("appid")),
        (&json!("2.0"), &json!(app), &json!("1"), None)
    );
    assert_eq!(v2["iss"], format!("https://login.microsoftonline.com/{tenant}/v2.0"));
}

async fn service_principal(act: Act<'_>) {
    let present = claims(&act).await;
    assert!(present["oid"].is_string() && present["oid"] == present["sub"]);
    act.choose("servicePrincipal", "missing").await;
    let missing = claims(&act).await;
    assert_eq!((missing.get("oid"), missing.get("sub")), (None, None));
}

async fn landing_sign_in(act: Act<'_>) {
    let link = text(&act.seats().await["link"], "personalizedLink");
    let of_the_portal = link.replacen("?", "?signIn=on&", 1);
    let table = [("portal", false, true), ("on", true, true), ("off", false, false)];
    for (choice, alone, from_portal) in table {
        act.choose("landingSignIn", choice).await;
        for (link, is_asked) in [(&link, alone), (&of_the_portal, from_portal)] {
            let sent = send(client().get(link)).await;
            let location = sent.header("location").unwrap_or_default();
            assert_eq!(location.contains("/organizations/oauth2/v2.0/authorize?"), is_asked, "{choice} {}", sent.text);
        }
    }
}

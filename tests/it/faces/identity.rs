//! The identity: tokens, refusals in Entra's words, discovery, and tokens that are not to be trusted.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use rehearsal::cli::wiring::ServerOptions;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    own_webhook::Webhook,
    world::{Reply, SANDBOX, VERSION, World, masked, send, text, token_form},
};

const RESOURCE: &str = "20e940b3-4c77-4b0b-9a53-9e16a1b010a7";
/// 2026-01-01T09:00:00Z.
const NOW: i64 = 1_767_258_000;

/// An app that asks for tokens.
struct App<'a> {
    world: &'a World,
    environment: Value,
}

impl<'a> App<'a> {
    async fn contoso(world: &'a World) -> Self {
        Self { world, environment: world.environment(SANDBOX, "contoso").await }
    }

    fn tenant(&self) -> String {
        text(&self.environment, "tenantId")
    }

    /// Asks with the good form, changed: a field of the same name is replaced, an empty value takes it out.
    async fn asks(&self, path: &str, changes: &[(&'static str, &str)]) -> Reply {
        let mut form = token_form(&self.environment);
        for (name, value) in changes {
            form.retain(|(known, _)| known != name);
            if !value.is_empty() {
                form.push((name, (*value).to_owned()));
            }
        }
        send(self.world.request(Method::POST, path).form(&form)).await
    }

    async fn asks_v2(&self, changes: &[(&'static str, &str)]) -> Reply {
        self.asks(&format!("/{}/oauth2/v2.0/token", self.tenant()), changes).await
    }
}

#[tokio::test]
async fn a_v1_token_answer_has_texts_and_a_v2_one_has_numbers() {
    let world = World::start().await;
    let app = App::contoso(&world).await;
    let v1 = app.asks(&format!("/{}/oauth2/token", app.tenant()), &[("resource", RESOURCE), ("scope", "")]).await;
    let token = text(&v1.expect(200), "access_token");
    let expected = format!(
        r#"{{"token_type":"Bearer","expires_in":"3599","ext_expires_in":"3599","expires_on":"{}","not_before":"{}","resource":"{RESOURCE}","access_token":"{token}"}}"#,
        NOW + 3599,
        NOW - 300
    );
    assert_eq!(v1.text, expected);
    let v2 = app.asks_v2(&[]).await;
    let token = text(&v2.expect(200), "access_token");
    let expected =
        format!(r#"{{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"{token}"}}"#);
    assert_eq!(v2.text, expected);
    for reply in [v1, v2] {
        for (name, value) in [
            ("cache-control", "no-store, no-cache"),
            ("pragma", "no-cache"),
            ("expires", "-1"),
            ("content-type", "application/json; charset=utf-8"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(reply.header(name), Some(value));
        }
        assert_eq!(reply.header("x-ms-request-id").map(masked).as_deref(), Some("<guid>"));
    }
}

#[tokio::test]
async fn the_published_key_verifies_a_token_and_its_claims_are_v1() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let (header, claims) = verified(&world, &contoso.token).await;
    let kid = header.kid.unwrap();
    let said = URL_SAFE_NO_PAD.decode(contoso.token.split('.').next().unwrap()).unwrap();
    let expected = format!(r#"{{"typ":"JWT","alg":"RS256","x5t":"{kid}","kid":"{kid}"}}"#);
    assert_eq!(String::from_utf8(said).unwrap(), expected);
    let tenant = text(&contoso.environment, "tenantId");
    assert_eq!(claims["aud"], RESOURCE);
    assert_eq!(text(&claims, "iss"), format!("https://sts.windows.net/{tenant}/"));
    assert_eq!(claims["idp"], claims["iss"]);
    assert_eq!([&claims["iat"], &claims["nbf"], &claims["exp"]], [NOW - 300, NOW - 300, NOW + 3599]);
    assert_eq!((text(&claims, "appid"), text(&claims, "tid")), (text(&contoso.environment, "clientId"), tenant));
    assert_eq!((&claims["appidacr"], &claims["ver"]), (&json!("1"), &json!("1.0")));
    assert_eq!(claims["oid"], claims["sub"]);
}

/// Header and claims of a token, checked with the key that the server publishes.
async fn verified(world: &World, token: &str) -> (Header, Value) {
    let header = jsonwebtoken::decode_header(token).unwrap();
    let key = published_key(world, header.kid.as_deref().unwrap()).await;
    assert_eq!((header.alg, &header.x5t), (Algorithm::RS256, &header.kid));
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[RESOURCE]);
    validation.validate_exp = false;
    let key = DecodingKey::from_rsa_components(&text(&key, "n"), &text(&key, "e")).unwrap();
    (header, decode::<Value>(token, &key, &validation).unwrap().claims)
}

async fn published_key(world: &World, kid: &str) -> Value {
    let keys = world.get("/common/discovery/keys").await.expect(200);
    let keys = keys["keys"].as_array().unwrap();
    assert!(keys.len() >= 2, "one who keeps the first key for ever has to be found out");
    keys.iter().find(|key| key["kid"] == kid).unwrap().clone()
}

#[tokio::test]
async fn refusals_have_entras_status_error_and_code() {
    let world = World::start().await;
    let app = App::contoso(&world).await;
    let stranger = "11111111-1111-1111-1111-111111111111";
    let fabrikam = text(&world.environment(SANDBOX, "fabrikam").await, "clientId");
    type Case<'a> = (&'static str, &'a str, u16, &'static str, u32);
    let table: [Case<'_>; 14] = [
        ("client_secret", "wrong", 401, "invalid_client", 7_000_215),
        ("client_secret", "", 401, "invalid_client", 7_000_218),
        ("client_id", stranger, 400, "unauthorized_client", 700_016),
        ("client_id", &fabrikam, 400, "unauthorized_client", 700_016),
        ("client_id", "not-a-guid", 400, "unauthorized_client", 700_016),
        ("client_id", "", 400, "invalid_request", 900_144),
        ("grant_type", "", 400, "invalid_request", 900_144),
        ("grant_type", "password", 400, "unsupported_grant_type", 70_003),
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code", 400, "unsupported_grant_type", 70_003),
        ("scope", "", 400, "invalid_request", 900_144),
        ("scope", RESOURCE, 400, "invalid_scope", 1_002_012),
        ("scope", "/.default", 400, "invalid_resource", 500_011),
        ("scope", "https://graph.microsoft.com/.default", 400, "invalid_resource", 500_011),
        ("scope", "11111111-1111-1111-1111-111111111111/.default", 400, "invalid_resource", 500_011),
    ];
    for (field, value, status, error, code) in table {
        refused(&app.asks_v2(&[(field, value)]).await, status, error, code);
    }
    let v1 = format!("/{}/oauth2/token", app.tenant());
    refused(&app.asks(&v1, &[]).await, 400, "invalid_request", 900_144);
    refused(&app.asks(&v1, &[("resource", "https://graph.microsoft.com")]).await, 400, "invalid_resource", 500_011);
    for (tenant, code) in
        [(stranger, 90_002), ("nobody.example", 90_002), ("nobody", 900_023), ("a_b.example", 900_023)]
    {
        let reply = app.asks(&format!("/{tenant}/oauth2/v2.0/token"), &[]).await;
        refused(&reply, 400, "invalid_request", code);
        assert!(reply.text.contains(tenant), "{}", reply.text);
    }
}

#[tokio::test]
async fn an_app_shows_its_secret_in_the_header_instead_of_the_form() {
    let world = World::start().await;
    let app = App::contoso(&world).await;
    let (client, secret) = (text(&app.environment, "clientId"), text(&app.environment, "clientSecret"));
    let asks = async |user: &str, password: &str| {
        let mut form = token_form(&app.environment);
        form.retain(|(name, _)| !matches!(*name, "client_id" | "client_secret"));
        let path = format!("/{}/oauth2/v2.0/token", app.tenant());
        send(world.request(Method::POST, &path).form(&form).basic_auth(user, Some(password))).await
    };
    let encoded: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for secret in [&secret, &encoded] {
        asks(&client, secret).await.expect(200);
    }
    refused(&asks(&client, "wrong").await, 401, "invalid_client", 7_000_215);
    refused(&asks(&client, "").await, 401, "invalid_client", 7_000_218);
    refused(&asks("", &secret).await, 400, "invalid_request", 900_144);
    let document = world.get(&format!("/{}/v2.0/.well-known/openid-configuration", app.tenant())).await.expect(200);
    let methods = json!(["client_secret_post", "private_key_jwt", "client_secret_basic"]);
    assert_eq!(document["token_endpoint_auth_methods_supported"], methods);
}

#[tokio::test]
async fn a_domain_stands_for_its_tenant() {
    let world = World::start().await;
    let app = App::contoso(&world).await;
    let tenant = app.tenant();
    for domain in ["stage.contoso.example", "Stage.Contoso.Example"] {
        let v1 = [("resource", RESOURCE), ("scope", "")];
        let issued = [
            app.asks(&format!("/{domain}/oauth2/v2.0/token"), &[]).await,
            app.asks(&format!("/{domain}/oauth2/token"), &v1).await,
        ];
        for reply in issued {
            let token = text(&reply.expect(200), "access_token");
            let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&claims).unwrap()["tid"], json!(tenant));
        }
        for version in ["", "v2.0/"] {
            let read = async |segment: &str| {
                world.get(&format!("/{segment}/{version}.well-known/openid-configuration")).await.expect(200)
            };
            assert_eq!(read(domain).await, read(&tenant).await, "the document is the tenant's own");
        }
    }
    // Of whom the tenant is makes no difference: those of customers and partners have domains too.
    for domain in ["stage.northwind.example", "stage.proseware.example"] {
        let document = world.get(&format!("/{domain}/v2.0/.well-known/openid-configuration")).await.expect(200);
        assert!(!text(&document, "issuer").contains(domain), "{document}");
    }
    // The same fixtures are in every sandbox, so a domain alone names the tenant of the default one.
    let default = text(&world.environment("default", "contoso").await, "tenantId");
    let document = world.get("/contoso.example/v2.0/.well-known/openid-configuration").await.expect(200);
    assert_eq!(text(&document, "issuer"), format!("https://login.microsoftonline.com/{default}/v2.0"));
    refused(&app.asks("/contoso.example/oauth2/v2.0/token", &[]).await, 400, "unauthorized_client", 700_016);
    refused(&app.asks("/stage.nobody.example/oauth2/v2.0/token", &[]).await, 400, "invalid_request", 90_002);
}

#[track_caller]
fn refused(reply: &Reply, status: u16, error: &str, code: u32) {
    let body = reply.expect(status);
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    let expected =
        ["error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id", "error_uri"];
    assert_eq!(keys, expected);
    assert_eq!((&body["error"], &body["error_codes"]), (&json!(error), &json!([code])), "{}", reply.text);
    let (trace, correlation) = (text(&body, "trace_id"), text(&body, "correlation_id"));
    assert_eq!(reply.header("x-ms-request-id"), Some(trace.as_str()));
    let timestamp = text(&body, "timestamp");
    let description = text(&body, "error_description");
    assert!(description.starts_with(&format!("AADSTS{code}: ")), "{description}");
    let trailer = format!(" Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}");
    assert!(description.ends_with(&trailer), "{description}");
    assert_eq!(text(&body, "error_uri"), format!("https://login.microsoftonline.com/error?code={code}"));
}

#[tokio::test]
async fn refusals_tell_the_sandboxs_time_and_the_callers_id() {
    let world = World::start().await;
    let app = App::contoso(&world).await;
    let request = world.request(Method::POST, &format!("/{}/oauth2/token", app.tenant()));
    let body = send(request.header("client-request-id", "my-story").form(&[("a", "b")])).await.expect(400);
    assert_eq!(body["timestamp"], "2026-01-01 09:00:00Z");
    assert_eq!(body["correlation_id"], "my-story");
}

#[tokio::test]
async fn what_real_clients_send_besides_is_ignored() {
    let world = World::start().await;
    let app = App::contoso(&world).await;
    let path = format!("/{}/oauth2/v2.0/token?client-request-id=0e1d2c3b-4a59-6877-8695-a4b3c2d1e0f9", app.tenant());
    let extra = [("client_info", "1"), ("x-client-SKU", "MSAL.Python"), ("x-client-OS", "linux"), ("claims", "{}")];
    app.asks(&path, &extra).await.expect(200);
    let capital = [
        ("Grant_type", "client_credentials".to_owned()),
        ("Client_id", text(&app.environment, "clientId")),
        ("Client_secret", text(&app.environment, "clientSecret")),
        ("Resource", RESOURCE.to_owned()),
    ];
    let path = format!("/{}/oauth2/token", app.tenant());
    send(world.request(Method::POST, &path).form(&capital)).await.expect(200);
}

#[tokio::test]
async fn discovery_leads_to_places_that_answer() {
    let world = World::start().await;
    let app = App::contoso(&world).await;
    let tenant = app.tenant();
    let host = format!("{}/", world.base_url);
    for (document, issuer) in [
        (format!("/{tenant}/.well-known/openid-configuration"), format!("https://sts.windows.net/{tenant}/")),
        (
            format!("/{tenant}/v2.0/.well-known/openid-configuration"),
            format!("https://login.microsoftonline.com/{tenant}/v2.0"),
        ),
        (
            "/common/v2.0/.well-known/openid-configuration".to_owned(),
            "https://login.microsoftonline.com/{tenantid}/v2.0".to_owned(),
        ),
    ] {
        let reply = world.get(&document).await;
        assert_eq!(reply.header("cache-control"), Some("max-age=86400, private"));
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
        let found = reply.expect(200);
        assert_eq!(text(&found, "issuer"), issuer);
        let jwks = text(&found, "jwks_uri");
        let keys = world.get(jwks.strip_prefix(&world.base_url).unwrap()).await.expect(200);
        assert!(keys["keys"].as_array().is_some_and(|keys| !keys.is_empty()));
        let endpoint = text(&found, "token_endpoint");
        assert!(endpoint.starts_with(&host) && text(&found, "authorization_endpoint").starts_with(&host));
        if !document.starts_with("/common") {
            let scope = [("resource", RESOURCE)];
            app.asks(endpoint.strip_prefix(&world.base_url).unwrap(), &scope).await.expect(200);
        }
    }
    for path in ["discovery/keys", "discovery/v2.0/keys"] {
        for segment in [tenant.as_str(), "common"] {
            let keys = world.get(&format!("/{segment}/{path}")).await.expect(200);
            let key = &keys["keys"][0];
            let named = if segment == "common" { "{tenantid}" } else { segment };
            assert_eq!(text(key, "issuer"), format!("https://login.microsoftonline.com/{named}/v2.0"));
            assert_eq!([&key["kty"], &key["use"], &key["e"]], ["RSA", "sig", "AQAB"]);
            assert_eq!(key["kid"], key["x5t"]);
        }
    }
    let stranger = "/11111111-1111-1111-1111-111111111111/v2.0/.well-known/openid-configuration";
    assert_eq!(world.get(stranger).await.expect(400)["error_codes"], json!([90002]));
}

#[tokio::test]
async fn a_key_that_is_new_signs_at_once_and_what_the_old_one_signed_stays_good() {
    let world = World::start().await;
    let before = world.publisher("contoso").await;
    let listed = async || world.get("/sim/v1/signing-keys").await.expect(200)["keys"].as_array().unwrap().clone();
    let kid = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let first = listed().await;
    assert_eq!((first.len(), first[0].as_str()), (2, Some(kid(&before.token).as_str())));
    let mut seen = first;
    for kept in [3, 3, 3] {
        let rotated = world.control(Method::POST, "/signing-keys/rotation", None).await.expect(200);
        let keys = rotated["keys"].as_array().unwrap();
        assert_eq!((keys.len(), &listed().await), (kept, keys));
        assert!(!seen.contains(&keys[0]), "a new one");
        seen.extend(keys.iter().cloned());
        let now = world.publisher("contoso").await;
        assert_eq!(keys[0], kid(&now.token));
        // It is published: whoever looks finds it.
        verified(&world, &now.token).await;
        assert_eq!(now.lists().await.status, 200);
        assert_eq!(before.lists().await.status, 200, "until it expires");
    }
}

#[tokio::test]
async fn hostile_tokens_are_refused() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    assert_eq!(contoso.lists().await.status, 200, "the token is good to begin with");
    let (header, claims) = verified(&world, &contoso.token).await;
    let kid = header.kid.clone().unwrap();
    let n = text(&published_key(&world, &kid).await, "n");
    let own_key = own_key();
    let signed = |header: Header, key: &EncodingKey| encode(&header, &claims, key).unwrap();
    let with = |alg, kid: &str| Header { kid: Some(kid.to_owned()), ..Header::new(alg) };
    let [head, payload, signature] = <[&str; 3]>::try_from(contoso.token.split('.').collect::<Vec<_>>()).unwrap();
    let tampered = {
        let mut claims = claims.clone();
        claims["appid"] = world.environment(SANDBOX, "fabrikam").await["clientId"].clone();
        base64url(&claims)
    };
    let none = base64url(&json!({ "typ": "JWT", "alg": "none", "kid": kid }));
    let table = [
        ("alg none", format!("{none}.{payload}.")),
        ("alg none, signature kept", format!("{none}.{payload}.{signature}")),
        ("HS256 with the public key", signed(with(Algorithm::HS256, &kid), &EncodingKey::from_secret(n.as_bytes()))),
        ("a key of one's own, under our name", signed(with(Algorithm::RS256, &kid), &own_key)),
        ("a key of one's own", signed(with(Algorithm::RS256, "mine"), &own_key)),
        ("no key id", signed(Header::new(Algorithm::RS256), &own_key)),
        ("another payload", format!("{head}.{tampered}.{signature}")),
        ("no signature", format!("{head}.{payload}.")),
        ("two parts", format!("{head}.{payload}")),
        ("cut", contoso.token[..contoso.token.len() - 1].to_owned()),
        ("twice", format!("{0}{0}", contoso.token)),
        ("long", "a".repeat(9000)),
    ];
    for (name, token) in table {
        let hostile = contoso.with_token(token);
        let reply = hostile.lists().await;
        assert_eq!((reply.status, reply.text.len()), (403, 403), "{name}: {}", reply.text);
    }
    assert_eq!(contoso.lists().await.status, 200);
}

#[tokio::test]
async fn what_is_well_signed_for_something_else_is_refused_and_the_journal_tells_why() {
    let webhook = Webhook::listen().await;
    let options = ServerOptions { webhook: Some(webhook.url().parse().unwrap()), ..ServerOptions::default() };
    let world = World::start_with(options).await;
    world.create_sandbox(SANDBOX).await;
    let contoso = world.publisher("contoso").await;
    let id = text(&world.buyer().buys_seats().await, "id");

    // Another audience: the token by which the marketplace calls the publisher's own webhook.
    contoso.activate(&id).await.expect(200);
    world.operator().post(&format!("subscriptions/{id}/cancellation"), json!({})).await.expect(200);
    world.operator().advances("PT0S").await;
    let to_the_webhook = webhook.last().token;
    // Another tenant's app: the same publisher in another sandbox.
    world.create_sandbox("elsewhere").await;
    let elsewhere = world.publisher_in("elsewhere", "contoso").await.token;
    // Not valid yet: a sandbox that is made anew begins before it was given out.
    let early = json!({ "name": "early", "frozenAt": "2026-06-01T00:00:00Z", "timers": "manual" });
    world.control(Method::POST, "/sandboxes", Some(early)).await.expect(201);
    let not_yet = world.publisher_in("early", "contoso").await;
    world.control(Method::DELETE, "/sandboxes/early", None).await.expect(204);
    let early = json!({ "name": "early", "frozenAt": "2026-05-31T00:00:00Z", "timers": "manual" });
    world.control(Method::POST, "/sandboxes", Some(early)).await.expect(201);
    // Expired, and another publisher's.
    let expired = world.publisher_in("early", "contoso").await;
    world.operator_of("early").advances("PT1H").await;
    let fabrikam = world.publisher("fabrikam").await.token;

    // A call is recorded behind its answer.
    let tells_why = async |sandbox: &str, reason: &str| loop {
        let entries = world.operator_of(sandbox).journal("kind=exchange&limit=1000").await;
        let last = entries.iter().rev().find_map(|entry| entry["data"]["remark"].as_str());
        if last == Some(reason) {
            return;
        }
    };
    for (token, reason) in [
        (to_the_webhook, "the token is for another API"),
        (not_yet.token.clone(), "the token is not valid yet on the sandbox's clock"),
        (expired.token, "the token has expired on the sandbox's clock"),
    ] {
        let reply = contoso.with_token(token).get(&id).await;
        assert_eq!((reply.status, reply.text.len()), (403, 403), "{reason}");
        // Nobody knows whose it is.
        tells_why("default", reason).await;
    }
    let reply = contoso.with_token(fabrikam).get(&id).await;
    assert_eq!((reply.status, reply.text.len()), (403, 403));
    tells_why(SANDBOX, &format!("subscription {id} does not belong to publisher fabrikam")).await;
    assert_eq!(contoso.with_token(elsewhere).get(&id).await.status, 404, "its own sandbox has no such subscription");
}

#[tokio::test]
async fn a_token_lives_for_an_hour_of_sandbox_time() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    world.operator().advances("PT59M58S").await;
    assert_eq!(contoso.lists().await.status, 200);
    world.operator().advances("PT1S").await;
    assert_eq!(contoso.lists().await.status, 403);
    world.operator().advances("PT1H").await;
    assert_eq!(contoso.lists().await.status, 403);
    assert_eq!(world.publisher("contoso").await.lists().await.status, 200);
}

#[tokio::test]
async fn a_token_of_one_sandbox_does_not_reach_into_another() {
    let world = World::start().await;
    world.create_sandbox("elsewhere").await;
    let id = text(&world.buyer().buys_seats().await, "id");
    let stranger = world.publisher_in("elsewhere", "contoso").await;
    assert_ne!(stranger.environment["tenantId"], world.environment(SANDBOX, "contoso").await["tenantId"]);
    assert_eq!(stranger.get(&id).await.status, 404);
    assert_eq!(stranger.activate(&id).await.status, 404);
    assert_eq!(stranger.reports(&id, 5).await.status, 404);
    assert_eq!(stranger.lists().await.text, r#"{"subscriptions":[]}"#);
    assert_eq!(world.operator().subscription(&id).await["status"], "PendingFulfillmentStart");

    world.control(Method::DELETE, "/sandboxes/elsewhere", None).await.expect(204);
    assert_eq!(stranger.lists().await.status, 403, "the app's tenant is gone");
    let form = token_form(&stranger.environment);
    let path = format!("/{}/oauth2/v2.0/token", text(&stranger.environment, "tenantId"));
    refused(&send(world.request(Method::POST, &path).form(&form)).await, 400, "invalid_request", 90_002);
}

#[tokio::test]
async fn a_token_reaches_the_journal_without_its_secrets() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let reply = send(contoso.raw(Method::GET, &format!("/api/saas/subscriptions?{VERSION}"))).await;
    assert_eq!(reply.status, 200);
    let journal = world.operator().get("journal?limit=1000").await.text;
    assert!(journal.contains("/oauth2/v2.0/token"), "{journal}");
    let secret = text(&contoso.environment, "clientSecret");
    assert!(!journal.contains(&secret) && !journal.contains(&contoso.token), "{journal}");
}

fn base64url(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn own_key() -> EncodingKey {
    use aws_lc_rs::{
        encoding::{AsDer, Pkcs8V1Der},
        rsa::{KeyPair, KeySize},
    };
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let text = STANDARD.encode(der.as_ref());
    EncodingKey::from_rsa_pem(format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n").as_bytes())
        .unwrap()
}

/// A client assertion of Contoso's, good unless changed. `None` takes a claim out.
fn assertion(app: &App<'_>, header: impl FnOnce(&mut Header), changes: &[(&str, Option<Value>)]) -> String {
    let key = std::fs::read("tests/clients/keys/contoso-key.pem").unwrap();
    let certificate = std::fs::read_to_string("tests/clients/keys/contoso.pem").unwrap();
    let der: String = certificate.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(der).unwrap();
    let client = text(&app.environment, "clientId");
    let audience = format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", app.tenant());
    let mut claims = json!({
        "aud": audience, "iss": client, "sub": client, "jti": "1", "nbf": NOW - 10, "iat": NOW - 10, "exp": NOW + 600,
    });
    for (name, value) in changes {
        match value {
            Some(value) => claims[*name] = value.clone(),
            None => drop(claims.as_object_mut().unwrap().remove(*name)),
        }
    }
    let mut head = Header::new(Algorithm::PS256);
    head.x5t_s256 = Some(URL_SAFE_NO_PAD.encode(Sha256::digest(der)));
    header(&mut head);
    encode(&head, &claims, &EncodingKey::from_rsa_pem(&key).unwrap()).unwrap()
}

#[tokio::test]
async fn an_app_shows_a_certificate_instead_of_a_secret() {
    let world = World::start().await;
    let app = App::contoso(&world).await;
    let shows = async |assertion: &str| {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let changes = [("client_secret", ""), ("client_assertion_type", kind), ("client_assertion", assertion)];
        app.asks_v2(&changes).await
    };
    let good = |_: &mut Header| {};
    let granted = shows(&assertion(&app, good, &[])).await.expect(200);
    let (_, claims) = verified(&world, &text(&granted, "access_token")).await;
    assert_eq!(claims["appidacr"], "2");
    let tenant = app.tenant();
    for audience in
        [format!("https://127.0.0.1:7070/{tenant}/oauth2/token"), format!("https://x.example/{tenant}/v2.0")]
    {
        shows(&assertion(&app, good, &[("aud", Some(json!(audience)))])).await.expect(200);
    }
    let other_tenant = "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/oauth2/v2.0/token";
    let table = [
        (assertion(&app, |head| head.x5t_s256 = None, &[]), 700_027),
        (assertion(&app, |head| head.x5t_s256 = Some("else".to_owned()), &[]), 700_027),
        (assertion(&app, good, &[("iss", Some(json!("x")))]), 700_021),
        (assertion(&app, good, &[("sub", None)]), 700_021),
        (assertion(&app, good, &[("aud", Some(json!(other_tenant)))]), 700_023),
        (assertion(&app, good, &[("aud", None)]), 700_023),
        (assertion(&app, good, &[("exp", Some(json!(NOW - 300)))]), 700_024),
        (assertion(&app, good, &[("nbf", Some(json!(NOW + 301)))]), 700_024),
        (assertion(&app, good, &[("exp", None)]), 50_027),
        ("x.y.z".to_owned(), 50_027),
    ];
    for (assertion, code) in table {
        refused(&shows(&assertion).await, 401, "invalid_client", code);
    }
    let (head, rest) = {
        let good = assertion(&app, good, &[]);
        let (head, rest) = good.split_once('.').map(|(head, rest)| (head.to_owned(), rest.to_owned())).unwrap();
        (head, rest)
    };
    let other = assertion(&app, good, &[("jti", Some(json!("2")))]);
    let swapped = format!("{head}.{}.{}", rest.split_once('.').unwrap().0, other.rsplit_once('.').unwrap().1);
    refused(&shows(&swapped).await, 401, "invalid_client", 700_027);
    // An assertion of another type is none.
    let typeless = assertion(&app, good, &[]);
    refused(
        &app.asks_v2(&[("client_secret", ""), ("client_assertion", &typeless)]).await,
        401,
        "invalid_client",
        7_000_218,
    );
}

#[tokio::test]
async fn the_instance_is_this_server_and_microsofts_hosts() {
    let world = World::start().await;
    let app = App::contoso(&world).await;
    let own = world.base_url.strip_prefix("http://").unwrap();
    let asks = async |endpoint: &str| {
        world.get(&format!("/common/discovery/instance?api-version=1.1&authorization_endpoint={endpoint}")).await
    };
    for host in [own, "login.microsoftonline.com", "login.windows.net"] {
        let endpoint = format!("https://{host}/{}/oauth2/v2.0/authorize", app.tenant());
        let found = asks(&endpoint).await.expect(200);
        assert_eq!(found["metadata"][0]["preferred_network"], host);
        assert_eq!(found["metadata"][0]["preferred_cache"], "login.windows.net");
        assert!(found["metadata"][0]["aliases"].as_array().unwrap().contains(&json!(host)));
        let configuration = text(&found, "tenant_discovery_endpoint");
        let path = configuration.strip_prefix(&world.base_url).expect("on this server");
        assert!(text(&world.get(path).await.expect(200), "token_endpoint").contains(&app.tenant()));
    }
    let nothing = world.get("/common/discovery/instance").await;
    let strange = [asks("https://login.example.com/common").await, asks("nonsense").await, asks("").await, nothing];
    for reply in strange {
        let body = reply.expect(400);
        assert_eq!((&body["error"], &body["error_codes"]), (&json!("invalid_instance"), &json!([50_049])));
    }
}

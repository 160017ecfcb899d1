//! People sign in: the code with its verifier, the tokens that it is exchanged for, and everything that is wrong.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::dangerous::insecure_decode;
use reqwest::{Client, Method, Url};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::world::{Reply, SANDBOX, World, client, send, text};

const BACK: &str = "http://localhost:5000/signin-oidc";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const NORA: &str = "nora.lindqvist@northwind.example";

/// An app of a publisher, and a browser without scripts.
struct App {
    world: World,
    http: Client,
    environment: Value,
}

impl App {
    async fn start() -> Self {
        let world = World::start().await;
        let environment = world.environment(SANDBOX, "contoso").await;
        Self { world, http: client(), environment }
    }

    fn request(&self) -> Vec<(&'static str, String)> {
        vec![
            ("client_id", text(&self.environment, "clientId")),
            ("response_type", "code".to_owned()),
            ("redirect_uri", BACK.to_owned()),
            ("scope", "openid profile email offline_access".to_owned()),
            ("state", "st&te".to_owned()),
            ("nonce", "n0nce".to_owned()),
            ("code_challenge", URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))),
            ("code_challenge_method", "S256".to_owned()),
        ]
    }

    /// The request with other values; `""` leaves one out.
    fn with(&self, changes: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let mut request = self.request();
        for (name, value) in changes {
            request.retain(|(found, _)| found != name);
            if !value.is_empty() {
                request.push((name, (*value).to_owned()));
            }
        }
        request
    }

    async fn opens(&self, tenant: &str, request: &[(&str, String)]) -> Reply {
        let url = Url::parse_with_params(&self.world.base_url, request).unwrap();
        let query = url.query().unwrap_or_default().to_owned();
        send(self.http.get(format!("{}/{tenant}/oauth2/v2.0/authorize?{query}", self.world.base_url))).await
    }

    /// Who the page offers: their address and the value of their button.
    fn people(page: &Reply) -> Vec<(String, String)> {
        let buttons = page.text.split("name=\"user\" value=\"").skip(1);
        buttons
            .map(|button| {
                let email = button.split("data-testid=\"person-").nth(1).unwrap().split('"').next().unwrap();
                (email.to_owned(), button.split('"').next().unwrap().to_owned())
            })
            .collect()
    }

    /// Picks somebody on the page.
    async fn picks(&self, tenant: &str, request: &[(&'static str, String)], email: &str) -> Reply {
        let page = self.opens(tenant, request).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let people = Self::people(&page);
        let (_, user) = people.iter().find(|(found, _)| found == email).unwrap_or_else(|| panic!("{people:?}"));
        let mut form = request.to_vec();
        form.push(("user", user.clone()));
        send(self.http.post(format!("{}/{tenant}/oauth2/v2.0/authorize", self.world.base_url)).form(&form)).await
    }

    /// What came back to the app: the names and values behind the redirect URI.
    fn returned(reply: &Reply) -> Vec<(String, String)> {
        let to =
            Url::parse(reply.header("location").unwrap_or_else(|| panic!("{} {}", reply.status, reply.text))).unwrap();
        assert!(to.as_str().starts_with(BACK), "{to}");
        let pairs = to.query().or_else(|| to.fragment()).unwrap_or_default().to_owned();
        url::form_urlencoded::parse(pairs.as_bytes()).into_owned().collect()
    }

    async fn code(&self) -> String {
        let returned = Self::returned(&self.picks("organizations", &self.request(), NORA).await);
        returned.into_iter().find(|(name, _)| name == "code").unwrap().1
    }

    async fn exchanges(&self, changes: &[(&'static str, &str)]) -> Reply {
        let mut form = vec![
            ("grant_type", "authorization_code".to_owned()),
            ("client_id", text(&self.environment, "clientId")),
            ("client_secret", text(&self.environment, "clientSecret")),
            ("redirect_uri", BACK.to_owned()),
            ("code_verifier", VERIFIER.to_owned()),
        ];
        for (name, value) in changes {
            form.retain(|(found, _)| found != name);
            if !value.is_empty() {
                form.push((name, (*value).to_owned()));
            }
        }
        send(self.http.post(format!("{}/organizations/oauth2/v2.0/token", self.world.base_url)).form(&form)).await
    }
}

fn claims(token: &str) -> Value {
    insecure_decode::<Value>(token).unwrap().claims
}

#[track_caller]
fn refused(reply: &Reply, status: u16, error: &str, code: u32) {
    let body = reply.json();
    assert_eq!((reply.status, &body["error"], &body["error_codes"]), (status, &json!(error), &json!([code])), "{body}");
    assert!(text(&body, "error_description").starts_with(&format!("AADSTS{code}: ")));
}

#[tokio::test]
async fn a_code_is_exchanged_for_tokens_that_say_who_it_is() {
    let app = App::start().await;
    let returned = App::returned(&app.picks("organizations", &app.request(), NORA).await);
    let names: Vec<&str> = returned.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["code", "state", "session_state"]);
    assert_eq!(returned[1].1, "st&te");

    // A call is recorded behind its answer.
    loop {
        let entries = app.world.operator().journal("kind=exchange").await;
        let calls = entries.iter().map(|entry| &entry["data"]);
        let visits = calls.filter(|call| text(call, "path").ends_with("/authorize"));
        let visits: Vec<String> = visits.map(|call| format!("{} {}", text(call, "method"), call["status"])).collect();
        if visits == ["GET 200", "POST 303"] {
            break;
        }
        assert!(visits.len() < 2, "not as they were sent: {visits:?}");
    }

    let tokens = app.exchanges(&[("code", &returned[0].1), ("client_info", "1")]).await.expect(200);
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(3599)));
    let id = claims(&text(&tokens, "id_token"));
    let bought = text(&app.world.buyer().buys_seats().await, "id");
    let nora = app.world.publisher("contoso").await.get(&bought).await.expect(200)["beneficiary"].clone();
    assert_eq!((&id["aud"], &id["nonce"], &id["ver"]), (&app.environment["clientId"], &json!("n0nce"), &json!("2.0")));
    assert_eq!(
        (&id["preferred_username"], &id["email"], &id["name"]),
        (&json!(NORA), &json!(NORA), &json!("Nora Lindqvist"))
    );
    assert_eq!((&id["oid"], &id["tid"]), (&nora["objectId"], &nora["tenantId"]));
    assert_eq!(id["iss"], format!("https://login.microsoftonline.com/{}/v2.0", text(&id, "tid")));
    let info = URL_SAFE_NO_PAD.decode(text(&tokens, "client_info")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&info).unwrap()["uid"], id["oid"]);

    let user = async |token: &str| {
        send(app.http.get(format!("{}/oidc/userinfo", app.world.base_url)).bearer_auth(token)).await
    };
    let told = user(&text(&tokens, "access_token")).await.expect(200);
    assert_eq!(told, json!({ "sub": id["sub"], "name": "Nora Lindqvist", "email": NORA }));
    for token in [text(&tokens, "id_token"), text(&tokens, "refresh_token"), "x".to_owned()] {
        let reply = user(&token).await;
        assert_eq!((reply.status, reply.header("www-authenticate")), (401, Some("Bearer error=\"invalid_token\"")));
    }

    let refresh = text(&tokens, "refresh_token");
    let again = app.exchanges(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await.expect(200);
    let again = claims(&text(&again, "id_token"));
    assert_eq!((&again["oid"], again.get("nonce")), (&id["oid"], None));
    app.world.operator().advances("PT1H").await;
    assert_eq!(user(&text(&tokens, "access_token")).await.status, 401, "an hour of sandbox time is over");
    app.exchanges(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await.expect(200);
    app.world.operator().advances("P91D").await;
    let late = app.exchanges(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await;
    refused(&late, 400, "invalid_grant", 70_008);
}

/// That a code was exchanged is known for as long as it could be exchanged again, and no longer.
#[tokio::test]
async fn what_is_known_of_exchanged_codes_goes_with_their_life() {
    let app = App::start().await;
    let documents = async || app.world.documents_besides_the_journal(SANDBOX).await;
    let (before, mut codes) = (documents().await, Vec::new());
    for _ in 0..12 {
        codes.push(app.code().await);
        app.exchanges(&[("code", codes.last().unwrap())]).await.expect(200);
    }
    app.world.operator().advances("PT9M59S").await;
    for code in &codes {
        refused(&app.exchanges(&[("code", code)]).await, 400, "invalid_grant", 54_005);
    }
    assert_eq!(documents().await, before + 12);
    let ran = app.world.operator().advances("PT1S").await;
    assert_eq!(ran["byKind"], json!({ "signInCodeEnds": 12 }));
    refused(&app.exchanges(&[("code", &codes[0])]).await, 400, "invalid_grant", 70_008);
    assert_eq!(documents().await, before);
    app.world.counts_its_documents(SANDBOX).await;
}

#[tokio::test]
async fn a_code_is_worth_something_once_to_whom_it_was_given_and_for_ten_minutes() {
    let app = App::start().await;
    let code = app.code().await;
    let fabrikam = app.world.environment(SANDBOX, "fabrikam").await;
    let (other, secret) = (text(&fabrikam, "clientId"), text(&fabrikam, "clientSecret"));
    refused(
        &app.exchanges(&[("code", &code), ("client_id", &other), ("client_secret", &secret)]).await,
        400,
        "invalid_grant",
        70_000,
    );
    refused(
        &app.exchanges(&[("code", &code), ("redirect_uri", "http://localhost:5000/other")]).await,
        400,
        "invalid_grant",
        500_112,
    );
    refused(&app.exchanges(&[("code", &code), ("redirect_uri", "")]).await, 400, "invalid_grant", 500_112);
    refused(&app.exchanges(&[("code", &code), ("code_verifier", "wrong")]).await, 400, "invalid_grant", 501_481);
    refused(&app.exchanges(&[("code", &code), ("code_verifier", "")]).await, 400, "invalid_grant", 501_481);
    refused(&app.exchanges(&[("code", &code), ("client_secret", "wrong")]).await, 401, "invalid_client", 7_000_215);
    refused(&app.exchanges(&[("code", "x.y.z")]).await, 400, "invalid_grant", 9_002_313);
    refused(&app.exchanges(&[]).await, 400, "invalid_request", 900_144);
    refused(&app.exchanges(&[("grant_type", "refresh_token")]).await, 400, "invalid_request", 900_144);
    app.exchanges(&[("code", &code)]).await.expect(200);
    refused(&app.exchanges(&[("code", &code)]).await, 400, "invalid_grant", 54_005);

    let late = app.code().await;
    app.world.operator().advances("PT10M").await;
    refused(&app.exchanges(&[("code", &late)]).await, 400, "invalid_grant", 70_008);

    // An app on a person's own device has no secret, and shows its verifier instead.
    let public = app.code().await;
    let public = app.exchanges(&[("code", &public), ("client_secret", "")]).await.expect(200);
    let confidential = app.exchanges(&[("code", &app.code().await)]).await.expect(200);
    let refreshes = async |tokens: &Value, secret: &str| {
        let token = text(tokens, "refresh_token");
        let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", &token)];
        form.extend(secret.is_empty().then_some(("client_secret", "")));
        app.exchanges(&form).await
    };
    for tokens in [public.clone(), refreshes(&public, "").await.expect(200)] {
        refreshes(&tokens, "").await.expect(200);
    }
    // Who has shown a secret for the code shows it again; what is refreshed is no way around.
    let refreshed = refreshes(&confidential, "secret").await.expect(200);
    for tokens in [confidential, refreshed] {
        refused(&refreshes(&tokens, "").await, 401, "invalid_client", 7_000_218);
    }
    let itself = app.with(&[("code_challenge", VERIFIER), ("code_challenge_method", "")]);
    let returned = App::returned(&app.picks("organizations", &itself, NORA).await);
    app.exchanges(&[("code", &returned[0].1), ("client_secret", "")]).await.expect(200);
    let plain = app.with(&[("code_challenge", ""), ("code_challenge_method", "")]);
    let returned = App::returned(&app.picks("organizations", &plain, NORA).await);
    let without = app.exchanges(&[("code", &returned[0].1), ("client_secret", ""), ("code_verifier", "")]).await;
    refused(&without, 401, "invalid_client", 7_000_218);
}

#[tokio::test]
async fn who_can_be_picked_depends_on_the_tenant() {
    let app = App::start().await;
    let everybody = App::people(&app.opens("common", &app.request()).await);
    assert!(everybody.len() > 4, "{everybody:?}");
    assert!(
        everybody.iter().any(|(email, _)| email.ends_with("proseware.example")),
        "partners' people too: {everybody:?}"
    );
    let hinted =
        App::people(&app.opens("common", &app.with(&[("login_hint", "OSCAR.mendes@northwind.example")])).await);
    assert_eq!(hinted[0].0, "oscar.mendes@northwind.example");

    let id = claims(&text(&app.exchanges(&[("code", &app.code().await)]).await.expect(200), "id_token"));
    let northwind = App::people(&app.opens(&text(&id, "tid"), &app.request()).await);
    assert!(
        !northwind.is_empty() && northwind.iter().all(|(email, _)| email.ends_with("@northwind.example")),
        "{northwind:?}"
    );
    let nobody = app.opens("consumers", &app.request()).await;
    assert!(nobody.status == 200 && nobody.text.contains("Nobody can sign in here"), "{}", nobody.text);

    // Somebody of another tenant is not picked by a form of one's own.
    let mut form = app.request();
    form.push(("user", everybody.iter().find(|(email, _)| email.ends_with("proseware.example")).unwrap().1.clone()));
    let url = format!("{}/{}/oauth2/v2.0/authorize", app.world.base_url, text(&id, "tid"));
    let returned = App::returned(&send(app.http.post(url).form(&form)).await);
    assert!(returned[1].1.starts_with("AADSTS50020: "), "{returned:?}");
}

#[tokio::test]
async fn a_stranger_is_sent_nowhere() {
    let app = App::start().await;
    for (tenant, changes, said) in [
        (
            "common",
            [("client_id", "")],
            "AADSTS900144: The request body must contain the following parameter: &#39;client_id&#39;.",
        ),
        ("common", [("client_id", "00000000-0000-0000-0000-000000000001")], "AADSTS700016: "),
        ("common", [("client_id", "x")], "AADSTS700016: "),
        ("common", [("redirect_uri", "")], "AADSTS900144: "),
        (
            "common",
            [("redirect_uri", "https://evil.example/take")],
            "AADSTS50011: The redirect URI &#39;https://evil.example/take&#39;",
        ),
        ("common", [("redirect_uri", "javascript:alert(1)")], "AADSTS50011: "),
        ("11111111-1111-1111-1111-111111111111", [("prompt", "")], "AADSTS90002: "),
        ("nowhere", [("prompt", "")], "AADSTS90002: "),
    ] {
        let reply = app.opens(tenant, &app.with(&changes)).await;
        assert_eq!((reply.status, reply.header("location")), (400, None), "{changes:?}");
        assert!(reply.text.contains(said), "{changes:?}: {}", reply.text);
    }
}

#[tokio::test]
async fn what_an_app_asks_for_wrongly_it_is_told() {
    let app = App::start().await;
    for (changes, error, code) in [
        (&[("response_type", "")][..], "invalid_request", "AADSTS900144: "),
        (&[("response_type", "token")], "unsupported_response_type", "AADSTS700054: "),
        (&[("scope", "")], "invalid_request", "AADSTS900144: "),
        (&[("response_type", "id_token"), ("nonce", "")], "invalid_request", "AADSTS900144: "),
        (&[("response_type", "id_token"), ("response_mode", "query")], "invalid_request", "AADSTS70007: "),
        (&[("response_mode", "pigeon")], "invalid_request", "AADSTS70007: "),
        (&[("code_challenge_method", "s256")], "invalid_request", "AADSTS50149: "),
        (&[("code_challenge_method", "S512")], "invalid_request", "AADSTS50149: "),
        (&[("code_challenge", "x")], "invalid_request", "AADSTS501491: "),
        (&[("code_challenge", "x"), ("code_challenge_method", "")], "invalid_request", "AADSTS501491: "),
        (&[("prompt", "none")], "login_required", "AADSTS50058: "),
    ] {
        let returned = App::returned(&app.opens("organizations", &app.with(changes)).await);
        assert_eq!(returned[0], ("error".to_owned(), error.to_owned()), "{changes:?}");
        assert!(returned[1].1.starts_with(code), "{changes:?} {returned:?}");
        assert_eq!(returned[2], ("state".to_owned(), "st&te".to_owned()));
    }
    let mut form = app.request();
    form.push(("cancel", "1".to_owned()));
    let url = format!("{}/organizations/oauth2/v2.0/authorize", app.world.base_url);
    assert_eq!(App::returned(&send(app.http.post(&url).form(&form)).await)[0].1, "access_denied");
    let foreign = app.http.post(&url).form(&form).header("sec-fetch-site", "cross-site");
    assert_eq!(send(foreign).await.status, 403, "another page's form");
    let by_link = app.opens("organizations", &form).await;
    assert_eq!(by_link.status, 403, "a link that picks");
}

#[tokio::test]
async fn an_answer_comes_as_it_was_asked_for() {
    let app = App::start().await;
    let fragment = app.with(&[("response_type", "code id_token")]);
    let reply = app.picks("organizations", &fragment, NORA).await;
    assert!(Url::parse(reply.header("location").unwrap()).unwrap().fragment().is_some());
    let returned = App::returned(&reply);
    let names: Vec<&str> = returned.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["code", "id_token", "state", "session_state"]);
    assert_eq!(claims(&returned[1].1)["nonce"], "n0nce");

    let posted = app
        .picks("organizations", &app.with(&[("response_mode", "form_post"), ("response_type", "id_token")]), NORA)
        .await;
    assert_eq!(posted.status, 200);
    assert!(
        posted.text.contains(&format!("action=\"{BACK}\"")) && posted.text.contains("name=\"id_token\""),
        "{}",
        posted.text
    );
    assert!(posted.header("content-security-policy").unwrap().contains("form-action 'self' http://localhost:5000;"));
}

#[tokio::test]
async fn a_browser_is_known_again_until_it_signs_out() {
    let app = App::start().await;
    let reply = app.picks("organizations", &app.request(), NORA).await;
    let session = reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let silent = app.with(&[("prompt", "none")]);
    let url = Url::parse_with_params(&app.world.base_url, &silent).unwrap();
    let authorize = format!("{}/organizations/oauth2/v2.0/authorize?{}", app.world.base_url, url.query().unwrap());
    let known = App::returned(&send(app.http.get(&authorize).header("cookie", &session)).await);
    assert_eq!(known[0].0, "code");
    let forged = App::returned(&send(app.http.get(&authorize).header("cookie", format!("{session}x"))).await);
    assert_eq!(forged[0].1, "login_required");

    let sign_out = async |back: &str| {
        let url = Url::parse_with_params(&app.world.base_url, [("post_logout_redirect_uri", back)]).unwrap();
        send(app.http.get(format!("{}/common/oauth2/v2.0/logout?{}", app.world.base_url, url.query().unwrap()))).await
    };
    let out = sign_out("http://localhost:5000/bye").await;
    assert_eq!((out.status, out.header("location")), (303, Some("http://localhost:5000/bye")));
    assert!(out.header("set-cookie").unwrap().starts_with("rehearsal-session=;"));
    let stays = sign_out("https://evil.example/").await;
    assert!(stays.status == 200 && stays.text.contains("You are signed out"), "{}", stays.text);
}

#[tokio::test]
async fn version_1_says_the_same_in_its_own_words() {
    let app = App::start().await;
    let tenant = text(&app.environment, "tenantId");
    let discovery = app.world.get(&format!("/{tenant}/.well-known/openid-configuration")).await.expect(200);
    let authorize = text(&discovery, "authorization_endpoint").replace(&tenant, "common");
    let request = app.with(&[("scope", "")]);
    let page = send(app.http.get(Url::parse_with_params(&authorize, &request).unwrap())).await;
    let (_, user) = App::people(&page).into_iter().find(|(email, _)| email == NORA).unwrap();
    let mut form = request.clone();
    form.push(("user", user));
    let code = App::returned(&send(app.http.post(&authorize).form(&form)).await).swap_remove(0).1;
    let exchange = [
        ("grant_type", "authorization_code".to_owned()),
        ("client_id", text(&app.environment, "clientId")),
        ("client_secret", text(&app.environment, "clientSecret")),
        ("redirect_uri", BACK.to_owned()),
        ("code_verifier", VERIFIER.to_owned()),
        ("code", code),
    ];
    let url = text(&discovery, "token_endpoint").replace(&tenant, "common");
    let tokens = send(app.http.post(url).form(&exchange)).await.expect(200);
    assert_eq!(tokens["expires_in"], "3599");
    let id = claims(&text(&tokens, "id_token"));
    assert_eq!((&id["ver"], &id["upn"], id.get("preferred_username")), (&json!("1.0"), &json!(NORA), None));
    assert_eq!(id["iss"], format!("https://sts.windows.net/{}/", text(&id, "tid")));
}

#[tokio::test]
async fn the_stand_ins_landing_page_wants_people_signed_in_where_the_rule_says_so() {
    let app = App::start().await;
    let bought = app.world.buyer().buys_seats().await;
    let link = text(&bought["link"], "personalizedLink");
    assert_eq!(send(app.http.get(&link)).await.status, 200);
    let on = json!({ "rules": { "landingSignIn": "on" } });
    app.world.control(Method::PATCH, &format!("/sandboxes/{SANDBOX}"), Some(on)).await.expect(200);

    let program = send(app.http.get(&link).header("accept", "application/json")).await;
    assert_eq!((program.status, &program.json()["error"]["code"]), (401, &json!("signInRequired")));
    let browser = send(app.http.get(&link)).await;
    assert_eq!(browser.status, 303);
    let begun = browser.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let authorize = Url::parse(browser.header("location").unwrap()).unwrap();
    let request: Vec<(String, String)> = authorize.query_pairs().into_owned().collect();
    let page = send(app.http.get(authorize.clone())).await;
    let (_, user) = App::people(&page).into_iter().find(|(email, _)| email == NORA).unwrap();
    let mut form = request.clone();
    form.push(("user".to_owned(), user));
    let mut action = authorize.clone();
    action.set_query(None);
    let back = send(app.http.post(action).form(&form)).await;
    let back = back.header("location").unwrap().to_owned();

    // Only the browser that was sent gets in, and only with the state that it was sent with.
    let fault = send(app.http.get(&back)).await;
    assert!(fault.status == 403 && fault.text.contains("was not begun in this browser"), "{}", fault.text);
    let other = back.replace("state=", "state=x");
    assert_eq!(send(app.http.get(other).header("cookie", &begun)).await.status, 403);
    let signed_in = send(app.http.get(&back).header("cookie", &begun)).await;
    assert_eq!(signed_in.status, 303, "{}", signed_in.text);
    let session = signed_in
        .headers
        .get_all("set-cookie")
        .iter()
        .next()
        .unwrap()
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let landing = format!("{}{}", app.world.base_url, signed_in.header("location").unwrap());
    let page = send(app.http.get(&landing).header("cookie", &session)).await;
    assert!(page.status == 200 && page.text.contains("Signed in as Nora Lindqvist"), "{}", page.text);
    assert_eq!(
        send(app.http.get(&landing).header("cookie", format!("{session}x"))).await.status,
        303,
        "a forged session"
    );
    let used = send(app.http.get(&back).header("cookie", &begun)).await;
    assert!(used.status == 403 && used.text.contains("AADSTS54005"), "{} {}", used.status, used.text);
}

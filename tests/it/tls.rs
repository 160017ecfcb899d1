//! HTTPS: the local certificate authority, who trusts it, and the names that the server's certificate is good for.

use std::{net::SocketAddr, path::Path, process::Command};

use rehearsal::cli::wiring::{Server, ServerOptions};
use reqwest::{Certificate, Client};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::{text, token_form};

async fn serve(data: Option<&Path>) -> Server {
    let options = ServerOptions { tls: true, data: data.map(Path::to_owned), ..ServerOptions::default() };
    Server::start(options).await.unwrap()
}

/// A client that trusts the server's authority and nobody else, and is led to the server by Microsoft's host names.
fn client(server: &Server) -> Client {
    let certificate = Certificate::from_pem(server.certificate.as_ref().unwrap().as_bytes()).unwrap();
    let led = |builder: reqwest::ClientBuilder, host: &str| builder.resolve(host, server.address);
    let hosts = ["login.microsoftonline.com", "login.windows.net", "marketplaceapi.microsoft.com", "example.com"];
    let builder = Client::builder().no_proxy().tls_certs_only([certificate]);
    hosts.into_iter().fold(builder, led).build().unwrap()
}

async fn get(client: &Client, url: &str) -> Value {
    client.get(url).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn the_whole_sale_goes_over_https_and_only_to_those_who_trust_it() {
    let server = serve(None).await;
    assert!(server.base_url.starts_with("https://127.0.0.1:"));
    let http = client(&server);
    let control = format!("{}/sim/v1/sandboxes/default", server.base_url);
    let order = json!({"customer": "northwind", "offer": "contoso-crm", "plan": "team", "quantity": 5});
    let bought: Value =
        http.post(format!("{control}/purchases")).json(&order).send().await.unwrap().json().await.unwrap();
    assert!(text(&bought["link"], "personalizedLink").starts_with(&server.base_url));
    // The stand-in publisher is a client like any other: it resolves, reports and activates over HTTPS.
    let code = text(&bought["link"], "authorizationCode");
    let form = [
        ("token", code.as_str()),
        ("site", "contoso"),
        ("field.companyName", "Northwind"),
        ("field.contactEmail", "nora@northwind.example"),
        ("field.region", "Europe"),
    ];
    let page = http.post(format!("{}/publisher/landing", server.base_url)).form(&form).send().await.unwrap();
    assert!(page.status().is_success(), "{}", page.status());
    let view = format!("{control}/subscriptions/{}", text(&bought, "id"));
    while get(&http, &view).await["status"] != "Subscribed" {}
    // And so is whoever calls its webhook.
    let change = http.post(format!("{view}/changes")).json(&json!({ "quantity": 8 })).send().await.unwrap();
    assert_eq!(change.status(), 202);
    while get(&http, &view).await["quantity"] != 8 {}

    let stranger = Client::builder().no_proxy().build().unwrap();
    assert!(stranger.get(format!("{}/livez", server.base_url)).send().await.is_err());
    let plain = server.base_url.replace("https://", "http://");
    assert!(stranger.get(format!("{plain}/livez")).send().await.is_err());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn microsofts_own_hosts_can_be_led_here_by_name() {
    let server = serve(None).await;
    let http = client(&server);
    let port = server.address.port();
    let environment = get(&http, &format!("{}/sim/v1/sandboxes/default/environment", server.base_url)).await;
    let publisher = &environment["publishers"][0];
    let tenant = text(publisher, "tenantId");
    let login = format!("https://login.microsoftonline.com:{port}");
    let discovery = get(&http, &format!("{login}/{tenant}/v2.0/.well-known/openid-configuration")).await;
    assert_eq!(text(&discovery, "token_endpoint"), format!("{login}/{tenant}/oauth2/v2.0/token"));
    let granted = http.post(text(&discovery, "token_endpoint")).form(&token_form(publisher)).send().await.unwrap();
    let token = text(&granted.json().await.unwrap(), "access_token");
    let marketplace = format!("https://marketplaceapi.microsoft.com:{port}/api/saas/subscriptions");
    let list = http.get(format!("{marketplace}?api-version=2018-08-31")).bearer_auth(token).send().await.unwrap();
    assert_eq!(list.status(), 200);
    // Nobody else's.
    assert!(http.get(format!("https://example.com:{port}/livez")).send().await.is_err());
    server.stop().await.unwrap();
}

/// A name that the server is allowed to go by is one that its certificate is good for.
#[tokio::test]
async fn a_server_is_called_by_the_names_that_it_was_given() {
    let options =
        ServerOptions { tls: true, allow_hosts: vec!["example.com".parse().unwrap()], ..ServerOptions::default() };
    let server = Server::start(options).await.unwrap();
    let url = format!("https://example.com:{}/version", server.address.port());
    assert_eq!(get(&client(&server), &url).await["name"], "rehearsal");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_authority_is_kept_and_its_key_is_the_owners() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let ca = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehearsal"));
        command.arg("ca").arg("--data").arg(&data).args(arguments).output().unwrap()
    };
    let none = ca(&[]);
    assert_eq!(none.status.code(), Some(4));
    let said = String::from_utf8(none.stderr).unwrap();
    assert!(said.contains("no certificate authority") && said.contains("rehearsal serve --tls"), "{said}");

    let mut certificates = Vec::new();
    for _ in 0..2 {
        let server = serve(Some(&data)).await;
        certificates.push(server.certificate.clone().unwrap());
        assert_eq!(client(&server).get(format!("{}/livez", server.base_url)).send().await.unwrap().status(), 200);
        server.stop().await.unwrap();
    }
    assert_eq!(certificates[0], certificates[1]);
    let printed = ca(&[]);
    assert_eq!(String::from_utf8(printed.stdout).unwrap().trim(), certificates[0].trim());
    let how = String::from_utf8(printed.stderr).unwrap();
    for client in [
        "NODE_EXTRA_CA_CERTS",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_FILE",
        "keytool",
        "--cacert",
        "Nothing has been installed",
    ] {
        assert!(how.contains(client), "{client}");
    }
    let path = String::from_utf8(ca(&["--path"]).stdout).unwrap();
    assert_eq!(std::fs::read_to_string(path.trim()).unwrap(), certificates[0]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let key = std::fs::metadata(data.join("tls/ca-key.pem")).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
    }
    // A damaged key is said, not replaced.
    std::fs::write(data.join("tls/ca-key.pem"), "no key").unwrap();
    let options = ServerOptions { tls: true, data: Some(data), ..ServerOptions::default() };
    let error = Server::start(options).await.unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");
}

#[tokio::test]
async fn a_handshake_that_hangs_or_makes_no_sense_holds_nobody_up() {
    let server = serve(None).await;
    let connect = async |address: SocketAddr| tokio::net::TcpStream::connect(address).await.unwrap();
    let mut hanging = Vec::new();
    for _ in 0..100 {
        hanging.push(connect(server.address).await);
    }
    let mut nonsense = connect(server.address).await;
    nonsense.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _alert_or_end = nonsense.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "no plain HTTP on this port");
    assert_eq!(client(&server).get(format!("{}/livez", server.base_url)).send().await.unwrap().status(), 200);
    drop(hanging);
    server.stop().await.unwrap();
}

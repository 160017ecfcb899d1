//! Marketplace and publisher in processes of their own: `serve --only`, `--marketplace`, `--authority`.

use std::{net::TcpListener, time::Duration};

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Served;
use crate::world::{client, send, text};

const PATIENCE: Duration = Duration::from_secs(30);

/// An address that nobody listens on, for a server whose address has to be known before it starts.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[tokio::test]
async fn a_sale_goes_through_two_servers() {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let landing_page = format!("http://{address}/publisher/landing?site=contoso");
    let marketplace =
        Served::start(folder.path(), ["--ephemeral", "--only", "marketplace", "--landing-page", &landing_page]);
    let market = marketplace.url();
    let arguments = ["--ephemeral", "--only", "publisher", "--marketplace", &market, "--authority", &market];
    let publisher = Served::start_at(&address, folder.path(), arguments);

    let purchases = format!("{market}/sim/v1/sandboxes/default/purchases");
    let order = json!({"customer": "northwind", "offer": "contoso-crm", "plan": "team", "quantity": 5});
    let bought = send(client().post(purchases).json(&order)).await.expect(201);
    let link = text(&bought["link"], "personalizedLink");
    assert!(link.starts_with(&format!("{}/publisher/landing", publisher.url())), "{link}");
    let page = send(client().get(&link)).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.text.contains("Set up Contoso CRM"), "the link leads to the form: {}", page.text);

    let form = [
        ("token", text(&bought["link"], "authorizationCode")),
        ("site", "contoso".to_owned()),
        ("field.companyName", "Northwind Traders".to_owned()),
        ("field.contactEmail", "nora.lindqvist@northwind.example".to_owned()),
        ("field.region", "Europe".to_owned()),
        ("field.users", "nora.lindqvist@northwind.example".to_owned()),
    ];
    let landing = format!("{}/publisher/landing", publisher.url());
    let submitted = send(client().post(landing).header("accept", "application/json").form(&form)).await.expect(201);
    // The stream of changes ends with the activation.
    let account = text(&submitted, "url");
    let changes = send(client().get(format!("{account}/events")).timeout(PATIENCE)).await;
    assert!([200, 204].contains(&changes.status), "{}", changes.text);
    let account = send(client().get(account).header("accept", "application/json")).await.expect(200);
    assert_eq!(account["state"], "active", "{account}");

    let subscription = format!("{market}/sim/v1/sandboxes/default/subscriptions/{}", text(&bought, "id"));
    let view = send(client().get(subscription)).await.expect(200);
    assert_eq!(view["status"], "Subscribed", "{view}");
    assert_eq!(view["billing"]["started"], true, "{view}");
    assert_eq!(view["ledger"].as_array().map(Vec::len), Some(1), "{view}");
    let confirmed: Vec<&Value> = view["confirmations"].as_array().unwrap().iter().map(|one| &one["entry"]).collect();
    assert!(confirmed.iter().all(|entry| entry.is_u64()), "{view}");
}

#[tokio::test]
async fn a_publisher_without_its_marketplace_says_so_on_its_page() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = format!("http://{}", free_address());
    let arguments = ["--ephemeral", "--only", "publisher", "--marketplace", &nobody, "--authority", &nobody];
    let publisher = Served::start(folder.path(), arguments);
    let landing = format!("{}/publisher/landing?site=contoso&token=code", publisher.url());
    let page = send(client().get(&landing).header("accept", "text/html").timeout(PATIENCE)).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE.as_u16(), "{}", page.text);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    for part in ["the marketplace does not answer", "nothing is lost", "data-testid=\"notice-"] {
        assert!(page.text.to_lowercase().contains(part), "{part:?} is not in {}", page.text);
    }
    assert!(!page.text.contains("panicked"), "{}", page.text);
    let told = send(client().get(&landing).header("accept", "application/json").timeout(PATIENCE)).await.expect(503);
    assert!(!text(&told["error"], "message").is_empty());
    let asking = send(client().get(format!("{}/publisher/landing", publisher.url()))).await;
    assert_eq!(asking.status, 200, "the page without a code needs no marketplace");
}

//! The whole flow in a real browser: buy with a mistake, buy, open the link, fill the form with mistakes, fill it right,
//! watch it being set up, see it billed. Screenshots of a failure are left in `tests/artefacts`.

use std::{
    future::Future,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rehearsal::cli::wiring::{Server, ServerOptions};
use reqwest::Client;
use serde_json::{Value, json};
use thirtyfour::{common::capabilities::chromium::ChromiumLikeCapabilities, prelude::*};

/// How long a page may take to show what it shall show.
const PATIENCE: Duration = Duration::from_secs(20);

/// A browser with an empty profile, and the driver process behind it.
struct Browser {
    driver: Child,
    page: WebDriver,
    _profile: tempfile::TempDir,
}

impl Browser {
    async fn open(width: u32) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is there: tests/run installs it");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .find_map(|line| Some(line.ok()?.split_once("successfully on port ")?.1.trim_end_matches('.').to_owned()))
            .expect("chromedriver tells its port");
        // The rest of what it says has to be read, or it stops when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        let profile = tempfile::tempdir().unwrap();
        let mut chrome = DesiredCapabilities::chrome();
        for flag in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ] {
            chrome.add_arg(flag).unwrap();
        }
        chrome.add_arg(&format!("--user-data-dir={}", profile.path().display())).unwrap();
        chrome.add_arg(&format!("--window-size={width},1000")).unwrap();
        let page = WebDriver::new(format!("http://127.0.0.1:{port}"), chrome).await.expect("Chromium starts");
        Self { driver, page, _profile: profile }
    }

    /// Runs a story; leaves a screenshot if it fails.
    async fn tell<F>(mut self, name: &str, story: impl FnOnce(WebDriver) -> F)
    where
        F: Future<Output = WebDriverResult<()>> + Send + 'static,
    {
        // In a task of its own, so that an assertion that fails is caught as well.
        let told = tokio::spawn(story(self.page.clone())).await;
        if !matches!(told, Ok(Ok(()))) {
            let folder = Path::new("tests/artefacts");
            std::fs::create_dir_all(folder).unwrap();
            let _best_effort = self.page.screenshot(&folder.join(format!("{name}.png"))).await;
        }
        let _gone = self.page.quit().await;
        self.driver.kill().unwrap();
        self.driver.wait().unwrap();
        match told {
            Ok(Ok(())) => {}
            Ok(Err(error)) => panic!("{name}: {error}; see tests/artefacts/{name}.png"),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
}

async fn start() -> Server {
    Server::start(ServerOptions::default()).await.expect("the server starts")
}

fn test_id(id: &str) -> By {
    By::Css(format!("[data-testid='{id}']"))
}

async fn wait_for(page: &WebDriver, by: By) -> WebDriverResult<WebElement> {
    page.query(by).wait(PATIENCE, Duration::from_millis(50)).first().await
}

async fn text(page: &WebDriver, id: &str) -> WebDriverResult<String> {
    wait_for(page, test_id(id)).await?.text().await
}

async fn fill(page: &WebDriver, id: &str, value: &str) -> WebDriverResult<()> {
    let field = wait_for(page, test_id(id)).await?;
    if field.tag_name().await? != "select" {
        field.clear().await?;
    }
    field.send_keys(value).await
}

async fn click(page: &WebDriver, id: &str) -> WebDriverResult<()> {
    wait_for(page, test_id(id)).await?.click().await
}

/// Nothing on the page is wider than the window.
async fn fits(page: &WebDriver) -> WebDriverResult<()> {
    let wide = page.execute("return document.documentElement.scrollWidth - window.innerWidth", vec![]).await?;
    let wide: i64 = wide.convert()?;
    assert!(wide <= 0, "{} is {wide} px wider than the window", page.current_url().await?);
    Ok(())
}

async fn buy(server: &Server) -> Value {
    let url = format!("{}/sim/v1/sandboxes/default/purchases", server.base_url);
    let order = json!({"customer": "northwind", "offer": "contoso-crm", "plan": "team", "quantity": 5});
    Client::new().post(url).json(&order).send().await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_sale_is_rehearsed_by_clicking() {
    let server = start().await;
    let base = server.base_url.clone();
    let story = |page: WebDriver| async move {
        page.goto(&base).await?;
        fill(&page, "buy-customer", "Northwind").await?;
        fill(&page, "buy-plan", "Team").await?;
        fill(&page, "buy-quantity", "4000").await?;
        fill(&page, "buy-name", "CRM for the sales team").await?;
        click(&page, "buy-submit").await?;
        assert!(text(&page, "error-quantity").await?.contains("50"), "the limit is told at the field");
        let kept = wait_for(&page, test_id("buy-name")).await?.prop("value").await?;
        assert_eq!(kept.as_deref(), Some("CRM for the sales team"), "what was typed is kept");

        fill(&page, "buy-quantity", "5").await?;
        click(&page, "buy-submit").await?;
        wait_for(&page, test_id("bought")).await?;
        assert!(wait_for(&page, By::Tag("main")).await?.text().await?.contains("Nothing is billed yet"));
        assert_eq!(text(&page, "authorization-code").await?.len(), 216);
        let link = text(&page, "personalized-link-url").await?;
        let subscription = wait_for(&page, test_id("to-subscription")).await?.prop("href").await?.unwrap();

        page.goto(&link).await?;
        fill(&page, "field-contactEmail", "nobody").await?;
        fill(&page, "field-users", "nora@northwind.example\nno address").await?;
        click(&page, "submit").await?;
        for field in ["companyName", "contactEmail", "region", "users"] {
            assert!(!text(&page, &format!("error-{field}")).await?.is_empty(), "{field} has its message");
        }
        let kept = wait_for(&page, test_id("field-contactEmail")).await?.prop("value").await?;
        assert_eq!(kept.as_deref(), Some("nobody"), "what was typed is kept");

        fill(&page, "field-companyName", "Northwind Traders").await?;
        fill(&page, "field-contactEmail", "nora@northwind.example").await?;
        fill(&page, "field-region", "Europe").await?;
        fill(&page, "field-users", "nora@northwind.example\nolaf@northwind.example").await?;
        click(&page, "submit").await?;
        // The page gets there by itself: nobody reloads it.
        wait_for(&page, By::Css("[data-testid='account-state'][data-state='active']")).await?;
        for step in ["createAccount", "assignLicenses", "reportLicenses", "activate"] {
            wait_for(&page, By::Css(format!("[data-testid='step-{step}'][data-state='done']"))).await?;
        }
        assert!(text(&page, "licenses").await?.contains("olaf@northwind.example"));
        assert!(text(&page, "pool").await?.contains('3'));
        let customer = text(&page, "customer-url").await?;

        page.goto(&subscription).await?;
        for confirmation in ["licensesAssigned", "activated"] {
            wait_for(&page, By::Css(format!("[data-testid='confirmation-{confirmation}'][data-state='done']"))).await?;
        }
        assert!(text(&page, "ledger").await?.contains("122.50"));
        assert!(text(&page, "timeline").await?.contains("Billing started"));

        page.goto(&customer).await?;
        assert!(text(&page, "welcome").await?.contains("Contoso CRM"));
        // The link leads to the account from now on.
        page.goto(&link).await?;
        wait_for(&page, By::Css("[data-testid='account-state'][data-state='active']")).await?;
        Ok(())
    };
    Browser::open(1200).await.tell("whole-sale", story).await;
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_a_telephone_and_a_bad_code_gets_guidance() {
    let server = start().await;
    let bought = buy(&server).await;
    let base = server.base_url.clone();
    let story = |page: WebDriver| async move {
        let id = bought["id"].as_str().unwrap();
        let link = bought["link"]["personalizedLink"].as_str().unwrap();
        for path in
            ["/", "/journal", &format!("/subscriptions/{id}/bought"), &format!("/subscriptions/{id}"), "/publisher"]
        {
            page.goto(format!("{base}{path}")).await?;
            fits(&page).await?;
        }
        page.goto(link).await?;
        wait_for(&page, test_id("landing-form")).await?;
        fits(&page).await?;

        page.goto(format!("{base}/publisher/landing?site=contoso")).await?;
        fill(&page, "code", "not a code").await?;
        click(&page, "submit").await?;
        wait_for(&page, test_id("code-guidance")).await?;
        fits(&page).await?;

        page.goto(format!("{base}/publisher/landing?site=contoso")).await?;
        fill(&page, "code", bought["link"]["authorizationCode"].as_str().unwrap()).await?;
        click(&page, "submit").await?;
        wait_for(&page, test_id("landing-form")).await?;
        Ok(())
    };
    Browser::open(360).await.tell("telephone", story).await;
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_gave_up_is_tried_again_by_a_button() {
    let server = start().await;
    let bought = buy(&server).await;
    let base = server.base_url.clone();
    let story = |page: WebDriver| async move {
        let http = Client::new();
        let sandbox = format!("{base}/sim/v1/sandboxes/default");
        let fault = json!({"step": "activate", "times": 100});
        http.put(format!("{sandbox}/faults/provisioning")).json(&fault).send().await.unwrap();
        page.goto(bought["link"]["personalizedLink"].as_str().unwrap()).await?;
        fill(&page, "field-companyName", "Northwind Traders").await?;
        fill(&page, "field-contactEmail", "nora@northwind.example").await?;
        fill(&page, "field-region", "Europe").await?;
        click(&page, "submit").await?;
        wait_for(&page, test_id("steps")).await?;
        // An hour is long enough for every retry; the clock makes it short.
        http.post(format!("{sandbox}/clock/advance")).json(&json!({"by": "PT1H"})).send().await.unwrap();
        wait_for(&page, By::Css("[data-testid='account-state'][data-state='needsAttention']")).await?;
        let lifted = json!({"step": "activate", "times": 0});
        http.put(format!("{sandbox}/faults/provisioning")).json(&lifted).send().await.unwrap();
        click(&page, "try-again").await?;
        wait_for(&page, By::Css("[data-testid='account-state'][data-state='active']")).await?;
        Ok(())
    };
    Browser::open(1200).await.tell("try-again", story).await;
    server.stop().await.unwrap();
}

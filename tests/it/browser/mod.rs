//! The pages in a real browser, as people use them: Chromium, driven by chromedriver against a server in this process.
//!
//! A story that fails leaves a screenshot in `tests/artefacts/`. Every story fails as well when the browser reports a
//! JavaScript error or a violation of the Content-Security-Policy on any page that it visits.

mod access;
mod clock;
mod driver;
mod life;
mod looks;
mod page;
mod portal;
mod sale;
mod sign_in;
mod tabs;
mod trouble;

use std::future::Future;

use rehearsal::cli::wiring::{Server, ServerOptions};
use reqwest::Client;
use serde_json::{Value, json};

use self::{
    driver::{Look, tell},
    page::Page,
};

/// A server on a free port that keeps everything in memory, and its control API.
struct World {
    server: Server,
    http: Client,
}

impl World {
    async fn start() -> Self {
        let server = Server::start(ServerOptions::default()).await.expect("the server starts");
        Self { server, http: Client::new() }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.base_url)
    }

    /// Five seats of Contoso CRM, bought through the control API: its view.
    async fn buy(&self) -> Purchase {
        let order = json!({"customer": "northwind", "offer": "contoso-crm", "plan": "team", "quantity": 5});
        let bought = self.control("purchases", &order).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Purchase {
            id: text(&bought["id"]),
            link: text(&bought["link"]["personalizedLink"]),
            code: text(&bought["link"]["authorizationCode"]),
        }
    }

    async fn control(&self, path: &str, body: &Value) -> Value {
        let url = self.url(&format!("/sim/v1/sandboxes/default/{path}"));
        let answer = self.http.post(url).json(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    /// Makes the next attempts at a step fail; 0 makes it work again.
    async fn fail(&self, step: &str, times: u32) {
        self.steer("faults/provisioning", json!({"step": step, "times": times})).await;
    }

    /// Sets something of the sandbox, when it is waited for: a story may do so in the middle.
    fn steer(&self, path: &str, body: Value) -> impl Future<Output = ()> + Send + use<> {
        let request = self.http.put(self.url(&format!("/sim/v1/sandboxes/default/{path}"))).json(&body);
        async move {
            let answer = request.send().await.unwrap();
            assert!(answer.status().is_success(), "{}", answer.status());
        }
    }

    /// Posts something to the sandbox, when it is waited for.
    fn post(&self, path: &str, body: Value) -> impl Future<Output = ()> + Send + use<> {
        let request = self.http.post(self.url(&format!("/sim/v1/sandboxes/default/{path}"))).json(&body);
        async move {
            let answer = request.send().await.unwrap();
            assert!(answer.status().is_success(), "{}", answer.status());
        }
    }

    async fn tell<F>(&self, name: &str, look: Look, story: impl FnOnce(Page) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        tell(name, look, &self.server.base_url, story).await;
    }

    async fn stop(self) {
        self.server.stop().await.unwrap();
    }
}

/// What a purchase gave.
#[derive(Clone)]
struct Purchase {
    id: String,
    link: String,
    code: String,
}

/// Fills the set-up form of Contoso CRM rightly, and submits it.
async fn set_up(page: &Page) {
    page.write("field-companyName", "Northwind Traders").await;
    page.write("field-contactEmail", "nora.lindqvist@northwind.example").await;
    page.choose("field-region", "Europe").await;
    page.write("field-users", "nora.lindqvist@northwind.example\noscar.mendes@northwind.example").await;
    page.click("submit").await;
}

//! What a person does with a page: reads, writes, chooses, clicks. Elements are named by their `data-testid`. Nothing
//! here waits for time to pass; it waits for the page to show something, and fails with what it was waiting for.

use std::{path::Path, time::Duration};

use serde::de::DeserializeOwned;
use thirtyfour::{components::SelectElement, error::WebDriverError, prelude::*};

/// How long a page may take to show what it has to show.
const PATIENCE: Duration = Duration::from_secs(20);
const GLANCE: Duration = Duration::from_millis(40);

pub(super) struct Page {
    pub(super) web: WebDriver,
    base: String,
}

/// The selector of a test id.
pub(super) fn id(test_id: &str) -> String {
    format!("[data-testid='{test_id}']")
}

fn done<T>(result: WebDriverResult<T>, what: &str) -> T {
    result.unwrap_or_else(|error| panic!("{what}: {error}"))
}

impl Page {
    pub(super) fn new(web: WebDriver, base: &str) -> Self {
        Self { web, base: base.to_owned() }
    }

    /// Opens a path of the server, or a whole URL.
    pub(super) async fn open(&self, place: &str) {
        let url = if place.starts_with('/') { format!("{}{place}", self.base) } else { place.to_owned() };
        done(self.web.goto(&url).await, &url);
    }

    pub(super) async fn url(&self) -> String {
        done(self.web.current_url().await, "the address").to_string()
    }

    /// Waits until a selector finds something.
    pub(super) async fn see(&self, selector: &str) -> WebElement {
        let found = self.web.query(By::Css(selector)).wait(PATIENCE, GLANCE).first().await;
        match found {
            Ok(element) => element,
            Err(error) => panic!("no {selector} on {}: {error}", self.url().await),
        }
    }

    pub(super) async fn has(&self, test_id: &str) -> bool {
        done(self.web.query(By::Css(id(test_id))).nowait().exists().await, test_id)
    }

    /// Does something with what a selector finds; once more if a live update or the next page has just taken that away.
    async fn with<T, Acted>(&self, selector: &str, act: impl Fn(WebElement) -> Acted + Send + Sync) -> T
    where
        T: Send,
        Acted: Future<Output = WebDriverResult<T>> + Send,
    {
        loop {
            match act(self.see(selector).await).await {
                Err(error) if is_gone(&error) => {}
                acted => return done(acted, selector),
            }
        }
    }

    pub(super) async fn text(&self, test_id: &str) -> String {
        self.with(&id(test_id), |element| async move { element.text().await }).await
    }

    /// Waits until an element says all of that: after a click it may still be the element of the page before, and a page
    /// that is live gets there by itself.
    pub(super) async fn shows(&self, test_id: &str, parts: &[&str]) {
        let mut text = String::new();
        let said = tokio::time::timeout(PATIENCE, async {
            loop {
                text = self.text(test_id).await;
                if parts.iter().all(|part| text.contains(part)) {
                    return;
                }
            }
        });
        assert!(said.await.is_ok(), "{test_id} does not come to say {parts:?}: {text}");
    }

    pub(super) async fn property(&self, test_id: &str, name: &str) -> String {
        self.with(&id(test_id), |element| async move { element.prop(name).await }).await.unwrap_or_default()
    }

    /// What stands in a field.
    pub(super) async fn value(&self, test_id: &str) -> String {
        self.property(test_id, "value").await
    }

    pub(super) async fn write(&self, test_id: &str, text: &str) {
        let written = |field: WebElement| async move {
            field.clear().await?;
            field.send_keys(text).await
        };
        self.with(&id(test_id), written).await;
    }

    /// Chooses by value; an option without one has its text as its value.
    pub(super) async fn choose(&self, test_id: &str, value: &str) {
        let chosen = |field: WebElement| async move {
            for option in SelectElement::new(&field).await?.options().await? {
                if option.prop("value").await?.as_deref() == Some(value) {
                    option.click().await?;
                    return Ok(true);
                }
            }
            Ok(false)
        };
        assert!(self.with(&id(test_id), chosen).await, "{test_id} does not offer {value}");
    }

    pub(super) async fn click(&self, test_id: &str) {
        self.with(&id(test_id), |element| async move { element.click().await }).await;
    }

    /// Follows the link of that text.
    pub(super) async fn click_link(&self, text: &str) {
        loop {
            let link = self.web.query(By::LinkText(text)).wait(PATIENCE, GLANCE).first().await;
            let link = link.unwrap_or_else(|error| panic!("no link {text:?}: {error}"));
            match link.click().await {
                Err(error) if is_gone(&error) => {}
                clicked => return done(clicked, text),
            }
        }
    }

    /// Follows the first link in an element.
    pub(super) async fn click_first_link(&self, test_id: &str) {
        self.with(&format!("{} a", id(test_id)), |link| async move { link.click().await }).await;
    }

    /// Takes a picture of so much of the page, in pixels from its top, for the documentation, when its pictures are made anew:
    /// `UPDATE_GOLDEN=1`.
    #[expect(clippy::disallowed_methods, reason = "whoever runs the tests says that pictures are wanted")]
    pub(super) async fn picture(&self, name: &str, height: u32) {
        if std::env::var("UPDATE_GOLDEN").is_ok_and(|wanted| wanted == "1") {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/images/{name}.png"));
            let window = done(self.web.get_window_rect().await, name);
            let (width, usual) = (u32::try_from(window.width).unwrap(), u32::try_from(window.height).unwrap());
            done(self.web.set_window_rect(0, 0, width, height).await, name);
            done(self.web.screenshot(&file).await, name);
            done(self.web.set_window_rect(0, 0, width, usual).await, name);
        }
    }

    /// The result of a script that calls back.
    pub(super) async fn run_async<T: DeserializeOwned>(&self, script: &str) -> T {
        let result = done(self.web.execute_async(script, Vec::new()).await, script);
        done(result.convert(), script)
    }

    /// Clicks on something that opens a new tab, and goes there.
    pub(super) async fn click_to_new_tab(&self, test_id: &str) {
        let before = done(self.web.windows().await, "tabs");
        self.click(test_id).await;
        let opened = tokio::time::timeout(PATIENCE, async {
            loop {
                let now = done(self.web.windows().await, "tabs");
                if let Some(new) = now.into_iter().find(|window| !before.contains(window)) {
                    return new;
                }
            }
        });
        let opened = opened.await.expect("a new tab is opened");
        done(self.web.switch_to_window(opened).await, "the new tab");
    }

    /// The result of a script.
    pub(super) async fn run<T: DeserializeOwned>(&self, script: &str) -> T {
        let result = done(self.web.execute(script, Vec::new()).await, script);
        done(result.convert(), script)
    }

    pub(super) async fn press(&self, keys: impl Into<TypingData>) {
        let focused = done(self.web.active_element().await, "the focus");
        done(focused.send_keys(keys).await, "keys");
    }
}

/// Whether an element is no longer on the page. The driver does not always call it stale
/// (issue:SeleniumHQ/selenium#15401).
fn is_gone(error: &WebDriverError) -> bool {
    matches!(error.as_inner(), thirtyfour::error::WebDriverErrorInner::StaleElementReference(_))
        || error.to_string().contains("does not belong to the document")
}

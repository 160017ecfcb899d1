//! chromedriver, one for all stories, and a browser with an empty profile for each.

use std::{
    fs,
    future::Future,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
};

use serde_json::json;
use tempfile::TempDir;
use thirtyfour::{
    ChromeCapabilities, LoggingPrefsLogLevel, common::capabilities::chromium::ChromiumLikeCapabilities, prelude::*,
};
use tokio::sync::Semaphore;

use super::page::Page;

const MISSING: &str = "tests/run installs Chromium and its driver if they are missing";

/// Browsers take memory; more than this many at a time don't make a small machine faster.
static SEATS: Semaphore = Semaphore::const_new(2);

static SHARED: Mutex<Weak<Chromedriver>> = Mutex::new(Weak::new());

/// The driver's process. It ends with the last story that uses it.
struct Chromedriver {
    child: Child,
    url: String,
}

impl Chromedriver {
    fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return running;
        }
        let started = Arc::new(Self::start());
        *shared = Arc::downgrade(&started);
        started
    }

    fn start() -> Self {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver can't be started: {error}; {MISSING}"));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines
            .find_map(|line| Some(line.ok()?.split_once("successfully on port ")?.1.trim_end_matches('.').to_owned()))
            .unwrap_or_else(|| panic!("chromedriver ended without telling its port; {MISSING}"));
        // What else it says has to be read, or it stops when the pipe is full.
        thread::spawn(move || lines.for_each(drop));
        Self { child, url: format!("http://127.0.0.1:{port}") }
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// How a browser is set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Desktop,
    /// 360 px wide.
    Telephone,
    WithoutScript,
    /// The machine is set to dark colors.
    Night,
}

impl Look {
    fn capabilities(self, profile: &Path) -> WebDriverResult<ChromeCapabilities> {
        let mut chrome = DesiredCapabilities::chrome();
        for flag in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1200,1000",
        ] {
            chrome.add_arg(flag)?;
        }
        chrome.add_arg(&format!("--user-data-dir={}", profile.display()))?;
        chrome.set_browser_log_level(LoggingPrefsLogLevel::All)?;
        match self {
            Self::Desktop => {}
            Self::Night => chrome.add_arg("--force-dark-mode")?,
            Self::Telephone => {
                let screen = json!({"width": 360, "height": 740, "pixelRatio": 1.0, "mobile": true, "touch": false});
                chrome.add_experimental_option("mobileEmulation", json!({"deviceMetrics": screen}))?;
            }
            Self::WithoutScript => {
                let blocked = json!({"profile.managed_default_content_settings.javascript": 2});
                chrome.add_experimental_option("prefs", blocked)?;
            }
        }
        Ok(chrome)
    }
}

struct Browser {
    web: WebDriver,
    // Fields are dropped in this order: the profile is the browser's for as long as the driver may run it.
    _driver: Arc<Chromedriver>,
    _profile: TempDir,
}

impl Browser {
    async fn open(look: Look) -> Self {
        let driver = Chromedriver::shared();
        let profile = tempfile::tempdir().unwrap();
        let capabilities = look.capabilities(profile.path()).unwrap();
        let web = WebDriver::new(driver.url.as_str(), capabilities).await;
        let web = web.unwrap_or_else(|error| panic!("Chromium can't be started: {error}; {MISSING}"));
        Self { web, _driver: driver, _profile: profile }
    }
}

/// Tells a story in a fresh browser. It fails if the story does, or if the browser found fault with a page's code.
#[expect(clippy::print_stdout, reason = "whoever reads a failure learns where the screenshot is")]
pub(super) async fn tell<F>(name: &str, look: Look, base: &str, story: impl FnOnce(Page) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let _seat = SEATS.acquire().await.unwrap();
    let browser = Browser::open(look).await;
    let page = Page::new(browser.web.clone(), base);
    // In a task of its own, so that a failed assertion comes back here.
    let told = tokio::spawn(story(page)).await;
    let complaints = complaints(&browser.web).await;
    let artefact = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/artefacts/{name}.png"));
    if told.is_err() || !complaints.is_empty() {
        fs::create_dir_all(artefact.parent().unwrap()).unwrap();
        match browser.web.screenshot(&artefact).await {
            Ok(()) => println!("{name}: the page as it was is in {}", artefact.display()),
            Err(error) => println!("{name}: no screenshot could be taken: {error}"),
        }
    }
    let _best_effort = browser.web.clone().quit().await;
    if let Err(failed) = told {
        std::panic::resume_unwind(failed.into_panic());
    }
    assert!(complaints.is_empty(), "{name}: the browser complains: {complaints:#?}");
}

/// What the browser says against the pages: errors of scripts, violations of the Content-Security-Policy. An answer
/// that is an error by its status is none: refused forms have one.
pub(super) async fn complaints(web: &WebDriver) -> Vec<String> {
    let log = web.browser_log().await.unwrap_or_default();
    let severe = log.into_iter().filter(|entry| entry.level == "SEVERE" && entry.source.as_deref() != Some("network"));
    severe.map(|entry| entry.message).collect()
}

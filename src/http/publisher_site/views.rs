//! The pages' templates, and the words on them.

use askama::Template;
use url::form_urlencoded;

use super::fields::{FieldView, Input};
use crate::{
    domain::{
        catalogue::ProvisioningStep,
        ids::{PublisherId, SandboxId},
        setup_form::FieldKind,
    },
    http::words::{Moment, sentence, step_words},
    publisher::{
        answers::{Answer, FieldProblem, Typed},
        host::{Pace, Site},
        landing::{LandingView, SetUp},
        marketplace_client::{MarketplaceError, Status, SubscriptionAnswer},
        records::{Account, AccountState, Licenses, Purchase, StepRecord, StepState},
        visitor::Visitor,
    },
};

/// What every page shows around its content.
pub(super) struct Shell {
    pub(super) company: String,
    pub(super) initial: String,
    pub(super) who: String,
    pub(super) sandbox: String,
    pub(super) home: String,
    pub(super) landing: String,
    /// The simulator's own page of the sandbox: what a real publisher's site does not have.
    pub(super) simulator: String,
}

impl Shell {
    /// The shell of one publisher's pages.
    pub(super) fn of(site: &Site) -> Self {
        let mut shell = Self::nobody(&site.sandbox);
        shell.landing = landing_path(Some(site.publisher.as_str()), &site.sandbox);
        shell.company.clone_from(&site.name);
        shell.initial = site.name.chars().take(1).flat_map(char::to_uppercase).collect();
        shell.who = format!("{} — stand-in publisher of Rehearsal", site.name);
        shell
    }

    /// The shell of pages that belong to no publisher yet.
    pub(super) fn nobody(sandbox: &SandboxId) -> Self {
        let home = if *sandbox == SandboxId::default_sandbox() {
            "/publisher".to_owned()
        } else {
            format!("/publisher?sandbox={sandbox}")
        };
        Self {
            company: "Stand-in publishers".to_owned(),
            initial: "R".to_owned(),
            who: "Stand-in publishers of Rehearsal".to_owned(),
            simulator: home.replacen("/publisher", "/", 1),
            sandbox: sandbox.to_string(),
            home,
            landing: landing_path(None, sandbox),
        }
    }
}

/// The landing page without a code. Ids need no encoding.
fn landing_path(site: Option<&str>, sandbox: &SandboxId) -> String {
    let mut query = Vec::new();
    if let Some(site) = site {
        query.push(format!("site={site}"));
    }
    if *sandbox != SandboxId::default_sandbox() {
        query.push(format!("sandbox={sandbox}"));
    }
    if query.is_empty() { "/publisher/landing".to_owned() } else { format!("/publisher/landing?{}", query.join("&")) }
}

/// A publisher to choose.
pub(super) struct SiteChoice {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) products: Vec<String>,
    pub(super) chosen: bool,
    pub(super) landing: String,
}

impl SiteChoice {
    pub(super) fn all(sites: &[Site], chosen: Option<&PublisherId>, sandbox: &SandboxId) -> Vec<Self> {
        let choice = |site: &Site| Self {
            id: site.publisher.to_string(),
            name: site.name.clone(),
            products: site.products.iter().map(|product| product.name.clone()).collect(),
            chosen: chosen == Some(&site.publisher),
            landing: landing_path(Some(site.publisher.as_str()), sandbox),
        };
        sites.iter().map(choice).collect()
    }
}

#[derive(Template)]
#[template(path = "publisher/index.html")]
pub(super) struct IndexPage {
    pub(super) shell: Shell,
    pub(super) sites: Vec<SiteChoice>,
}

#[derive(Template)]
#[template(path = "publisher/ask_code.html")]
pub(super) struct AskPage {
    pub(super) shell: Shell,
    pub(super) choices: Vec<SiteChoice>,
    pub(super) unknown: Option<String>,
}

/// A line of the summary of what is wrong.
pub(super) struct ProblemLine {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) message: String,
}

#[derive(Template)]
#[template(path = "publisher/set_up.html")]
pub(super) struct SetUpPage {
    shell: Shell,
    purchase: Purchase,
    term: Option<String>,
    token: String,
    site: String,
    fields: Vec<FieldView>,
    problems: Vec<ProblemLine>,
    /// Who has signed in, if the page asks for that.
    visitor: Option<Visitor>,
    /// Whether that is somebody else than who it was bought for.
    is_other: bool,
    /// Where another account can be taken.
    sign_out: String,
}

impl SetUpPage {
    pub(super) fn new(set_up: &SetUp, token: &str, typed: &Typed, problems: &[FieldProblem]) -> Self {
        let SetUp { site, purchase, form } = set_up;
        let fields: Vec<FieldView> =
            form.fields.iter().map(|field| FieldView::of(field, typed, problems, purchase.quantity)).collect();
        let line = |field: &FieldView| {
            let message = field.error.clone()?;
            Some(ProblemLine { name: field.name.clone(), label: field.label.clone(), message })
        };
        Self {
            shell: Shell::of(site),
            term: term_words(purchase),
            purchase: purchase.clone(),
            token: token.to_owned(),
            site: site.publisher.to_string(),
            problems: fields.iter().filter_map(line).collect(),
            fields,
            visitor: None,
            is_other: false,
            sign_out: String::new(),
        }
    }

    /// The page, for somebody who has signed in.
    pub(super) fn shown_to(mut self, visitor: Option<Visitor>) -> Self {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("token", &self.token).append_pair("site", &self.site);
        // Whoever leaves comes back to a page that asks who they are.
        query.append_pair("sandbox", &self.shell.sandbox).append_pair("signIn", "on");
        self.sign_out = format!("/publisher/sign-out?{}", query.finish());
        let is_other = |visitor: &Visitor| !visitor.email.eq_ignore_ascii_case(&self.purchase.beneficiary);
        self.is_other = visitor.as_ref().is_some_and(is_other);
        self.visitor = visitor;
        self
    }
}

fn term_words(purchase: &Purchase) -> Option<String> {
    let unit = purchase.term_unit.as_deref()?;
    Some(match unit {
        "P1M" => "monthly term".to_owned(),
        "P1Y" => "yearly term".to_owned(),
        "P2Y" => "two-year term".to_owned(),
        "P3Y" => "three-year term".to_owned(),
        "P4Y" => "four-year term".to_owned(),
        "P5Y" => "five-year term".to_owned(),
        other => format!("term {other}"),
    })
}

/// A page that explains why there is nothing to fill in.
#[derive(Template)]
#[template(path = "publisher/notice.html")]
pub(super) struct NoticePage {
    pub(super) shell: Shell,
    pub(super) name: &'static str,
    pub(super) title: String,
    pub(super) lede: String,
    pub(super) tone: &'static str,
    pub(super) detail: Option<(&'static str, String)>,
    pub(super) is_bad_code: bool,
    pub(super) asks: bool,
    pub(super) choices: Vec<SiteChoice>,
    pub(super) purchase: Option<Purchase>,
    pub(super) term: Option<String>,
}

impl NoticePage {
    pub(super) fn new(shell: Shell, name: &'static str, title: &str, lede: &str) -> Self {
        Self {
            shell,
            name,
            title: title.to_owned(),
            lede: lede.to_owned(),
            tone: "info",
            detail: None,
            is_bad_code: false,
            asks: false,
            choices: Vec::new(),
            purchase: None,
            term: None,
        }
    }

    fn about(mut self, purchase: &Purchase) -> Self {
        self.term = term_words(purchase);
        self.purchase = Some(purchase.clone());
        self
    }

    /// The page for a view that is neither a form nor an account.
    pub(super) fn of(view: &LandingView, shell: Shell, choices: Vec<SiteChoice>) -> Self {
        let name = view.name();
        let notice = |title, lede| Self::new(shell, name, title, lede);
        match view {
            LandingView::BadCode { message } => {
                let lede = "It has expired, or it was damaged on its way here. A code works for 24 hours.";
                let mut notice = notice("This authorization code can’t be used", lede);
                (notice.is_bad_code, notice.asks, notice.choices) = (true, true, choices);
                notice.detail = (!message.is_empty()).then(|| ("What the marketplace said", message.clone()));
                notice
            }
            LandingView::NotOurs => {
                let lede = "The code is good, but the product was bought from somebody else. Open the personalized link \
                            of the purchase: it leads to the right publisher.";
                let mut notice = notice("This purchase belongs to another publisher", lede);
                (notice.asks, notice.choices) = (true, choices);
                notice
            }
            LandingView::Cancelled(purchase) => {
                let lede = "It is cancelled in the marketplace, so there is nothing to set up and nothing to pay. To use \
                            the product again, buy it again.";
                notice("This subscription has ended", lede).about(purchase)
            }
            LandingView::Suspended(purchase) => {
                let lede = "The marketplace has suspended it, usually because a payment failed. Your data is kept. Once \
                            it is paid, everything works as before.";
                notice("This subscription is suspended", lede).about(purchase)
            }
            LandingView::ActiveElsewhere(purchase) => {
                let lede = "The marketplace says that it was activated already, though not through this page. There is \
                            nothing left to set up.";
                notice("This subscription is active", lede).about(purchase)
            }
            LandingView::OtherStatus { purchase, status } => {
                let lede = "The marketplace reports a status that does not allow setting it up. Come back later, or ask \
                            whoever sold it.";
                let mut notice = notice("This subscription can’t be set up now", lede).about(purchase);
                notice.detail = Some(("Status in the marketplace", status.clone()));
                notice
            }
            LandingView::MarketplaceFailed { error } => {
                let lede =
                    "We could not look up your purchase. Nothing is lost: wait a moment, then load this page again.";
                let mut notice = notice("The marketplace does not answer as it should", lede);
                notice.tone = "warn";
                notice.detail = Some(("For whoever runs this", sentence(&error.to_string())));
                notice
            }
            LandingView::AskForCode { .. }
            | LandingView::NoSuchSite { .. }
            | LandingView::SetUp(_)
            | LandingView::Account(_) => notice("Set up your purchase", "Enter the authorization code."),
        }
    }
}

pub(super) struct StepView {
    pub(super) name: &'static str,
    pub(super) state: &'static str,
    pub(super) attempts: u32,
    pub(super) title: &'static str,
    pub(super) word: &'static str,
    pub(super) line: String,
    pub(super) error: Option<String>,
    /// What a button says that does not wait for the next attempt.
    pub(super) hurry: Option<&'static str>,
}

impl StepView {
    /// `is_taken`: the marketplace has taken the step's call, which takes effect later.
    fn of(record: &StepRecord, is_taken: bool) -> Self {
        let tries = if record.attempts > 1 { format!(", at attempt {}", record.attempts) } else { String::new() };
        let (word, line) = match record.state {
            StepState::Todo => ("", String::new()),
            StepState::Running => ("In progress", String::new()),
            StepState::Waiting { until } if is_taken => {
                let when = format!("which can take it minutes. We look again at {}.", Moment::of(until).text());
                ("Accepted", format!("The marketplace has accepted it, and it takes effect later, {when}"))
            }
            StepState::Waiting { until } => (
                "Waiting",
                format!("Attempt {} failed. The next one is due at {}.", record.attempts, Moment::of(until).text()),
            ),
            StepState::Done { at } => ("Done", format!("{}{tries}", Moment::of(at).text())),
            StepState::AlreadyDone { at } => ("Done", format!("{}, found done already", Moment::of(at).text())),
            StepState::Skipped { .. } => ("Left out", "This marketplace has no licence API.".to_owned()),
            StepState::Stopped => ("Stopped", format!("Attempts so far: {}.", record.attempts)),
        };
        let shows_error = !record.state.is_over();
        Self {
            name: record.step.as_str(),
            state: record.state.as_str(),
            attempts: record.attempts,
            title: step_words(record.step),
            word,
            line,
            error: record.last_error.as_deref().filter(|_| shows_error).map(sentence),
            hurry: match record.state {
                StepState::Waiting { .. } if is_taken => Some("Look again now"),
                StepState::Waiting { .. } => Some("Try again now"),
                _ => None,
            },
        }
    }
}

/// What the marketplace says of a purchase.
pub(super) struct MarketView {
    pub(super) status: String,
    pub(super) tone: &'static str,
    pub(super) line: String,
}

impl MarketView {
    pub(super) fn of(answer: &Result<SubscriptionAnswer, MarketplaceError>) -> Self {
        match answer {
            Ok(answer) => {
                let (tone, line) = match answer.status() {
                    Status::Subscribed => ("good", "The subscription is active."),
                    Status::Pending => {
                        ("warn", "Not active yet. After activation this can take the marketplace some minutes.")
                    }
                    Status::Suspended => ("bad", "Suspended, usually because a payment failed."),
                    Status::Unsubscribed => ("bad", "The subscription was cancelled."),
                    Status::Other => ("warn", "A status that we don’t know."),
                };
                Self { status: answer.saas_subscription_status.trim().to_owned(), tone, line: line.to_owned() }
            }
            Err(error) => Self { status: "Unknown".to_owned(), tone: "warn", line: sentence(&error.to_string()) },
        }
    }
}

#[derive(Template)]
#[template(path = "publisher/account.html")]
pub(super) struct AccountPage {
    shell: Shell,
    title: String,
    lede: String,
    page: String,
    state: &'static str,
    badge: (&'static str, &'static str),
    is_moving: bool,
    stopped_because: String,
    customer_url: String,
    purchase: Purchase,
    term: Option<String>,
    licenses: Option<Licenses>,
    seats: String,
    steps: Vec<StepView>,
    answers: Vec<Answer>,
    market: Option<MarketView>,
    /// Why nothing goes on by itself, if so.
    held_up: Option<&'static str>,
    /// Where the sandbox's clock is moved.
    clock: String,
}

impl AccountPage {
    pub(super) fn new(
        shell: Shell,
        account: &Account,
        pace: Pace,
        customer_url: String,
        market: Option<MarketView>,
    ) -> Self {
        let state = account.state();
        let product = &account.purchase.offer_name;
        let held_up = held_up(pace, account);
        let (title, lede, badge) = match state {
            AccountState::Provisioning if held_up.is_some() => (
                format!("Setting up {product}"),
                "It waits, for the reason below. You can close the page: this address stays good.",
                ("warn", "Held up"),
            ),
            AccountState::Provisioning => (
                format!("Setting up {product}"),
                "This takes a moment. You can close the page: the work goes on, and this address stays good.",
                ("info", "In progress"),
            ),
            AccountState::NeedsAttention => (
                format!("{product} is not set up yet"),
                "A step failed and won’t be tried again by itself. What was done so far is kept.",
                ("bad", "Needs attention"),
            ),
            AccountState::Active => (
                format!("{product} is ready"),
                "Licences are assigned and the subscription is activated. This page stays the place to look it up.",
                ("good", "Active"),
            ),
            AccountState::Suspended => (
                format!("{product} is suspended"),
                "The marketplace could not collect a payment. Nobody can sign in until it has; nothing is deleted.",
                ("bad", "Suspended"),
            ),
            AccountState::Closed => (
                format!("{product} is cancelled"),
                "The marketplace has ended the subscription. Nobody can sign in any more.",
                ("bad", "Cancelled"),
            ),
        };
        let stopped = account.steps.iter().find(|record| record.state == StepState::Stopped);
        let step = |record: &StepRecord| {
            StepView::of(record, record.step == ProvisioningStep::Activate && account.activation_taken)
        };
        Self {
            title,
            lede: lede.to_owned(),
            page: format!("/publisher/accounts/{}", account.account),
            state: state.as_str(),
            badge,
            is_moving: state == AccountState::Provisioning,
            stopped_because: stopped.and_then(|record| record.last_error.as_deref()).map(sentence).unwrap_or_default(),
            customer_url,
            term: term_words(&account.purchase),
            purchase: account.purchase.clone(),
            licenses: account.licenses.clone(),
            seats: seats_words(account),
            steps: account.steps.iter().map(step).collect(),
            clock: format!("{}#clock", shell.simulator),
            held_up,
            shell,
            answers: account.answers.clone(),
            market,
        }
    }
}

/// What holds up an account that is being set up. With a clock that stands, only what waits for a later time does.
fn held_up(pace: Pace, account: &Account) -> Option<&'static str> {
    let is_waiting = account.steps.iter().any(|record| matches!(record.state, StepState::Waiting { .. }));
    match pace {
        _ if account.state() != AccountState::Provisioning => None,
        Pace::Manual => Some("The timers of this sandbox are manual: we go on when its clock is advanced."),
        Pace::Frozen if is_waiting => {
            Some("The clock of this sandbox is frozen: we go on when it runs again or is advanced.")
        }
        Pace::Frozen | Pace::Running => None,
    }
}

fn seats_words(account: &Account) -> String {
    let named = account.licenses.as_ref().map_or(0, |licenses| licenses.named.len());
    match account.purchase.quantity {
        Some(1) => format!("{named} of 1 seat"),
        Some(seats) => format!("{named} of {seats} seats"),
        None if named == 1 => "1 user".to_owned(),
        None => format!("{named} users"),
    }
}

#[derive(Template)]
#[template(path = "publisher/welcome.html")]
pub(super) struct WelcomePage {
    shell: Shell,
    title: String,
    lede: String,
    purchase: Purchase,
    domain: Option<String>,
    licenses: Option<Licenses>,
    seats: String,
}

impl WelcomePage {
    pub(super) fn new(site: &Site, account: &Account) -> Self {
        let product = &account.purchase.offer_name;
        let is_ready = account.state() == AccountState::Active;
        let (title, lede) = match account.state() {
            AccountState::Active => {
                (format!("Welcome to {product}"), "Your account is ready. The people below can sign in.")
            }
            AccountState::Provisioning | AccountState::NeedsAttention => {
                (format!("{product} is being set up"), "Your account is not ready yet. Come back to this page soon.")
            }
            AccountState::Suspended => {
                (format!("{product} is suspended"), "The subscription is not paid for. Nothing of yours is deleted.")
            }
            AccountState::Closed => (format!("{product} is cancelled"), "The subscription has ended."),
        };
        let lede = lede.to_owned();
        let forms = site.products.iter().flat_map(|product| &product.setup_form.fields);
        let domains: Vec<&str> =
            forms.filter(|field| field.kind == FieldKind::Domain).map(|field| field.name.as_str()).collect();
        let domain = account.answers.iter().find(|answer| domains.contains(&answer.name.as_str()));
        Self {
            shell: Shell::of(site),
            title,
            lede,
            purchase: account.purchase.clone(),
            domain: domain.map(|answer| answer.value.clone()),
            // Nobody is entitled to anything before the activation.
            licenses: account.licenses.clone().filter(|_| is_ready),
            seats: seats_words(account),
        }
    }
}

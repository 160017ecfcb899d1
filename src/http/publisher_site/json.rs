//! The account and the landing page as JSON, for tools such as the scenario runner. No secret is in here; an account's
//! page key is, as it is in the URL that got it.

use serde::Serialize;

use crate::publisher::{
    Publisher,
    answers::{Answer, FieldProblem},
    landing::LandingView,
    records::{Account, Licenses, Purchase, StepRecord, StepState},
};

/// An account: `GET /publisher/accounts/{key}`, and the answer to a retry.
///
/// Shape: `{"account": "..", "url": "..", "customerUrl": "..", "state": "active", "publisher": "contoso",
/// "subscription": "..", "purchase": {..}, "steps": [{"step": "activate", "state": "done", "attempts": 1, ..}],
/// "licenses": {"named": [".."], "pool": 3}, "answers": [{"name", "label", "value"}], "createdAt": "..",
/// "activatedAt": ".."}`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountBody<'a> {
    /// The key of its page.
    pub account: &'a str,
    /// The URL of its page.
    pub url: String,
    /// The URL to send on to the customer.
    pub customer_url: String,
    /// `provisioning`, `needsAttention`, `active`, `suspended` or `closed`.
    pub state: &'static str,
    /// The publisher.
    pub publisher: &'a str,
    /// The subscription.
    pub subscription: &'a str,
    /// What was bought.
    pub purchase: &'a Purchase,
    /// The steps, in the order in which they run.
    pub steps: Vec<StepBody<'a>>,
    /// Who has a licence; absent until they are assigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licenses: Option<&'a Licenses>,
    /// The answers to the form.
    pub answers: &'a [Answer],
    /// When the form was submitted, in sandbox time.
    pub created_at: String,
    /// When *activate* was confirmed; absent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activated_at: Option<String>,
}

/// A step of an account.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepBody<'a> {
    /// `createAccount`, `assignLicenses`, `reportLicenses`, `activate`.
    pub step: &'static str,
    /// `todo`, `running`, `waiting`, `done`, `alreadyDone`, `skipped`, `stopped`.
    pub state: &'static str,
    /// Attempts that were begun.
    pub attempts: u32,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<&'a str>,
    /// When the next attempt is due, while it waits for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<String>,
    /// When it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
}

/// The answer to an accepted form: 201 when it opened the account, 200 when an earlier one had.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubmittedBody<'a> {
    /// Whether this submission opened the account.
    pub opened: bool,
    /// The account.
    #[serde(flatten)]
    pub account: AccountBody<'a>,
}

/// Answers that need another look: 422.
#[derive(Debug, Serialize)]
pub struct ProblemsBody<'a> {
    /// One for each field that does.
    pub errors: &'a [FieldProblem],
}

/// Any other error.
#[derive(Debug, Serialize)]
pub struct ErrorBody {
    /// What is wrong.
    pub error: ErrorDetail,
}

/// What is wrong.
#[derive(Debug, Serialize)]
pub struct ErrorDetail {
    /// A stable name: those of [`LandingView::name`], `noSuchSandbox`, `noSuchAccount`, `failed`.
    pub code: String,
    /// One sentence for a person.
    pub message: String,
}

impl ErrorBody {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { error: ErrorDetail { code: code.to_owned(), message: message.into() } }
    }
}

/// What the landing page shows, when it is no error.
///
/// Shape: `{"view": "setUp", "purchase": {..}, "fields": [{"name", "label", "required"}]}` or
/// `{"view": "account", "account": {..}}`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LandingBody<'a> {
    /// [`LandingView::name`].
    pub view: &'static str,
    /// What was bought, when it is to be set up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase: Option<&'a Purchase>,
    /// What the form asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<&'a crate::domain::setup_form::SetupForm>,
    /// The account, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountBody<'a>>,
}

impl<'a> LandingBody<'a> {
    /// The body for a view.
    #[must_use]
    pub fn of(publisher: &Publisher, view: &'a LandingView) -> Self {
        let mut body = Self { view: view.name(), purchase: None, fields: None, account: None };
        match view {
            LandingView::SetUp(set_up) => {
                body.purchase = Some(&set_up.purchase);
                body.fields = Some(&set_up.form);
            }
            LandingView::Account(account) => body.account = Some(AccountBody::of(publisher, account)),
            _ => {}
        }
        body
    }
}

impl<'a> AccountBody<'a> {
    /// The body for an account.
    #[must_use]
    pub fn of(publisher: &Publisher, account: &'a Account) -> Self {
        Self {
            account: &account.account,
            url: publisher.account_url(account),
            customer_url: publisher.customer_url(account),
            state: account.state().as_str(),
            publisher: account.publisher.as_str(),
            subscription: &account.purchase.subscription,
            purchase: &account.purchase,
            steps: account.steps.iter().map(StepBody::of).collect(),
            licenses: account.licenses.as_ref(),
            answers: &account.answers,
            created_at: account.created.to_string(),
            activated_at: account.activated.map(|at| at.to_string()),
        }
    }
}

impl<'a> StepBody<'a> {
    fn of(record: &'a StepRecord) -> Self {
        let (next, finished) = match record.state {
            StepState::Waiting { until } => (Some(until), None),
            StepState::Done { at } | StepState::AlreadyDone { at } | StepState::Skipped { at } => (None, Some(at)),
            StepState::Todo | StepState::Running | StepState::Stopped => (None, None),
        };
        Self {
            step: record.step.as_str(),
            state: record.state.as_str(),
            attempts: record.attempts,
            last_error: record.last_error.as_deref(),
            next_attempt_at: next.map(|at| at.to_string()),
            finished_at: finished.map(|at| at.to_string()),
        }
    }
}

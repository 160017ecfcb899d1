//! What the stand-in publisher needs of the machine that it runs on. No way leads from here to the marketplace's data.

use std::{fmt, sync::Arc};

use futures_util::{future::BoxFuture, stream::BoxStream};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        catalogue::{ProvisioningStep, WebhookManner},
        ids::{PublisherId, SandboxId},
        setup_form::SetupForm,
        time::Timestamp,
    },
    store::{Expectation, Version, Write},
};

/// One of the publishers that the stand-in plays: what a real ISV would have in its own configuration.
#[derive(Clone)]
pub struct Site {
    /// The sandbox that it is configured for.
    pub sandbox: SandboxId,
    /// Which installation of the site this is: a sandbox that was deleted and made anew has a new one, and what was
    /// remembered for the old one (a token) is of no use to it.
    pub installation: String,
    /// The publisher's id.
    pub publisher: PublisherId,
    /// The company's name.
    pub name: String,
    /// Tenant of its app registration.
    pub tenant_id: String,
    /// Its app's id.
    pub client_id: String,
    /// Its app's secret.
    pub client_secret: String,
    /// Who signs in before its landing page shows them anything.
    pub landing_sign_in: LandingSignIn,
    /// What it knows of its own offers.
    pub products: Vec<Product>,
}

/// Who signs in before a landing page shows them anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LandingSignIn {
    /// Nobody.
    Nobody,
    /// Whoever's link says so.
    IfLinkSays,
    /// Everybody.
    Everybody,
}

/// Leaves the secret out.
impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("sandbox", &self.sandbox)
            .field("publisher", &self.publisher)
            .finish_non_exhaustive()
    }
}

/// How a sandbox's time passes, as far as somebody has to know who waits for something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pace {
    /// By itself: what is due comes.
    #[default]
    Running,
    /// The clock stands still: what is due later does not come.
    Frozen,
    /// Nothing that waits for a time comes until somebody moves the clock.
    Manual,
}

/// What a publisher knows of an offer of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// `offerId`.
    pub offer: String,
    /// Display name.
    pub name: String,
    /// Display names of its plans, by `planId`.
    pub plans: Vec<(String, String)>,
    /// What its landing page asks for.
    pub setup_form: SetupForm,
}

impl Site {
    /// The display name of a plan.
    #[must_use]
    pub fn plan_name(&self, offer: &str, plan: &str) -> Option<&str> {
        let product = self.products.iter().find(|product| product.offer == offer)?;
        product.plans.iter().find(|(id, _)| id == plan).map(|(_, name)| name.as_str())
    }
}

/// A record of the publisher, with the version that a later change has to name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its version.
    pub version: Version,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
}

/// A change of the publisher's records, committed whole and durably, with what the journal shall tell of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Records: key (the publisher's own name space), what it is expected to be, what it becomes.
    pub records: Vec<(String, Expectation, Write)>,
    /// What the journal shall say, in order.
    pub notes: Vec<Note>,
    /// Work to be done at a time: the host calls [`Worker::run`] with its name once sandbox time has come, and again
    /// after a crash until the work is done. A work item of the same name is replaced; `None` removes it.
    pub work: Vec<(String, Option<Timestamp>)>,
}

/// An entry for the journal (kind `publisherStep`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// The publisher.
    pub publisher: PublisherId,
    /// The subscription that it concerns, as the marketplace named it.
    pub subscription: Option<String>,
    /// What was done: `formSubmitted`, or a provisioning step's name.
    pub step: String,
    /// How it went.
    pub outcome: Outcome,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// One sentence for a person.
    pub summary: String,
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Done.
    Done,
    /// Found to be done already: nothing was repeated.
    AlreadyDone,
    /// Failed; it will be tried again.
    Failed,
    /// Failed for good, until somebody asks to try again.
    GaveUp,
}

/// Why the host could not do it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HostError {
    /// A record was not as expected: read it again and decide again.
    #[error("another request changed the record first")]
    Conflict,
    /// No such sandbox (any more).
    #[error("there is no sandbox {0}")]
    UnknownSandbox(SandboxId),
    /// The host failed, in words.
    #[error("{0}")]
    Failed(Arc<str>),
}

/// The machine that the publisher runs on.
pub trait Host: fmt::Debug + Send + Sync {
    /// The publishers that the stand-in plays in a sandbox, in the order of the fixture.
    fn sites<'a>(&'a self, sandbox: &'a SandboxId) -> BoxFuture<'a, Result<Vec<Site>, HostError>>;

    /// The sandbox's time.
    fn now<'a>(&'a self, sandbox: &'a SandboxId) -> BoxFuture<'a, Result<Timestamp, HostError>>;

    /// How the sandbox's time passes.
    fn pace<'a>(&'a self, sandbox: &'a SandboxId) -> BoxFuture<'a, Result<Pace, HostError>>;

    /// Wakes up each time that something has been committed in a sandbox, from now on, wherever; ends with the sandbox, and when the
    /// server stops.
    fn changes<'a>(&'a self, sandbox: &'a SandboxId) -> BoxFuture<'a, Result<BoxStream<'static, ()>, HostError>>;

    /// A record of the publisher.
    fn read<'a>(&'a self, sandbox: &'a SandboxId, key: &'a str) -> BoxFuture<'a, Result<Option<Record>, HostError>>;

    /// Commits a change; durable when it answers.
    fn commit<'a>(&'a self, sandbox: &'a SandboxId, change: Change) -> BoxFuture<'a, Result<(), HostError>>;

    /// How the webhook shall take the change that it is told of now; a wish for the next ones is used up by it.
    fn webhook_manner<'a>(&'a self, sandbox: &'a SandboxId) -> BoxFuture<'a, Result<WebhookManner, HostError>>;

    /// Whether a fault wants this attempt at a step to fail; a fault that says so is used up by it.
    fn fails<'a>(&'a self, sandbox: &'a SandboxId, attempt: StepAttempt<'a>) -> BoxFuture<'a, Result<bool, HostError>>;
}

/// An attempt at a provisioning step, as the faults look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepAttempt<'a> {
    /// The step.
    pub step: ProvisioningStep,
    /// Which attempt at it for this purchase, from 1.
    pub attempt: u32,
    /// The purchase's offer, whose fixture may plan faults.
    pub offer: &'a str,
}

/// What the host calls when work is due.
pub trait Worker: Send + Sync {
    /// Does the work of that name as far as it goes now. Done, failed or put off: it is the worker that commits what
    /// becomes of the work item. Called again if it left the item as it was.
    fn run<'a>(&'a self, sandbox: &'a SandboxId, work: &'a str) -> BoxFuture<'a, ()>;
}

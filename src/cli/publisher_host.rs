//! The machine that the stand-in publisher runs on: sandbox time, a place for its records, notes in the journal. It
//! hands out nothing that belongs to the marketplace.

use std::sync::{Arc, Weak};

use futures_util::{
    StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};

use crate::{
    app::{App, AppError, PublisherChange, PublisherStep, PublisherWork, Sandbox, TimerMode},
    domain::{
        catalogue::{Catalogue, Publisher as Seller, WebhookManner},
        ids::SandboxId,
        rules::LandingSignIn,
        time::Timestamp,
    },
    publisher::{
        Publisher,
        host::{
            Change, Host, HostError, LandingSignIn as WhoSignsIn, Note, Outcome, Pace, Product, Record, Site,
            StepAttempt, Worker,
        },
    },
};

/// Lets the publisher live beside the commerce core. Holds it weakly, because the core holds the publisher.
#[derive(Debug)]
pub(super) struct PublisherHost(Weak<App>);

impl PublisherHost {
    pub(super) fn new(app: &Arc<App>) -> Arc<Self> {
        Arc::new(Self(Arc::downgrade(app)))
    }

    fn app(&self, sandbox: &SandboxId) -> Result<Arc<App>, HostError> {
        self.0.upgrade().ok_or_else(|| HostError::UnknownSandbox(sandbox.clone()))
    }

    async fn sandbox(&self, id: &SandboxId) -> Result<Arc<Sandbox>, HostError> {
        self.app(id)?.find_sandbox(id).await.map_err(failed)
    }
}

impl Host for PublisherHost {
    fn sites<'a>(&'a self, sandbox: &'a SandboxId) -> BoxFuture<'a, Result<Vec<Site>, HostError>> {
        Box::pin(async move {
            let open = self.sandbox(sandbox).await?;
            let catalogue = open.catalogue();
            Ok(catalogue.publishers.iter().map(|seller| site(&open, seller, catalogue)).collect())
        })
    }

    fn now<'a>(&'a self, sandbox: &'a SandboxId) -> BoxFuture<'a, Result<Timestamp, HostError>> {
        Box::pin(async move { Ok(self.sandbox(sandbox).await?.now()) })
    }

    fn pace<'a>(&'a self, sandbox: &'a SandboxId) -> BoxFuture<'a, Result<Pace, HostError>> {
        Box::pin(async move {
            let sandbox = self.sandbox(sandbox).await?;
            Ok(match (sandbox.timer_mode(), sandbox.clock().is_frozen()) {
                (TimerMode::Manual, _) => Pace::Manual,
                (TimerMode::Automatic, true) => Pace::Frozen,
                (TimerMode::Automatic, false) => Pace::Running,
            })
        })
    }

    fn changes<'a>(&'a self, sandbox: &'a SandboxId) -> BoxFuture<'a, Result<BoxStream<'static, ()>, HostError>> {
        Box::pin(async move {
            let changes = self.sandbox(sandbox).await?.changes();
            let each = stream::unfold(changes, async |mut changes| changes.next().await.ok().map(|()| ((), changes)));
            Ok(each.take_until(self.app(sandbox)?.followers_are_let_go()).boxed())
        })
    }

    fn read<'a>(&'a self, sandbox: &'a SandboxId, key: &'a str) -> BoxFuture<'a, Result<Option<Record>, HostError>> {
        Box::pin(async move {
            let found = self.sandbox(sandbox).await?.publisher_record(key).await.map_err(failed)?;
            Ok(found.map(|document| Record { version: document.version, bytes: document.bytes }))
        })
    }

    fn commit<'a>(&'a self, sandbox: &'a SandboxId, change: Change) -> BoxFuture<'a, Result<(), HostError>> {
        Box::pin(async move {
            let change = PublisherChange {
                records: change.records,
                notes: change.notes.into_iter().map(noted).collect(),
                work: change.work,
            };
            self.sandbox(sandbox).await?.commit_publisher_change(change).await.map_err(failed)
        })
    }

    fn webhook_manner<'a>(&'a self, sandbox: &'a SandboxId) -> BoxFuture<'a, Result<WebhookManner, HostError>> {
        Box::pin(async move { self.sandbox(sandbox).await?.use_webhook_manner().await.map_err(failed) })
    }

    fn fails<'a>(&'a self, sandbox: &'a SandboxId, attempt: StepAttempt<'a>) -> BoxFuture<'a, Result<bool, HostError>> {
        Box::pin(async move {
            let StepAttempt { step, attempt, offer } = attempt;
            self.sandbox(sandbox).await?.step_fails(step, attempt, offer).await.map_err(failed)
        })
    }
}

fn failed(error: AppError) -> HostError {
    match error {
        AppError::RecordConflict(_) => HostError::Conflict,
        AppError::UnknownSandbox(id) => HostError::UnknownSandbox(id),
        other => HostError::Failed(other.to_string().into()),
    }
}

fn site(sandbox: &Sandbox, seller: &Seller, catalogue: &Catalogue) -> Site {
    let own = catalogue.offers.iter().filter(|offer| offer.publisher == seller.id);
    Site {
        sandbox: sandbox.id().clone(),
        installation: sandbox.space().to_owned(),
        publisher: seller.id.clone(),
        name: seller.name.clone(),
        tenant_id: seller.app.tenant_id.to_string(),
        client_id: seller.app.client_id.to_string(),
        client_secret: seller.app.client_secret.clone(),
        landing_sign_in: match sandbox.rules().landing_sign_in {
            LandingSignIn::Portal => WhoSignsIn::IfLinkSays,
            LandingSignIn::On => WhoSignsIn::Everybody,
            LandingSignIn::Off => WhoSignsIn::Nobody,
        },
        products: own
            .map(|offer| Product {
                offer: offer.id.to_string(),
                name: offer.name.clone(),
                plans: offer.plans.iter().map(|plan| (plan.id.to_string(), plan.name.clone())).collect(),
                setup_form: offer.setup_form.clone(),
            })
            .collect(),
    }
}

fn noted(note: Note) -> (Option<crate::domain::ids::SubscriptionId>, PublisherStep) {
    // The publisher knows the subscription as the marketplace named it; another marketplace's id may be no GUID.
    let subscription = note.subscription.and_then(|id| id.parse().ok());
    let outcome = match note.outcome {
        Outcome::Done => "done",
        Outcome::AlreadyDone => "alreadyDone",
        Outcome::Failed => "failed",
        Outcome::GaveUp => "gaveUp",
    };
    let step = PublisherStep {
        publisher: note.publisher,
        step: note.step,
        outcome: outcome.to_owned(),
        attempt: note.attempt,
        summary: note.summary,
    };
    (subscription, step)
}

/// Brings due work to the publisher.
#[derive(Debug)]
pub(super) struct PublisherAtWork(pub(super) Arc<Publisher>);

impl PublisherWork for PublisherAtWork {
    fn run<'a>(&'a self, sandbox: &'a SandboxId, work: &'a str) -> BoxFuture<'a, ()> {
        self.0.run(sandbox, work)
    }
}

/// Stands where no publisher is played: work that an earlier run left waits for one.
#[derive(Debug)]
pub(super) struct NoPublisher;

impl PublisherWork for NoPublisher {
    fn run<'a>(&'a self, sandbox: &'a SandboxId, work: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            tracing::warn!(%sandbox, work, "work of the stand-in publisher waits until it is played again");
        })
    }
}

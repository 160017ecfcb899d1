//! Does what `provisioning` says is next, and commits what came of it.
//!
//! Nothing is done twice. A step that stays in our own records is done by the commit of its outcome. A step that calls
//! out is begun by a durable commit before the call; if a crash leaves it without an outcome, the marketplace is asked
//! before anything is called again. Every commit names the version that it was decided on; whoever loses leaves the
//! account to the one who won.

use std::sync::{Arc, PoisonError};

use futures_util::future::BoxFuture;

use super::{
    Publisher, Turn,
    host::{Change, HostError, Note, Outcome, Site, StepAttempt, Worker},
    marketplace_client::{Call, MarketplaceError, ReportAnswer, Status},
    provisioning::{self, End, Next},
    records::{self, Account, StepState},
    rewriting,
    webhook::told::is_answer,
};
use crate::{
    domain::{catalogue::ProvisioningStep, ids::SandboxId, time::Timestamp},
    store::Version,
    wire::control::LicenseReport,
};

/// More rounds than any account needs in one run.
const MAX_ROUNDS: usize = 100;

impl Worker for Publisher {
    fn run<'a>(&'a self, sandbox: &'a SandboxId, work: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let turn = self.turn(sandbox, work);
            let held = turn.lock().await;
            for _ in 0..MAX_ROUNDS {
                match self.round(sandbox, work).await {
                    Ok(Going::On) => {}
                    // Somebody else has taken the account on from here. Taking it back would only make two of us fight.
                    Ok(Going::Home) | Err(HostError::Conflict) => break,
                    Err(error) => {
                        tracing::warn!(%sandbox, %work, %error, "provisioning stopped; its work stays due");
                        break;
                    }
                }
            }
            drop(held);
            self.end_turn(sandbox, work, turn);
        })
    }
}

/// Whether a run has more to do.
enum Going {
    On,
    Home,
}

/// Whether a step may have happened before, unknown to us.
#[derive(Clone, Copy)]
enum Before {
    Never,
    Perhaps,
}

/// An account as it was read, and whose it is.
struct Case<'a> {
    site: &'a Site,
    version: Version,
    account: Account,
    now: Timestamp,
}

impl Publisher {
    async fn round(&self, sandbox: &SandboxId, work: &str) -> Result<Going, HostError> {
        if is_answer(work) {
            self.answer_operation(sandbox, work).await?;
            return Ok(Going::Home);
        }
        let found = match records::subscription_of_work(work) {
            Some(subscription) => self.read_account(sandbox, subscription).await?,
            None => None,
        };
        let Some((version, account)) = found else { return self.forget(sandbox, work).await };
        let sites = self.host.sites(sandbox).await?;
        let Some(site) = sites.iter().find(|site| site.publisher == account.publisher) else {
            tracing::warn!(%sandbox, publisher = %account.publisher, "an account's publisher is gone");
            return self.forget(sandbox, work).await;
        };
        let now = self.host.now(sandbox).await?;
        let case = Case { site, version, account, now };
        match provisioning::next(&case.account, now) {
            Next::Finished | Next::Stopped => self.put_off(case, None).await,
            Next::Wait { until } => self.put_off(case, Some(until)).await,
            Next::Begin { step, attempt } => self.begin(case, step, attempt).await,
            Next::FindOut { step, attempt } => {
                let case = self.save(case, |account| provisioning::taken_up(account, step)).await?;
                self.attempt(case, step, attempt, Before::Perhaps).await
            }
        }
    }

    /// Removes work that has nothing to work on.
    async fn forget(&self, sandbox: &SandboxId, work: &str) -> Result<Going, HostError> {
        self.host.commit(sandbox, Change { work: vec![(work.to_owned(), None)], ..Change::default() }).await?;
        Ok(Going::Home)
    }

    /// Moves the work item to when it is wanted, or away. The account is written with it as it is, so that this can't
    /// undo what somebody else has just asked for.
    async fn put_off(&self, case: Case<'_>, until: Option<Timestamp>) -> Result<Going, HostError> {
        let mut change = rewriting(&case.account, case.version)?;
        change.work.push((case.account.work(), until));
        match self.host.commit(&case.site.sandbox, change).await {
            Ok(()) => Ok(Going::Home),
            // Somebody has just asked to try again: there is something to do after all.
            Err(HostError::Conflict) => Ok(Going::On),
            Err(error) => Err(error),
        }
    }

    async fn begin(&self, mut case: Case<'_>, step: ProvisioningStep, attempt: u32) -> Result<Going, HostError> {
        if provisioning::calls_out(step) {
            case = self.save(case, |account| provisioning::begun(account, step)).await?;
        } else {
            // The commit of the outcome is the step itself.
            case.account = provisioning::begun(&case.account, step);
        }
        // A call that failed may have arrived all the same.
        let before = if attempt > 1 { Before::Perhaps } else { Before::Never };
        self.attempt(case, step, attempt, before).await
    }

    async fn attempt(
        &self,
        case: Case<'_>,
        step: ProvisioningStep,
        attempt: u32,
        before: Before,
    ) -> Result<Going, HostError> {
        let offer = &case.account.purchase.offer;
        let end = if self.host.fails(&case.site.sandbox, StepAttempt { step, attempt, offer }).await? {
            End::Failed("a planned fault made it fail".to_owned())
        } else {
            match (step, before) {
                (ProvisioningStep::CreateAccount | ProvisioningStep::AssignLicenses, _) => End::Done,
                // The same report under the same request id changes nothing on the marketplace's side, and no API of a
                // publisher tells whether the first one arrived.
                (ProvisioningStep::ReportLicenses, _) => self.report(&case, attempt).await,
                (ProvisioningStep::Activate, Before::Never) => self.activate(&case, attempt).await,
                (ProvisioningStep::Activate, Before::Perhaps) => self.activate_if_needed(&case, attempt).await,
            }
        };
        self.end(case, step, attempt, end).await
    }

    async fn activate_if_needed(&self, case: &Case<'_>, attempt: u32) -> End {
        match self.ask_marketplace(case.site, &case.account, case.now).await {
            Ok(answer) => match answer.status() {
                Status::Subscribed if case.account.activation_taken => End::Done,
                Status::Subscribed => End::AlreadyDone,
                // It was taken once: asking for it again would help nobody.
                Status::Pending if case.account.activation_taken => End::Taken,
                Status::Unsubscribed if case.account.activation_taken => cancelled(),
                _ => self.activate(case, attempt).await,
            },
            Err(error) => end_of_error(&error),
        }
    }

    async fn report(&self, case: &Case<'_>, attempt: u32) -> End {
        let named = case.account.licenses.as_ref().map_or(0, |licenses| licenses.named.len());
        let report = LicenseReport { assigned: u32::try_from(named).unwrap_or(u32::MAX) };
        let call = case.call("reportLicenses", attempt);
        match self.client.report_licenses(call, &case.account.purchase.subscription, &report).await {
            Ok(ReportAnswer::Taken) => End::Done,
            Ok(ReportAnswer::NoSuchApi) => End::Skipped,
            Err(error) => end_of_error(&error),
        }
    }

    async fn activate(&self, case: &Case<'_>, attempt: u32) -> End {
        let error =
            match self.client.activate(case.call("activate", attempt), &case.account.purchase.subscription).await {
                Ok(()) => return self.took_effect(case).await,
                Err(error) => error,
            };
        if error.may_pass() {
            return End::Failed(error.to_string());
        }
        // An older contract refuses to activate what is active already; the status tells the two refusals apart.
        match self.ask_marketplace(case.site, &case.account, case.now).await.map(|answer| answer.status()) {
            Ok(Status::Subscribed) => End::AlreadyDone,
            Ok(Status::Unsubscribed) => cancelled(),
            Ok(Status::Pending | Status::Suspended | Status::Other) | Err(_) => End::Refused(error.to_string()),
        }
    }

    /// What came of an activation that the marketplace has taken: its answer only says that it has (docs-new).
    async fn took_effect(&self, case: &Case<'_>) -> End {
        match self.ask_marketplace(case.site, &case.account, case.now).await.map(|answer| answer.status()) {
            Ok(Status::Subscribed | Status::Suspended) => End::Done,
            Ok(Status::Unsubscribed) => cancelled(),
            Ok(Status::Pending | Status::Other) | Err(_) => End::Taken,
        }
    }

    /// Commits what an attempt came to, with its line in the journal and what becomes of the work.
    async fn end(&self, case: Case<'_>, step: ProvisioningStep, attempt: u32, end: End) -> Result<Going, HostError> {
        let now = self.host.now(&case.site.sandbox).await?;
        let account = provisioning::ended(&case.account, step, &end, now);
        let next = provisioning::next(&account, now);
        let mut change = rewriting(&account, case.version)?;
        change.notes.push(note(&account, step, attempt, &end));
        let going = match next {
            // The work item stays as it is: still due, should a crash come now.
            Next::Begin { .. } | Next::FindOut { .. } => Going::On,
            Next::Wait { until } => {
                change.work.push((account.work(), Some(until)));
                Going::Home
            }
            Next::Stopped | Next::Finished => {
                change.work.push((account.work(), None));
                Going::Home
            }
        };
        self.host.commit(&case.site.sandbox, change).await?;
        Ok(going)
    }

    /// Commits a changed account, and goes on with it.
    async fn save<'a>(&self, case: Case<'a>, change: impl FnOnce(&Account) -> Account) -> Result<Case<'a>, HostError> {
        let account = change(&case.account);
        self.host.commit(&case.site.sandbox, rewriting(&account, case.version)?).await?;
        let version = Version(case.version.0.saturating_add(1));
        Ok(Case { account, version, ..case })
    }

    fn turn(&self, sandbox: &SandboxId, work: &str) -> Turn {
        let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(at_work.entry((sandbox.clone(), work.to_owned())).or_default())
    }

    fn end_turn(&self, sandbox: &SandboxId, work: &str, turn: Turn) {
        let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        drop(turn);
        let key = (sandbox.clone(), work.to_owned());
        // The map's own handle is the last one: nobody else waits for a turn.
        if at_work.get(&key).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            at_work.remove(&key);
        }
    }
}

impl Case<'_> {
    fn call(&self, action: &str, attempt: u32) -> Call<'_> {
        Call::about(self.site, self.now, &self.account.purchase.subscription, action, attempt)
    }
}

fn cancelled() -> End {
    End::Refused("the purchase was cancelled in the marketplace".to_owned())
}

fn end_of_error(error: &MarketplaceError) -> End {
    if error.may_pass() { End::Failed(error.to_string()) } else { End::Refused(error.to_string()) }
}

/// A step in words, as the object of a sentence.
pub(super) const fn words(step: ProvisioningStep) -> &'static str {
    match step {
        ProvisioningStep::CreateAccount => "creating the account",
        ProvisioningStep::AssignLicenses => "assigning licences",
        ProvisioningStep::ReportLicenses => "reporting licences to the marketplace",
        ProvisioningStep::Activate => "activating the subscription",
    }
}

fn note(account: &Account, step: ProvisioningStep, attempt: u32, end: &End) -> Note {
    let record = account.steps.iter().find(|record| record.step == step);
    let has_stopped = record.is_some_and(|record| record.state == StepState::Stopped);
    let (outcome, summary) = match end {
        End::Done => (Outcome::Done, done(account, step)),
        End::AlreadyDone => (Outcome::AlreadyDone, format!("{}: found done already.", capital(words(step)))),
        End::Skipped => {
            let summary = "This marketplace has no licence API; reporting licences is left out.".to_owned();
            (Outcome::Done, summary)
        }
        End::Taken => {
            let summary = "The marketplace has taken the activation; it takes effect later.".to_owned();
            (Outcome::Done, summary)
        }
        End::Failed(why) if !has_stopped => (Outcome::Failed, format!("{} failed: {why}.", capital(words(step)))),
        End::Failed(why) | End::Refused(why) => {
            (Outcome::GaveUp, format!("{} failed and needs attention: {why}.", capital(words(step))))
        }
    };
    Note {
        publisher: account.publisher.clone(),
        subscription: Some(account.purchase.subscription.clone()),
        step: step.as_str().to_owned(),
        outcome,
        attempt,
        summary,
    }
}

fn done(account: &Account, step: ProvisioningStep) -> String {
    let (named, pool) = account.licenses.as_ref().map_or((0, 0), |licenses| (licenses.named.len(), licenses.pool));
    match step {
        ProvisioningStep::CreateAccount => format!("The account for {} was created.", account.purchase.beneficiary),
        ProvisioningStep::AssignLicenses => format!("Licences assigned: {named} to named users, {pool} in the pool."),
        ProvisioningStep::ReportLicenses => format!("The marketplace was told of {named} assigned licences."),
        ProvisioningStep::Activate => "The subscription was activated.".to_owned(),
    }
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

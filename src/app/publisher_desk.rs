//! The place for the stand-in publisher's own records, notes and work. The marketplace's documents are out of its reach.

use futures_util::future::BoxFuture;

use super::{
    desk::Desk,
    error::AppError,
    journal::{Player, PublisherStep, What},
    mailbox::Command,
    sandbox::Sandbox,
    timers::schedule_work,
};
use crate::{
    domain::{
        catalogue::ProvisioningStep,
        ids::{OfferId, SubscriptionId},
        time::Timestamp,
    },
    store::{Document, Expectation, Write},
};

/// A change of the publisher's records with what comes with it, committed whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublisherChange {
    /// Records: key, what it is expected to be, what it becomes.
    pub records: Vec<(String, Expectation, Write)>,
    /// Journal entries, each with the subscription that it concerns.
    pub notes: Vec<(Option<SubscriptionId>, PublisherStep)>,
    /// Work by name, and when it is due; `None` when it is done.
    pub work: Vec<(String, Option<Timestamp>)>,
}

impl Sandbox {
    /// A record of the publisher.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn publisher_record(&self, key: &str) -> Result<Option<Document>, AppError> {
        Ok(self.store.get(&self.world.space.publisher_record(key)).await?)
    }

    /// Commits a change of the publisher's records.
    ///
    /// # Errors
    /// [`AppError::RecordConflict`] when a record is not as expected.
    pub async fn commit_publisher_change(&self, change: PublisherChange) -> Result<(), AppError> {
        self.ask(change).await
    }

    /// Whether an attempt at a provisioning step shall fail. A fault that says so is used up by it.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn step_fails(&self, step: ProvisioningStep, attempt: u32, offer: &str) -> Result<bool, AppError> {
        let planned = offer.parse::<OfferId>().ok().and_then(|id| self.catalogue().offer(&id).cloned());
        // A fixture's faults concern each purchase's first attempts, so there is nothing to count.
        let planned = planned.is_some_and(|offer| {
            offer.provisioning_faults.iter().any(|fault| fault.step == step && attempt <= fault.times)
        });
        if planned {
            return Ok(true);
        }
        let left = self.store.get(&self.world.space.fault(step.as_str())).await?;
        if left.is_none() { Ok(false) } else { self.ask(UseFault(step)).await }
    }

    /// Makes the next attempts at a step fail, whoever's purchase it is; 0 lifts the fault.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn set_fault(&self, step: ProvisioningStep, times: u32) -> Result<(), AppError> {
        self.ask(SetFault { step, times }).await
    }

    /// How often each step shall still fail.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn faults(&self) -> Result<Vec<(ProvisioningStep, u32)>, AppError> {
        let mut faults = Vec::new();
        for step in ProvisioningStep::ALL {
            let key = self.world.space.fault(step.as_str());
            if let Some(document) = self.store.get(&key).await? {
                faults.push((step, super::desk::decode(&key, &document.bytes)?));
            }
        }
        Ok(faults)
    }
}

impl Command for PublisherChange {
    type Answer = ();

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<(), AppError>> {
        Box::pin(async move {
            for (name, expected, write) in &self.records {
                let key = desk.space().publisher_record(name);
                let found = desk.version(&key).await?.map_or(Expectation::Absent, Expectation::At);
                if found != *expected {
                    return Err(AppError::RecordConflict(name.clone()));
                }
                match write.bytes() {
                    Some(bytes) => desk.put_bytes(key, bytes.clone()),
                    None => desk.remove(key),
                }
            }
            for (index, (name, due)) in (0..).zip(&self.work) {
                schedule_work(desk, name, *due, index).await?;
            }
            for (subscription, step) in &self.notes {
                desk.note(Player::Publisher, *subscription, What::PublisherStep(step.clone()));
            }
            Ok(())
        })
    }
}

struct UseFault(ProvisioningStep);

impl Command for UseFault {
    type Answer = bool;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<bool, AppError>> {
        Box::pin(async move {
            let key = desk.space().fault(self.0.as_str());
            let Some(left) = desk.load::<u32>(&key).await? else { return Ok(false) };
            match left.saturating_sub(1) {
                0 => desk.remove(key),
                less => desk.put(key, &less)?,
            }
            Ok(true)
        })
    }
}

struct SetFault {
    step: ProvisioningStep,
    times: u32,
}

impl Command for SetFault {
    type Answer = ();

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<(), AppError>> {
        Box::pin(async move {
            let key = desk.space().fault(self.step.as_str());
            desk.look_at(&key).await?;
            if self.times == 0 {
                desk.remove(key);
            } else {
                desk.put(key, &self.times)?;
            }
            let step = self.step.as_str().to_owned();
            desk.note(Player::Operator, None, What::Fault { step, times: self.times });
            Ok(())
        })
    }
}

//! Usage that publishers report: one durable command for each call, and the query behind `GET usageEvents`.
//!
//! An accepted event lies under its publisher, hour, resource and dimension. So the key itself is what may occur once: in
//! a batch, in calls that come at once and after a restart.

use futures_util::future::BoxFuture;

use super::{
    desk::{Desk, decode},
    error::AppError,
    fulfillment::{find_subscription, save},
    journal::Player,
    mailbox::Command,
    on_record::Answering,
    overdue::find_up_to_date,
    sandbox::Sandbox,
};
use crate::{
    domain::{
        ids::PublisherId,
        metering::{
            AcceptedUsage, Accepting, Admitted, FieldFault, UsageDay, UsageRefusal, UsageReport, accept, admit, daily,
            hour_of, resource_uri,
        },
        rules::UsageKey,
        subscription::Subscription,
        time::Timestamp,
    },
    store::{Direction, KeyRange},
};

/// A usage event as it came in, or what keeps it from being one.
pub type ReportedUsage = Result<UsageReport, Vec<FieldFault>>;

/// What became of a usage event.
pub type UsageOutcome = Result<AcceptedUsage, RefusedUsage>;

/// A usage event that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedUsage {
    /// Why.
    pub refusal: UsageRefusal,
    /// Id and URI of the resource, if the publisher has such a one.
    pub resource: Option<(String, String)>,
    /// When.
    pub at: Timestamp,
}

impl Sandbox {
    /// Takes one usage event of a publisher. If it was accepted, it is durable when this answers.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn report_usage_event<R: Send + 'static>(
        &self,
        publisher: PublisherId,
        event: ReportedUsage,
        told: impl Answering<AcceptedUsage, R>,
    ) -> Result<Result<R, RefusedUsage>, AppError> {
        self.ask_on_record_unless_refused(ReportUsageEvent { publisher, event }, told).await
    }

    /// Takes usage events of a publisher, in their order; each is accepted or refused for itself. What was accepted is
    /// durable when this answers.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails; nothing is accepted then.
    pub async fn report_usage_batch<R: Send + 'static>(
        &self,
        publisher: PublisherId,
        events: Vec<ReportedUsage>,
        told: impl Answering<Vec<UsageOutcome>, R>,
    ) -> Result<R, AppError> {
        self.ask_on_record(ReportUsageBatch { publisher, events }, told).await
    }

    /// What a publisher's events of the days from `from` until now or `until` sum up to, the newest day first.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn usage_days(
        &self,
        publisher: &PublisherId,
        from: Timestamp,
        until: Option<Timestamp>,
    ) -> Result<Vec<UsageDay>, AppError> {
        let now = self.now();
        let usage = self.world.space.usage_of(publisher);
        // Times are compared by the day (recorded).
        let first = Timestamp::midnight(from.date());
        let last = until.unwrap_or(now).date();
        let end = Timestamp::midnight(last.tomorrow().unwrap_or(last));
        if first >= end {
            return Ok(Vec::new());
        }
        let mut range = KeyRange::under(&usage)
            .from(usage.clone().instant(first.as_millis()))
            .before(&usage.instant(end.as_millis()));
        let mut events: Vec<AcceptedUsage> = Vec::new();
        loop {
            let found = self.store.scan(&range, Direction::Ascending, READ_AT_ONCE).await?;
            for (key, document) in &found {
                events.push(decode(key, &document.bytes)?);
            }
            match found.last() {
                Some((last, _)) if found.len() == READ_AT_ONCE => range = range.after(last),
                _ => return Ok(daily(&events, now)),
            }
            // Others are served meanwhile: an embedded store never waits.
            tokio::task::yield_now().await;
        }
    }
}

/// Events that are read in one go; whoever commits waits for it.
const READ_AT_ONCE: usize = 1_000;

struct ReportUsageEvent {
    publisher: PublisherId,
    event: ReportedUsage,
}

impl Command for ReportUsageEvent {
    type Answer = UsageOutcome;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Self::Answer, AppError>> {
        Box::pin(async move {
            catch_up(desk, std::slice::from_ref(&self.event)).await?;
            take(desk, &self.publisher, &self.event).await
        })
    }
}

struct ReportUsageBatch {
    publisher: PublisherId,
    events: Vec<ReportedUsage>,
}

impl Command for ReportUsageBatch {
    type Answer = Vec<UsageOutcome>;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Self::Answer, AppError>> {
        Box::pin(async move {
            catch_up(desk, &self.events).await?;
            let mut outcomes = Vec::with_capacity(self.events.len());
            for event in &self.events {
                outcomes.push(take(desk, &self.publisher, event).await?);
            }
            Ok(outcomes)
        })
    }
}

/// Sees to it that the subscriptions of some events are up to date, before the first event writes something.
async fn catch_up(desk: &mut Desk<'_>, events: &[ReportedUsage]) -> Result<(), AppError> {
    for id in events.iter().flatten().filter_map(|report| report.resource.subscription()) {
        find_up_to_date(desk, id).await?;
    }
    Ok(())
}

/// Decides one event, on top of what the ones before it wrote.
async fn take(desk: &mut Desk<'_>, publisher: &PublisherId, event: &ReportedUsage) -> Result<UsageOutcome, AppError> {
    let now = desk.now();
    let refused = |refusal, resource| Ok(Err(RefusedUsage { refusal, resource, at: now }));
    let report = match event {
        Ok(report) => report,
        Err(faults) => return refused(UsageRefusal::Malformed(faults.clone()), None),
    };
    let found = match report.resource.subscription() {
        Some(id) => find_subscription(desk, id).await?,
        None => None,
    };
    let catalogue = &desk.world.catalogue;
    let outcome = match admit(report, found.as_ref(), publisher, catalogue, desk.head.rules, now) {
        Ok(admitted) => write(desk, report, admitted).await?,
        Err(refusal) => Err(refusal),
    };
    match outcome {
        Ok(usage) => Ok(Ok(usage)),
        Err(refusal) => {
            let own = found.filter(|found| found.publisher == *publisher);
            refused(refusal, own.map(|own| (own.id.to_string(), resource_uri(&own))))
        }
    }
}

/// Writes what is in order, unless there was the same before.
async fn write(
    desk: &mut Desk<'_>,
    report: &UsageReport,
    admitted: Admitted<'_>,
) -> Result<Result<AcceptedUsage, UsageRefusal>, AppError> {
    let Admitted { subscription, dimension, term, .. } = admitted;
    let of_dimension = match desk.head.rules.usage_key {
        UsageKey::WithDimension => Some(&dimension.id),
        UsageKey::WithoutDimension => None,
    };
    let hour = hour_of(report.effective);
    let key = desk.space().usage(&subscription.publisher, hour, subscription.id, of_dimension);
    let tally_key = term.map(|term| desk.space().usage_tally(subscription.id, &subscription.plan, &dimension.id, term));
    let earlier = desk.load(&key).await?;
    let tally = match &tally_key {
        Some(key) => desk.load(key).await?.unwrap_or_default(),
        None => Default::default(),
    };
    let entry = desk.next_entry();
    let id = desk.head.seed.draws("usage", entry).usage_event_id();
    let context = desk.context();
    let acceptance = match accept(admitted, Accepting { id, earlier, tally, context }) {
        Ok(acceptance) => acceptance,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let before: &Subscription = subscription;
    save(desk, Player::Publisher, Some(before), before.clone(), &acceptance.decision).await?;
    desk.put(key, &acceptance.usage)?;
    if let Some((key, tally)) = tally_key.zip(acceptance.tally) {
        desk.put(key, &tally)?;
    }
    Ok(Ok(acceptance.usage))
}

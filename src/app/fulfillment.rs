//! What a publisher asks of the marketplace: resolve, activate, licences assigned. And how a decision becomes documents.

use futures_util::future::BoxFuture;

use super::{
    acting::Acting,
    audit,
    desk::Desk,
    error::AppError,
    invoicing,
    journal::{Player, What},
    list_pages::Indexed,
    mailbox::Command,
    on_record::Answering,
    overdue::find_up_to_date,
    purchasing,
    sandbox::Sandbox,
    timers::{Due, StoredTimer, set_timers},
};
use crate::domain::{
    billing::ChargeKind,
    event::Event,
    ids::{PublisherId, SubscriptionId},
    operation::Wish,
    purchase_token::{self, CodeFault},
    refusal::Refusal,
    rules::PurchaseTokenUse,
    subscription::{self, Decision, Status, Subscription, TimerPlan, decide},
};

impl Sandbox {
    /// Resolves an authorization code for a publisher.
    ///
    /// # Errors
    /// [`Refusal::Code`] for a code that does not open; the journal says why. [`Refusal::OtherPublisher`] for another
    /// publisher's purchase.
    pub async fn resolve<R: Send + 'static>(
        &self,
        publisher: PublisherId,
        code: String,
        told: impl Answering<Subscription, R>,
    ) -> Result<R, AppError> {
        Ok(self.ask_on_record_unless_refused(Resolve { publisher, code }, told).await??)
    }

    /// Activates a subscription of a publisher, which takes its time; `says` is what the call says of plan and quantity.
    ///
    /// # Errors
    /// [`AppError::Refused`] if it is unknown, another publisher's, or can't be activated.
    pub async fn activate<R: Send + 'static>(
        &self,
        publisher: PublisherId,
        id: SubscriptionId,
        says: Wish,
        told: impl Answering<Subscription, R>,
    ) -> Result<R, AppError> {
        self.ask_on_record(Change { publisher, id, change: PublisherChange::Activate { says } }, told).await
    }

    /// Notes that a publisher has assigned licences.
    ///
    /// # Errors
    /// [`AppError::Refused`] if it is unknown, another publisher's, over, or more than was bought.
    pub async fn report_licenses<R: Send + 'static>(
        &self,
        publisher: PublisherId,
        id: SubscriptionId,
        assigned: u32,
        told: impl Answering<Subscription, R>,
    ) -> Result<R, AppError> {
        self.ask_on_record(Change { publisher, id, change: PublisherChange::ReportLicenses { assigned } }, told).await
    }
}

impl Acting<'_> {
    /// Activates as an integration sandbox does, which has no publisher: its licences count as assigned, to a pool.
    ///
    /// # Errors
    /// [`AppError::Refused`] if it is unknown, or can't be activated.
    pub async fn activate_in_sandbox(&self, id: SubscriptionId) -> Result<Subscription, AppError> {
        self.ask(ActivateInSandbox(id)).await
    }
}

struct ActivateInSandbox(SubscriptionId);

impl Command for ActivateInSandbox {
    type Answer = Subscription;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Subscription, AppError>> {
        Box::pin(async move {
            let mut subscription = load_up_to_date(desk, self.0).await?;
            subscription = keep_trial(desk, subscription).await?;
            let steps =
                [subscription::Command::ReportLicenses { assigned: 0 }, subscription::Command::Activate { wait: 0 }];
            for step in steps {
                let decision = decide(&subscription, step, desk.context())?;
                let before = subscription.clone();
                subscription = save(desk, Player::Partner, Some(&before), subscription, &decision).await?;
            }
            Ok(subscription)
        })
    }
}

struct Resolve {
    publisher: PublisherId,
    code: String,
}

impl Command for Resolve {
    /// A refused code is no failure of the command: that it was refused is recorded.
    type Answer = Result<Subscription, Refusal>;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Self::Answer, AppError>> {
        Box::pin(async move {
            let mut found = match purchase_token::unseal(&desk.world.secrets, &self.code, desk.now()) {
                // Sandboxes of one seed have the same secrets: a code that opens may still be another sandbox's.
                Ok(opened) => find_up_to_date(desk, opened.subscription).await?.ok_or(CodeFault::Foreign),
                Err(fault) => Err(fault),
            };
            if let (Ok(subscription), PurchaseTokenUse::SingleUse) = (&found, desk.head.rules.purchase_token) {
                let key = desk.space().used_code(subscription.id, &self.code);
                if desk.get(&key).await?.is_some() {
                    found = Err(CodeFault::Used);
                } else {
                    desk.put_bytes(key, Vec::new());
                }
            }
            let subscription = match found {
                Ok(subscription) => own(subscription, &self.publisher)?,
                Err(fault) => {
                    desk.note(Player::Marketplace, None, What::Fact(Event::CodeRefused { fault: fault.clone() }));
                    return Ok(Err(Refusal::Code(fault)));
                }
            };
            let context = desk.context();
            let decision = decide(&subscription, subscription::Command::Resolve, context)?;
            save(desk, Player::Publisher, Some(&subscription), subscription.clone(), &decision).await.map(Ok)
        })
    }
}

struct Change {
    publisher: PublisherId,
    id: SubscriptionId,
    change: PublisherChange,
}

enum PublisherChange {
    Activate { says: Wish },
    ReportLicenses { assigned: u32 },
}

impl Command for Change {
    type Answer = Subscription;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Subscription, AppError>> {
        Box::pin(async move {
            let subscription = load_own(desk, self.id, &self.publisher).await?;
            let subscription = keep_trial(desk, subscription).await?;
            let command = match &self.change {
                PublisherChange::Activate { says } => {
                    subscription::check_activation(&subscription, says, desk.head.rules)?;
                    subscription::Command::Activate { wait: desk.head.delays.until_activated() }
                }
                PublisherChange::ReportLicenses { assigned } => {
                    subscription::Command::ReportLicenses { assigned: *assigned }
                }
            };
            let context = desk.context();
            let decision = decide(&subscription, command, context)?;
            save(desk, Player::Publisher, Some(&subscription), subscription.clone(), &decision).await
        })
    }
}

/// A subscription whose billing may begin, with the free month only if it still has one.
pub(super) async fn keep_trial(desk: &mut Desk<'_>, subscription: Subscription) -> Result<Subscription, AppError> {
    if !subscription::waits_with_trial(&subscription) {
        return Ok(subscription);
    }
    let key = desk.space().trial(&subscription.customer, &subscription.offer, &subscription.plan);
    let trial_is_used = desk.get(&key).await?.is_some();
    let decision = subscription::keep_trial(&subscription, trial_is_used, desk.context());
    save(desk, Player::Marketplace, Some(&subscription), subscription.clone(), &decision).await
}

/// A subscription that has to exist, after what is overdue for it: what a command decides on.
pub(super) async fn load_up_to_date(desk: &mut Desk<'_>, id: SubscriptionId) -> Result<Subscription, AppError> {
    find_up_to_date(desk, id).await?.ok_or_else(|| Refusal::UnknownSubscription(id).into())
}

/// A subscription that has to exist.
pub(super) async fn load_subscription(desk: &mut Desk<'_>, id: SubscriptionId) -> Result<Subscription, AppError> {
    find_subscription(desk, id).await?.ok_or_else(|| Refusal::UnknownSubscription(id).into())
}

/// A subscription that has to exist and to be the publisher's own, after what is overdue for it.
pub(super) async fn load_own(
    desk: &mut Desk<'_>,
    id: SubscriptionId,
    publisher: &PublisherId,
) -> Result<Subscription, AppError> {
    own(load_up_to_date(desk, id).await?, publisher)
}

/// A subscription, if there is one.
pub(super) async fn find_subscription(
    desk: &mut Desk<'_>,
    id: SubscriptionId,
) -> Result<Option<Subscription>, AppError> {
    let key = desk.space().subscription(id);
    desk.load(&key).await
}

/// A subscription that has to be the publisher's own.
fn own(subscription: Subscription, publisher: &PublisherId) -> Result<Subscription, AppError> {
    if subscription.publisher != *publisher {
        return Err(Refusal::OtherPublisher { subscription: subscription.id, publisher: publisher.clone() }.into());
    }
    Ok(subscription)
}

/// Turns a decision into documents: the new state, journal entries, ledger lines, timers, and the indexes of a new one.
pub(super) async fn save(
    desk: &mut Desk<'_>,
    actor: Player,
    before: Option<&Subscription>,
    mut subscription: Subscription,
    decision: &Decision,
) -> Result<Subscription, AppError> {
    let id = subscription.id;
    let (now, first_entry) = (desk.now(), desk.next_entry());
    let mut used = None;
    for (entry, event) in decision.numbered() {
        subscription = subscription.apply(event, now, entry);
        let from =
            if let Event::BillingStarted { .. } | Event::Charged { .. } = event { Player::Marketplace } else { actor };
        desk.note(from, Some(id), What::Fact(event.clone()));
        if let Event::UsageAccepted { effective_at, .. } = event {
            used = Some(*effective_at);
        }
        if let Event::Charged { line } = event {
            let key = desk.space().ledger(id).number(line.number.into());
            desk.put(key, line)?;
            if line.kind == ChargeKind::FreeTrial {
                let trial = desk.space().trial(&subscription.customer, &subscription.offer, &subscription.plan);
                desk.look_at(&trial).await?;
                desk.put_bytes(trial, Vec::new());
            }
            let states = (before.unwrap_or(&subscription), &subscription);
            invoicing::put_on_invoice(desk, states, entry, (line, used)).await?;
        }
    }
    let timers = decision.timers.iter().map(|timer| match *timer {
        TimerPlan::CodeLifeEnds { due, issued_at } => {
            StoredTimer::new(due, Due::CodeLifeEnds { subscription: id, issued_at })
        }
        TimerPlan::ActivationOverdue { due } => StoredTimer::new(due, Due::ActivationOverdue { subscription: id }),
        TimerPlan::ActivationTakesEffect { due } => {
            StoredTimer::new(due, Due::ActivationTakesEffect { subscription: id })
        }
        TimerPlan::OperationStep { due, operation } => {
            StoredTimer::new(due, Due::OperationStep { subscription: id, operation })
        }
        TimerPlan::TermEnds { due } => StoredTimer::new(due, Due::TermEnds { subscription: id }),
        TimerPlan::PaymentDue { due } => StoredTimer::new(due, Due::PaymentDue { subscription: id }),
        TimerPlan::GraceEnds { due, suspended_at } => {
            StoredTimer::new(due, Due::GraceEnds { subscription: id, suspended_at })
        }
    });
    set_timers(desk, first_entry, 0, timers.collect())?;
    if before.is_none() {
        let index = desk.space().by_publisher(&subscription.publisher);
        desk.list(index, subscription.created, &Indexed(first_entry.0, id))?;
        if subscription.partner.is_none() {
            let own = desk.space().bought_by(&subscription.customer);
            desk.put_bytes(own.guid(id.as_bytes()), Vec::new());
        }
    }
    let ends = |state: &Subscription| state.state.status() == Status::Unsubscribed;
    if before.is_some_and(|before| !ends(before)) && ends(&subscription) {
        purchasing::count_out(desk, &subscription).await?;
    }
    if let Some(before) = before {
        if !subscription.is_same_but_for_its_code(before) {
            subscription.edition = before.edition.saturating_add(1);
        }
        audit::note_change(desk, before, &subscription).await?;
    }
    if before != Some(&subscription) {
        desk.put(desk.space().subscription(id), &subscription)?;
    }
    Ok(subscription)
}

//! Calls that go out: to webhooks of publishers and of partners. One that is due is made, at the pace that the sandbox has,
//! and what came of it is recorded.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{
    deliveries::{DueDelivery, RecordAttempt},
    desk::Desk,
    error::AppError,
    journal::{Exchange, Player},
    mailbox::Command,
    notices::{DueNotice, RecordNotice},
    sandbox::Sandbox,
    timers::{Due, PublisherWork, StoredTimer},
};
use crate::{
    domain::{
        ids::{PartnerId, SubscriptionId},
        notice::{Notice, Registration},
        webhook::{Delivery, Sent, may_be_repeated},
    },
    store::Key,
};

/// Whoever calls the webhooks of publishers and partners.
pub trait Courier: std::fmt::Debug + Send + Sync {
    /// Makes one attempt at a delivery, and tells what came of it.
    fn attempt<'a>(&'a self, sandbox: &'a Sandbox, delivery: &'a Delivery) -> BoxFuture<'a, Attempted>;

    /// Makes one attempt at a notice to a partner's own program.
    fn notify<'a>(&'a self, sandbox: &'a Sandbox, notice: &'a Notice, to: &'a Registration)
    -> BoxFuture<'a, Attempted>;

    /// Whether the delivery goes to a webhook of somebody's own. The stand-in's is called one after the other instead, so
    /// that what it does is told in the same order each time.
    fn goes_outside(&self, sandbox: &Sandbox, delivery: &Delivery) -> bool;
}

/// What came of an attempt, and what was sent in it, for the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// What came of it.
    pub sent: Sent,
    /// The body as it was sent.
    pub body: String,
}

/// What timers cause outside of the mailbox, and who does it.
#[derive(Debug, Clone)]
pub struct Outside {
    /// Does the stand-in publisher's work.
    pub publisher: Arc<dyn PublisherWork>,
    /// Calls webhooks.
    pub courier: Arc<dyn Courier>,
}

/// A timer that nobody else runs.
pub(super) struct ClaimedTimer {
    /// The timer.
    pub(super) timer: Key,
    /// Whether a process had it that is gone.
    pub(super) left_behind: bool,
}

/// A call whose time has come.
pub(super) enum OutboundCall {
    /// To a publisher's webhook.
    Delivery(Box<DueDelivery>),
    /// To a partner's program.
    Notice(Box<DueNotice>),
}

/// What has to be told in its order: calls about the same are not made at the same time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    /// A subscription, to its publisher.
    Subscription(SubscriptionId),
    /// To a partner: a subscription, or something else.
    OfPartner(PartnerId, Option<SubscriptionId>),
}

impl OutboundCall {
    pub(super) fn about(&self) -> About {
        match self {
            Self::Delivery(due) => About::Subscription(due.delivery.operation.subscription),
            Self::Notice(due) => About::OfPartner(due.notice.partner.clone(), due.notice.subscription()),
        }
    }
}

impl Sandbox {
    /// The call that a timer is for; `None` if it is for none, or for one that was held or made already.
    pub(super) async fn outbound_call(&self, timer: &StoredTimer) -> Result<Option<OutboundCall>, AppError> {
        match &timer.what {
            Due::Delivery { subscription, operation } => {
                let due = self.due_delivery(*subscription, *operation, timer.due).await?;
                Ok(due.map(|due| OutboundCall::Delivery(Box::new(due))))
            }
            Due::Notice { partner, notice } => {
                let due = self.due_notice(partner, *notice).await?;
                Ok(due.map(|due| OutboundCall::Notice(Box::new(due))))
            }
            _ => Ok(None),
        }
    }

    /// Makes the call that a timer is for, and waits for what comes of it.
    pub(super) async fn run_outbound(
        &self,
        claimed: ClaimedTimer,
        timer: &StoredTimer,
        courier: &dyn Courier,
    ) -> Result<(), AppError> {
        match self.outbound_call(timer).await? {
            Some(call) => self.make(claimed, call, courier).await.record(self).await,
            None => self.ask(Forget(claimed.timer)).await,
        }
    }

    /// Makes a call. What came of it is still to be recorded.
    pub(super) async fn make(&self, claimed: ClaimedTimer, call: OutboundCall, courier: &dyn Courier) -> Unrecorded {
        self.may_deliver().await;
        match call {
            OutboundCall::Delivery(due) => Unrecorded::Delivery(Box::new(self.attempt(claimed, *due, courier).await)),
            OutboundCall::Notice(due) => Unrecorded::Notice(Box::new(self.notify(claimed, *due, courier).await)),
        }
    }

    /// Whether a call that is about to be made may have been made before.
    pub(super) fn may_be_repeated(&self, left_behind: bool, in_hand_of: u64) -> bool {
        may_be_repeated(in_hand_of, self.world.run, self.store.shared().map(|_| left_behind))
    }
}

/// A call that was made, and that nobody knows of yet.
pub(super) enum Unrecorded {
    Delivery(Box<RecordAttempt>),
    Notice(Box<RecordNotice>),
}

impl Unrecorded {
    pub(super) async fn record(self, sandbox: &Sandbox) -> Result<(), AppError> {
        match self {
            Self::Delivery(attempt) => sandbox.ask(*attempt).await,
            Self::Notice(attempt) => sandbox.ask(*attempt).await,
        }
    }
}

/// Drops a timer whose call was held, or made already.
struct Forget(Key);

impl Command for Forget {
    type Answer = ();

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<(), AppError>> {
        desk.remove(self.0.clone());
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A call as the journal tells of it.
pub(super) fn exchange(to: Player, attempted: &Attempted, correlation_id: String, repeated: bool) -> Exchange {
    let call = Exchange::sent(to, &attempted.sent, &attempted.body);
    let whom = if to == Player::Publisher { "publisher" } else { "partner" };
    let again = repeated.then(|| format!("sent again after a stop: the {whom} may have had it before"));
    let remark = match (call.remark.clone(), again) {
        (Some(why), Some(again)) => Some(format!("{why}; {again}")),
        (why, again) => why.or(again),
    };
    Exchange { correlation_id: Some(correlation_id), remark, ..call }
}

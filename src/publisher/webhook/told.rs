//! What a notification says, and what follows from it: pure functions.

use serde_json::Value;

use super::super::{
    host::Site,
    marketplace_client::{OperationAnswer, SubscriptionAnswer},
    provisioning::assign,
    records::{Account, Licenses},
};
use crate::domain::{catalogue::WebhookManner, time::Timestamp};

/// A notification, as far as it makes a difference. Whatever else is in it is passed over, and what is missing is
/// missing: the shape has grown over the years and may grow on (docs:webhook-2023).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// `id`.
    pub operation: String,
    /// `subscriptionId`.
    pub subscription: String,
    /// `action`.
    pub action: Action,
    /// `planId` of the root: the target.
    pub plan: Option<String>,
    /// `quantity` of the root: the target.
    pub quantity: Option<u32>,
    /// Whether the publisher itself has asked for it.
    pub is_own: bool,
}

/// What it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Another plan.
    ChangePlan,
    /// Another number of seats.
    ChangeQuantity,
    /// A new term.
    Renew,
    /// Not paid.
    Suspend,
    /// Paid again.
    Reinstate,
    /// The end.
    Unsubscribe,
    /// Something that this publisher does not know: it has to be let pass (issue:MicrosoftDocs/azure-docs#75997).
    Other(String),
}

impl Action {
    fn read(text: &str) -> Self {
        match text {
            "ChangePlan" => Self::ChangePlan,
            "ChangeQuantity" => Self::ChangeQuantity,
            "Renew" => Self::Renew,
            "Suspend" => Self::Suspend,
            "Reinstate" => Self::Reinstate,
            "Unsubscribe" => Self::Unsubscribe,
            other => Self::Other(other.to_owned()),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::ChangePlan => "ChangePlan",
            Self::ChangeQuantity => "ChangeQuantity",
            Self::Renew => "Renew",
            Self::Suspend => "Suspend",
            Self::Reinstate => "Reinstate",
            Self::Unsubscribe => "Unsubscribe",
            Self::Other(other) => other,
        }
    }
}

impl Told {
    /// Reads a body; `None` if it does not say what it is about.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let text = |key: &str| body.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let quantity = body.get("quantity").and_then(|quantity| match quantity {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_u64(),
        });
        Some(Self {
            operation: text("id")?.to_owned(),
            subscription: text("subscriptionId")?.to_owned(),
            action: Action::read(text("action")?),
            plan: text("planId").map(str::to_owned),
            quantity: quantity.and_then(|quantity| u32::try_from(quantity).ok()),
            is_own: text("operationRequestSource") == Some("Partner"),
        })
    }

    /// Whether the marketplace says the same of the operation.
    #[must_use]
    pub fn agrees_with(&self, answer: &OperationAnswer) -> bool {
        let same = |ours: Option<&str>, theirs: Option<&str>| ours.is_none() || theirs.is_none() || ours == theirs;
        let plan = same(self.plan.as_deref(), answer.plan_id.as_deref());
        // On a flat rate the notification says 1 where the operation says nothing (captured-webhook-2024).
        let quantity = answer.quantity.is_none() || self.quantity.is_none() || answer.quantity == self.quantity;
        answer.action == self.action.as_str() && plan && quantity
    }

    /// What the publisher says to the operation and when, if it says anything: only to changes that others asked for.
    #[must_use]
    pub fn answer(&self, manner: WebhookManner, now: Timestamp, late_millis: i64) -> Option<(&'static str, Timestamp)> {
        if self.is_own || !matches!(self.action, Action::ChangePlan | Action::ChangeQuantity) {
            return None;
        }
        match manner {
            WebhookManner::Accept => Some(("Success", now)),
            WebhookManner::Decline => Some(("Failure", now)),
            WebhookManner::AnswerLate => Some(("Success", now.plus_millis(late_millis))),
            WebhookManner::StaySilent | WebhookManner::Refuse | WebhookManner::Fail => None,
        }
    }

    /// The name of the work that answers the operation.
    #[must_use]
    pub fn answer_work(&self, site: &Site, status: &str) -> String {
        format!("{WORK}{}/{}/{}/{status}", site.publisher, self.subscription, self.operation)
    }

    /// One sentence for the journal.
    #[must_use]
    pub fn sentence(&self, manner: WebhookManner) -> String {
        let what = match (&self.action, self.plan.as_deref(), self.quantity) {
            (Action::ChangePlan, Some(plan), _) => format!("a change of plan to {plan}"),
            (Action::ChangeQuantity, _, Some(seats)) => format!("a change to {seats} seats"),
            (action, _, _) => action.as_str().to_owned(),
        };
        let does = match (&self.action, manner) {
            (Action::Other(_), _) => "does nothing about it",
            (Action::ChangePlan | Action::ChangeQuantity, WebhookManner::Decline) => "will decline it",
            (Action::ChangePlan | Action::ChangeQuantity, WebhookManner::StaySilent) => "says nothing to it",
            (Action::ChangePlan | Action::ChangeQuantity, WebhookManner::AnswerLate) => "will answer late",
            _ => "takes it in",
        };
        format!("The publisher was told of {what}, and {does}.")
    }
}

/// An answer that was planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedAnswer<'w> {
    /// The subscription.
    pub subscription: &'w str,
    /// The operation.
    pub operation: &'w str,
    /// What to answer.
    pub status: &'w str,
}

/// The answer that a piece of work is about, and whose it is.
#[must_use]
pub fn planned_answer<'w, 's>(work: &'w str, sites: &'s [Site]) -> Option<(PlannedAnswer<'w>, &'s Site)> {
    let mut parts = work.strip_prefix(WORK)?.split('/');
    let publisher = parts.next()?;
    let answer = PlannedAnswer { subscription: parts.next()?, operation: parts.next()?, status: parts.next()? };
    Some((answer, sites.iter().find(|site| site.publisher.as_str() == publisher)?))
}

/// Whether a piece of work answers an operation.
#[must_use]
pub fn is_answer(work: &str) -> bool {
    work.starts_with(WORK)
}

const WORK: &str = "answer-operation/";

/// The account after a notification. A change that is declined leaves it as it was.
#[must_use]
pub fn after(account: &Account, told: &Told, is_accepted: bool, plan_name: Option<&str>, now: Timestamp) -> Account {
    let mut account = account.clone();
    account.handle(&told.operation);
    match &told.action {
        Action::ChangePlan if is_accepted => {
            if let Some(plan) = &told.plan {
                set_plan(&mut account, plan, plan_name);
            }
        }
        Action::ChangeQuantity if is_accepted => set_seats(&mut account, told.quantity),
        Action::Suspend => account.suspended = true,
        Action::Reinstate => account.suspended = false,
        Action::Unsubscribe => {
            account.closed = Some(now);
            account.licenses = account.licenses.map(|_| Licenses::default());
        }
        Action::ChangePlan | Action::ChangeQuantity | Action::Renew | Action::Other(_) => {}
    }
    account
}

/// The account with the plan and the seats that its subscription has in the marketplace.
#[must_use]
pub fn reconciled(account: &Account, answer: &SubscriptionAnswer, plan_name: Option<&str>) -> Account {
    let mut account = account.clone();
    if !answer.plan_id.is_empty() && answer.plan_id != account.purchase.plan {
        set_plan(&mut account, &answer.plan_id, plan_name);
    }
    if answer.quantity != account.purchase.quantity {
        set_seats(&mut account, answer.quantity);
    }
    account
}

fn set_plan(account: &mut Account, plan: &str, name: Option<&str>) {
    name.unwrap_or(plan).clone_into(&mut account.purchase.plan_name);
    plan.clone_into(&mut account.purchase.plan);
}

fn set_seats(account: &mut Account, seats: Option<u32>) {
    if seats.is_some() && account.purchase.quantity.is_some() {
        account.purchase.quantity = seats;
        account.licenses = account.licenses.take().map(|held| reassigned(&held, seats));
    }
}

/// Licences after a change of seats: who has one keeps it as long as there are enough.
fn reassigned(held: &Licenses, seats: Option<u32>) -> Licenses {
    assign(seats, &held.named)
}

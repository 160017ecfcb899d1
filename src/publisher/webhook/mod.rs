//! The publisher's webhook: what the marketplace tells it of changes, and what it does about that.
//!
//! In this order, as Microsoft asks for it: who calls (the token, checked fully), what is said, whether the marketplace
//! says the same when it is asked ([`MarketplaceClient::get_operation`]), and only then what follows for the account.
//! The answer goes out first and the operation is answered afterwards, as work of its own. Told the same twice, it does
//! nothing the second time.
//!
//! [`MarketplaceClient::get_operation`]: super::marketplace_client::MarketplaceClient::get_operation

pub mod caller;
pub mod told;

use self::{
    caller::CallerFault,
    told::{Action, Told},
};
use super::{
    Publisher,
    host::{Change, HostError, Note, Outcome, Site},
    marketplace_client::{Call, MarketplaceError},
    records::Account,
    rewriting,
};
use crate::{
    domain::{
        catalogue::WebhookManner,
        ids::{PublisherId, SandboxId},
        time::Timestamp,
    },
    store::Version,
};

/// A call to the webhook.
#[derive(Debug, Clone, Copy)]
pub struct Notification<'a> {
    /// The sandbox that the address names.
    pub sandbox: &'a SandboxId,
    /// The publisher that the address names.
    pub site: Option<&'a PublisherId>,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// What the webhook answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// 200.
    Taken,
    /// 401: whoever calls is not the marketplace.
    NotTheMarketplace(CallerFault),
    /// 404: no such publisher.
    NoSuchSite,
    /// 400, in words.
    Refused(String),
    /// 500: on request, or because the marketplace could not be asked.
    Failed(String),
}

/// How long after a change was told a late answer comes, in milliseconds: beyond the ten seconds that it has.
const LATE_MILLIS: i64 = 11_000;

impl Publisher {
    /// Takes a notification.
    ///
    /// # Errors
    /// [`HostError`] when the host can't do it.
    pub async fn webhook(&self, notification: Notification<'_>) -> Result<Reply, HostError> {
        let Notification { sandbox, site, authorization, body } = notification;
        let sites = self.host.sites(sandbox).await?;
        let Some(site) = sites.iter().find(|known| Some(&known.publisher) == site) else {
            return Ok(Reply::NoSuchSite);
        };
        let now = self.host.now(sandbox).await?;
        match self.check_caller(site, authorization, now).await {
            Ok(()) => {}
            Err(fault @ CallerFault::KeysUnknown(_)) => return Ok(Reply::Failed(fault.to_string())),
            Err(fault) => return Ok(Reply::NotTheMarketplace(fault)),
        }
        let Some(told) = Told::read(body) else {
            return Ok(Reply::Refused("the body does not say which operation it is about".to_owned()));
        };
        let account = self.read_account(sandbox, &told.subscription).await?;
        if account.as_ref().is_some_and(|(_, account)| account.has_handled(&told.operation)) {
            return Ok(Reply::Taken);
        }
        let call = Call::about(site, now, &told.subscription, &format!("get-operation/{}", told.operation), 0);
        match self.client.get_operation(call, &told.subscription, &told.operation).await {
            Ok(answer) if told.agrees_with(&answer) => {}
            Ok(_) => return Ok(Reply::Refused("the marketplace says something else of this operation".to_owned())),
            Err(error) if error.may_pass() => return Ok(Reply::Failed(error.to_string())),
            Err(error) => return Ok(Reply::Refused(error.to_string())),
        }
        let manner = match told.action {
            Action::ChangePlan | Action::ChangeQuantity => self.host.webhook_manner(sandbox).await?,
            _ => WebhookManner::Accept,
        };
        match manner {
            WebhookManner::Refuse => return Ok(Reply::Refused("this change is not wanted".to_owned())),
            WebhookManner::Fail => return Ok(Reply::Failed("the webhook was told to fail".to_owned())),
            WebhookManner::Accept | WebhookManner::StaySilent | WebhookManner::Decline | WebhookManner::AnswerLate => {}
        }
        self.take(site, account, &told, manner, now).await
    }

    /// Does what follows, and plans the answer to the operation.
    async fn take(
        &self,
        site: &Site,
        account: Option<(Version, Account)>,
        told: &Told,
        manner: WebhookManner,
        now: Timestamp,
    ) -> Result<Reply, HostError> {
        let is_accepted = manner != WebhookManner::Decline;
        let mut change = match account {
            Some((version, account)) => {
                let plan_name = site.plan_name(&account.purchase.offer, told.plan.as_deref().unwrap_or_default());
                let after = told::after(&account, told, is_accepted, plan_name, now);
                rewriting(&after, version)?
            }
            // Whoever bought it may never have come to the landing page.
            None => Change::default(),
        };
        change.notes.push(Note {
            publisher: site.publisher.clone(),
            subscription: Some(told.subscription.clone()),
            step: "webhook".to_owned(),
            outcome: Outcome::Done,
            attempt: 1,
            summary: told.sentence(manner),
        });
        if let Some((status, due)) = told.answer(manner, now, LATE_MILLIS) {
            change.work.push((told.answer_work(site, status), Some(due)));
        }
        match self.host.commit(&site.sandbox, change).await {
            Ok(()) => Ok(Reply::Taken),
            // Something else happened to the account just now; the marketplace will tell again.
            Err(HostError::Conflict) => Ok(Reply::Failed("the account was changed at the same time".to_owned())),
            Err(error) => Err(error),
        }
    }

    /// Answers an operation, as planned when it was told.
    pub(super) async fn answer_operation(&self, sandbox: &SandboxId, work: &str) -> Result<(), HostError> {
        let mut change = Change { work: vec![(work.to_owned(), None)], ..Change::default() };
        let sites = self.host.sites(sandbox).await?;
        if let Some((answer, site)) = told::planned_answer(work, &sites) {
            let now = self.host.now(sandbox).await?;
            let told::PlannedAnswer { subscription, operation, status } = answer;
            let call = Call::about(site, now, subscription, &format!("answer/{operation}"), 0);
            let answered = self.client.answer_operation(call, subscription, operation, status).await;
            if matches!(answered, Err(MarketplaceError::Refused { status: 409, .. })) {
                change.records = self.as_the_marketplace_has_it(site, subscription, now).await?.records;
            }
            let (outcome, summary) = match answered {
                Ok(()) => (Outcome::Done, format!("The publisher answered the operation with {status}.")),
                Err(MarketplaceError::Refused { status: 409, .. }) => {
                    (Outcome::GaveUp, format!("The operation was over before the publisher answered it with {status}."))
                }
                Err(error) => (Outcome::GaveUp, format!("The answer {status} to the operation failed: {error}.")),
            };
            change.notes.push(Note {
                publisher: site.publisher.clone(),
                subscription: Some(subscription.to_owned()),
                step: "answerOperation".to_owned(),
                outcome,
                attempt: 1,
                summary,
            });
        }
        self.host.commit(sandbox, change).await
    }

    /// The change that gives an account the plan and the seats that its subscription has: an operation that was over
    /// before it was answered may have come to nothing after it was taken in here.
    async fn as_the_marketplace_has_it(
        &self,
        site: &Site,
        subscription: &str,
        now: Timestamp,
    ) -> Result<Change, HostError> {
        let Some((version, account)) = self.read_account(&site.sandbox, subscription).await? else {
            return Ok(Change::default());
        };
        let Ok(answer) = self.ask_marketplace(site, &account, now).await else { return Ok(Change::default()) };
        let plan_name = site.plan_name(&account.purchase.offer, &answer.plan_id);
        let reconciled = told::reconciled(&account, &answer, plan_name);
        if reconciled == account { Ok(Change::default()) } else { rewriting(&reconciled, version) }
    }
}

//! The stand-in publisher (ISV): its landing page's logic, its accounts and licences, its provisioning.
//!
//! It is a *client*: it learns about a purchase only by calling the fulfillment API over HTTP with its own app
//! registration, and it keeps its own records. What it needs of the machine that it runs on (time, a place for its
//! records, a note in the journal) comes through [`host::Host`]. It may be pointed at any other marketplace.
//!
//! The way of a purchase: [`Publisher::landing`] resolves the code and says what to show; [`Publisher::submit`] checks
//! the form and opens the account, durably and once; the host then calls [`host::Worker::run`], which takes the account
//! through [`provisioning`], step by step, however often it is interrupted. What happens to the subscription later is told
//! to [`Publisher::webhook`].

pub mod answers;
pub mod host;
pub mod landing;
pub mod marketplace_client;
pub mod page_key;
pub mod provisioning;
pub mod records;
pub mod visitor;
pub mod webhook;
mod worker;

#[cfg(test)]
pub(crate) mod tests;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use futures_util::stream::BoxStream;
use url::Url;

use self::{
    answers::{FieldProblem, Typed},
    host::{Change, Host, HostError, Note, Outcome, Pace, Site},
    landing::{LandingView, SetUp, Visit},
    marketplace_client::{Call, ClientError, MarketplaceClient, MarketplaceError, SubscriptionAnswer},
    page_key::{Page, PageKey},
    records::Account,
};
use crate::{
    domain::{ids::SandboxId, time::Timestamp},
    sim::entropy::RequestIds,
    store::{Expectation, Version, Write},
};

/// Where the publisher finds its counterparts, and where it is found.
#[derive(Debug, Clone)]
pub struct PublisherOptions {
    /// The marketplace, with or without its `/api`.
    pub marketplace: Url,
    /// The identity's base URL.
    pub authority: Url,
    /// Where browsers reach the identity.
    pub sign_in: Url,
    /// What URLs to its own pages start with.
    pub public_base: Url,
    /// The certificate (PEM) of one more certificate authority that it trusts.
    pub trusted: Option<String>,
}

/// The stand-in publisher, playing all publishers of all sandboxes.
#[derive(Debug)]
pub struct Publisher {
    host: Arc<dyn Host>,
    client: MarketplaceClient,
    sign_in: Url,
    public_base: Url,
    draws: RequestIds,
    /// One run for each account at a time in this process. Saves work; what keeps things right are the versions.
    at_work: Mutex<BTreeMap<(SandboxId, String), Turn>>,
}

/// The right to work on an account, held while doing so.
type Turn = Arc<tokio::sync::Mutex<()>>;

/// What became of a submitted form.
#[derive(Debug, Clone)]
pub enum Submission {
    /// There is an account, this one's or that of an earlier submission.
    Accepted {
        /// The account.
        account: Box<Account>,
        /// Whether this submission opened it.
        opened: bool,
    },
    /// The form needs another look.
    Refused {
        /// The purchase and the form.
        set_up: Box<SetUp>,
        /// What to change.
        problems: Vec<FieldProblem>,
    },
    /// There is nothing to set up.
    NotPossible(Box<LandingView>),
}

impl Publisher {
    /// A publisher on a host.
    ///
    /// # Errors
    /// [`ClientError`] when its HTTP client can't be set up.
    pub fn new(host: Arc<dyn Host>, options: &PublisherOptions) -> Result<Self, ClientError> {
        Ok(Self {
            host,
            client: MarketplaceClient::new(&options.marketplace, &options.authority, options.trusted.as_deref())?,
            sign_in: options.sign_in.clone(),
            public_base: options.public_base.clone(),
            draws: RequestIds::default(),
            at_work: Mutex::default(),
        })
    }

    /// The publishers that it plays in a sandbox.
    ///
    /// # Errors
    /// [`HostError`] when the host can't tell.
    pub async fn sites(&self, sandbox: &SandboxId) -> Result<Vec<Site>, HostError> {
        self.host.sites(sandbox).await
    }

    /// What the landing page shows.
    ///
    /// # Errors
    /// [`HostError`] when the host can't tell.
    pub async fn landing(&self, visit: &Visit) -> Result<LandingView, HostError> {
        let sites = self.host.sites(&visit.sandbox).await?;
        let asked = match &visit.site {
            None => sites.clone(),
            Some(name) => sites.iter().filter(|site| site.publisher == *name).cloned().collect(),
        };
        if asked.is_empty() && visit.site.is_some() {
            return Ok(LandingView::NoSuchSite { sites });
        }
        let Some(code) = visit.token.as_deref().filter(|code| !code.is_empty()) else {
            let chosen = if let [only] = &asked[..] { Some(only.publisher.clone()) } else { None };
            return Ok(LandingView::AskForCode { sites, chosen });
        };
        let now = self.host.now(&visit.sandbox).await?;
        for site in &asked {
            match self.client.resolve(Call::with_code(site, now, code), code).await {
                Ok(answer) => return self.landing_of(site, &answer).await,
                // Another of the publishers that we play may be the one that it was bought from.
                Err(MarketplaceError::NotOurs { .. }) => {}
                Err(error) => return Ok(landing::view_of_error(error)),
            }
        }
        Ok(LandingView::NotOurs)
    }

    async fn landing_of(&self, site: &Site, answer: &SubscriptionAnswer) -> Result<LandingView, HostError> {
        if !landing::is_usable_id(&answer.id) {
            let message = "its answer to Resolve names no subscription".to_owned();
            let error = MarketplaceError::ServerError { player: "marketplace", status: 200, message };
            return Ok(LandingView::MarketplaceFailed { error });
        }
        let found = self.read_account(&site.sandbox, &answer.id).await?;
        // Another publisher of this sandbox can't have an account for the same subscription, on the same marketplace.
        let account = found.map(|(_, account)| account).filter(|account| account.publisher == site.publisher);
        Ok(landing::view_of_purchase(site, answer, account))
    }

    /// Submits a set-up form: the code is resolved again, the answers are checked, and the account is opened. However
    /// often and from wherever it is submitted, one account comes of it.
    ///
    /// # Errors
    /// [`HostError`] when the host can't do it.
    pub async fn submit(&self, visit: &Visit, typed: &Typed) -> Result<Submission, HostError> {
        let set_up = match self.landing(visit).await? {
            LandingView::SetUp(set_up) => set_up,
            LandingView::Account(account) => return Ok(Submission::Accepted { account, opened: false }),
            other => return Ok(Submission::NotPossible(Box::new(other))),
        };
        let answers = match answers::check(&set_up.form, typed, set_up.purchase.quantity) {
            Ok(answers) => answers,
            Err(problems) => return Ok(Submission::Refused { set_up, problems }),
        };
        let SetUp { site, purchase, .. } = *set_up;
        let now = self.host.now(&site.sandbox).await?;
        let pages =
            [Page::Account, Page::Welcome].map(|page| PageKey::derive(page, &site, &purchase.subscription).to_string());
        let account = provisioning::open(pages.into(), site.publisher.clone(), purchase, answers, now);
        match self.host.commit(&site.sandbox, opening(&account, now)?).await {
            Ok(()) => Ok(Submission::Accepted { account: Box::new(account), opened: true }),
            Err(HostError::Conflict) => {
                // Another tab was faster; its account is the one.
                let first = self.read_account(&site.sandbox, &account.purchase.subscription).await?;
                let (_, first) = first.ok_or(HostError::Conflict)?;
                Ok(Submission::Accepted { account: Box::new(first), opened: false })
            }
            Err(error) => Err(error),
        }
    }

    /// The account whose page has that key.
    ///
    /// # Errors
    /// [`HostError`] when the host can't tell.
    pub async fn account(&self, key: &PageKey) -> Result<Option<Account>, HostError> {
        Ok(self.find(key, &records::account_page_key(&key.to_string())).await?.map(|(_, account)| account))
    }

    /// The account whose customer's page has that key.
    ///
    /// # Errors
    /// [`HostError`] when the host can't tell.
    pub async fn welcome(&self, key: &PageKey) -> Result<Option<Account>, HostError> {
        Ok(self.find(key, &records::welcome_page_key(&key.to_string())).await?.map(|(_, account)| account))
    }

    /// The publisher of an account, if the sandbox still has it.
    ///
    /// # Errors
    /// [`HostError`] when the host can't tell.
    pub async fn site_of(&self, key: &PageKey, account: &Account) -> Result<Option<Site>, HostError> {
        let sites = self.host.sites(&key.sandbox).await?;
        Ok(sites.into_iter().find(|site| site.publisher == account.publisher))
    }

    /// What the marketplace says of an account's purchase now.
    ///
    /// # Errors
    /// [`MarketplaceError`] when it does not say.
    pub async fn ask_marketplace(
        &self,
        site: &Site,
        account: &Account,
        now: Timestamp,
    ) -> Result<SubscriptionAnswer, MarketplaceError> {
        let subscription = &account.purchase.subscription;
        self.client.get_subscription(Call::about(site, now, subscription, "get", 0), subscription).await
    }

    /// How the sandbox's time passes.
    ///
    /// # Errors
    /// [`HostError`] when the host can't tell.
    pub async fn pace(&self, sandbox: &SandboxId) -> Result<Pace, HostError> {
        self.host.pace(sandbox).await
    }

    /// The sandbox's time.
    ///
    /// # Errors
    /// [`HostError`] when the host can't tell.
    pub async fn now(&self, sandbox: &SandboxId) -> Result<Timestamp, HostError> {
        self.host.now(sandbox).await
    }

    /// Tries again what has failed, now. Nothing happens to an account that has nothing to try.
    ///
    /// # Errors
    /// [`HostError`] when the host can't do it.
    pub async fn retry(&self, key: &PageKey) -> Result<Option<Account>, HostError> {
        let Some((version, account)) = self.find(key, &records::account_page_key(&key.to_string())).await? else {
            return Ok(None);
        };
        let Some((step, again)) = provisioning::tried_again(&account) else { return Ok(Some(account)) };
        let note = Note {
            publisher: again.publisher.clone(),
            subscription: Some(again.purchase.subscription.clone()),
            step: "tryAgain".to_owned(),
            outcome: Outcome::Done,
            attempt: 1,
            summary: format!("Somebody asked to try {} again.", worker::words(step)),
        };
        let mut change = rewriting(&again, version)?;
        change.notes.push(note);
        change.work.push((again.work(), Some(self.host.now(&key.sandbox).await?)));
        match self.host.commit(&key.sandbox, change).await {
            Ok(()) => Ok(Some(again)),
            // It moved on by itself in the meantime.
            Err(HostError::Conflict) => self.account(key).await,
            Err(error) => Err(error),
        }
    }

    /// Wakes up each time that an account of a sandbox may have changed, from now on; ends with the sandbox.
    ///
    /// # Errors
    /// [`HostError`] when there is no such sandbox.
    pub async fn changes(&self, sandbox: &SandboxId) -> Result<BoxStream<'static, ()>, HostError> {
        self.host.changes(sandbox).await
    }

    /// The URL that the partner sends on to the customer.
    #[must_use]
    pub fn customer_url(&self, account: &Account) -> String {
        format!("{}/publisher/welcome/{}", self.public_base.as_str().trim_end_matches('/'), account.welcome)
    }

    /// The URL of an account's page.
    #[must_use]
    pub fn account_url(&self, account: &Account) -> String {
        format!("{}/publisher/accounts/{}", self.public_base.as_str().trim_end_matches('/'), account.account)
    }

    async fn find(&self, key: &PageKey, index: &str) -> Result<Option<(Version, Account)>, HostError> {
        let Some(record) = self.host.read(&key.sandbox, index).await? else { return Ok(None) };
        let subscription = std::str::from_utf8(&record.bytes).map_err(|_| unreadable("an account's page key"))?;
        self.read_account(&key.sandbox, subscription).await
    }

    async fn read_account(
        &self,
        sandbox: &SandboxId,
        subscription: &str,
    ) -> Result<Option<(Version, Account)>, HostError> {
        let Some(record) = self.host.read(sandbox, &records::account_key(subscription)).await? else { return Ok(None) };
        let account = Account::decode(&record.bytes).map_err(|error| unreadable(&error.to_string()))?;
        Ok(Some((record.version, account)))
    }
}

/// The change that opens an account: it must not exist yet.
fn opening(account: &Account, now: Timestamp) -> Result<Change, HostError> {
    let subscription = &account.purchase.subscription;
    let pointer = || Write::Put(subscription.as_bytes().into());
    let bytes = account.encode().map_err(|error| unreadable(&error.to_string()))?;
    let users = account.users.len();
    let seats = account.purchase.quantity.map_or_else(String::new, |seats| format!(" for {seats} bought"));
    let note = Note {
        publisher: account.publisher.clone(),
        subscription: Some(subscription.clone()),
        step: "formSubmitted".to_owned(),
        outcome: Outcome::Done,
        attempt: 1,
        summary: format!(
            "The set-up form of {} was submitted: named users {users}{seats}.",
            account.purchase.offer_name
        ),
    };
    Ok(Change {
        records: vec![
            (records::account_key(subscription), Expectation::Absent, Write::Put(bytes.into())),
            (records::account_page_key(&account.account), Expectation::Absent, pointer()),
            (records::welcome_page_key(&account.welcome), Expectation::Absent, pointer()),
        ],
        notes: vec![note],
        work: vec![(account.work(), Some(now))],
    })
}

/// The change that rewrites an account which was read at a version.
fn rewriting(account: &Account, version: Version) -> Result<Change, HostError> {
    let bytes = account.encode().map_err(|error| unreadable(&error.to_string()))?;
    let key = records::account_key(&account.purchase.subscription);
    Ok(Change { records: vec![(key, Expectation::At(version), Write::Put(bytes.into()))], ..Change::default() })
}

fn unreadable(what: &str) -> HostError {
    HostError::Failed(what.into())
}

//! What the publisher keeps: its own records, in their stored form.
//!
//! | key | record |
//! | --- | --- |
//! | `account/<subscription id>` | the [`Account`] |
//! | `account-id/<page key>` | the subscription id of the account whose page has that key |
//! | `welcome-id/<page key>` | the same, for the page that the customer gets |
//!
//! A stored account says which form it has (`"form": "1"`), so that a later program can still read it.

use serde::{Deserialize, Serialize};

use super::answers::Answer;
use crate::domain::{catalogue::ProvisioningStep, ids::PublisherId, time::Timestamp};

/// A customer's account on the publisher's side: one for each purchase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The key of the account's page, see [`super::page_key`].
    pub account: String,
    /// The key of the page that the customer gets.
    pub welcome: String,
    /// The publisher whose account it is.
    pub publisher: PublisherId,
    /// What was bought, as Resolve told it.
    pub purchase: Purchase,
    /// What the set-up form was answered with.
    pub answers: Vec<Answer>,
    /// The users who get a seat.
    pub users: Vec<String>,
    /// Where provisioning stands, in the order in which the steps run.
    pub steps: Vec<StepRecord>,
    /// Who has a licence; absent until they are assigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licenses: Option<Licenses>,
    /// When the form was submitted.
    pub created: Timestamp,
    /// Whether the marketplace has taken *activate*, which may take effect later.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub activation_taken: bool,
    /// When the marketplace showed the subscription as active; absent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activated: Option<Timestamp>,
    /// Whether the marketplace has suspended the subscription: nobody may use it, and nothing is deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
    /// When the marketplace said that the subscription is over; absent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Timestamp>,
    /// The last operations that the marketplace told of and that were taken in, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handled: Vec<String>,
}

/// What was bought, and by whom, in the publisher's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Purchase {
    /// The subscription's id, as the marketplace spells it.
    pub subscription: String,
    /// The name that the purchaser gave it.
    pub name: String,
    /// `offerId`.
    pub offer: String,
    /// The offer's display name.
    pub offer_name: String,
    /// `planId`.
    pub plan: String,
    /// The plan's display name.
    pub plan_name: String,
    /// Seats; absent for a flat rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<u32>,
    /// The term's unit, if the marketplace told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term_unit: Option<String>,
    /// E-mail of the person that it is for: the account's identity.
    pub beneficiary: String,
    /// E-mail of the person who bought it.
    pub purchaser: String,
}

impl Purchase {
    /// The partner, when somebody other than the beneficiary bought it.
    #[must_use]
    pub fn partner(&self) -> Option<&str> {
        let differs = !self.purchaser.is_empty() && !self.purchaser.eq_ignore_ascii_case(&self.beneficiary);
        differs.then_some(self.purchaser.as_str())
    }
}

/// Who has a licence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licenses {
    /// Users with a licence of their own.
    pub named: Vec<String>,
    /// Licences that wait for a user; always 0 for a flat rate.
    pub pool: u32,
}

/// Where one step stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepRecord {
    /// The step.
    pub step: ProvisioningStep,
    /// Its state.
    pub state: StepState,
    /// Attempts that were begun, ever.
    pub attempts: u32,
    /// Attempts that failed in a row since the start, or since somebody asked to try again.
    pub failures: u32,
    /// How often an attempt was taken up again after a crash.
    #[serde(default)]
    pub resumed: u32,
    /// What went wrong last, in words; stays after the step has succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// The state of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum StepState {
    /// Its turn has not come.
    Todo,
    /// An attempt was begun and its outcome is not known: it runs now, or a crash cut it off.
    Running,
    /// The last attempt failed; the next one is due then.
    Waiting {
        /// When, in sandbox time.
        until: Timestamp,
    },
    /// Done.
    Done {
        /// When.
        at: Timestamp,
    },
    /// Found to be done already.
    AlreadyDone {
        /// When that was found.
        at: Timestamp,
    },
    /// Left out: this marketplace has nothing to call.
    Skipped {
        /// When that was found.
        at: Timestamp,
    },
    /// Failed for good, until somebody asks to try again.
    Stopped,
}

impl StepState {
    /// Whether the next step may run.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done { .. } | Self::AlreadyDone { .. } | Self::Skipped { .. })
    }

    /// The name in JSON and in a page's `data-state`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Todo => "todo",
            Self::Running => "running",
            Self::Waiting { .. } => "waiting",
            Self::Done { .. } => "done",
            Self::AlreadyDone { .. } => "alreadyDone",
            Self::Skipped { .. } => "skipped",
            Self::Stopped => "stopped",
        }
    }
}

/// How an account is doing as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AccountState {
    /// Being set up.
    Provisioning,
    /// A step has failed for good.
    NeedsAttention,
    /// Set up and activated.
    Active,
    /// Not paid for.
    Suspended,
    /// Over.
    Closed,
}

impl AccountState {
    /// The name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::NeedsAttention => "needsAttention",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
        }
    }
}

impl Account {
    /// How it is doing.
    #[must_use]
    pub fn state(&self) -> AccountState {
        if self.closed.is_some() {
            AccountState::Closed
        } else if self.suspended {
            AccountState::Suspended
        } else if self.steps.iter().all(|step| step.state.is_over()) {
            AccountState::Active
        } else if self.steps.iter().any(|step| step.state == StepState::Stopped) {
            AccountState::NeedsAttention
        } else {
            AccountState::Provisioning
        }
    }

    /// Whether an operation was taken in already.
    #[must_use]
    pub fn has_handled(&self, operation: &str) -> bool {
        self.handled.iter().any(|handled| handled == operation)
    }

    /// Remembers an operation as taken in.
    pub(super) fn handle(&mut self, operation: &str) {
        if self.handled.len() >= OPERATIONS {
            self.handled.remove(0);
        }
        self.handled.push(operation.to_owned());
    }

    /// The name of the work that provisions it.
    #[must_use]
    pub fn work(&self) -> String {
        work_name(&self.purchase.subscription)
    }

    /// The stored form.
    ///
    /// # Errors
    /// [`BadRecord`] if it can't be written as JSON.
    pub fn encode(&self) -> Result<Vec<u8>, BadRecord> {
        serde_json::to_vec(&Stored { form: FORM.to_owned(), account: self.clone() }).map_err(BadRecord::from)
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`BadRecord`] if it is not one, or of a form that this program does not know.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadRecord> {
        let stored: Stored = serde_json::from_slice(bytes)?;
        if stored.form != FORM {
            return Err(BadRecord(format!("it has form {:?}, and this program reads {FORM:?}", stored.form)));
        }
        Ok(stored.account)
    }
}

/// Operations remembered for an account: more than ever are told anew.
const OPERATIONS: usize = 100;

/// The form of stored accounts that this program writes.
const FORM: &str = "1";

#[derive(Serialize, Deserialize)]
struct Stored {
    form: String,
    #[serde(flatten)]
    account: Account,
}

/// A record that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a record of the publisher can't be read: {0}")]
pub struct BadRecord(String);

impl From<serde_json::Error> for BadRecord {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

/// Where the account of a subscription is kept.
#[must_use]
pub fn account_key(subscription: &str) -> String {
    format!("account/{subscription}")
}

/// Where it is kept which account a page key leads to.
#[must_use]
pub fn account_page_key(page_key: &str) -> String {
    format!("account-id/{page_key}")
}

/// Where it is kept which account a customer's page key leads to.
#[must_use]
pub fn welcome_page_key(page_key: &str) -> String {
    format!("welcome-id/{page_key}")
}

/// The name of the work that provisions a subscription's account.
#[must_use]
pub fn work_name(subscription: &str) -> String {
    format!("{WORK}{subscription}")
}

/// The subscription whose account a piece of work provisions.
#[must_use]
pub fn subscription_of_work(work: &str) -> Option<&str> {
    work.strip_prefix(WORK)
}

const WORK: &str = "provision/";

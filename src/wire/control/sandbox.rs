//! Sandboxes, their clocks, their faults, and the environment that a user's own app needs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::rules::{ChoiceCard, RuleCard, Rules};

/// A new sandbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateSandbox {
    /// Its name: lower-case letters, digits, `-`, `_`, `.`; up to 50.
    #[schema(example = "team-a")]
    pub name: String,
    /// Where its randomness starts; the server's seed if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Freeze its clock at this instant; a clock that runs with the machine's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-01-01T00:00:00Z")]
    pub frozen_at: Option<String>,
    /// Who runs timers that are due: `automatic` (the server, at once) or `manual` (nobody, until the clock is
    /// advanced: what a scenario needs to be the same from run to run). `automatic` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "automatic")]
    pub timers: Option<String>,
    /// How long operations take: `none`, `brief` (about a second) or `live` (as much as is known of the real service).
    /// `brief` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "brief")]
    pub delays: Option<String>,
    /// What it does where that is a choice: names of rules, each with the name of a choice. The defaults for what is left
    /// out; `GET .../rules` tells of all of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<String, String>,
}

/// What shall be changed of a sandbox; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeSandbox {
    /// Who runs timers that are due: `automatic` or `manual`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "manual")]
    pub timers: Option<String>,
    /// How long operations take: `none`, `brief` or `live`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "live")]
    pub delays: Option<String>,
    /// Names of rules, each with the name of a choice.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<String, String>,
}

/// The rules of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleList {
    /// All rules, in the order of the API.
    pub rules: Vec<RuleView>,
}

/// A rule: what a sandbox does where documentation and reality differ, or where nobody knows for certain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleView {
    /// Its name.
    #[schema(example = "failureAnswer")]
    pub name: String,
    /// What it is about.
    pub about: String,
    /// How we know: a row of the table of quirks (`Q11`), or a source.
    #[schema(example = "Q11")]
    pub source: String,
    /// What is chosen.
    #[schema(example = "honoured")]
    pub chosen: String,
    /// What can be chosen; the first is the default.
    pub choices: Vec<ChoiceView>,
}

/// A choice of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChoiceView {
    /// Its name.
    #[schema(example = "ignored")]
    pub name: String,
    /// What the sandbox does then.
    pub meaning: String,
}

impl RuleList {
    /// The rules as they are chosen.
    #[must_use]
    pub fn of(rules: &Rules) -> Self {
        let choice = |choice: &ChoiceCard| ChoiceView {
            name: choice.name.to_owned(),
            meaning: choice.meaning.trim().to_owned(),
        };
        let rule = |(card, chosen): (&RuleCard, &str)| RuleView {
            name: card.name.to_owned(),
            about: card.about.trim().to_owned(),
            source: card.source.to_owned(),
            chosen: chosen.to_owned(),
            choices: card.choices.iter().map(choice).collect(),
        };
        Self { rules: Rules::CARDS.iter().zip(rules.chosen()).map(rule).collect() }
    }

    /// The rules as they are in a new sandbox.
    #[must_use]
    pub fn usual() -> Self {
        Self::of(&Rules::default())
    }
}

/// A sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SandboxView {
    /// Its name.
    pub name: String,
    /// Where its randomness starts.
    pub seed: u64,
    /// Its clock.
    pub clock: ClockView,
    /// Who runs its timers: `automatic` or `manual`.
    pub timers: String,
    /// How long its operations take: `none`, `brief` or `live`.
    pub delays: String,
    /// The rules for which something else than the default is chosen, each with the choice.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<String, String>,
    /// How many entries its journal has.
    pub journal_entries: u64,
}

/// All sandboxes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SandboxList {
    /// The sandboxes, by name.
    pub sandboxes: Vec<SandboxView>,
    /// Deleted sandboxes whose documents are still being removed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub deletions: Vec<DeletionView>,
}

/// A deleted sandbox whose documents are being removed in the background. Its name is free already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletionView {
    /// The name that it had.
    pub sandbox: String,
    /// How many of its documents are gone.
    pub removed: u64,
}

/// A sandbox's clock and what is due next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClockView {
    /// Sandbox time.
    pub now: String,
    /// Whether it stands still.
    pub frozen: bool,
    /// The earliest timer, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_timer: Option<TimerView>,
    /// The advance that is on its way, if this server runs one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub advance: Option<AdvanceProgress>,
}

/// How far an advance is: the clock tells the time that it has reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdvanceProgress {
    /// From when, in sandbox time.
    pub from: String,
    /// To when.
    pub to: String,
    /// Timers that have run so far.
    pub timers: u64,
    /// Entries that the journal has had since.
    pub entries: u64,
}

/// A deadline that waits in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimerView {
    /// When it is due, in sandbox time.
    pub due: String,
    /// What it does: `codeLifeEnds`, `activationOverdue`, `operationStep`, `publisherWork`.
    pub kind: String,
    /// The subscription that it concerns, if one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subscription: Option<String>,
}

/// Freezes a clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FreezeClock {
    /// Where it shall stand; where it is if left out. A clock never goes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// Moves a clock forward: by a period, or to an instant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdvanceClock {
    /// By how much: `P1M`, `PT24H`, `30d`. `PT0S` runs what is due now and waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "P1D")]
    pub by: Option<String>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// What an advance did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimersRun {
    /// The clock afterwards.
    pub clock: ClockView,
    /// How many timers ran.
    pub count: u64,
    /// How many of each kind: `termEnds`, `delivery`, and so on.
    pub by_kind: BTreeMap<String, u64>,
    /// The timers that ran, in order; the last 1,000 of them. Calls to webhooks of your own are made many at once; the
    /// first of them lists the entries of all.
    pub ran: Vec<TimerRun>,
}

impl TimersRun {
    /// The same as a table for people: how many of each kind, then the timers one by one.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!("{:<24}{:>10}\n", "kind", "timers");
        for (kind, count) in &self.by_kind {
            text.push_str(&format!("{kind:<24}{count:>10}\n"));
        }
        text.push_str(&format!("{:<24}{:>10}\n\nThe clock says {}.\n", "all", self.count, self.clock.now));
        if !self.ran.is_empty() {
            let last = if self.count > self.ran.len() as u64 { "The last of them" } else { "One by one" };
            text.push_str(&format!("\n{last}:\n{:<26}{:<22}{:<38}journal\n", "due", "kind", "subscription"));
        }
        for run in &self.ran {
            let TimerView { due, kind, subscription } = &run.timer;
            let entries = match (run.entries.first(), run.entries.last()) {
                (Some(first), Some(last)) if first == last => first.to_string(),
                (Some(first), Some(last)) => format!("{first} to {last}"),
                _ => String::new(),
            };
            let subscription = subscription.as_deref().unwrap_or_default();
            text.push_str(format!("{due:<26}{kind:<22}{subscription:<38}{entries}").trim_end());
            text.push('\n');
        }
        text
    }
}

/// A timer that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimerRun {
    /// The timer.
    #[serde(flatten)]
    pub timer: TimerView,
    /// The journal entries that it caused.
    pub entries: Vec<u64>,
}

/// A step of the stand-in publisher's provisioning that shall fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProvisioningFault {
    /// The step: `createAccount`, `assignLicenses`, `reportLicenses`, `activate`.
    #[schema(example = "activate")]
    pub step: String,
    /// How many of the next attempts fail; 0 lifts the fault.
    #[schema(example = 2)]
    pub times: u32,
}

/// The faults that are still to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProvisioningFaults {
    /// One for each step that shall fail.
    pub faults: Vec<ProvisioningFault>,
}

/// The identity's published keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SigningKeyList {
    /// Their ids (`kid`); the first is the one that signs.
    pub keys: Vec<String>,
}

/// What an app of the user's own needs to work against a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// The sandbox.
    pub sandbox: String,
    /// Base URL of the fulfillment API, `/api` included as Microsoft's.
    #[schema(example = "http://127.0.0.1:7070/api")]
    pub marketplace_api: String,
    /// Base URL of the identity.
    #[schema(example = "http://127.0.0.1:7070")]
    pub authority: String,
    /// The `resource` of a v1 token request; with `/.default`, the `scope` of a v2 one.
    #[schema(example = "20e940b3-4c77-4b0b-9a53-9e16a1b010a7")]
    pub resource: String,
    /// The `api-version` of the fulfillment API.
    #[schema(example = "2018-08-31")]
    pub api_version: String,
    /// The publishers, each with its app registration.
    pub publishers: Vec<PublisherEnvironment>,
    /// Base URL of the Partner Center API, without its `/v1`.
    #[schema(example = "http://127.0.0.1:7070")]
    pub partner_center_api: String,
    /// The `resource` of a v1 token request for it; with `/.default`, the `scope` of a v2 one.
    #[schema(example = "https://api.partnercenter.microsoft.com")]
    pub partner_center_resource: String,
    /// The CSP partners, each with its app registration.
    pub partners: Vec<PartnerEnvironment>,
}

/// The app registration of a CSP partner, and who works for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartnerEnvironment {
    /// The partner.
    pub partner: String,
    /// The company's name.
    pub name: String,
    /// Its number in Microsoft's partner network.
    pub mpn_id: String,
    /// Tenant of the app, and of the partner.
    pub tenant_id: String,
    /// The app's id.
    pub client_id: String,
    /// The app's secret.
    pub client_secret: String,
    /// The v1 token endpoint.
    pub token_endpoint: String,
    /// Who can sign in, and as what.
    pub users: Vec<MemberView>,
    /// The fixtures' customers of the partner.
    pub customers: Vec<CustomerTenant>,
}

/// The tenant of a customer, which Partner Center calls it by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerTenant {
    /// The customer.
    pub customer: String,
    /// Its tenant.
    pub tenant_id: String,
}

/// Somebody who works for a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberView {
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// `globalAdmin`, `adminAgent`, `salesAgent`, `helpdeskAgent`, `billingAdmin` or `userManagementAdmin`.
    pub role: String,
    /// The object id.
    pub object_id: String,
}

/// The app registration of one publisher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublisherEnvironment {
    /// The publisher.
    pub publisher: String,
    /// The company's name.
    pub name: String,
    /// Tenant of the app.
    pub tenant_id: String,
    /// The app's id.
    pub client_id: String,
    /// The app's secret.
    pub client_secret: String,
    /// The v2 token endpoint.
    pub token_endpoint: String,
    /// The stand-in's landing page for this publisher.
    pub landing_page: String,
}

impl Environment {
    /// The environment of one publisher's app as variables, in the order in which people read them.
    #[must_use]
    pub fn variables(&self, publisher: &PublisherEnvironment) -> Vec<(&'static str, String)> {
        vec![
            ("MARKETPLACE_API", self.marketplace_api.clone()),
            ("MARKETPLACE_API_VERSION", self.api_version.clone()),
            ("MARKETPLACE_RESOURCE", self.resource.clone()),
            ("AUTHORITY", self.authority.clone()),
            ("TOKEN_ENDPOINT", publisher.token_endpoint.clone()),
            ("TENANT_ID", publisher.tenant_id.clone()),
            ("CLIENT_ID", publisher.client_id.clone()),
            ("CLIENT_SECRET", publisher.client_secret.clone()),
        ]
    }

    /// The environment of one partner's app as variables.
    #[must_use]
    pub fn partner_variables(&self, partner: &PartnerEnvironment) -> Vec<(&'static str, String)> {
        vec![
            ("PARTNER_CENTER_API", self.partner_center_api.clone()),
            ("PARTNER_CENTER_RESOURCE", self.partner_center_resource.clone()),
            ("AUTHORITY", self.authority.clone()),
            ("TOKEN_ENDPOINT", partner.token_endpoint.clone()),
            ("TENANT_ID", partner.tenant_id.clone()),
            ("CLIENT_ID", partner.client_id.clone()),
            ("CLIENT_SECRET", partner.client_secret.clone()),
        ]
    }
}

//! Telling a partner's own program what has happened: the webhooks of Partner Center (docs:partner-center-webhooks).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    audit::{AuditRecord, Audited},
    ids::{PartnerId, SubscriptionId},
    operation::Delays,
    time::Timestamp,
    webhook::{Attempt, Sent},
};

/// Attempts at a notice (docs:partner-center-webhooks).
const ATTEMPTS: u32 = 10;

/// Until the second attempt, in milliseconds; each wait after it is twice the last. Nothing of it is documented (inferred).
const FIRST_WAIT_MILLIS: i64 = 60_000;

/// How late a change is told at the latest, in hours (docs:partner-center-webhook-events): where delays are live, so late.
const LATE_HOURS: i64 = 48;

/// What a partner's program can hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventName {
    /// A subscription has changed.
    SubscriptionUpdated,
    /// The program asked for a test.
    TestCreated,
    /// Usage of Azure has come to its threshold: never here.
    #[serde(rename = "usagerecords-thresholdExceeded")]
    UsageThresholdExceeded,
    /// An invoice is there.
    InvoiceReady,
}

impl EventName {
    /// All of them, in the order of the API.
    pub const ALL: [Self; 4] =
        [Self::SubscriptionUpdated, Self::TestCreated, Self::UsageThresholdExceeded, Self::InvoiceReady];

    /// The name as the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SubscriptionUpdated => "subscription-updated",
            Self::TestCreated => "test-created",
            Self::UsageThresholdExceeded => "usagerecords-thresholdExceeded",
            Self::InvoiceReady => "invoice-ready",
        }
    }

    /// The event of that name, in any case.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(text))
    }
}

/// Where a partner's program wants to hear of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registration {
    /// `SubscriberId`.
    pub subscriber: Uuid,
    /// `WebhookUrl`.
    pub url: String,
    /// `WebhookEvents`.
    pub events: Vec<EventName>,
    /// `SignatureTokenToMsSignatureHeader`: the signature comes in `x-ms-signature` instead of `Authorization`.
    pub signature_in_own_header: bool,
}

/// One thing to be told to one partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// Its id; the `correlationId` of a test.
    pub id: Uuid,
    /// Who is told.
    pub partner: PartnerId,
    /// What has happened.
    pub event: EventName,
    /// The record of it; a test has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub record: Option<AuditRecord>,
    /// When it happened.
    pub changed: Timestamp,
    /// How far it has come.
    pub state: NoticeState,
    /// The attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// The run of a server that has the next attempt in hand. Another run does not know whether it was made already.
    #[serde(default)]
    pub in_hand_of: u64,
}

/// Who made an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MadeBy {
    /// The run of the server.
    pub run: u64,
    /// Whether a server that was stopped may have made it before.
    pub repeated: bool,
}

/// How far a notice has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NoticeState {
    /// It is to be told.
    Waiting,
    /// The program has heard it.
    Told,
    /// All attempts were in vain.
    Parked,
}

impl Notice {
    /// A notice of what has just happened.
    #[must_use]
    pub const fn new(
        id: Uuid,
        partner: PartnerId,
        event: EventName,
        record: Option<AuditRecord>,
        (now, run): (Timestamp, u64),
    ) -> Self {
        Self {
            id,
            partner,
            event,
            record,
            changed: now,
            state: NoticeState::Waiting,
            attempts: Vec::new(),
            in_hand_of: run,
        }
    }

    /// The subscription that it is about, if it is about one.
    #[must_use]
    pub fn subscription(&self) -> Option<SubscriptionId> {
        match self.record.as_ref()?.what {
            Audited::SubscriptionUpdated { subscription, .. } => Some(subscription),
            _ => None,
        }
    }

    /// When it is first attempted.
    #[must_use]
    pub fn due(&self, delays: Delays) -> Timestamp {
        match (self.event, delays) {
            (EventName::TestCreated, _) | (_, Delays::None | Delays::Brief) => self.changed,
            (_, Delays::Live) => self.changed.plus_millis(LATE_HOURS * 60 * 60 * 1000),
        }
    }

    /// The notice after an attempt, and when the next one is, if there is one.
    #[must_use]
    pub fn attempted(mut self, sent: Sent, now: Timestamp, made_by: MadeBy) -> (Self, Option<Timestamp>) {
        let is_heard = matches!(sent, Sent::Answered { status: 200..=299, .. });
        let number = u32::try_from(self.attempts.len()).unwrap_or(u32::MAX).saturating_add(1);
        self.attempts.push(Attempt { number, at: now, sent, repeated: made_by.repeated });
        self.in_hand_of = made_by.run;
        let again = (!is_heard && number < ATTEMPTS)
            .then(|| now.plus_millis(FIRST_WAIT_MILLIS.saturating_mul(1 << number.saturating_sub(1).min(16))));
        self.state = match again {
            _ if is_heard => NoticeState::Told,
            Some(_) => NoticeState::Waiting,
            None => NoticeState::Parked,
        };
        (self, again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(event: EventName) -> Notice {
        let at = "2026-01-01T09:00:00Z".parse().unwrap();
        Notice::new(Uuid::nil(), "proseware".parse().unwrap(), event, None, (at, 1))
    }

    const HERE: MadeBy = MadeBy { run: 1, repeated: false };

    fn answered(status: u16) -> Sent {
        Sent::Answered { url: "https://partner.example/hook".to_owned(), status, body: None, latency_micros: 1 }
    }

    #[test]
    fn a_change_is_told_late_where_delays_are_live() {
        let table = [
            (EventName::SubscriptionUpdated, Delays::None, "2026-01-01T09:00:00Z"),
            (EventName::SubscriptionUpdated, Delays::Brief, "2026-01-01T09:00:00Z"),
            (EventName::SubscriptionUpdated, Delays::Live, "2026-01-03T09:00:00Z"),
            (EventName::TestCreated, Delays::Live, "2026-01-01T09:00:00Z"),
        ];
        for (event, delays, due) in table {
            assert_eq!(notice(event).due(delays).to_string(), due, "{event:?} {delays:?}");
        }
    }

    #[test]
    fn it_is_attempted_ten_times_and_then_parked() {
        let mut notice = notice(EventName::InvoiceReady);
        let (mut now, mut waits) = (notice.changed, Vec::new());
        while let (after, Some(again)) = notice.clone().attempted(answered(500), now, HERE) {
            waits.push((again.as_millis() - now.as_millis()) / 60_000);
            assert_eq!(after.state, NoticeState::Waiting);
            (notice, now) = (after, again);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256]);
        let (parked, _) = notice.clone().attempted(answered(404), now, HERE);
        assert_eq!((parked.state, parked.attempts.len()), (NoticeState::Parked, 10));
        let (told, again) = notice.attempted(answered(204), now, HERE);
        assert_eq!((told.state, again), (NoticeState::Told, None));
    }

    #[test]
    fn events_are_named_as_the_api_does() {
        for event in EventName::ALL {
            assert_eq!(EventName::named(&event.as_str().to_uppercase()), Some(event));
            assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
        }
        assert_eq!(EventName::named("azure-fraud-event-detected"), None);
    }
}

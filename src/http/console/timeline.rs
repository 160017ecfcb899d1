//! Journal entries as a timeline: one lane for each player, calls drawn from the lane of the caller to that of the called.

use askama::Template;

use super::shell::Place;
use crate::app::{Entry, Exchange, Player, PublisherStep, What};
use crate::http::{
    json_text::pretty,
    words::{Moment, in_prose, spaced},
};

/// Entries in their order.
#[derive(Debug, Template)]
#[template(path = "console/timeline.html")]
pub(super) struct Timeline {
    entries: Vec<EntryRow>,
}

/// One entry.
#[derive(Debug, PartialEq, Eq)]
struct EntryRow {
    seq: u64,
    at: Moment,
    wall_at: Moment,
    kind: &'static str,
    kind_words: String,
    from: Lane,
    to: Option<Lane>,
    sentence: String,
    /// The status of the answer to a call.
    status: Option<u16>,
    tone: &'static str,
    details: Vec<Detail>,
    /// The subscription's page, where the timeline is of a whole sandbox.
    subscription: Option<String>,
}

/// A player's place in the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lane {
    name: &'static str,
    /// From the left.
    number: u8,
}

/// Something to be read when the entry is opened.
#[derive(Debug, PartialEq, Eq)]
struct Detail {
    label: &'static str,
    text: String,
    /// Whether it is a body, with its line breaks.
    block: bool,
}

/// Whose timeline it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// A subscription's.
    Subscription,
    /// The sandbox's: entries link to their subscriptions.
    Sandbox,
}

impl Timeline {
    /// The timeline of entries, oldest first.
    pub(super) fn of(place: &Place, entries: &[Entry], scope: Scope) -> Self {
        Self { entries: entries.iter().map(|entry| EntryRow::of(place, entry, scope)).collect() }
    }

    /// How many entries it shows.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The number of the first entry.
    pub(super) fn first(&self) -> Option<u64> {
        self.entries.first().map(|entry| entry.seq)
    }
}

impl EntryRow {
    fn of(place: &Place, entry: &Entry, scope: Scope) -> Self {
        let subscription = entry.subscription.filter(|_| scope == Scope::Sandbox);
        let (to, status) = match &entry.what {
            What::Exchange(exchange) => (Some(Lane::of(exchange.to)), exchange.status),
            What::Fact(_)
            | What::PublisherStep(_)
            | What::Clock { .. }
            | What::Steering { .. }
            | What::Fault { .. } => (None, None),
        };
        Self {
            seq: entry.seq.0,
            at: Moment::of(entry.at),
            wall_at: Moment::of(entry.wall_at),
            kind: entry.kind(),
            kind_words: spaced(entry.kind()),
            from: Lane::of(entry.from),
            to,
            sentence: match &entry.what {
                // The status has its own mark.
                What::Exchange(exchange) => format!("{} {}", exchange.method, exchange.path),
                _ => in_prose(&entry.summary()),
            },
            status,
            tone: tone(&entry.what),
            details: details(&entry.what),
            subscription: subscription.map(|id| place.subscription(id)),
        }
    }

    /// The leftmost lane that the entry touches.
    fn left(&self) -> u8 {
        self.to.map_or(self.from.number, |to| to.number.min(self.from.number))
    }

    /// The rightmost lane that the entry touches.
    fn right(&self) -> u8 {
        self.to.map_or(self.from.number, |to| to.number.max(self.from.number))
    }

    /// Which way a call goes; a fact goes nowhere.
    fn way(&self) -> &'static str {
        match self.to {
            None => "none",
            Some(to) if to.number < self.from.number => "left",
            Some(to) if to.number > self.from.number => "right",
            Some(_) => "self",
        }
    }
}

impl Lane {
    const fn of(player: Player) -> Self {
        let (name, number) = match player {
            Player::Partner => ("Partner", 1),
            Player::PartnerCenter => ("Partner Center", 2),
            Player::Publisher => ("Publisher", 3),
            Player::Identity => ("Identity", 4),
            Player::Marketplace => ("Marketplace", 5),
            Player::Operator => ("Operator", 6),
        };
        Self { name, number }
    }
}

/// Whether an entry tells of something that went wrong, for its colour; its words say so too.
fn tone(what: &What) -> &'static str {
    match what {
        What::Exchange(Exchange { status, .. }) if status.is_none_or(|status| status >= 400) => "bad",
        What::PublisherStep(PublisherStep { outcome, .. }) if matches!(outcome.as_str(), "failed" | "gaveUp") => "bad",
        What::Fact(event) => match event.kind() {
            "codeRefused"
            | "codeExpired"
            | "notActivatedInTime"
            | "operationFailed"
            | "operationConflicted"
            | "suspended" => "bad",
            "licensesAssigned" | "activated" | "billingStarted" | "charged" | "operationSucceeded" | "termBegan"
            | "reinstated" => "good",
            _ => "plain",
        },
        What::Exchange(_)
        | What::PublisherStep(_)
        | What::Clock { .. }
        | What::Steering { .. }
        | What::Fault { .. } => "plain",
    }
}

fn details(what: &What) -> Vec<Detail> {
    match what {
        What::Exchange(exchange) => exchange_details(exchange),
        What::Fact(event) => {
            let data = serde_json::to_string_pretty(event).unwrap_or_default();
            vec![Detail { label: "Data", text: data, block: true }]
        }
        What::PublisherStep(step) => vec![
            line("Publisher", step.publisher.to_string()),
            line("Step", step.step.clone()),
            line("Outcome", spaced(&step.outcome)),
            line("Attempt", step.attempt.to_string()),
        ],
        What::Clock { .. } | What::Steering { .. } | What::Fault { .. } => Vec::new(),
    }
}

fn exchange_details(exchange: &Exchange) -> Vec<Detail> {
    let body =
        |label, body: &Option<String>| body.as_deref().map(|text| Detail { label, text: pretty(text), block: true });
    let thousandths = exchange.latency_micros % 1000;
    [
        Some(line("Request", format!("{} {}", exchange.method, exchange.path))),
        exchange.publisher.as_ref().map(|publisher| line("Publisher", publisher.to_string())),
        exchange.correlation_id.clone().map(|id| line("Correlation id", id)),
        exchange.remark.clone().map(|remark| line("Why", remark)),
        body("Request body", &exchange.request_body),
        Some(line("Status", exchange.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string()))),
        body("Answer", &exchange.response_body),
        Some(line("Took", format!("{}.{thousandths:03} ms", exchange.latency_micros / 1000))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const fn line(label: &'static str, text: String) -> Detail {
    Detail { label, text, block: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        event::{Event, Seq},
        ids::{OperationId, SandboxId},
        operation::Action,
        time::Timestamp,
    };

    fn entry(from: Player, what: What) -> Entry {
        let at = Timestamp::from_millis(0);
        Entry { seq: Seq(7), at, wall_at: at, subscription: None, from, what }
    }

    fn exchange(to: Player, status: u16) -> What {
        What::Exchange(Exchange {
            to,
            method: "POST".into(),
            path: "/api/saas/subscriptions/resolve?api-version=2018-08-31".into(),
            status: Some(status),
            publisher: None,
            request_body: Some("{\"a\":[1]}".into()),
            response_body: Some("<nothing>".into()),
            correlation_id: None,
            remark: None,
            latency_micros: 1_234,
        })
    }

    #[test]
    fn calls_are_drawn_from_lane_to_lane() {
        let place = Place { sandbox: SandboxId::default_sandbox() };
        let (operation, action) = (OperationId::from_bytes([1; 16]), Action::ChangePlan);
        let succeeded = Event::OperationSucceeded { operation, action };
        let given_up = Event::OperationConflicted { operation, action };
        let table = [
            (Player::Publisher, exchange(Player::Marketplace, 200), (3, 5, "right", "plain")),
            (Player::Marketplace, exchange(Player::Publisher, 404), (3, 5, "left", "bad")),
            (Player::Marketplace, What::Fact(succeeded), (5, 5, "none", "good")),
            (Player::Marketplace, What::Fact(given_up), (5, 5, "none", "bad")),
            (Player::Operator, What::Clock { summary: "x".into() }, (6, 6, "none", "plain")),
            (Player::Partner, exchange(Player::PartnerCenter, 201), (1, 2, "right", "plain")),
        ];
        for (from, what, expected) in table {
            let row = EntryRow::of(&place, &entry(from, what), Scope::Sandbox);
            assert_eq!((row.left(), row.right(), row.way(), row.tone), expected);
        }
    }

    #[test]
    fn an_opened_call_shows_both_bodies_and_escapes_them() {
        let place = Place { sandbox: SandboxId::default_sandbox() };
        let entries = [entry(Player::Publisher, exchange(Player::Marketplace, 200))];
        let html = Timeline::of(&place, &entries, Scope::Subscription).render().unwrap();
        for part in ["id=\"entry-7\"", "1.234 ms", "&#60;nothing&#62;", "Request body"] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
    }
}

//! The console's home: where to point one's own app, the clock, what was bought, and the form to buy more.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use super::{
    Console, Here,
    buy::{BuyForm, BuyInput, FieldErrors},
    clock::ClockPanel,
    error::ConsoleError,
    shell::{Place, Shell},
};
use crate::http::words::{Moment, confirmation_words_of, count, status_tone};
use crate::{
    app::{AdvanceNumber, JournalFilter, ListPlace, Player, What},
    domain::{
        catalogue::{Catalogue, Publisher, Seats},
        event::Seq,
        subscription::Subscription,
    },
    http::page::page,
    wire::control::SubscriptionSummary,
};

/// Entries of the journal among which the last call to a webhook is looked for.
const LOOKED_THROUGH: u64 = 300;

/// Subscriptions on one page.
const PAGE: usize = 20;

/// What of the query the page understands.
#[derive(Debug, Default, Deserialize)]
pub(super) struct HomeQuery {
    /// The subscription that the list goes on after: `<bought at>~<id>`.
    before: Option<String>,
    /// How many timers the last move of the clock ran.
    ran: Option<u64>,
    /// The advance that goes on by itself, and that is told of when it has ended.
    advance: Option<AdvanceNumber>,
}

/// What was typed into the page's forms and could not be done.
#[derive(Debug, Default)]
pub(super) struct Typed {
    pub(super) buy: Option<BuyForm>,
    pub(super) clock: Option<(String, String)>,
}

#[derive(Template)]
#[template(path = "console/home.html")]
struct HomePage {
    shell: Shell,
    /// Where changes are told; `None` on a page that must not be replaced, because something was typed on it.
    live: Option<String>,
    has_errors: bool,
    clock: ClockPanel,
    buy: BuyForm,
    base_url: String,
    publishers: Vec<PublisherRow>,
    last_call: Option<LastCall>,
    rows: Vec<SubscriptionRow>,
    older: Option<String>,
    newest: Option<String>,
}

/// A publisher's app registration.
#[derive(Debug)]
struct PublisherRow {
    id: String,
    name: String,
    tenant_id: String,
    client_id: String,
    client_secret: String,
    /// Where the personalized links of its offers lead: the offer's name, and the page.
    landing_pages: Vec<(String, String)>,
}

/// The last call to a publisher's webhook.
#[derive(Debug)]
struct LastCall {
    url: String,
    answer: String,
    tone: &'static str,
    at: Moment,
    entry: u64,
    href: String,
}

/// A subscription in the list.
#[derive(Debug)]
struct SubscriptionRow {
    href: String,
    name: String,
    id: String,
    product: String,
    customer: String,
    seats: String,
    status: &'static str,
    tone: &'static str,
    created: Moment,
    billed_since: Option<Moment>,
    missing: Option<String>,
}

/// Shows the page.
pub(super) async fn show(
    State(console): State<Arc<Console>>,
    here: Here,
    query: Result<Query<HomeQuery>, QueryRejection>,
) -> Result<Response, ConsoleError> {
    let Query(query) = query.map_err(|rejection| ConsoleError::malformed(&here.place, rejection.body_text()))?;
    render(&console, &here, StatusCode::OK, query, Typed::default()).await
}

/// Shows the page in answer to a form of it that could not be done.
pub(super) async fn answer(
    console: &Console,
    here: &Here,
    status: StatusCode,
    typed: Typed,
) -> Result<Response, ConsoleError> {
    render(console, here, status, HomeQuery::default(), typed).await
}

async fn render(
    console: &Console,
    here: &Here,
    status: StatusCode,
    query: HomeQuery,
    typed: Typed,
) -> Result<Response, ConsoleError> {
    // Read before everything else: what changes while the page is made is told by the stream.
    let newest_entry = here.sandbox.newest_entry();
    let has_errors = typed.buy.is_some() || typed.clock.is_some();
    let before = query.before.as_deref().map(|text| position(&here.place, text)).transpose()?;
    let list = here.sandbox.newest_subscriptions(before, PAGE).await.map_err(|error| here.failed(&error))?;
    let catalogue = here.sandbox.catalogue();
    let title = if has_errors { "Error: Console" } else { "Console" };
    let home = HomePage {
        shell: here.shell("home", title),
        live: (!has_errors).then(|| here.place.live(newest_entry, None)),
        has_errors,
        clock: ClockPanel::of(here, (query.ran, query.advance), typed.clock).await?,
        buy: typed.buy.unwrap_or_else(|| BuyForm::of(catalogue, BuyInput::default(), FieldErrors::new())),
        base_url: console.base_url.clone(),
        publishers: catalogue.publishers.iter().map(|publisher| PublisherRow::of(here, publisher)).collect(),
        last_call: last_call(here, newest_entry).await?,
        rows: list.subscriptions.iter().map(|found| SubscriptionRow::of(&here.place, catalogue, found)).collect(),
        older: list.next.map(|next| here.place.to(&format!("/?before={next}#subscriptions"))),
        newest: before.map(|_| here.place.to("/#subscriptions")),
    };
    Ok(page(status, &home))
}

fn position(place: &Place, text: &str) -> Result<ListPlace, ConsoleError> {
    text.parse()
        .map_err(|_| ConsoleError::malformed(place, format!("{text:?} is no place in the list of subscriptions.")))
}

/// The last call to a publisher's webhook, if it is among the newest entries of the journal.
async fn last_call(here: &Here, newest: Seq) -> Result<Option<LastCall>, ConsoleError> {
    let since = Seq(newest.0.saturating_sub(LOOKED_THROUGH));
    let filter = JournalFilter { since, kinds: vec!["exchange".to_owned()], ..JournalFilter::default() };
    let slice = here.sandbox.journal(&filter, usize::MAX).await.map_err(|error| here.failed(&error))?;
    let last = slice.entries.iter().rev().find_map(|entry| match &entry.what {
        What::Exchange(call) if entry.from == Player::Marketplace && call.to == Player::Publisher => {
            Some((entry, call))
        }
        _ => None,
    });
    Ok(last.map(|(entry, call)| LastCall {
        url: call.path.clone(),
        answer: call.status.map_or_else(|| "not answered".to_owned(), |status| format!("answered {status}")),
        tone: if call.status.is_some_and(|status| status < 400) { "good" } else { "bad" },
        at: Moment::of(entry.at),
        entry: entry.seq.0,
        href: here.place.to(&format!("/journal?since={}#entry-{}", entry.seq.0.saturating_sub(1), entry.seq)),
    }))
}

impl PublisherRow {
    fn of(here: &Here, publisher: &Publisher) -> Self {
        let own = here.sandbox.catalogue().offers.iter().filter(|offer| offer.publisher == publisher.id);
        Self {
            landing_pages: own
                .map(|offer| (offer.name.clone(), (here.console.links.landing_page)(&here.sandbox, offer)))
                .collect(),
            id: publisher.id.to_string(),
            name: publisher.name.clone(),
            tenant_id: publisher.app.tenant_id.to_string(),
            client_id: publisher.app.client_id.to_string(),
            client_secret: publisher.app.client_secret.clone(),
        }
    }
}

impl SubscriptionRow {
    fn of(place: &Place, catalogue: &Catalogue, subscription: &Subscription) -> Self {
        let SubscriptionSummary { billing, id, name, .. } = SubscriptionSummary::from(subscription);
        let offer = catalogue.offer(&subscription.offer).map_or(subscription.offer.as_str(), |offer| &offer.name);
        let customer =
            catalogue.customer(&subscription.customer).map_or(subscription.customer.as_str(), |found| &found.name);
        let missing: Vec<_> = billing.missing.iter().map(|missing| confirmation_words_of(&missing.kind)).collect();
        let status = subscription.state.status();
        Self {
            href: place.subscription(subscription.id),
            name,
            id,
            product: format!("{offer} / {}", subscription.plan_name),
            customer: customer.to_owned(),
            seats: subscription.quantity.map_or_else(|| "flat rate".to_owned(), seats_words),
            status: status.as_str(),
            tone: status_tone(status),
            created: Moment::of(subscription.created),
            billed_since: subscription.billing.map(|billing| Moment::of(billing.at)),
            missing: (!missing.is_empty()).then(|| missing.join(", ")),
        }
    }
}

fn seats_words(seats: Seats) -> String {
    count(u64::from(seats.get()), "seat")
}

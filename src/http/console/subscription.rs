//! The page of a subscription: where it stands, what billing still waits for, its link, its ledger, its timeline.

use askama::Template;
use axum::{
    extract::Path,
    http::StatusCode,
    response::{Redirect, Response},
};

use super::{
    Here,
    clock::held_up,
    error::ConsoleError,
    marketplace::{MarketplacePanel, RefusedChange},
    progress::Progress,
    shell::{Place, Shell},
    timeline::{Scope, Timeline},
};
use crate::http::words::{Moment, confirmation_words_of, count, grouped, sentence, status_tone};
use crate::{
    domain::{
        billing::LedgerLine,
        event::Seq,
        money::Money,
        subscription::{State, Status, Subscription},
    },
    http::page::page,
    wire::control::{ConfirmationView, LedgerLineView, LinkView, MoneyView, SubscriptionView},
};

/// Entries of the timeline; older ones are in the journal.
const TIMELINE: usize = 200;

#[derive(Template)]
#[template(path = "console/subscription.html")]
struct SubscriptionPage {
    shell: Shell,
    /// Where to listen for changes; not while something is typed that was refused.
    live: Option<String>,
    facts: Facts,
    status: &'static str,
    tone: &'static str,
    over_since: Option<Moment>,
    suspended: bool,
    billed_since: Option<Moment>,
    missing: Option<String>,
    deadline: Option<Moment>,
    term: Option<(String, String)>,
    confirmations: Vec<ConfirmationCard>,
    link: LinkPanel,
    marketplace: MarketplacePanel,
    /// What the publisher did last, while something of it is missing.
    progress: Option<Progress>,
    /// What holds that up, if it does not go on by itself.
    held_up: Option<&'static str>,
    ledger: Vec<LedgerRow>,
    /// What the ledger comes to.
    total: Option<String>,
    timeline: Timeline,
    /// Whether the timeline begins later than the subscription.
    cut: bool,
    journal: String,
}

/// What was bought, by whom, for whom.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) publisher: String,
    pub(super) offer: String,
    pub(super) plan: String,
    pub(super) price: String,
    pub(super) per: String,
    pub(super) free_trial: bool,
    pub(super) seats: Option<String>,
    pub(super) term_unit: String,
    /// Who bought: the partner, or the customer itself.
    pub(super) partner: String,
    pub(super) purchaser: String,
    pub(super) customer: String,
    pub(super) beneficiary: String,
    pub(super) created: Moment,
}

/// The way to the publisher.
#[derive(Debug, Template)]
#[template(path = "console/link.html")]
pub(super) struct LinkPanel {
    url: String,
    code: String,
    expires_at: Moment,
    expired: bool,
    /// Where a fresh one is asked for; `None` once the subscription is over.
    renew: Option<String>,
    active: bool,
    over: bool,
}

/// One of the two confirmations.
#[derive(Debug, PartialEq, Eq)]
struct ConfirmationCard {
    kind: String,
    title: String,
    state: &'static str,
    at: Option<Moment>,
    entry: Option<(u64, String)>,
    licences: Option<String>,
    since: Option<Moment>,
    remedy: Option<String>,
}

#[derive(Debug)]
struct LedgerRow {
    number: u32,
    description: String,
    amount: String,
    from: String,
    until: String,
    at: Moment,
    causes: Vec<(u64, String)>,
}

/// What is read of the journal and the ledger for the page.
struct Seen {
    timeline: Timeline,
    progress: Option<Progress>,
    total: Option<String>,
    newest_entry: Seq,
}

/// Shows the page.
pub(super) async fn show(here: Here, id: Path<String>) -> Result<Response, ConsoleError> {
    answer(here, id, None).await
}

/// Shows it again, with what was asked for and why that can't be.
pub(super) async fn refused(here: Here, id: Path<String>, refused: &RefusedChange) -> Result<Response, ConsoleError> {
    answer(here, id, Some(refused)).await
}

async fn answer(here: Here, id: Path<String>, refused: Option<&RefusedChange>) -> Result<Response, ConsoleError> {
    // Read before everything else: what changes while the page is made is told by the stream.
    let newest_entry = here.sandbox.newest_entry();
    let subscription = here.subscription(id).await?;
    let view = here.view(&subscription).await?;
    let entries = here.sandbox.newest_entries_of(subscription.id, TIMELINE).await;
    let entries = entries.map_err(|error| here.failed(&error))?;
    let ledger = here.sandbox.ledger(subscription.id).await.map_err(|error| here.failed(&error))?;
    let seen = Seen {
        timeline: Timeline::of(&here.place, &entries, Scope::Subscription),
        progress: Progress::of(&entries),
        total: total(&ledger),
        newest_entry,
    };
    let marketplace = MarketplacePanel::of(&here, &subscription, &entries, refused).await?;
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(page(status, &SubscriptionPage::of(&here, &subscription, &view, marketplace, seen)))
}

/// Makes a fresh link, and goes back to where it is shown.
pub(super) async fn fresh_link(here: Here, id: Path<String>) -> Result<Redirect, ConsoleError> {
    let id = here.subscription_id(id)?;
    here.sandbox.issue_link(id).await.map_err(|error| here.failed(&error))?;
    Ok(here.back_to(&format!("/subscriptions/{id}#link")))
}

impl SubscriptionPage {
    fn of(
        here: &Here,
        subscription: &Subscription,
        view: &SubscriptionView,
        marketplace: MarketplacePanel,
        Seen { timeline, progress, total, newest_entry }: Seen,
    ) -> Self {
        let status = subscription.state.status();
        let missing: Vec<_> = view.billing.missing.iter().map(|missing| confirmation_words_of(&missing.kind)).collect();
        let anchors = Anchors { place: &here.place, first_shown: timeline.first() };
        let cut = timeline.len() >= TIMELINE;
        let is_refused = marketplace.error().is_some();
        let progress = progress.filter(|_| !missing.is_empty());
        // Before the publisher has been asked for anything, nothing waits.
        let waits = progress.is_some() || marketplace.is_under_way();
        Self {
            shell: here.shell("", if is_refused { format!("Error: {}", view.name) } else { view.name.clone() }),
            live: (!is_refused).then(|| here.place.live(newest_entry, Some(subscription.id))),
            facts: Facts::of(here, subscription),
            status: status.as_str(),
            tone: status_tone(status),
            over_since: match subscription.state {
                State::Unsubscribed { since, .. } => Some(Moment::of(since)),
                State::Pending | State::Subscribed { .. } | State::Suspended { .. } => None,
            },
            suspended: status == Status::Suspended,
            billed_since: view.billing.since.as_deref().map(Moment::of_text),
            missing: (!missing.is_empty()).then(|| missing.join(", ")),
            deadline: (status == Status::PendingFulfillmentStart).then(|| Moment::of(subscription.activation_deadline)),
            term: view.term.as_ref().map(|term| (term.start.clone(), term.end.clone())),
            confirmations: view
                .confirmations
                .iter()
                .map(|given| ConfirmationCard::of(view, given, progress.is_some(), &anchors))
                .collect(),
            held_up: held_up(here.sandbox.timer_mode(), here.sandbox.clock().is_frozen()).filter(|_| waits),
            progress,
            total,
            link: LinkPanel::of(&here.place, subscription, &view.link),
            marketplace,
            ledger: view.ledger.iter().map(|line| LedgerRow::of(line, &anchors)).collect(),
            timeline,
            cut,
            journal: here.place.to(&format!("/journal?subscription={}", subscription.id)),
        }
    }
}

/// Where journal entries are to be seen: on this page, or, older ones, in the journal.
struct Anchors<'a> {
    place: &'a Place,
    first_shown: Option<u64>,
}

impl Anchors<'_> {
    fn href(&self, entry: u64) -> String {
        if self.first_shown.is_some_and(|first| entry >= first) {
            return format!("#entry-{entry}");
        }
        self.place.to(&format!("/journal?since={}#entry-{entry}", entry.saturating_sub(1)))
    }
}

impl Facts {
    /// The facts of a subscription, with the names that the catalogue has for them.
    pub(super) fn of(here: &Here, subscription: &Subscription) -> Self {
        let catalogue = here.sandbox.catalogue();
        let publisher = catalogue.publisher(&subscription.publisher).map(|found| found.name.clone());
        let offer = catalogue.offer(&subscription.offer).map(|found| found.name.clone());
        let partner = subscription
            .partner
            .as_ref()
            .map(|id| catalogue.partner(id).map_or_else(|| id.to_string(), |found| found.name.clone()));
        let customer = catalogue.customer(&subscription.customer).map(|found| found.name.clone());
        let customer = customer.unwrap_or_else(|| subscription.customer.to_string());
        let term = subscription.payment.as_ref().unwrap_or(&subscription.term_unit).words();
        Self {
            id: subscription.id.to_string(),
            name: subscription.name.clone(),
            publisher: publisher.unwrap_or_else(|| subscription.publisher.to_string()),
            offer: offer.unwrap_or_else(|| subscription.offer.to_string()),
            plan: subscription.plan_name.clone(),
            price: amount(&subscription.unit_price.into()),
            per: match subscription.quantity {
                Some(_) => format!("a seat, per {term}"),
                None => format!("flat, per {term}"),
            },
            free_trial: subscription.free_trial,
            seats: subscription.quantity.map(|seats| count(u64::from(seats.get()), "seat")),
            term_unit: subscription.term_unit.length(),
            partner: partner.unwrap_or_else(|| customer.clone()),
            purchaser: subscription.purchaser.email.clone(),
            customer,
            beneficiary: subscription.beneficiary.email.clone(),
            created: Moment::of(subscription.created),
        }
    }
}

impl LinkPanel {
    /// Link and code of a subscription.
    pub(super) fn of(place: &Place, subscription: &Subscription, link: &LinkView) -> Self {
        let status = subscription.state.status();
        let renew =
            (status != Status::Unsubscribed).then(|| place.to(&format!("/subscriptions/{}/links", subscription.id)));
        Self {
            url: link.personalized_link.clone(),
            code: link.authorization_code.clone(),
            expires_at: Moment::of_text(&link.expires_at),
            expired: link.expired,
            renew,
            active: status == Status::Subscribed,
            over: status == Status::Unsubscribed,
        }
    }
}

impl ConfirmationCard {
    /// `is_at_work`: the publisher has begun; what it did last says more than what anybody could do.
    fn of(view: &SubscriptionView, given: &ConfirmationView, is_at_work: bool, anchors: &Anchors<'_>) -> Self {
        let missing = view.billing.missing.iter().find(|missing| missing.kind == given.kind);
        let state = match (&given.at, given.required) {
            (Some(_), _) => "done",
            (None, true) => "missing",
            (None, false) => "notRequired",
        };
        Self {
            title: sentence(confirmation_words_of(&given.kind)).trim_end_matches('.').to_owned(),
            kind: given.kind.clone(),
            state,
            at: given.at.as_deref().map(Moment::of_text),
            entry: given.entry.map(|entry| (entry, anchors.href(entry))),
            licences: given.assigned.zip(given.pool).map(|(assigned, pool)| {
                format!("{} for named users, {pool} in the pool", count(u64::from(assigned), "licence"))
            }),
            since: missing.map(|missing| Moment::of_text(&missing.since)),
            // The remedy is written for every subscription; here it is about this one.
            remedy: missing.filter(|_| !is_at_work).map(|missing| missing.remedy.replace("{id}", &view.id)),
        }
    }
}

impl LedgerRow {
    fn of(line: &LedgerLineView, anchors: &Anchors<'_>) -> Self {
        Self {
            number: line.number,
            description: line.description.clone(),
            amount: amount(&line.amount),
            from: line.period.start.clone(),
            until: line.period.end.clone(),
            at: Moment::of_text(&line.at),
            causes: line.caused_by.iter().map(|&entry| (entry, anchors.href(entry))).collect(),
        }
    }
}

fn amount(money: &MoneyView) -> String {
    format!("{} {}", grouped(&money.amount), money.currency)
}

/// What the lines of a ledger come to.
fn total(ledger: &[LedgerLine]) -> Option<String> {
    let mut amounts = ledger.iter().map(|line| line.amount);
    let first = amounts.next()?;
    amounts.try_fold(first, Money::plus).map(|total| amount(&total.into()))
}

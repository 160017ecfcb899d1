//! The confirmation of a purchase: the way to the publisher, and what happens next.

use askama::Template;
use axum::{extract::Path, http::StatusCode, response::Response};

use super::{
    Here,
    error::ConsoleError,
    shell::Shell,
    subscription::{Facts, LinkPanel},
};
use crate::http::words::{Moment, confirmation_words};
use crate::{domain::subscription::Status, http::page::page};

#[derive(Template)]
#[template(path = "console/bought.html")]
struct BoughtPage {
    shell: Shell,
    facts: Facts,
    link: LinkPanel,
    /// Since when it is billed, for whoever comes back later.
    billed_since: Option<Moment>,
    over: bool,
    waits_for: String,
    /// Until when it has to be activated; `None` once it is.
    deadline: Option<Moment>,
    href: String,
}

/// Shows the confirmation.
pub(super) async fn show(here: Here, id: Path<String>) -> Result<Response, ConsoleError> {
    let subscription = here.subscription(id).await?;
    let view = here.view(&subscription).await?;
    let waits_for: Vec<_> = subscription.confirmations.waits_for.iter().map(confirmation_words).collect();
    let status = subscription.state.status();
    let bought = BoughtPage {
        shell: here.shell("", format!("Bought: {}", view.name)),
        facts: Facts::of(&here, &subscription),
        link: LinkPanel::of(&here.place, &subscription, &view.link),
        billed_since: view.billing.since.as_deref().map(Moment::of_text),
        over: status == Status::Unsubscribed,
        waits_for: waits_for.join(" and "),
        deadline: (status == Status::PendingFulfillmentStart).then(|| Moment::of(subscription.activation_deadline)),
        href: here.place.subscription(subscription.id),
    };
    Ok(page(StatusCode::OK, &bought))
}

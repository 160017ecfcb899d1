//! A subscription, and what the partner can change of it.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::Path,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{
    buying::Choice,
    customers::{CustomerHead, PortalStatus},
    frame::{Frame, PortalError, Visit},
};
use crate::{
    app::{AppError, Entry, KnownSubscription, What},
    domain::{
        catalogue::{Catalogue, ConfirmationKind},
        charges,
        customer::Customer,
        event::{Event, Seq},
        ids::{OfferId, OperationId, PlanId, SubscriptionId, TenantId},
        operation::Action,
        partner::{MpnId, Right},
        partner_change::{self, Cancellation, PartnerWish, StatusWish},
        rules::Rules,
        subscription::Status,
        time::Timestamp,
    },
    http::{
        page::page,
        words::{Moment, confirmation_words, count, in_prose, sentence},
    },
};

/// Entries of the history; older ones are in the journal.
const HISTORY: usize = 200;

#[derive(Template)]
#[template(path = "portal/subscription.html")]
struct SubscriptionPage {
    frame: Frame,
    live: Option<String>,
    customer: CustomerHead,
    href: String,
    id: String,
    name: String,
    product: String,
    publisher: String,
    status: PortalStatus,
    is_pending: bool,
    is_over: bool,
    is_suspended: bool,
    link: Option<(String, String, Moment)>,
    confirmations: Vec<(&'static str, Option<Moment>)>,
    billed_since: Option<Moment>,
    term: Option<(String, String)>,
    term_words: String,
    cancel_until: Option<Moment>,
    cancel: Cancel,
    quantity: Option<String>,
    nickname: String,
    auto_renew: bool,
    resellers: Vec<Choice>,
    changes: Vec<SeatChange>,
    problem: Option<(&'static str, String)>,
    may_manage: bool,
    may_buy: bool,
    order: Option<(String, String)>,
    history: Vec<(Moment, String)>,
}

impl SubscriptionPage {
    /// Where the field of the problem is on the page, if it is there.
    fn place_of_problem(&self) -> Option<&'static str> {
        let (field, _) = self.problem.as_ref()?;
        let is_shown = !self.is_over && self.may_manage;
        Some(*field).filter(|field| is_shown && matches!(*field, "nickname" | "quantity" | "reseller"))
    }

    fn error(&self, field: &str) -> Option<&str> {
        self.problem.as_ref().filter(|(name, _)| *name == field).map(|(_, why)| why.as_str())
    }
}

/// Whether a cancellation is offered.
enum Cancel {
    /// It is: what it brings.
    Offered(String),
    /// It is not: why.
    Not(String),
}

impl Cancel {
    fn of(found: &KnownSubscription, rules: Rules, now: Timestamp) -> Self {
        let is_paid = found.paid.is_some_and(|paid| !paid.amount.is_zero());
        let end = charges::commitment(found).map(|term| format!(" on {}", term.end)).unwrap_or_default();
        match partner_change::cancellation(found, rules, now) {
            Ok(Cancellation::AtOnce) if is_paid => Self::Offered(
                "It ends at once and can't be brought back. What was charged for it is given back.".to_owned(),
            ),
            Ok(Cancellation::AtOnce) => Self::Offered("It ends at once and can't be brought back.".to_owned()),
            Ok(Cancellation::AtRenewal) => Self::Offered(format!("It ends with its term{end}. Nothing is given back.")),
            Ok(Cancellation::Scheduled) => Self::Not(format!("It ends with its term{end} already.")),
            Err(refusal) => Self::Not(sentence(&refusal.to_string())),
        }
    }
}

/// A change of seats, and what the publisher has made of it.
struct SeatChange {
    operation: OperationId,
    to: String,
    at: Moment,
    words: String,
    tone: &'static str,
}

/// A form of the page: which one, and what was typed.
#[derive(Debug, Deserialize)]
pub(super) struct ChangeForm {
    #[serde(default)]
    what: String,
    #[serde(default)]
    value: String,
}

type Ids = Path<(String, String)>;

/// `GET .../subscriptions/{subscription}`
pub(super) async fn show(visit: Visit, Path((customer, id)): Ids) -> Result<Response, PortalError> {
    let newest_entry = visit.sandbox.newest_entry();
    let (customer, tenant, found) = find(&visit, &customer, &id).await?;
    answer(&visit, (&customer, tenant), &found, None, Some(newest_entry)).await
}

/// `POST .../subscriptions/{subscription}`: one change.
pub(super) async fn change(
    visit: Visit,
    Path((customer, id)): Ids,
    Form(form): Form<ChangeForm>,
) -> Result<Response, PortalError> {
    let (customer, tenant, found) = find(&visit, &customer, &id).await?;
    visit.needs(Right::ManageSubscriptions)?;
    let refused = match wish(&form) {
        Err(why) => why.to_owned(),
        Ok(wish) => match visit.acts().change_for_partner(customer.id.clone(), found.id, None, wish).await {
            Ok(_) => {
                let back = format!("/partner/customers/{tenant}/subscriptions/{}", found.id);
                return Ok(Redirect::to(&back).into_response());
            }
            Err(AppError::Refused(refusal)) => visit.told(&refusal, &customer, Some(&found.offer)),
            Err(error) => return Err(visit.failed(&error)),
        },
    };
    // It may have become another one since the form was opened: the page shows how it stands.
    let found = visit.sandbox.subscription_for(&customer.id, found.id).await.map_err(|error| visit.failed(&error))?;
    let field = ["nickname", "quantity", "autoRenew", "reseller", "status"].into_iter().find(|name| *name == form.what);
    let problem = Some((field.unwrap_or("status"), refused));
    answer(&visit, (&customer, tenant), &found, problem.zip(Some(form.value)), None).await
}

/// What a form wants.
fn wish(form: &ChangeForm) -> Result<PartnerWish, &'static str> {
    let nothing = PartnerWish::default();
    let value = form.value.trim();
    Ok(match form.what.as_str() {
        "nickname" if value.is_empty() => return Err("Enter a nickname."),
        "nickname" => PartnerWish { nickname: Some(value.to_owned()), ..nothing },
        "quantity" => {
            let quantity = value.parse().map_err(|_| "Enter the number of licenses, a whole number.")?;
            PartnerWish { quantity: Some(quantity), ..nothing }
        }
        "autoRenew" => match value {
            "on" | "off" => PartnerWish { auto_renew: Some(value == "on"), ..nothing },
            _ => return Err("Auto-renew is on or off."),
        },
        "reseller" if value.is_empty() => PartnerWish { reseller: Some(None), ..nothing },
        "reseller" => {
            let reseller = value.parse().map_err(|_| "Choose one of your resellers.")?;
            PartnerWish { reseller: Some(Some(reseller)), ..nothing }
        }
        "status" => {
            let status = match value {
                "deleted" => StatusWish::Deleted,
                "suspended" => StatusWish::Suspended,
                "active" => StatusWish::Active,
                _ => return Err("There is no such status."),
            };
            PartnerWish { status: Some(status), ..nothing }
        }
        _ => return Err("There is nothing of that name to change."),
    })
}

/// `POST .../subscriptions/{subscription}/link`: a fresh link.
pub(super) async fn fresh_link(visit: Visit, Path((customer, id)): Ids) -> Result<Response, PortalError> {
    let (_, tenant, found) = find(&visit, &customer, &id).await?;
    // Whoever buys needs the link; whoever only looks has no use for a new one.
    visit.needs(Right::Buy)?;
    if found.state.status() != Status::PendingFulfillmentStart {
        return Err(
            visit.not_possible("It needs no link: it is not waiting for its publisher.", "Look at the subscription.")
        );
    }
    visit.sandbox.issue_link(found.id).await.map_err(|error| visit.failed(&error))?;
    Ok(Redirect::to(&format!("/partner/customers/{tenant}/subscriptions/{}#link", found.id)).into_response())
}

async fn find(
    visit: &Visit,
    customer: &str,
    id: &str,
) -> Result<(Customer, TenantId, Arc<KnownSubscription>), PortalError> {
    let (customer, tenant) = visit.customer(customer).await?;
    let id: Option<SubscriptionId> = id.parse().ok();
    let id = id.ok_or_else(|| visit.not_found("There is no such subscription.", "Look at the customer's page."))?;
    let found = visit.sandbox.subscription_for(&customer.id, id).await.map_err(|error| visit.failed(&error))?;
    Ok((customer, tenant, found))
}

async fn answer(
    visit: &Visit,
    (customer, tenant): (&Customer, TenantId),
    found: &KnownSubscription,
    refused: Option<((&'static str, String), String)>,
    since: Option<Seq>,
) -> Result<Response, PortalError> {
    let entries = visit.sandbox.newest_entries_of(found.id, HISTORY).await.map_err(|error| visit.failed(&error))?;
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (problem, typed) = refused.map_or((None, None), |(problem, typed)| (Some(problem), Some(typed)));
    let typed_in = |field: &str| typed.clone().filter(|_| problem.as_ref().is_some_and(|(name, _)| *name == field));
    let catalogue = visit.sandbox.catalogue();
    let offer = catalogue.offer(&found.offer).map_or_else(|| found.offer.to_string(), |offer| offer.name.clone());
    let state = found.state.status();
    let is_pending = state == Status::PendingFulfillmentStart;
    let until = charges::refundable_until(found, visit.sandbox.rules().refund_window);
    let until = until.filter(|until| state == Status::Subscribed && visit.sandbox.now() <= *until);
    let kinds = [ConfirmationKind::LicensesAssigned, ConfirmationKind::Activated];
    let reseller = typed_in("reseller").or_else(|| found.reseller.as_ref().map(ToString::to_string));
    let title = match &problem {
        Some(_) => format!("Error: {}", found.friendly_name()),
        None => found.friendly_name().to_owned(),
    };
    let page_of = SubscriptionPage {
        frame: visit.frame("customers", title),
        live: since.map(|since| visit.live(since, Some(found.id))),
        customer: CustomerHead::of(&customer.name, tenant, ""),
        href: format!("/partner/customers/{tenant}/subscriptions/{}", found.id),
        id: found.id.to_string(),
        name: found.friendly_name().to_owned(),
        product: format!("{offer} - {}", found.plan_name),
        publisher: catalogue.publisher(&found.publisher).map_or_else(String::new, |it| it.name.clone()),
        status: PortalStatus::of(state),
        is_pending,
        is_over: state == Status::Unsubscribed,
        is_suspended: state == Status::Suspended,
        link: is_pending.then(|| {
            let url = visit.faces.portal_link(&visit.sandbox, found);
            (url, found.code.text.clone(), Moment::of(found.code.expires_at))
        }),
        confirmations: kinds
            .map(|kind| (confirmation_words(kind), found.confirmations.of(kind).map(|it| Moment::of(it.at))))
            .to_vec(),
        billed_since: found.billing.map(|billing| Moment::of(billing.at)),
        term: charges::commitment(found).map(|term| (term.start.to_string(), term.end.to_string())),
        term_words: found.term_unit.words(),
        cancel_until: until.map(Moment::of),
        cancel: Cancel::of(found, visit.sandbox.rules(), visit.sandbox.now()),
        quantity: found.quantity.map(|seats| typed_in("quantity").unwrap_or_else(|| seats.to_string())),
        nickname: typed_in("nickname").unwrap_or_else(|| found.friendly_name().to_owned()),
        auto_renew: found.auto_renew,
        resellers: resellers(visit, reseller.as_deref()),
        changes: seat_changes(&entries),
        problem,
        may_manage: visit.may(Right::ManageSubscriptions),
        may_buy: visit.may(Right::Buy),
        order: found
            .order
            .map(|place| (place.order.to_string(), format!("/partner/customers/{tenant}/orders/{}", place.order))),
        history: history(visit, customer, &entries),
    };
    Ok(page(status, &page_of))
}

fn resellers(visit: &Visit, chosen: Option<&str>) -> Vec<Choice> {
    let choice = |id: &MpnId, name: &str| Choice {
        value: id.to_string(),
        label: format!("{name} ({id})"),
        chosen: chosen == Some(id.as_str()),
    };
    visit.partner.resellers.iter().map(|reseller| choice(&reseller.mpn_id, &reseller.name)).collect()
}

/// What has become of the changes of seats, the newest first: what is under way, done or refused.
fn seat_changes(entries: &[Entry]) -> Vec<SeatChange> {
    let mut changes: Vec<SeatChange> = Vec::new();
    for entry in entries {
        let What::Fact(fact) = &entry.what else { continue };
        let ended = match fact {
            Event::OperationRequested { operation, action: Action::ChangeQuantity, quantity: Some(seats), .. } => {
                changes.push(SeatChange {
                    operation: *operation,
                    to: count(u64::from(seats.get()), "license"),
                    at: Moment::of(entry.at),
                    words: "Pending: the publisher is asked".to_owned(),
                    tone: "info",
                });
                continue;
            }
            Event::OperationSucceeded { operation, .. } => (operation, "Done".to_owned(), "good"),
            Event::OperationFailed { operation, how, .. } => {
                (operation, format!("Refused by the publisher: {how}"), "bad")
            }
            Event::OperationConflicted { operation, .. } => {
                (operation, "Given up: the subscription has changed".to_owned(), "bad")
            }
            _ => continue,
        };
        if let Some(change) = changes.iter_mut().find(|change| change.operation == *ended.0) {
            (change.words, change.tone) = (ended.1, ended.2);
        }
    }
    changes.reverse();
    changes.truncate(3);
    changes
}

/// What has happened, the newest first.
fn history(visit: &Visit, customer: &Customer, entries: &[Entry]) -> Vec<(Moment, String)> {
    let facts = entries.iter().rev().filter(|entry| matches!(entry.what, What::Fact(_)));
    facts.map(|entry| (Moment::of(entry.at), told(visit, customer, entry))).collect()
}

/// An entry with the names that the portal has for things; the journal has their ids.
fn told(visit: &Visit, customer: &Customer, entry: &Entry) -> String {
    let catalogue = visit.sandbox.catalogue();
    match &entry.what {
        What::Fact(Event::PurchaseCreated { offer, plan, quantity, term_unit, .. }) => {
            let product = product_name(catalogue, offer, plan);
            let seats =
                quantity.map_or_else(String::new, |seats| format!(", {}", count(u64::from(seats.get()), "license")));
            let (buyer, whom, term) = (&visit.partner.name, &customer.name, term_unit.length());
            format!("{buyer} bought {product}{seats}, a term of {term}, for {whom}. Nothing is billed yet.")
        }
        _ => in_prose(&entry.summary()),
    }
}

fn product_name(catalogue: &Catalogue, offer: &OfferId, plan: &PlanId) -> String {
    let found = catalogue.offer(offer).and_then(|offer| Some((offer, offer.plan(plan)?)));
    found.map_or_else(|| format!("{offer} / {plan}"), |(offer, plan)| format!("{} - {}", offer.name, plan.name))
}

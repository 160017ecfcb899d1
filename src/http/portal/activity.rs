//! The activity log: who did what for which customer, and how it ended.

use askama::Template;
use axum::{extract::Query, http::StatusCode, response::Response};
use serde::Deserialize;

use super::{
    customers::PortalStatus,
    frame::{Frame, PortalError, Visit},
};
use crate::{
    app::AuditFilter,
    domain::{
        audit::{AuditStatus, Audited, FoundRecord, SubscriptionFacts},
        customer::Customer,
        partner::Right,
        time::Period,
    },
    http::{
        page::page,
        words::{Moment, count},
    },
};

/// Records on a page.
const ON_A_PAGE: usize = 50;
/// How far back the log goes, as in the API.
const DAYS: i32 = 90;

#[derive(Template)]
#[template(path = "portal/activity.html")]
struct ActivityPage {
    frame: Frame,
    records: Vec<RecordRow>,
    next: Option<String>,
    is_first: bool,
}

struct RecordRow {
    at: Moment,
    what: String,
    changes: Vec<String>,
    customer: Option<(String, String)>,
    href: Option<String>,
    who: String,
    app: Option<String>,
    status: &'static str,
    tone: &'static str,
}

/// Which page.
#[derive(Deserialize)]
pub(super) struct Wanted {
    after: Option<String>,
}

/// `GET /partner/activity`
pub(super) async fn list(visit: Visit, Query(wanted): Query<Wanted>) -> Result<Response, PortalError> {
    visit.needs(Right::SeeCustomers)?;
    let after = wanted.after.as_deref().and_then(|after| after.parse().ok());
    let until = visit.sandbox.now().plus_millis(1);
    let from = until.plus(Period::days(-DAYS));
    let filter = AuditFilter { from, until, customer: None, company: None, resource: None };
    let found = visit.sandbox.audit_records(&visit.partner.id, &filter, after, ON_A_PAGE).await;
    let found = found.map_err(|error| visit.failed(&error))?;
    let page_of = ActivityPage {
        frame: visit.frame("activity", "Activity log"),
        records: found.records.iter().map(RecordRow::of).collect(),
        next: found.next.map(|place| format!("/partner/activity?after={place}")),
        is_first: wanted.after.is_none(),
    };
    Ok(page(StatusCode::OK, &page_of))
}

impl RecordRow {
    fn of(found: &FoundRecord) -> Self {
        let FoundRecord { record, customer, order, invoice } = found;
        let tenant = customer.as_ref().and_then(Customer::tenant_id);
        let root = tenant.map(|tenant| format!("/partner/customers/{tenant}"));
        let under = |path: String| root.as_ref().map(|root| format!("{root}{path}"));
        let (what, href) = match &record.what {
            Audited::CustomerAdded => ("Customer added".to_owned(), under("/account".to_owned())),
            Audited::CustomerDeleted => ("Customer removed".to_owned(), None),
            Audited::AgreementCreated => ("Customer agreement confirmed".to_owned(), under("/account".to_owned())),
            Audited::OrderCreated { order: id } => {
                let lines = order.as_ref().map_or(0, |order| order.lines.len());
                let lines = count(u64::try_from(lines).unwrap_or(u64::MAX), "subscription");
                (format!("Order {id} placed, {lines}"), under(format!("/orders/{id}")))
            }
            Audited::SubscriptionUpdated { subscription, after, .. } => (
                format!("Subscription {} changed", after.friendly_name),
                under(format!("/subscriptions/{subscription}")),
            ),
            Audited::InvoiceReady { month, .. } => {
                let href = invoice.as_ref().map(|invoice| format!("/partner/invoices/{}", invoice.id));
                (format!("Invoice for {month} ready"), href)
            }
        };
        let (status, tone) = match record.status {
            AuditStatus::Succeeded => ("Done", "good"),
            AuditStatus::Failed => ("Refused by the publisher", "bad"),
            AuditStatus::Progress => ("The publisher is asked", "info"),
        };
        let user = record.by.as_ref().and_then(|by| by.user_principal_name.clone());
        let app = record.by.as_ref().map(|by| by.application_id.clone());
        Self {
            at: Moment::of(record.at),
            what,
            changes: match &record.what {
                Audited::SubscriptionUpdated { before, after, .. } => differences(before, after),
                _ => Vec::new(),
            },
            customer: customer.as_ref().map(|customer| (customer.name.clone(), root.unwrap_or_default())),
            href,
            who: match (user, &app) {
                (Some(user), _) => user,
                (None, Some(_)) => "An app".to_owned(),
                (None, None) => "Publisher or marketplace".to_owned(),
            },
            app,
            status,
            tone,
        }
    }
}

/// What is otherwise, in words.
fn differences(before: &SubscriptionFacts, after: &SubscriptionFacts) -> Vec<String> {
    let reseller =
        |facts: &SubscriptionFacts| facts.reseller.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    let on = |facts: &SubscriptionFacts| if facts.auto_renew { "on" } else { "off" }.to_owned();
    let pairs = [
        ("Nickname", before.friendly_name.clone(), after.friendly_name.clone()),
        ("Plan", before.plan.to_string(), after.plan.to_string()),
        ("Quantity", before.quantity.to_string(), after.quantity.to_string()),
        ("Status", PortalStatus::of(before.status).words.to_owned(), PortalStatus::of(after.status).words.to_owned()),
        ("Auto-renew", on(before), on(after)),
        ("Reseller", reseller(before), reseller(after)),
    ];
    let differing = pairs.into_iter().filter(|(_, before, after)| before != after);
    differing.map(|(name, before, after)| format!("{name}: {before} → {after}")).collect()
}

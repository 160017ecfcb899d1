//! Invoices and estimates: each line with its formula and what caused it, and the reconciliation file.

use askama::Template;
use axum::{
    extract::Path,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::frame::{Frame, PortalError, Visit};
use crate::{
    app::LineKind,
    domain::{
        invoice::{Invoice, InvoiceLine},
        partner::Right,
    },
    http::{invoice_rows::Rows, page::page, words::Moment},
    wire::partner_center::{reconciliation_csv, statement_pdf},
};

/// Lines on a page; all of them are in the file.
const ON_A_PAGE: usize = 500;

#[derive(Template)]
#[template(path = "portal/invoices.html")]
struct InvoicesPage {
    frame: Frame,
    issued: Vec<InvoiceRow>,
    estimates: Vec<InvoiceRow>,
}

struct InvoiceRow {
    id: String,
    href: String,
    period: String,
    date: Moment,
    total: String,
    lines: u64,
}

impl InvoiceRow {
    fn of(invoice: &Invoice) -> Self {
        let days = invoice.month.days();
        Self {
            id: invoice.id.clone(),
            href: format!("/partner/invoices/{}", invoice.id),
            period: format!("{} to {}", days.start, days.end),
            date: Moment::of(invoice.month.invoiced_at()),
            total: invoice.total.to_string(),
            lines: invoice.lines,
        }
    }
}

/// `GET /partner/invoices`
pub(super) async fn list(visit: Visit) -> Result<Response, PortalError> {
    visit.needs(Right::SeeInvoices)?;
    let mut invoices = visit.sandbox.invoices(&visit.partner.id).await.map_err(|error| visit.failed(&error))?;
    invoices.reverse();
    let now = visit.sandbox.now();
    let (issued, open): (Vec<_>, Vec<_>) = invoices.iter().partition(|invoice| invoice.is_issued(now));
    let page_of = InvoicesPage {
        frame: visit.frame("invoices", "Billing"),
        issued: issued.into_iter().map(InvoiceRow::of).collect(),
        estimates: open.into_iter().map(InvoiceRow::of).collect(),
    };
    Ok(page(StatusCode::OK, &page_of))
}

#[derive(Template)]
#[template(path = "portal/invoice.html")]
struct InvoicePage {
    frame: Frame,
    invoice: InvoiceRow,
    is_issued: bool,
    lines: Vec<LineRow>,
    cut: bool,
}

struct LineRow {
    id: String,
    customer: String,
    subscription: String,
    href: Option<String>,
    charge: &'static str,
    period: String,
    amount: String,
    formula: String,
    written: Moment,
    /// Entries of the journal that caused it.
    causes: Vec<(u64, String)>,
    reseller: Option<String>,
}

/// `GET /partner/invoices/{invoice}`
pub(super) async fn show(visit: Visit, Path(invoice): Path<String>) -> Result<Response, PortalError> {
    let invoice = find(&visit, &invoice).await?;
    let place = (invoice.month, invoice.total.currency);
    let mut lines = Vec::new();
    let mut cut = false;
    for kind in [LineKind::Billing, LineKind::Usage] {
        let found = visit.sandbox.invoice_lines(&visit.partner.id, place, kind, None, ON_A_PAGE).await;
        let found = found.map_err(|error| visit.failed(&error))?;
        cut |= found.next.is_some();
        for line in &found.lines {
            lines.push(row(&visit, line).await?);
        }
    }
    let is_issued = invoice.is_issued(visit.sandbox.now());
    let title = if is_issued { format!("Invoice {}", invoice.id) } else { "Estimate".to_owned() };
    let frame = visit.frame("invoices", title);
    Ok(page(StatusCode::OK, &InvoicePage { frame, invoice: InvoiceRow::of(&invoice), is_issued, lines, cut }))
}

async fn row(visit: &Visit, line: &InvoiceLine) -> Result<LineRow, PortalError> {
    let customer = visit.sandbox.customer(&line.customer).await.map_err(|error| visit.failed(&error))?;
    let named = match &customer {
        Some(_) => None,
        None => visit.sandbox.customer_of_then(&line.customer).await.map_err(|error| visit.failed(&error))?,
    };
    let subscription = visit.sandbox.subscription(line.subscription).await.map_err(|error| visit.failed(&error))?;
    let tenant = customer.as_ref().and_then(|customer| customer.tenant_id());
    let causes = line.line.caused_by.iter().map(|entry| {
        let journal = format!("/journal?since={}", entry.0.saturating_sub(1));
        let sandbox = visit.sandbox.id();
        (entry.0, format!("{journal}&sandbox={sandbox}#entry-{entry}"))
    });
    Ok(LineRow {
        id: format!("{}-{}", line.subscription, line.line.number),
        customer: customer.or(named).map_or_else(|| line.customer.to_string(), |customer| customer.name),
        subscription: subscription.friendly_name().to_owned(),
        href: tenant.map(|tenant| format!("/partner/customers/{tenant}/subscriptions/{}", line.subscription)),
        charge: line.charge_type.as_str(),
        period: format!("{} to {}", line.line.period.start, line.line.period.end),
        amount: line.line.amount.to_string(),
        formula: line.line.description.clone(),
        written: Moment::of(line.line.at),
        causes: causes.collect(),
        reseller: line.reseller.as_ref().map(ToString::to_string),
    })
}

async fn find(visit: &Visit, id: &str) -> Result<Invoice, PortalError> {
    visit.needs(Right::SeeInvoices)?;
    let invoices = visit.sandbox.invoices(&visit.partner.id).await.map_err(|error| visit.failed(&error))?;
    let found = invoices.into_iter().find(|invoice| invoice.id == id);
    found.ok_or_else(|| visit.not_found("There is no such invoice.", "Look at your invoices."))
}

/// `GET /partner/invoices/{invoice}/reconciliation.csv`
pub(super) async fn reconciliation(visit: Visit, Path(invoice): Path<String>) -> Result<Response, PortalError> {
    let invoice = find(&visit, &invoice).await?;
    let number = invoice.is_issued(visit.sandbox.now()).then_some(invoice.id.as_str());
    let rows = Rows::new(&visit.sandbox, &visit.partner, number).all(&invoice).await;
    let rows = rows.map_err(|error| visit.failed(&error))?;
    let name = format!("ReconciliationFile_{}.csv", invoice.id);
    Ok(file("text/csv; charset=utf-8", &name, reconciliation_csv(rows.iter()).into_bytes()))
}

/// `GET /partner/invoices/{invoice}/statement.pdf`: of an invoice that is there.
pub(super) async fn statement(visit: Visit, Path(invoice): Path<String>) -> Result<Response, PortalError> {
    let invoice = find(&visit, &invoice).await?;
    if !invoice.is_issued(visit.sandbox.now()) {
        return Err(visit.not_found("There is no invoice yet.", "Look at the estimate, or advance the clock."));
    }
    let rows = Rows::new(&visit.sandbox, &visit.partner, Some(&invoice.id)).all(&invoice).await;
    let rows = rows.map_err(|error| visit.failed(&error))?;
    let name = format!("Invoice_{}.pdf", invoice.id);
    Ok(file("application/pdf", &name, statement_pdf(&invoice, &visit.partner, &rows)))
}

/// A file to be kept.
fn file(content_type: &'static str, name: &str, bytes: Vec<u8>) -> Response {
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    let disposition = disposition.unwrap_or(HeaderValue::from_static("attachment"));
    let content_type = HeaderValue::from_static(content_type);
    ([(header::CONTENT_TYPE, content_type), (header::CONTENT_DISPOSITION, disposition)], bytes).into_response()
}

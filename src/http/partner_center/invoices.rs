//! Invoices, their lines, and estimates (section 9: E36 to E38).

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::{Path, State},
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    call::{Answer, At, Call, Needs},
    problem::Problem,
};
use crate::{
    app::{InvoiceLines, LineKind},
    domain::{
        invoice::{Invoice, Month},
        money::Currency,
        partner::Right,
    },
    http::{faces::Faces, invoice_rows::Rows},
    wire::partner_center::{
        Collection, ESTIMATE_SIZE, EstimateLink, InvoiceBody, InvoiceLineBody, InvoiceSummary, UsageLineBody,
        statement_pdf,
    },
};

/// The invoices that are there, the newest first.
async fn issued(at: &At) -> Result<Vec<Invoice>, Problem> {
    let now = at.now();
    let mut invoices = at.sandbox.invoices(&at.partner.id).await?;
    invoices.retain(|invoice| invoice.is_issued(now));
    invoices.reverse();
    Ok(invoices)
}

async fn find(at: &At, id: &str) -> Result<Invoice, Problem> {
    let upper = id.to_ascii_uppercase();
    // Links have a prefix that calls have not (section 9.1).
    let bare = upper.strip_prefix("ONETIME-").unwrap_or(&upper);
    let found = issued(at).await?.into_iter().find(|invoice| invoice.id == bare);
    found.ok_or_else(|| Problem::NotFound(format!("The invoice {id}")))
}

/// `GET /v1/invoices`: `size` and `offset` are ignored for modern invoices (docs:get-a-collection-of-invoices).
pub(super) async fn list(State(_): State<Arc<Faces>>, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeInvoices), |at| async move {
        let invoices = issued(&at).await?;
        let items: Vec<_> = invoices.iter().map(InvoiceBody::of).collect();
        Ok(Answer::ok(&Collection::at(at.call.link(), items)))
    })
    .await
}

/// `GET /v1/invoices/{invoice}`
pub(super) async fn get(State(_): State<Arc<Faces>>, Path(invoice): Path<String>, call: Call) -> Response {
    call.answer(Needs::person(Right::SeeInvoices), |at| async move {
        let invoice = find(&at, &invoice).await?;
        Ok(Answer::ok(&InvoiceBody::of(&invoice)))
    })
    .await
}

/// `GET /v1/invoices/summaries`
pub(super) async fn summaries(State(_): State<Arc<Faces>>, call: Call) -> Response {
    call.answer(Needs::person(Right::SeeInvoices), |at| async move {
        let mut invoices = issued(&at).await?;
        invoices.reverse();
        let mut by_currency: BTreeMap<&str, Vec<&Invoice>> = BTreeMap::new();
        for invoice in &invoices {
            by_currency.entry(invoice.total.currency.code()).or_default().push(invoice);
        }
        let items: Vec<_> =
            by_currency.values().filter_map(|invoices| InvoiceSummary::of(invoices, at.now())).collect();
        Ok(Answer::ok(&Collection::at("/invoices/summaries".to_owned(), items)))
    })
    .await
}

/// `GET /v1/invoices/estimates/links?currencycode=`
pub(super) async fn estimates(State(_): State<Arc<Faces>>, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeInvoices), |at| async move {
        let currency = currency(&at)?;
        Ok(Answer::ok(&Collection::bare(EstimateLink::all(currency.code()))))
    })
    .await
}

fn currency(at: &At) -> Result<Currency, Problem> {
    let code = at.call.parameter("currencycode").map(str::to_uppercase);
    code.and_then(|code| Currency::from_code(&code)).ok_or(Problem::Parameter("currencycode"))
}

/// `GET /v1/invoices/{id or unbilled}/lineitems?provider=&invoicelineitemtype=`
pub(super) async fn lines(State(_): State<Arc<Faces>>, Path(invoice): Path<String>, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeInvoices), |at| async move {
        let provider = at.call.parameter("provider").unwrap_or_default().to_owned();
        let kind = at.call.parameter("invoicelineitemtype").unwrap_or_default().to_owned();
        page(&at, &invoice, &provider, &kind).await
    })
    .await
}

/// `GET /v1/invoices/{invoice}/lineitems/OneTime/BillingLineItems`: the old form of the path.
pub(super) async fn lines_by_path(
    State(_): State<Arc<Faces>>,
    Path((invoice, provider, kind)): Path<(String, String, String)>,
    call: Call,
) -> Response {
    call.answer(Needs::right(Right::SeeInvoices), |at| async move { page(&at, &invoice, &provider, &kind).await }).await
}

async fn page(at: &At, invoice: &str, provider: &str, kind: &str) -> Result<Answer, Problem> {
    let kind = match kind.to_ascii_lowercase().as_str() {
        "billinglineitems" | "billing_line_items" => LineKind::Billing,
        "usagelineitems" | "usage_line_items" => LineKind::Usage,
        _ => return Err(Problem::Parameter("invoicelineitemtype")),
    };
    // `marketplace` is the old spelling; other providers have nothing here (section 9.3).
    let is_ours = ["onetime", "one_time", "marketplace", "all"].iter().any(|name| name.eq_ignore_ascii_case(provider));
    if !is_ours && !["office", "azure"].iter().any(|name| name.eq_ignore_ascii_case(provider)) {
        return Err(Problem::Parameter("provider"));
    }
    let size = match at.call.parameter("size") {
        None => ESTIMATE_SIZE,
        Some(text) => match text.parse() {
            Ok(size) if (1..=ESTIMATE_SIZE).contains(&size) => size,
            Ok(_) | Err(_) => return Err(Problem::Parameter("size")),
        },
    };
    let after = at.call.continuation()?;
    if after.as_ref().is_some_and(|after| after.len() != 8) {
        return Err(Problem::BAD_TOKEN);
    }
    let (place, number) = place(at, invoice).await?;
    let found = match place {
        Some(place) if is_ours => at.sandbox.invoice_lines(&at.partner.id, place, kind, after.as_deref(), size).await?,
        Some(_) | None => InvoiceLines::default(),
    };
    let link = at.call.list_link(size);
    let next = found.next.as_ref().map(|position| STANDARD.encode(position));
    let mut rows = Rows::new(&at.sandbox, &at.partner, number.as_deref());
    match kind {
        LineKind::Billing => {
            let items = rows.of(&found.lines, InvoiceLineBody::of).await?;
            Ok(Answer::ok(&Collection::page(link, items, next, true)))
        }
        LineKind::Usage => {
            let items = rows.of(&found.lines, UsageLineBody::of).await?;
            Ok(Answer::ok(&Collection::page(link, items, next, true)))
        }
    }
}

/// Which lines are meant: those of an invoice, or unbilled ones of this month or the last. The last month's are unbilled
/// until their invoice is there.
async fn place(at: &At, invoice: &str) -> Result<(Option<(Month, Currency)>, Option<String>), Problem> {
    if !invoice.eq_ignore_ascii_case("unbilled") {
        let invoice = find(at, invoice).await?;
        return Ok((Some((invoice.month, invoice.total.currency)), Some(invoice.id)));
    }
    let currency = currency(at)?;
    let now = at.now();
    let present = Month::of(now);
    let month = match at.call.parameter("period").unwrap_or("current").to_ascii_lowercase().as_str() {
        "current" => present,
        "previous" => present.before(),
        _ => return Err(Problem::Parameter("period")),
    };
    Ok(((now < month.invoiced_at()).then_some((month, currency)), None))
}

/// `GET /v1/invoices/{invoice}/documents/statement`: the PDF.
pub(super) async fn statement(State(_): State<Arc<Faces>>, Path(invoice): Path<String>, call: Call) -> Response {
    call.answer(Needs::person(Right::SeeInvoices), |at| async move {
        let invoice = find(&at, &invoice).await?;
        let lines = Rows::new(&at.sandbox, &at.partner, Some(&invoice.id)).all(&invoice).await?;
        let name = format!("Invoice_{}.pdf", invoice.id);
        Ok(Answer::pdf(name, statement_pdf(&invoice, &at.partner, &lines)))
    })
    .await
}

/// `GET /v1/invoices/{invoice}/receipts/{receipt}/documents/statement`: nobody pays here, so there are no receipts.
pub(super) async fn receipt(
    State(_): State<Arc<Faces>>,
    Path((invoice, receipt)): Path<(String, String)>,
    call: Call,
) -> Response {
    call.answer(Needs::person(Right::SeeInvoices), |at| async move {
        find(&at, &invoice).await?;
        Err(Problem::NotFound(format!("The receipt {receipt}")))
    })
    .await
}

//! Invoices (section 9); their [`lines`], the [`reconciliation`] file and the [`statement`].

mod lines;
mod reconciliation;
mod statement;

pub use lines::{BilledFor, InvoiceLineBody, UsageLineBody};
pub use reconciliation::reconciliation_csv;
use serde::Serialize;
pub use statement::statement_pdf;

use super::{Attributes, Link, PageLinks, instant};
use crate::{
    domain::{
        invoice::Invoice,
        money::{Decimal, Money},
        time::Timestamp,
    },
    wire::double::Amount,
};

/// Lines on a page of estimates (docs:get-invoice-estimate-links).
pub const ESTIMATE_SIZE: usize = 2000;

/// An invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceBody {
    id: String,
    invoice_date: String,
    billing_period_start_date: String,
    billing_period_end_date: String,
    total_charges: Amount,
    paid_amount: Amount,
    currency_code: &'static str,
    currency_symbol: String,
    pdf_download_link: String,
    invoice_details: Vec<DetailBody>,
    document_type: &'static str,
    invoice_type: &'static str,
    links: PageLinks,
    attributes: Attributes,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct DetailBody {
    invoice_line_item_type: &'static str,
    billing_provider: &'static str,
    links: PageLinks,
    attributes: Attributes,
}

fn midnight(date: jiff::civil::Date) -> String {
    format!("{date}T00:00:00Z")
}

impl InvoiceBody {
    /// An invoice.
    #[must_use]
    pub fn of(invoice: &Invoice) -> Self {
        let (id, days) = (&invoice.id, invoice.month.days());
        let detail = |kind: &'static str, path: &str| DetailBody {
            invoice_line_item_type: kind,
            billing_provider: "one_time",
            links: PageLinks::own(format!("/invoices/OneTime-{id}/lineitems/OneTime/{path}")),
            attributes: Attributes::of("InvoiceDetail"),
        };
        Self {
            id: id.clone(),
            invoice_date: instant(invoice.month.invoiced_at()),
            billing_period_start_date: midnight(days.start),
            billing_period_end_date: midnight(days.end),
            total_charges: Amount(invoice.total.amount),
            paid_amount: Amount(Decimal::ZERO),
            currency_code: invoice.total.currency.code(),
            currency_symbol: invoice.total.currency.symbol().to_string(),
            pdf_download_link: format!("/invoices/{id}/documents/statement"),
            invoice_details: vec![
                detail("billing_line_items", "BillingLineItems"),
                detail("usage_line_items", "UsageLineItems"),
            ],
            document_type: "invoice",
            invoice_type: "OneTime",
            links: PageLinks::own(format!("/invoices/OneTime-{id}")),
            attributes: Attributes::of("Invoice"),
        }
    }
}

/// What is open in a currency (docs:get-invoice-summaries).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceSummary {
    balance_amount: Amount,
    currency_code: &'static str,
    currency_symbol: String,
    accounting_date: String,
    first_invoice_creation_date: String,
    latest_invoice_date: String,
    links: PageLinks,
    attributes: Attributes,
}

impl InvoiceSummary {
    /// The sum of the invoices of one currency, the oldest first; `None` if there are none.
    #[must_use]
    pub fn of(invoices: &[&Invoice], now: Timestamp) -> Option<Self> {
        let (first, last) = (invoices.first()?, invoices.last()?);
        let zero = Money::zero(first.total.currency);
        let balance = invoices.iter().fold(zero, |sum, invoice| sum.plus(invoice.total).unwrap_or(sum));
        Some(Self {
            balance_amount: Amount(balance.amount),
            currency_code: first.total.currency.code(),
            currency_symbol: first.total.currency.symbol().to_string(),
            accounting_date: instant(now),
            first_invoice_creation_date: instant(first.month.invoiced_at()),
            latest_invoice_date: instant(last.month.invoiced_at()),
            links: PageLinks::own("/invoices/summary".to_owned()),
            attributes: Attributes::of("InvoiceSummary"),
        })
    }
}

/// Where estimates are found (docs:get-invoice-estimate-links).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EstimateLink {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    description: &'static str,
    period: &'static str,
    link: Link,
}

impl EstimateLink {
    /// The four of a currency.
    #[must_use]
    pub fn all(currency: &str) -> Vec<Self> {
        let kinds = [
            (
                "daily_rated_usage",
                "Unbilled daily rated usage line items",
                "This includes daily rated usage for unbilled data only.",
                "marketplace",
                "usagelineitems",
            ),
            (
                "non_consumption",
                "Unbilled reconciliation line items",
                "This includes reconciliation line items for unbilled data only.",
                "all",
                "billinglineitems",
            ),
        ];
        let mut links = Vec::new();
        for (kind, title, description, provider, items) in kinds {
            for period in ["Current", "Previous"] {
                let link = Link::get(format!(
                    "/invoices/unbilled/lineitems?provider={provider}&invoicelineitemtype={items}&currencycode={currency}\
                     &period={}&size={ESTIMATE_SIZE}",
                    period.to_lowercase()
                ));
                links.push(Self { kind, title, description, period, link });
            }
        }
        links
    }
}

//! Invoices and their lines (section 9), and the reconciliation file (section 10).

use serde::Serialize;

use super::{Attributes, Link, PageLinks, instant};
use crate::{
    domain::{
        catalogue::Catalogue,
        customer::Customer,
        ids::TenantId,
        invoice::{ChargeType, Invoice, InvoiceLine},
        money::{Decimal, Money},
        partner::{MpnId, Partner},
        product::{BillingCycle, CatalogItemId},
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

/// What a line is billed with: whose it is, and what it is on.
#[derive(Debug, Clone, Copy)]
pub struct BilledFor<'a> {
    /// The partner that pays.
    pub partner: &'a Partner,
    /// The customer; `None` once it is gone.
    pub customer: Option<&'a Customer>,
    /// The sandbox's catalogue.
    pub catalogue: &'a Catalogue,
    /// The invoice, once there is one.
    pub invoice: Option<&'a str>,
}

/// A line for licences (sdk:OneTimeInvoiceLineItem).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceLineBody {
    partner_id: String,
    customer_id: String,
    customer_name: String,
    customer_domain_name: String,
    customer_country: String,
    invoice_number: String,
    mpn_id: String,
    reseller_mpn_id: i64,
    order_id: String,
    order_date: String,
    product_id: String,
    sku_id: String,
    availability_id: String,
    product_name: String,
    sku_name: String,
    product_qualifiers: Vec<&'static str>,
    charge_type: &'static str,
    unit_price: Amount,
    effective_unit_price: Amount,
    unit_type: &'static str,
    quantity: Amount,
    subtotal: Amount,
    tax_total: Amount,
    total_for_customer: Amount,
    currency: &'static str,
    publisher_name: String,
    publisher_id: String,
    subscription_description: String,
    subscription_id: String,
    subscription_start_date: String,
    subscription_end_date: String,
    charge_start_date: String,
    charge_end_date: String,
    term_and_billing_cycle: String,
    alternate_id: String,
    reference_id: String,
    price_adjustment_description: &'static str,
    discount_details: &'static str,
    pricing_currency: &'static str,
    #[serde(rename = "pcToBCExchangeRate")]
    exchange_rate: Amount,
    #[serde(rename = "pcToBCExchangeRateDate")]
    exchange_rate_date: String,
    billable_quantity: Amount,
    meter_description: &'static str,
    billing_frequency: &'static str,
    reservation_order_id: &'static str,
    credit_reason_code: &'static str,
    invoice_line_item_type: &'static str,
    billing_provider: &'static str,
    promotion_id: &'static str,
    attributes: Attributes,
}

/// The names and ids of what a line bills.
struct Sold {
    item: CatalogItemId,
    product: String,
    sku: String,
    publisher: String,
    publisher_id: String,
}

impl Sold {
    fn of(line: &InvoiceLine, catalogue: &Catalogue) -> Self {
        let offer = catalogue.offer(&line.offer);
        let sold = offer.and_then(|offer| Some((offer, offer.plan(&line.plan)?)));
        let publisher = offer.and_then(|offer| catalogue.publisher(&offer.publisher));
        let nothing = || CatalogItemId { product: String::new(), sku: String::new(), availability: String::new() };
        Self {
            item: sold.map_or_else(nothing, |(offer, plan)| CatalogItemId::of(offer, plan)),
            product: offer.map_or_else(|| line.offer.to_string(), |offer| offer.name.clone()),
            sku: sold.map_or_else(|| line.plan.to_string(), |(offer, plan)| format!("{} - {}", offer.name, plan.name)),
            publisher: publisher.map_or_else(String::new, |publisher| publisher.name.clone()),
            publisher_id: publisher.map_or_else(String::new, |publisher| publisher.id.to_string()),
        }
    }
}

fn tenant_of(customer: Option<&Customer>) -> String {
    customer.and_then(Customer::tenant_id).as_ref().map(TenantId::to_string).unwrap_or_default()
}

/// What one unit comes to: the amount shared out, where a part of a period is billed.
fn effective_price(line: &InvoiceLine) -> Decimal {
    let amount = line.line.amount.amount;
    amount.checked_div(line.line.quantity).map_or(Decimal::ZERO, |price| price.round_dp(10).normalize())
}

impl InvoiceLineBody {
    /// A line.
    #[must_use]
    pub fn of(line: &InvoiceLine, billed: BilledFor<'_>) -> Self {
        let BilledFor { partner, customer, catalogue, invoice } = billed;
        let Sold { item, product, sku, publisher, publisher_id } = Sold::of(line, catalogue);
        let currency = line.line.amount.currency.code();
        let term = line.term.unwrap_or(line.line.period);
        let order = line.order.map(|place| place.order.to_string()).unwrap_or_default();
        let is_trial = line.billing_cycle == BillingCycle::None;
        let amount = line.line.amount.amount;
        Self {
            partner_id: partner.app.tenant_id.to_string(),
            customer_id: tenant_of(customer),
            customer_name: customer.map_or_else(|| line.customer.to_string(), |customer| customer.name.clone()),
            customer_domain_name: customer.map_or_else(String::new, |customer| customer.domain.clone()),
            customer_country: customer.map_or_else(String::new, |customer| customer.address.country.clone()),
            invoice_number: invoice.unwrap_or_default().to_owned(),
            mpn_id: partner.mpn_id.to_string(),
            // The provider's own number if it was sold directly (portal:use-the-reconciliation-files).
            reseller_mpn_id: reseller(line, partner),
            order_date: instant(line.ordered),
            product_id: item.product,
            sku_id: item.sku,
            availability_id: item.availability,
            product_name: product,
            sku_name: sku,
            product_qualifiers: if is_trial { vec!["Trial"] } else { Vec::new() },
            charge_type: line.charge_type.as_str(),
            unit_price: Amount(line.line.unit_price.amount),
            effective_unit_price: Amount(effective_price(line)),
            unit_type: "",
            quantity: Amount(line.line.quantity.abs()),
            subtotal: Amount(amount),
            tax_total: Amount(Decimal::ZERO),
            total_for_customer: Amount(amount),
            currency,
            publisher_name: publisher,
            publisher_id,
            subscription_description: line.line.description.clone(),
            subscription_id: line.subscription.to_string(),
            subscription_start_date: midnight(term.start),
            subscription_end_date: midnight(term.end),
            charge_start_date: midnight(line.line.period.start),
            charge_end_date: midnight(line.line.period.end),
            term_and_billing_cycle: term_and_billing_cycle(line),
            alternate_id: order.clone(),
            order_id: order,
            reference_id: line.line.caused_by.last().map(ToString::to_string).unwrap_or_default(),
            price_adjustment_description: "",
            discount_details: "",
            pricing_currency: currency,
            exchange_rate: Amount(Decimal::ONE),
            exchange_rate_date: midnight(line.line.at.date().first_of_month()),
            billable_quantity: Amount(line.line.quantity.abs()),
            meter_description: "",
            billing_frequency: match line.billing_cycle {
                BillingCycle::Monthly => "Monthly",
                BillingCycle::Annual => "Annual",
                _ => "",
            },
            reservation_order_id: "",
            credit_reason_code: "",
            invoice_line_item_type: "billing_line_items",
            billing_provider: "one_time",
            promotion_id: "",
            attributes: Attributes::of("OneTimeInvoiceLineItem"),
        }
    }

    /// The columns of the reconciliation file, in their order (section 10).
    fn cells(&self) -> [String; 46] {
        let text = |amount: &Amount| amount.to_string();
        [
            self.partner_id.clone(),
            self.customer_id.clone(),
            self.customer_name.clone(),
            self.customer_domain_name.clone(),
            self.customer_country.clone(),
            self.invoice_number.clone(),
            self.mpn_id.clone(),
            self.reseller_mpn_id.to_string(),
            self.order_id.clone(),
            us_date(&self.order_date),
            self.product_id.clone(),
            self.sku_id.clone(),
            self.availability_id.clone(),
            self.sku_name.clone(),
            self.product_name.clone(),
            self.charge_type.to_owned(),
            text(&self.unit_price),
            text(&self.quantity),
            text(&self.subtotal),
            text(&self.tax_total),
            text(&self.total_for_customer),
            self.currency.to_owned(),
            self.price_adjustment_description.to_owned(),
            self.publisher_name.clone(),
            self.publisher_id.clone(),
            self.subscription_description.clone(),
            self.subscription_id.clone(),
            us_date(&self.charge_start_date),
            us_date(&self.charge_end_date),
            self.term_and_billing_cycle.clone(),
            text(&self.effective_unit_price),
            self.unit_type.to_owned(),
            self.alternate_id.clone(),
            text(&self.billable_quantity),
            self.billing_frequency.to_owned(),
            self.pricing_currency.to_owned(),
            text(&self.exchange_rate),
            us_date(&self.exchange_rate_date),
            self.meter_description.to_owned(),
            self.reservation_order_id.to_owned(),
            self.credit_reason_code.to_owned(),
            us_date(&self.subscription_start_date),
            us_date(&self.subscription_end_date),
            self.reference_id.clone(),
            self.product_qualifiers.join(";"),
            self.promotion_id.to_owned(),
        ]
    }
}

fn reseller(line: &InvoiceLine, partner: &Partner) -> i64 {
    let mpn_id: &MpnId = line.reseller.as_ref().unwrap_or(&partner.mpn_id);
    mpn_id.as_str().parse().unwrap_or_default()
}

/// `1 Year Subscription`, `One-Month commitment for trial` (section 9.3).
fn term_and_billing_cycle(line: &InvoiceLine) -> String {
    match line.billing_cycle {
        BillingCycle::None => "One-Month commitment for trial".to_owned(),
        _ => line.term_unit.description(),
    }
}

/// The columns of the reconciliation file.
const COLUMNS: [&str; 46] = [
    "PartnerId",
    "CustomerId",
    "CustomerName",
    "CustomerDomainName",
    "CustomerCountry",
    "InvoiceNumber",
    "MpnId",
    "ResellerMpnId",
    "OrderId",
    "OrderDate",
    "ProductId",
    "SkuId",
    "AvailabilityId",
    "SkuName",
    "ProductName",
    "ChargeType",
    "UnitPrice",
    "Quantity",
    "Subtotal",
    "TaxTotal",
    "Total",
    "Currency",
    "PriceAdjustmentDescription",
    "PublisherName",
    "PublisherId",
    "SubscriptionDescription",
    "SubscriptionId",
    "ChargeStartDate",
    "ChargeEndDate",
    "TermAndBillingCycle",
    "EffectiveUnitPrice",
    "UnitType",
    "AlternateId",
    "BillableQuantity",
    "BillingFrequency",
    "PricingCurrency",
    "PCToBCExchangeRate",
    "PCToBCExchangeRateDate",
    "MeterDescription",
    "ReservationOrderId",
    "CreditReasonCode",
    "SubscriptionStartDate",
    "SubscriptionEndDate",
    "ReferenceID",
    "ProductQualifiers",
    "PromotionID",
];

/// The reconciliation file of some lines: a heading, and a row for each.
#[must_use]
pub fn reconciliation_csv<'a>(lines: impl Iterator<Item = &'a InvoiceLineBody>) -> String {
    let mut file = COLUMNS.join(",");
    file.push_str("\r\n");
    for line in lines {
        let cells = line.cells().map(|cell| quoted(&cell));
        file.push_str(&cells.join(","));
        file.push_str("\r\n");
    }
    file
}

/// A cell as RFC 4180 has it. What a spreadsheet would take for a formula is made a text.
fn quoted(cell: &str) -> String {
    let is_number = cell.parse::<Decimal>().is_ok();
    let cell = if !is_number && cell.starts_with(['=', '+', '-', '@']) { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

/// `1/31/2026`, of an instant that starts with a date.
fn us_date(instant: &str) -> String {
    let date: Option<jiff::civil::Date> = instant.get(..10).and_then(|date| date.parse().ok());
    date.map_or_else(String::new, |date| format!("{}/{}/{}", date.month(), date.day(), date.year()))
}

/// A line for usage (section A.9): what of it is known here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageLineBody {
    partner_id: String,
    partner_name: String,
    customer_id: String,
    customer_name: String,
    customer_domain_name: String,
    customer_country: String,
    invoice_number: String,
    product_id: String,
    sku_id: String,
    availability_id: String,
    sku_name: String,
    product_name: String,
    publisher_name: String,
    publisher_id: String,
    subscription_id: String,
    subscription_description: String,
    charge_start_date: String,
    charge_end_date: String,
    usage_date: String,
    meter_name: String,
    unit_of_measure: &'static str,
    mpn_id: String,
    reseller_mpn_id: i64,
    charge_type: &'static str,
    unit_price: Amount,
    quantity: Amount,
    billing_pre_tax_total: Amount,
    billing_currency: &'static str,
    pricing_pre_tax_total: Amount,
    pricing_currency: &'static str,
    effective_unit_price: Amount,
    #[serde(rename = "pcToBCExchangeRate")]
    exchange_rate: Amount,
    invoice_line_item_type: &'static str,
    billing_provider: &'static str,
    attributes: Attributes,
}

impl UsageLineBody {
    /// A line.
    #[must_use]
    pub fn of(line: &InvoiceLine, billed: BilledFor<'_>) -> Self {
        let BilledFor { partner, customer, catalogue, invoice } = billed;
        let Sold { item, product, sku, publisher, publisher_id } = Sold::of(line, catalogue);
        let currency = line.line.amount.currency.code();
        debug_assert_eq!(line.charge_type, ChargeType::Usage);
        Self {
            partner_id: partner.app.tenant_id.to_string(),
            partner_name: partner.name.clone(),
            customer_id: tenant_of(customer),
            customer_name: customer.map_or_else(|| line.customer.to_string(), |customer| customer.name.clone()),
            customer_domain_name: customer.map_or_else(String::new, |customer| customer.domain.clone()),
            customer_country: customer.map_or_else(String::new, |customer| customer.address.country.clone()),
            invoice_number: invoice.unwrap_or_default().to_owned(),
            product_id: item.product,
            sku_id: item.sku,
            availability_id: item.availability,
            sku_name: sku,
            product_name: product,
            publisher_name: publisher,
            publisher_id,
            subscription_id: line.subscription.to_string(),
            subscription_description: line.line.description.clone(),
            charge_start_date: midnight(line.line.period.start),
            charge_end_date: midnight(line.line.period.end),
            usage_date: midnight(line.line.at.date()),
            meter_name: line.line.description.split(',').next().unwrap_or_default().to_owned(),
            unit_of_measure: "1",
            mpn_id: partner.mpn_id.to_string(),
            reseller_mpn_id: reseller(line, partner),
            charge_type: line.charge_type.as_str(),
            unit_price: Amount(line.line.unit_price.amount),
            quantity: Amount(line.line.quantity),
            billing_pre_tax_total: Amount(line.line.amount.amount),
            billing_currency: currency,
            pricing_pre_tax_total: Amount(line.line.amount.amount),
            pricing_currency: currency,
            effective_unit_price: Amount(line.line.unit_price.amount),
            exchange_rate: Amount(Decimal::ONE),
            invoice_line_item_type: "usage_line_items",
            billing_provider: "marketplace",
            attributes: Attributes::of("DailyRatedUsageLineItem"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_as_the_rfc_has_it_and_are_no_formulas() {
        let table = [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("-12.50", "-12.50"),
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("", ""),
        ];
        for (cell, expected) in table {
            assert_eq!(quoted(cell), expected);
        }
        assert_eq!(us_date("2026-01-31T00:00:00Z"), "1/31/2026");
    }
}

//! The reconciliation file: the lines of an invoice as CSV (section 10).

use super::lines::InvoiceLineBody;
use crate::{domain::money::Decimal, wire::double::Amount};

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
        let cells = cells(line).map(|cell| quoted(&cell));
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

/// The columns of the reconciliation file, in their order (section 10).
fn cells(line: &InvoiceLineBody) -> [String; 46] {
    let text = |amount: &Amount| amount.to_string();
    [
        line.partner_id.clone(),
        line.customer_id.clone(),
        line.customer_name.clone(),
        line.customer_domain_name.clone(),
        line.customer_country.clone(),
        line.invoice_number.clone(),
        line.mpn_id.clone(),
        line.reseller_mpn_id.to_string(),
        line.order_id.clone(),
        us_date(&line.order_date),
        line.product_id.clone(),
        line.sku_id.clone(),
        line.availability_id.clone(),
        line.sku_name.clone(),
        line.product_name.clone(),
        line.charge_type.to_owned(),
        text(&line.unit_price),
        text(&line.quantity),
        text(&line.subtotal),
        text(&line.tax_total),
        text(&line.total_for_customer),
        line.currency.to_owned(),
        line.price_adjustment_description.to_owned(),
        line.publisher_name.clone(),
        line.publisher_id.clone(),
        line.subscription_description.clone(),
        line.subscription_id.clone(),
        us_date(&line.charge_start_date),
        us_date(&line.charge_end_date),
        line.term_and_billing_cycle.clone(),
        text(&line.effective_unit_price),
        line.unit_type.to_owned(),
        line.alternate_id.clone(),
        text(&line.billable_quantity),
        line.billing_frequency.to_owned(),
        line.pricing_currency.to_owned(),
        text(&line.exchange_rate),
        us_date(&line.exchange_rate_date),
        line.meter_description.clone(),
        line.reservation_order_id.to_owned(),
        line.credit_reason_code.to_owned(),
        us_date(&line.subscription_start_date),
        us_date(&line.subscription_end_date),
        line.reference_id.clone(),
        line.product_qualifiers.join(";"),
        line.promotion_id.to_owned(),
    ]
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

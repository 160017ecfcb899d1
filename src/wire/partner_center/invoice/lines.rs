//! Lines of invoices (section 9.3 and A.9).

use serde::Serialize;

use super::{Attributes, instant, midnight};
use crate::{
    domain::{
        catalogue::{Catalogue, Dimension},
        customer::Customer,
        ids::TenantId,
        invoice::{ChargeType, InvoiceLine},
        money::Decimal,
        partner::{MpnId, Partner},
        product::{BillingCycle, CatalogItemId},
    },
    wire::double::Amount,
};

/// What a line is billed with: whose it is, and what it is on.
#[derive(Debug, Clone, Copy)]
pub struct BilledFor<'a> {
    /// The partner that pays.
    pub partner: &'a Partner,
    /// The customer, also one that is gone.
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
    pub(super) partner_id: String,
    pub(super) customer_id: String,
    pub(super) customer_name: String,
    pub(super) customer_domain_name: String,
    pub(super) customer_country: String,
    pub(super) invoice_number: String,
    pub(super) mpn_id: String,
    pub(super) reseller_mpn_id: i64,
    pub(super) order_id: String,
    pub(super) order_date: String,
    pub(super) product_id: String,
    pub(super) sku_id: String,
    pub(super) availability_id: String,
    pub(super) product_name: String,
    pub(super) sku_name: String,
    pub(super) product_qualifiers: Vec<&'static str>,
    pub(super) charge_type: &'static str,
    pub(super) unit_price: Amount,
    pub(super) effective_unit_price: Amount,
    pub(super) unit_type: &'static str,
    pub(super) quantity: Amount,
    pub(super) subtotal: Amount,
    pub(super) tax_total: Amount,
    pub(super) total_for_customer: Amount,
    pub(super) currency: &'static str,
    pub(super) publisher_name: String,
    pub(super) publisher_id: String,
    pub(super) subscription_description: String,
    pub(super) subscription_id: String,
    pub(super) subscription_start_date: String,
    pub(super) subscription_end_date: String,
    pub(super) charge_start_date: String,
    pub(super) charge_end_date: String,
    pub(super) term_and_billing_cycle: String,
    pub(super) alternate_id: String,
    pub(super) reference_id: String,
    pub(super) price_adjustment_description: &'static str,
    pub(super) discount_details: &'static str,
    pub(super) pricing_currency: &'static str,
    #[serde(rename = "pcToBCExchangeRate")]
    pub(super) exchange_rate: Amount,
    #[serde(rename = "pcToBCExchangeRateDate")]
    pub(super) exchange_rate_date: String,
    pub(super) billable_quantity: Amount,
    pub(super) meter_description: String,
    pub(super) billing_frequency: &'static str,
    pub(super) reservation_order_id: &'static str,
    pub(super) credit_reason_code: &'static str,
    pub(super) invoice_line_item_type: &'static str,
    pub(super) billing_provider: &'static str,
    pub(super) promotion_id: &'static str,
    pub(super) attributes: Attributes,
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
            meter_description: meter(line, catalogue),
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
}

/// The dimension that was used, if one was.
fn dimension<'a>(line: &InvoiceLine, catalogue: &'a Catalogue) -> Option<&'a Dimension> {
    let used = line.line.dimension.as_ref()?;
    let plan = catalogue.offer(&line.offer)?.plan(&line.plan)?;
    plan.dimensions.iter().find(|known| known.id == *used)
}

/// Its name.
fn meter(line: &InvoiceLine, catalogue: &Catalogue) -> String {
    let Some(used) = &line.line.dimension else { return String::new() };
    dimension(line, catalogue).map_or_else(|| used.to_string(), |known| known.name.clone())
}

/// `resellerMpnId`: the provider's own number if it was sold directly, -1 if the reseller was removed
/// (portal:use-the-reconciliation-files).
fn reseller(line: &InvoiceLine, partner: &Partner) -> i64 {
    if line.reseller.is_none() && line.reseller_removed {
        return -1;
    }
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
    unit_of_measure: String,
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
            usage_date: midnight(line.used.unwrap_or(line.line.at).date()),
            meter_name: meter(line, catalogue),
            unit_of_measure: dimension(line, catalogue).map_or_else(String::new, |known| known.unit_of_measure.clone()),
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

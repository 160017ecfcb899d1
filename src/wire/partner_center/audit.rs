//! Records of the activity log (section 11.1).

use serde::Serialize;
use serde_json::{Map, Value};

use super::{AgreementBody, Attributes, CustomerBody, InvoiceBody, OrderBody, instant, subscription::status_words};
use crate::domain::{
    audit::{AuditRecord, Audited, FoundRecord, SubscriptionFacts},
    catalogue::Catalogue,
    customer::Customer,
    ids::{SubscriptionId, TenantId},
    invoice::Invoice,
    order::Order,
    partner::{MpnId, Partner},
    product::CatalogItemId,
    rules::Rules,
    time::Timestamp,
};

/// A record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditBody<'a> {
    id: String,
    partner_id: String,
    participants: [String; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_principal_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_id: Option<&'a str>,
    resource_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_old_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_new_value: Option<String>,
    operation_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_correlation_id: Option<&'a str>,
    operation_date: String,
    operation_status: &'static str,
    customized_data: Vec<Customized>,
    attributes: Attributes,
}

/// A pair of `customizedData`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Customized {
    key: String,
    value: Option<String>,
}

impl<'a> AuditBody<'a> {
    /// A record of a partner's log.
    #[must_use]
    pub fn of(found: &'a FoundRecord, partner: &Partner, catalogue: &Catalogue, rules: Rules) -> Self {
        let FoundRecord { record, customer, order, invoice } = found;
        let customer = customer.as_ref();
        let tenant = customer.and_then(Customer::tenant_id);
        let by = record.by.as_ref();
        let whole = || customer.and_then(|customer| pascal_json(&CustomerBody::whole(customer)));
        let facts = |id: SubscriptionId, facts| pascal_json(&FactsBody::of(id, facts, catalogue, rules));
        let (old, new) = match &record.what {
            Audited::CustomerAdded => (None, whole()),
            Audited::CustomerDeleted => (whole(), None),
            Audited::AgreementCreated => {
                let agreement = customer.and_then(|customer| customer.agreement.as_ref());
                (None, agreement.and_then(|agreement| pascal_json(&AgreementBody::of(agreement, None, true))))
            }
            Audited::OrderCreated { .. } => {
                let placed = order.as_ref().zip(tenant);
                let body = placed.map(|(order, tenant)| OrderBody::of(order, catalogue, tenant, record.at, None));
                (None, body.and_then(|body| pascal_json(&body.as_placed())))
            }
            Audited::SubscriptionUpdated { subscription, before, after } => {
                (facts(*subscription, before), facts(*subscription, after))
            }
            Audited::InvoiceReady { .. } => {
                (None, invoice.as_ref().and_then(|invoice| pascal_json(&InvoiceBody::of(invoice))))
            }
        };
        Self {
            id: audit_id(found, partner),
            partner_id: partner.app.tenant_id.to_string(),
            participants: [partner.app.tenant_id.to_string()],
            customer_id: tenant.as_ref().map(TenantId::to_string),
            customer_name: customer.map(|customer| customer.name.as_str()),
            user_principal_name: by.and_then(|by| by.user_principal_name.as_deref()),
            application_id: by.map(|by| by.application_id.as_str()),
            resource_type: record.what.resource_type().as_str(),
            resource_old_value: old,
            resource_new_value: new,
            operation_type: record.what.operation_type(),
            original_correlation_id: by.map(|by| by.correlation_id.as_str()),
            operation_date: instant(record.at),
            operation_status: record.status.as_str(),
            customized_data: order.as_ref().map_or_else(Vec::new, |order| customized(order, catalogue)),
            attributes: Attributes::of("AuditRecord"),
        }
    }
}

/// What is told of an order besides.
fn customized(order: &Order, catalogue: &Catalogue) -> Vec<Customized> {
    let pair = |key: String, value: Option<String>| Customized { key, value };
    let mut data = vec![
        pair("OrderId".to_owned(), Some(order.id.to_string())),
        pair("AlternateId".to_owned(), Some(order.id.to_string())),
        pair("BillingCycle".to_owned(), Some(order.billing_cycle.as_str().to_owned())),
    ];
    for (number, line) in order.lines.iter().enumerate() {
        let item = catalogue.offer(&line.offer).and_then(|offer| Some((offer, offer.plan(&line.plan)?)));
        let item = item.map(|(offer, plan)| CatalogItemId::of(offer, plan).to_string());
        data.extend([
            pair(format!("OfferId-{number}"), item),
            pair(format!("SubscriptionId-{number}"), Some(line.subscription.to_string())),
            pair(format!("SubscriptionName-{number}"), line.friendly_name.clone()),
            pair(format!("Quantity-{number}"), Some(line.quantity.to_string())),
            pair(format!("PartnerOnRecord-{number}"), line.reseller.as_ref().map(MpnId::to_string)),
        ]);
    }
    data
}

/// What is told of a subscription: what can change of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FactsBody<'a> {
    id: String,
    offer_id: Option<String>,
    friendly_name: &'a str,
    quantity: u32,
    status: &'static str,
    auto_renew_enabled: bool,
    partner_id: Option<&'a str>,
    attributes: Attributes,
}

impl<'a> FactsBody<'a> {
    fn of(id: SubscriptionId, facts: &'a SubscriptionFacts, catalogue: &Catalogue, rules: Rules) -> Self {
        let sold = catalogue.offer(&facts.offer).and_then(|offer| Some((offer, offer.plan(&facts.plan)?)));
        Self {
            id: id.to_string(),
            offer_id: sold.map(|(offer, plan)| CatalogItemId::of(offer, plan).to_string()),
            friendly_name: &facts.friendly_name,
            quantity: facts.quantity,
            status: status_words(facts.status, rules),
            auto_renew_enabled: facts.auto_renew,
            partner_id: facts.reseller.as_ref().map(MpnId::as_str),
            attributes: Attributes::of("Subscription"),
        }
    }
}

/// .NET ticks of 100 ns from the year 1 to 1970.
const TICKS_TO_1970: i64 = 621_355_968_000_000_000;
const TICKS_PER_MILLI: i64 = 10_000;

/// The id of a record: partner, customer, resource, what was done, and when in .NET ticks. Those below a millisecond keep
/// the records of one apart.
#[must_use]
pub fn audit_id(found: &FoundRecord, partner: &Partner) -> String {
    let FoundRecord { record, customer, invoice, .. } = found;
    let tenant = customer.as_ref().and_then(Customer::tenant_id);
    let tenant = tenant.as_ref().map(TenantId::to_string).unwrap_or_default();
    let resource = match &record.what {
        Audited::OrderCreated { order } => order.to_string(),
        Audited::SubscriptionUpdated { subscription, .. } => subscription.to_string(),
        Audited::InvoiceReady { .. } => invoice.as_ref().map_or_else(String::new, |it: &Invoice| it.id.to_lowercase()),
        Audited::CustomerAdded | Audited::CustomerDeleted | Audited::AgreementCreated => tenant.clone(),
    };
    let what = record.what.operation_type().replace('_', "");
    format!("{}_{tenant}_{resource}_{what}_{}", partner.app.tenant_id, ticks(record))
}

fn ticks(record: &AuditRecord) -> i64 {
    let below = i64::try_from(record.number % TICKS_PER_MILLI.unsigned_abs()).unwrap_or(0);
    record.at.as_millis().saturating_mul(TICKS_PER_MILLI).saturating_add(TICKS_TO_1970).saturating_add(below)
}

/// When the record of an id was written; `None` if it is no id of a record.
#[must_use]
pub fn audited_at(id: &str) -> Option<Timestamp> {
    let (_, ticks) = id.rsplit_once('_')?;
    let ticks: i64 = ticks.parse().ok()?;
    Some(Timestamp::from_millis(ticks.checked_sub(TICKS_TO_1970)?.div_euclid(TICKS_PER_MILLI)))
}

/// A resource as JSON with names in `PascalCase`, where a link has a `Body` too (docs: a real sample).
fn pascal_json(resource: &impl Serialize) -> Option<String> {
    let value = serde_json::to_value(resource).ok()?;
    serde_json::to_string(&pascal(value)).ok()
}

fn pascal(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(pascal).collect()),
        Value::Object(fields) => {
            let is_link = ["uri", "method", "headers"].iter().all(|name| fields.contains_key(*name));
            let mut renamed: Map<String, Value> =
                fields.into_iter().map(|(name, value)| (in_pascal_case(&name), pascal(value))).collect();
            if is_link {
                renamed.insert("Body".to_owned(), Value::Null);
            }
            Value::Object(renamed)
        }
        value => value,
    }
}

fn in_pascal_case(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn resources_are_told_in_pascal_case() {
        let resource = json!({ "friendlyName": "ours", "links": { "self": { "uri": "/x", "method": "GET", "headers": [] } },
            "lineItems": [{ "quantity": 1 }] });
        let expected = r#"{"FriendlyName":"ours","Links":{"Self":{"Uri":"/x","Method":"GET","Headers":[],"Body":null}},"LineItems":[{"Quantity":1}]}"#;
        assert_eq!(pascal_json(&resource).as_deref(), Some(expected));
    }

    #[test]
    fn an_id_tells_when() {
        let at: Timestamp = "2019-11-20T10:02:20.1Z".parse().unwrap();
        let ticks = at.as_millis() * TICKS_PER_MILLI + TICKS_TO_1970 + 77;
        assert_eq!(audited_at(&format!("a_b_c_createorder_{ticks}")), Some(at));
        for bad in ["", "createorder", "a_b_c_createorder_", "a_b_c_createorder_x", "_-9223372036854775808"] {
            assert_eq!(audited_at(bad), None, "{bad:?}");
        }
    }
}

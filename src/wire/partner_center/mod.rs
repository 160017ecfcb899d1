//! Shapes of the Partner Center API, as section 1 of its conventions has them: camelCase, absent keys for what has no
//! value, links relative and without `/v1`.

mod audit;
mod cart;
mod catalogue;
mod customer;
mod invoice;
mod order;
mod request;
mod subscription;
mod webhook;

pub use audit::{AuditBody, audit_id, audited_at};
pub use cart::CartBody;
pub use catalogue::{AvailabilityBody, ProductBody, SkuBody};
pub use customer::{AgreementBody, AgreementTemplate, BillingProfile, CompanyProfile, CustomerBody, Relationship};
pub use invoice::{
    BilledFor, ESTIMATE_SIZE, EstimateLink, InvoiceBody, InvoiceLineBody, InvoiceSummary, UsageLineBody,
    reconciliation_csv, statement_pdf,
};
pub use order::{ActivationLinkBody, CheckoutBody, OrderBody, ProvisioningBody};
pub use request::{BadField, Body};
use serde::Serialize;
pub use subscription::{RefundOption, Shown, SubscriptionBody, edition_of, etag, status_of};
pub use webhook::{NoticeBody, RegistrationBody, TestBody, event_names};

use crate::domain::time::Timestamp;

/// A link (docs:utility-resources).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Where, without host and version.
    pub uri: String,
    /// The method.
    pub method: &'static str,
    /// Headers to be sent with it.
    pub headers: Vec<LinkHeader>,
}

/// A header that a link asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkHeader {
    /// Its name.
    pub key: &'static str,
    /// Its value.
    pub value: String,
}

impl Link {
    /// A link to be followed with GET.
    #[must_use]
    pub const fn get(uri: String) -> Self {
        Self { uri, method: "GET", headers: Vec::new() }
    }
}

/// `links` of a collection, and of resources that have no others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageLinks {
    /// The resource itself.
    #[serde(rename = "self")]
    pub own: Link,
    /// The next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Link>,
}

impl PageLinks {
    /// Only the resource itself.
    #[must_use]
    pub const fn own(uri: String) -> Self {
        Self { own: Link::get(uri), next: None }
    }
}

/// `attributes` of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attributes {
    /// Its edition, where the resource has such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Its type.
    pub object_type: &'static str,
}

impl Attributes {
    /// A type without editions.
    #[must_use]
    pub const fn of(object_type: &'static str) -> Self {
        Self { etag: None, object_type }
    }
}

/// A collection (section 1.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Collection<T> {
    /// The token of the next page, where pages are found by such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continuation_token: Option<String>,
    /// How many items follow.
    pub total_count: usize,
    /// The items.
    pub items: Vec<T>,
    /// Links; some collections have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<PageLinks>,
    /// Its type.
    pub attributes: Attributes,
}

impl<T> Collection<T> {
    /// Everything, without a link.
    #[must_use]
    pub fn bare(items: Vec<T>) -> Self {
        let attributes = Attributes::of("Collection");
        Self { continuation_token: None, total_count: items.len(), items, links: None, attributes }
    }

    /// Everything, with a link to itself.
    #[must_use]
    pub fn at(uri: String, items: Vec<T>) -> Self {
        Self { links: Some(PageLinks::own(uri)), ..Self::bare(items) }
    }

    /// A page, and the token of the next one. `says_token` for the collections that have it at the top too.
    #[must_use]
    pub fn page(uri: String, items: Vec<T>, next: Option<String>, says_token: bool) -> Self {
        let following = next.as_ref().map(|token| Link {
            uri: format!("{uri}&seekOperation=Next"),
            method: "GET",
            headers: vec![LinkHeader { key: "MS-ContinuationToken", value: token.clone() }],
        });
        let links = PageLinks { own: Link::get(uri), next: following };
        Self { continuation_token: next.filter(|_| says_token), links: Some(links), ..Self::bare(items) }
    }
}

/// An error (section 1.7): `code` is a number in all recorded samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Which error.
    pub code: u32,
    /// In words.
    pub description: String,
    /// Nothing.
    pub data: [(); 0],
    /// Who says so.
    pub source: &'static str,
}

impl Fault {
    /// An error.
    #[must_use]
    pub const fn new(code: u32, description: String) -> Self {
        Self { code, description, data: [], source: "PartnerFD" }
    }
}

/// An error of the calls about agreements, which has another shape (docs:confirm-customer-consent-customer-agreement).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgreementFault {
    /// Which error.
    pub code: u32,
    /// In words.
    pub message: String,
    /// In words, again.
    pub description: String,
    /// The name of the error.
    pub error_name: &'static str,
    /// Whether another try helps.
    pub is_retryable: bool,
    /// Nothing.
    pub parameters: serde_json::Map<String, serde_json::Value>,
    /// The code, again.
    pub error_message_extended: String,
}

/// An answer to too many calls, which is no usual error (docs:api-throttling-guidance).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TooMany {
    /// 429.
    pub status_code: u16,
    /// In words.
    pub message: String,
}

/// An instant with seven digits behind the second, as .NET writes it (section 1.4).
#[must_use]
pub fn instant(at: Timestamp) -> String {
    format!("{}Z", seven_digits(at))
}

/// The same with an offset instead of the `Z`, as some fields have it (section 1.4).
#[must_use]
pub fn offset_instant(at: Timestamp) -> String {
    format!("{}+00:00", seven_digits(at))
}

fn seven_digits(at: Timestamp) -> String {
    let text = at.to_string();
    let text = text.trim_end_matches('Z');
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{seconds}.{fraction:0<7}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_have_seven_digits() {
        let table = [
            ("2019-01-16T00:48:44.451Z", "2019-01-16T00:48:44.4510000Z", "2019-01-16T00:48:44.4510000+00:00"),
            ("2019-01-16T00:48:44Z", "2019-01-16T00:48:44.0000000Z", "2019-01-16T00:48:44.0000000+00:00"),
        ];
        for (at, with_z, with_offset) in table {
            let at = at.parse().unwrap();
            assert_eq!((instant(at).as_str(), offset_instant(at).as_str()), (with_z, with_offset));
        }
    }

    #[test]
    fn a_page_asks_for_its_token_in_a_header() {
        let page = Collection::page("/x?size=1".to_owned(), vec![1], Some("AQ==".to_owned()), true);
        let expected = r#"{"continuationToken":"AQ==","totalCount":1,"items":[1],"links":{"self":{"uri":"/x?size=1","method":"GET","headers":[]},"next":{"uri":"/x?size=1&seekOperation=Next","method":"GET","headers":[{"key":"MS-ContinuationToken","value":"AQ=="}]}},"attributes":{"objectType":"Collection"}}"#;
        assert_eq!(serde_json::to_string(&page).unwrap(), expected);
    }
}

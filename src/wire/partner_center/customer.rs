//! Customers, their profiles and agreements (section 3).

use serde::Serialize;

use super::{Attributes, PageLinks, instant};
use crate::domain::{
    customer::{Address, Agreement, Customer},
    ids::TenantId,
    partner::{MpnId, Reseller},
    sandbox_identity::derived_object_id,
};

/// A customer. Lists show less of it than a look at one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerBody<'a> {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    commerce_id: Option<String>,
    company_profile: CompanyProfile<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_profile: Option<BillingProfile<'a>>,
    relationship_to_partner: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_delegated_access: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_credentials: Option<UserCredentials>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_domains: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    associated_partner_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<PageLinks>,
    attributes: Attributes,
}

/// The company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompanyProfile<'a> {
    tenant_id: String,
    domain: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    company_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<CompanyAddress<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<PageLinks>,
    attributes: Attributes,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct CompanyAddress<'a> {
    country: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    region: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    city: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    address_line1: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    postal_code: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    phone_number: &'a str,
}

/// Where its bills go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BillingProfile<'a> {
    id: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    first_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    last_name: &'a str,
    email: &'a str,
    culture: &'a str,
    language: &'a str,
    company_name: &'a str,
    default_address: BillingAddress<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<PageLinks>,
    attributes: Attributes,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct BillingAddress<'a> {
    country: &'a str,
    city: &'a str,
    state: &'a str,
    address_line1: &'a str,
    postal_code: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    phone_number: &'a str,
}

/// Given once, when a customer is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct UserCredentials {
    user_name: &'static str,
    password: String,
}

fn tenant(customer: &Customer) -> String {
    customer.tenant_id().as_ref().map(TenantId::to_string).unwrap_or_default()
}

impl<'a> CustomerBody<'a> {
    /// A customer in a list.
    #[must_use]
    pub fn listed(customer: &'a Customer) -> Self {
        let id = tenant(customer);
        let profile = format!("/customers/{id}/profiles/company");
        Self {
            commerce_id: None,
            company_profile: CompanyProfile {
                tenant_id: id.clone(),
                domain: &customer.domain,
                company_name: Some(&customer.name),
                address: None,
                email: None,
                links: Some(PageLinks::own(profile)),
                attributes: Attributes::of("CustomerCompanyProfile"),
            },
            billing_profile: None,
            relationship_to_partner: "reseller",
            allow_delegated_access: None,
            user_credentials: None,
            custom_domains: None,
            associated_partner_id: None,
            links: Some(PageLinks::own(format!("/customers/{id}"))),
            attributes: Attributes::of("Customer"),
            id,
        }
    }

    /// A customer, looked at.
    #[must_use]
    pub fn whole(customer: &'a Customer) -> Self {
        Self {
            commerce_id: Some(derived("commerce account", customer)),
            company_profile: CompanyProfile::of(customer),
            billing_profile: Some(BillingProfile::of(customer)),
            allow_delegated_access: Some(true),
            custom_domains: Some([&customer.domain]),
            associated_partner_id: customer.reseller.as_ref().map(MpnId::as_str),
            ..Self::listed(customer)
        }
    }

    /// A customer that was just made, with what is told only once.
    #[must_use]
    pub fn made(customer: &'a Customer, password: String) -> Self {
        let whole = Self::whole(customer);
        Self {
            company_profile: CompanyProfile {
                company_name: None,
                address: None,
                email: None,
                links: None,
                ..whole.company_profile
            },
            billing_profile: whole.billing_profile.map(|profile| BillingProfile { links: None, ..profile }),
            relationship_to_partner: "none",
            allow_delegated_access: None,
            custom_domains: None,
            user_credentials: Some(UserCredentials { user_name: "admin", password }),
            links: None,
            ..whole
        }
    }
}

impl<'a> CompanyProfile<'a> {
    /// The profile, looked at.
    #[must_use]
    pub fn of(customer: &'a Customer) -> Self {
        let id = tenant(customer);
        let Address { country, state, city, address_line1, postal_code, phone_number } = &customer.address;
        Self {
            domain: &customer.domain,
            company_name: Some(&customer.name),
            address: Some(CompanyAddress { country, region: state, city, address_line1, postal_code, phone_number }),
            email: customer.users.first().map(|user| user.email.as_str()),
            links: Some(PageLinks::own(format!("/customers/{id}/profiles/company"))),
            attributes: Attributes::of("CustomerCompanyProfile"),
            tenant_id: id,
        }
    }
}

impl<'a> BillingProfile<'a> {
    /// The profile, looked at.
    #[must_use]
    pub fn of(customer: &'a Customer) -> Self {
        let name = customer.users.first().map_or("", |user| user.name.as_str());
        let (first_name, last_name) = name.split_once(' ').unwrap_or((name, ""));
        let Address { country, state, city, address_line1, postal_code, phone_number } = &customer.address;
        Self {
            id: derived("billing profile", customer),
            first_name,
            last_name,
            email: customer.users.first().map_or("", |user| user.email.as_str()),
            culture: &customer.culture,
            language: customer.culture.split('-').next().unwrap_or("en"),
            company_name: &customer.name,
            default_address: BillingAddress {
                country,
                city,
                state,
                address_line1,
                postal_code,
                first_name,
                last_name,
                phone_number,
            },
            links: Some(PageLinks::own(format!("/customers/{}/profiles/billing", tenant(customer)))),
            attributes: Attributes { etag: Some("1".to_owned()), object_type: "CustomerBillingProfile" },
        }
    }
}

/// An id that belongs to a customer, made of its tenant.
fn derived(what: &str, customer: &Customer) -> String {
    customer.tenant_id().map(|tenant| derived_object_id(tenant, what).to_string()).unwrap_or_default()
}

/// The template of an agreement (docs:get-customer-agreement-metadata).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgreementTemplate {
    /// Its id: the real one.
    pub template_id: &'static str,
    /// Its type.
    pub agreement_type: &'static str,
    /// Where its text is.
    pub agreement_link: &'static str,
    /// Its rank among the versions.
    pub version_rank: u32,
}

impl AgreementTemplate {
    /// The Microsoft Customer Agreement.
    pub const CUSTOMER: Self = Self {
        template_id: "117a77b0-9360-443b-8795-c6dedc750cf9",
        agreement_type: "MicrosoftCustomerAgreement",
        agreement_link: "https://aka.ms/customeragreement",
        version_rank: 0,
    };
    /// The Microsoft Cloud Agreement, its predecessor.
    pub const CLOUD: Self = Self {
        template_id: "998b88de-aa99-4388-a42c-1b3517d49490",
        agreement_type: "MicrosoftCloudAgreement",
        agreement_link: "https://aka.ms/cloudagreement",
        version_rank: 0,
    };
}

/// A confirmed agreement (docs:get-confirmation-of-customer-agreement).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgreementBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    primary_contact: Contact<'a>,
    template_id: &'static str,
    date_agreed: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    agreement_link: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Contact<'a> {
    first_name: &'a str,
    last_name: &'a str,
    email: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    phone_number: &'a str,
}

impl<'a> AgreementBody<'a> {
    /// An agreement; `user` is who has confirmed it just now, `with_link` for one that is looked at.
    #[must_use]
    pub fn of(agreement: &'a Agreement, user: Option<String>, with_link: bool) -> Self {
        let Agreement { first_name, last_name, email, phone_number, date_agreed } = agreement;
        Self {
            user_id: user,
            primary_contact: Contact { first_name, last_name, email, phone_number },
            template_id: AgreementTemplate::CUSTOMER.template_id,
            date_agreed: date_agreed.map_or_else(|| "2019-01-01T00:00:00.0000000Z".to_owned(), instant),
            kind: AgreementTemplate::CUSTOMER.agreement_type,
            agreement_link: with_link.then_some(AgreementTemplate::CUSTOMER.agreement_link),
        }
    }
}

/// An indirect reseller of a customer (docs:get-indirect-resellers-of-a-customer).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Relationship<'a> {
    id: String,
    name: &'a str,
    relationship_type: &'static str,
    mpn_id: &'a str,
    attributes: Attributes,
}

impl<'a> Relationship<'a> {
    /// The id by which a partner knows a reseller.
    #[must_use]
    pub fn id_of(partner: TenantId, reseller: &Reseller) -> String {
        derived_object_id(partner, reseller.mpn_id.as_str()).to_string()
    }

    /// A reseller of a partner in a tenant.
    #[must_use]
    pub fn of(partner: TenantId, reseller: &'a Reseller) -> Self {
        Self {
            id: Self::id_of(partner, reseller),
            name: &reseller.name,
            relationship_type: "is_indirect_cloud_solution_provider_of",
            mpn_id: reseller.mpn_id.as_str(),
            attributes: Attributes::of("PartnerRelationship"),
        }
    }
}

//! Customers of a CSP partner: who they are, and what they have agreed to.

use serde::{Deserialize, Serialize};

use super::{
    catalogue::Person,
    ids::{CustomerId, PartnerId, TenantId},
    partner::MpnId,
    sandbox_identity::{derived_object_id, derived_puid},
    time::Timestamp,
};

/// A customer of a partner: the `beneficiary` of what is bought for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    /// Its id in fixtures, scenarios and the control API; the tenant of one that a partner has made.
    pub id: CustomerId,
    /// The partner that it belongs to.
    pub partner: PartnerId,
    /// The company's name.
    pub name: String,
    /// The verified domain of its tenant.
    pub domain: String,
    /// Its people, at least one; the first is the one that the service is bought for.
    pub users: Vec<Person>,
    /// Where bills go.
    pub address: Address,
    /// The language and culture of its bills: `en-US`.
    pub culture: String,
    /// The indirect reseller that sells to it.
    pub reseller: Option<MpnId>,
    /// Its Microsoft Customer Agreement: nothing is bought for it before (docs:error-codes, 13605).
    pub agreement: Option<Agreement>,
}

impl Customer {
    /// The tenant of its users: `id` of Partner Center's API.
    #[must_use]
    pub fn tenant_id(&self) -> Option<TenantId> {
        self.users.first().map(|user| user.tenant_id)
    }
}

/// A customer to be made (docs:create-a-customer).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCustomer {
    /// The company's name.
    pub name: String,
    /// The domain that its tenant shall have.
    pub domain: String,
    /// First name of the person to turn to.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// E-mail address.
    pub email: String,
    /// Where bills go.
    pub address: Address,
    /// The culture of its bills.
    pub culture: String,
    /// The indirect reseller that sells to it.
    pub reseller: Option<MpnId>,
}

impl NewCustomer {
    /// The customer of a partner that it becomes, with its first user.
    #[must_use]
    pub fn of(self, partner: PartnerId, tenant_id: TenantId) -> Customer {
        let object_id = derived_object_id(tenant_id, &self.email);
        let admin = Person {
            name: format!("{} {}", self.first_name, self.last_name).trim().to_owned(),
            email: self.email,
            object_id,
            tenant_id,
            puid: derived_puid(object_id),
        };
        Customer {
            id: CustomerId::of_tenant(tenant_id),
            partner,
            name: self.name,
            domain: self.domain,
            users: vec![admin],
            address: self.address,
            culture: self.culture,
            reseller: self.reseller,
            agreement: None,
        }
    }
}

/// The longest name in the domain name system (RFC 1035, section 2.3.4).
pub const DOMAIN_BYTES: usize = 253;
/// The longest name of a company. Ours: lists are ordered by it.
pub const NAME_CHARACTERS: usize = 128;

/// Why a field of a new customer can't be as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FieldFault {
    /// A domain that is longer than there are.
    #[error("domain has more than {DOMAIN_BYTES} characters")]
    DomainTooLong,
    /// A text that is no domain name.
    #[error("domain is not a domain name")]
    NoDomain,
    /// A company's name that is too long.
    #[error("companyName has more than {NAME_CHARACTERS} characters")]
    NameTooLong,
    /// A text that is no e-mail address.
    #[error("email is not an e-mail address")]
    NoEmail,
    /// A text that is no country.
    #[error("country is not an ISO country")]
    NoCountry,
}

/// The domain of a new customer, in lower case. By its form only: nothing is looked up.
///
/// # Errors
/// [`FieldFault::DomainTooLong`], [`FieldFault::NoDomain`].
pub fn domain(text: &str) -> Result<String, FieldFault> {
    let domain = text.to_lowercase();
    let is_name = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if domain.len() > DOMAIN_BYTES {
        Err(FieldFault::DomainTooLong)
    } else if domain.contains('.') && domain.split('.').all(is_name) {
        Ok(domain)
    } else {
        Err(FieldFault::NoDomain)
    }
}

/// The name of a new customer.
///
/// # Errors
/// [`FieldFault::NameTooLong`].
pub fn company_name(text: &str) -> Result<String, FieldFault> {
    if text.chars().count() > NAME_CHARACTERS { Err(FieldFault::NameTooLong) } else { Ok(text.to_owned()) }
}

/// The e-mail address of whom to turn to.
///
/// # Errors
/// [`FieldFault::NoEmail`].
pub fn email(text: &str) -> Result<String, FieldFault> {
    if text.contains('@') { Ok(text.to_owned()) } else { Err(FieldFault::NoEmail) }
}

/// The country of a new customer, in capitals. By its form only.
///
/// # Errors
/// [`FieldFault::NoCountry`].
pub fn country(text: &str) -> Result<String, FieldFault> {
    let country = text.to_uppercase();
    let is_code = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_code { Ok(country) } else { Err(FieldFault::NoCountry) }
}

/// A postal address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// ISO country, two letters: the market that the customer buys in.
    pub country: String,
    /// State or region.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub state: String,
    /// City.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub city: String,
    /// Street and number.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub address_line1: String,
    /// Postal code.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub postal_code: String,
    /// Telephone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub phone_number: String,
}

/// That a customer has accepted the Microsoft Customer Agreement, as its partner confirms
/// (docs:confirm-customer-consent-customer-agreement).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Agreement {
    /// First name of whoever accepted it.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// E-mail address.
    pub email: String,
    /// Telephone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub phone_number: String,
    /// When it was accepted; `None` for a customer that had accepted before this simulation began.
    pub date_agreed: Option<Timestamp>,
}

impl Agreement {
    /// That a person had accepted it before the simulation began.
    #[must_use]
    pub fn of_old(person: &Person) -> Self {
        let (first_name, last_name) = person.name.split_once(' ').unwrap_or((&person.name, ""));
        Self {
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            email: person.email.clone(),
            phone_number: String::new(),
            date_agreed: None,
        }
    }

    /// Whether another confirmation says the same of the same person: code 600061 refuses it.
    #[must_use]
    pub fn is_same_contact(&self, other: &Self) -> bool {
        (&self.first_name, &self.last_name, &self.email) == (&other.first_name, &other.last_name, &other.email)
    }
}

//! Customers of partners: those of the catalogue, those that a partner has made, and what has become of either.
//!
//! A document tells what has become of a customer since the catalogue; one that is not in the catalogue has nothing but
//! its document, and a place in the lists of its partner.

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    acting::Acting,
    audit, customer_gone,
    desk::{Desk, decode},
    error::AppError,
    journal::{Player, What},
    mailbox::Command,
    partner_requests::{Made, PartnerRequest},
    sandbox::Sandbox,
};
use crate::{
    domain::{
        audit::{AuditStatus, Audited},
        catalogue::Catalogue,
        customer::{Agreement, Customer, NewCustomer},
        ids::{CustomerId, PartnerId, TenantId},
        refusal::Refusal,
        rules::CspAccount,
    },
    store::{Direction, KeyRange},
};

/// Customers of an integration sandbox (docs:test-and-debug).
const SANDBOX_CUSTOMERS: i64 = 75;

/// Customers that a search for a part of a name looks at before a page ends.
const LOOKED_AT: usize = 2_000;

/// What has become of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredCustomer {
    pub(super) customer: Customer,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
}

/// What a list of customers is ordered and searched by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CustomerOrder {
    /// The company's name.
    #[default]
    CompanyName,
    /// The domain.
    Domain,
}

impl CustomerOrder {
    const fn as_str(self) -> &'static str {
        match self {
            Self::CompanyName => "name",
            Self::Domain => "domain",
        }
    }

    fn of(self, customer: &Customer) -> String {
        match self {
            Self::CompanyName => customer.name.to_lowercase(),
            Self::Domain => customer.domain.to_lowercase(),
        }
    }
}

/// Which customers are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomerFilter {
    /// By what.
    pub order: CustomerOrder,
    /// What it starts with, in any case; everything starts with nothing.
    pub starts_with: String,
    /// What it has anywhere in it, in any case.
    pub contains: String,
}

impl CustomerFilter {
    /// Whether a name or domain, in lower case, is wanted.
    fn admits(&self, name: &str) -> bool {
        name.starts_with(&self.starts_with.to_lowercase()) && name.contains(&self.contains.to_lowercase())
    }
}

/// Where a list of customers goes on: after this name, or domain, and tenant.
pub type CustomerPosition = (String, TenantId);

/// A page of customers.
#[derive(Debug, Clone, Default)]
pub struct CustomerList {
    /// The customers, in order.
    pub customers: Vec<Customer>,
    /// Where the next page starts; `None` on the last one.
    pub next: Option<CustomerPosition>,
}

/// A customer, as the commands before have left it.
pub(super) async fn find_customer(desk: &mut Desk<'_>, id: &CustomerId) -> Result<Option<Customer>, AppError> {
    let Some(tenant) = tenant_of(&desk.world.catalogue, id) else { return Ok(None) };
    let key = desk.space().customer(tenant);
    let stored: Option<StoredCustomer> = desk.load(&key).await?;
    Ok(present(&desk.world.catalogue, tenant, stored))
}

/// The tenant that an id of a customer leads to: that of the catalogue's customer, or the one that it spells.
pub(super) fn tenant_of(catalogue: &Catalogue, id: &CustomerId) -> Option<TenantId> {
    catalogue.customer(id).map_or_else(|| id.as_str().parse().ok(), Customer::tenant_id)
}

fn present(catalogue: &Catalogue, tenant: TenantId, stored: Option<StoredCustomer>) -> Option<Customer> {
    match stored {
        Some(stored) => Some(stored.customer).filter(|_| !stored.deleted),
        None => catalogue.customer_of_tenant(tenant).cloned(),
    }
}

impl Sandbox {
    /// A customer by its id in fixtures and the control API.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, AppError> {
        match tenant_of(&self.world.catalogue, id) {
            Some(tenant) => self.customer_of_tenant(tenant).await,
            None => Ok(None),
        }
    }

    /// A customer by its tenant.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn customer_of_tenant(&self, tenant: TenantId) -> Result<Option<Customer>, AppError> {
        let key = self.world.space.customer(tenant);
        let stored = self.store.get(&key).await?;
        let stored = stored.map(|document| decode(&key, &document.bytes)).transpose()?;
        Ok(present(&self.world.catalogue, tenant, stored))
    }

    /// A partner's customers.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn customers_of(
        &self,
        partner: &PartnerId,
        filter: &CustomerFilter,
        after: Option<&CustomerPosition>,
        limit: usize,
    ) -> Result<CustomerList, AppError> {
        let prefix = filter.starts_with.to_lowercase();
        let wanted = if filter.contains.is_empty() { limit } else { LOOKED_AT }.saturating_add(1);
        let of_catalogue = self.world.catalogue.customers.iter().filter(|customer| customer.partner == *partner);
        let mut found: Vec<CustomerPosition> = of_catalogue
            .filter_map(|customer| Some((filter.order.of(customer), customer.tenant_id()?)))
            .filter(|position| filter.admits(&position.0) && after.is_none_or(|after| position > after))
            .collect();
        let index = self.world.space.customers_of(partner, filter.order.as_str());
        let mut range = KeyRange::under(&index);
        if let Some((name, tenant)) = after {
            range = range.after(&index.clone().text(name).guid(tenant.as_bytes()));
        } else if !prefix.is_empty() {
            // A text part ends with a zero byte, before which everything that starts so lies.
            range = range.from(index.clone().text_start(&prefix));
        }
        let scanned = self.store.scan(&range, Direction::Ascending, wanted).await?;
        // Beyond the last that was looked at there may be more that fit.
        let mut looked_at = None;
        for (key, _) in &scanned {
            let Some((name, tenant)) = index.rest_of(key).and_then(<[u8]>::split_last_chunk::<16>) else { continue };
            let name = String::from_utf8_lossy(name.strip_suffix(&[0]).unwrap_or(name)).into_owned();
            let position = (name, TenantId::from_bytes(*tenant));
            if filter.admits(&position.0) {
                found.push(position.clone());
            }
            looked_at = Some(position).filter(|_| scanned.len() >= wanted);
        }
        found.sort_unstable();
        if let Some(looked_at) = &looked_at {
            found.retain(|position| position <= looked_at);
        }
        let mut list = CustomerList::default();
        for position in found.iter().take(limit) {
            // One of the catalogue may have been deleted.
            list.customers.extend(self.customer_of_tenant(position.1).await?);
        }
        list.next = if found.len() > limit { found.into_iter().take(limit).next_back() } else { looked_at };
        Ok(list)
    }
}

impl Acting<'_> {
    /// Makes a customer. The same request, made again, gives the same customer.
    ///
    /// # Errors
    /// [`Refusal::DomainTaken`], [`Refusal::SandboxLimit`].
    pub async fn create_customer(
        &self,
        partner: PartnerId,
        new: NewCustomer,
        request: Option<Uuid>,
    ) -> Result<Customer, AppError> {
        self.ask(CreateCustomer { partner, new, request }).await
    }

    /// Notes that a customer has accepted the Microsoft Customer Agreement.
    ///
    /// # Errors
    /// [`Refusal::UnknownCustomer`], [`Refusal::AgreementConfirmed`].
    pub async fn confirm_agreement(&self, id: CustomerId, agreement: Agreement) -> Result<Customer, AppError> {
        self.ask(ConfirmAgreement { id, agreement }).await
    }

    /// Removes a customer, and ends what was bought for it.
    ///
    /// # Errors
    /// [`Refusal::UnknownCustomer`].
    pub async fn delete_customer(&self, id: CustomerId) -> Result<(), AppError> {
        self.ask(DeleteCustomer(id)).await
    }
}

struct CreateCustomer {
    partner: PartnerId,
    new: NewCustomer,
    request: Option<Uuid>,
}

impl Command for CreateCustomer {
    type Answer = Customer;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Customer, AppError>> {
        Box::pin(async move {
            let request = PartnerRequest { partner: &self.partner, id: self.request };
            let made = |made| if let Made::Customer(id) = made { Some(id) } else { None };
            if let Some(made) = request.made(desk, made).await?
                && let Some(customer) = find_customer(desk, &made).await?
            {
                return Ok(customer);
            }
            let is_limited = desk.head.rules.csp_account == CspAccount::IntegrationSandbox;
            if count(desk, &self.partner, Counted::OneMore).await? > SANDBOX_CUSTOMERS && is_limited {
                return Err(Refusal::SandboxLimit.into());
            }
            let domain = desk.space().customer_domain(&self.new.domain);
            let catalogue = &desk.world.catalogue;
            let is_known = catalogue.customers.iter().any(|one| one.domain.eq_ignore_ascii_case(&self.new.domain));
            if is_known || desk.get(&domain).await?.is_some() {
                return Err(Refusal::DomainTaken(self.new.domain.clone()).into());
            }
            let mut draws = desk.head.seed.draws("customer", desk.next_entry());
            let customer = self.new.clone().of(self.partner.clone(), TenantId::from_bytes(draws.bytes()));
            let Some(tenant) = customer.tenant_id() else { return Err(Refusal::UnknownCustomer(customer.id).into()) };
            for order in [CustomerOrder::CompanyName, CustomerOrder::Domain] {
                let index = desk.space().customers_of(&self.partner, order.as_str());
                desk.put_bytes(index.text(&order.of(&customer)).guid(tenant.as_bytes()), Vec::new());
            }
            desk.put_bytes(domain, Vec::new());
            keep(desk, &customer, false)?;
            request.has_made(desk, &Made::Customer(customer.id.clone()))?;
            let summary = format!("{} made the customer {}.", self.partner, customer.name);
            desk.note(Player::Partner, None, What::Steering { summary });
            note(desk, &customer, Audited::CustomerAdded).await?;
            Ok(customer)
        })
    }
}

struct ConfirmAgreement {
    id: CustomerId,
    agreement: Agreement,
}

impl Command for ConfirmAgreement {
    type Answer = Customer;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Customer, AppError>> {
        Box::pin(async move {
            let customer = load_customer(desk, &self.id).await?;
            let before = customer.agreement.as_ref().filter(|agreement| agreement.date_agreed.is_some());
            if before.is_some_and(|before| before.is_same_contact(&self.agreement)) {
                return Err(Refusal::AgreementConfirmed(self.id.clone()).into());
            }
            let customer = Customer { agreement: Some(self.agreement.clone()), ..customer };
            keep(desk, &customer, false)?;
            let summary = format!("{} has accepted the Microsoft Customer Agreement.", customer.name);
            desk.note(Player::Partner, None, What::Steering { summary });
            note(desk, &customer, Audited::AgreementCreated).await?;
            Ok(customer)
        })
    }
}

struct DeleteCustomer(CustomerId);

impl Command for DeleteCustomer {
    type Answer = ();

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<(), AppError>> {
        Box::pin(async move {
            let customer = load_customer(desk, &self.0).await?;
            count(desk, &customer.partner, Counted::OneLess).await?;
            let mut listed = vec![desk.space().customer_domain(&customer.domain)];
            if let Some(tenant) = customer.tenant_id() {
                listed.extend([CustomerOrder::CompanyName, CustomerOrder::Domain].map(|order| {
                    let index = desk.space().customers_of(&customer.partner, order.as_str());
                    index.text(&order.of(&customer)).guid(tenant.as_bytes())
                }));
            }
            for key in listed {
                // One of the catalogue has none of these.
                desk.look_at(&key).await?;
                desk.remove(key);
            }
            keep(desk, &customer, true)?;
            let summary = format!("The customer {} was removed.", customer.name);
            desk.note(Player::Partner, None, What::Steering { summary });
            note(desk, &customer, Audited::CustomerDeleted).await?;
            customer_gone::end_what_was_bought(desk, &customer.id, None).await
        })
    }
}

/// What becomes of a partner's number of customers.
enum Counted {
    OneMore,
    OneLess,
}

/// Counts a customer of a partner in or out; tells how many it has then. What is stored is how many more, or fewer, there are
/// than in the catalogue.
async fn count(desk: &mut Desk<'_>, partner: &PartnerId, counted: Counted) -> Result<i64, AppError> {
    let key = desk.space().customers_made(partner);
    let before: i64 = desk.load(&key).await?.unwrap_or_default();
    let made = match counted {
        Counted::OneMore => before.saturating_add(1),
        Counted::OneLess => before.saturating_sub(1),
    };
    desk.put(key, &made)?;
    let of_catalogue = desk.world.catalogue.customers.iter().filter(|customer| customer.partner == *partner).count();
    Ok(made.saturating_add(i64::try_from(of_catalogue).unwrap_or(i64::MAX)))
}

/// A customer that has to exist.
pub(super) async fn load_customer(desk: &mut Desk<'_>, id: &CustomerId) -> Result<Customer, AppError> {
    find_customer(desk, id).await?.ok_or_else(|| Refusal::UnknownCustomer(id.clone()).into())
}

fn keep(desk: &mut Desk<'_>, customer: &Customer, deleted: bool) -> Result<(), AppError> {
    let Some(tenant) = customer.tenant_id() else { return Ok(()) };
    let key = desk.space().customer(tenant);
    desk.put(key, &StoredCustomer { customer: customer.clone(), deleted })
}

async fn note(desk: &mut Desk<'_>, customer: &Customer, what: Audited) -> Result<(), AppError> {
    audit::note(desk, (&customer.partner, Some(&customer.id)), AuditStatus::Succeeded, what).await
}

//! Customers, their company and their indirect resellers (sections 3.1 to 3.7: E1 to E5, E9).

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::Value;

use super::{
    call::{Answer, At, Call, Needs, object},
    problem::Problem,
};
use crate::{
    app::{CustomerFilter, CustomerOrder, CustomerPosition},
    domain::{
        customer::{self, Address, NewCustomer},
        partner::{MpnId, Right},
    },
    http::faces::Faces,
    wire::partner_center::{
        Attributes, BillingProfile, Body, Collection, CompanyProfile, CustomerBody, PageLinks, Relationship,
    },
};

/// Customers on a page if nothing else is asked for (docs:get-a-list-of-customers), and at the most.
const USUAL_SIZE: usize = 40;
const LARGEST_SIZE: usize = 500;

/// `GET /v1/customers`
pub(super) async fn list(State(_): State<Arc<Faces>>, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |at| async move {
        let size = at.call.size(USUAL_SIZE, LARGEST_SIZE)?;
        let filter = filter(at.call.parameter("filter"))?;
        let after = at.call.continuation()?.map(|token| position(&token)).transpose()?;
        let page = at.sandbox.customers_of(&at.partner.id, &filter, after.as_ref(), size).await?;
        let items = page.customers.iter().map(CustomerBody::listed).collect();
        let link = at.call.list_link(size);
        Ok(Answer::ok(&Collection::page(link, items, page.next.map(token), false)))
    })
    .await
}

/// `{"Field":"CompanyName","Value":"cont","Operator":"starts_with"}` (docs:get-a-customer-by-name).
fn filter(text: Option<&str>) -> Result<CustomerFilter, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(CustomerFilter::default()) };
    let bad = || Problem::Parameter("filter");
    let value: Value = serde_json::from_str(text).map_err(|_| bad())?;
    let body = Body::of(&value).ok_or_else(bad)?;
    let order = match body.text("Field")?.as_deref().map(str::to_ascii_lowercase).as_deref() {
        Some("companyname") => CustomerOrder::CompanyName,
        Some("domain") => CustomerOrder::Domain,
        _ => return Err(bad()),
    };
    let operator = body.text("Operator")?.unwrap_or_default().replace('_', "");
    if !operator.eq_ignore_ascii_case("startswith") {
        return Err(bad());
    }
    Ok(CustomerFilter { order, starts_with: body.text("Value")?.unwrap_or_default(), ..CustomerFilter::default() })
}

/// The token of the next page: opaque to clients.
fn token((name, tenant): CustomerPosition) -> String {
    STANDARD.encode(format!("{tenant}{name}"))
}

/// Where the page of a token goes on.
fn position(token: &[u8]) -> Result<CustomerPosition, Problem> {
    let text = std::str::from_utf8(token).map_err(|_| Problem::BAD_TOKEN)?;
    let (tenant, name) = text.split_at_checked(36).ok_or(Problem::BAD_TOKEN)?;
    Ok((name.to_owned(), tenant.parse().map_err(|_| Problem::BAD_TOKEN)?))
}

/// `GET /v1/customers/{customer}`
pub(super) async fn get(State(_): State<Arc<Faces>>, Path(customer): Path<String>, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |at| async move {
        let (customer, _) = at.customer(&customer).await?;
        Ok(Answer::ok(&CustomerBody::whole(&customer)))
    })
    .await
}

/// `POST /v1/customers`
pub(super) async fn create(State(_): State<Arc<Faces>>, call: Call) -> Response {
    call.answer(Needs::right(Right::ManageCustomers), |at| async move {
        let value = at.call.json()?;
        let new = new_customer(object(&value)?, &at)?;
        let request = at.call.request_id();
        let customer = at.acts().create_customer(at.partner.id.clone(), new, request).await?;
        // A password that opens nothing: nobody signs in with it here.
        let password = customer.tenant_id().map_or_else(String::new, |tenant| {
            format!("Rehearse{}!", tenant.to_string().split('-').next().unwrap_or_default())
        });
        Ok(Answer::with(StatusCode::CREATED, &CustomerBody::made(&customer, password)))
    })
    .await
}

fn new_customer(body: Body<'_>, at: &At) -> Result<NewCustomer, Problem> {
    let missing = |what: &str| Problem::Field(format!("{what} is required"));
    let company = body.object("companyProfile")?.ok_or_else(|| missing("companyProfile"))?;
    let billing = body.object("billingProfile")?.ok_or_else(|| missing("billingProfile"))?;
    let address = billing.object("defaultAddress")?.ok_or_else(|| missing("defaultAddress"))?;
    let domain = customer::domain(&company.required("domain")?)?;
    let name = customer::company_name(&billing.required("companyName")?)?;
    let email = customer::email(&billing.required("email")?)?;
    let country = customer::country(&address.required("country")?)?;
    // The id of the reseller's relationship entry, or its MPN id (docs:create-a-customer-for-an-indirect-reseller).
    let reseller = match body.text("associatedPartnerId")? {
        None => None,
        Some(id) => {
            let known = at.partner.resellers.iter().find(|reseller| {
                reseller.mpn_id.as_str() == id || Relationship::id_of(at.partner.app.tenant_id, reseller) == id
            });
            let known = known.ok_or_else(|| Problem::Field("associatedPartnerId is not a reseller's".to_owned()))?;
            Some(known.mpn_id.clone())
        }
    };
    Ok(NewCustomer {
        name,
        domain,
        first_name: address.required("firstName")?,
        last_name: address.required("lastName")?,
        email,
        address: Address {
            country,
            state: address.text("state")?.unwrap_or_default(),
            city: address.required("city")?,
            address_line1: address.required("addressLine1")?,
            postal_code: address.text("postalCode")?.unwrap_or_default(),
            phone_number: address.text("phoneNumber")?.unwrap_or_default(),
        },
        culture: billing.required("culture")?,
        reseller,
    })
}

/// `DELETE /v1/customers/{customer}`, in an integration sandbox.
pub(super) async fn delete(State(_): State<Arc<Faces>>, Path(customer): Path<String>, call: Call) -> Response {
    call.answer(Needs::right(Right::ManageCustomers), |at| async move {
        let (customer, _) = at.customer(&customer).await?;
        if !at.is_sandbox() {
            return Err(Problem::SandboxOnly);
        }
        at.acts().delete_customer(customer.id).await?;
        Ok(Answer::nothing())
    })
    .await
}

/// `GET /v1/customers/{customer}/profiles/company`
pub(super) async fn company(State(_): State<Arc<Faces>>, Path(customer): Path<String>, call: Call) -> Response {
    call.answer(Needs::person(Right::SeeCustomers), |at| async move {
        let (customer, _) = at.customer(&customer).await?;
        Ok(Answer::ok(&CompanyProfile::of(&customer)))
    })
    .await
}

/// `GET /v1/customers/{customer}/profiles/billing`: where the link of the billing profile leads.
pub(super) async fn billing(State(_): State<Arc<Faces>>, Path(customer): Path<String>, call: Call) -> Response {
    call.answer(Needs::person(Right::SeeCustomers), |at| async move {
        let (customer, _) = at.customer(&customer).await?;
        Ok(Answer::ok(&BillingProfile::of(&customer)))
    })
    .await
}

/// `GET /v1/customers/{customer}/relationships`
pub(super) async fn relationships(State(_): State<Arc<Faces>>, Path(customer): Path<String>, call: Call) -> Response {
    call.answer(Needs::person(Right::SeeCustomers), |at| async move {
        let (customer, _) = at.customer(&customer).await?;
        let reseller = customer.reseller.as_ref().and_then(|id| at.partner.reseller(id));
        let items = reseller.map(|reseller| Relationship::of(at.partner.app.tenant_id, reseller));
        Ok(Answer::ok(&Collection::at(at.call.link(), items.into_iter().collect())))
    })
    .await
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MpnProfile<'a> {
    mpn_id: &'a str,
    partner_name: &'a str,
    links: PageLinks,
    attributes: Attributes,
}

/// `GET /v1/profiles/mpn?mpnId=`
pub(super) async fn mpn_profile(State(_): State<Arc<Faces>>, call: Call) -> Response {
    call.answer(Needs::person(Right::SeeCustomers), |at| async move {
        let asked = at.call.parameter("mpnId").unwrap_or(at.partner.mpn_id.as_str());
        let mpn_id: MpnId = asked.parse().map_err(|_| Problem::Parameter("mpnId"))?;
        let name = if mpn_id == at.partner.mpn_id {
            Some(at.partner.name.as_str())
        } else {
            at.partner.reseller(&mpn_id).map(|reseller| reseller.name.as_str())
        };
        let partner_name = name.ok_or_else(|| Problem::UnknownMpn(mpn_id.to_string()))?;
        Ok(Answer::ok(&MpnProfile {
            mpn_id: mpn_id.as_str(),
            partner_name,
            links: PageLinks::own(format!("/profiles/mpn?mpnId={mpn_id}")),
            attributes: Attributes::of("MpnProfile"),
        }))
    })
    .await
}

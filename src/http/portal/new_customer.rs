//! The form for a new customer: the fields that the API's `POST /v1/customers` needs, each with what is wrong with it.

use askama::Template;
use axum::{
    Form,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::frame::{Frame, PortalError, Visit};
use crate::{
    app::AppError,
    domain::{
        customer::{self, Address, NewCustomer},
        partner::{Partner, Reseller, Right},
        refusal::Refusal,
    },
    http::{page::page, words::sentence},
};

#[derive(Template)]
#[template(path = "portal/new_customer.html")]
struct NewCustomerPage {
    frame: Frame,
    fields: Vec<Field>,
    resellers: Vec<Reseller>,
    /// The reseller that was chosen.
    reseller: String,
    /// What is wrong, at which field; one that is about none has no name.
    errors: Vec<FieldError>,
}

/// A field of text.
struct Field {
    name: &'static str,
    label: &'static str,
    help: &'static str,
    value: String,
}

struct FieldError {
    field: &'static str,
    why: String,
}

/// The form, as it was typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct CustomerForm {
    company_name: String,
    domain: String,
    first_name: String,
    last_name: String,
    email: String,
    phone_number: String,
    country: String,
    address_line1: String,
    city: String,
    state: String,
    postal_code: String,
    #[serde(default = "usual_culture")]
    culture: String,
    reseller: String,
}

fn usual_culture() -> String {
    "en-US".to_owned()
}

impl NewCustomerPage {
    fn of(visit: &Visit, form: CustomerForm, errors: Vec<FieldError>) -> Self {
        let title = if errors.is_empty() { "New customer" } else { "Error: New customer" };
        let field = |name, label, help, value| Field { name, label, help, value };
        Self {
            frame: visit.frame("customers", title),
            fields: vec![
                field("companyName", "Company name", "", form.company_name),
                field("domain", "Domain", "Of its tenant, such as contoso.onmicrosoft.com.", form.domain),
                field("firstName", "First name", "Of the person to turn to.", form.first_name),
                field("lastName", "Last name", "", form.last_name),
                field("email", "E-mail", "", form.email),
                field("phoneNumber", "Telephone (optional)", "", form.phone_number),
                field("addressLine1", "Street and number", "", form.address_line1),
                field("city", "City", "", form.city),
                field("state", "State or region (optional)", "", form.state),
                field("postalCode", "Postal code (optional)", "", form.postal_code),
                field("country", "Country", "Two letters, such as US: the market in which it buys.", form.country),
                field("culture", "Culture", "Of its bills, such as en-US.", form.culture),
            ],
            resellers: visit.partner.resellers.clone(),
            reseller: form.reseller,
            errors,
        }
    }

    /// What is wrong with a field.
    fn error(&self, field: &str) -> Option<&str> {
        self.errors.iter().find(|error| error.field == field).map(|error| error.why.as_str())
    }
}

/// `GET /partner/customers/new`
pub(super) async fn show(visit: Visit) -> Result<Response, PortalError> {
    visit.needs(Right::ManageCustomers)?;
    let proposed = CustomerForm { culture: usual_culture(), ..CustomerForm::default() };
    Ok(page(StatusCode::OK, &NewCustomerPage::of(&visit, proposed, Vec::new())))
}

/// `POST /partner/customers/new`: makes the customer, and goes on to its agreement.
pub(super) async fn make(visit: Visit, Form(form): Form<CustomerForm>) -> Result<Response, PortalError> {
    visit.needs(Right::ManageCustomers)?;
    let errors = match read(&form, &visit.partner) {
        Err(errors) => errors,
        Ok(new) => match visit.acts().create_customer(visit.partner.id.clone(), new, None).await {
            Ok(made) => {
                let root = made.tenant_id().map(|tenant| format!("/partner/customers/{tenant}/account?made=1"));
                return Ok(Redirect::to(root.as_deref().unwrap_or("/partner/customers")).into_response());
            }
            Err(AppError::Refused(refusal)) => {
                let field = if matches!(refusal, Refusal::DomainTaken(_)) { "domain" } else { "" };
                vec![FieldError { field, why: sentence(&refusal.to_string()) }]
            }
            Err(error) => return Err(visit.failed(&error)),
        },
    };
    Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &NewCustomerPage::of(&visit, form, errors)))
}

/// The customer that is wanted, or everything that is wrong at once.
fn read(form: &CustomerForm, partner: &Partner) -> Result<NewCustomer, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut field = |field, text: &str, missing: &str, check: fn(&str) -> Result<String, customer::FieldFault>| {
        let text = text.trim();
        let read = if text.is_empty() { Err(missing.to_owned()) } else { check(text).map_err(|fault| told(&fault)) };
        read.unwrap_or_else(|why| {
            errors.push(FieldError { field, why });
            String::new()
        })
    };
    let any = |text: &str| Ok(text.to_owned());
    let new = NewCustomer {
        name: field("companyName", &form.company_name, "Enter the company's name.", customer::company_name),
        domain: field("domain", &form.domain, "Enter the domain.", customer::domain),
        first_name: field("firstName", &form.first_name, "Enter the first name.", any),
        last_name: field("lastName", &form.last_name, "Enter the last name.", any),
        email: field("email", &form.email, "Enter the e-mail address.", customer::email),
        address: Address {
            address_line1: field("addressLine1", &form.address_line1, "Enter street and number.", any),
            city: field("city", &form.city, "Enter the city.", any),
            state: form.state.trim().to_owned(),
            postal_code: form.postal_code.trim().to_owned(),
            phone_number: form.phone_number.trim().to_owned(),
            country: field("country", &form.country, "Enter the country.", customer::country),
        },
        culture: field("culture", &form.culture, "Enter the culture, such as en-US.", any),
        reseller: partner.resellers.iter().map(|one| &one.mpn_id).find(|id| id.as_str() == form.reseller).cloned(),
    };
    if !form.reseller.is_empty() && new.reseller.is_none() {
        errors.push(FieldError { field: "reseller", why: "Choose one of your resellers, or none.".to_owned() });
    }
    if errors.is_empty() { Ok(new) } else { Err(errors) }
}

/// What is wrong, in the form's words.
fn told(fault: &customer::FieldFault) -> String {
    use customer::FieldFault::{DomainTooLong, NameTooLong, NoCountry, NoDomain, NoEmail};
    match fault {
        NoDomain => "Enter a domain, such as contoso.onmicrosoft.com.".to_owned(),
        NoEmail => "Enter an e-mail address, such as ada@company.example.".to_owned(),
        NoCountry => "Enter a country by its two letters, such as US.".to_owned(),
        DomainTooLong => format!("The domain has more than {} characters.", customer::DOMAIN_BYTES),
        NameTooLong => format!("The name has more than {} characters.", customer::NAME_CHARACTERS),
    }
}

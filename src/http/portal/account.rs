//! Who a customer is, and whether it has accepted the Microsoft Customer Agreement.

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{
    customers::CustomerHead,
    frame::{Frame, PortalError, Visit},
};
use crate::{
    app::AppError,
    domain::{
        customer::{Agreement, Customer},
        ids::TenantId,
        partner::{MpnId, Right},
        refusal::Refusal,
        time::Timestamp,
    },
    http::page::page,
};

#[derive(Template)]
#[template(path = "portal/account.html")]
struct AccountPage {
    frame: Frame,
    customer: CustomerHead,
    tenant: String,
    domain: String,
    address: Vec<String>,
    reseller: Option<String>,
    /// Who has accepted the agreement, and when.
    agreed: Option<(String, String)>,
    form: AgreementForm,
    errors: Vec<(&'static str, &'static str)>,
    may_confirm: bool,
    /// Whether the customer has just been made.
    is_made: bool,
}

impl AccountPage {
    /// What is wrong with a field.
    fn error(&self, field: &str) -> Option<&'static str> {
        self.errors.iter().find(|(name, _)| *name == field).map(|(_, why)| *why)
    }
}

/// The confirmation, as it was typed.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AgreementForm {
    first_name: String,
    last_name: String,
    email: String,
    phone_number: String,
    date_agreed: String,
    /// Where to go afterwards.
    then: String,
}

/// What has just been done.
#[derive(Deserialize)]
pub(super) struct Done {
    /// Anything: the customer was made.
    made: Option<String>,
}

/// `GET .../account`
pub(super) async fn show(
    visit: Visit,
    Path(customer): Path<String>,
    Query(done): Query<Done>,
) -> Result<Response, PortalError> {
    let (customer, tenant) = visit.customer(&customer).await?;
    let form = AgreementForm { date_agreed: visit.sandbox.now().date().to_string(), ..AgreementForm::default() };
    let account = AccountPage::of(&visit, &customer, tenant, form, Vec::new());
    Ok(page(StatusCode::OK, &AccountPage { is_made: done.made.is_some(), ..account }))
}

/// `POST .../account`: confirms the agreement.
pub(super) async fn confirm(
    visit: Visit,
    Path(customer): Path<String>,
    Form(form): Form<AgreementForm>,
) -> Result<Response, PortalError> {
    let (customer, tenant) = visit.customer(&customer).await?;
    visit.needs(Right::ConfirmAgreements)?;
    let agreement = match read(&form, visit.sandbox.now()) {
        Ok(agreement) => agreement,
        Err(errors) => {
            let again = AccountPage::of(&visit, &customer, tenant, form, errors);
            return Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &again));
        }
    };
    match visit.acts().confirm_agreement(customer.id.clone(), agreement).await {
        Ok(_) | Err(AppError::Refused(Refusal::AgreementConfirmed(_))) => {}
        Err(error) => return Err(visit.failed(&error)),
    }
    // Only a path of this customer's own is followed.
    let root = format!("/partner/customers/{tenant}/");
    let then = if form.then.starts_with(&root) { form.then } else { format!("{root}account") };
    Ok(Redirect::to(&then).into_response())
}

fn read(form: &AgreementForm, now: Timestamp) -> Result<Agreement, Vec<(&'static str, &'static str)>> {
    let mut errors = Vec::new();
    let mut filled = |name, text: &str, why| {
        if text.trim().is_empty() {
            errors.push((name, why));
        }
        text.trim().to_owned()
    };
    let first_name = filled("firstName", &form.first_name, "Enter the first name.");
    let last_name = filled("lastName", &form.last_name, "Enter the last name.");
    let email = filled("email", &form.email, "Enter the e-mail address.");
    if !email.is_empty() && !email.contains('@') {
        errors.push(("email", "Enter an e-mail address, such as ada@company.example."));
    }
    let date = Timestamp::parse_utc(form.date_agreed.trim()).ok();
    match date {
        None => errors.push(("dateAgreed", "Enter a date, such as 2026-01-31.")),
        Some(date) if date > now => errors.push(("dateAgreed", "The date lies in the future.")),
        Some(_) => {}
    }
    if errors.is_empty() {
        let phone_number = form.phone_number.trim().to_owned();
        Ok(Agreement { first_name, last_name, email, phone_number, date_agreed: date })
    } else {
        Err(errors)
    }
}

impl AccountPage {
    fn of(
        visit: &Visit,
        customer: &Customer,
        tenant: TenantId,
        form: AgreementForm,
        errors: Vec<(&'static str, &'static str)>,
    ) -> Self {
        let address = &customer.address;
        let city = format!("{} {} {}", address.postal_code, address.city, address.state);
        let lines = [address.address_line1.clone(), city.trim().to_owned(), address.country.clone()];
        let name = |id: &MpnId| visit.partner.reseller(id).map(|reseller| format!("{} ({id})", reseller.name));
        Self {
            frame: visit.frame("customers", format!("{}: account", customer.name)),
            customer: CustomerHead::of(&customer.name, tenant, "account"),
            tenant: tenant.to_string(),
            domain: customer.domain.clone(),
            address: lines.into_iter().filter(|line| !line.is_empty()).collect(),
            reseller: customer.reseller.as_ref().and_then(name),
            agreed: customer.agreement.as_ref().map(|agreement| {
                let date = agreement.date_agreed.map_or_else(|| "earlier".to_owned(), |date| date.date().to_string());
                (format!("{} {}", agreement.first_name, agreement.last_name), date)
            }),
            form,
            errors,
            may_confirm: visit.may(Right::ConfirmAgreements),
            is_made: false,
        }
    }
}

//! The Microsoft Customer Agreement: nothing is bought for a customer that has not accepted it (section 3.6: E6 to E8).

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde::Serialize;

use super::{
    call::{Answer, Call, Needs, object},
    problem::Problem,
};
use crate::{
    domain::{customer::Agreement, partner::Right, time::Timestamp},
    http::faces::Faces,
    wire::partner_center::{AgreementBody, AgreementTemplate, Collection},
};

/// `GET /v1/agreements?agreementType=`
pub(super) async fn templates(State(_): State<Arc<Faces>>, call: Call) -> Response {
    call.answer(Needs::person(Right::SeeCustomers), |at| async move {
        // Without the parameter it is the older agreement (docs:get-customer-agreement-metadata).
        let wanted = at.call.parameter("agreementType").unwrap_or(AgreementTemplate::CLOUD.agreement_type);
        let all = [AgreementTemplate::CUSTOMER, AgreementTemplate::CLOUD];
        let found: Vec<_> = all
            .into_iter()
            .filter(|template| wanted == "*" || template.agreement_type.eq_ignore_ascii_case(wanted))
            .collect();
        if found.is_empty() {
            return Err(Problem::Parameter("agreementType"));
        }
        Ok(Answer::ok(&Collection::bare(found)))
    })
    .await
}

/// `GET /v1/customers/{customer}/agreements`
pub(super) async fn list(State(_): State<Arc<Faces>>, Path(customer): Path<String>, call: Call) -> Response {
    call.answer(Needs::person(Right::SeeCustomers), |at| async move {
        let (customer, _) = at.customer(&customer).await?;
        let wanted = at.call.parameter("agreementType");
        let is_wanted = wanted
            .is_none_or(|kind| kind == "*" || kind.eq_ignore_ascii_case(AgreementTemplate::CUSTOMER.agreement_type));
        let agreements = customer.agreement.iter().filter(|_| is_wanted);
        let items: Vec<_> = agreements.map(|agreement| AgreementBody::of(agreement, None, true)).collect();
        Ok(Answer::ok(&Collection::bare(items)))
    })
    .await
}

/// `POST /v1/customers/{customer}/agreements`
pub(super) async fn confirm(State(_): State<Arc<Faces>>, Path(customer): Path<String>, call: Call) -> Response {
    call.answer(Needs::person(Right::ConfirmAgreements), |at| async move {
        let (customer, _) = at.customer(&customer).await?;
        let value = at.call.json()?;
        let body = object(&value)?;
        let contact = body.object("primaryContact")?;
        let contact = contact.ok_or_else(|| Problem::Field("primaryContact is required".to_owned()))?;
        let template = body.required("templateId")?;
        if !template.eq_ignore_ascii_case(AgreementTemplate::CUSTOMER.template_id) {
            return Err(Problem::Field("templateId is not the Microsoft Customer Agreement's".to_owned()));
        }
        let date = body.required("dateAgreed")?;
        let date = Timestamp::parse_utc(&date).map_err(|_| Problem::Field("dateAgreed is not a date".to_owned()))?;
        if date > at.now() {
            return Err(Problem::Field("dateAgreed is in the future".to_owned()));
        }
        let agreement = Agreement {
            first_name: contact.required("firstName")?,
            last_name: contact.required("lastName")?,
            email: contact.required("email")?,
            phone_number: contact.text("phoneNumber")?.unwrap_or_default(),
            date_agreed: Some(date),
        };
        at.acts().confirm_agreement(customer.id, agreement.clone()).await?;
        Ok(Answer::with(StatusCode::CREATED, &AgreementBody::of(&agreement, Some(at.actor()), false)))
    })
    .await
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DirectSigned {
    is_signed: bool,
}

/// `GET /v1/customers/{customer}/directSignedMicrosoftCustomerAgreementStatus`: nobody signs it directly here.
pub(super) async fn direct_signed(State(_): State<Arc<Faces>>, Path(customer): Path<String>, call: Call) -> Response {
    call.answer(Needs::person(Right::SeeCustomers), |at| async move {
        at.customer(&customer).await?;
        Ok(Answer::ok(&DirectSigned { is_signed: false }))
    })
    .await
}

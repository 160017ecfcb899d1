//! Subscriptions: read, changed, activated in an integration sandbox (sections 6 and 7: E28 to E35).

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::header,
    response::Response,
};
use serde::Serialize;

use super::{
    call::{Answer, At, Call, Needs, object},
    orders::activation_link,
    problem::Problem,
};
use crate::{
    app::KnownSubscription,
    domain::{
        customer::Customer,
        ids::{SubscriptionId, TenantId},
        order::OrderId,
        partner::{MpnId, Right},
        partner_change::{PartnerWish, StatusWish},
        product::BillingCycle,
        refusal::Refusal,
        subscription::Status,
    },
    http::faces::Faces,
    wire::partner_center::{Attributes, Body, Collection, PageLinks, Shown, SubscriptionBody, edition_of, status_of},
};

type Ids = Path<(String, String)>;

/// A subscription of a customer of the partner.
async fn find(
    at: &At,
    customer: &str,
    subscription: &str,
) -> Result<(Customer, TenantId, Arc<KnownSubscription>), Problem> {
    let (customer, tenant) = at.customer(customer).await?;
    let id: SubscriptionId = subscription.parse().map_err(|_| Problem::BadId("subscription id"))?;
    let found = at.sandbox.subscription_for(&customer.id, id).await?;
    Ok((customer, tenant, found))
}

fn shown(at: &At, customer: TenantId) -> Shown<'_> {
    Shown { catalogue: at.sandbox.catalogue(), customer, rules: at.rules(), now: at.now() }
}

/// `GET .../subscriptions`
pub(super) async fn list(State(_): State<Arc<Faces>>, Path(customer): Path<String>, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |at| async move {
        let (customer, tenant) = at.customer(&customer).await?;
        let order = match at.call.parameter("order_id") {
            None => None,
            Some(text) => {
                let id: OrderId = text.parse().map_err(|_| Refusal::UnknownOrder(text.to_owned()))?;
                Some(at.sandbox.order(&customer.id, id).await?)
            }
        };
        let reseller = match at.call.parameter("mpn_id") {
            None => None,
            Some(text) => Some(text.parse::<MpnId>().map_err(|_| Problem::Parameter("mpn_id"))?),
        };
        let found = match order {
            None => at.sandbox.subscriptions_for(&customer.id).await?,
            Some(order) => at.sandbox.subscriptions_in(&order).await?,
        };
        let is_wanted = |subscription: &KnownSubscription| {
            reseller.as_ref().is_none_or(|reseller| subscription.reseller.as_ref() == Some(reseller))
        };
        let wanted = found.iter().filter(|subscription| is_wanted(subscription));
        let items: Vec<_> = wanted.map(|subscription| SubscriptionBody::of(subscription, shown(&at, tenant))).collect();
        Ok(Answer::ok(&Collection::bare(items)))
    })
    .await
}

/// `GET .../subscriptions/{subscription}`
pub(super) async fn get(State(_): State<Arc<Faces>>, Path((customer, id)): Ids, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |at| async move {
        let (_, tenant, found) = find(&at, &customer, &id).await?;
        Ok(Answer::ok(&SubscriptionBody::of(&found, shown(&at, tenant))).about(found.id))
    })
    .await
}

/// `PATCH .../subscriptions/{subscription}`
pub(super) async fn change(State(_): State<Arc<Faces>>, Path((customer, id)): Ids, call: Call) -> Response {
    call.answer(Needs::right(Right::ManageSubscriptions), |at| async move {
        let (customer, tenant, found) = find(&at, &customer, &id).await?;
        let value = at.call.json()?;
        let body = object(&value)?;
        let edition = edition(&at, body, found.id)?;
        let wish = wish(&at, body, &found)?;
        let changed = at.acts().change_for_partner(customer.id.clone(), found.id, edition, wish).await;
        let changed = changed.map_err(|error| at.named(error, &customer, Some(&found.offer)))?;
        if changed.waits_for.is_some() {
            let location = format!("/customers/{tenant}/subscriptions/{}", found.id);
            return Ok(Answer::accepted(location).about(found.id));
        }
        let after = at.sandbox.subscription_for(&customer.id, found.id).await?;
        Ok(Answer::ok(&SubscriptionBody::of(&after, shown(&at, tenant))).about(found.id))
    })
    .await
}

/// The edition that the caller has read: of `If-Match`, or of the body. An empty one says nothing, as the documented
/// sample has it (docs:cancel-an-azure-marketplace-subscription).
fn edition(at: &At, body: Body<'_>, id: SubscriptionId) -> Result<Option<u64>, Problem> {
    let of_header = at.call.headers.get(header::IF_MATCH).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
    let of_body = match body.object("attributes")? {
        Some(attributes) => attributes.text("etag")?,
        None => None,
    };
    let says_something = |etag: &String| !matches!(etag.trim().trim_matches('"'), "" | "*");
    match of_header.filter(says_something).or_else(|| of_body.filter(says_something)) {
        None => Ok(None),
        Some(etag) => edition_of(&etag, id).map(Some).ok_or_else(|| Refusal::Stale.into()),
    }
}

/// What the caller wants otherwise. The body is the whole resource as it was read, with what shall change; one that leaves
/// `autoRenewEnabled` out switches it off (docs23:update-a-subscription-by-id).
fn wish(at: &At, body: Body<'_>, found: &KnownSubscription) -> Result<PartnerWish, Problem> {
    if let Some(id) = body.text("id")?
        && !id.eq_ignore_ascii_case(&found.id.to_string())
    {
        return Err(Problem::Field("id is another subscription's".to_owned()));
    }
    let every = found.payment.as_ref().unwrap_or(&found.term_unit);
    let cycle = if found.free_trial { BillingCycle::None } else { BillingCycle::every(every) };
    if let Some(asked) = body.text("billingCycle")?
        && BillingCycle::named(&asked) != Some(cycle)
    {
        return Err(Problem::BillingCycleFixed);
    }
    let present = status_of(found, at.rules());
    let status = match body.text("status")? {
        None => None,
        Some(status) if status.eq_ignore_ascii_case(present) => None,
        Some(status) => match status.to_ascii_lowercase().as_str() {
            "deleted" => Some(StatusWish::Deleted),
            "suspended" => Some(StatusWish::Suspended),
            "active" => Some(StatusWish::Active),
            _ => return Err(Problem::Status(status)),
        },
    };
    let reseller = match body.text("partnerId")? {
        None => None,
        Some(text) if text.trim().is_empty() => Some(None),
        Some(text) => {
            let bad = |_| Problem::Field("partnerId is not an MPN id".to_owned());
            Some(Some(text.trim().parse().map_err(bad)?))
        }
    };
    let auto_renew = body.flag("autoRenewEnabled")?;
    let is_active = matches!(found.state.status(), Status::Subscribed | Status::Suspended);
    let nickname = body.text("friendlyName")?.filter(|name| !name.trim().is_empty());
    // A cancellation says `autoRenewEnabled: false` as well, and means the cancellation.
    let auto_renew = match status {
        Some(StatusWish::Deleted) => None,
        _ => auto_renew.or_else(|| (is_active && found.auto_renew).then_some(false)),
    };
    Ok(PartnerWish { nickname, reseller, auto_renew, quantity: body.number("quantity")?, status })
}

/// `GET .../subscriptions/{subscription}/activationlinks`
pub(super) async fn activation_links(State(_): State<Arc<Faces>>, Path((customer, id)): Ids, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |at| async move {
        let (customer, _, found) = find(&at, &customer, &id).await?;
        let line = found.order.map_or(0, |place| place.line);
        let items = activation_link(&at, &customer, &found, line).await?;
        Ok(Answer::ok(&Collection::at(at.call.link(), items.into_iter().collect())).about(found.id))
    })
    .await
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Activation {
    subscription_id: String,
    status: &'static str,
}

/// `POST .../subscriptions/{subscription}/activate`, in an integration sandbox (docs:activate-sandbox-subscription-...).
/// There is no publisher in it, so its licences count as assigned too.
pub(super) async fn activate(State(_): State<Arc<Faces>>, Path((customer, id)): Ids, call: Call) -> Response {
    call.answer(Needs::right(Right::ManageSubscriptions), |at| async move {
        let (_, _, found) = find(&at, &customer, &id).await?;
        if !at.is_sandbox() {
            return Err(Problem::SandboxOnly);
        }
        match found.state.status() {
            Status::PendingFulfillmentStart => {}
            Status::Subscribed | Status::Suspended => return Err(Problem::AlreadyActivated),
            status @ Status::Unsubscribed => {
                return Err(Refusal::NotInStatus { status, action: "activation" }.into());
            }
        }
        at.acts().activate_in_sandbox(found.id).await?;
        Ok(Answer::ok(&Activation { subscription_id: found.id.to_string(), status: "Success" }).about(found.id))
    })
    .await
}

/// `GET .../provisioningstatus`: it is about Microsoft's own licences (section 7.5, inferred).
pub(super) async fn provisioning(State(_): State<Arc<Faces>>, Path((customer, id)): Ids, call: Call) -> Response {
    call.answer(Needs::person(Right::ManageSubscriptions), |at| async move {
        find(&at, &customer, &id).await?;
        Err(Problem::NotProvisioned)
    })
    .await
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Registration {
    subscription_id: String,
    status: &'static str,
    attributes: Attributes,
}

/// `GET .../registrationstatus`: SaaS is never registered (section 7.5).
pub(super) async fn registration(State(_): State<Arc<Faces>>, Path((customer, id)): Ids, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |at| async move {
        let (_, _, found) = find(&at, &customer, &id).await?;
        Ok(Answer::ok(&Registration {
            subscription_id: found.id.to_string(),
            status: "notregistered",
            attributes: Attributes::of("SubscriptionRegistrationStatus"),
        }))
    })
    .await
}

/// `POST .../registrations`: only Azure subscriptions are registered.
pub(super) async fn register(State(_): State<Arc<Faces>>, Path((customer, id)): Ids, call: Call) -> Response {
    call.answer(Needs::right(Right::ManageSubscriptions), |at| async move {
        find(&at, &customer, &id).await?;
        Err(Problem::NotSupported)
    })
    .await
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SupportContact {
    support_tenant_id: String,
    support_mpn_id: String,
    name: String,
    links: PageLinks,
    attributes: Attributes,
}

/// `GET .../supportcontact`: the indirect reseller of record, or the partner itself.
pub(super) async fn support_contact(State(_): State<Arc<Faces>>, Path((customer, id)): Ids, call: Call) -> Response {
    call.answer(Needs::person(Right::SeeCustomers), |at| async move {
        let (_, tenant, found) = find(&at, &customer, &id).await?;
        let reseller = found.reseller.as_ref().and_then(|id| at.partner.reseller(id));
        let (mpn_id, name) = reseller.map_or((&at.partner.mpn_id, &at.partner.name), |it| (&it.mpn_id, &it.name));
        Ok(Answer::ok(&SupportContact {
            support_tenant_id: at.partner.app.tenant_id.to_string(),
            support_mpn_id: mpn_id.to_string(),
            name: name.clone(),
            links: PageLinks::own(format!("/customers/{tenant}/subscriptions/{}/supportcontact", found.id)),
            attributes: Attributes::of("SupportContact"),
        }))
    })
    .await
}

/// `PUT .../supportcontact`: another contact than the reseller of record is not simulated.
pub(super) async fn set_support_contact(
    State(_): State<Arc<Faces>>,
    Path((customer, id)): Ids,
    call: Call,
) -> Response {
    call.answer(Needs::person(Right::ManageSubscriptions), |at| async move {
        find(&at, &customer, &id).await?;
        Err(Problem::NotSupported)
    })
    .await
}

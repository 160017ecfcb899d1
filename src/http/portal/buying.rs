//! Buying: pick term and licenses, review, buy. Between picking and buying there is a cart, as in the API.

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
    products::is_for,
};
use crate::{
    app::AppError,
    domain::{
        cart::{Cart, CartErrorCode, CartWish},
        catalogue::{Offer, Plan, Pricing},
        customer::Customer,
        ids::{CartId, OfferId, TenantId},
        money::Decimal,
        order::OrderClient,
        partner::Right,
        product::CatalogItemId,
        refusal::Refusal,
        subscription::NAME_CHARACTERS,
        time::TermUnit,
    },
    http::{page::page, words::sentence},
};

#[derive(Template)]
#[template(path = "portal/buy.html")]
struct BuyPage {
    frame: Frame,
    customer: CustomerHead,
    product: String,
    publisher: String,
    plan: String,
    description: String,
    is_per_seat: bool,
    terms: Vec<Choice>,
    resellers: Vec<Choice>,
    form: PickForm,
    /// The field that is wrong, and why.
    problem: Option<(&'static str, String)>,
}

impl BuyPage {
    fn error(&self, field: &str) -> Option<&str> {
        self.problem.as_ref().filter(|(name, _)| *name == field).map(|(_, why)| why.as_str())
    }
}

/// Something to choose.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) chosen: bool,
}

/// Which plan.
#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    item: String,
}

/// What was picked, as it was typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PickForm {
    item: String,
    term: String,
    quantity: String,
    nickname: String,
    reseller: String,
}

/// `GET .../buy?item=`
pub(super) async fn form(
    visit: Visit,
    Path(customer): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PortalError> {
    let (customer, tenant) = visit.customer(&customer).await?;
    visit.needs(Right::Buy)?;
    let reseller = customer.reseller.as_ref().map(ToString::to_string).unwrap_or_default();
    let form = PickForm { item: wanted.item, reseller, ..PickForm::default() };
    Ok(page(StatusCode::OK, &BuyPage::of(&visit, &customer, tenant, form, None)?))
}

/// `POST .../buy`: makes a cart of it.
pub(super) async fn add(
    visit: Visit,
    Path(customer): Path<String>,
    Form(form): Form<PickForm>,
) -> Result<Response, PortalError> {
    let (customer, tenant) = visit.customer(&customer).await?;
    visit.needs(Right::Buy)?;
    let (_, plan) = find(&visit, &customer, &form.item)?;
    let is_per_seat = matches!(plan.pricing, Pricing::PerUser { .. });
    let quantity = match form.quantity.trim().parse::<i64>() {
        Ok(quantity) => quantity,
        Err(_) if !is_per_seat => 1,
        Err(_) => {
            let problem = Some(("quantity", "Enter the number of licenses, a whole number.".to_owned()));
            let again = BuyPage::of(&visit, &customer, tenant, form, problem)?;
            return Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &again));
        }
    };
    let given = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let (term_duration, renews_to) =
        if plan.free_trial { (Some("P1M".to_owned()), given(&form.term)) } else { (given(&form.term), None) };
    let wish = CartWish {
        id: None,
        catalog_item_id: form.item.clone(),
        friendly_name: given(&form.nickname),
        quantity,
        billing_cycle: None,
        term_duration,
        renews_to,
        reseller: given(&form.reseller),
    };
    let cart = visit.sandbox.create_cart(customer.id.clone(), vec![wish], None).await;
    let cart = cart.map_err(|error| visit.failed(&error))?;
    if let Some(error) = cart.lines.iter().find_map(|line| line.error.clone()) {
        let is_name = form.nickname.trim().chars().count() > NAME_CHARACTERS;
        let field = match error.code {
            CartErrorCode::InvalidInput if is_name => "nickname",
            CartErrorCode::BillingPlanNotSupported => "term",
            CartErrorCode::ParticipantsIsNotSupportedForPartner => "reseller",
            CartErrorCode::CatalogItemIdIsNotValid => "item",
            _ => "quantity",
        };
        let again = BuyPage::of(&visit, &customer, tenant, form, Some((field, sentence(&error.description))))?;
        return Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &again));
    }
    Ok(Redirect::to(&format!("/partner/customers/{tenant}/carts/{}", cart.id)).into_response())
}

fn find<'a>(visit: &'a Visit, customer: &Customer, item: &str) -> Result<(&'a Offer, &'a Plan), PortalError> {
    let item: Option<CatalogItemId> = item.parse().ok();
    let found = item.and_then(|item| visit.sandbox.catalogue().item(&item));
    let found = found.filter(|(_, plan)| is_for(plan, customer));
    found.ok_or_else(|| visit.not_found("There is no such plan for this customer.", "Choose one of its products."))
}

impl BuyPage {
    fn of(
        visit: &Visit,
        customer: &Customer,
        tenant: TenantId,
        form: PickForm,
        problem: Option<(&'static str, String)>,
    ) -> Result<Self, PortalError> {
        let (offer, plan) = find(visit, customer, &form.item)?;
        let publisher = visit.sandbox.catalogue().publisher(&offer.publisher);
        let terms = plan.terms.iter().map(|term| Choice {
            value: term.unit.to_string(),
            label: match &term.payment {
                None => format!("One {}, {}", term.unit.words(), term.price),
                Some(payment) => {
                    format!("{}, {} each {}", term.unit.words(), term.price, payment.words())
                }
            },
            chosen: form.term == term.unit.as_str(),
        });
        let resellers = visit.partner.resellers.iter().map(|reseller| Choice {
            value: reseller.mpn_id.to_string(),
            label: format!("{} ({})", reseller.name, reseller.mpn_id),
            chosen: form.reseller == reseller.mpn_id.as_str(),
        });
        Ok(Self {
            frame: visit
                .frame("customers", format!("{}Buy {}", if problem.is_some() { "Error: " } else { "" }, offer.name)),
            customer: CustomerHead::of(&customer.name, tenant, ""),
            product: offer.name.clone(),
            publisher: publisher.map_or_else(String::new, |publisher| publisher.name.clone()),
            plan: plan.name.clone(),
            description: plan.description.clone(),
            is_per_seat: matches!(plan.pricing, Pricing::PerUser { .. }),
            terms: terms.collect(),
            resellers: resellers.collect(),
            form,
            problem,
        })
    }
}

#[derive(Template)]
#[template(path = "portal/review.html")]
struct ReviewPage {
    frame: Frame,
    customer: CustomerHead,
    cart: String,
    lines: Vec<ReviewLine>,
    total: Option<String>,
    needs_agreement: bool,
    may_confirm: bool,
    problem: Option<String>,
}

struct ReviewLine {
    product: String,
    nickname: Option<String>,
    quantity: i64,
    term: String,
    price: String,
    reseller: Option<String>,
}

/// `GET .../carts/{cart}`
pub(super) async fn review(
    visit: Visit,
    Path((customer, cart)): Path<(String, String)>,
) -> Result<Response, PortalError> {
    let (customer, tenant) = visit.customer(&customer).await?;
    visit.needs(Right::Buy)?;
    let cart = load(&visit, &customer, &cart).await?;
    if let Some(order) = cart.orders.as_ref().and_then(|orders| orders.first()) {
        return Ok(Redirect::to(&format!("/partner/customers/{tenant}/orders/{order}")).into_response());
    }
    Ok(page(StatusCode::OK, &ReviewPage::of(&visit, &customer, tenant, &cart, None)))
}

/// `POST .../carts/{cart}`: buys what is in it. Sent twice, it buys once.
pub(super) async fn buy(visit: Visit, Path((customer, cart)): Path<(String, String)>) -> Result<Response, PortalError> {
    let (customer, tenant) = visit.customer(&customer).await?;
    visit.needs(Right::Buy)?;
    let cart = load(&visit, &customer, &cart).await?;
    let placed = visit.acts().check_out(customer.id.clone(), cart.id, OrderClient::Web, None).await;
    let order = match placed {
        Ok(placed) => placed.orders.first().map(|order| order.id),
        Err(AppError::Refused(Refusal::CartSubmitted(_))) => {
            load(&visit, &customer, &cart.id.to_string()).await?.orders.and_then(|orders| orders.first().copied())
        }
        Err(AppError::Refused(refusal)) => {
            let problem = Some(visit.told(&refusal, &customer, offer_of(&visit, &cart)));
            return Ok(page(
                StatusCode::UNPROCESSABLE_ENTITY,
                &ReviewPage::of(&visit, &customer, tenant, &cart, problem),
            ));
        }
        Err(error) => return Err(visit.failed(&error)),
    };
    let root = format!("/partner/customers/{tenant}");
    Ok(Redirect::to(&order.map_or_else(|| root.clone(), |order| format!("{root}/orders/{order}"))).into_response())
}

/// The offer that a cart is about, if it is about one.
fn offer_of<'a>(visit: &'a Visit, cart: &Cart) -> Option<&'a OfferId> {
    let [line] = cart.lines.as_slice() else { return None };
    let (offer, _) = visit.sandbox.catalogue().item(&line.wish.catalog_item_id.parse().ok()?)?;
    Some(&offer.id)
}

async fn load(visit: &Visit, customer: &Customer, cart: &str) -> Result<Cart, PortalError> {
    let id: Option<CartId> = cart.parse().ok();
    let id = id.ok_or_else(|| visit.not_found("There is no such cart.", "Choose a product again."))?;
    visit.sandbox.cart(&customer.id, id).await.map_err(|error| visit.failed(&error))
}

impl ReviewPage {
    fn of(visit: &Visit, customer: &Customer, tenant: TenantId, cart: &Cart, problem: Option<String>) -> Self {
        let catalogue = visit.sandbox.catalogue();
        let mut total = Decimal::ZERO;
        let mut currency = None;
        let lines = cart.lines.iter().filter_map(|line| {
            let wish = &line.wish;
            let (offer, plan) = catalogue.item(&wish.catalog_item_id.parse().ok()?)?;
            let unit = wish.renews_to.as_ref().or(wish.term_duration.as_ref());
            let term = match unit {
                Some(unit) => plan.term(&TermUnit::from(unit.clone())),
                None => plan.terms.first(),
            }?;
            let price = term.price.times(wish.quantity)?;
            currency = Some(price.currency);
            if !plan.free_trial {
                total = total.saturating_add(price.amount);
            }
            let every = term.payment.as_ref().unwrap_or(&term.unit).words();
            Some(ReviewLine {
                product: format!("{} - {}", offer.name, plan.name),
                nickname: wish.friendly_name.clone(),
                quantity: wish.quantity,
                term: term.unit.words(),
                price: if plan.free_trial {
                    format!("free for a month, then {price} per {every}")
                } else {
                    format!("{price} per {every}")
                },
                reseller: wish.reseller.clone(),
            })
        });
        let lines: Vec<ReviewLine> = lines.collect();
        Self {
            frame: visit.frame("customers", "Review"),
            customer: CustomerHead::of(&customer.name, tenant, ""),
            cart: format!("/partner/customers/{tenant}/carts/{}", cart.id),
            total: currency.map(|currency| format!("{total} {}", currency.code())),
            lines,
            needs_agreement: customer.agreement.is_none(),
            may_confirm: visit.may(Right::ConfirmAgreements),
            problem,
        }
    }
}

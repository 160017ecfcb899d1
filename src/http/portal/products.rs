//! What a customer can be sold: offers of its market, and the private plans that are meant for it.

use askama::Template;
use axum::{extract::Path, http::StatusCode, response::Response};

use super::{
    customers::CustomerHead,
    frame::{Frame, PortalError, Visit},
};
use crate::{
    domain::{
        catalogue::{Offer, Plan, Pricing, Seats},
        customer::Customer,
        partner::Right,
        product::CatalogItemId,
    },
    http::page::page,
};

#[derive(Template)]
#[template(path = "portal/products.html")]
struct ProductsPage {
    frame: Frame,
    customer: CustomerHead,
    products: Vec<ProductCard>,
}

struct ProductCard {
    name: String,
    publisher: String,
    description: String,
    plans: Vec<PlanRow>,
}

struct PlanRow {
    id: String,
    name: String,
    description: String,
    prices: Vec<String>,
    notes: String,
    href: String,
}

/// `GET .../products`
pub(super) async fn list(visit: Visit, Path(customer): Path<String>) -> Result<Response, PortalError> {
    let (customer, tenant) = visit.customer(&customer).await?;
    visit.needs(Right::Buy)?;
    let catalogue = visit.sandbox.catalogue();
    let root = format!("/partner/customers/{tenant}");
    let products = catalogue.offers.iter().filter_map(|offer| {
        let plans = offer.plans.iter().filter(|plan| is_for(plan, &customer));
        let plans: Vec<PlanRow> = plans.map(|plan| PlanRow::of(offer, plan, &root)).collect();
        let publisher = catalogue.publisher(&offer.publisher).map_or_else(String::new, |it| it.name.clone());
        let (name, description) = (offer.name.clone(), offer.description.clone());
        (!plans.is_empty()).then_some(ProductCard { name, publisher, description, plans })
    });
    let page_of = ProductsPage {
        frame: visit.frame("customers", format!("{}: add product", customer.name)),
        customer: CustomerHead::of(&customer.name, tenant, ""),
        products: products.collect(),
    };
    Ok(page(StatusCode::OK, &page_of))
}

/// Whether a plan is sold to a customer.
pub(super) fn is_for(plan: &Plan, customer: &Customer) -> bool {
    plan.market == customer.address.country
        && !plan.stop_sell
        && customer.tenant_id().is_some_and(|tenant| plan.is_open_to(tenant))
}

impl PlanRow {
    fn of(offer: &Offer, plan: &Plan, root: &str) -> Self {
        let item = CatalogItemId::of(offer, plan).to_string();
        Self {
            id: format!("{}-{}", offer.id, plan.id),
            name: plan.name.clone(),
            description: plan.description.clone(),
            prices: prices(plan),
            notes: notes(plan).join(" · "),
            href: format!("{root}/buy?item={item}"),
        }
    }
}

/// What each term costs.
fn prices(plan: &Plan) -> Vec<String> {
    let per = if matches!(plan.pricing, Pricing::PerUser { .. }) { "license and " } else { "" };
    let price = |term: &crate::domain::catalogue::TermPrice| match &term.payment {
        None => format!("{} per {per}{}", term.price, term.unit.words()),
        Some(payment) => format!("{} per {per}{}, for {}", term.price, payment.words(), term.unit.words()),
    };
    plan.terms.iter().map(price).collect()
}

fn notes(plan: &Plan) -> Vec<String> {
    let seats = match plan.pricing {
        Pricing::FlatRate => Some("flat rate".to_owned()),
        Pricing::PerUser { min: None, max: None } => None,
        Pricing::PerUser { min, max: Some(max) } => Some(format!("{} to {max} licenses", min.map_or(1, Seats::get))),
        Pricing::PerUser { min: Some(min), max: None } => Some(format!("{min} licenses or more")),
    };
    let notes = [
        seats,
        plan.free_trial.then(|| "first month free".to_owned()),
        (!plan.dimensions.is_empty()).then(|| "metered".to_owned()),
        plan.private_to.is_some().then(|| "exclusive".to_owned()),
    ];
    notes.into_iter().flatten().collect()
}

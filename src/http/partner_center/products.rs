//! What can be bought: products, SKUs and availabilities, for a country or for a customer (section 4: E10 to E16).

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::{Path, State},
    response::Response,
};

use super::{
    call::{Answer, At, Call, Needs},
    problem::Problem,
};
use crate::{
    domain::{
        catalogue::{Catalogue, Offer, Plan},
        customer::Customer,
        partner::Right,
        product,
    },
    http::faces::Faces,
    wire::partner_center::{AvailabilityBody, Collection, ProductBody, SkuBody},
};

/// The names in the path.
type Names = BTreeMap<String, String>;

/// Views in which third-party SaaS is found: its own since 2022, `OnlineServices` and `Azure` before (section 4.1).
const VIEWS: [&str; 3] = ["MarketplaceSaaS", "OnlineServices", "Azure"];
/// Views of other products: there is nothing in them here.
const OTHER_VIEWS: [&str; 10] = [
    "AzureReservations",
    "AzureReservationsVM",
    "AzureReservationsSQL",
    "AzureReservationsCosmosDb",
    "MicrosoftAzure",
    "Software",
    "SoftwareSUSELinux",
    "SoftwarePerpetual",
    "SoftwareSubscriptions",
    "SpecializedOffers",
];
const SEGMENTS: [&str; 4] = ["commercial", "education", "government", "nonprofit"];

/// For whom products are looked at.
struct Market {
    country: String,
    customer: Option<Customer>,
}

impl Market {
    async fn of(at: &At, names: &Names) -> Result<Self, Problem> {
        if let Some(segment) = at.call.parameter("targetSegment")
            && !SEGMENTS.iter().any(|known| known.eq_ignore_ascii_case(segment))
        {
            return Err(Problem::Segment);
        }
        if let Some(customer) = names.get("customer") {
            let (customer, _) = at.customer(customer).await?;
            return Ok(Self { country: customer.address.country.clone(), customer: Some(customer) });
        }
        let country = at.call.parameter("country").filter(|country| country.len() == 2);
        let country = country.ok_or(Problem::Parameter("country"))?;
        Ok(Self { country: country.to_uppercase(), customer: None })
    }

    /// The plans that are seen there: of the country, and open to the customer; a private one only by its customers.
    fn plans<'a>(&'a self, offer: &'a Offer) -> impl Iterator<Item = &'a Plan> {
        let tenant = self.customer.as_ref().and_then(Customer::tenant_id);
        offer.plans.iter().filter(move |plan| {
            plan.market == self.country
                && !plan.stop_sell
                && tenant.map_or_else(|| plan.private_to.is_none(), |tenant| plan.is_open_to(tenant))
        })
    }

    fn offer<'a>(&self, catalogue: &'a Catalogue, names: &Names) -> Result<&'a Offer, Problem> {
        let id = names.get("product").map_or("", String::as_str);
        let offer = catalogue.product(id).ok_or(Problem::UnknownProduct)?;
        if self.plans(offer).next().is_some() { Ok(offer) } else { Err(Problem::UnknownProduct) }
    }

    fn plan<'a>(&self, offer: &'a Offer, names: &Names) -> Result<&'a Plan, Problem> {
        let plan = product::sku(offer, names.get("sku").map_or("", String::as_str)).ok_or(Problem::UnknownSku)?;
        if self.plans(offer).any(|seen| seen.id == plan.id) { Ok(plan) } else { Err(Problem::UnknownSku) }
    }
}

fn publisher<'a>(catalogue: &'a Catalogue, offer: &Offer) -> &'a str {
    catalogue.publisher(&offer.publisher).map_or("", |publisher| publisher.name.as_str())
}

/// `GET .../products`
pub(super) async fn list(State(_): State<Arc<Faces>>, Path(names): Path<Names>, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |at| async move {
        let market = Market::of(&at, &names).await?;
        let view = at.call.parameter("targetView").ok_or(Problem::Parameter("targetView"))?;
        let has = |views: &[&str]| views.iter().any(|known| known.eq_ignore_ascii_case(view));
        if !has(&VIEWS) && !has(&OTHER_VIEWS) {
            return Err(Problem::View);
        }
        let catalogue = at.sandbox.catalogue();
        let offers = catalogue.offers.iter().filter(|offer| has(&VIEWS) && market.plans(offer).next().is_some());
        let items: Vec<_> = offers
            .map(|offer| ProductBody::of(offer, publisher(catalogue, offer), &market.country, market.customer.as_ref()))
            .collect();
        Ok(Answer::of_catalogue(&Collection::at(at.call.link(), items)))
    })
    .await
}

/// `GET .../products/{product}`
pub(super) async fn get(State(_): State<Arc<Faces>>, Path(names): Path<Names>, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |at| async move {
        let market = Market::of(&at, &names).await?;
        let catalogue = at.sandbox.catalogue();
        let offer = market.offer(catalogue, &names)?;
        let name = publisher(catalogue, offer);
        Ok(Answer::of_catalogue(&ProductBody::of(offer, name, &market.country, market.customer.as_ref())))
    })
    .await
}

/// `GET .../skus`
pub(super) async fn skus(State(_): State<Arc<Faces>>, Path(names): Path<Names>, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |at| async move {
        let market = Market::of(&at, &names).await?;
        let offer = market.offer(at.sandbox.catalogue(), &names)?;
        let plans = market.plans(offer);
        let items: Vec<_> =
            plans.map(|plan| SkuBody::of(offer, plan, &market.country, market.customer.as_ref())).collect();
        Ok(Answer::of_catalogue(&Collection::at(at.call.link(), items)))
    })
    .await
}

/// `GET .../skus/{sku}`
pub(super) async fn sku(State(_): State<Arc<Faces>>, Path(names): Path<Names>, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |at| async move {
        let market = Market::of(&at, &names).await?;
        let offer = market.offer(at.sandbox.catalogue(), &names)?;
        let plan = market.plan(offer, &names)?;
        Ok(Answer::of_catalogue(&SkuBody::of(offer, plan, &market.country, market.customer.as_ref())))
    })
    .await
}

/// `GET .../availabilities`
pub(super) async fn availabilities(State(_): State<Arc<Faces>>, Path(names): Path<Names>, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |at| async move {
        let market = Market::of(&at, &names).await?;
        let catalogue = at.sandbox.catalogue();
        let offer = market.offer(catalogue, &names)?;
        let plan = market.plan(offer, &names)?;
        let window = at.rules().refund_window;
        let item = AvailabilityBody::of(offer, plan, publisher(catalogue, offer), market.customer.as_ref(), window);
        Ok(Answer::of_catalogue(&Collection::at(at.call.link(), vec![item])))
    })
    .await
}

/// `GET .../availabilities/{availability}`
pub(super) async fn availability(State(_): State<Arc<Faces>>, Path(names): Path<Names>, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |at| async move {
        let market = Market::of(&at, &names).await?;
        let catalogue = at.sandbox.catalogue();
        let offer = market.offer(catalogue, &names)?;
        let plan = market.plan(offer, &names)?;
        let asked = names.get("availability").map_or("", String::as_str);
        if !product::availability_id(offer, plan).eq_ignore_ascii_case(asked) {
            return Err(Problem::UnknownAvailability);
        }
        let window = at.rules().refund_window;
        let name = publisher(catalogue, offer);
        Ok(Answer::of_catalogue(&AvailabilityBody::of(offer, plan, name, market.customer.as_ref(), window)))
    })
    .await
}

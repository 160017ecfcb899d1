//! Partner Center's face for programs: its REST API on its exact paths.
//!
//! | route | what |
//! | --- | --- |
//! | `/v1/customers`, `/v1/customers/{customer}` | the partner's customers |
//! | `/v1/agreements`, `/v1/customers/{customer}/agreements` | what customers have to accept, and have accepted |
//! | `/v1/products...`, `/v1/customers/{customer}/products...` | what can be bought |
//! | `/v1/customers/{customer}/carts...`, `.../orders...` | buying |
//! | `.../activationlinks` | the personalized link, by order line item, by order, by subscription |
//! | `/v1/customers/{customer}/subscriptions...` | what was bought |
//! | `/v1/invoices...` | what it costs |
//! | `/v1/auditrecords...` | who did what |
//! | `/webhooks/v1/registration...` | telling a partner's own program |

mod agreements;
mod audit;
mod call;
mod carts;
mod customers;
mod invoices;
mod orders;
mod problem;
mod products;
mod subscriptions;
mod webhooks;

use std::sync::Arc;

use axum::{
    Router,
    middleware::from_fn,
    routing::{any, get, post, put},
};

use super::faces::Faces;

/// The routes. Paths are in lower case: [`super::paths`] has folded them before.
pub fn router(faces: Arc<Faces>) -> Router {
    let missing = || any(call::not_found);
    Router::new()
        .merge(of_customers())
        .merge(of_the_catalogue())
        .merge(of_purchases())
        .merge(of_subscriptions())
        .merge(of_invoices())
        .merge(of_activity())
        .merge(of_webhooks())
        .route("/v1/{*rest}", missing())
        .route("/webhooks/v1/{*rest}", missing())
        .layer(from_fn(call::with_a_fault))
        .with_state(faces)
}

fn of_customers() -> Router<Arc<Faces>> {
    Router::new()
        .route("/v1/customers", get(customers::list).post(customers::create).fallback(call::other_method))
        .route("/v1/customers/{customer}", get(customers::get).delete(customers::delete).fallback(call::other_method))
        .route("/v1/customers/{customer}/profiles/company", get(customers::company).fallback(call::other_method))
        .route("/v1/customers/{customer}/profiles/billing", get(customers::billing).fallback(call::other_method))
        .route("/v1/customers/{customer}/relationships", get(customers::relationships).fallback(call::other_method))
        .route("/v1/profiles/mpn", get(customers::mpn_profile).fallback(call::other_method))
        .route("/v1/agreements", get(agreements::templates).fallback(call::other_method))
        .route(
            "/v1/customers/{customer}/agreements",
            get(agreements::list).post(agreements::confirm).fallback(call::other_method),
        )
        .route(
            "/v1/customers/{customer}/directsignedmicrosoftcustomeragreementstatus",
            get(agreements::direct_signed).fallback(call::other_method),
        )
}

fn of_the_catalogue() -> Router<Arc<Faces>> {
    let mut router = Router::new();
    // The pages' tables say POST for a customer's products, their examples and the SDK GET (E16): both are taken.
    for root in ["/v1", "/v1/customers/{customer}"] {
        router = router
            .route(&format!("{root}/products"), get(products::list).post(products::list).fallback(call::other_method))
            .route(&format!("{root}/products/{{product}}"), get(products::get).fallback(call::other_method))
            .route(&format!("{root}/products/{{product}}/skus"), get(products::skus).fallback(call::other_method))
            .route(
                &format!("{root}/products/{{product}}/skus/{{sku}}"),
                get(products::sku).fallback(call::other_method),
            )
            .route(
                &format!("{root}/products/{{product}}/skus/{{sku}}/availabilities"),
                get(products::availabilities).fallback(call::other_method),
            )
            .route(
                &format!("{root}/products/{{product}}/skus/{{sku}}/availabilities/{{availability}}"),
                get(products::availability).fallback(call::other_method),
            );
    }
    router
}

fn of_purchases() -> Router<Arc<Faces>> {
    Router::new()
        .route("/v1/customers/{customer}/carts", post(carts::create).fallback(call::other_method))
        .route("/v1/customers/{customer}/carts/{cart}", get(carts::get).put(carts::update).fallback(call::other_method))
        .route("/v1/customers/{customer}/carts/{cart}/checkout", post(carts::check_out).fallback(call::other_method))
        .route("/v1/customers/{customer}/orders", get(orders::list).post(orders::create).fallback(call::other_method))
        .route(
            "/v1/customers/{customer}/orders/{order}",
            get(orders::get).patch(orders::cancel).fallback(call::other_method),
        )
        .route(
            "/v1/customers/{customer}/orders/{order}/provisioningstatus",
            get(orders::provisioning).fallback(call::other_method),
        )
        .route(
            "/v1/customers/{customer}/orders/{order}/activationlinks",
            get(orders::activation_links).fallback(call::other_method),
        )
        .route(
            "/v1/customers/{customer}/orders/{order}/lineitems/{line}/activationlinks",
            get(orders::activation_links_of_line).fallback(call::other_method),
        )
}

fn of_subscriptions() -> Router<Arc<Faces>> {
    let one = "/v1/customers/{customer}/subscriptions/{subscription}";
    Router::new()
        .route("/v1/customers/{customer}/subscriptions", get(subscriptions::list).fallback(call::other_method))
        .route(one, get(subscriptions::get).patch(subscriptions::change).fallback(call::other_method))
        .route(&format!("{one}/activationlinks"), get(subscriptions::activation_links).fallback(call::other_method))
        .route(&format!("{one}/activate"), post(subscriptions::activate).fallback(call::other_method))
        .route(&format!("{one}/provisioningstatus"), get(subscriptions::provisioning).fallback(call::other_method))
        .route(&format!("{one}/registrationstatus"), get(subscriptions::registration).fallback(call::other_method))
        .route(&format!("{one}/registrations"), post(subscriptions::register).fallback(call::other_method))
        .route(
            &format!("{one}/supportcontact"),
            get(subscriptions::support_contact)
                .merge(put(subscriptions::set_support_contact))
                .fallback(call::other_method),
        )
}

fn of_activity() -> Router<Arc<Faces>> {
    Router::new()
        .route("/v1/auditrecords", get(audit::list).fallback(call::other_method))
        .route("/v1/auditrecords/{id}", get(audit::get).fallback(call::other_method))
}

fn of_webhooks() -> Router<Arc<Faces>> {
    let registration = "/webhooks/v1/registration";
    Router::new()
        .route(
            registration,
            get(webhooks::get).post(webhooks::register).put(webhooks::update).fallback(call::other_method),
        )
        .route(&format!("{registration}/events"), get(webhooks::events).fallback(call::other_method))
        .route(&format!("{registration}/validationevents"), post(webhooks::test).fallback(call::other_method))
        .route(
            &format!("{registration}/validationevents/{{id}}"),
            get(webhooks::test_result).fallback(call::other_method),
        )
        .route("/webhooks/v1/certificates/{file}", get(webhooks::certificate))
        // Where the `ResourceUri` of a notice leads.
        .route(
            "/webhooks/v1/customers/{customer}/subscriptions/{subscription}",
            get(subscriptions::get).fallback(call::other_method),
        )
}

fn of_invoices() -> Router<Arc<Faces>> {
    Router::new()
        .route("/v1/invoices", get(invoices::list).fallback(call::other_method))
        .route("/v1/invoices/summaries", get(invoices::summaries).fallback(call::other_method))
        .route("/v1/invoices/estimates/links", get(invoices::estimates).fallback(call::other_method))
        .route("/v1/invoices/{invoice}", get(invoices::get).fallback(call::other_method))
        .route("/v1/invoices/{invoice}/lineitems", get(invoices::lines).fallback(call::other_method))
        .route(
            "/v1/invoices/{invoice}/lineitems/{provider}/{kind}",
            get(invoices::lines_by_path).fallback(call::other_method),
        )
        .route("/v1/invoices/{invoice}/documents/statement", get(invoices::statement).fallback(call::other_method))
        .route(
            "/v1/invoices/{invoice}/receipts/{receipt}/documents/statement",
            get(invoices::receipt).fallback(call::other_method),
        )
}

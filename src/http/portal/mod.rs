//! Partner Center's face for people: the portal of one CSP partner, in the journey of its help pages.
//!
//! Everything works without JavaScript. Who looks has signed in as somebody with a role, and sees what that role may.
//!
//! | route | page |
//! | --- | --- |
//! | `/partner` | sign in as somebody of a partner |
//! | `/partner/customers` | the partner's customers |
//! | `/partner/customers/{customer}` | what a customer has: status, *Action needed*, the way to the publisher |
//! | `.../account` | who the customer is, and its agreement |
//! | `.../products`, `.../buy`, `.../carts/{cart}` | browse, pick plan and term, review |
//! | `.../orders`, `.../orders/{order}` | orders, and the confirmation with link and code |
//! | `.../subscriptions/{id}` | a subscription, and what can be changed of it |
//! | `/partner/activity` | the activity log |
//! | `/partner/invoices`, `/partner/invoices/{id}` | invoices, estimates, their files |

mod account;
mod activity;
mod buying;
mod customers;
mod frame;
mod invoices;
mod new_customer;
mod orders;
mod pager;
mod products;
mod sign_in;
mod subscription;

use std::sync::Arc;

use axum::{
    Router, middleware,
    routing::{get, post},
};

use super::{faces::Faces, same_origin};

/// The routes.
pub fn router(faces: Arc<Faces>) -> Router {
    let customer = "/partner/customers/{customer}";
    let subscription = "/partner/customers/{customer}/subscriptions/{subscription}";
    Router::new()
        .route("/partner", get(sign_in::show).post(sign_in::pick))
        .route("/partner/sign-out", post(sign_in::sign_out))
        .route("/partner/customers", get(customers::list))
        .route("/partner/customers/new", get(new_customer::show).post(new_customer::make))
        .route(customer, get(customers::subscriptions))
        .route(&format!("{customer}/account"), get(account::show).post(account::confirm))
        .route(&format!("{customer}/products"), get(products::list))
        .route(&format!("{customer}/buy"), get(buying::form).post(buying::add))
        .route(&format!("{customer}/carts/{{cart}}"), get(buying::review).post(buying::buy))
        .route(&format!("{customer}/orders"), get(orders::list))
        .route(&format!("{customer}/orders/{{order}}"), get(orders::confirmation))
        .route(subscription, get(subscription::show).post(subscription::change))
        .route(&format!("{subscription}/link"), post(subscription::fresh_link))
        .route("/partner/activity", get(activity::list))
        .route("/partner/invoices", get(invoices::list))
        .route("/partner/invoices/{invoice}", get(invoices::show))
        .route("/partner/invoices/{invoice}/reconciliation.csv", get(invoices::reconciliation))
        .route("/partner/invoices/{invoice}/statement.pdf", get(invoices::statement))
        .layer(middleware::from_fn(same_origin::refuse_cross_site))
        .with_state(faces)
}

//! Buying: the form, what was typed into it, and what is wrong with that.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Form,
    extract::{State, rejection::FormRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{Console, Here, error::ConsoleError, home};
use crate::http::words::sentence;
use crate::{
    app::AppError,
    domain::{
        catalogue::{Catalogue, Customer, Plan, Pricing, Seats},
        ids::{OfferId, PlanId},
        refusal::Refusal,
        subscription::{Buyer, PurchaseOrder},
        time::TermUnit,
    },
};

/// What was typed. Every field is text: what it means is found out here, and what was typed is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct BuyInput {
    customer: String,
    /// Offer and plan: `contoso-crm/team`.
    plan: String,
    term: String,
    quantity: String,
    pub(super) name: String,
}

/// A message per field; the field without a name stands for the whole form.
pub(super) type FieldErrors = BTreeMap<&'static str, String>;

/// The form as the page shows it.
#[derive(Debug, Clone, Default)]
pub(super) struct BuyForm {
    pub(super) input: BuyInput,
    pub(super) customers: Vec<Group>,
    pub(super) plans: Vec<Group>,
    pub(super) terms: Vec<Choice>,
    pub(super) errors: Vec<FieldError>,
}

/// What is wrong with a field, and where the field is on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldError {
    pub(super) field: &'static str,
    pub(super) message: String,
}

/// Choices that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) label: String,
    pub(super) choices: Vec<Choice>,
}

/// Something to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) chosen: bool,
    pub(super) disabled: bool,
}

/// Buys, or shows the form again.
pub(super) async fn submit(
    State(console): State<Arc<Console>>,
    here: Here,
    form: Result<Form<BuyInput>, FormRejection>,
) -> Result<Response, ConsoleError> {
    let Form(input) = form.map_err(|rejection| ConsoleError::malformed(&here.place, rejection.body_text()))?;
    let errors = match order(&input) {
        Err(errors) => errors,
        Ok(order) => match here.sandbox.purchase(order).await {
            Ok(bought) => {
                return Ok(here.back_to(&format!("/subscriptions/{}/bought", bought.id)).into_response());
            }
            Err(AppError::Refused(refusal)) => FieldErrors::from([at_field(&refusal)]),
            Err(error) => return Err(here.failed(&error)),
        },
    };
    let form = BuyForm::of(here.sandbox.catalogue(), input, errors);
    home::answer(
        &console,
        &here,
        StatusCode::UNPROCESSABLE_ENTITY,
        home::Typed { buy: Some(form), ..home::Typed::default() },
    )
    .await
}

/// Parses what was typed, and finds everything that can't be parsed at once.
fn order(input: &BuyInput) -> Result<PurchaseOrder, FieldErrors> {
    let mut errors = FieldErrors::new();
    let customer = match input.customer.as_str() {
        "" => Err("Choose the customer that the service is for.".to_owned()),
        text => text.parse().map_err(|_| format!("{text:?} is no customer of this sandbox.")),
    };
    let plan = plan(&input.plan);
    let quantity = quantity(input.quantity.trim());
    let customer = customer.map_err(|message| errors.insert("customer", message)).ok();
    let plan = plan.map_err(|message| errors.insert("plan", message)).ok();
    let quantity = quantity.map_err(|message| errors.insert("quantity", message)).ok();
    let (Some(customer), Some((offer, plan)), Some(quantity)) = (customer, plan, quantity) else { return Err(errors) };
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let term_unit = given(&input.term).map(TermUnit::from);
    Ok(PurchaseOrder {
        buyer: Buyer::OwnPartner,
        customer,
        offer,
        plan,
        term_unit,
        quantity,
        name: given(&input.name),
        reseller: None,
    })
}

fn plan(text: &str) -> Result<(OfferId, PlanId), String> {
    if text.is_empty() {
        return Err("Choose the plan to buy.".to_owned());
    }
    let unknown = || format!("{text:?} is no plan of this sandbox.");
    let (offer, plan) = text.split_once('/').ok_or_else(unknown)?;
    Ok((offer.parse().map_err(|_| unknown())?, plan.parse().map_err(|_| unknown())?))
}

fn quantity(text: &str) -> Result<Option<Seats>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let seats = text.parse::<u32>().ok().and_then(|count| Seats::try_from(count).ok());
    seats.map(Some).ok_or_else(|| format!("Write the number of seats as a whole number from 1 to {}.", u32::MAX))
}

/// The field that a refusal is about, by its name on the form.
fn at_field(refusal: &Refusal) -> (&'static str, String) {
    let field = match refusal.field() {
        Some("customer" | "partner") => "customer",
        Some("offer" | "plan") => "plan",
        Some("termUnit") => "term",
        Some("quantity") => "quantity",
        Some(_) | None => "",
    };
    (field, sentence(&refusal.to_string()))
}

impl BuyForm {
    /// The form with what was typed and what is wrong with it.
    pub(super) fn of(catalogue: &Catalogue, input: BuyInput, mut errors: FieldErrors) -> Self {
        let in_order = ["", "customer", "plan", "term", "quantity"];
        let errors =
            in_order.into_iter().filter_map(|field| Some(FieldError { field, message: errors.remove(field)? }));
        Self {
            customers: customers(catalogue, &input.customer),
            plans: plans(catalogue, &input.plan),
            terms: terms(catalogue, &input.term),
            errors: errors.collect(),
            input,
        }
    }

    /// What is wrong with a field.
    fn error(&self, field: &str) -> Option<&str> {
        self.errors.iter().find(|error| error.field == field).map(|error| error.message.as_str())
    }

    pub(super) fn customer_error(&self) -> Option<&str> {
        self.error("customer")
    }

    pub(super) fn plan_error(&self) -> Option<&str> {
        self.error("plan")
    }

    pub(super) fn term_error(&self) -> Option<&str> {
        self.error("term")
    }

    pub(super) fn quantity_error(&self) -> Option<&str> {
        self.error("quantity")
    }

    pub(super) fn quantity(&self) -> &str {
        &self.input.quantity
    }

    /// Whether there is something to buy, and somebody to buy it for.
    pub(super) fn is_possible(&self) -> bool {
        !self.customers.is_empty() && !self.plans.is_empty()
    }
}

fn customers(catalogue: &Catalogue, chosen: &str) -> Vec<Group> {
    let of = |customer: &Customer| Choice {
        value: customer.id.to_string(),
        label: format!("{} ({})", customer.name, customer.domain),
        chosen: customer.id.as_str() == chosen,
        disabled: false,
    };
    let groups = catalogue.partners.iter().map(|partner| Group {
        label: format!("Customers of {}", partner.name),
        choices: catalogue.customers.iter().filter(|customer| customer.partner == partner.id).map(of).collect(),
    });
    groups.filter(|group| !group.choices.is_empty()).collect()
}

fn plans(catalogue: &Catalogue, chosen: &str) -> Vec<Group> {
    let groups = catalogue.offers.iter().map(|offer| {
        let publisher = catalogue.publisher(&offer.publisher).map_or(offer.publisher.as_str(), |found| &found.name);
        let choices = offer.plans.iter().map(|plan| {
            let value = format!("{}/{}", offer.id, plan.id);
            Choice { chosen: value == chosen, value, label: plan_label(plan), disabled: plan.stop_sell }
        });
        Group { label: format!("{} by {publisher}", offer.name), choices: choices.collect() }
    });
    groups.collect()
}

/// A plan in one line: what it costs, for how many.
fn plan_label(plan: &Plan) -> String {
    let per_seat = if matches!(plan.pricing, Pricing::PerUser { .. }) { "seat and " } else { "" };
    let prices = plan.terms.iter().map(|term| match &term.payment {
        None => format!("{} per {per_seat}{}", term.price, term.unit.words()),
        Some(payment) => {
            format!("{} per {per_seat}{} for {}", term.price, payment.words(), term.unit.words())
        }
    });
    let mut label = format!("{}: {}", plan.name, prices.collect::<Vec<_>>().join(" or "));
    let seats = match plan.pricing {
        Pricing::FlatRate => Some("flat rate".to_owned()),
        Pricing::PerUser { min: None, max: None } => None,
        Pricing::PerUser { min, max: Some(max) } => Some(format!("{} to {max} seats", min.map_or(1, Seats::get))),
        Pricing::PerUser { min: Some(min), max: None } => Some(format!("{min} seats or more")),
    };
    let notes = [
        seats,
        plan.free_trial.then(|| "first month free".to_owned()),
        (!plan.dimensions.is_empty()).then(|| "metered".to_owned()),
        plan.private_to.is_some().then(|| "private".to_owned()),
        plan.stop_sell.then(|| "not sold any more".to_owned()),
    ];
    for note in notes.into_iter().flatten() {
        label.push_str(" · ");
        label.push_str(&note);
    }
    label
}

/// The terms that any plan is sold for, shortest first; which plan has which stands beside the plan.
fn terms(catalogue: &Catalogue, chosen: &str) -> Vec<Choice> {
    let mut units: Vec<&TermUnit> = Vec::new();
    for term in catalogue.offers.iter().flat_map(|offer| &offer.plans).flat_map(|plan| &plan.terms) {
        if !units.contains(&&term.unit) {
            units.push(&term.unit);
        }
    }
    units.sort_by_key(|unit| (unit.months().unwrap_or(i32::MAX), unit.as_str()));
    let choice = |unit: &TermUnit| {
        let (value, chosen) = (unit.to_string(), unit.as_str() == chosen);
        Choice { label: format!("{} ({value})", unit.length()), value, chosen, disabled: false }
    };
    units.into_iter().map(choice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(customer: &str, plan: &str, quantity: &str) -> BuyInput {
        BuyInput { customer: customer.into(), plan: plan.into(), quantity: quantity.into(), ..BuyInput::default() }
    }

    #[test]
    fn everything_that_can_t_be_parsed_is_told_at_once() {
        let table: [(BuyInput, &[&str]); 6] = [
            (input("fabrikam", "crm/team", "5"), &[]),
            (input("fabrikam", "crm/flat", " "), &[]),
            (input("", "", "0"), &["customer", "plan", "quantity"]),
            (input("Fabrikam!", "crm", "-1"), &["customer", "plan", "quantity"]),
            (input("fabrikam", "crm/Team", "4294967296"), &["plan", "quantity"]),
            (input("fabrikam", "a/b/c", "1.5"), &["plan", "quantity"]),
        ];
        for (input, expected) in table {
            let found: Vec<_> = order(&input).err().unwrap_or_default().into_keys().collect();
            assert_eq!(found, expected, "{input:?}");
        }
    }

    #[test]
    fn blank_fields_are_left_to_the_rules() {
        let typed = BuyInput { term: String::new(), name: "  ".into(), ..input("fabrikam", "crm/team", " 5 ") };
        let parsed = order(&typed).unwrap();
        assert_eq!((parsed.term_unit, parsed.name, parsed.quantity.map(Seats::get)), (None, None, Some(5)));
    }

    #[test]
    fn a_refusal_comes_at_the_field_that_it_is_about() {
        let refusal = Refusal::TooManySeats {
            plan: "team".parse().unwrap(),
            quantity: Seats::try_from(900).unwrap(),
            max: Seats::try_from(100).unwrap(),
        };
        let message = "Plan team ends at 100 seats; 900 are too many.".to_owned();
        assert_eq!(at_field(&refusal), ("quantity", message));
        assert_eq!(at_field(&Refusal::UnknownOffer("x".parse().unwrap())).0, "plan");
        assert_eq!(at_field(&Refusal::UnknownPartner("x".parse().unwrap())).0, "customer");
    }
}

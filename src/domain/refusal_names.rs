//! Refusals for people who buy: with the names of customers and plans, where a refusal has their ids.

use super::{catalogue::Catalogue, customer::Customer, ids::OfferId, refusal::Refusal};

/// A refusal, by the names of the customer and of the offer's plans. Without an offer, plans keep their ids: an id is only
/// one within its offer.
#[must_use]
pub fn in_names(refusal: &Refusal, catalogue: &Catalogue, customer: &Customer, offer: Option<&OfferId>) -> String {
    let text = refusal.to_string();
    let (id, name) = match refusal {
        Refusal::AgreementMissing(id) | Refusal::AgreementConfirmed(id) if *id == customer.id => {
            (id.to_string(), Some(customer.name.clone()))
        }
        Refusal::TooFewSeats { plan, .. }
        | Refusal::TooManySeats { plan, .. }
        | Refusal::QuantityNotAllowed(plan)
        | Refusal::QuantityRequired(plan)
        | Refusal::NotInMarket { plan, .. }
        | Refusal::PlanInOtherCurrency { plan, .. }
        | Refusal::PlanStopSell(plan)
        | Refusal::AmountTooLarge { plan, .. } => {
            let found = offer.and_then(|offer| catalogue.offer(offer)?.plan(plan));
            (plan.to_string(), found.map(|plan| plan.name.clone()))
        }
        _ => return text,
    };
    name.map_or_else(|| text.clone(), |name| text.replacen(&id, &name, 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{catalogue::Seats, subscription::tests::catalogue};

    #[test]
    fn customers_and_plans_are_named() {
        let catalogue = catalogue();
        let (customer, offer) = (catalogue.customers.first().unwrap(), catalogue.offers.first().unwrap());
        let plan = offer.plans.first().unwrap();
        let seats = Seats::try_from(5).unwrap();
        let few = Refusal::TooFewSeats { plan: plan.id.clone(), quantity: seats, min: seats };
        let told = |refusal: &Refusal, offer| in_names(refusal, &catalogue, customer, offer);
        let missing = told(&Refusal::AgreementMissing(customer.id.clone()), None);
        assert_eq!(missing, format!("{} has not accepted the Microsoft Customer Agreement", customer.name));
        let expected = format!("plan {} starts at 5 seats; 5 are too few", plan.name);
        assert_eq!(told(&few, Some(&offer.id)), expected);
        assert_eq!(told(&few, None), few.to_string());
        assert_eq!(told(&Refusal::Stale, Some(&offer.id)), Refusal::Stale.to_string());
    }
}

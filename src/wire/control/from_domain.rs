//! From the domain's types to the shapes of the control API.

use super::{
    BillingView, CatalogueView, ConfirmationView, CustomerView, LedgerLineView, LinkView, MissingConfirmation,
    MoneyView, OfferView, PartnerView, PeriodView, PersonView, PlanView, PriceView, PublisherView, SubscriptionSummary,
    SubscriptionView,
};
use crate::domain::{
    billing::{ChargeKind, LedgerLine},
    catalogue::{Catalogue, ConfirmationKind, Customer, Offer, Person, Plan, Pricing, Seats},
    money::Money,
    subscription::{Status, Subscription},
    time::{Term, Timestamp},
};

impl From<Money> for MoneyView {
    fn from(money: Money) -> Self {
        Self { amount: money.amount.to_string(), currency: money.currency.code().to_owned() }
    }
}

impl From<Term> for PeriodView {
    fn from(term: Term) -> Self {
        Self { start: term.start.to_string(), end: term.end.to_string() }
    }
}

impl LinkView {
    /// Link and code of a subscription.
    #[must_use]
    pub fn of(subscription: &Subscription, personalized_link: String, now: Timestamp) -> Self {
        let code = &subscription.code;
        Self {
            personalized_link,
            authorization_code: code.text.clone(),
            issued_at: code.issued_at.to_string(),
            expires_at: code.expires_at.to_string(),
            expired: now >= code.expires_at,
        }
    }
}

impl SubscriptionView {
    /// A subscription with its ledger and its link.
    #[must_use]
    pub fn of(subscription: &Subscription, ledger: &[LedgerLine], link: LinkView) -> Self {
        Self {
            id: subscription.id.to_string(),
            name: subscription.name.clone(),
            status: subscription.state.status().as_str().to_owned(),
            publisher: subscription.publisher.to_string(),
            offer: subscription.offer.to_string(),
            plan: subscription.plan.to_string(),
            plan_name: subscription.plan_name.clone(),
            quantity: subscription.quantity.map(Seats::get),
            term_unit: subscription.term_unit.to_string(),
            term: subscription.state.term().map(PeriodView::from),
            unit_price: subscription.unit_price.into(),
            payment: subscription.payment.as_ref().map(ToString::to_string),
            next_payment: subscription.next_payment_at().map(|at| at.to_string()),
            free_trial: subscription.free_trial,
            auto_renew: subscription.auto_renew,
            payment_fails: subscription.payment_fails,
            partner: subscription.partner.as_ref().map(ToString::to_string),
            purchaser: subscription.purchaser.email.clone(),
            customer: subscription.customer.to_string(),
            beneficiary: subscription.beneficiary.email.clone(),
            created: subscription.created.to_string(),
            activation_deadline: subscription.activation_deadline.to_string(),
            link,
            confirmations: [ConfirmationKind::LicensesAssigned, ConfirmationKind::Activated]
                .map(|kind| ConfirmationView::of(subscription, kind))
                .into(),
            billing: BillingView::of(subscription),
            ledger: ledger.iter().map(LedgerLineView::from).collect(),
        }
    }
}

impl ConfirmationView {
    fn of(subscription: &Subscription, kind: ConfirmationKind) -> Self {
        let confirmations = &subscription.confirmations;
        let confirmed = confirmations.of(kind);
        let licenses = confirmations.licenses_assigned.filter(|_| kind == ConfirmationKind::LicensesAssigned);
        Self {
            kind: kind.as_str().to_owned(),
            required: confirmations.waits_for.iter().any(|waited| waited == kind),
            at: confirmed.map(|confirmation| confirmation.at.to_string()),
            entry: confirmed.map(|confirmation| confirmation.entry.0),
            assigned: licenses.map(|licenses| licenses.assigned),
            pool: licenses.map(|licenses| licenses.pool),
        }
    }
}

impl BillingView {
    /// Whether a subscription is billed, and what that still needs.
    #[must_use]
    pub fn of(subscription: &Subscription) -> Self {
        let over = subscription.state.status() == Status::Unsubscribed;
        let missing = if over || subscription.billing.is_some() {
            Vec::new()
        } else {
            let since = subscription.created.to_string();
            let missing = subscription.confirmations.missing().into_iter();
            missing.map(|kind| missing_confirmation(kind, subscription, since.clone())).collect()
        };
        Self {
            started: subscription.billing.is_some(),
            since: subscription.billing.map(|billing| billing.at.to_string()),
            missing,
        }
    }
}

fn missing_confirmation(kind: ConfirmationKind, subscription: &Subscription, since: String) -> MissingConfirmation {
    let id = subscription.id;
    let remedy = match kind {
        ConfirmationKind::LicensesAssigned => format!(
            "The publisher assigns licences and reports it: submit the set-up form on its landing page, or \
             POST /sim/v1/subscriptions/{id}/licenses as the publisher."
        ),
        ConfirmationKind::Activated => format!(
            "The publisher calls activate: submit the set-up form on its landing page, or \
             POST /api/saas/subscriptions/{id}/activate as the publisher."
        ),
    };
    MissingConfirmation { kind: kind.as_str().to_owned(), since, remedy }
}

impl From<&LedgerLine> for LedgerLineView {
    fn from(line: &LedgerLine) -> Self {
        let kind = match line.kind {
            ChargeKind::TermFee => "termFee",
            ChargeKind::CycleCharge => "cycleCharge",
            ChargeKind::AddQuantity => "addQuantity",
            ChargeKind::RemoveQuantity => "removeQuantity",
            ChargeKind::Convert => "convert",
            ChargeKind::Refund => "refund",
            ChargeKind::FreeTrial => "freeTrial",
            ChargeKind::Usage => "usage",
        };
        Self {
            number: line.number,
            kind: kind.to_owned(),
            description: line.description.clone(),
            unit_price: line.unit_price.into(),
            quantity: line.quantity.to_string(),
            amount: line.amount.into(),
            period: line.period.into(),
            at: line.at.to_string(),
            caused_by: line.caused_by.iter().map(|seq| seq.0).collect(),
        }
    }
}

impl From<&Subscription> for SubscriptionSummary {
    fn from(subscription: &Subscription) -> Self {
        Self {
            id: subscription.id.to_string(),
            name: subscription.name.clone(),
            status: subscription.state.status().as_str().to_owned(),
            offer: subscription.offer.to_string(),
            plan: subscription.plan.to_string(),
            quantity: subscription.quantity.map(Seats::get),
            customer: subscription.customer.to_string(),
            created: subscription.created.to_string(),
            billing: BillingView::of(subscription),
        }
    }
}

impl CatalogueView {
    /// A catalogue; `landing_page` tells where the personalized links of an offer lead.
    #[must_use]
    pub fn of(catalogue: &Catalogue, landing_page: impl Fn(&Offer) -> String) -> Self {
        Self {
            publishers: catalogue
                .publishers
                .iter()
                .map(|publisher| PublisherView {
                    id: publisher.id.to_string(),
                    name: publisher.name.clone(),
                    tenant_id: publisher.app.tenant_id.to_string(),
                    client_id: publisher.app.client_id.to_string(),
                })
                .collect(),
            offers: catalogue.offers.iter().map(|offer| offer_view(offer, landing_page(offer))).collect(),
            partners: catalogue
                .partners
                .iter()
                .map(|partner| PartnerView {
                    id: partner.id.to_string(),
                    name: partner.name.clone(),
                    user: PersonView::from(&partner.user),
                })
                .collect(),
            customers: catalogue.customers.iter().map(CustomerView::from).collect(),
        }
    }
}

fn offer_view(offer: &Offer, landing_page: String) -> OfferView {
    OfferView {
        id: offer.id.to_string(),
        publisher: offer.publisher.to_string(),
        name: offer.name.clone(),
        description: offer.description.clone(),
        landing_page,
        billing_waits_for: offer.billing_waits_for.iter().map(|kind| kind.as_str().to_owned()).collect(),
        plans: offer.plans.iter().map(PlanView::from).collect(),
    }
}

impl From<&Plan> for PlanView {
    fn from(plan: &Plan) -> Self {
        let (per_user, min, max) = match plan.pricing {
            Pricing::FlatRate => (false, None, None),
            Pricing::PerUser { min, max } => (true, min, max),
        };
        Self {
            id: plan.id.to_string(),
            name: plan.name.clone(),
            description: plan.description.clone(),
            per_user,
            min_quantity: min.map(Seats::get),
            max_quantity: max.map(Seats::get),
            prices: plan
                .terms
                .iter()
                .map(|term| PriceView {
                    term_unit: term.unit.to_string(),
                    price: term.price.into(),
                    payment: term.payment.as_ref().map(ToString::to_string),
                })
                .collect(),
            free_trial: plan.free_trial,
            private: plan.private_to.is_some(),
            stop_sell: plan.stop_sell,
            dimensions: plan.dimensions.iter().map(|dimension| dimension.name.clone()).collect(),
        }
    }
}

impl From<&Customer> for CustomerView {
    fn from(customer: &Customer) -> Self {
        Self {
            id: customer.id.to_string(),
            partner: customer.partner.to_string(),
            name: customer.name.clone(),
            domain: customer.domain.clone(),
            users: customer.users.iter().map(PersonView::from).collect(),
        }
    }
}

impl From<&Person> for PersonView {
    fn from(person: &Person) -> Self {
        Self { name: person.name.clone(), email: person.email.clone() }
    }
}

//! Buying: who may buy what for whom, within which limits.

use std::sync::Arc;

use super::{
    super::{
        catalogue::{Catalogue, Customer, Partner, Plan, Pricing, Seats, TermPrice},
        event::{Event, Seq},
        ids::{CustomerId, OfferId, PartnerId, PlanId, SubscriptionId},
        order::OrderPlace,
        partner::MpnId,
        purchase_token::AuthorizationCode,
        refusal::Refusal,
        rules::CspAccount,
        time::{Period, TermUnit},
    },
    Confirmations, Context, Decision, State, Subscription, TimerPlan,
};

/// How long a purchase waits for its activation (portal banner, quoted in the reference: 30 days).
const ACTIVATION_DAYS: i32 = 30;

/// The most seats of any subscription (emulator-code: its text says so).
pub(in crate::domain) const MOST_SEATS: u32 = 1_000_000;

/// The longest name that somebody gives what it has bought. Ours: no documented one is known.
pub const NAME_CHARACTERS: usize = 128;

/// Who buys for a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Buyer {
    /// The partner that the customer belongs to: a CSP purchase.
    OwnPartner,
    /// This partner, which has to be the customer's own.
    Partner(PartnerId),
    /// The customer itself, directly from the marketplace: purchaser and beneficiary are the same person.
    Customer,
}

/// What a buyer asks for. Ids are parsed, nothing is looked up yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurchaseOrder {
    /// Who buys.
    pub buyer: Buyer,
    /// The customer who gets it.
    pub customer: CustomerId,
    /// The offer.
    pub offer: OfferId,
    /// The plan.
    pub plan: PlanId,
    /// The term; `None` for the first one that the plan is sold for.
    pub term_unit: Option<TermUnit>,
    /// Seats, on a per-user plan.
    pub quantity: Option<Seats>,
    /// The subscription's name; `None` for the offer's name.
    pub name: Option<String>,
    /// The indirect reseller of record.
    pub reseller: Option<MpnId>,
}

/// What a new subscription is given from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct New {
    /// Its id.
    pub id: SubscriptionId,
    /// Its place in an order, if a partner buys.
    pub order: Option<OrderPlace>,
    /// A code that was sealed for it, now.
    pub code: AuthorizationCode,
    /// Whether the customer has begun a free trial of the plan before: there is no second one (refund-policies page).
    pub trial_is_used: bool,
}

/// Decides a purchase for a customer.
///
/// # Errors
/// The first rule that the order breaks, in the order: partner, offer, plan, market, agreement, reseller, term, quantity,
/// name.
pub fn purchase(
    catalogue: &Catalogue,
    customer: &Customer,
    order: &PurchaseOrder,
    New { id, order: place, code, trial_is_used }: New,
    context: Context,
) -> Result<(Subscription, Decision), Refusal> {
    let partner = match &order.buyer {
        Buyer::OwnPartner => Some(partner_of(catalogue, customer, &customer.partner)?),
        Buyer::Partner(id) => Some(partner_of(catalogue, customer, id)?),
        Buyer::Customer => None,
    };
    let beneficiary = customer.users.first().ok_or_else(|| Refusal::UnknownCustomer(order.customer.clone()))?;
    let offer = catalogue.offer(&order.offer).ok_or_else(|| Refusal::UnknownOffer(order.offer.clone()))?;
    let plan = offer
        .plan(&order.plan)
        .ok_or_else(|| Refusal::UnknownPlan { offer: offer.id.clone(), plan: order.plan.clone() })?;
    if !plan.is_open_to(beneficiary.tenant_id) {
        return Err(Refusal::PlanPrivate { plan: plan.id.clone(), customer: customer.id.clone() });
    }
    if plan.stop_sell {
        return Err(Refusal::PlanStopSell(plan.id.clone()));
    }
    check_terms_of_sale(&catalogue.partners, customer, partner, plan, order)?;
    let term = match &order.term_unit {
        None => plan.terms.first(),
        Some(unit) => plan.term(unit),
    }
    .ok_or_else(|| term_not_sold(plan, order.term_unit.as_ref().unwrap_or(&TermUnit::P1M), None))?;
    let quantity = check_quantity(plan, order.quantity)?;
    check_amount(plan, term, quantity)?;
    check_name(order.name.as_deref())?;
    let subscription = Subscription {
        id,
        name: order.name.clone().unwrap_or_else(|| offer.name.clone()),
        publisher: offer.publisher.clone(),
        offer: offer.id.clone(),
        plan: plan.id.clone(),
        plan_name: plan.name.clone(),
        quantity,
        term_unit: term.unit.clone(),
        unit_price: term.price,
        payment: term.payment.clone(),
        paid_until: None,
        free_trial: plan.free_trial && !trial_is_used,
        partner: partner.map(|partner| partner.id.clone()),
        customer: customer.id.clone(),
        purchaser: Arc::new(partner.map_or(beneficiary, |partner| &partner.user).clone()),
        beneficiary: Arc::new(beneficiary.clone()),
        created: context.now,
        state: State::Pending,
        confirmations: Confirmations { waits_for: offer.billing_waits_for, licenses_assigned: None, activated: None },
        billing: None,
        auto_renew: true,
        payment_fails: false,
        paid: None,
        order: place.filter(|_| partner.is_some()),
        nickname: None,
        reseller: order.reseller.clone().filter(|_| partner.is_some()),
        reseller_removed: false,
        edition: 1,
        ledger_lines: 0,
        activation_deadline: context.now.plus(Period::days(ACTIVATION_DAYS)),
        outstanding: Vec::new(),
        csp_sandbox: partner.is_some() && context.rules.csp_account == CspAccount::IntegrationSandbox,
        activating_since: None,
        activation_fails: false,
        code,
    };
    let decision = bought(&subscription, context.first_entry);
    Ok((subscription, decision))
}

/// What has to be so besides, whatever is bought.
fn check_terms_of_sale(
    partners: &[Partner],
    customer: &Customer,
    partner: Option<&Partner>,
    plan: &Plan,
    order: &PurchaseOrder,
) -> Result<(), Refusal> {
    if plan.market != customer.address.country {
        let (plan, country) = (plan.id.clone(), customer.address.country.clone());
        return Err(Refusal::NotInMarket { plan, country });
    }
    let Some(partner) = partner else { return Ok(()) };
    if customer.agreement.is_none() {
        return Err(Refusal::AgreementMissing(customer.id.clone()));
    }
    match &order.reseller {
        Some(reseller) => partner.check_reseller(reseller, partners),
        None => Ok(()),
    }
}

/// That somebody can give what it has bought a name.
pub(in crate::domain) fn check_name(name: Option<&str>) -> Result<(), Refusal> {
    if name.is_some_and(|name| name.chars().count() > NAME_CHARACTERS) {
        return Err(Refusal::NicknameTooLong(NAME_CHARACTERS));
    }
    Ok(())
}

/// Whatever is billed later has to fit into a decimal: that is said now, not at billing time.
fn check_amount(plan: &Plan, term: &TermPrice, quantity: Option<Seats>) -> Result<(), Refusal> {
    let Some(seats) = quantity else { return Ok(()) };
    let refusal = || Refusal::AmountTooLarge { plan: plan.id.clone(), quantity: seats };
    term.price.times(seats.get()).ok_or_else(refusal).map(drop)
}

/// What follows from a purchase: nothing is billed, and it has to be activated in time.
fn bought(subscription: &Subscription, first_entry: Seq) -> Decision {
    let mut decision = Decision::starting_at(first_entry);
    decision.events.push(Event::PurchaseCreated {
        subscription: subscription.id,
        partner: subscription.partner.clone(),
        customer: subscription.customer.clone(),
        offer: subscription.offer.clone(),
        plan: subscription.plan.clone(),
        quantity: subscription.quantity,
        term_unit: subscription.term_unit.clone(),
    });
    decision.issue(&subscription.code);
    decision.timers.push(TimerPlan::ActivationOverdue { due: subscription.activation_deadline });
    decision
}

/// A partner that the customer belongs to.
fn partner_of<'a>(catalogue: &'a Catalogue, customer: &Customer, id: &PartnerId) -> Result<&'a Partner, Refusal> {
    let partner = catalogue.partner(id).ok_or_else(|| Refusal::UnknownPartner(id.clone()))?;
    if customer.partner != partner.id {
        return Err(Refusal::CustomerOfAnotherPartner { customer: customer.id.clone(), partner: partner.id.clone() });
    }
    Ok(partner)
}

/// That a plan is not sold for a term that is paid for in a certain way, with those that it is sold for.
pub(in crate::domain) fn term_not_sold(plan: &Plan, unit: &TermUnit, payment: Option<&TermUnit>) -> Refusal {
    let sold = plan.terms.iter().map(|term| paid_for(&term.unit, term.payment.as_ref()));
    Refusal::TermNotSold {
        plan: plan.id.clone(),
        term: paid_for(unit, payment),
        sold: sold.collect::<Vec<_>>().join(", "),
    }
}

/// A term and how it is paid for, in words.
fn paid_for(unit: &TermUnit, payment: Option<&TermUnit>) -> String {
    match payment {
        None => unit.to_string(),
        Some(payment) => format!("{unit} (paid every {payment})"),
    }
}

/// Whether a plan is sold with that number of seats.
///
/// # Errors
/// The limit that it breaks; a flat rate takes no number at all.
pub fn check_quantity(plan: &Plan, quantity: Option<Seats>) -> Result<Option<Seats>, Refusal> {
    match (plan.pricing, quantity) {
        (Pricing::FlatRate, None) => Ok(None),
        (Pricing::FlatRate, Some(_)) => Err(Refusal::QuantityNotAllowed(plan.id.clone())),
        (Pricing::PerUser { .. }, None) => Err(Refusal::QuantityRequired(plan.id.clone())),
        (Pricing::PerUser { min, max }, Some(quantity)) => match (min, max) {
            (Some(min), _) if quantity < min => Err(Refusal::TooFewSeats { plan: plan.id.clone(), quantity, min }),
            (_, Some(max)) if quantity > max => Err(Refusal::TooManySeats { plan: plan.id.clone(), quantity, max }),
            (_, _) if quantity.get() > MOST_SEATS => {
                Err(Refusal::TooManySeatsForAnyone { quantity: u64::from(quantity.get()), most: MOST_SEATS })
            }
            (_, _) => Ok(Some(quantity)),
        },
    }
}

//! Whether usage is accepted, and what follows from that.

use super::{
    super::{
        catalogue::{Catalogue, Dimension},
        event::Event,
        ids::{PublisherId, UsageEventId},
        money::Decimal,
        rules::{FutureUsage, Rules},
        subscription::{Context, Decision, State, Subscription},
        time::{Term, Timestamp},
    },
    AcceptedUsage, Resource, TOLERATED_MILLIS, Tally, UsageRefusal, UsageReport, WINDOW_MILLIS, azure_subscription,
    included,
    included::Consumption,
    resource_uri,
};

/// Usage that is in order, unless there was the same before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admitted<'a> {
    report: &'a UsageReport,
    /// The subscription that was used.
    pub subscription: &'a Subscription,
    /// The dimension of its plan.
    pub dimension: &'a Dimension,
    /// The term whose included quantity it uses up; `None` if it is not billed.
    pub term: Option<Term>,
}

/// What accepting needs to know besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepting {
    /// The id of the new event.
    pub id: UsageEventId,
    /// The event that was accepted for the same resource, dimension and hour.
    pub earlier: Option<AcceptedUsage>,
    /// What the term has used before.
    pub tally: Tally,
    /// Time, and the journal entry that the first fact will get.
    pub context: Context,
}

/// What follows from accepting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// The event.
    pub usage: AcceptedUsage,
    /// What the term has used now; `None` if the usage is not billed.
    pub tally: Option<Tally>,
    /// The facts: the usage, and its charge.
    pub decision: Decision,
}

/// Checks usage against the subscription that it names: resource, publisher, state, plan, dimension, quantity, time
/// (inferred order).
///
/// # Errors
/// The first rule that is broken.
pub fn admit<'a>(
    report: &'a UsageReport,
    found: Option<&'a Subscription>,
    publisher: &PublisherId,
    catalogue: &'a Catalogue,
    rules: Rules,
    now: Timestamp,
) -> Result<Admitted<'a>, UsageRefusal> {
    let subscription = found.filter(|found| names(&report.resource, found)).ok_or(UsageRefusal::ResourceNotFound)?;
    if subscription.publisher != *publisher {
        return Err(UsageRefusal::ResourceNotAuthorized);
    }
    if !is_active_at(subscription, report.effective) {
        return Err(UsageRefusal::ResourceNotActive);
    }
    if *report.plan != *subscription.plan.as_str() {
        return Err(UsageRefusal::InvalidPlan);
    }
    let plan = catalogue.offer(&subscription.offer).and_then(|offer| offer.plan(&subscription.plan));
    let dimensions = plan.map_or_else(Default::default, |plan| plan.dimensions.as_slice());
    let dimension = dimensions.iter().find(|dimension| *dimension.id.as_str() == *report.dimension);
    let dimension = dimension.ok_or(UsageRefusal::InvalidDimension)?;
    if report.quantity <= Decimal::ZERO {
        return Err(UsageRefusal::InvalidQuantity);
    }
    // Q44: what lies in the future is refused, and the live service calls it expired too (recorded-meter).
    let latest = match rules.future_usage {
        FutureUsage::Refused => now,
        FutureUsage::Tolerated => now.plus_millis(TOLERATED_MILLIS),
    };
    if report.effective > latest || report.effective < now.plus_millis(-WINDOW_MILLIS) {
        return Err(UsageRefusal::Expired);
    }
    Ok(Admitted { report, subscription, dimension, term: included::billed_term(subscription, report.effective) })
}

/// A URI is compared as ARM compares them, whatever its case.
fn names(resource: &Resource, subscription: &Subscription) -> bool {
    match resource {
        Resource::Id(id) => *id == subscription.id,
        Resource::Uri(uri) => uri.eq_ignore_ascii_case(&resource_uri(subscription)),
    }
}

/// Usage is accepted while a subscription is active, and afterwards for the time before its end (docs:metering-faq).
fn is_active_at(subscription: &Subscription, effective: Timestamp) -> bool {
    match subscription.state {
        State::Pending | State::Suspended { .. } => false,
        State::Subscribed { .. } => true,
        State::Unsubscribed { term, since } => term.is_some() && effective < since,
    }
}

/// Accepts usage that is in order, unless there was the same before.
///
/// # Errors
/// [`UsageRefusal::Duplicate`] with what was accepted before: events are never added up.
/// [`UsageRefusal::InvalidQuantity`] if it is more than can be charged.
pub fn accept(admitted: Admitted<'_>, accepting: Accepting) -> Result<Acceptance, UsageRefusal> {
    let Admitted { report, subscription, dimension, term } = admitted;
    let Accepting { id, earlier, tally, context } = accepting;
    if let Some(earlier) = earlier {
        return Err(UsageRefusal::Duplicate(Box::new(earlier)));
    }
    let consumption = match term {
        Some(term) => Some(
            Consumption::of(report.quantity, dimension, subscription, (term, tally), context.rules.included_usage)
                .ok_or(UsageRefusal::InvalidQuantity)?,
        ),
        None => None,
    };
    let usage = AcceptedUsage {
        id,
        accepted_at: context.now,
        resource: subscription.id,
        resource_uri: resource_uri(subscription),
        quantity: report.quantity,
        dimension: dimension.id.clone(),
        effective: report.effective,
        effective_text: report.effective_text.clone().into(),
        plan: subscription.plan.clone(),
        offer: subscription.offer.clone(),
        azure_subscription: azure_subscription(subscription),
    };
    let mut decision = Decision::starting_at(context.first_entry);
    decision.events.push(Event::UsageAccepted {
        usage_event: id,
        dimension: usage.dimension.clone(),
        quantity: usage.quantity,
        effective_at: usage.effective,
    });
    let line =
        consumption.and_then(|consumption| consumption.line(dimension, subscription, context.now, context.first_entry));
    decision.events.extend(line.map(|line| Event::Charged { line }));
    Ok(Acceptance { usage, tally: consumption.map(|consumption| consumption.tally), decision })
}

//! What a CSP partner changes of a subscription in Partner Center, and which changes it is refused
//! (docs:change-the-quantity-of-a-subscription and its neighbours).

use super::{
    cancellation_window::CancellationWindow,
    charges,
    event::Event,
    operation::Wish,
    partner::{MpnId, Partner},
    refusal::Refusal,
    rules::{CspCancelPending, CspLateCancel},
    subscription::{Context, Decision, State, Status, Subscription},
};

/// What shall be otherwise; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartnerWish {
    /// `friendlyName`.
    pub nickname: Option<String>,
    /// `partnerId`; an empty one takes the reseller away.
    pub reseller: Option<Option<MpnId>>,
    /// `autoRenewEnabled`.
    pub auto_renew: Option<bool>,
    /// `quantity`.
    pub quantity: Option<i64>,
    /// `status`.
    pub status: Option<StatusWish>,
}

/// `status`, as it shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusWish {
    /// `deleted`: cancelled.
    Deleted,
    /// `suspended`.
    Suspended,
    /// `active`.
    Active,
}

/// What follows from a wish: what is so at once, and what goes on from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// What is so at once.
    pub decision: Decision,
    /// What comes of it besides.
    pub next: Next,
}

/// What comes of a wish besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing.
    Nothing,
    /// Another number of seats, which the publisher has to be told of first.
    Change(Wish),
    /// The end, at once.
    Cancel,
    /// A suspension.
    Suspend,
    /// A reinstatement.
    Reinstate,
}

/// Decides a partner's wish.
///
/// # Errors
/// The first rule that it breaks: nothing of it is done then.
pub fn change(
    subscription: &Subscription,
    partner: &Partner,
    wish: &PartnerWish,
    context: Context,
) -> Result<Granted, Refusal> {
    let mut decision = Decision::starting_at(context.first_entry);
    if let Some(nickname) = wish.nickname.as_ref().filter(|name| name.as_str() != subscription.friendly_name()) {
        decision.events.push(Event::NicknameSet { nickname: nickname.clone() });
    }
    if let Some(reseller) = wish.reseller.as_ref().filter(|reseller| **reseller != subscription.reseller) {
        if let Some(unknown) = reseller.as_ref().filter(|reseller| partner.reseller(reseller).is_none()) {
            return Err(Refusal::UnknownReseller(unknown.clone()));
        }
        decision.events.push(Event::ResellerSet { reseller: reseller.clone() });
    }
    let status = subscription.state.status();
    let is_pending = status == Status::PendingFulfillmentStart;
    if let Some(auto_renew) = wish.auto_renew.filter(|auto_renew| *auto_renew != subscription.auto_renew) {
        match status {
            Status::PendingFulfillmentStart => return Err(Refusal::NotActivatedYet),
            Status::Unsubscribed => return Err(Refusal::NotInStatus { status, action: "a change of its renewal" }),
            Status::Subscribed | Status::Suspended => decision.events.push(Event::AutoRenewSet { auto_renew }),
        }
    }
    let next = match wish.status.filter(|wanted| !is_already(status, *wanted)) {
        Some(_) if status == Status::Unsubscribed => {
            return Err(Refusal::NotInStatus { status, action: "another status" });
        }
        Some(StatusWish::Deleted) => cancellation(subscription, &mut decision, context)?,
        Some(StatusWish::Suspended | StatusWish::Active) if is_pending => return Err(Refusal::NotActivatedYet),
        Some(StatusWish::Suspended) => Next::Suspend,
        Some(StatusWish::Active) => Next::Reinstate,
        None => match wish.quantity.filter(|quantity| *quantity != billed_quantity(subscription)) {
            None => Next::Nothing,
            Some(_) if is_pending => return Err(Refusal::NotActivatedYet),
            Some(quantity) => Next::Change(Wish { plan: None, quantity: Some(quantity) }),
        },
    };
    Ok(Granted { decision, next })
}

/// `quantity` of Partner Center: a flat rate is bought once.
#[must_use]
pub fn billed_quantity(subscription: &Subscription) -> i64 {
    subscription.quantity.map_or(1, |seats| i64::from(seats.get()))
}

const fn is_already(status: Status, wanted: StatusWish) -> bool {
    matches!(
        (status, wanted),
        (Status::Suspended, StatusWish::Suspended)
            | (Status::Subscribed | Status::PendingFulfillmentStart, StatusWish::Active)
            | (Status::Unsubscribed, StatusWish::Deleted)
    )
}

/// A cancellation: within its window at once, afterwards as the sandbox's rule says (sections 8.1 and 16 of what is known).
fn cancellation(subscription: &Subscription, decision: &mut Decision, context: Context) -> Result<Next, Refusal> {
    let rules = context.rules;
    if let State::Pending = subscription.state {
        return match rules.csp_cancel_pending {
            CspCancelPending::Refused => Err(Refusal::NotActivatedYet),
            CspCancelPending::Allowed => Ok(Next::Cancel),
        };
    }
    let until = charges::refundable_until(subscription, rules.refund_window);
    if subscription.free_trial || until.is_none_or(|until| context.now <= until) {
        return Ok(Next::Cancel);
    }
    match rules.csp_late_cancel {
        CspLateCancel::Refused => {
            let window = CancellationWindow::of(&subscription.term_unit, rules.refund_window);
            Err(Refusal::CancellationWindowOver(window))
        }
        CspLateCancel::AtRenewal => {
            if subscription.auto_renew {
                decision.events.push(Event::AutoRenewSet { auto_renew: false });
            }
            Ok(Next::Nothing)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        event::Seq,
        rules::Rules,
        subscription::{
            Command,
            tests::{at, buy, catalogue, order, run},
        },
    };

    fn bought(activated: Option<&str>) -> Subscription {
        let mut subscription = buy(&order("team", Some(5))).unwrap().0;
        if let Some(now) = activated {
            for command in [Command::Activate { wait: 0 }, Command::ReportLicenses { assigned: 1 }] {
                run(&mut subscription, command, now, 5).unwrap();
            }
        }
        subscription
    }

    fn told(subscription: &Subscription, wish: &PartnerWish, now: &str, rules: &[(&str, &str)]) -> String {
        let mut chosen = Rules::default();
        for (rule, choice) in rules {
            chosen.choose(rule, choice).unwrap();
        }
        let context = Context { now: at(now), first_entry: Seq(9), rules: chosen };
        let partner = catalogue().partners.remove(0);
        match change(subscription, &partner, wish, context) {
            Ok(Granted { decision, next }) => {
                let kinds: Vec<_> = decision.events.iter().map(Event::kind).collect();
                format!("{} {next:?}", kinds.join(","))
            }
            Err(refusal) => refusal.code().to_owned(),
        }
    }

    #[test]
    fn a_wish_is_granted_or_refused_by_where_the_subscription_stands() {
        let name = PartnerWish { nickname: Some("Mine".to_owned()), ..PartnerWish::default() };
        let reseller = |id: &str| PartnerWish { reseller: Some(Some(id.parse().unwrap())), ..PartnerWish::default() };
        let seats = PartnerWish { quantity: Some(7), ..PartnerWish::default() };
        let same = PartnerWish { quantity: Some(5), auto_renew: Some(true), ..PartnerWish::default() };
        let renewal = PartnerWish { auto_renew: Some(false), ..PartnerWish::default() };
        let status = |status| PartnerWish { status: Some(status), ..PartnerWish::default() };
        let (pending, active) = (bought(None), bought(Some("2026-01-31T09:00:00Z")));
        let now = "2026-02-01T09:00:00Z";
        let table = [
            (&pending, &name, "nicknameSet Nothing"),
            (&pending, &reseller("1234567"), "resellerSet Nothing"),
            (&pending, &reseller("7654321"), "unknownReseller"),
            (&pending, &seats, "notActivatedYet"),
            (&pending, &renewal, "notActivatedYet"),
            (&pending, &same, " Nothing"),
            (&pending, &status(StatusWish::Deleted), "notActivatedYet"),
            (&pending, &status(StatusWish::Suspended), "notActivatedYet"),
            (&active, &seats, " Change(Wish { plan: None, quantity: Some(7) })"),
            (&active, &renewal, "autoRenewSet Nothing"),
            (&active, &status(StatusWish::Deleted), " Cancel"),
            (&active, &status(StatusWish::Suspended), " Suspend"),
            (&active, &status(StatusWish::Active), " Nothing"),
        ];
        for (subscription, wish, expected) in table {
            assert_eq!(told(subscription, wish, now, &[]), expected, "{wish:?}");
        }
    }

    #[test]
    fn a_cancellation_has_its_window() {
        let wish = PartnerWish { status: Some(StatusWish::Deleted), ..PartnerWish::default() };
        let (pending, active) = (bought(None), bought(Some("2026-02-10T09:00:00Z")));
        let older = ("refundWindow", "older");
        let usual = ("refundWindow", "threeDays");
        let table = [
            (&active, "2026-02-03T09:00:00Z", usual, " Cancel"),
            (&active, "2026-02-03T09:00:00.001Z", usual, "cancellationWindowOver"),
            (&active, "2026-02-11T09:00:00Z", older, " Cancel"),
            (&active, "2026-02-11T09:00:00.001Z", older, "cancellationWindowOver"),
            (&active, "2026-03-01T09:00:00Z", ("cspLateCancel", "atRenewal"), "autoRenewSet Nothing"),
            (&pending, "2026-02-01T09:00:00Z", usual, "notActivatedYet"),
            (&pending, "2026-02-01T09:00:00Z", ("cspCancelPending", "allowed"), " Cancel"),
        ];
        for (subscription, now, rule, expected) in table {
            assert_eq!(told(subscription, &wish, now, &[rule]), expected, "{now} {rule:?}");
        }
    }
}

//! What is overdue for a subscription when a command comes about it.
//!
//! A command is decided by the sandbox's clock. That may have passed a deadline of the subscription that nobody has run: it
//! was set to a later instant, timers are run by hand, the server was stopped, or the command was just faster than the
//! timer. Then the subscription's own timers come first, in their order, as far as that deadline. They are the timers that
//! would have run anyway: each is gone once it has run, whoever runs it.

use super::{
    desk::{Desk, decode},
    error::AppError,
    fulfillment::find_subscription,
    timers::{StoredTimer, run_command},
};
use crate::{
    domain::{ids::SubscriptionId, lifecycle::is_overdue, subscription::Subscription},
    store::{Key, KeyRange},
};

/// A subscription, if there is one, after what is overdue for it. That stays done whatever becomes of the command that came
/// upon it, so this is the first thing that a command does.
pub(super) async fn find_up_to_date(desk: &mut Desk<'_>, id: SubscriptionId) -> Result<Option<Subscription>, AppError> {
    let mut found = find_subscription(desk, id).await?;
    let now = desk.now();
    let is_behind = |found: &Option<Subscription>| found.as_ref().is_some_and(|found| is_overdue(found, now));
    if !is_behind(&found) {
        return Ok(found);
    }
    // What falls due is nobody's doing.
    let actor = desk.actor.take();
    let timers = desk.space().timers();
    let range = KeyRange::under(&timers).before(&timers.clone().instant(now.as_millis().saturating_add(1)));
    while is_behind(&found)
        && let Some(timer) = earliest(desk, range.clone(), id).await?
    {
        run_command(desk, &timer).await?;
        // Each is a command of its own, as it would have been.
        desk.keep(false).await?;
        found = find_subscription(desk, id).await?;
    }
    desk.actor = actor;
    Ok(found)
}

/// The first timer of a range by which the marketplace does something about a subscription.
async fn earliest(desk: &Desk<'_>, mut range: KeyRange, id: SubscriptionId) -> Result<Option<Key>, AppError> {
    loop {
        let timers = desk.scan(&range, READ_AT_ONCE).await?;
        for (key, bytes) in &timers {
            let timer: StoredTimer = decode(key, bytes)?;
            if timer.what.is_command() && timer.what.subscription() == Some(id) {
                return Ok(Some(key.clone()));
            }
        }
        match timers.last_key_value() {
            Some((last, _)) if timers.len() == READ_AT_ONCE => range = range.after(last),
            _ => return Ok(None),
        }
    }
}

/// Timers that are read in one go: most often the first ones are those that are looked for.
const READ_AT_ONCE: usize = 64;

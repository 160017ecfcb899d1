//! What can be changed of a sandbox while it is at work: its rules, how long operations take, who runs its timers.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;

use super::{
    desk::Desk,
    error::AppError,
    journal::{Player, What},
    mailbox::Command,
    sandbox::{Sandbox, TimerMode},
};
use crate::domain::{operation::Delays, rules::Rules};

/// What shall be changed; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// How long operations take.
    pub delays: Option<Delays>,
    /// Who runs timers that are due.
    pub timers: Option<TimerMode>,
    /// Names of rules, each with the name of a choice.
    pub rules: BTreeMap<String, String>,
}

impl Sandbox {
    /// Changes settings, from the next call on.
    ///
    /// # Errors
    /// [`AppError::Rule`] for a rule or a choice that there is not; nothing is changed then.
    pub async fn change_settings(&self, settings: Settings) -> Result<(), AppError> {
        self.ask(settings).await
    }
}

impl Command for Settings {
    type Answer = ();

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<(), AppError>> {
        Box::pin(async move {
            let before = (desk.head.delays, desk.head.timers, desk.head.rules);
            if let Some(delays) = self.delays.filter(|delays| *delays != before.0) {
                desk.head.delays = delays;
                steer(desk, format!("Operations take another time from now on: {}.", delays.as_str()));
            }
            if let Some(timers) = self.timers.filter(|timers| *timers != before.1) {
                desk.head.timers = timers;
                let by = if timers == TimerMode::Automatic { "the server" } else { "nobody but the clock's advance" };
                steer(desk, format!("Timers that are due are run by {by} from now on."));
            }
            for (rule, choice) in &self.rules {
                desk.head.rules.choose(rule, choice)?;
            }
            let chosen = before.2.chosen().into_iter().zip(desk.head.rules.chosen());
            for (card, (was, is)) in Rules::CARDS.iter().zip(chosen) {
                if was != is {
                    steer(desk, format!("The rule {} is {is} from now on; it was {was}.", card.name));
                }
            }
            Ok(())
        })
    }
}

fn steer(desk: &mut Desk<'_>, summary: String) {
    desk.note(Player::Operator, None, What::Steering { summary });
}

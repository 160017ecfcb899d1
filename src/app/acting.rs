//! Whoever acts for a partner: what is done through [`Acting`] stands in the activity log under that name.

use futures_util::future::BoxFuture;

use super::{desk::Desk, error::AppError, mailbox::Command, sandbox::Sandbox};
use crate::domain::audit::Actor;

/// A sandbox in the hands of somebody who acts for a partner.
#[derive(Debug)]
pub struct Acting<'a> {
    pub(super) sandbox: &'a Sandbox,
    by: Actor,
}

impl Sandbox {
    /// What a partner does goes through this.
    #[must_use]
    pub const fn acting(&self, by: Actor) -> Acting<'_> {
        Acting { sandbox: self, by }
    }
}

impl Acting<'_> {
    pub(super) async fn ask<C: Command>(&self, command: C) -> Result<C::Answer, AppError> {
        self.sandbox.ask(By { by: self.by.clone(), command }).await
    }
}

/// A command, and who gives it.
struct By<C> {
    by: Actor,
    command: C,
}

impl<C: Command> Command for By<C> {
    type Answer = C::Answer;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<C::Answer, AppError>> {
        desk.actor = Some(self.by.clone());
        self.command.decide(desk)
    }

    fn may_overfill(&self) -> bool {
        self.command.may_overfill()
    }
}

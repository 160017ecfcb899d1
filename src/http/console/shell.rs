//! What all console pages have around their content: where they are, the sandbox's clock, the way to other sandboxes.

use crate::{
    app::{App, Sandbox},
    domain::{
        event::Seq,
        ids::{SandboxId, SubscriptionId},
    },
};

use crate::http::{access::Holder, words::Moment};

/// The sandbox that a page is about: every link of the page stays in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) sandbox: SandboxId,
}

impl Place {
    /// A path of the console within this sandbox. The default sandbox needs no naming.
    pub(super) fn to(&self, path: &str) -> String {
        if self.sandbox == SandboxId::default_sandbox() {
            return path.to_owned();
        }
        // A sandbox id has no character that a query would have to escape.
        let (path, fragment) = path.split_once('#').map_or((path, None), |(path, fragment)| (path, Some(fragment)));
        let joint = if path.contains('?') { '&' } else { '?' };
        let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
        format!("{path}{joint}sandbox={}{fragment}", self.sandbox)
    }

    /// The page of a subscription.
    pub(super) fn subscription(&self, id: SubscriptionId) -> String {
        self.to(&format!("/subscriptions/{id}"))
    }

    /// The journal as a stream of events, from an entry on, for pages that follow it.
    pub(super) fn live(&self, since: Seq, subscription: Option<SubscriptionId>) -> String {
        let of = subscription.map(|id| format!("&subscription={id}")).unwrap_or_default();
        format!("/sim/v1/sandboxes/{}/journal?since={since}{of}", self.sandbox)
    }
}

/// The frame of a page.
#[derive(Debug, Clone)]
pub(super) struct Shell {
    pub(super) title: String,
    pub(super) place: Place,
    /// Which entry of the navigation is this page: `home`, `journal`, `rules`, `faults`, `keys`, or none.
    pub(super) section: &'static str,
    pub(super) clock: Option<ClockReading>,
    /// All sandboxes, if there are several.
    pub(super) sandboxes: Vec<SandboxChoice>,
    /// Whether somebody has signed in with a key, and can sign out.
    pub(super) has_key: bool,
}

/// A clock, read once for the page.
#[derive(Debug, Clone)]
pub(super) struct ClockReading {
    pub(super) now: Moment,
    pub(super) frozen: bool,
}

/// A sandbox to switch to.
#[derive(Debug, Clone)]
pub(super) struct SandboxChoice {
    pub(super) name: String,
    pub(super) current: bool,
}

impl Shell {
    /// The frame of a page about a sandbox.
    pub(super) fn of(
        app: &App,
        sandbox: &Sandbox,
        holder: &Holder,
        section: &'static str,
        title: impl Into<String>,
    ) -> Self {
        let mut sandboxes: Vec<_> = app
            .sandboxes()
            .iter()
            .filter(|other| holder.reach.covers(other.id()))
            .map(|other| SandboxChoice { name: other.id().to_string(), current: other.id() == sandbox.id() })
            .collect();
        if sandboxes.len() == 1 {
            sandboxes.clear();
        }
        Self {
            title: title.into(),
            place: Place { sandbox: sandbox.id().clone() },
            section,
            clock: Some(ClockReading::of(sandbox)),
            sandboxes,
            has_key: holder.has_key,
        }
    }

    /// The page that this is in any sandbox: whoever switches stays on it. What is in one sandbox only has none.
    pub(super) fn page(&self) -> &'static str {
        match self.section {
            "journal" => "/journal",
            "rules" => "/rules",
            "faults" => "/faults",
            "keys" => "/keys",
            _ => "/",
        }
    }

    /// The frame of a page that can't say more than what went wrong.
    pub(super) fn bare(place: Place, title: impl Into<String>) -> Self {
        Self { title: title.into(), place, section: "", clock: None, sandboxes: Vec::new(), has_key: false }
    }
}

impl ClockReading {
    /// Reads the clock of a sandbox.
    pub(super) fn of(sandbox: &Sandbox) -> Self {
        Self { now: Moment::of(sandbox.now()), frozen: sandbox.clock().is_frozen() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_in_their_sandbox() {
        let default = Place { sandbox: SandboxId::default_sandbox() };
        let team = Place { sandbox: "team-a".parse().unwrap() };
        let table = [
            ("/", "/", "/?sandbox=team-a"),
            ("/journal?since=3", "/journal?since=3", "/journal?since=3&sandbox=team-a"),
            ("/?ran=3#clock", "/?ran=3#clock", "/?ran=3&sandbox=team-a#clock"),
        ];
        for (path, in_default, in_team) in table {
            assert_eq!((default.to(path).as_str(), team.to(path).as_str()), (in_default, in_team));
        }
    }
}

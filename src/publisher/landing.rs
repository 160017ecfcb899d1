//! What the landing page shows to whom: decided from what Resolve says of the code that the visitor brought.

use super::{
    host::{Product, Site},
    marketplace_client::{MarketplaceError, Status, SubscriptionAnswer},
    records::{Account, Purchase},
};
use crate::domain::{
    ids::{PublisherId, SandboxId},
    setup_form::SetupForm,
};

/// Who comes to the landing page, as the URL tells it.
#[derive(Clone, PartialEq, Eq)]
pub struct Visit {
    /// The sandbox.
    pub sandbox: SandboxId,
    /// The publisher whose landing page it is; found out by trying when the URL does not say.
    pub site: Option<PublisherId>,
    /// The authorization code, decoded once; empty counts as none.
    pub token: Option<String>,
    /// Whether the link wants its visitor signed in.
    pub sign_in: bool,
}

/// A code is a bearer secret: no debug line shows it.
impl std::fmt::Debug for Visit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Visit").field("sandbox", &self.sandbox).field("site", &self.site).finish_non_exhaustive()
    }
}

/// What the landing page shows.
#[derive(Debug, Clone)]
pub enum LandingView {
    /// No code: ask for it.
    AskForCode {
        /// The publishers to choose from.
        sites: Vec<Site>,
        /// The one that the URL names.
        chosen: Option<PublisherId>,
    },
    /// The sandbox has no publisher of that name.
    NoSuchSite {
        /// The publishers that there are.
        sites: Vec<Site>,
    },
    /// A purchase that waits for set-up: what was bought, and the form.
    SetUp(Box<SetUp>),
    /// A purchase with an account here: being set up, or active.
    Account(Box<Account>),
    /// A purchase that is active without an account here: somebody else has activated it.
    ActiveElsewhere(Purchase),
    /// A damaged or expired code.
    BadCode {
        /// The marketplace's own sentence.
        message: String,
    },
    /// A purchase of another publisher.
    NotOurs,
    /// A cancelled purchase.
    Cancelled(Purchase),
    /// A suspended purchase.
    Suspended(Purchase),
    /// A purchase in a status that we don't know: nothing is done.
    OtherStatus {
        /// What was bought.
        purchase: Purchase,
        /// The status, as the marketplace spells it.
        status: String,
    },
    /// The marketplace can't be asked now, or refuses for a reason of its own.
    MarketplaceFailed {
        /// What happened.
        error: MarketplaceError,
    },
}

/// A purchase that waits for set-up.
#[derive(Debug, Clone)]
pub struct SetUp {
    /// The publisher that it was bought from.
    pub site: Site,
    /// What was bought.
    pub purchase: Purchase,
    /// What to ask for; empty for an offer that the publisher's configuration does not know.
    pub form: SetupForm,
}

impl LandingView {
    /// What was bought, where that is known.
    #[must_use]
    pub fn purchase(&self) -> Option<&Purchase> {
        match self {
            Self::SetUp(set_up) => Some(&set_up.purchase),
            Self::Account(account) => Some(&account.purchase),
            Self::ActiveElsewhere(purchase)
            | Self::Cancelled(purchase)
            | Self::Suspended(purchase)
            | Self::OtherStatus { purchase, .. } => Some(purchase),
            Self::AskForCode { .. }
            | Self::NoSuchSite { .. }
            | Self::BadCode { .. }
            | Self::NotOurs
            | Self::MarketplaceFailed { .. } => None,
        }
    }

    /// The name of the case, in JSON and for tests.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AskForCode { .. } => "askForCode",
            Self::NoSuchSite { .. } => "noSuchSite",
            Self::SetUp(_) => "setUp",
            Self::Account(_) => "account",
            Self::ActiveElsewhere(_) => "activeElsewhere",
            Self::BadCode { .. } => "badCode",
            Self::NotOurs => "notOurs",
            Self::Cancelled(_) => "cancelled",
            Self::Suspended(_) => "suspended",
            Self::OtherStatus { .. } => "otherStatus",
            Self::MarketplaceFailed { .. } => "marketplaceFailed",
        }
    }
}

/// What a refusal of the marketplace means for the visitor.
#[must_use]
pub fn view_of_error(error: MarketplaceError) -> LandingView {
    match error {
        MarketplaceError::BadCode { message } => LandingView::BadCode { message },
        MarketplaceError::NotOurs { .. } => LandingView::NotOurs,
        MarketplaceError::NotReachable { .. }
        | MarketplaceError::NotFound { .. }
        | MarketplaceError::SignInRefused { .. }
        | MarketplaceError::Refused { .. }
        | MarketplaceError::ServerError { .. } => LandingView::MarketplaceFailed { error },
    }
}

/// What to show for a purchase, given the account that it has here. Only a pending purchase may be set up.
#[must_use]
pub fn view_of_purchase(site: &Site, answer: &SubscriptionAnswer, account: Option<Account>) -> LandingView {
    let purchase = purchase_of(site, answer);
    match (answer.status(), account) {
        (Status::Unsubscribed, _) => LandingView::Cancelled(purchase),
        (Status::Suspended, _) => LandingView::Suspended(purchase),
        (Status::Other, _) => {
            LandingView::OtherStatus { purchase, status: answer.saas_subscription_status.trim().to_owned() }
        }
        (Status::Pending | Status::Subscribed, Some(account)) => LandingView::Account(Box::new(account)),
        (Status::Subscribed, None) => LandingView::ActiveElsewhere(purchase),
        (Status::Pending, None) => {
            let form = product_of(site, &answer.offer_id).map(|product| product.setup_form.clone()).unwrap_or_default();
            LandingView::SetUp(Box::new(SetUp { site: site.clone(), purchase, form }))
        }
    }
}

/// What was bought, in words where the publisher has them.
fn purchase_of(site: &Site, answer: &SubscriptionAnswer) -> Purchase {
    let product = product_of(site, &answer.offer_id);
    let plan_name = product
        .and_then(|product| product.plans.iter().find(|(id, _)| *id == answer.plan_id).map(|(_, name)| name.clone()));
    Purchase {
        subscription: answer.id.clone(),
        name: answer.name.clone(),
        offer: answer.offer_id.clone(),
        offer_name: product.map_or_else(|| answer.offer_id.clone(), |product| product.name.clone()),
        plan: answer.plan_id.clone(),
        plan_name: plan_name.unwrap_or_else(|| answer.plan_id.clone()),
        quantity: answer.quantity,
        term_unit: answer.term.as_ref().and_then(|term| term.term_unit.clone()),
        beneficiary: answer.beneficiary.email_id.clone().unwrap_or_default(),
        purchaser: answer.purchaser.email_id.clone().unwrap_or_default(),
    }
}

/// The offer in the publisher's configuration. One that was bought from preview has a suffix (recorded).
fn product_of<'s>(site: &'s Site, offer: &str) -> Option<&'s Product> {
    let published = offer.strip_suffix("-preview").unwrap_or(offer);
    site.products
        .iter()
        .find(|product| product.offer == offer)
        .or_else(|| site.products.iter().find(|product| product.offer == published))
}

/// Whether an id can name an account: what is used in keys and URLs. Microsoft's are GUIDs, but of no fixed version.
pub(super) fn is_usable_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

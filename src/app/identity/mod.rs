//! The stand-in identity (Entra): app registrations get tokens, and the marketplace checks them.
//!
//! One set of signing keys per store; which sandbox a token belongs to follows from its app.

mod access_session;
mod assertion;
mod notice_signature;
mod person_tokens;
mod portal_session;
mod sign_in;
mod signing;
mod token;
mod verification;
mod webhook_token;

pub use assertion::AssertionFault;
pub use person_tokens::{ExchangeFault, Exchanged, PersonTokens, UserInfo};
pub use sign_in::{
    Prompt, ResponseMode, SignIn, SignInCheck, SignInError, SignInPerson, SignInRefusal, SignInRequest, Wants,
};
pub use signing::{PublicKey, SigningKeys};
pub use token::{Audience, Credential, Grant, Token, TokenRefusal, TokenRequest};
pub(super) use verification::CheckedTokens;
pub use verification::{Caller, PartnerCaller, TokenFault};
pub(super) use webhook_token::WebhookTokens;

/// Seconds that somebody stays signed in to pages of ours, on the machine's clock: a sandbox's may be moved by years in a
/// moment, and whoever moves it is the one who sits there.
pub const SESSION_SECONDS: i64 = 12 * 60 * 60;

/// The application id of the marketplace API: the audience of every token (docs:registration-v1).
pub const MARKETPLACE_RESOURCE: &str = "20e940b3-4c77-4b0b-9a53-9e16a1b010a7";

/// An older id of the same API, still accepted in 2020 (issue:Azure/Commercial-Marketplace-SaaS-Accelerator#90).
pub const LEGACY_MARKETPLACE_RESOURCE: &str = "62d94f6c-d599-489b-a797-3e10e42fbe22";

/// The Partner Center API: the audience of tokens for it (docs:enable-secure-app-model).
pub const PARTNER_CENTER_RESOURCE: &str = "https://api.partnercenter.microsoft.com";

/// The audience of app-only tokens for Partner Center until 2025 (docs:partner-center-authentication); taken only where a
/// sandbox's rule says so.
pub const GRAPH_RESOURCE: &str = "https://graph.windows.net";

/// The issuer of a tenant's v2 tokens, without one (entra-recorded).
#[must_use]
pub fn issuer_v2(tenant: crate::domain::ids::TenantId) -> String {
    format!("https://login.microsoftonline.com/{tenant}/v2.0")
}

/// The issuer of a tenant's v1 tokens, with its trailing slash (docs:registration-v1).
#[must_use]
pub fn issuer(tenant: crate::domain::ids::TenantId) -> String {
    format!("https://sts.windows.net/{tenant}/")
}

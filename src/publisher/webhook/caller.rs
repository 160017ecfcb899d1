//! Who calls the webhook: a token of the publisher's own tenant, for its own app, shown by the marketplace.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

use super::super::{Publisher, host::Site, marketplace_client::MarketplaceError};
use crate::domain::time::Timestamp;

/// The marketplace's application id (docs:registration-v1).
const MARKETPLACE: &str = "20e940b3-4c77-4b0b-9a53-9e16a1b010a7";

/// Why a caller is not the marketplace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallerFault {
    /// There is no bearer token.
    #[error("the call shows no bearer token")]
    NoToken,
    /// It is no JWT, or not signed with RS256.
    #[error("the token is not a JWT signed with RS256")]
    NotAToken,
    /// Its key is none of the tenant's.
    #[error("the token's key is none of the tenant's")]
    UnknownKey,
    /// The tenant's keys could not be read.
    #[error("the tenant's keys could not be read: {0}")]
    KeysUnknown(MarketplaceError),
    /// Its signature is wrong.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// A claim is not what it has to be.
    #[error("the token's {0} is wrong")]
    WrongClaim(&'static str),
    /// It is not valid now.
    #[error("the token is not valid now")]
    NotNow,
}

/// The claims that are looked at (training). v1 tokens name the caller in `appid`, v2 tokens in `azp`.
#[derive(Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    tid: String,
    #[serde(default)]
    appid: Option<String>,
    #[serde(default)]
    azp: Option<String>,
    exp: i64,
    #[serde(default)]
    nbf: i64,
}

impl Publisher {
    /// Checks that the marketplace calls.
    pub(super) async fn check_caller(
        &self,
        site: &Site,
        authorization: Option<&str>,
        now: Timestamp,
    ) -> Result<(), CallerFault> {
        let (scheme, token) = authorization.and_then(|text| text.split_once(' ')).ok_or(CallerFault::NoToken)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(CallerFault::NoToken);
        }
        let header = decode_header(token.trim()).map_err(|_| CallerFault::NotAToken)?;
        if header.alg != Algorithm::RS256 {
            return Err(CallerFault::NotAToken);
        }
        let id = header.kid.ok_or(CallerFault::UnknownKey)?;
        let key = self.client.signing_key(site, &id).await.map_err(CallerFault::KeysUnknown)?;
        let key = key.ok_or(CallerFault::UnknownKey)?;
        let key = DecodingKey::from_jwk(&key).map_err(|_| CallerFault::UnknownKey)?;
        check(token.trim(), &key, site, now.as_seconds())
    }
}

/// Checks signature and claims.
fn check(token: &str, key: &DecodingKey, site: &Site, now: i64) -> Result<(), CallerFault> {
    let mut validation = Validation::new(Algorithm::RS256);
    // The library would compare with the machine's clock; the sandbox's counts. The audience is looked at below.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.set_required_spec_claims(&["exp", "aud", "iss"]);
    let claims = decode::<Claims>(token, key, &validation).map_err(|error| match error.kind() {
        jsonwebtoken::errors::ErrorKind::InvalidSignature => CallerFault::BadSignature,
        _ => CallerFault::NotAToken,
    })?;
    let Claims { aud, iss, tid, appid, azp, exp, nbf } = claims.claims;
    let tenant = &site.tenant_id;
    let issuers =
        [format!("https://sts.windows.net/{tenant}/"), format!("https://login.microsoftonline.com/{tenant}/v2.0")];
    if !aud.eq_ignore_ascii_case(&site.client_id) {
        return Err(CallerFault::WrongClaim("aud"));
    }
    if !tid.eq_ignore_ascii_case(tenant) {
        return Err(CallerFault::WrongClaim("tid"));
    }
    if !issuers.contains(&iss) {
        return Err(CallerFault::WrongClaim("iss"));
    }
    if appid.or(azp).as_deref() != Some(MARKETPLACE) {
        return Err(CallerFault::WrongClaim("appid"));
    }
    if now >= exp || now < nbf { Err(CallerFault::NotNow) } else { Ok(()) }
}

//! Client assertions: an app shows who it is by signing with the key of a certificate that its registration names.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

use crate::domain::{
    catalogue::{AppCertificate, AppRegistration},
    time::Timestamp,
};

/// Why an assertion is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssertionFault {
    /// It is no JWT that could be one.
    Malformed,
    /// The registration names no such certificate.
    UnknownCertificate,
    /// It is not signed with the certificate's key.
    BadSignature,
    /// It is about another app than the request.
    OtherApp,
    /// It is meant for somebody else.
    OtherAudience,
    /// It is not valid now, on the sandbox's clock.
    NotNow,
}

/// How far a client's clock may be off (known: five minutes). MSAL for Node rounds `nbf` up to the next second.
const SKEW_SECONDS: f64 = 300.0;

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    aud: String,
    #[serde(default)]
    iss: String,
    #[serde(default)]
    sub: String,
    /// Seconds, of which MSAL for Python writes fractions too (trace: msal 1.39.0).
    exp: f64,
    #[serde(default)]
    nbf: f64,
}

/// Checks an assertion, in the order of [`AssertionFault`]'s variants. `tenant` is the tenant as the request names it.
///
/// # Errors
/// The first [`AssertionFault`] that applies.
pub(super) fn check(
    assertion: &str,
    app: &AppRegistration,
    tenant: &str,
    now: Timestamp,
) -> Result<(), AssertionFault> {
    let header = decode_header(assertion).map_err(|_| AssertionFault::Malformed)?;
    // MSAL signs with RS256 and names the certificate by its SHA-1, for Python with the padding that base64url is to be
    // without (trace: msal 1.39.0); newer ones with PS256 and SHA-256.
    let names = |named: &Option<String>, digest: &str| {
        named.as_deref().is_some_and(|named| named.trim_end_matches('=') == digest)
    };
    let is_named = |certificate: &&AppCertificate| {
        names(&header.x5t_s256, &certificate.sha256) || names(&header.x5t, &certificate.sha1)
    };
    if !matches!(header.alg, Algorithm::RS256 | Algorithm::PS256) {
        return Err(AssertionFault::Malformed);
    }
    let certificate = app.certificates.iter().find(is_named).ok_or(AssertionFault::UnknownCertificate)?;
    let key = URL_SAFE_NO_PAD.decode(&certificate.public_key).map_err(|_| AssertionFault::UnknownCertificate)?;
    let mut validation = Validation::new(header.alg);
    // Audience and time are looked at below: the audience has several forms, and the sandbox's clock counts.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.set_required_spec_claims(&["exp"]);
    let claims = decode::<Claims>(assertion, &DecodingKey::from_rsa_der(&key), &validation);
    let claims = claims.map_err(|error| match error.kind() {
        jsonwebtoken::errors::ErrorKind::InvalidSignature => AssertionFault::BadSignature,
        _ => AssertionFault::Malformed,
    })?;
    let Claims { aud, iss, sub, exp, nbf } = claims.claims;
    let client = app.client_id.to_string();
    if !iss.eq_ignore_ascii_case(&client) || !sub.eq_ignore_ascii_case(&client) {
        return Err(AssertionFault::OtherApp);
    }
    if !is_for(&aud, tenant) {
        return Err(AssertionFault::OtherAudience);
    }
    // Seconds of any real time are exact in a float.
    let now = now.as_seconds() as f64;
    if now >= exp + SKEW_SECONDS || now < nbf - SKEW_SECONDS { Err(AssertionFault::NotNow) } else { Ok(()) }
}

/// Whether an audience is one of the tenant's endpoints: either token endpoint or the issuer (known). The host is not
/// looked at, because this server is reached under several names.
fn is_for(audience: &str, tenant: &str) -> bool {
    let Ok(url) = url::Url::parse(audience) else { return false };
    let path = url.path().trim_end_matches('/').to_ascii_lowercase();
    let tenant = tenant.to_ascii_lowercase();
    ["/oauth2/v2.0/token", "/oauth2/token", "/v2.0", ""].iter().any(|end| path == format!("/{tenant}{end}"))
}

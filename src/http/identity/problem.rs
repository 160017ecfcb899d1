//! Refusals in Entra's own words: AADSTS codes and texts (entra-recorded unless said).

use axum::http::StatusCode;

use crate::{
    app::identity::{AssertionFault, ExchangeFault, TokenRefusal},
    domain::{ids::ClientId, time::Timestamp},
    wire::identity::TokenError,
};

/// What a refusal says, before ids and time are added.
struct Said {
    status: StatusCode,
    error: &'static str,
    code: u32,
    text: String,
}

/// Status and body of a refusal.
pub(super) fn told(
    refusal: &TokenRefusal,
    trace_id: String,
    correlation_id: String,
    now: Timestamp,
) -> (StatusCode, TokenError) {
    let Said { status, error, code, text } = said(refusal);
    let timestamp = entra_time(now);
    let error_description = described(code, &text, &trace_id, &correlation_id, now);
    let body = TokenError {
        error,
        error_description,
        error_codes: [code],
        timestamp,
        trace_id,
        correlation_id,
        error_uri: format!("https://login.microsoftonline.com/error?code={code}"),
    };
    (status, body)
}

/// A code and its text, with the ids and the time that every description ends with.
pub(super) fn described(code: u32, text: &str, trace_id: &str, correlation_id: &str, now: Timestamp) -> String {
    let timestamp = entra_time(now);
    format!("AADSTS{code}: {text} Trace ID: {trace_id} Correlation ID: {correlation_id} Timestamp: {timestamp}")
}

fn said(refusal: &TokenRefusal) -> Said {
    let bad = |error, code, text| Said { status: StatusCode::BAD_REQUEST, error, code, text };
    match refusal {
        // Known, not recorded.
        TokenRefusal::MalformedTenant(tenant) => bad(
            "invalid_request",
            900_023,
            format!("Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain."),
        ),
        TokenRefusal::UnknownTenant(tenant) => bad(
            "invalid_request",
            90_002,
            format!(
                "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into \
                 the correct cloud. Check with your subscription administrator, this may happen if there are no \
                 active subscriptions for the tenant."
            ),
        ),
        TokenRefusal::UnknownInstance => bad("invalid_instance", 50_049, "Unknown or invalid instance.".to_owned()),
        TokenRefusal::MissingParameter(name) => {
            bad("invalid_request", 900_144, format!("The request body must contain the following parameter: '{name}'."))
        }
        // Known, not recorded.
        TokenRefusal::UnsupportedGrant(grant) => {
            bad("unsupported_grant_type", 70_003, format!("The app requested an unsupported grant type '{grant}'."))
        }
        TokenRefusal::UnknownApp { client, tenant_name } => bad(
            "unauthorized_client",
            700_016,
            format!(
                "Application with identifier '{client}' was not found in the directory '{tenant_name}'. This can \
                 happen if the application has not been installed by the administrator of the tenant or consented to \
                 by any user in the tenant. You may have sent your authentication request to the wrong tenant."
            ),
        ),
        TokenRefusal::MissingSecret | TokenRefusal::WrongSecret(_) | TokenRefusal::ExpiredSecret(_) => {
            bad_secret(refusal)
        }
        // Ours: the real ones have both.
        TokenRefusal::NoSuchEndpoint => Said {
            status: StatusCode::NOT_FOUND,
            error: "invalid_request",
            code: 90_014,
            text: "This sandbox has only the other version of the token endpoint.".to_owned(),
        },
        TokenRefusal::BadAssertion { client, fault } => bad_assertion(*fault, client),
        TokenRefusal::Exchange(fault) => bad_exchange(*fault),
        TokenRefusal::ScopeWithoutDefault(scope) => bad(
            "invalid_scope",
            1_002_012,
            format!(
                "The provided value for scope {scope} is not valid. Client credential flows must have a scope value \
                 with /.default suffixed to the resource identifier (application ID URI)."
            ),
        ),
        TokenRefusal::UnknownResource { resource, tenant_name } => bad(
            "invalid_resource",
            500_011,
            format!(
                "The resource principal named {resource} was not found in the tenant named {tenant_name}. This can \
                 happen if the application has not been installed by the administrator of the tenant or consented to \
                 by any user in the tenant. You might have sent your authentication request to the wrong tenant."
            ),
        ),
        TokenRefusal::Internal => Said {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            error: "server_error",
            code: 90_033,
            text: "A transient error has occurred. Please try again.".to_owned(),
        },
    }
}

/// What is wrong with a client secret.
fn bad_secret(refusal: &TokenRefusal) -> Said {
    let (code, text) = match refusal {
        TokenRefusal::WrongSecret(client) => (
            7_000_215,
            format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret \
                 value, not the client secret ID, for a secret added to app '{client}'."
            ),
        ),
        TokenRefusal::ExpiredSecret(client) => (
            7_000_222,
            format!(
                "The provided client secret keys for app '{client}' are expired. Visit the Azure portal to create new \
                 keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for \
                 added security: https://aka.ms/certCreds."
            ),
        ),
        // Which of 7000218 and 7000216 comes is uncertain (known).
        _ => (
            7_000_218,
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.".to_owned(),
        ),
    };
    Said { status: StatusCode::UNAUTHORIZED, error: "invalid_client", code, text }
}

/// Why a code or a refresh token is worth nothing (known codes and texts).
fn bad_exchange(fault: ExchangeFault) -> Said {
    let (code, text) = match fault {
        ExchangeFault::Malformed => (9_002_313, "Invalid request. Request is malformed or invalid."),
        ExchangeFault::Expired => (
            70_008,
            "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive \
             authorization request for this user and resource.",
        ),
        ExchangeFault::Redeemed => (
            54_005,
            "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing \
             refresh token.",
        ),
        ExchangeFault::OtherApp => (70_000, "Provided grant is invalid or malformed."),
        ExchangeFault::OtherRedirect => {
            (500_112, "The reply address does not match the reply address provided when requesting Authorization code.")
        }
        ExchangeFault::WrongVerifier => {
            (501_481, "The Code_Verifier does not match the code_challenge supplied in the authorization request.")
        }
    };
    Said { status: StatusCode::BAD_REQUEST, error: "invalid_grant", code, text: text.to_owned() }
}

/// Codes and texts for assertions: the first of 700027 is recorded (entra-recorded), the others are known.
fn bad_assertion(fault: AssertionFault, client: &ClientId) -> Said {
    let (code, text) = match fault {
        AssertionFault::Malformed => (50_027, "JWT token is invalid or malformed.".to_owned()),
        AssertionFault::UnknownCertificate => {
            (700_027, "Client assertion contains an invalid signature. [Reason - The key was not found.]".to_owned())
        }
        AssertionFault::BadSignature => (
            700_027,
            "Client assertion contains an invalid signature. [Reason - The provided signature value did not match the \
             expected signature value.]"
                .to_owned(),
        ),
        AssertionFault::OtherApp => (
            700_021,
            format!("Client assertion application identifier doesn't match 'client_id' parameter '{client}'."),
        ),
        AssertionFault::OtherAudience => {
            (700_023, "Client assertion audience claim does not match Realm issuer.".to_owned())
        }
        AssertionFault::NotNow => (700_024, "Client assertion is not within its valid time range.".to_owned()),
    };
    Said { status: StatusCode::UNAUTHORIZED, error: "invalid_client", code, text }
}

/// `2026-01-18 00:16:59Z`: a blank where RFC 3339 has a `T`.
fn entra_time(at: Timestamp) -> String {
    let text = Timestamp::from_millis(at.as_seconds().saturating_mul(1000)).to_string();
    text.replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_read_as_the_recorded_ones() {
        let now = "2026-01-18T00:16:59.123Z".parse().unwrap();
        let client = "11111111-1111-1111-1111-111111111111".parse().unwrap();
        let (status, body) = told(&TokenRefusal::WrongSecret(client), "t".into(), "c".into(), now);
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert_eq!(body.timestamp, "2026-01-18 00:16:59Z");
        assert!(body.error_description.starts_with("AADSTS7000215: Invalid client secret provided."));
        assert!(body.error_description.ends_with("Trace ID: t Correlation ID: c Timestamp: 2026-01-18 00:16:59Z"));
    }
}

//! The identity's documents: tokens, errors, discovery, keys.

use serde::{Deserialize, Serialize};

/// The answer of the v1 token endpoint: every number is a text (docs:registration-v1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenV1 {
    /// `Bearer`.
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: String,
    /// Seconds.
    pub ext_expires_in: String,
    /// Seconds since 1970.
    pub expires_on: String,
    /// Seconds since 1970.
    pub not_before: String,
    /// The audience.
    pub resource: String,
    /// The JWT.
    pub access_token: String,
}

/// The answer of the v2 token endpoint: numbers are numbers, and there are only four keys (entra-recorded).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenV2 {
    /// `Bearer`.
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: i64,
    /// Seconds.
    pub ext_expires_in: i64,
    /// The JWT.
    pub access_token: String,
}

/// The answer to a code or a refresh token (known).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonToken {
    /// `Bearer`.
    pub token_type: &'static str,
    /// The scopes that were granted.
    pub scope: String,
    /// Seconds: a number on v2, a text on v1.
    pub expires_in: Seconds,
    /// Seconds.
    pub ext_expires_in: Seconds,
    /// The JWT.
    pub access_token: String,
    /// For the next ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Who it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// Who it is, for MSAL, which asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_info: Option<String>,
}

/// A number of seconds, as one of the endpoints writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Seconds {
    /// On v1.
    Text(String),
    /// On v2.
    Number(i64),
}

/// The answer of `userinfo` (known).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserInfoBody {
    /// Who: another one for each app.
    pub sub: String,
    /// The name.
    pub name: String,
    /// The e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// An error of the identity (entra-recorded).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenError {
    /// The OAuth error: `invalid_client`.
    pub error: &'static str,
    /// `AADSTS7000215: ... Trace ID: ... Correlation ID: ... Timestamp: ...`
    pub error_description: String,
    /// The number after `AADSTS`.
    pub error_codes: [u32; 1],
    /// `2026-01-18 00:16:59Z`, with a blank.
    pub timestamp: String,
    /// The same as the header `x-ms-request-id`.
    pub trace_id: String,
    /// The caller's `client-request-id`, or a new one.
    pub correlation_id: String,
    /// Where the code is explained.
    pub error_uri: String,
}

/// The form of a token request. Names are read whatever their case (docs:metering-auth writes capitals); unknown fields
/// are ignored, because clients send many (trace).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TokenForm {
    /// `grant_type`.
    pub grant_type: Option<String>,
    /// `client_id`.
    pub client_id: Option<String>,
    /// `client_secret`.
    pub client_secret: Option<String>,
    /// `client_assertion_type`.
    pub client_assertion_type: Option<String>,
    /// `client_assertion`.
    pub client_assertion: Option<String>,
    /// `resource`, on v1.
    pub resource: Option<String>,
    /// `scope`, on v2.
    pub scope: Option<String>,
    /// `code`, of somebody's sign-in.
    pub code: Option<String>,
    /// `redirect_uri` that the code came to.
    pub redirect_uri: Option<String>,
    /// `code_verifier`.
    pub code_verifier: Option<String>,
    /// `refresh_token`.
    pub refresh_token: Option<String>,
    /// `client_info`: `1` asks for it.
    pub client_info: Option<String>,
}

impl TokenForm {
    /// Reads the fields of a form. An empty value counts as a missing one; of a repeated field the first counts.
    #[must_use]
    pub fn read(fields: impl Iterator<Item = (String, String)>) -> Self {
        let mut form = Self::default();
        for (name, value) in fields.filter(|(_, value)| !value.is_empty()) {
            let slot = match name.to_ascii_lowercase().as_str() {
                "grant_type" => &mut form.grant_type,
                "client_id" => &mut form.client_id,
                "client_secret" => &mut form.client_secret,
                "client_assertion_type" => &mut form.client_assertion_type,
                "client_assertion" => &mut form.client_assertion,
                "resource" => &mut form.resource,
                "scope" => &mut form.scope,
                "code" => &mut form.code,
                "redirect_uri" => &mut form.redirect_uri,
                "code_verifier" => &mut form.code_verifier,
                "refresh_token" => &mut form.refresh_token,
                "client_info" => &mut form.client_info,
                _ => continue,
            };
            slot.get_or_insert(value);
        }
        form
    }
}

/// The answer of instance discovery (entra-recorded).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstanceDocument {
    /// Where the tenant's configuration is.
    pub tenant_discovery_endpoint: String,
    /// `1.1`.
    #[serde(rename = "api-version")]
    pub api_version: &'static str,
    /// The one instance.
    pub metadata: [InstanceMetadata; 1],
}

/// An instance of the identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstanceMetadata {
    /// The host to call.
    pub preferred_network: String,
    /// The host under which tokens are kept.
    pub preferred_cache: String,
    /// All hosts that are the same.
    pub aliases: Vec<String>,
}

/// The key document (entra-recorded).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySet {
    /// The keys; two, so that a client that keeps the first it sees is found out.
    pub keys: Vec<KeyDocument>,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyDocument {
    /// `RSA`.
    pub kty: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub purpose: String,
    /// The key's id.
    pub kid: String,
    /// The same.
    pub x5t: String,
    /// Modulus, base64url.
    pub n: String,
    /// Exponent, base64url.
    pub e: String,
    /// The issuer of the tokens that it signs; the text `{tenantid}` on the `common` path.
    pub issuer: String,
}

/// A discovery document: the keys that clients read, all absolute (trace).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenIdConfiguration {
    /// Where tokens are.
    pub token_endpoint: String,
    /// `client_secret_post`, the one that is simulated.
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// Where keys are.
    pub jwks_uri: String,
    /// How answers of the authorization endpoint come.
    pub response_modes_supported: Vec<String>,
    /// `pairwise`.
    pub subject_types_supported: Vec<String>,
    /// `RS256`.
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// What the authorization endpoint gives.
    pub response_types_supported: Vec<String>,
    /// Scopes.
    pub scopes_supported: Vec<String>,
    /// Who issues.
    pub issuer: String,
    /// `false`.
    pub request_uri_parameter_supported: bool,
    /// Who somebody is.
    pub userinfo_endpoint: String,
    /// Where people sign in.
    pub authorization_endpoint: String,
    /// `true`.
    pub http_logout_supported: bool,
    /// `true`.
    pub frontchannel_logout_supported: bool,
    /// Where people sign out.
    pub end_session_endpoint: String,
    /// What id tokens say.
    pub claims_supported: Vec<String>,
    /// `WW`.
    pub tenant_region_scope: String,
    /// The cloud.
    pub cloud_instance_name: String,
}

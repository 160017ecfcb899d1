//! Access keys.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A key to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateAccessKey {
    /// Whose it is or what for, for people who look at the list.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(example = "CI of team A")]
    pub note: String,
}

/// A key, without what makes it one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessKeyView {
    /// Which one it is; it stands in the key as well.
    #[schema(example = "5d0c1e2f3a4b")]
    pub id: String,
    /// Whose it is or what for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// When it was made, on the machine's clock.
    pub created: String,
}

/// A key that was just made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewAccessKey {
    /// The key: to be sent as `Authorization: Bearer ...`. It can't be told again.
    #[schema(example = "rhk.team-a.5d0c1e2f3a4b.VGhpcyBpcyBub3QgYSBrZXksIGJ1dCBhcyBsb25n")]
    pub key: String,
    /// What is known of it later.
    #[serde(flatten)]
    pub about: AccessKeyView,
}

/// Keys, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessKeyList {
    /// The keys.
    pub keys: Vec<AccessKeyView>,
}

//! The tenant in an identity's path: its id, a verified domain of it, or one of the words that stand for any.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Path, rejection::PathRejection},
    http::request::Parts,
};

use crate::http::faces::Faces;

/// What the first segment of the path names: a domain has become the id of its tenant, as in Entra's own documents
/// (docs:registration-v1 takes either).
pub(super) struct Tenant(pub(super) String);

impl FromRequestParts<Arc<Faces>> for Tenant {
    type Rejection = PathRejection;

    async fn from_request_parts(parts: &mut Parts, faces: &Arc<Faces>) -> Result<Self, PathRejection> {
        let Path(segment) = Path::<String>::from_request_parts(parts, faces).await?;
        Ok(Self(faces.app.tenant_named(segment).await))
    }
}

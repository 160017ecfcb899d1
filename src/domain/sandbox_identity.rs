//! stub
use super::{catalogue::Catalogue, ids::SandboxId};
impl Catalogue {
    /// stub
    #[must_use]
    pub fn for_sandbox(self, _sandbox: &SandboxId) -> Self {
        self
    }
}

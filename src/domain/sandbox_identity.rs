//! Identities that a sandbox has to itself, and identities that a fixture leaves for us to make up.
//!
//! A publisher's access token leads to its sandbox, because a client id belongs to exactly one (design, section 3,
//! rule 5). All sandboxes start from the same fixtures, so every sandbox but `default` gets identities derived from
//! the fixture's: the same ones each time, and other ones than its neighbours.

use sha2::{Digest as _, Sha256};

use super::{
    catalogue::{AppRegistration, Catalogue, Person},
    ids::{ClientId, ObjectId, SandboxId, TenantId},
};

impl Catalogue {
    /// This catalogue with the identities of a sandbox: tenants, apps, users and client secrets. `default` keeps those
    /// that the fixtures spell out. The same tenant becomes the same one wherever it stands, so the audience of a
    /// private plan still fits.
    #[must_use]
    pub fn for_sandbox(mut self, sandbox: &SandboxId) -> Self {
        if *sandbox == SandboxId::default_sandbox() {
            return self;
        }
        for publisher in &mut self.publishers {
            let app = &mut publisher.app;
            *app = AppRegistration {
                tenant_id: tenant(sandbox, app.tenant_id),
                tenant_name: std::mem::take(&mut app.tenant_name),
                client_id: ClientId::from_bytes(digest(
                    "client",
                    &[sandbox.as_str().as_bytes(), app.client_id.as_bytes()],
                )),
                object_id: object(sandbox, app.object_id),
                client_secret: secret(sandbox, &app.client_secret),
            };
        }
        let users = self.customers.iter_mut().flat_map(|customer| &mut customer.users);
        for user in self.partners.iter_mut().map(|partner| &mut partner.user).chain(users) {
            move_person(user, sandbox);
        }
        for plan in self.offers.iter_mut().flat_map(|offer| &mut offer.plans) {
            for audience in plan.private_to.iter_mut().flatten() {
                *audience = tenant(sandbox, *audience);
            }
        }
        self
    }
}

fn move_person(person: &mut Person, sandbox: &SandboxId) {
    person.tenant_id = tenant(sandbox, person.tenant_id);
    person.object_id = object(sandbox, person.object_id);
}

fn tenant(sandbox: &SandboxId, original: TenantId) -> TenantId {
    TenantId::from_bytes(digest("tenant", &[sandbox.as_str().as_bytes(), original.as_bytes()]))
}

fn object(sandbox: &SandboxId, original: ObjectId) -> ObjectId {
    ObjectId::from_bytes(digest("object", &[sandbox.as_str().as_bytes(), original.as_bytes()]))
}

/// As guessable as the fixture's own secret is, which is all that a rehearsal needs.
fn secret(sandbox: &SandboxId, original: &str) -> String {
    hex(&digest("secret", &[sandbox.as_str().as_bytes(), original.as_bytes()]))
}

/// The object id of somebody or something in a tenant, for a fixture that names none.
#[must_use]
pub fn derived_object_id(tenant: TenantId, name: &str) -> ObjectId {
    ObjectId::from_bytes(digest("object of", &[tenant.as_bytes(), name.to_lowercase().as_bytes()]))
}

/// The `puid` of a user, for a fixture that names none: 16 upper-case hex digits that start with `1003`, as nearly all
/// recorded ones do.
#[must_use]
pub fn derived_puid(user: ObjectId) -> String {
    let digits = hex(&digest("puid", &[user.as_bytes()])).to_uppercase();
    format!("1003{}", digits.chars().take(12).collect::<String>())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first 16 bytes of a SHA-256 over a purpose and some parts. Each part goes in with its length, so that no two
/// lists of parts run together.
fn digest(purpose: &str, parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    let mut first = [0; 16];
    for (to, from) in first.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    first
}

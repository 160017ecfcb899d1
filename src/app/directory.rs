//! Which sandboxes are open here, and what leads to each: its name, where its head lies, its tenants and their domains, its
//! app registrations.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use super::{error::AppError, registry::App, sandbox::Sandbox};
use crate::{
    domain::{
        catalogue::{AppRegistration, Catalogue, Customer},
        ids::{ClientId, PartnerId, PublisherId, SandboxId, TenantId},
    },
    store::Key,
};

/// Everything by which a sandbox is found.
#[derive(Debug, Default)]
pub(super) struct Directory(RwLock<Entries>);

#[derive(Debug, Default)]
struct Entries {
    sandboxes: BTreeMap<SandboxId, Arc<Sandbox>>,
    heads: BTreeMap<Key, SandboxId>,
    apps: BTreeMap<ClientId, SandboxId>,
    tenants: BTreeMap<TenantId, SandboxId>,
    domains: BTreeMap<String, TenantId>,
}

/// An app registration, and where it lives.
#[derive(Debug, Clone)]
pub struct Registered {
    /// The sandbox.
    pub sandbox: Arc<Sandbox>,
    /// The registration.
    pub app: AppRegistration,
    /// Whose it is.
    pub owner: AppOwner,
}

/// Whose an app registration is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppOwner {
    /// A publisher's: it calls the marketplace.
    Publisher(PublisherId),
    /// A CSP partner's: it calls Partner Center.
    Partner(PartnerId),
}

impl AppOwner {
    /// The publisher, if it is one.
    #[must_use]
    pub const fn publisher(&self) -> Option<&PublisherId> {
        match self {
            Self::Publisher(id) => Some(id),
            Self::Partner(_) => None,
        }
    }

    /// The partner, if it is one.
    #[must_use]
    pub const fn partner(&self) -> Option<&PartnerId> {
        match self {
            Self::Partner(id) => Some(id),
            Self::Publisher(_) => None,
        }
    }
}

impl Directory {
    /// Makes a sandbox known.
    pub(super) fn enter(&self, sandbox: &Arc<Sandbox>) {
        let (id, catalogue) = (sandbox.id(), sandbox.catalogue());
        let mut entries = self.write();
        for (app, _) in apps(catalogue) {
            entries.apps.insert(app.client_id, id.clone());
            entries.tenants.insert(app.tenant_id, id.clone());
        }
        for tenant in catalogue.customers.iter().filter_map(Customer::tenant_id) {
            entries.tenants.insert(tenant, id.clone());
        }
        for partner in &catalogue.partners {
            entries.tenants.insert(partner.user.tenant_id, id.clone());
        }
        entries.domains.extend(catalogue.tenant_domains(id));
        entries.heads.insert(sandbox.head(), id.clone());
        entries.sandboxes.insert(id.clone(), Arc::clone(sandbox));
    }

    /// Forgets a sandbox.
    pub(super) fn strike_out(&self, sandbox: &Sandbox) {
        let id = sandbox.id();
        let mut entries = self.write();
        entries.sandboxes.remove(id);
        entries.heads.remove(&sandbox.head());
        entries.apps.retain(|_, of| of != id);
        entries.tenants.retain(|_, of| of != id);
        let Entries { domains, tenants, .. } = &mut *entries;
        domains.retain(|_, tenant| tenants.contains_key(tenant));
    }

    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// A sandbox by name.
    ///
    /// # Errors
    /// [`AppError::UnknownSandbox`].
    pub fn sandbox(&self, id: &SandboxId) -> Result<Arc<Sandbox>, AppError> {
        let entries = self.directory.read();
        entries.sandboxes.get(id).cloned().ok_or_else(|| AppError::UnknownSandbox(id.clone()))
    }

    /// The sandbox whose head lies there.
    pub(super) fn sandbox_of_head(&self, key: &Key) -> Option<Arc<Sandbox>> {
        let entries = self.directory.read();
        entries.sandboxes.get(entries.heads.get(key)?).cloned()
    }

    /// All sandboxes, by name.
    #[must_use]
    pub fn sandboxes(&self) -> Vec<Arc<Sandbox>> {
        self.directory.read().sandboxes.values().cloned().collect()
    }

    /// An app registration by its client id: a client id belongs to one sandbox.
    #[must_use]
    pub fn registered_app(&self, client: ClientId) -> Option<Registered> {
        let entries = self.directory.read();
        let sandbox = entries.sandboxes.get(entries.apps.get(&client)?)?;
        let (app, owner) = apps(sandbox.catalogue()).find(|(app, _)| app.client_id == client)?;
        Some(Registered { sandbox: Arc::clone(sandbox), app: app.clone(), owner })
    }

    /// The sandbox that a tenant belongs to: a publisher's, a customer's or a partner's.
    #[must_use]
    pub fn sandbox_of_tenant(&self, tenant: TenantId) -> Option<Arc<Sandbox>> {
        let entries = self.directory.read();
        entries.sandboxes.get(entries.tenants.get(&tenant)?).cloned()
    }

    /// The tenant that a verified domain belongs to.
    pub(super) fn tenant_of_domain(&self, domain: &str) -> Option<TenantId> {
        let entries = self.directory.read();
        entries.domains.get(&domain.to_ascii_lowercase()).copied()
    }
}

/// The app registrations of a catalogue, and whose each is.
fn apps(catalogue: &Catalogue) -> impl Iterator<Item = (&AppRegistration, AppOwner)> {
    let publishers = catalogue.publishers.iter();
    let publishers = publishers.map(|publisher| (&publisher.app, AppOwner::Publisher(publisher.id.clone())));
    let partners = catalogue.partners.iter();
    publishers.chain(partners.map(|partner| (&partner.app, AppOwner::Partner(partner.id.clone()))))
}

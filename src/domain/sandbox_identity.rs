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
    /// The tenants that a domain name may stand for in a sandbox: the domain of a publisher's app, a customer's, and that of
    /// a partner's address. All sandboxes have the same ones, so every sandbox but `default` has its name before them.
    pub fn tenant_domains(&self, sandbox: &SandboxId) -> impl Iterator<Item = (String, TenantId)> {
        let publishers = self.publishers.iter().map(|publisher| &publisher.app);
        let publishers = publishers.filter_map(|app| Some((app.domain.as_deref()?, app.tenant_id)));
        let customers = self.customers.iter();
        let customers = customers.filter_map(|customer| Some((customer.domain.as_str(), customer.tenant_id()?)));
        let partners = self.partners.iter().map(|partner| &partner.user);
        let partners = partners.filter_map(|user| Some((user.email.rsplit_once('@')?.1, user.tenant_id)));
        let prefix =
            if *sandbox == SandboxId::default_sandbox() { String::new() } else { format!("{}.", sandbox.as_str()) };
        let named = publishers.chain(customers).chain(partners);
        named.map(move |(domain, tenant)| (format!("{prefix}{domain}").to_ascii_lowercase(), tenant))
    }

    /// This catalogue with the identities of a sandbox: tenants, apps, users and client secrets. `default` keeps those
    /// that the fixtures spell out. The same tenant becomes the same one wherever it stands, so the audience of a
    /// private plan still fits.
    #[must_use]
    pub fn for_sandbox(mut self, sandbox: &SandboxId) -> Self {
        if *sandbox == SandboxId::default_sandbox() {
            return self;
        }
        let apps = self.publishers.iter_mut().map(|publisher| &mut publisher.app);
        for app in apps.chain(self.partners.iter_mut().map(|partner| &mut partner.app)) {
            *app = AppRegistration {
                tenant_id: tenant(sandbox, app.tenant_id),
                tenant_name: std::mem::take(&mut app.tenant_name),
                domain: app.domain.take(),
                client_id: ClientId::from_bytes(digest(
                    "client",
                    &[sandbox.as_str().as_bytes(), app.client_id.as_bytes()],
                )),
                object_id: object(sandbox, app.object_id),
                client_secret: secret(sandbox, &app.client_secret),
                redirect_uris: std::mem::take(&mut app.redirect_uris),
                certificates: app.certificates.clone(),
            };
        }
        let users = self.customers.iter_mut().flat_map(|customer| &mut customer.users);
        let staff = self.partners.iter_mut().flat_map(|partner| {
            std::iter::once(&mut partner.user).chain(partner.staff.iter_mut().map(|member| &mut member.person))
        });
        for user in staff.chain(users) {
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

/// The client id of a partner's app, for a fixture that names none.
#[must_use]
pub fn derived_client_id(tenant: TenantId, partner: &str) -> ClientId {
    ClientId::from_bytes(digest("app of", &[tenant.as_bytes(), partner.as_bytes()]))
}

/// The number of a partner in Microsoft's partner network, for a fixture that names none: seven digits.
#[must_use]
pub fn derived_mpn_id(tenant: TenantId) -> String {
    let [a, b, c, d, ..] = digest("mpn", &[tenant.as_bytes()]);
    format!("{}", 1_000_000 + u32::from_be_bytes([a, b, c, d]) % 9_000_000)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        catalogue::{BillingWaitsFor, Customer, Offer, Partner, Plan, Pricing, Publisher},
        customer::Address,
        setup_form::SetupForm,
    };

    const CUSTOMER_TENANT: TenantId = TenantId::from_bytes([4; 16]);

    fn person(tenant_id: TenantId, name: &str) -> Person {
        Person {
            email: format!("{name}@northwind.example"),
            name: name.to_owned(),
            object_id: derived_object_id(tenant_id, name),
            tenant_id,
            puid: "1003200000000001".to_owned(),
        }
    }

    fn catalogue() -> Catalogue {
        let app = AppRegistration {
            tenant_id: TenantId::from_bytes([1; 16]),
            tenant_name: "Contoso".to_owned(),
            domain: None,
            client_id: ClientId::from_bytes([2; 16]),
            object_id: ObjectId::from_bytes([3; 16]),
            client_secret: "rehearsal-contoso-secret".to_owned(),
            redirect_uris: Vec::new(),
            certificates: Vec::new(),
        };
        let plan = Plan {
            id: "gold".parse().unwrap(),
            name: "Gold".to_owned(),
            description: "Gold".to_owned(),
            pricing: Pricing::FlatRate,
            terms: Vec::new(),
            free_trial: false,
            private_to: Some(vec![CUSTOMER_TENANT]),
            stop_sell: false,
            auto_activation: false,
            dimensions: Vec::new(),
            market: "US".to_owned(),
        };
        let offer = Offer {
            id: "crm".parse().unwrap(),
            publisher: "contoso".parse().unwrap(),
            name: "CRM".to_owned(),
            description: "CRM".to_owned(),
            landing_page_url: None,
            webhook_url: None,
            billing_waits_for: BillingWaitsFor::both(),
            plans: vec![plan],
            setup_form: SetupForm::default(),
            provisioning_faults: Vec::new(),
        };
        let partner = Partner {
            id: "proseware".parse().unwrap(),
            name: "Proseware".to_owned(),
            mpn_id: "4847383".parse().unwrap(),
            app: app.clone(),
            staff: Vec::new(),
            resellers: Vec::new(),
            user: person(TenantId::from_bytes([5; 16]), "priya"),
        };
        let customer = Customer {
            id: "northwind".parse().unwrap(),
            partner: "proseware".parse().unwrap(),
            name: "Northwind".to_owned(),
            domain: "northwind.example".to_owned(),
            users: vec![person(CUSTOMER_TENANT, "nora"), person(CUSTOMER_TENANT, "oscar")],
            address: Address::default(),
            culture: "en-US".to_owned(),
            reseller: None,
            agreement: None,
        };
        Catalogue {
            publishers: vec![Publisher { id: "contoso".parse().unwrap(), name: "Contoso".to_owned(), app }],
            offers: vec![offer],
            partners: vec![partner],
            customers: vec![customer],
        }
    }

    fn in_sandbox(name: &str) -> Catalogue {
        catalogue().for_sandbox(&name.parse().unwrap())
    }

    #[test]
    fn the_default_sandbox_keeps_what_the_fixtures_say() {
        assert_eq!(in_sandbox("default"), catalogue());
    }

    #[test]
    fn each_other_sandbox_has_identities_of_its_own() {
        let (original, one, two) = (catalogue(), in_sandbox("one"), in_sandbox("two"));
        assert_eq!(one, in_sandbox("one"), "the same ones each time");
        for (a, b) in [(&original, &one), (&original, &two), (&one, &two)] {
            let (left, right) = (&a.publishers[0].app, &b.publishers[0].app);
            assert_ne!(left.tenant_id, right.tenant_id);
            assert_ne!(left.client_id, right.client_id);
            assert_ne!(left.object_id, right.object_id);
            assert_ne!(left.client_secret, right.client_secret);
            assert_ne!(a.partners[0].user.tenant_id, b.partners[0].user.tenant_id);
            assert_ne!(a.partners[0].user.object_id, b.partners[0].user.object_id);
            assert_ne!(a.customers[0].users[1].object_id, b.customers[0].users[1].object_id);
        }
    }

    #[test]
    fn one_tenant_stays_one_tenant() {
        let moved = in_sandbox("one");
        let customer = &moved.customers[0];
        assert_ne!(customer.tenant_id(), Some(CUSTOMER_TENANT));
        assert_eq!(customer.users[0].tenant_id, customer.users[1].tenant_id);
        let plan = &moved.offers[0].plans[0];
        assert!(plan.is_open_to(customer.tenant_id().unwrap()));
        assert!(!plan.is_open_to(CUSTOMER_TENANT));
    }

    #[test]
    fn everything_else_stays_as_it_was() {
        let moved = in_sandbox("one");
        let (was, is) = (&catalogue().customers[0], &moved.customers[0]);
        assert_eq!((&was.id, &was.name, &was.users[0].email), (&is.id, &is.name, &is.users[0].email));
        assert_eq!(was.users[0].puid, is.users[0].puid);
        assert_eq!(moved.publishers[0].app.tenant_name, "Contoso");
        assert_eq!(moved.partners[0].id, catalogue().partners[0].id);
    }

    #[test]
    fn derived_values_are_pinned_as_stores_and_documents_keep_them() {
        let app = &in_sandbox("one").publishers[0].app;
        let user = derived_object_id(CUSTOMER_TENANT, "Nora@northwind.example");
        assert_eq!(user, derived_object_id(CUSTOMER_TENANT, "nora@northwind.example"), "case does not matter");
        let found = [app.client_id.to_string(), app.client_secret.clone(), user.to_string(), derived_puid(user)];
        assert_eq!(found, PINNED);
    }

    const PINNED: [&str; 4] = [
        "8e352f7d-511c-9d71-fb5a-bc1cfc614839",
        "1039ff4a34934c0a04a11d5130dd0f00",
        "9e7ed18b-7c2e-e624-c55f-80534b15acc7",
        "1003F72D4D582221",
    ];
}

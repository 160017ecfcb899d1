//! Customers that are made in the portal.

use serde_json::json;

use super::portal::{Visitor, part};
use crate::world::World;

const FORM: [(&str, &str); 13] = [
    ("companyName", " Fabrikam Sim "),
    ("domain", "FabrikamSim.onmicrosoft.com"),
    ("firstName", "Ada"),
    ("lastName", "Lovelace"),
    ("email", "ada@fabrikamsim.example"),
    ("phoneNumber", ""),
    ("addressLine1", "One Way"),
    ("city", "Redmond"),
    ("state", "WA"),
    ("postalCode", "98052"),
    ("country", "us"),
    ("culture", "en-US"),
    ("reseller", "4847383"),
];

/// Fields and what is typed into them.
type Fields<'a> = &'a [(&'a str, &'a str)];

/// The form with some fields otherwise.
fn with<'a>(changed: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let value = |name| changed.iter().find(|(field, _)| *field == name).map(|(_, value)| *value);
    FORM.iter().map(|(name, usual)| (*name, value(*name).unwrap_or(usual))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_made_in_the_portal() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let new = "/partner/customers/new";
    let billing = Visitor::of(&world, &partner, "billingAdmin").await;
    assert!(!billing.get("/partner/customers").await.text.contains(new));
    billing.get(new).await.expect_text(403, "<!doctype html>");
    billing.post(new, &FORM).await.expect_text(403, "<!doctype html>");

    let portal = Visitor::of(&world, &partner, "adminAgent").await;
    assert!(portal.get("/partner/customers").await.text.contains(&format!("href=\"{new}\"")));
    assert!(part(&portal.get(new).await, "culture").contains("value=\"en-US\""));
    let made = portal.post(new, &FORM).await;
    assert_eq!(made.status, 303, "{}", made.text);
    let account = made.header("location").unwrap().to_owned();
    let page = portal.get(&account).await;
    assert!(part(&page, "customer-made").contains("Fabrikam Sim is your customer now"), "{}", page.text);
    let root = account.strip_suffix("/account?made=1").unwrap();
    let tenant = root.rsplit('/').next().unwrap();
    let known = partner.get(&format!("/customers/{tenant}")).await.expect(200);
    assert_eq!(known["companyProfile"]["domain"], "fabrikamsim.onmicrosoft.com");
    assert_eq!(known["companyProfile"]["companyName"], "Fabrikam Sim");
    let address = &known["billingProfile"]["defaultAddress"];
    let told = json!([address["country"], address["city"], address["firstName"], known["billingProfile"]["culture"]]);
    assert_eq!(told, json!(["US", "Redmond", "Ada", "en-US"]));
    assert!(part(&portal.get("/partner/activity").await, "activity-row").contains("Customer added"));

    // Its domain is taken now, and what was typed is still there.
    let again = portal.post(new, &FORM).await;
    again.expect_text(422, "<!doctype html>");
    assert!(part(&again, "error-domain").contains("fabrikamsim.onmicrosoft.com"), "{}", again.text);
    assert!(part(&again, "companyName").contains("value=\" Fabrikam Sim \""), "{}", again.text);
    assert!(again.text.contains("<option value=\"4847383\" selected>"), "{}", again.text);
    world.stop().await;
}

/// Everything that is wrong is said at once, each at its field.
#[tokio::test]
async fn a_new_customer_s_mistakes_stand_at_their_fields() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let portal = Visitor::of(&world, &partner, "adminAgent").await;
    let before = partner.get("/customers?size=40").await.expect(200);
    let (long_name, long_domain) = ("é".repeat(129), format!("{}.com", "a".repeat(250)));
    let needed =
        ["companyName", "domain", "firstName", "lastName", "email", "addressLine1", "city", "country", "culture"];
    let nothing = needed.map(|name| (name, " "));
    let table: [(Fields<'_>, &[&str]); 8] = [
        (&nothing, &needed),
        (&[("companyName", &long_name)], &["companyName"]),
        (&[("domain", &long_domain)], &["domain"]),
        (&[("domain", "no domain"), ("email", "nobody")], &["domain", "email"]),
        (&[("domain", "fabrikam..com")], &["domain"]),
        (&[("country", "USA")], &["country"]),
        (&[("reseller", "1111111")], &["reseller"]),
        (&[("city", ""), ("state", "")], &["city"]),
    ];
    for (changed, wrong) in table {
        let page = portal.post("/partner/customers/new", &with(changed)).await;
        page.expect_text(422, "<!doctype html>");
        let names = FORM.map(|(name, _)| name);
        let found = names.iter().filter(|name| page.text.contains(&format!("data-testid=\"error-{name}\"")));
        assert_eq!(
            found.copied().collect::<Vec<_>>(),
            names.into_iter().filter(|name| wrong.contains(name)).collect::<Vec<_>>()
        );
        assert!(part(&page, "error-summary").contains(&format!("href=\"#{}\"", wrong[0])), "{}", page.text);
        for (name, typed) in changed.iter().filter(|(name, _)| *name != "reseller") {
            assert!(part(&page, name).contains(&format!("value=\"{typed}\"")), "{name}: {}", page.text);
        }
    }
    assert_eq!(
        partner.get("/customers?size=40").await.expect(200)["totalCount"],
        before["totalCount"],
        "none was made"
    );
    world.stop().await;
}

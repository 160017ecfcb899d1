//! The portal's pages, as somebody of a partner gets them: what is offered and what is not, and what is answered to those who
//! ask all the same.

use serde_json::json;

use super::{Partner, publisher_activates};
use crate::world::{Reply, SANDBOX, World, send, text};

/// Somebody of a partner who has signed in at the portal.
pub(super) struct Visitor<'a> {
    world: &'a World,
    cookie: String,
}

impl<'a> Visitor<'a> {
    /// The one of that role.
    pub(super) async fn of(world: &'a World, partner: &Partner, role: &str) -> Self {
        Self::signing_in(world, partner, role, "").await.0
    }

    /// The one of that role, who had asked for a page; tells where that one gets to.
    async fn signing_in(world: &'a World, partner: &Partner, role: &str, next: &str) -> (Self, String) {
        let users = partner.environment["users"].as_array().unwrap();
        let user = text(users.iter().find(|user| user["role"] == role).unwrap(), "objectId");
        let form = [("user", format!("proseware/{user}")), ("sandbox", SANDBOX.to_owned()), ("next", next.to_owned())];
        let url = format!("{}/partner", world.base_url);
        let reply = send(world.http.post(url).header("origin", &world.base_url).form(&form)).await;
        let cookie = reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        (Self { world, cookie }, reply.header("location").unwrap().to_owned())
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        send(self.world.http.get(format!("{}{path}", self.world.base_url)).header("cookie", &self.cookie)).await
    }

    pub(super) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Reply {
        let request = self.world.http.post(format!("{}{path}", self.world.base_url));
        let request = request.header("cookie", &self.cookie).header("origin", &self.world.base_url);
        send(request.form(form)).await
    }
}

/// The element of a page that has a test id: from its tag to the next one that has one.
pub(super) fn part<'a>(page: &'a Reply, id: &str) -> &'a str {
    let at = page.text.find(&format!("data-testid=\"{id}\"")).unwrap_or_else(|| panic!("no {id} in {}", page.text));
    let start = page.text[..at].rfind('<').unwrap();
    let rest = &page.text[start..];
    let end = rest
        .get(at - start + 14..)
        .and_then(|more| more.find("data-testid"))
        .map_or(rest.len(), |end| end + at - start + 14);
    &rest[..end]
}

/// What can't be done is not offered, and says why; the link can be copied.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_possible_is_not_offered() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let (customer, id) = partner.has_bought().await;
    let portal = Visitor::of(&world, &partner, "adminAgent").await;
    let path = format!("/partner/customers/{customer}/subscriptions/{id}");
    let page = portal.get(&path).await;
    page.expect_text(200, "<!doctype html>");
    for control in ["quantity", "quantity-submit", "auto-renew-submit", "cancel"] {
        assert!(
            part(&page, control).contains(" disabled")
                || page.text.contains(&format!("disabled data-testid=\"{control}\"")),
            "{control}"
        );
    }
    assert!(part(&page, "cancel-why").contains("not activated yet"), "{}", page.text);
    assert!(part(&page, "link").contains("token="), "{}", page.text);
    let history = part(&page, "history");
    assert!(
        history.contains(
            "Proseware Cloud Partners bought Contoso CRM - Team, 5 licenses, a term of 1 month, for Northwind Traders."
        ),
        "{history}"
    );

    publisher_activates(&world, &id).await;
    let page = portal.get(&path).await;
    assert!(part(&page, "cancel-brings").contains("can&#39;t be brought back"), "{}", part(&page, "cancel-brings"));
    world.operator().advances("P4D").await;
    let portal = Visitor::of(&world, &partner, "adminAgent").await;
    let page = portal.get(&path).await;
    assert!(part(&page, "cancel-why").contains("The cancellation window of 72 hours is over"), "{}", page.text);

    portal.post(&path, &[("what", "status"), ("value", "suspended")]).await;
    let page = portal.get(&path).await;
    assert!(part(&page, "history").contains("The partner suspended the subscription"), "{}", page.text);
    world.stop().await;
}

/// A change that is refused is seen: in the title, and in the summary that gets the focus. So are those of a page that was
/// opened before the subscription had ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_refused_is_seen() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let (customer, id) = partner.has_bought().await;
    publisher_activates(&world, &id).await;
    let portal = Visitor::of(&world, &partner, "globalAdmin").await;
    let path = format!("/partner/customers/{customer}/subscriptions/{id}");
    let long = "x".repeat(129);
    let table = [
        ("quantity", "99", "Plan Team ends at 50 seats"),
        ("quantity", "0", "at least one seat"),
        ("quantity", "many", "a whole number"),
        ("nickname", long.as_str(), "128 characters"),
        ("autoRenew", "zzz", "on or off"),
        ("reseller", "1111111", "no indirect reseller"),
        ("status", "sold", "no such status"),
        ("", "", "nothing of that name"),
    ];
    for (what, value, why) in table {
        let page = portal.post(&path, &[("what", what), ("value", value)]).await;
        page.expect_text(422, "<!doctype html>");
        let summary = part(&page, "error-summary");
        assert!(summary.contains("data-focus") && summary.contains(why), "{what}={value}: {summary}");
        assert!(page.text.contains("<title>Error: "), "{what}={value}");
    }
    assert_eq!(partner.subscription(&customer, &id).await["autoRenewEnabled"], true);
    partner.changes(&customer, &id, &json!({ "status": "deleted" })).await.expect(200);
    for (what, value) in [("nickname", "Late"), ("reseller", "4847383"), ("quantity", "6"), ("status", "active")] {
        let page = portal.post(&path, &[("what", what), ("value", value)]).await;
        assert_eq!(page.status, 422, "{what}");
        assert!(part(&page, "error-summary").contains("The subscription is Unsubscribed"), "{what}: {}", page.text);
        assert!(part(&page, "status").contains("Canceled"), "{what}");
    }
    assert_eq!(partner.subscription(&customer, &id).await["friendlyName"], "Ours");
    for (path, form) in [("/partner", &[][..]), (path.as_str(), &[])] {
        portal.post(path, form).await.expect_text(422, "<!doctype html>");
    }
    let page = portal.get(&format!("/partner/customers/{customer}/buy")).await;
    page.expect_text(404, "<!doctype html>");
    world.stop().await;
}

/// A fresh link is for those who buy, and for what waits for its publisher.
#[tokio::test]
async fn a_fresh_link_is_for_who_may_act_and_while_it_is_needed() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let (customer, id) = partner.has_bought().await;
    let path = format!("/partner/customers/{customer}/subscriptions/{id}");
    let etag = async || text(&partner.subscription(&customer, &id).await["attributes"], "etag");
    let before = etag().await;
    for (role, status) in [("helpdeskAgent", 403), ("billingAdmin", 403), ("salesAgent", 303), ("adminAgent", 303)] {
        let portal = Visitor::of(&world, &partner, role).await;
        let page = portal.get(&path).await;
        assert_eq!(page.text.contains("fresh-link"), status == 303, "{role}");
        assert_eq!(portal.post(&format!("{path}/link"), &[]).await.status, status, "{role}");
    }
    assert_eq!(etag().await, before, "a new code is no change");
    publisher_activates(&world, &id).await;
    let portal = Visitor::of(&world, &partner, "adminAgent").await;
    portal.post(&format!("{path}/link"), &[]).await.expect_text(409, "<!doctype html>");
    world.stop().await;
}

/// Whoever has to sign in first gets to the page that was asked for.
#[tokio::test]
async fn a_page_that_was_asked_for_is_remembered_at_the_sign_in() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let reply = send(world.http.get(format!("{}/partner/invoices?a=b", world.base_url))).await;
    assert_eq!(reply.header("location"), Some("/partner?next=%2Fpartner%2Finvoices%3Fa%3Db"));
    let page = send(world.http.get(format!("{}/partner?next=%2Fpartner%2Finvoices", world.base_url))).await;
    assert!(page.text.contains("name=\"next\" value=\"/partner/invoices\""), "{}", page.text);
    for (next, expected) in [
        ("/partner/invoices", "/partner/invoices"),
        ("", "/partner/customers"),
        ("https://elsewhere.example/", "/partner/customers"),
        ("//elsewhere.example/", "/partner/customers"),
    ] {
        let (portal, location) = Visitor::signing_in(&world, &partner, "globalAdmin", next).await;
        assert_eq!(location, expected, "{next:?}");
        let page = portal.get(&location).await;
        assert!(part(&page, "nav-console").contains(&format!("href=\"/?sandbox={SANDBOX}\"")), "{}", page.text);
    }
    // A customer is found by any part of its name.
    let portal = Visitor::of(&world, &partner, "globalAdmin").await;
    let found = portal.get("/partner/customers?search=TRADERS").await;
    assert!(found.text.contains("Northwind Traders") && !found.text.contains("Tailwind Toys"), "{}", found.text);
    world.stop().await;
}

//! What partners are billed: the sum of every month's lines is the sum of the model's charges of that month, to the cent,
//! whatever happened; and an invoice says what its lines say.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::Value;

use super::{SANDBOX, Workload};
use crate::{
    partner_center::Partner,
    world::{send, text},
};

/// Cents by month.
type Months = BTreeMap<String, i64>;

fn month(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).unwrap().strftime("%Y-%m").to_string()
}

/// An amount of the API in cents.
fn cents(amount: &Value) -> i64 {
    let text = amount.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or((1, text.as_str()), |digits| (-1, digits));
    let (units, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    sign * (units.parse::<i64>().unwrap() * 100 + format!("{fraction:0<2}")[..2].parse::<i64>().unwrap())
}

/// The sum of all lines that a path leads to, a few at a time.
async fn sum(partner: &Partner, path: &str) -> i64 {
    let (mut total, mut token) = (0, String::new());
    loop {
        let seek = if token.is_empty() { "" } else { "&seekOperation=Next" };
        let request = partner.request(Method::GET, &format!("{path}&size=7{seek}"));
        let page = send(request.header("MS-ContinuationToken", &token)).await.expect(200);
        let lines = page["items"].as_array().unwrap();
        total += lines.iter().map(|line| cents(&line["subtotal"])).sum::<i64>();
        match page["continuationToken"].as_str() {
            None => return total,
            Some(next) => next.clone_into(&mut token),
        }
    }
}

const LINES: &str = "provider=onetime&invoicelineitemtype=billinglineitems";

impl Workload {
    /// What the model says partners owe, by month.
    fn owed(&self) -> Months {
        let mut months = Months::new();
        let bought = self.subscriptions.iter().chain(&self.retired).filter(|one| !one.direct);
        for (at, cents) in bought.flat_map(|one| &one.charges) {
            *months.entry(month(*at)).or_default() += cents;
        }
        months
    }

    /// What is billed otherwise than the model says.
    pub(super) async fn wrong_invoices(&self) -> Vec<String> {
        let partner = self.world().partner_in(SANDBOX, "proseware").await;
        let mut wrong = Vec::new();
        let mut billed = Months::new();
        for invoice in partner.get("/invoices").await.expect(200)["items"].as_array().unwrap() {
            let id = text(invoice, "id");
            let lines = sum(&partner, &format!("/invoices/{id}/lineitems?{LINES}")).await;
            let total = cents(&invoice["totalCharges"]);
            if lines != total {
                wrong.push(format!("invoice {id} says {total}, its lines {lines}"));
            }
            billed.insert(text(invoice, "billingPeriodStartDate")[..7].to_owned(), total);
        }
        let unbilled = async |period: &str| {
            let path = format!("/invoices/unbilled/lineitems?{LINES}&currencycode=usd&period={period}");
            sum(&partner, &path).await
        };
        // Of the last month there are unbilled lines until its invoice is there; then there are none.
        billed.insert(month(self.now), unbilled("current").await);
        let today = jiff::Timestamp::from_millisecond(self.now).unwrap().to_zoned(jiff::tz::TimeZone::UTC).date();
        let before = today.first_of_month().yesterday().unwrap().strftime("%Y-%m").to_string();
        *billed.entry(before).or_default() += unbilled("previous").await;
        billed.retain(|_, cents| *cents != 0);
        let mut owed = self.owed();
        owed.retain(|_, cents| *cents != 0);
        if billed != owed {
            wrong.push(format!("billed {billed:?}, owed {owed:?}"));
        }
        wrong
    }
}

//! The statement of an invoice: a PDF (section 10). A summary, the lines, each with its publisher, and who those are.

use std::collections::BTreeSet;

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::lines::InvoiceLineBody;
use crate::domain::{
    invoice::Invoice,
    partner::Partner,
    time::{Period, Timestamp},
};

/// Days until an invoice is to be paid (portal:csp-commercial-marketplace-billing).
const NET_DAYS: i32 = 60;

/// A4, in points.
const WIDTH: f32 = 595.0;
const HEIGHT: f32 = 842.0;
const MARGIN: f32 = 56.0;
const LEADING: f32 = 14.0;
/// Lines of text between the margins.
const LINES: usize = 50;
/// A letter of the typewriter face is so wide, for one of its size.
const TYPEWRITER: f32 = 0.6;
/// Letters of small text that fit beside the amounts.
const LETTERS: usize = 82;

const PLAIN: Name<'_> = Name(b"F1");
const BOLD: Name<'_> = Name(b"F2");
const AMOUNTS: Name<'_> = Name(b"F3");

/// A line of text on a page.
enum Line {
    Title(String),
    Heading(String),
    Text(String),
    Small(String),
    /// A name at the left, an amount at the right.
    Amount(String, String),
    Gap,
}

/// The statement of a partner's invoice.
#[must_use]
pub fn statement_pdf(invoice: &Invoice, partner: &Partner, lines: &[InvoiceLineBody]) -> Vec<u8> {
    let mut pages = vec![summary(invoice, partner)];
    pages.extend(details(lines));
    pages.push(publishers(lines));
    write(&format!("Invoice {}", invoice.id), &pages)
}

fn summary(invoice: &Invoice, partner: &Partner) -> Vec<Line> {
    let (days, issued) = (invoice.month.days(), invoice.month.invoiced_at());
    let due = issued.plus(Period::days(NET_DAYS));
    let currency = invoice.total.currency.code();
    let day = |at: Timestamp| at.date().to_string();
    vec![
        Line::Title("Invoice".to_owned()),
        Line::Small("Made by Rehearsal. Nothing is owed: the whole sale is a rehearsal.".to_owned()),
        Line::Gap,
        Line::Text(format!("Invoice number: {}", invoice.id)),
        Line::Text(format!("Invoice date: {}", day(issued))),
        Line::Text(format!("Billing period: {} to {}", days.start, days.end)),
        Line::Text(format!("Due date: {} (net {NET_DAYS} days, by wire or check)", day(due))),
        Line::Gap,
        Line::Heading("Bill to".to_owned()),
        Line::Text(partner.name.clone()),
        Line::Text(format!("MPN ID {}", partner.mpn_id)),
        Line::Text(format!("Microsoft ID {}", partner.app.tenant_id)),
        Line::Gap,
        Line::Heading("Billing summary".to_owned()),
        Line::Amount("Charges".to_owned(), invoice.total.to_string()),
        Line::Amount("Taxes".to_owned(), format!("0.00 {currency}")),
        Line::Amount("Total (including tax)".to_owned(), invoice.total.to_string()),
    ]
}

fn details(lines: &[InvoiceLineBody]) -> Vec<Vec<Line>> {
    /// Lines of text for one of the invoice.
    const EACH: usize = 6;
    let mut pages = Vec::new();
    for some in lines.chunks(LINES / EACH) {
        let mut page = vec![Line::Heading("Details".to_owned()), Line::Gap];
        for line in some {
            let reference = if line.order_id.is_empty() { String::new() } else { format!(", order {}", line.order_id) };
            page.extend([
                Line::Amount(line.sku_name.clone(), format!("{} {}", line.subtotal, line.currency)),
                Line::Small(format!("Publisher: {}", line.publisher_name)),
                Line::Small(format!("Customer: {}{reference}", line.customer_name)),
                Line::Small(format!("{}: {}", line.charge_type, line.subscription_description)),
                Line::Small(format!("{} to {}", day(&line.charge_start_date), day(&line.charge_end_date))),
                Line::Gap,
            ]);
        }
        pages.push(page);
    }
    pages
}

/// The date of an instant that starts with it.
fn day(instant: &str) -> &str {
    instant.get(..10).unwrap_or(instant)
}

fn publishers(lines: &[InvoiceLineBody]) -> Vec<Line> {
    let names: BTreeSet<&str> = lines.iter().map(|line| line.publisher_name.as_str()).collect();
    let mut page = vec![Line::Heading("Publishers".to_owned()), Line::Gap];
    page.extend(names.into_iter().map(|name| Line::Text(name.to_owned())));
    page
}

fn write(title: &str, pages: &[Vec<Line>]) -> Vec<u8> {
    let mut next = 0;
    let mut new = || {
        next += 1;
        Ref::new(next)
    };
    let (catalog, tree, info) = (new(), new(), new());
    let fonts = [(PLAIN, new(), "Helvetica"), (BOLD, new(), "Helvetica-Bold"), (AMOUNTS, new(), "Courier")];
    let places: Vec<(Ref, Ref)> = pages.iter().map(|_| (new(), new())).collect();
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree);
    pdf.document_info(info).title(TextStr(title)).producer(TextStr("Rehearsal"));
    let count = i32::try_from(places.len()).unwrap_or(i32::MAX);
    pdf.pages(tree).kids(places.iter().map(|(page, _)| *page)).count(count);
    for (_, id, face) in fonts {
        pdf.type1_font(id).base_font(Name(face.as_bytes())).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    for (number, (lines, (page_id, content_id))) in pages.iter().zip(&places).enumerate() {
        let mut page = pdf.page(*page_id);
        page.media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT)).parent(tree).contents(*content_id);
        let mut resources = page.resources();
        let mut named = resources.fonts();
        for (name, id, _) in fonts {
            named.pair(name, id);
        }
        named.finish();
        resources.finish();
        page.finish();
        let footer = format!("{title}, page {} of {}", number.saturating_add(1), pages.len());
        pdf.stream(*content_id, &content(lines, &footer));
    }
    pdf.finish()
}

fn content(lines: &[Line], footer: &str) -> Vec<u8> {
    let mut content = Content::new();
    let mut y = HEIGHT - MARGIN;
    for line in lines {
        y -= LEADING;
        match line {
            Line::Title(text) => {
                y -= LEADING;
                put(&mut content, (BOLD, 22.0), MARGIN, y, text);
            }
            Line::Heading(text) => put(&mut content, (BOLD, 13.0), MARGIN, y, text),
            Line::Text(text) => put(&mut content, (PLAIN, 11.0), MARGIN, y, text),
            Line::Small(text) => put(&mut content, (PLAIN, 9.0), MARGIN, y, text),
            Line::Amount(text, amount) => {
                put(&mut content, (BOLD, 10.0), MARGIN, y, text);
                let letters = f32::from(u8::try_from(amount.chars().count()).unwrap_or(u8::MAX));
                put(&mut content, (AMOUNTS, 10.0), WIDTH - MARGIN - letters * TYPEWRITER * 10.0, y, amount);
            }
            Line::Gap => {}
        }
    }
    put(&mut content, (PLAIN, 8.0), MARGIN, MARGIN / 2.0, footer);
    content.finish().into_vec()
}

fn put(content: &mut Content, (font, size): (Name<'_>, f32), x: f32, y: f32, text: &str) {
    let shown = encoded(text);
    content.begin_text().set_font(font, size).next_line(x, y).show(Str(&shown)).end_text();
}

/// A text as the faces that every reader has can show it: what they have no letter for becomes a question mark, and what is
/// too long is cut.
fn encoded(text: &str) -> Vec<u8> {
    let letter = |letter: char| match letter {
        '€' => 0x80,
        '–' => 0x96,
        '—' => 0x97,
        '’' => 0x92,
        ' '..='~' | '\u{a0}'..='ÿ' => u8::try_from(u32::from(letter)).unwrap_or(b'?'),
        _ => b'?',
    };
    let is_cut = text.chars().count() > LETTERS;
    let kept = if is_cut { LETTERS.saturating_sub(3) } else { LETTERS };
    let mut encoded: Vec<u8> = text.chars().take(kept).map(letter).collect();
    if is_cut {
        encoded.extend(b"...");
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_shown_as_far_as_every_reader_has_letters() {
        assert_eq!(encoded("8 × 24.50 €"), b"8 \xd7 24.50 \x80");
        assert_eq!(encoded("営業"), b"??");
        let long = encoded(&"x".repeat(LETTERS + 1));
        assert_eq!((long.len(), long.ends_with(b"x...")), (LETTERS, true));
        assert_eq!(encoded(&"x".repeat(LETTERS)).len(), LETTERS);
    }
}

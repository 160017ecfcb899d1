//! Lines of invoices as they are shown: each with its customer.

use std::collections::BTreeMap;

use crate::{
    app::{AppError, LineKind, Sandbox},
    domain::{
        customer::Customer,
        ids::CustomerId,
        invoice::{Invoice, InvoiceLine},
        partner::Partner,
    },
    wire::partner_center::{BilledFor, InvoiceLineBody},
};

/// Lines read at once.
const CHUNK: usize = 2000;

/// Makes rows of lines.
pub(in crate::http) struct Rows<'a> {
    sandbox: &'a Sandbox,
    partner: &'a Partner,
    /// The invoice's number, once it has one.
    number: Option<&'a str>,
    customers: BTreeMap<CustomerId, Option<Customer>>,
}

impl<'a> Rows<'a> {
    pub(in crate::http) const fn new(sandbox: &'a Sandbox, partner: &'a Partner, number: Option<&'a str>) -> Self {
        Self { sandbox, partner, number, customers: BTreeMap::new() }
    }

    /// A row of each line.
    pub(in crate::http) async fn of<T>(
        &mut self,
        lines: &[InvoiceLine],
        row: impl Fn(&InvoiceLine, BilledFor<'_>) -> T,
    ) -> Result<Vec<T>, AppError> {
        let mut rows = Vec::with_capacity(lines.len());
        for line in lines {
            if !self.customers.contains_key(&line.customer) {
                self.customers.insert(line.customer.clone(), self.sandbox.customer_of_then(&line.customer).await?);
            }
            let customer = self.customers.get(&line.customer).and_then(Option::as_ref);
            let catalogue = self.sandbox.catalogue();
            rows.push(row(line, BilledFor { partner: self.partner, customer, catalogue, invoice: self.number }));
        }
        Ok(rows)
    }

    /// All of an invoice, licences first, then usage.
    pub(in crate::http) async fn all(mut self, invoice: &Invoice) -> Result<Vec<InvoiceLineBody>, AppError> {
        let place = (invoice.month, invoice.total.currency);
        let mut rows = Vec::new();
        for kind in [LineKind::Billing, LineKind::Usage] {
            let mut after = None;
            loop {
                let found = self.sandbox.invoice_lines(&self.partner.id, place, kind, after.as_deref(), CHUNK).await?;
                rows.extend(self.of(&found.lines, InvoiceLineBody::of).await?);
                after = found.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(rows)
    }
}

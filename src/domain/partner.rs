//! CSP partners: who they are, who works for them, and what each role may do in Partner Center.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    catalogue::{AppRegistration, Person},
    ids::{BadId, ObjectId, PartnerId},
    refusal::Refusal,
};

/// A CSP partner: buys for its customers, and is the `purchaser` of what it buys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Partner {
    /// Its id in fixtures, scenarios and the control API.
    pub id: PartnerId,
    /// The company's name.
    pub name: String,
    /// Its number in Microsoft's partner network.
    pub mpn_id: MpnId,
    /// The app registration that calls Partner Center.
    pub app: AppRegistration,
    /// The person who buys: its global admin.
    pub user: Person,
    /// Everybody else who works in Partner Center, each in a role.
    pub staff: Vec<Member>,
    /// The indirect resellers whom it provides for.
    pub resellers: Vec<Reseller>,
}

impl Partner {
    /// Somebody of the partner, and the role.
    #[must_use]
    pub fn member(&self, user: ObjectId) -> Option<(&Person, Role)> {
        if self.user.object_id == user {
            return Some((&self.user, Role::GlobalAdmin));
        }
        let member = self.staff.iter().find(|member| member.person.object_id == user)?;
        Some((&member.person, member.role))
    }

    /// Everybody, the one who buys first.
    pub fn people(&self) -> impl Iterator<Item = (&Person, Role)> {
        let staff = self.staff.iter().map(|member| (&member.person, member.role));
        std::iter::once((&self.user, Role::GlobalAdmin)).chain(staff)
    }

    /// Whether a number may be the reseller of record of what this partner buys; `all` are the partners that there are
    /// (docs:error-codes: 800015, 2072, 800016).
    ///
    /// # Errors
    /// [`Refusal::ProviderAsReseller`], [`Refusal::ResellerOfAnother`], [`Refusal::UnknownReseller`].
    pub fn check_reseller(&self, mpn_id: &MpnId, all: &[Self]) -> Result<(), Refusal> {
        if self.reseller(mpn_id).is_some() {
            return Ok(());
        }
        Err(if all.iter().any(|partner| partner.mpn_id == *mpn_id) {
            Refusal::ProviderAsReseller(mpn_id.clone())
        } else if all.iter().any(|partner| partner.reseller(mpn_id).is_some()) {
            Refusal::ResellerOfAnother(mpn_id.clone())
        } else {
            Refusal::UnknownReseller(mpn_id.clone())
        })
    }

    /// The indirect reseller of that number.
    #[must_use]
    pub fn reseller(&self, mpn_id: &MpnId) -> Option<&Reseller> {
        self.resellers.iter().find(|reseller| reseller.mpn_id == *mpn_id)
    }
}

/// Somebody who works for a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Who.
    pub person: Person,
    /// As what.
    pub role: Role,
}

/// An indirect reseller: sells to customers whom the partner, as its provider, buys for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reseller {
    /// Its number in Microsoft's partner network.
    pub mpn_id: MpnId,
    /// The company's name.
    pub name: String,
}

/// A number in Microsoft's partner network: `mpnId`, later called `PartnerID`. Digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MpnId(Box<str>);

impl MpnId {
    /// The number as the APIs spell it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MpnId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = |why| Err(BadId { kind: "MPN id", text: text.to_owned(), why });
        match text {
            "" => bad("is empty"),
            _ if text.len() > 10 => bad("is longer than 10 digits"),
            _ if !text.bytes().all(|byte| byte.is_ascii_digit()) => bad("has a character other than 0-9"),
            _ => Ok(Self(text.into())),
        }
    }
}

impl TryFrom<String> for MpnId {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<MpnId> for String {
    fn from(id: MpnId) -> Self {
        id.0.into()
    }
}

impl fmt::Display for MpnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A role in Partner Center (portal:permissions-overview).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Everything.
    GlobalAdmin,
    /// Customers, their subscriptions and bills.
    AdminAgent,
    /// Customers, and buying for them.
    SalesAgent,
    /// Looking things up for customers.
    HelpdeskAgent,
    /// Invoices.
    BillingAdmin,
    /// The partner's own users.
    UserManagementAdmin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::GlobalAdmin,
        Self::AdminAgent,
        Self::SalesAgent,
        Self::HelpdeskAgent,
        Self::BillingAdmin,
        Self::UserManagementAdmin,
    ];

    /// The name in fixtures.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GlobalAdmin => "globalAdmin",
            Self::AdminAgent => "adminAgent",
            Self::SalesAgent => "salesAgent",
            Self::HelpdeskAgent => "helpdeskAgent",
            Self::BillingAdmin => "billingAdmin",
            Self::UserManagementAdmin => "userManagementAdmin",
        }
    }

    /// The name in the portal.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::GlobalAdmin => "Global admin",
            Self::AdminAgent => "Admin agent",
            Self::SalesAgent => "Sales agent",
            Self::HelpdeskAgent => "Helpdesk agent",
            Self::BillingAdmin => "Billing admin",
            Self::UserManagementAdmin => "User management admin",
        }
    }

    /// Whether somebody in the role may do something with third-party SaaS (portal:csp-commercial-marketplace-manage and
    /// -purchase name Global admin and Admin agent; sales agents buy, and may not change what was bought since August
    /// 2022; portal:csp-commercial-marketplace-billing).
    #[must_use]
    pub const fn may(self, right: Right) -> bool {
        match right {
            Right::SeeCustomers => !matches!(self, Self::UserManagementAdmin),
            Right::ManageCustomers => {
                matches!(self, Self::GlobalAdmin | Self::AdminAgent | Self::SalesAgent | Self::HelpdeskAgent)
            }
            Right::ConfirmAgreements | Right::Buy => {
                matches!(self, Self::GlobalAdmin | Self::AdminAgent | Self::SalesAgent)
            }
            Right::ManageSubscriptions => matches!(self, Self::GlobalAdmin | Self::AdminAgent),
            Right::SeeInvoices => matches!(self, Self::GlobalAdmin | Self::AdminAgent | Self::BillingAdmin),
        }
    }
}

/// What a role may allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Looking at customers, what they have, and what there is to buy.
    SeeCustomers,
    /// Making and removing customers.
    ManageCustomers,
    /// Confirming that a customer has accepted an agreement.
    ConfirmAgreements,
    /// Buying for customers.
    Buy,
    /// Changing and cancelling what was bought.
    ManageSubscriptions,
    /// Looking at invoices.
    SeeInvoices,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_its_page_says() {
        use Right::*;
        let all = [SeeCustomers, ManageCustomers, ConfirmAgreements, Buy, ManageSubscriptions, SeeInvoices];
        let table = [
            (Role::GlobalAdmin, "yyyyyy"),
            (Role::AdminAgent, "yyyyyy"),
            (Role::SalesAgent, "yyyy.."),
            (Role::HelpdeskAgent, "yy...."),
            (Role::BillingAdmin, "y....y"),
            (Role::UserManagementAdmin, "......"),
        ];
        for (role, expected) in table {
            let found: String = all.iter().map(|&right| if role.may(right) { 'y' } else { '.' }).collect();
            assert_eq!(found, expected, "{}", role.words());
        }
    }

    #[test]
    fn an_mpn_id_is_digits() {
        for (text, is_one) in [("4847383", true), ("", false), ("48x", false), ("12345678901", false), ("-1", false)] {
            assert_eq!(text.parse::<MpnId>().is_ok(), is_one, "{text:?}");
        }
    }
}

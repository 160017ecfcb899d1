//! Values that steps save and later steps use: `$sub`, `$sub.code`.
//!
//! What a step brings is known from its row, so a misspelt name or property is a mistake in the file, found before
//! anything runs.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::ast::{Entry, Node, Scalar, Value};

/// What a step brings: a document with properties that have a name.
#[derive(Debug)]
pub struct Thing {
    /// What it is: `subscription`.
    pub noun: &'static str,
    /// Its properties; the first is what the bare `$name` means.
    pub properties: &'static [Property],
}

/// A property of a thing.
#[derive(Debug)]
pub struct Property {
    /// Its name, after the dot.
    pub name: &'static str,
    /// Where it is in the document.
    pub pointer: &'static str,
    /// Whether it is the id of a subscription.
    pub is_subscription: bool,
}

const fn property(name: &'static str, pointer: &'static str) -> Property {
    Property { name, pointer, is_subscription: false }
}

const fn subscription_id(pointer: &'static str) -> Property {
    Property { name: "id", pointer, is_subscription: true }
}

/// A purchase, as it was when it was made.
pub static SUBSCRIPTION: Thing = Thing {
    noun: "subscription",
    properties: &[
        subscription_id("/id"),
        property("code", "/link/authorizationCode"),
        property("link", "/link/personalizedLink"),
        property("name", "/name"),
        property("publisher", "/publisher"),
    ],
};

/// A personalized link.
pub static LINK: Thing = Thing {
    noun: "link",
    properties: &[
        property("link", "/personalizedLink"),
        property("code", "/authorizationCode"),
        property("expiresAt", "/expiresAt"),
    ],
};

/// An account at the stand-in publisher.
pub static ACCOUNT: Thing = Thing {
    noun: "account",
    properties: &[property("id", "/account"), property("url", "/url"), property("customerUrl", "/customerUrl")],
};

/// What Resolve answers.
pub static RESOLVED: Thing = Thing {
    noun: "resolved purchase",
    properties: &[
        subscription_id("/id"),
        property("offer", "/offerId"),
        property("plan", "/planId"),
        property("quantity", "/quantity"),
        property("status", "/subscription/saasSubscriptionStatus"),
    ],
};

/// What the fulfillment API tells of a subscription.
pub static FULFILLMENT: Thing = Thing {
    noun: "fulfillment API's subscription",
    properties: &[
        subscription_id("/id"),
        property("status", "/saasSubscriptionStatus"),
        property("plan", "/planId"),
        property("quantity", "/quantity"),
    ],
};

/// An operation, as the fulfillment API tells of it.
pub static OPERATION: Thing = Thing {
    noun: "operation",
    properties: &[property("id", "/id"), property("action", "/action"), property("status", "/status")],
};

/// What was picked out of an answer of Partner Center; whether it is a subscription's id is for the file to know.
pub static PICKED: Thing =
    Thing { noun: "part of an answer", properties: &[Property { name: "value", pointer: "", is_subscription: true }] };

/// Every thing, for the documentation.
pub static THINGS: &[&Thing] = &[&SUBSCRIPTION, &LINK, &ACCOUNT, &RESOLVED, &FULFILLMENT, &OPERATION, &PICKED];

impl Thing {
    /// The property of that name; without one the first.
    #[must_use]
    pub fn property(&self, name: Option<&str>) -> Option<&'static Property> {
        match name {
            None => self.properties.first(),
            Some(name) => self.properties.iter().find(|property| property.name == name),
        }
    }
}

/// A use of a value within a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reference<'t> {
    /// Where it starts in the text, in bytes.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
    /// The name.
    pub(super) name: &'t str,
    /// The property, if one is asked for.
    pub(super) property: Option<&'t str>,
}

/// The values that a text uses: `$` and a letter begin one, `$$` is a dollar.
pub(super) fn references(text: &str) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find('$')).map(|offset| at + offset) {
        let after = text.get(start + 1..).unwrap_or_default();
        if after.starts_with('$') {
            at = start + 2;
            continue;
        }
        let name = word(after);
        let mut end = start + 1 + name.len();
        if !name.is_empty() {
            let property = text.get(end..).and_then(|rest| rest.strip_prefix('.')).map(word).filter(|p| !p.is_empty());
            end += property.map_or(0, |property| property.len() + 1);
            found.push(Reference { start, end, name, property });
        }
        at = end;
    }
    found
}

/// The letters, digits, `_` and `-` that follow a letter.
fn word(text: &str) -> &str {
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return "";
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// The values saved so far.
#[derive(Debug, Default)]
pub(super) struct Values(BTreeMap<String, (&'static Thing, Json)>);

impl Values {
    pub(super) const fn empty() -> Self {
        Self(BTreeMap::new())
    }

    pub(super) fn save(&mut self, name: &str, thing: &'static Thing, document: Json) {
        self.0.insert(name.to_owned(), (thing, document));
    }

    /// The node with every use of a value replaced. A text that is nothing but one use becomes the value itself.
    pub(super) fn fill(&self, node: &Node) -> Node {
        let value = match &node.value {
            Value::Scalar(Scalar { json: Json::String(text), .. }) => Value::Scalar(self.fill_text(text)),
            Value::Scalar(scalar) => Value::Scalar(scalar.clone()),
            Value::List(items) => Value::List(items.iter().map(|item| self.fill(item)).collect()),
            Value::Map(entries) => Value::Map(
                entries.iter().map(|entry| Entry { key: entry.key.clone(), value: self.fill(&entry.value) }).collect(),
            ),
        };
        Node { spot: node.spot, value }
    }

    fn fill_text(&self, text: &str) -> Scalar {
        let uses = references(text);
        if let [only] = uses.as_slice()
            && only.start == 0
            && only.end == text.len()
        {
            let json = self.get(*only);
            let raw = plain(&json);
            return Scalar { json, raw };
        }
        let mut out = String::new();
        let mut at = 0;
        for used in uses {
            out.push_str(&text.get(at..used.start).unwrap_or_default().replace("$$", "$"));
            out.push_str(&plain(&self.get(used)));
            at = used.end;
        }
        out.push_str(&text.get(at..).unwrap_or_default().replace("$$", "$"));
        Scalar { json: out.clone().into(), raw: out }
    }

    fn get(&self, used: Reference<'_>) -> Json {
        let Some((thing, document)) = self.0.get(used.name) else { return Json::Null };
        let pointer = thing.property(used.property).map_or("", |property| property.pointer);
        document.pointer(pointer).cloned().unwrap_or(Json::Null)
    }
}

/// A JSON value as one would write it without quotes.
pub(super) fn plain(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => json.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Spot;

    fn text(text: &str) -> Node {
        Node {
            spot: Spot { line: 1, column: 1, width: 1 },
            value: Value::Scalar(Scalar { json: text.into(), raw: text.to_owned() }),
        }
    }

    #[test]
    fn uses_of_values_are_found_and_dollars_are_not_mistaken_for_them() {
        let names = |text| references(text).iter().map(|r| (r.name, r.property)).collect::<Vec<_>>();
        assert_eq!(names("$sub"), [("sub", None)]);
        assert_eq!(names("a $sub.code, b ${x} $$not $5 $sub."), [("sub", Some("code")), ("sub", None)]);
        assert_eq!(names("$old-link.code$b"), [("old-link", Some("code")), ("b", None)]);
        assert_eq!(names("$"), []);
    }

    #[test]
    fn a_value_fills_a_text_or_stands_for_itself() {
        let mut values = Values::default();
        values.save("r", &RESOLVED, serde_json::json!({"id": "abc", "quantity": 5}));
        let filled = |source: &str| match values.fill(&text(source)).value {
            Value::Scalar(scalar) => (scalar.json, scalar.raw),
            Value::List(_) | Value::Map(_) => panic!("not a scalar"),
        };
        assert_eq!(filled("$r"), ("abc".into(), "abc".into()));
        assert_eq!(filled("$r.quantity"), (5.into(), "5".into()));
        assert_eq!(
            filled("<$r.quantity seats of $r> for $$5"),
            ("<5 seats of abc> for $5".into(), "<5 seats of abc> for $5".into())
        );
        assert_eq!(filled("$r.plan"), (Json::Null, String::new()));
    }
}

//! From YAML to nodes that know their place. What the nodes mean is the parser's affair.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::Value as Json;
use serde_saphyr::{Location, Spanned as Located};

use crate::diagnostic::{Diagnostic, Spot};

use super::ast::{Entry, Node, Scalar, Source, Spanned, Value};

/// Reads the document of a file; `None` if there is nothing in it.
pub(super) fn read(source: &Source) -> Result<Option<Node>, Diagnostic> {
    let options = serde_saphyr::options! { with_snippet: false, strict_booleans: true };
    serde_saphyr::from_str_with_options::<Option<Located<Branch>>>(&source.text, options)
        .map(|tree| tree.map(|tree| node(&source.text, tree)))
        .map_err(|error| source.as_file().yaml_problem(&error))
}

enum Branch {
    Scalar(Json),
    List(Vec<Located<Self>>),
    Map(Vec<(Located<String>, Located<Self>)>),
}

impl<'de> Deserialize<'de> for Branch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BranchVisitor)
    }
}

struct BranchVisitor;

impl<'de> Visitor<'de> for BranchVisitor {
    type Value = Branch;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Branch, E> {
        Ok(Branch::Scalar(Json::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Branch, E> {
        Ok(Branch::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Branch, E> {
        Ok(Branch::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Branch, E> {
        Ok(Branch::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Branch, E> {
        Ok(Branch::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Branch, E> {
        Ok(Branch::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Branch, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Branch::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Branch, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Branch::Map(entries))
    }
}

fn node(text: &str, tree: Located<Branch>) -> Node {
    let value = match tree.value {
        Branch::Scalar(json) => {
            let raw = match &json {
                Json::String(text) => text.clone(),
                Json::Null => String::new(),
                Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => {
                    written(text, tree.defined).map_or_else(|| json.to_string(), str::to_owned)
                }
            };
            Value::Scalar(Scalar { json, raw })
        }
        Branch::List(items) => Value::List(items.into_iter().map(|item| node(text, item)).collect()),
        Branch::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| Entry {
                    key: Spanned { spot: place(text, key.referenced), value: key.value },
                    value: node(text, value),
                })
                .collect(),
        ),
    };
    Node { spot: place(text, tree.referenced), value }
}

/// The characters of a place.
fn written(text: &str, at: Location) -> Option<&str> {
    let start = usize::try_from(at.span().byte_offset()?).ok()?;
    let length = usize::try_from(at.span().byte_len()?).ok()?;
    text.get(start..start.checked_add(length)?).map(str::trim)
}

fn place(text: &str, at: Location) -> Spot {
    let width = written(text, at).and_then(|written| written.lines().next()).map_or(1, |line| line.chars().count());
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).max(1);
    Spot {
        line: narrow(at.line()),
        column: narrow(at.column()),
        width: u32::try_from(width).unwrap_or(u32::MAX).max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Node {
        read(&Source::new("x.yaml", text)).unwrap().unwrap()
    }

    #[test]
    fn every_node_knows_its_place_and_how_it_was_written() {
        let tree = parsed("name: a b\nsteps:\n  - partner.buys: { quantity: 5, price: 100.00, \"who\": 'it''s ä' }\n");
        let step = &tree.entries()[1].value.items()[0].entries()[0];
        assert_eq!(step.key, Spanned { value: "partner.buys".into(), spot: Spot { line: 3, column: 5, width: 12 } });
        let args = step.value.entries();
        assert_eq!(args[0].value.spot, Spot { line: 3, column: 31, width: 1 });
        assert_eq!((args[1].value.text(), args[1].value.spot.width), ("100.00", 6));
        assert_eq!(args[2].key.value, "who");
        assert_eq!((args[2].value.text(), args[2].value.spot.column), ("it's ä", 56));
        assert_eq!(tree.entries()[0].value.spot, Spot { line: 1, column: 7, width: 3 });
    }

    #[test]
    fn yaml_that_can_not_be_read_is_reported_where_it_breaks() {
        let bad = |text: &str| read(&Source::new("x.yaml", text)).unwrap_err();
        assert_eq!(bad("a: 1\na: 2\n").link(), "x.yaml:2:1");
        assert_eq!(bad("a: [1\n").place.map(|place| place.line), Some(1));
    }
}

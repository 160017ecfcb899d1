//! The sentence that a report tells of a step, from the template in its row.

use super::super::ast::{Entry, Node, Step, Value};

/// The sentence of a step, with the values as the file writes them.
pub(in super::super) fn sentence(step: &Step) -> String {
    let mut out = fill(step.kind.sentence, &step.args);
    if let Some(refused) = &step.refused {
        let mut said: Vec<String> = Vec::new();
        said.extend(refused.status.as_ref().map(|status| status.value.to_string()));
        said.extend([&refused.code, &refused.field].into_iter().flatten().map(|part| part.value.clone()));
        let end = if said.is_empty() { String::new() } else { format!(" ({})", said.join(", ")) };
        out.push_str(" It is refused");
        out.push_str(&end);
        out.push('.');
    }
    out
}

fn fill(template: &str, args: &[Entry]) -> String {
    let named: Vec<&str> = template.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
    let rest: Vec<&Entry> = args.iter().filter(|arg| !named.contains(&arg.key.value.as_str())).collect();
    let mut out = String::new();
    let mut left = template;
    while let Some((before, after)) = left.split_once('[') {
        let (optional, after) = after.split_once(']').unwrap_or((after, ""));
        out.push_str(&replace(before, args, &rest));
        let present =
            |name: &str| if name == "*" { !rest.is_empty() } else { args.iter().any(|a| a.key.value == name) };
        if optional.split('{').skip(1).filter_map(|part| part.split('}').next()).all(present) {
            out.push_str(&replace(optional, args, &rest));
        }
        left = after;
    }
    out.push_str(&replace(left, args, &rest));
    out
}

fn replace(text: &str, args: &[Entry], rest: &[&Entry]) -> String {
    let mut out = String::new();
    let mut left = text;
    while let Some((before, after)) = left.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(before);
        if name == "*" {
            let said: Vec<String> = rest.iter().map(|arg| format!("{} {}", arg.key.value, words(&arg.value))).collect();
            out.push_str(&said.join(", "));
        } else if let Some(arg) = args.iter().find(|arg| arg.key.value == name) {
            out.push_str(&words(&arg.value));
        }
        left = after;
    }
    out.push_str(left);
    out
}

fn words(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) if scalar.raw.is_empty() => "nothing".to_owned(),
        Value::Scalar(scalar) => scalar.raw.clone(),
        Value::List(items) if items.is_empty() => "none".to_owned(),
        Value::List(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::Map(entries) => {
            let inside: Vec<String> =
                entries.iter().map(|entry| format!("{} {}", entry.key.value, words(&entry.value))).collect();
            format!("({})", inside.join(", "))
        }
    }
}

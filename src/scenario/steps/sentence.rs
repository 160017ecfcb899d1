//! The sentence that a report tells of a step, from the template in its row.

use super::super::{
    ast::{Entry, Step},
    check::shown,
};

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

/// The names that a part of a template asks for, without the `?` of those that are only asked whether they are there.
fn names(part: &str) -> impl Iterator<Item = &str> {
    part.split('{').skip(1).filter_map(|rest| rest.split('}').next()).map(|name| name.trim_start_matches('?'))
}

fn fill(template: &str, args: &[Entry]) -> String {
    let rest: Vec<&Entry> = args.iter().filter(|arg| names(template).all(|name| name != arg.key.value)).collect();
    let mut out = String::new();
    let mut left = template;
    while let Some((before, after)) = left.split_once('[') {
        let (optional, after) = after.split_once(']').unwrap_or((after, ""));
        out.push_str(&replace(before, args, &rest));
        let given = |name: &str| if name == "*" { !rest.is_empty() } else { args.iter().any(|a| a.key.value == name) };
        if names(optional).all(given) {
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
        left = after;
        if name == "*" {
            let said: Vec<String> = rest.iter().map(|arg| format!("{} {}", arg.key.value, shown(&arg.value))).collect();
            out.push_str(&said.join(", "));
        } else if let Some(arg) = args.iter().find(|arg| arg.key.value == name) {
            let value = shown(&arg.value);
            if value == "1" {
                left = out_of_plural(left, &mut out);
            } else {
                out.push_str(&value);
            }
        }
    }
    out.push_str(left);
    out
}

/// Writes `1` and the noun that follows, without the `s` that templates write for any other number.
fn out_of_plural<'t>(after: &'t str, out: &mut String) -> &'t str {
    out.push('1');
    let noun = after.find(|c: char| !c.is_alphabetic() && c != ' ').unwrap_or(after.len());
    let noun = after.get(..noun).unwrap_or_default();
    let word_end = noun.trim_start().find(' ').map_or(noun.len(), |end| end + noun.len() - noun.trim_start().len());
    let (word, _) = noun.split_at(word_end);
    match word.strip_suffix('s') {
        Some(singular) => {
            out.push_str(singular);
            after.get(word.len()..).unwrap_or_default()
        }
        None => after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{ast::Source, document};

    #[test]
    fn a_template_is_filled_with_what_is_given() {
        let table = [
            ("{a} buys[ {b} seats][, {?c}now]", "{ a: x, b: 1 }", "x buys 1 seat"),
            ("{a} buys[ {b} seats of it][, {?c}now].", "{ a: x, b: 5, c: true }", "x buys 5 seats of it, now."),
            ("{a} seats of $s", "{ a: 1 }", "1 seat of $s"),
            (
                "{a}: {*}.",
                "{ a: x, l: [p, q], m: { k: 1, n: null }, e: [] }",
                "x: l [p, q], m {k: 1, n: nothing}, e [].",
            ),
            ("{a}[: {*}].", "{ a: x }", "x."),
        ];
        for (template, args, wanted) in table {
            let node = document::read(&Source::new("x", args)).unwrap().unwrap();
            assert_eq!(fill(template, node.entries()), wanted);
        }
    }
}

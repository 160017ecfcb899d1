//! What a person reads on a page: its text, without markup.

use serde_json::Value as Json;

/// The text of a page, blanks and line ends run together; of anything but a text nothing.
pub(super) fn text(page: &Json) -> String {
    let mut out = String::new();
    let mut left = page.as_str().unwrap_or_default();
    while let Some((before, after)) = left.split_once('<') {
        out.push_str(before);
        out.push(' ');
        // The text of these is no text of the page.
        let hidden = ["script", "style", "template"].into_iter().find(|name| after.starts_with(name));
        let end = match hidden {
            Some(name) => after.find(&format!("</{name}")).map_or(after.len(), |at| at + 1),
            None => 0,
        };
        let tag = after.get(end..).unwrap_or_default();
        left = tag.split_once('>').map_or("", |(_, after)| after);
    }
    out.push_str(left);
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ];
    let plain = entities.iter().fold(out, |text, (entity, c)| text.replace(entity, c));
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The beginning of a text, to be shown where the whole of it was expected to contain something.
pub(super) fn excerpt(text: &str) -> String {
    const CHARS_MAX: usize = 200;
    let short: String = text.chars().take(CHARS_MAX).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pages_text_is_what_a_person_reads() {
        let page =
            "<!doctype html><title>A &amp; B</title><style>p { x }</style>\n<p class=\"x\">5 &lt; 6\n  it&#x27;s</p>";
        assert_eq!(text(&page.into()), "A & B 5 < 6 it's");
        assert_eq!(text(&Json::Null), "");
        assert_eq!(excerpt(&"x".repeat(300)).chars().count(), 201);
    }
}

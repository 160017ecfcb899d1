//! What the journal keeps of a call: bodies are cut, secrets are blanked.

/// Characters of a body that are kept.
const KEPT: usize = 4096;

/// A body as the journal shows it; `None` if there is none.
pub(super) fn recorded_body(body: &[u8]) -> Option<String> {
    if body.is_empty() {
        return None;
    }
    let text = String::from_utf8_lossy(body);
    Some(match text.char_indices().nth(KEPT) {
        None => text.into_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    })
}

/// A path as the journal shows it: the value of `token` in its query is blanked, because a code is a bearer secret.
pub(super) fn recorded_path(path_and_query: &str) -> String {
    let Some((path, query)) = path_and_query.split_once('?') else { return path_and_query.to_owned() };
    let shown: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if name == "token" && !value.is_empty() => format!("{name}=(code)"),
            Some(_) | None => pair.to_owned(),
        })
        .collect();
    format!("{path}?{}", shown.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_blanked_and_long_bodies_cut() {
        assert_eq!(recorded_path("/publisher/landing?site=a&token=x%2B"), "/publisher/landing?site=a&token=(code)");
        assert_eq!(recorded_path("/publisher/landing"), "/publisher/landing");
        assert_eq!(recorded_body(b""), None);
        assert_eq!(recorded_body("é".repeat(5000).as_bytes()).map(|text| text.chars().count()), Some(KEPT + 1));
    }
}

//! Ways to spoil an authorization code that real landing pages have found.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Characters that stay as they are in a query value.
const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The ways, as scenarios spell them.
pub(super) const MANGLINGS: &[&str] =
    &["stillEncoded", "doubleEncoded", "plusTurnedBlank", "truncated", "altered", "notBase64"];

/// The text as a query value.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, QUERY_VALUE).to_string()
}

/// The code, spoilt.
pub(super) fn mangled(code: &str, how: &str) -> String {
    match how {
        "stillEncoded" => encoded(code),
        "doubleEncoded" => encoded(&encoded(code)),
        "plusTurnedBlank" => code.replace('+', " "),
        "truncated" => code.chars().take(code.chars().count().saturating_sub(16)).collect(),
        // Any letter other than the one that stands there: the form stays that of a code, the seal breaks.
        "altered" => {
            let first = if code.starts_with('A') { 'B' } else { 'A' };
            std::iter::once(first).chain(code.chars().skip(1)).collect()
        }
        "notBase64" => "this is not a code".to_owned(),
        _ => code.to_owned(),
    }
}

/// A code short enough for a report, and still the same from run to run.
pub(super) fn shortened(code: &str) -> String {
    format!("{}…", code.chars().take(8).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_spoils_a_code() {
        let code = "ab+c/0123456789ABCDEFGH==";
        for how in MANGLINGS {
            assert_ne!(mangled(code, how), code, "{how}");
        }
        assert_eq!(mangled(code, "stillEncoded"), "ab%2Bc%2F0123456789ABCDEFGH%3D%3D");
        assert_eq!(mangled(code, "doubleEncoded"), "ab%252Bc%252F0123456789ABCDEFGH%253D%253D");
        assert_eq!(mangled(code, "altered"), "Ab+c/0123456789ABCDEFGH==");
        assert_eq!(shortened(code), "ab+c/012…");
    }
}

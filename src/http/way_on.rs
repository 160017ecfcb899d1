//! Where somebody is sent on to: pages of this server, and nowhere else.

/// Whether an address leads to this server, whatever a browser makes of it: it leaves tabs and line ends out, takes a
/// backslash for a slash, and two slashes at the start for another host.
pub(super) fn leads_within(address: &str) -> bool {
    address.starts_with('/')
        && !address.starts_with("//")
        && address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_away() {
        let table = [
            ("/", true),
            ("/journal?sandbox=a", true),
            ("", false),
            ("//evil.example", false),
            ("/\\evil.example", false),
            ("https://evil.example", false),
            ("/a\r\nSet-Cookie: x", false),
            ("/\t/evil.example", false),
            ("/\0", false),
            ("/a\u{7f}", false),
            ("/ x", false),
        ];
        for (address, expected) in table {
            assert_eq!(leads_within(address), expected, "{address:?}");
        }
    }
}

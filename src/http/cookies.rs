//! Cookies of a request.

use axum::http::{HeaderMap, header};

/// The value of a cookie.
pub(super) fn named<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(found, _)| *found == name).map(|(_, value)| value).next()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; session=x=y;b=2"));
        headers.append(header::COOKIE, HeaderValue::from_static("c=3"));
        let table = [("a", Some("1")), ("session", Some("x=y")), ("b", Some("2")), ("c", Some("3")), ("ses", None)];
        for (name, value) in table {
            assert_eq!(named(&headers, name), value, "{name}");
        }
    }
}

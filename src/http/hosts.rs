//! The names that an open server answers to. Where nobody has to show a key, the host that a request names is all that
//! tells a page of this server's from a page of somebody else's whose name was made to lead here (DNS rebinding): such a page
//! is of the same origin as the server to its browser, and could read and steer everything.
//!
//! An address can't be made to lead elsewhere, so addresses are always let in. A name has to be known: `localhost`, which
//! browsers never look up (RFC 6761), what the machine is called from within its containers, Microsoft's hosts that
//! clients are led here by, and what the server was told. Development servers do the same (`allowedHosts` of Vite and of
//! webpack-dev-server).

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddrV4},
    str::FromStr,
};

use askama::Template;
use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header, uri::Authority},
    response::Response,
};
use url::Host;

use super::{assets, control, nowhere::is_browser, page::page};

/// Names that lead to the machine that they are used on, or to the one whose container they are used in (Docker, Podman):
/// nobody can register them.
const THIS_MACHINE: [&str; 4] = ["localhost", "*.localhost", "host.docker.internal", "host.containers.internal"];

/// A name that a server goes by: `rehearsal.test`, or `*.rehearsal.test` for all names that end so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName(String);

/// Why a text is no name of a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadHostName {
    /// It is something else.
    #[error("{0:?} is no name of a host; give it without scheme, port and path, such as rehearsal.test")]
    NoName(String),
    /// It is an address.
    #[error("{0} is an address, and addresses are let in without being named; leave it out")]
    Address(String),
}

impl FromStr for HostName {
    type Err = BadHostName;

    fn from_str(text: &str) -> Result<Self, BadHostName> {
        let (start, name) = text.strip_prefix("*.").map_or(("", text), |name| ("*.", name));
        match Host::parse(name) {
            Ok(Host::Domain(name)) if !name.contains('*') => Ok(Self(format!("{start}{}", name.trim_end_matches('.')))),
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) if start.is_empty() => Err(BadHostName::Address(text.to_owned())),
            Ok(_) | Err(_) => Err(BadHostName::NoName(text.to_owned())),
        }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HostName {
    /// Whether a host goes by it; both are in lower case.
    fn fits(&self, host: &str) -> bool {
        match self.0.strip_prefix('*') {
            Some(end) => host.len() > end.len() && host.ends_with(end),
            None => host == self.0,
        }
    }
}

/// Which hosts a server answers to.
#[derive(Debug, Clone)]
pub enum Hosts {
    /// Whichever: nobody gets anywhere without a key.
    Any,
    /// Addresses, and these names.
    Known(Vec<HostName>),
}

impl Hosts {
    /// Addresses, the names of this machine, and those that it was told.
    #[must_use]
    pub fn known(told: impl IntoIterator<Item = HostName>) -> Self {
        Self::Known(THIS_MACHINE.into_iter().map(|name| HostName(name.to_owned())).chain(told).collect())
    }

    /// Whether a request is for this server. One that names no host comes from no browser.
    pub(super) fn admit(&self, request: &Request) -> bool {
        let named = named(request.headers()).all(|host| host.is_ok_and(|host| self.knows(host)));
        named && request.uri().authority().is_none_or(|authority| self.knows(authority.as_str()))
    }

    /// Whether this is a host of this server's, with or without a port.
    fn knows(&self, host: &str) -> bool {
        let Self::Known(names) = self else { return true };
        // What programs mostly call, as it is mostly written; to find out what else a text may be takes several times as long.
        if host.parse::<SocketAddrV4>().is_ok() || host.parse::<Ipv4Addr>().is_ok() {
            return true;
        }
        let parsed = Authority::from_str(host).ok().and_then(|authority| Host::parse(authority.host()).ok());
        match parsed {
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
            Some(Host::Domain(host)) => {
                let host = host.strip_suffix('.').unwrap_or(&host);
                names.iter().any(|name| name.fits(host))
            }
            None => false,
        }
    }
}

/// The hosts that a request's headers name.
fn named(headers: &HeaderMap) -> impl Iterator<Item = Result<&str, header::ToStrError>> {
    headers.get_all(header::HOST).iter().map(HeaderValue::to_str)
}

/// What answers requests that are for another host: a page for people, a problem for programs.
pub(super) fn strangers() -> Router {
    Router::new().merge(assets::router()).fallback(misdirected)
}

#[derive(Template)]
#[template(path = "misdirected.html")]
struct Misdirected<'a> {
    host: &'a str,
}

async fn misdirected(request: Request) -> Response {
    let host = named(request.headers()).find_map(Result::ok).or_else(|| request.uri().host()).unwrap_or("?");
    // As it would be given to `--allow-host`: without the port.
    let authority = Authority::from_str(host).ok();
    let host = authority.as_ref().map_or(host, Authority::host);
    if is_browser(request.headers()) {
        page(StatusCode::MISDIRECTED_REQUEST, &Misdirected { host })
    } else {
        control::misdirected(host)
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn a_host_is_an_address_or_a_known_name() {
        let hosts = Hosts::known(["rehearsal.test", "*.dev.example"].map(|name| name.parse().unwrap()));
        let table = [
            ("127.0.0.1:7070", true),
            ("127.1", true),
            ("192.168.1.2:7070", true),
            ("[::1]:7070", true),
            ("[::1]", true),
            ("localhost", true),
            ("LOCALHOST:7070", true),
            ("localhost.:7070", true),
            ("team-a.localhost:7070", true),
            ("host.docker.internal:7070", true),
            ("rehearsal.test:7070", true),
            ("Rehearsal.Test", true),
            ("a.dev.example", true),
            ("a.b.dev.example", true),
            ("dev.example", false),
            ("adev.example", false),
            (".dev.example", false),
            ("other.rehearsal.test", false),
            ("rehearsal.test.evil.example", false),
            ("evil.example:7070", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("notlocalhost", false),
            ("evil.example@127.0.0.1", true),
            ("127.0.0.1@evil.example", false),
            ("a b", false),
            ("", false),
        ];
        for (host, expected) in table {
            assert_eq!(hosts.knows(host), expected, "{host:?}");
            assert!(Hosts::Any.knows(host), "{host:?}");
        }
    }

    #[test]
    fn every_host_that_a_request_names_is_looked_at() {
        let hosts = Hosts::known([]);
        let table: [(&str, &[&str], bool); 6] = [
            ("/", &[], true),
            ("/", &["localhost"], true),
            ("/", &["localhost", "evil.example"], false),
            ("/", &["\u{e9}"], false),
            ("http://evil.example/", &["localhost"], false),
            ("http://127.0.0.1/", &["localhost"], true),
        ];
        for (uri, named, expected) in table {
            let mut request = Request::builder().uri(uri);
            for host in named {
                request = request.header(header::HOST, HeaderValue::from_bytes(host.as_bytes()).unwrap());
            }
            assert_eq!(hosts.admit(&request.body(Body::empty()).unwrap()), expected, "{uri} {named:?}");
        }
    }

    #[test]
    fn a_name_is_a_name_and_nothing_more() {
        for good in ["rehearsal", "rehearsal.test", "*.rehearsal.test", "Rehearsal.Test.", "bücher.example"] {
            assert!(good.parse::<HostName>().is_ok(), "{good}");
        }
        for bad in ["", "*", "*.", "a.*.b", "http://a", "a:80", "a/b", "*.127.0.0.1"] {
            assert_eq!(bad.parse::<HostName>(), Err(BadHostName::NoName(bad.to_owned())), "{bad}");
        }
        for address in ["127.0.0.1", "[::1]"] {
            assert_eq!(address.parse::<HostName>(), Err(BadHostName::Address(address.to_owned())));
        }
    }
}

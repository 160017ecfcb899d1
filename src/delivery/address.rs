//! Where a webhook may not be: addresses at which a machine's own network answers, such as the metadata services of
//! clouds, which hand out credentials to whoever asks.
//!
//! Loopback and private networks are allowed: that is where the webhooks of developers are.

use std::net::{IpAddr, Ipv6Addr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Host;

/// Metadata services that are not link-local: of AWS and Oracle over IPv6, and of Alibaba.
const METADATA: [IpAddr; 2] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(std::net::Ipv4Addr::new(100, 100, 100, 200)),
];

/// Why a host may not be called, if it is an address.
pub(super) fn forbidden(host: &Host<&str>) -> Option<String> {
    let address = match host {
        Host::Domain(_) => return None,
        Host::Ipv4(address) => IpAddr::V4(*address),
        Host::Ipv6(address) => IpAddr::V6(*address),
    };
    is_forbidden(address).then(|| refusal(address))
}

fn refusal(address: IpAddr) -> String {
    format!("{address} is an address of the network itself, which webhooks must not reach")
}

/// Whether an address is link-local or a metadata service's.
fn is_forbidden(address: IpAddr) -> bool {
    let address = address.to_canonical();
    let is_link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_unspecified() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local() || address.is_unspecified(),
    };
    is_link_local || METADATA.contains(&address)
}

/// Looks names up as the machine does, and leaves out what may not be called: a name may lead anywhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guarded;

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<_> = found.iter().copied().filter(|found| !is_forbidden(found.ip())).collect();
            match (allowed.is_empty(), found.first()) {
                (true, Some(first)) => Err(refusal(first.ip()).into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_itself_is_not_called() {
        let table = [
            ("http://127.0.0.1/", true),
            ("http://[::1]/", true),
            ("http://10.1.2.3/", true),
            ("http://192.168.0.7/", true),
            ("http://203.0.113.9/", true),
            ("http://localhost/", true),
            ("http://169.254.169.254/latest/meta-data", false),
            ("http://2852039166/", false),
            ("http://0xa9.0xfe.0xa9.0xfe/", false),
            ("http://[::ffff:169.254.169.254]/", false),
            ("http://[fe80::1]/", false),
            ("http://[fd00:ec2::254]/", false),
            ("http://100.100.100.200/", false),
            ("http://0.0.0.0/", false),
        ];
        for (url, allowed) in table {
            let url = url::Url::parse(url).unwrap();
            assert_eq!(forbidden(&url.host().unwrap()).is_none(), allowed, "{url}");
        }
    }
}

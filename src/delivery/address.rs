//! Where a webhook may not be: addresses at which a machine's own network answers, such as the metadata services of
//! clouds, which hand out credentials to whoever asks.
//!
//! Loopback and private networks are allowed: that is where the webhooks of developers are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Host;

/// Metadata services that are not link-local: of AWS and Oracle over IPv6, of Alibaba, Azure's and Oracle's others.
const METADATA: [IpAddr; 4] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
];

/// Why a host may not be called, if it is an address.
pub(crate) fn forbidden(host: &Host<&str>) -> Option<String> {
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
    let address = match address.to_canonical() {
        IpAddr::V6(address) => within(address).map_or(IpAddr::V6(address), IpAddr::V4),
        address => address,
    };
    let is_link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_unspecified() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local() || address.is_unspecified(),
    };
    is_link_local || METADATA.contains(&address)
}

/// The address of IPv4 that one of IPv6 leads to: through NAT64 (RFC 6052), 6to4 (RFC 3056), or written in the old way
/// (RFC 4291, section 2.5.5.1).
fn within(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0, 0, high @ (1..), low] => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
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
            ("http://168.63.129.16/machine", false),
            ("http://192.0.0.192/opc/v1", false),
            ("http://[64:ff9b::a9fe:a9fe]/", false),
            ("http://[2002:a9fe:a9fe::]/", false),
            ("http://[::169.254.169.254]/", false),
            ("http://[64:ff9b::7f00:1]/", true),
            ("http://[2001:db8::1]/", true),
        ];
        for (url, allowed) in table {
            let url = url::Url::parse(url).unwrap();
            assert_eq!(forbidden(&url.host().unwrap()).is_none(), allowed, "{url}");
        }
    }
}

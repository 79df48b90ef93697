//! One virtual router in the language of each daemon, so that a test says once what it wants and
//! names the daemon that shall do it. Says nothing about health checks; those have no common form.

use crate::daemon::Daemon;
use crate::net::INTERFACE;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// What each daemon can do in multicast, and what keepalived can do beyond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Router {
    /// 2 or 3.
    pub version: u8,
    pub vrid: u8,
    /// 1 to 254.
    pub priority: u8,
    /// Whole seconds in version 2, hundredths in version 3.
    pub interval: Duration,
    pub preempt: bool,
    /// Of one family; IPv6 begins with a link-local address.
    pub addresses: Vec<IpAddr>,
    /// Whether keepalived and vipd use the virtual MAC. FRR always does.
    pub virtual_mac: bool,
    /// Unicast to these instead of multicast; FRR cannot.
    pub peers: Vec<IpAddr>,
    /// Where adverts leave from; the primary address if not said. FRR cannot.
    pub source: Option<IpAddr>,
    /// `auth_type PASS`, of version 2. FRR cannot.
    pub password: Option<String>,
}

impl Router {
    /// Version 3, VRID 51, every 200 ms, preempting, multicast, without a virtual MAC.
    pub fn new(priority: u8, addresses: &[IpAddr]) -> Self {
        Self {
            version: 3,
            vrid: 51,
            priority,
            interval: Duration::from_millis(200),
            preempt: true,
            addresses: addresses.to_vec(),
            virtual_mac: false,
            peers: Vec::new(),
            source: None,
            password: None,
        }
    }

    /// The address that a client asks: the first that is not link-local.
    pub fn address(&self) -> IpAddr {
        let local = |address: &IpAddr| match address {
            IpAddr::V4(_) => false,
            IpAddr::V6(address) => address.is_unicast_link_local(),
        };
        let first = self.addresses.iter().find(|address| !local(address));
        first.copied().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    fn ipv6(&self) -> bool {
        self.addresses.iter().any(IpAddr::is_ipv6)
    }

    /// Of version 3 in the same form: RFC 9568 section 6.1, with the own priority.
    pub fn down_timer(&self) -> Duration {
        let skew = self.interval.mul_f64(1.0 - f64::from(self.priority) / 256.0);
        self.interval.saturating_mul(3).saturating_add(skew)
    }

    fn keepalived(&self) -> String {
        let Self { version, vrid, priority, .. } = self;
        let family = if self.ipv6() { 6 } else { 4 };
        let mut text = format!(
            "vrrp_instance VI_{vrid}_{family} {{\n    state BACKUP\n    interface {INTERFACE}\n    \
             version {version}\n    virtual_router_id {vrid}\n    priority {priority}\n    \
             advert_int {}\n",
            self.interval.as_secs_f64()
        );
        if !self.preempt {
            text.push_str("    nopreempt\n");
        }
        if self.virtual_mac {
            text.push_str("    use_vmac\n");
        }
        if let Some(password) = &self.password {
            text.push_str(&format!(
                "    authentication {{\n        auth_type PASS\n        auth_pass {password}\n    }}\n"
            ));
        }
        if let Some(source) = self.source {
            let name = if self.peers.is_empty() { "mcast_src_ip" } else { "unicast_src_ip" };
            text.push_str(&format!("    {name} {source}\n"));
        }
        if !self.peers.is_empty() {
            text.push_str(&block("unicast_peer", &self.peers));
        }
        text.push_str(&block("virtual_ipaddress", &self.addresses));
        text.push_str("}\n");
        text
    }

    fn frr(&self) -> String {
        let vrid = self.vrid;
        let mut text = format!(
            " vrrp {vrid} version {}\n vrrp {vrid} priority {}\n vrrp {vrid} \
             advertisement-interval {}\n",
            self.version,
            self.priority,
            self.interval.as_millis()
        );
        if !self.preempt {
            text.push_str(&format!(" no vrrp {vrid} preempt\n"));
        }
        for address in &self.addresses {
            let family = if address.is_ipv6() { "ipv6" } else { "ip" };
            text.push_str(&format!(" vrrp {vrid} {family} {address}\n"));
        }
        text
    }
}

fn block(name: &str, lines: &[IpAddr]) -> String {
    let lines: String = lines.iter().map(|line| format!("        {line}\n")).collect();
    format!("    {name} {{\n{lines}    }}\n")
}

/// All of `routers` in one file for `daemon`. FRR has one set of settings for both families of a
/// VRID: the last one counts.
pub fn config(daemon: &Daemon, routers: &[Router]) -> String {
    match daemon {
        Daemon::Vipd { .. } | Daemon::Keepalived => {
            routers.iter().map(Router::keepalived).collect()
        }
        Daemon::Frr => {
            let all: String = routers.iter().map(Router::frr).collect();
            format!("interface {INTERFACE}\n{all}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages() {
        let addresses = ["fe80::100".parse().unwrap(), "fd88:88::100".parse().unwrap()];
        let router = Router { preempt: false, ..Router::new(200, &addresses) };
        assert_eq!(router.address(), addresses[1]);
        assert_eq!(router.down_timer(), Duration::from_micros(643_750));
        let text = config(&Daemon::Keepalived, std::slice::from_ref(&router));
        assert!(text.contains("advert_int 0.2\n    nopreempt\n"), "{text}");
        let text = config(&Daemon::Frr, &[router]);
        assert!(text.ends_with(" vrrp 51 ipv6 fd88:88::100\n"), "{text}");
        assert!(text.contains(" vrrp 51 advertisement-interval 200\n no vrrp 51 preempt\n"));
    }
}

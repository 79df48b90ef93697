//! FRR's zebra and vrrpd on a node: the macvlans that vrrpd wants to find, the command lines, its
//! own account of itself. Reads just enough of a vrrpd.conf to know which macvlans that are.

use crate::clock::{Stamp, wait_until};
use crate::error::{Error, Result};
use crate::frame::Mac;
use crate::node::Node;
use crate::run::{TOOL_LIMIT, tool};
use crate::spawned::Spawned;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

const FOLDER: &str = "/usr/lib/frr";
/// Where both keep sockets and process ids: the node's own, as all of /run.
const RUN: &str = "/run/frr";
const ZEBRA_CONFIG: &str = "/etc/frr/zebra.conf";
const START: Duration = Duration::from_secs(60);

pub(super) fn program() -> PathBuf {
    PathBuf::from(format!("{FOLDER}/vrrpd"))
}

/// In the foreground, no TCP port, only the node's own paths, the log to the node's /dev/log.
pub(super) fn arguments() -> Vec<&'static str> {
    let mut arguments = vec!["-f", super::FRR_CONFIG, "-i", "/run/frr/vrrpd.pid"];
    arguments.extend(COMMON);
    arguments
}

const COMMON: [&str; 8] =
    ["-P", "0", "--vty_socket", RUN, "-z", "/run/frr/zserv.api", "--log", "syslog"];

/// Makes the macvlans that `config` speaks of, if they are not there, and starts zebra.
pub(super) fn prepare(node: &Node, config: &str) -> Result<Spawned> {
    for macvlan in macvlans(config) {
        macvlan.make(node)?;
    }
    node.shell(&format!("chown frr:frr {RUN} && chmod 755 {RUN}"))?;
    node.write(ZEBRA_CONFIG, "")?;
    let mut words = vec!["-f", ZEBRA_CONFIG, "-i", "/run/frr/zebra.pid"];
    words.extend(COMMON);
    let socket = node.file("/run/frr/zserv.api");
    drop(std::fs::remove_file(&socket));
    let mut zebra = node.spawn(format!("{FOLDER}/zebra"), &words)?;
    let mut ended = None;
    wait_until(START, "zebra's socket", || {
        ended = zebra.try_status();
        ended.is_some() || socket.exists()
    })?;
    match ended {
        None => Ok(zebra),
        Some(status) => Err(Error::new(format!("zebra ended ({status}): {}", zebra.stderr()))),
    }
}

/// One virtual router of one family needs one macvlan.
#[derive(Debug, PartialEq, Eq)]
struct Macvlan {
    name: String,
    parent: String,
    vrid: u8,
    addresses: Vec<IpAddr>,
}

/// Of `interface IF` and ` vrrp N ip ADDRESS` or ` vrrp N ipv6 ADDRESS`.
fn macvlans(config: &str) -> Vec<Macvlan> {
    let mut found: Vec<Macvlan> = Vec::new();
    let (mut parent, mut number) = (String::new(), 0_u32);
    for line in config.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (vrid, family, address) = match words.as_slice() {
            ["interface", name, ..] => {
                (*name).clone_into(&mut parent);
                number = number.saturating_add(1);
                continue;
            }
            ["vrrp", vrid, "ip", address] => (vrid.parse(), 4, address.parse()),
            ["vrrp", vrid, "ipv6", address] => (vrid.parse(), 6, address.parse()),
            _ => continue,
        };
        let (Ok(vrid), Ok(address)) = (vrid, address) else { continue };
        let name = format!("vrrp{family}-{number}-{vrid}");
        match found.iter_mut().find(|macvlan| macvlan.name == name) {
            Some(macvlan) => macvlan.addresses.push(address),
            None => {
                let parent = parent.clone();
                found.push(Macvlan { name, parent, vrid, addresses: vec![address] });
            }
        }
    }
    found
}

impl Macvlan {
    fn make(&self, node: &Node) -> Result<()> {
        if node.watch().links_now()?.iter().any(|link| link.name == self.name) {
            return Ok(());
        }
        let own = node.link_local().map(|base| self.link_local(base));
        let commands = self.commands(own);
        node.namespace().enter(|| tool("ip", &["-batch", "-"], &commands))?;
        // Else the base device answers for the address, too, even while the macvlan is down.
        node.shell(&format!("echo 1 > /proc/sys/net/ipv4/conf/{}/arp_ignore", self.parent))?;
        Ok(())
    }

    /// Kept down until vrrpd takes it, so that nobody has the address before its time. The modes
    /// are those of FRR's manual; an EUI-64 address would be the same on all routers.
    fn commands(&self, own: Option<Ipv6Addr>) -> String {
        let Self { name, parent, vrid, addresses } = self;
        let ipv6 = addresses.iter().any(IpAddr::is_ipv6);
        let mac = if ipv6 { Mac::virtual6(*vrid) } else { Mac::virtual4(*vrid) };
        let mut commands = format!(
            "link add {name} link {parent} address {mac} type macvlan mode bridge\n\
             link set {name} addrgenmode none\nlink set {name} protodown on\n"
        );
        for address in addresses {
            let (prefix, more) = match address {
                IpAddr::V4(_) => (32, ""),
                IpAddr::V6(one) if one.is_unicast_link_local() => (64, " nodad"),
                IpAddr::V6(_) => (128, " nodad"),
            };
            commands.push_str(&format!("addr add {address}/{prefix} dev {name}{more}\n"));
        }
        if let Some(own) = own.filter(|_| ipv6) {
            // vrrpd takes the first link-local address for its own, and the last one is first.
            commands.push_str(&format!("addr add {own}/64 dev {name} nodad\n"));
        }
        commands.push_str(&format!("link set {name} up\n"));
        commands
    }

    /// As different from those of other routers as the base device's address is.
    fn link_local(&self, base: Ipv6Addr) -> Ipv6Addr {
        let [a, b, c, d, e, rest @ ..] = base.segments();
        let [f, g, h] = rest;
        Ipv6Addr::new(a, b, c, d, e ^ 0x0400 ^ u16::from(self.vrid), f, g, h)
    }
}

/// What vrrpd says of itself (`show vrrp json`); see FRR's manual for the names.
///
/// # Errors
/// When it does not answer.
pub fn show(node: &Node) -> Result<String> {
    let words = ["vtysh", "--vty_socket", RUN, "-d", "vrrpd", "-c", "show vrrp json"];
    let said = node.exec(&words, TOOL_LIMIT)?;
    if said.ok() { Ok(said.stdout) } else { Err(Error::new(said.stderr)) }
}

/// Whether every virtual router has entered its first state since `begin`.
pub(super) fn started(node: &Node, begin: Stamp, config: &str) -> bool {
    let log = node.syslog().lines();
    let entered =
        log.iter().filter(|line| line.at >= begin && line.text.contains("Initialize -> ")).count();
    entered >= macvlans(config).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macvlans_are_one_for_each_family() {
        let config = "interface eth0\n vrrp 5 version 3\n vrrp 5 ip 10.0.0.1\n vrrp 5 ip 10.0.0.2\n \
                      vrrp 5 ipv6 fe80::5\ninterface eth1\n vrrp 5 ip 10.1.0.1\n";
        let all = macvlans(config);
        let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["vrrp4-1-5", "vrrp6-1-5", "vrrp4-2-5"]);
        assert_eq!(all[0].addresses.len(), 2);
        assert_eq!(all[2].parent, "eth1");
    }
}

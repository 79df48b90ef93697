//! The stage of these tests: a LAN with hosts that run vipd, a client beside them that does not, and
//! a capture. Says how an instance is written down; judges nothing.

use std::net::IpAddr;
use std::time::Duration;
use vipd_lab::clock::wait_until;
use vipd_lab::forge::{self, Forged};
use vipd_lab::frame::{Advert, Announcement, Mac};
use vipd_lab::net::INTERFACE;
use vipd_lab::{Capture, Daemon, Net, Node, Running, Stamp, packages};

/// Longer than anything here takes on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);
pub(crate) const BEGINNING: Stamp = Stamp::from_nanos(0);

/// How much later than the wire the kernel's word about addresses may be read. Two witnesses see
/// in the right order what is farther apart.
pub(crate) const DELAY: Duration = Duration::from_millis(20);

/// The interval of most instances of version 3 here.
pub(crate) const INTERVAL: Duration = Duration::from_millis(200);
/// As it is written.
pub(crate) const V3: &str = "version 3; advert_int 0.2";

pub(crate) struct Host {
    // Dropped before the node it runs on.
    pub(crate) daemon: Option<Running>,
    pub(crate) node: Node,
}

pub(crate) struct Lan {
    pub(crate) hosts: Vec<Host>,
    pub(crate) client: Node,
    pub(crate) capture: Capture,
    pub(crate) net: Net,
}

/// An instance; `lines` are separated by semicolons.
pub(crate) fn instance(name: &str, vrid: u8, lines: &str, addresses: &[&str]) -> String {
    let lines = lines.replace(';', "\n   ");
    let addresses = addresses.join("\n        ");
    format!(
        "vrrp_instance {name} {{\n    interface {INTERFACE}\n    virtual_router_id {vrid}\n    \
         {lines}\n    virtual_ipaddress {{\n        {addresses}\n    }}\n}}\n"
    )
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

impl Lan {
    /// Hosts with 10.88.88.20, .30 and so on, without a daemon, and the client with 10.88.88.10.
    pub(crate) fn boot(count: usize) -> Self {
        let own: Vec<String> = (2..count + 2).map(|n| format!("10.88.88.{n}0/24")).collect();
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        Self::with_addresses("10.88.88.10/24", &own)
    }

    pub(crate) fn with_addresses(client: &str, own: &[&str]) -> Self {
        packages::ensure().unwrap();
        let net = Net::new().unwrap();
        let capture = net.capture().unwrap();
        let client = net.boot("client", client).unwrap();
        let host = |(number, address): (usize, &&str)| {
            let node = net.boot(&format!("node{}", number + 1), address).unwrap();
            Host { daemon: None, node }
        };
        let hosts = own.iter().enumerate().map(host).collect();
        Self { hosts, client, capture, net }
    }

    /// One host for each configuration, with vipd, the first one's first.
    pub(crate) fn running(configs: &[&str]) -> Self {
        let mut lan = Self::boot(configs.len());
        for (number, config) in configs.iter().enumerate() {
            lan.start(number, config);
        }
        lan
    }

    /// Returns when its first instance has entered its first state.
    pub(crate) fn start(&mut self, number: usize, config: &str) -> Stamp {
        let at = Stamp::now();
        let node = &self.hosts[number].node;
        let running = Daemon::vipd().unwrap().launch(node, config, &["-D"]).unwrap();
        self.hosts[number].daemon = Some(running);
        let log = self.node(number).syslog();
        let entered = || log.find_since(at, "Entering ").is_some_and(|l| l.text.contains(" STATE"));
        self.wait("the first state of an instance", entered);
        at
    }

    pub(crate) fn node(&self, number: usize) -> &Node {
        &self.hosts[number].node
    }

    /// Tells it to stop, and waits until it has, with exit code 0. Returns the moment before.
    pub(crate) fn stop(&mut self, number: usize) -> Stamp {
        let at = Stamp::now();
        let Host { daemon, node } = &mut self.hosts[number];
        let status = daemon.take().unwrap().stop(node).unwrap();
        assert_eq!(status.code(), Some(0), "{}", self.logs());
        at
    }

    /// Returns the moment before, when it has been done.
    pub(crate) fn reload(&mut self, number: usize, config: &str) -> Stamp {
        let Host { daemon, node } = &mut self.hosts[number];
        let at = daemon.as_mut().unwrap().reload(node, config).unwrap();
        let done = || self.node(number).syslog().find_since(at, "Reload complete").is_some();
        self.wait("the end of a reload", done);
        at
    }

    /// Waits for what a witness will see; says with the logs of all hosts what was not seen.
    pub(crate) fn wait(&self, what: &str, condition: impl FnMut() -> bool) -> Stamp {
        wait_until(LIMIT, what, condition).unwrap_or_else(|e| panic!("{e}\n{}", self.logs()))
    }

    /// Lets `time` pass in which something must not happen.
    pub(crate) fn pass(&self, time: Duration) {
        let end = Stamp::now().plus(time);
        self.wait("time to pass", || Stamp::now() >= end);
    }

    pub(crate) fn logs(&self) -> String {
        let log = |host: &Host| format!("{}:\n{}", host.node.name(), host.node.syslog().text());
        self.hosts.iter().map(log).collect()
    }

    /// The adverts of a host for one VRID.
    pub(crate) fn adverts(&self, number: usize, vrid: u8, since: Stamp) -> Vec<(Stamp, Advert)> {
        let mut all = self.capture.adverts_of(self.node(number), since);
        all.retain(|(_, advert)| advert.vrid == vrid);
        all
    }

    /// Waits for so many adverts of a host in each family of `vrid` that `addresses` name.
    pub(crate) fn advertises(&self, number: usize, vrid: u8, count: usize, since: Stamp) -> Stamp {
        self.wait(&format!("{count} adverts of host {number} for VRID {vrid}"), || {
            let all = self.adverts(number, vrid, since);
            all.iter().filter(|(_, advert)| advert.priority > 0).count() >= count
        })
    }

    /// Waits until a host alone holds all of `addresses`.
    pub(crate) fn owned_by(&self, number: usize, addresses: &[&str]) -> Stamp {
        self.wait(&format!("{addresses:?} on host {number} alone"), || {
            let mut hosts = self.hosts.iter().enumerate();
            hosts.all(|(other, host)| {
                let holds = |address: &&str| host.node.watch().holds(ip(address));
                if other == number {
                    addresses.iter().all(holds)
                } else {
                    !addresses.iter().any(holds)
                }
            })
        })
    }

    /// Who has announced `address` from which port.
    pub(crate) fn announced(
        &self,
        number: usize,
        address: &str,
        since: Stamp,
    ) -> Vec<(Stamp, Announcement)> {
        let port = self.node(number).plug().port();
        let mut all: Vec<(Stamp, Announcement)> = Vec::new();
        for packet in self.capture.packets() {
            let what = packet.frame.announcement().filter(|one| one.address == ip(address));
            if packet.at >= since && packet.port == port {
                all.extend(what.map(|what| (packet.at, what)));
            }
        }
        all
    }

    /// The hardware address of a host's interface.
    pub(crate) fn mac(&self, number: usize) -> Mac {
        mac(self.node(number))
    }
}

pub(crate) fn mac(node: &Node) -> Mac {
    let links = node.watch().links_now().unwrap();
    let link = links.iter().find(|link| link.name == INTERFACE);
    link.and_then(|link| link.mac).unwrap()
}

/// A right advert of version 3 in the name of `node`, every 200 ms, to a group or a host.
pub(crate) fn advert(
    node: &Node,
    destination: &str,
    vrid: u8,
    priority: u8,
    addresses: &[&str],
) -> Forged {
    let destination = ip(destination);
    let own = node.address().split('/').next().unwrap();
    let source = if destination.is_ipv4() { ip(own) } else { node.link_local().unwrap().into() };
    Forged {
        version: 3,
        interval: 20,
        addresses: addresses.iter().map(|address| ip(address)).collect(),
        ..Forged::new(source, destination, vrid, priority, ip(addresses[0]))
    }
}

pub(crate) fn send(node: &Node, forged: &Forged) {
    forge::send(node, forged.destination, &[forged.packet()]).unwrap();
}

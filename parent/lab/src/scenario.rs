//! The main job: two hosts with HAProxy, one address between them, a client that asks for it. Sets
//! them up and plays what can happen to them; the tests, the demo and the benchmark look on.

use crate::capture::Capture;
use crate::clock::{Stamp, wait_until};
use crate::daemon::{Daemon, Running};
use crate::error::{Error, Result};
use crate::net::Net;
use crate::node::Node;
use crate::owner;
use crate::packages;
use crate::probe::Probe;
use crate::router::{self, Router};
use crate::service::{Kind, Service};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The address that both want.
pub const VIP: Ipv4Addr = Ipv4Addr::new(10, 88, 88, 100);
pub const NODE1: Ipv4Addr = Ipv4Addr::new(10, 88, 88, 20);
pub const NODE2: Ipv4Addr = Ipv4Addr::new(10, 88, 88, 30);
pub const CONFIG1: &str = include_str!("../conf/node1.conf");
pub const CONFIG2: &str = include_str!("../conf/node2.conf");

/// Longer than any takeover of the two configurations takes, also where programs start slowly.
pub const LIMIT: Duration = Duration::from_secs(60);

/// One of the two hosts with what runs on it.
#[derive(Debug)]
pub struct Host {
    // Dropped before the node they run on.
    pub daemon: Option<Running>,
    pub service: Option<Service>,
    pub node: Node,
    /// What its daemon reads.
    pub config: String,
}

impl Host {
    pub fn name(&self) -> &str {
        self.node.name()
    }

    /// # Errors
    /// When it does not start.
    pub fn start_daemon(&mut self, daemon: &Daemon) -> Result<()> {
        self.daemon = Some(daemon.start(&self.node, &self.config)?);
        Ok(())
    }

    /// Returns when HAProxy was started.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_haproxy(&mut self) -> Result<Stamp> {
        let service = Service::start(Kind::Haproxy, &self.node)?;
        let at = service.started();
        self.service = Some(service);
        Ok(at)
    }

    /// Returns when HAProxy was killed.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill_haproxy(&mut self) -> Result<Stamp> {
        let service = self.service.take();
        service.ok_or_else(|| Error::new("no HAProxy runs"))?.kill(&self.node)
    }

    /// # Errors
    /// When no daemon runs.
    pub fn running(&mut self) -> Result<&mut Running> {
        self.daemon.as_mut().ok_or_else(|| Error::new("no daemon runs"))
    }

    /// # Errors
    /// When the cable cannot be cut.
    pub fn power_off(&mut self) -> Result<Stamp> {
        let at = self.node.power_off()?;
        self.daemon = None;
        self.service = None;
        Ok(at)
    }
}

/// Both hosts, the client and the witnesses.
#[derive(Debug)]
pub struct Pair {
    pub probe: Probe,
    pub capture: Capture,
    pub one: Host,
    pub two: Host,
    pub client: Node,
    pub net: Net,
    /// What both want and the client asks for.
    pub vip: IpAddr,
}

impl Pair {
    /// Boots everything and starts HAProxy on both hosts, but no daemon.
    ///
    /// # Errors
    /// When the laboratory cannot be built.
    pub fn boot() -> Result<Self> {
        Self::with_configs(CONFIG1, CONFIG2)
    }

    /// The same with other configurations.
    ///
    /// # Errors
    /// When the laboratory cannot be built.
    pub fn with_configs(first: &str, second: &str) -> Result<Self> {
        Self::around(IpAddr::V4(VIP), first, second)
    }

    /// Installs what is missing, boots with `change` done to both configurations and starts `daemon`
    /// on both hosts; waits for nothing more.
    ///
    /// # Errors
    /// When the laboratory cannot be built or a daemon does not start.
    pub fn changed(daemon: &Daemon, change: impl Fn(&str) -> String) -> Result<Self> {
        packages::ensure()?;
        let mut pair = Self::with_configs(&change(CONFIG1), &change(CONFIG2))?;
        pair.one.start_daemon(daemon)?;
        pair.two.start_daemon(daemon)?;
        Ok(pair)
    }

    /// As [`Pair::with_configs`] for another address than [`VIP`], of either family.
    ///
    /// # Errors
    /// When the laboratory cannot be built.
    pub fn around(vip: IpAddr, first: &str, second: &str) -> Result<Self> {
        let net = Net::new()?;
        let capture = net.capture()?;
        let client = net.boot("client", "10.88.88.10/24")?;
        let mut one = boot_host(&net, "node1", NODE1, first)?;
        let mut two = boot_host(&net, "node2", NODE2, second)?;
        one.start_haproxy()?;
        two.start_haproxy()?;
        let probe = Probe::start(&client, SocketAddr::new(vip, 80))?;
        Ok(Self { probe, capture, one, two, client, net, vip })
    }

    /// Boots, starts each daemon with its virtual routers, node 1's first, and waits until node 1
    /// serves the address of its first one.
    ///
    /// # Errors
    /// When it does not within [`LIMIT`].
    pub fn routers(first: (&Daemon, &[Router]), second: (&Daemon, &[Router])) -> Result<Self> {
        let vip = first.1.first().map(Router::address);
        let vip = vip.ok_or_else(|| Error::new("no virtual router"))?;
        let configs = [first, second].map(|(daemon, all)| router::config(daemon, all));
        let mut pair = Self::around(vip, &configs[0], &configs[1])?;
        pair.one.start_daemon(first.0)?;
        pair.two.start_daemon(second.0)?;
        pair.wait_served(Stamp::now(), 1)?;
        Ok(pair)
    }

    /// Waits until host `number` is the only owner and has answered a request that the client made
    /// at or after `since`. Returns the end of that request.
    ///
    /// # Errors
    /// When that is not so within [`LIMIT`]: with both logs.
    pub fn wait_served(&self, since: Stamp, number: u8) -> Result<Stamp> {
        let answer = self.probe.wait_answer(since, &format!("node{number}"), LIMIT);
        let served = answer.and_then(|answer| self.wait_owner(number).map(|_| answer.ended));
        let logs =
            || format!("{}\n{}", self.one.node.syslog().text(), self.two.node.syslog().text());
        served.map_err(|error| Error::new(format!("{error}\n{}", logs())))
    }

    /// Boots, starts `first` on node 1 and `second` on node 2, and waits until node 1 serves.
    ///
    /// # Errors
    /// When it does not within [`LIMIT`].
    pub fn running(first: &Daemon, second: &Daemon) -> Result<Self> {
        let mut pair = Self::boot()?;
        pair.one.start_daemon(first)?;
        pair.two.start_daemon(second)?;
        pair.settle()?;
        Ok(pair)
    }

    /// Waits until node 1 has its full priority, holds the address alone and serves, and node 2
    /// knows that its own HAProxy runs and has nothing more to say.
    ///
    /// # Errors
    /// When that is not so within [`LIMIT`].
    pub fn settle(&self) -> Result<Stamp> {
        let since = Stamp::now();
        self.capture.wait_advert(since, LIMIT, "node1 with priority 111", |advert| {
            advert.source == NODE1 && advert.priority == 111
        })?;
        self.wait_owner(1)?;
        let answer = self.probe.wait_answer(since, "node1", LIMIT)?;
        // A backup is silent; its log tells whether its check has succeeded.
        let known = ["succeeded", "from 100 to 110"];
        wait_until(LIMIT, "node2's first check of HAProxy", || {
            known.iter().any(|phrase| self.two.node.syslog().find(phrase).is_some())
        })?;
        self.capture.wait_advert(Stamp::now(), LIMIT, "node1 again", |a| a.source == NODE1)?;
        Ok(answer.ended)
    }

    /// Node 1 (as after a power cut) starts again with HAProxy and `daemon`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn reboot_one(&mut self, daemon: &Daemon) -> Result<()> {
        let config = self.one.config.clone();
        self.one = boot_host(&self.net, "node1", NODE1, &config)?;
        self.one.start_haproxy()?;
        self.one.start_daemon(daemon)
    }

    /// Waits until host `number` (1 or 2) holds the address and the other does not.
    ///
    /// # Errors
    /// When that is not so within [`LIMIT`].
    pub fn wait_owner(&self, number: u8) -> Result<Stamp> {
        wait_until(LIMIT, format_args!("node{number} as the only owner of {}", self.vip), || {
            self.owners() == [number]
        })
    }

    /// Who holds the address now: `[1]`, `[2]`, both or nobody.
    pub fn owners(&self) -> Vec<u8> {
        let holds =
            |host: &Host| host.node.off_since().is_none() && host.node.watch().holds(self.vip);
        [(1, &self.one), (2, &self.two)]
            .iter()
            .filter(|(_, host)| holds(host))
            .map(|(number, _)| *number)
            .collect()
    }

    /// Those of the overlaps that no busy machine explains: the loser of an election is given 4 ms
    /// to remove the address, and may not get to run in that time.
    pub fn long_overlaps(&self) -> Vec<owner::Window> {
        let long = |window: &owner::Window| window.length() > Duration::from_millis(100);
        self.overlaps().into_iter().filter(long).collect()
    }

    /// When both held the address.
    pub fn overlaps(&self) -> Vec<owner::Window> {
        owner::overlaps(&[&self.one.node, &self.two.node], self.vip)
    }
}

fn boot_host(net: &Net, name: &str, address: Ipv4Addr, config: &str) -> Result<Host> {
    let node = net.boot(name, &format!("{address}/24"))?;
    Ok(Host { daemon: None, service: None, node, config: config.to_owned() })
}

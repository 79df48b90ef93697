//! The LAN: a switch in a network namespace of its own, and the plugs of the nodes in it. Touches
//! nothing in the host's network.

use crate::capture::Capture;
use crate::error::{Error, Result};
pub use crate::fault::Cut;
use crate::fault::Fault;
use crate::holder::Holder;
use crate::netns::NetNs;
use crate::node::Node;
use crate::paths::WorkDir;
use crate::run::tool;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The nodes' interface.
pub const INTERFACE: &str = "enp0s25";

/// The unique local IPv6 address beside an IPv4 address, in one /64 with all others: with the same
/// last number to look at, so that 10.88.88.20 has fd88:88::20.
pub fn ipv6_of(address: Ipv4Addr) -> Ipv6Addr {
    let [.., last] = address.octets();
    let digits = u16::from_str_radix(&last.to_string(), 16).unwrap_or_default();
    Ipv6Addr::new(0xfd88, 0x88, 0, 0, 0, 0, 0, digits)
}

/// A LAN with its own bridge. Dropped, it and its files are gone.
#[derive(Debug)]
pub struct Net {
    switch: Holder,
    dir: Arc<WorkDir>,
    plugs: AtomicU32,
}

const SWITCH: &str = "\
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6 || :
ip link set lo up
ip link add br0 index 1000 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
ip link set br0 up
";

impl Net {
    /// # Errors
    /// Without root, with a clear sentence; or when the kernel has no bridge or namespaces.
    pub fn new() -> Result<Self> {
        if !nix::unistd::Uid::effective().is_root() {
            return Err(Error::new(
                "the laboratory needs root: it makes namespaces, links and addresses",
            ));
        }
        let dir = Arc::new(WorkDir::new()?);
        let switch = Holder::start(&["--net"], SWITCH, &[])?;
        Ok(Self { switch, dir, plugs: AtomicU32::new(0) })
    }

    /// Starts a host called `name` with `address` (as in `10.88.88.20/24`), the IPv6 address that
    /// belongs to it ([`ipv6_of`]) and the kernel's link-local address on [`INTERFACE`]. A name may
    /// be used again when its node is off or dropped.
    ///
    /// # Errors
    /// When a namespace, mount or link cannot be made.
    pub fn boot(&self, name: &str, address: &str) -> Result<Node> {
        let (number, plug) = self.free_plug(name);
        let dir = self.dir.path().join(format!("{name}.{number}"));
        let node = Node::boot(name, address, dir, Arc::clone(&self.dir), plug)?;
        node.plug().connect(number, &format!("{INTERFACE} index 2"), node.holder().init())?;
        node.configure_link()?;
        Ok(node)
    }

    /// Gives a node, of this network or another, one more interface, with `address` as in
    /// [`Net::boot`] and the kernel's link-local address on it.
    ///
    /// # Errors
    /// When the link cannot be made.
    pub fn add_cable(&self, node: &Node, interface: &str, address: &str) -> Result<Plug> {
        let (number, plug) = self.free_plug(node.name());
        plug.connect(number, interface, node.holder().init())?;
        node.configure(interface, &[address])?;
        Ok(plug)
    }

    fn free_plug(&self, name: &str) -> (u32, Plug) {
        let number = self.plugs.fetch_add(1, Ordering::Relaxed);
        let port: String = format!("p{number}-{name}").chars().take(15).collect();
        (number, Plug { lan: self.switch.net().clone(), port })
    }

    /// Records everything that nodes send from now on.
    ///
    /// # Errors
    /// When the packet socket cannot be opened.
    pub fn capture(&self) -> Result<Capture> {
        Capture::start(self.switch.net(), self.dir.path())
    }

    /// The namespace of the switch, for witnesses of one's own.
    pub fn namespace(&self) -> &NetNs {
        self.switch.net()
    }

    /// Where its files are.
    pub fn dir(&self) -> PathBuf {
        self.dir.path().to_path_buf()
    }
}

/// The switch's end of a node's cable.
#[derive(Debug, Clone)]
pub struct Plug {
    lan: NetNs,
    port: String,
}

impl Plug {
    /// The name of the port in a [`Capture`].
    pub fn port(&self) -> &str {
        &self.port
    }

    /// Indexes of the two ends differ on purpose: with equal ones the kernel takes up to a second
    /// to announce a lost carrier.
    fn connect(&self, number: u32, interface: &str, init: i32) -> Result<()> {
        let (port, index) = (&self.port, number.saturating_add(2000));
        self.batch(&format!(
            "link add {port} index {index} type veth peer name {interface} netns {init}\n\
             link set {port} master br0 up\n"
        ))
    }

    /// # Errors
    /// When nft or ip fails.
    pub fn cut(&self, how: Cut) -> Result<()> {
        match how.fault() {
            Some(fault) => self.disturb(&[fault]),
            None => {
                self.batch(&format!("link set {} down\n", self.port))?;
                self.unfilter()
            }
        }
    }

    /// Frames of each of these kinds are lost from now on, and no others.
    ///
    /// # Errors
    /// When nft or ip fails.
    pub fn disturb(&self, faults: &[Fault]) -> Result<()> {
        self.batch(&format!("link set {} up\n", self.port))?;
        let rules = |of: fn(Fault) -> bool| -> String {
            let all = faults.iter().filter(|fault| of(**fault));
            all.map(|fault| format!("{}\n", fault.rule())).collect()
        };
        let (from, to) = (rules(Fault::hits_from_node), rules(Fault::hits_to_node));
        let (table, port) = (self.table(), &self.port);
        let text = format!(
            "table netdev {table} {{}}\ndelete table netdev {table}\ntable netdev {table} {{\n\
             chain from {{\ntype filter hook ingress device \"{port}\" priority 0\n{from}}}\n\
             chain to {{\ntype filter hook egress device \"{port}\" priority 0\n{to}}}\n}}\n"
        );
        self.nft(&text)
    }

    /// At once, and without the node's card noticing. Ends with the next `cut` or `heal`.
    pub(crate) fn block(&self) -> Result<()> {
        self.batch(&format!("link set {} type bridge_slave state 0\n", self.port))
    }

    /// Everything passes again.
    ///
    /// # Errors
    /// When nft or ip fails.
    pub fn heal(&self) -> Result<()> {
        self.unfilter()?;
        self.batch(&format!("link set {} up\n", self.port))
    }

    fn unfilter(&self) -> Result<()> {
        let table = self.table();
        self.nft(&format!("table netdev {table} {{}}\ndelete table netdev {table}\n"))
    }

    fn table(&self) -> String {
        self.port.replace('-', "_")
    }

    fn batch(&self, commands: &str) -> Result<()> {
        self.lan.enter(|| tool("ip", &["-batch", "-"], commands).map(drop))
    }

    fn nft(&self, rules: &str) -> Result<()> {
        self.lan.enter(|| tool("nft", &["-f", "-"], rules).map(drop))
    }
}

//! What the tests of virtual MACs share: the two that they make, and how settings are read. Needs
//! root.
#![cfg(test)]

mod host;
mod wire;

use super::super::firewall::Rules;
use super::super::{Address, Kernel, Preferred};
use super::*;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;

const VIP: Ipv4Addr = Ipv4Addr::new(10, 9, 8, 100);
const VIP6: Ipv6Addr = Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 0x100);
const MAC: [u8; 6] = [0, 0, 0x5e, 0, 1, 51];
const MAC6: [u8; 6] = [0, 0, 0x5e, 0, 2, 51];

fn interface(name: &str) -> IfName {
    IfName::new(name.as_bytes()).unwrap()
}

fn vmac() -> Vmac {
    let (name, base) = (interface("vrrp.51"), interface("base"));
    Vmac { name, base, base_index: 10, mac: MAC, ipv6: false }
}

fn vmac6() -> Vmac {
    Vmac { name: interface("vrrp6.51"), mac: MAC6, ipv6: true, ..vmac() }
}

fn mark() -> Mark {
    Mark::new(Path::new("/run/vipd/vipd.sock"))
}

fn quiet(index: u32, borrowed: Option<Ipv6Addr>) -> Rules {
    let borrowed = borrowed.into_iter().collect();
    Rules { quiet: BTreeSet::from([index]), borrowed, ..Rules::default() }
}

/// As a daemon makes it.
fn made(linux: &mut Linux, vmac: &Vmac) -> u32 {
    let index = linux.make_vmac(vmac, &mark()).unwrap();
    let borrowed = linux.borrow_link_local(index).unwrap();
    linux.firewall(&quiet(index, borrowed)).unwrap();
    linux.raise_vmac(index).unwrap();
    index
}

fn add(linux: &mut Linux, ip: IpAddr, interface: IfName, index: u32) {
    let prefix = if ip.is_ipv4() { 32 } else { 128 };
    let (label, broadcast, scope) = (None, None, 0);
    let (preferred, nodad) = (Preferred::usual(ip, prefix), true);
    let address = Address {
        ip,
        prefix,
        interface,
        index,
        label,
        broadcast,
        scope,
        preferred,
        nodad,
        peer: None,
        flags: crate::kernel::Flags::default(),
        track: true,
    };
    assert_eq!(linux.add(&[address], None), [Ok(())]);
}

fn setting(family: &str, interface: &str, key: &str) -> String {
    let path = format!("/proc/sys/net/{family}/conf/{interface}/{key}");
    std::fs::read_to_string(path).unwrap().trim().to_owned()
}

fn set(interface: &str, key: &str, value: &str) {
    std::fs::write(format!("/proc/sys/net/ipv4/conf/{interface}/{key}"), value).unwrap();
}

//! Announcements on a real cable: the frames are those of the specification, and a neighbour that
//! hears one sends to the new place at once.

use super::{FAR, LIMIT, NEAR, NEAR_MAC, Tap, Wire, hex, ip, ip_says, linux};
use crate::kernel::{Announcement, Kernel};
use nix::errno::Errno;
use vipd_lab::wait_until;

fn of(ip: &str, index: u32) -> Announcement {
    Announcement { ip: ip.parse().unwrap(), index }
}

/// Frames of the virtual MAC from an interface that has it.
#[test]
fn frames_of_the_virtual_mac() {
    const VMAC: u32 = 30;
    let wire = Wire::new();
    ip(
        &wire.near,
        "link add link near name vrrp6.51 index 30 address 00:00:5e:00:02:33 \
         type macvlan mode private\nlink set vrrp6.51 addrgenmode none\n\
         link set vrrp6.51 up\n",
    );
    let tap = Tap::on(&wire.far, FAR);
    let mut kernel = linux(&wire.near);
    let all = [of("fe80::1", VMAC), of("2001:db8::1", VMAC), of("192.0.2.1", VMAC)];
    assert_eq!(kernel.announce(&all), [Ok(()); 3]);
    let expected = [
        "33330000000100005e00023386dd6000000000203afffe800000000000000000000000000001\
         ff02000000000000000000000000000188007968a0000000fe80000000000000000000000000\
         0001020100005e000233",
        "33330000000100005e00023386dd6000000000203aff20010db8000000000000000000000001\
         ff02000000000000000000000000000188001af8a000000020010db800000000000000000000\
         0001020100005e000233",
        "ffffffffffff00005e0002330806000108000604000100005e000233c0000201ffffffffffff\
         c0000201",
    ];
    let mut heard = Vec::new();
    wait_until(LIMIT, "three frames", || {
        // The new interface says for itself which groups it has joined.
        let frames = tap.heard([0, 0, 0x5e, 0, 2, 0x33]).into_iter();
        heard.extend(frames.filter(|f| f.get(54) == Some(&136) || f[12..14] == [8, 6]));
        heard.len() >= 3
    })
    .unwrap();
    assert_eq!(heard, expected.map(hex));
}

/// Where a neighbour believes `address` to be.
fn believed(wire: &Wire, address: &str) -> Option<String> {
    let all = ip_says(&wire.far, &["neighbour", "show", "dev", "far"]);
    let one = all.as_array().unwrap().iter().find(|one| one["dst"] == address)?;
    one["lladdr"].as_str().map(str::to_owned)
}

#[test]
fn neighbour_follows() {
    let wire = Wire::new();
    let mut kernel = linux(&wire.near);
    for address in ["192.0.2.1", "2001:db8::1", "fe80::1"] {
        let old = format!("neighbour add {address} lladdr 02:00:00:00:00:99 dev far nud stale\n");
        ip(&wire.far, &old);
        assert_eq!(believed(&wire, address).as_deref(), Some("02:00:00:00:00:99"));
        assert_eq!(kernel.announce(&[of(address, NEAR)]), [Ok(())]);
        wait_until(LIMIT, address, || {
            believed(&wire, address).as_deref() == Some("02:00:00:00:00:0a")
        })
        .unwrap();
    }
}

/// One bad place spoils nothing for the others.
#[test]
fn each_has_its_own_verdict() {
    let wire = Wire::new();
    ip(&wire.near, "link add name off index 40 type bridge\n");
    let tap = Tap::on(&wire.far, FAR);
    let mut kernel = linux(&wire.near);
    // Nobody resolves addresses on the loopback interface.
    let all = [of("192.0.2.1", 77), of("::2", 1), of("192.0.2.3", 40), of("192.0.2.4", NEAR)];
    let verdicts = kernel.announce(&all);
    assert_eq!(verdicts, [Err(Errno::ENODEV), Ok(()), Err(Errno::ENETDOWN), Ok(())]);
    let arps = || tap.heard(NEAR_MAC).into_iter().filter(|f| f[12..14] == [8, 6]).count();
    let mut heard = 0;
    wait_until(LIMIT, "the last one", || {
        heard += arps();
        heard == 1
    })
    .unwrap();
}

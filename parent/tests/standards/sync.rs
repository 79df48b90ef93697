//! Sync groups: two hosts between two networks, whose addresses on both must be on one host.

use crate::rig::{INTERVAL, Lan, V3, instance};
use vipd_lab::net::{INTERFACE, Plug};
use vipd_lab::{Cut, Direction, Fault, Net, Traffic};

const SECOND: &str = "enp0s26";
const FOUR: [&str; 1] = ["10.88.88.100"];
const SIX: [&str; 2] = ["fe80::99:100", "fd99:99::100"];
const ALL: [&str; 3] = [FOUR[0], SIX[0], SIX[1]];

struct Two {
    lan: Lan,
    /// The hosts' ends there.
    plugs: [Plug; 2],
    _second: Net,
}

fn config(lines: &str) -> String {
    let v3 = format!("{V3}; {lines}");
    let there = instance("B", 52, &v3, &SIX).replace(INTERFACE, SECOND);
    format!(
        "{}{there}vrrp_sync_group G {{\n group {{\n A\n B\n }}\n}}\n",
        instance("A", 51, &v3, &FOUR)
    )
}

fn two() -> Two {
    let mut lan = Lan::boot(2);
    let second = Net::new().unwrap();
    let plug =
        |number: usize, address| second.add_cable(lan.node(number), SECOND, address).unwrap();
    let plugs = [plug(0, "10.99.99.20/24"), plug(1, "10.99.99.30/24")];
    lan.start(0, &config("priority 200"));
    lan.start(1, &config("priority 100"));
    lan.owned_by(0, &ALL);
    Two { lan, plugs, _second: second }
}

/// One cable is pulled: the address on the other network moves, too. And back.
#[test]
fn a_group_moves_as_one() {
    let Two { lan, plugs, _second } = two();
    for cut in [&plugs[0], lan.node(0).plug()] {
        cut.cut(Cut::Carrier).unwrap();
        lan.owned_by(1, &ALL);
        cut.heal().unwrap();
        lan.owned_by(0, &ALL);
    }
}

/// A BACKUP that hears nothing on one network only does not take that address alone.
#[test]
fn a_group_does_not_come_apart() {
    let Two { lan, plugs, _second } = two();
    let fault = Fault::of(Traffic::AdvertsOverIpv6(None));
    plugs[1].disturb(&[Fault { direction: Direction::ToNode, ..fault }]).unwrap();
    let since = vipd_lab::Stamp::now();
    lan.pass(INTERVAL * 15);
    lan.owned_by(0, &ALL);
    assert_eq!(lan.capture.adverts_of(lan.node(1), since), [], "{}", lan.logs());
    plugs[1].heal().unwrap();
}

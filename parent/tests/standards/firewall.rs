//! The rules that vipd(8) gives to administrators, loaded as they stand there.

use crate::rig::{BEGINNING, INTERVAL, Lan, V3, advert, instance, ip, send};
use std::path::Path;
use vipd_lab::{Node, Stamp};

const FOUR: &str = "10.88.88.100";
const PEERS: &str = "10.88.88.101";
const SIX: [&str; 2] = ["fe80::88:102", "fd88:88::102"];

/// The literal block that begins with the table.
fn rules() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../man/vipd.8");
    let page = std::fs::read_to_string(page).unwrap();
    let begin = page.find("table inet vrrp {").unwrap();
    page[begin..].split("\n.Ed").next().unwrap().to_owned()
}

fn dropped(node: &Node) -> u32 {
    let rules = node.shell("nft list table inet vrrp").unwrap();
    let (_, count) = rules.split_once("counter packets ").unwrap();
    count.split(' ').next().unwrap().parse().unwrap()
}

/// Multicast and unicast work behind them, and what is not right is dropped before vipd sees it.
#[test]
fn hard_22_the_example_for_nft_lets_through_what_is_right_and_nothing_else() {
    let mut lan = Lan::boot(2);
    let config = |lines: &str, peer: &str| {
        let v3 = format!("{V3}; {lines}");
        instance("A", 51, &v3, &[FOUR])
            + &instance("B", 52, &format!("{v3}; unicast_peer {{;{peer};}}"), &[PEERS])
            + &instance("C", 53, &v3, &SIX)
    };
    let rules = rules();
    for (number, text) in [(0, rules.clone()), (1, rules.replace("10.88.88.30", "10.88.88.20"))] {
        lan.node(number).write("/etc/vrrp.nft", &text).unwrap();
        lan.node(number).shell("nft -f /etc/vrrp.nft").unwrap();
    }
    lan.start(0, &config("priority 200", "10.88.88.30"));
    lan.start(1, &config("priority 100", "10.88.88.20"));
    let all = [FOUR, PEERS, SIX[0], SIX[1]];
    lan.owned_by(0, &all);
    lan.pass(INTERVAL * 5);
    assert_eq!(lan.capture.adverts_of(lan.node(1), BEGINNING), [], "{}", lan.logs());
    assert_eq!([dropped(lan.node(0)), dropped(lan.node(1))], [0, 0]);
    // Each would be obeyed if it were right.
    let right = [
        advert(&lan.client, "224.0.0.18", 51, 254, &[FOUR]),
        advert(&lan.client, "ff02::12", 53, 254, &SIX),
        advert(&lan.client, "10.88.88.20", 52, 254, &[PEERS]),
    ];
    let begin = Stamp::now();
    for (count, mut wrong) in (1..).zip(right) {
        // The last one is from a stranger, and has the right TTL.
        wrong.ttl = if count == 3 { 255 } else { 254 };
        send(&lan.client, &wrong);
        lan.wait("a drop", || dropped(lan.node(0)) == count);
    }
    lan.pass(INTERVAL * 2);
    let events = lan.node(0).watch().events();
    let lost = |address: &&str| {
        events.iter().any(|e| e.at > begin && !e.added && e.what.address == ip(address))
    };
    assert_eq!(all.iter().find(|address| lost(address)), None);
    lan.stop(0);
    lan.owned_by(1, &all);
}

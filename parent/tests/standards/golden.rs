//! Byte for byte: the golden packets of `vrrpe/core/tests/vectors` on a real wire.

use crate::frames::ip_of;
use crate::rig::{BEGINNING, Lan, instance};
use vipd_lab::capture::Packet;

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digit).collect()
}

/// The addresses of the golden packets' sender: 192.0.2.3 and fe80::3.
fn lan() -> Lan {
    let lan = Lan::with_addresses("192.0.2.10/24", &["192.0.2.3/24"]);
    let own = "ip -6 address flush dev enp0s25 scope link && \
               ip -6 address add fe80::3/64 dev enp0s25 nodad";
    lan.node(0).shell(own).unwrap();
    lan
}

fn adverts(lan: &Lan, of_ipv6: bool) -> Vec<Packet> {
    let mut all = lan.capture.packets();
    all.retain(|one| one.frame.advert().is_some_and(|advert| advert.source.is_ipv6() == of_ipv6));
    all
}

/// Whether all messages but the last are `golden`.
fn all_are(lan: &Lan, of_ipv6: bool, golden: &str, last: Option<&str>) {
    let all = adverts(lan, of_ipv6);
    let messages: Vec<&[u8]> = all.iter().map(|p| ip_of(&p.bytes).unwrap().message).collect();
    let (farewell, rest) = messages.split_last().unwrap();
    assert!(!rest.is_empty());
    assert!(rest.iter().all(|message| *message == bytes(golden)), "{rest:02x?}");
    if let Some(last) = last {
        assert_eq!(*farewell, bytes(last), "{farewell:02x?}");
    }
}

const PLAIN: &str = "version 3; v3_checksum_as_v2";

#[test]
fn v2_tx_01_v2_tx_02_v3_tx_01_v3_tx_02_golden_messages() {
    let mut lans = [lan(), lan(), lan(), lan()];
    let one = &["192.0.2.1"];
    let two = &["192.0.2.1", "192.0.2.254"];
    let six = &["fe80::1", "2001:db8::1"];
    let configs = [
        instance("A", 51, "priority 100", one) + &instance("B", 51, "version 3", six),
        instance("A", 51, "priority 150", two),
        instance("A", 51, &format!("{PLAIN}; priority 200; advert_int 0.25"), two),
        instance("A", 51, PLAIN, one),
    ];
    for (lan, config) in lans.iter_mut().zip(&configs) {
        lan.start(0, config);
    }
    for lan in &mut lans {
        lan.wait("an advert of each instance", || {
            let six = lan.capture.packets().is_empty();
            !six && !adverts(lan, false).is_empty()
        });
    }
    lans[0].wait("an advert over IPv6", || !adverts(&lans[0], true).is_empty());
    for lan in &mut lans {
        lan.stop(0);
    }
    let v2 = "213364010001b8c8c00002010000000000000000";
    all_are(&lans[0], false, v2, Some("2133000100011cc9c00002010000000000000000"));
    let v6 = "3133640200643ff9fe80000000000000000000000000000120010db8000000000000000000000001";
    all_are(&lans[0], true, v6, None);
    all_are(&lans[1], false, "213396020001c3c8c0000201c00002fe0000000000000000", None);
    all_are(&lans[2], false, "3133c802001981b0c0000201c00002fe", None);
    let last = "3133000100640c66c0000201";
    all_are(&lans[3], false, "313364010064a865c0000201", Some(last));
}

/// 40.95 s is the longest interval: all twelve bits, and zero in the four before them. A router
/// with priority 255 does not wait, and one that stops says good-bye with the same interval.
#[test]
fn v3_pkt_13_v3_pkt_15_the_longest_interval() {
    let mut lan = lan();
    lan.start(0, &instance("A", 51, "version 3; priority 255; advert_int 40.95", &["192.0.2.1"]));
    lan.advertises(0, 51, 1, BEGINNING);
    lan.stop(0);
    let all = adverts(&lan, false);
    assert_eq!(all.len(), 2);
    for packet in all {
        assert_eq!(ip_of(&packet.bytes).unwrap().message[4..6], [0x0f, 0xff]);
    }
}

/// From the Ethernet header to the last address, but for what the kernel chooses: the
/// identification of IPv4, its flags, and the checksum over them.
#[test]
fn v3_tx_01_v3_tx_03_v3_tx_07_golden_frames() {
    let mut lan = lan();
    let four = instance("A", 51, &format!("{PLAIN}; use_vmac"), &["192.0.2.1"]);
    let six = instance("B", 51, "version 3; use_vmac", &["fe80::1", "2001:db8::1"]);
    lan.start(0, &(four + &six));
    lan.wait("adverts", || [false, true].iter().all(|six| !adverts(&lan, *six).is_empty()));
    lan.stop(0);
    let head = "01005e00001200005e000133080045c00020";
    let tail = "c0000203e0000012313364010064a865c0000201";
    let frame = &adverts(&lan, false)[0].bytes;
    assert_eq!(
        (&frame[..18], &frame[22..24], &frame[26..]),
        (&bytes(head)[..], &[255, 112][..], &bytes(tail)[..]),
        "{frame:02x?}"
    );
    let tail = "ff02000000000000000000000000001231336402\
                00643ff9fe80000000000000000000000000000120010db8000000000000000000000001";
    let frame = &adverts(&lan, true)[0].bytes;
    let head = "33330000001200005e00023386dd6c";
    let source = "002870fffe800000000000000000000000000003";
    assert_eq!(
        (&frame[..15], &frame[18..38], &frame[38..]),
        (&bytes(head)[..], &bytes(source)[..], &bytes(tail)[..]),
        "{frame:02x?}"
    );
}

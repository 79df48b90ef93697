//! Adverts in fragments: the kernel puts them together before anybody sees them, and what it has
//! put together comes with the size of the largest piece. Nothing else does.

use super::filters::{fix_header, fix_message};
use super::{Ear, FAR, FAR_MAC, LIMIT, Tap, Wire, hex, ip, receiver};
use vipd_lab::wait_until;
use vipd_types::Family;

/// Version 3, one address, from 192.0.2.2 and fe80::2 to the groups.
const IPV4: &str = "45c0002000000000ff701899c0000202e00000123133c80100644465c0000201";
const IPV6: &str = "6c000000001870fffe800000000000000000000000000002ff020000000000000000000000000012\
                    313364010064ffff fe800000000000000000000000000001";

fn heard(ear: &Ear, count: usize) -> Vec<super::Heard> {
    let mut all = Vec::new();
    wait_until(LIMIT, "datagrams", || {
        all.extend(ear.heard());
        all.len() >= count
    })
    .unwrap();
    all
}

#[test]
fn ipv4() {
    let wire = Wire::new();
    ip(&wire.near, "address add 192.0.2.3/24 dev near\n");
    let (tap, ear) = (Tap::on(&wire.far, FAR), Ear::of(&receiver(&wire.near, Family::V4, 255)));
    let whole = hex(IPV4);
    let frame =
        |packet: &[u8]| [&[1, 0, 0x5e, 0, 0, 0x12][..], &FAR_MAC, &[0x08, 0x00], packet].concat();
    // Identification 7; the first eight bytes with More Fragments, the rest at offset 8.
    for (range, flags) in [(20..28, [0x20, 0]), (28..32, [0, 1])] {
        let mut packet = [&whole[..20], &whole[range.clone()]].concat();
        packet[3] = u8::try_from(packet.len()).unwrap();
        packet[5] = 7;
        packet[6..8].copy_from_slice(&flags);
        fix_header(&mut packet);
        tap.send(&frame(&packet));
    }
    tap.send(&frame(&whole));
    let all = heard(&ear, 2);
    assert_eq!(all[0].bytes[20..], whole[20..]);
    assert_eq!((all[0].fragment, all[1].fragment), (Some(28), None), "{all:?}");
    // The header does not tell.
    assert_eq!(all[0].bytes[6..8], [0, 0]);
}

#[test]
fn ipv6() {
    let wire = Wire::new();
    let (tap, ear) = (Tap::on(&wire.far, FAR), Ear::of(&receiver(&wire.near, Family::V6, 255)));
    let mut whole = hex(&IPV6.replace(' ', ""));
    fix_message(&mut whole);
    let frame = |packet: &[u8]| {
        [&[0x33, 0x33, 0, 0, 0, 0x12][..], &FAR_MAC, &[0x86, 0xdd], packet].concat()
    };
    // Next Header 44 (Fragment), then its header: offset in units of eight bytes, and M.
    for (range, offset) in [(40..56, [0, 1]), (56..64, [0, 16])] {
        let mut packet =
            [&whole[..40], &[112, 0, offset[0], offset[1], 0, 0, 0, 7], &whole[range]].concat();
        packet[5] = u8::try_from(packet.len() - 40).unwrap();
        packet[6] = 44;
        tap.send(&frame(&packet));
    }
    tap.send(&frame(&whole));
    // The kernel has put 112 into the header, so it passes the filter like any other.
    let all = heard(&ear, 2);
    assert_eq!(all[0].bytes, whole[40..]);
    assert_eq!((all[0].fragment, all[1].fragment), (Some(64), None), "{all:?}");
    assert_eq!(all[0].hop_limit, Some(255));
}

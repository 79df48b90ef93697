//! Stories of a router from its start to its end, in the bytes of the target `step`.

use vipd_fuzz::step::event::{
    ACQUIRED, ADVERT, ANSWER, CONFIG, DATAGRAM, DEADLINE, EARLY, GROUP as ORDER, JUMP, LAPSED,
    LEASE_ENDED, LINK, LOST, NOT_ACQUIRED, RELEASED, STOP, TRACK, WAIT,
};

const GROUP: [u8; 4] = [0, 100, 1, 0x10];
const NO_PREEMPT: [u8; 4] = [0x08, 100, 1, 0x10];
const RFC: [u8; 4] = [0x10, 100, 1, 0x10];
const OWNER: [u8; 4] = [0, 255, 1, 0x10];
const PASS: [u8; 4] = [0x20, 100, 1, 0x20];
const ONE_PEER: [u8; 4] = [0x04, 100, 1, 0x10];
const THREE_PEERS: [u8; 4] = [0x04, 100, 1, 0x12];
const V3: [u8; 4] = [0x01, 100, 99, 0x10];
const V3_IPV6: [u8; 4] = [0x03, 100, 99, 0x20];
const ODD_V3: [u8; 8] = [0x85, 100, 9, 0xf1, 0xff, 2, 5, 255];

const UP: [u8; 2] = [LINK, 3];
const DOWN: [u8; 2] = [LINK, 0];
const WELL: [u8; 4] = [TRACK, 0, 0, 0];
const WEAK: [u8; 4] = [TRACK, 0xce, 0xff, 0];
const FAULT: [u8; 4] = [TRACK, 0, 0, 1];
const WAIT_FOR_GROUP: [u8; 2] = [ORDER, 1];
const LEAD: [u8; 2] = [ORDER, 2];
const YES: [u8; 2] = [ANSWER, 0];
const NO: [u8; 2] = [ANSWER, 1];

/// MASTER, with its addresses.
const MASTER: [u8; 5] = [LINK, 3, DEADLINE, ANSWER, 0];

/// A right advert of a peer.
const fn hear(priority: u8) -> [u8; 4] {
    [ADVERT, 0, priority, 4]
}

pub(crate) fn all() -> Vec<(String, Vec<u8>)> {
    let story = |name: &str, parts: &[&[u8]]| (name.to_owned(), parts.concat());
    let beats = [DEADLINE; 3];
    vec![
        story("alone", &[&GROUP, &MASTER, &beats, &[STOP], &YES]),
        story("yields", &[&GROUP, &MASTER, &beats, &hear(200), &YES, &hear(200), &beats]),
        story("forces", &[&GROUP, &MASTER, &hear(50), &hear(50), &beats, &hear(100), &beats]),
        story("good-bye", &[&GROUP, &UP, &hear(200), &hear(0), &beats, &YES, &beats]),
        story("one-peer", &[&ONE_PEER, &UP, &hear(200), &hear(0), &YES, &beats]),
        story("falls-below", &[&THREE_PEERS, &UP, &hear(200), &hear(50), &beats, &YES]),
        story("nopreempt", &[&NO_PREEMPT, &UP, &hear(50), &beats, &hear(50), &beats, &YES]),
        story("rfc", &[&RFC, &UP, &hear(200), &hear(0), &hear(50), &beats, &YES]),
        story("owner", &[&OWNER, &UP, &YES, &hear(255), &hear(0), &WEAK, &beats]),
        story("password", &[&PASS, &MASTER, &hear(200), &YES, &[ADVERT, 4, 200, 4, 1]]),
        story("weights", &[&GROUP, &WELL, &MASTER, &WEAK, &WEAK, &beats, &WELL, &beats]),
        story("fault", &[&GROUP, &MASTER, &FAULT, &YES, &hear(200), &WELL, &beats, &YES]),
        story("unproven", &[&GROUP, &[TRACK, 0, 0, 2], &UP, &[TRACK, 0, 0, 4], &WELL, &beats]),
        story("link", &[&GROUP, &MASTER, &DOWN, &YES, &[LINK, 1], &UP, &[LINK, 7], &beats]),
        story("refused", &[&GROUP, &UP, &[DEADLINE], &NO, &beats, &YES]),
        story("lost", &[&GROUP, &MASTER, &[LOST, 0], &YES, &beats, &YES]),
        story("lapsed", &[&GROUP, &MASTER, &[LAPSED, 0], &YES, &beats, &YES]),
        story("lies", &[&GROUP, &MASTER, &[RELEASED, 0, ACQUIRED, 255, NOT_ACQUIRED, 1, LOST, 9]]),
        story("wrong", &[&GROUP, &UP, &wrong_adverts()]),
        story("datagram", &[&GROUP, &UP, &datagram()]),
        story(
            "reload",
            &[&GROUP, &MASTER, &[CONFIG], &OWNER, &beats, &[CONFIG], &ONE_PEER, &beats],
        ),
        story("late", &[&GROUP, &UP, &[WAIT, 255, 255, EARLY], &YES, &[WAIT, 0, 9, EARLY, EARLY]]),
        story("ages", &[&GROUP, &MASTER, &jump(u64::MAX / 4), &beats, &jump(u64::MAX), &beats]),
        story("lease", &[&GROUP, &MASTER, &[LEASE_ENDED], &beats, &UP]),
        story("leads", &[&GROUP, &WAIT_FOR_GROUP, &UP, &beats, &LEAD, &YES, &beats, &FAULT, &YES]),
        story("group-yields", &[&V3, &WAIT_FOR_GROUP, &UP, &beats, &LEAD, &YES, &[ORDER, 3], &YES]),
        story(
            "group-fault",
            &[&GROUP, &MASTER, &[ORDER, 4], &YES, &[ORDER, 1], &[ORDER, 0], &beats],
        ),
        story("stop-early", &[&GROUP, &[STOP], &UP, &[EARLY]]),
        story("v3", &[&V3, &MASTER, &hear(200), &YES, &hear(0), &beats]),
        story("v3-ipv6", &[&V3_IPV6, &MASTER, &hear(200), &YES, &hear(50), &beats]),
        story("v3-options", &[&ODD_V3, &MASTER, &hear(50), &hear(200), &YES, &hear(0), &beats]),
    ]
}

/// Each field of an advert wrong, alone.
fn wrong_adverts() -> Vec<u8> {
    (0..8).flat_map(|bit| [ADVERT, 1 << bit, 200, 4, 77]).collect()
}

fn jump(nanos: u64) -> Vec<u8> {
    [&[JUMP][..], &nanos.to_le_bytes()].concat()
}

/// An advert with its IP header.
fn datagram() -> Vec<u8> {
    let header = [0x45, 0, 0, 40, 0, 0, 0, 0, 255, 112, 0, 0, 192, 0, 2, 2, 224, 0, 0, 18];
    let message = [0x21, 51, 200, 1, 0, 1, 0x54, 0xc8, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    [&[DATAGRAM, 40][..], &header, &message].concat()
}

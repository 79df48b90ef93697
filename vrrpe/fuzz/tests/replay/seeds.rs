//! The seeds of the targets whose input follows from the code: every variant of a message, every
//! request, and stories of a router. A change there shows here.

use crate::{corpus, messages, stories, variants};
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use vipd_fuzz::ipc::DIRECTIONS;
use vipd_ipc::codec::{MESSAGE_MAX, encode};
use vipd_ipc::msg::Message;
use vrrpe::request::{REQUEST_MAX, REQUESTS};

type Seeds = Vec<(String, Vec<u8>)>;

#[test]
fn ipc() {
    let mut seeds = Seeds::new();
    let all = &mut seeds;
    let directions = [
        direction(all, 0, &messages::engine_to_parent()),
        direction(all, 1, &messages::parent_to_engine()),
        direction(all, 2, &messages::checker_to_parent()),
        direction(all, 3, &messages::parent_to_checker()),
        direction(all, 4, &messages::checker_to_engine()),
        direction(all, 5, &messages::engine_to_checker()),
        direction(all, 6, &messages::parent_to_starter()),
        direction(all, 7, &messages::starter_to_parent()),
    ];
    assert_eq!(directions.len(), DIRECTIONS.len());
    corpus::compare("ipc", &seeds);
}

fn direction<M: Message + DeserializeOwned>(seeds: &mut Seeds, number: u8, list: &[M]) {
    let names = variants::names::<M>();
    let mut seen = BTreeSet::new();
    for (nth, message) in list.iter().enumerate() {
        let mut buffer = [0; MESSAGE_MAX];
        let bytes = encode(message, &mut buffer).unwrap();
        // Of all variants, the first four bytes say which it is.
        let variant = u32::from_le_bytes(*bytes.first_chunk().unwrap());
        let variant = names[usize::try_from(variant).unwrap()];
        seen.insert(variant);
        seeds.push((format!("{number}-{nth:02}-{variant}"), [&[number], bytes].concat()));
    }
    let missing: Vec<_> = names.iter().filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "{}: no seed of {missing:?}", std::any::type_name::<M>());
}

#[test]
fn control() {
    let mut seeds = Seeds::new();
    let mut add = |name: &str, piece: u8, written: &[u8]| {
        seeds.push((name.to_owned(), [&[piece], written].concat()));
    };
    for request in REQUESTS {
        let long = "x".repeat(REQUEST_MAX - request.len() - 1);
        add(request, 255, format!("{request}\n").as_bytes());
        add(&format!("{request}-name"), 255, format!("{request} VI_1\n").as_bytes());
        add(&format!("{request}-blanks"), 3, format!(" \t{request}  a  b\r\n").as_bytes());
        add(
            &format!("{request}-capitals"),
            255,
            format!("{}\n", request.to_uppercase()).as_bytes(),
        );
        add(&format!("{request}-longer"), 255, format!("{request}x\n").as_bytes());
        add(&format!("{request}-cut"), 255, &request.as_bytes()[..request.len() - 1]);
        add(&format!("{request}-longest"), 255, format!("{request} {long}\n").as_bytes());
        add(&format!("{request}-too-long"), 255, format!("{request} {long}x\n").as_bytes());
    }
    for order in ["failover on VI 1", "maintenance 600", "priority -20 off VI_1"] {
        add(&order.replace(' ', "-"), 255, format!("{order}\n").as_bytes());
    }
    add("endless", 255, &[b'x'; 2 * REQUEST_MAX + 300]);
    add("several", 0, format!("{}\n\n{}", REQUESTS.join("\n"), REQUESTS[0]).as_bytes());
    add("no-text", 7, b"show \xff\xfe\n\xc0\x80\n");
    add("no-ascii", 1, "show \u{2028}VI\u{a0}\u{e9}\u{85}\n\u{3000}reload\u{3000}\n".as_bytes());
    add("signs", 255, b"show \"\\\x00\x1b[31m\x7f\r\x0b\n");
    add("nothing", 255, b"\n\r\n");
    corpus::compare("control", &seeds);
}

#[test]
fn step() {
    corpus::compare("step", &stories::all());
}

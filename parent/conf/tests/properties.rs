//! Properties over generated input: any bytes are survived, a printed configuration reads back,
//! and the work grows with the length of the file and no faster.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that fails may panic"
)]

use proptest::collection::vec;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use vipd_conf::config::{
    Auth, Config, Garp, Globals, Instance, Lease, NativeProcess, ProcessTool, Script, ScriptUser,
    Track, Vip,
};
use vipd_conf::{Severity, parse, print};
use vipd_types::{Family, IfName, Options, Peer, Priority, ScriptId, Version, Vrid, Weight};

/// A word as a file can hold it: no line end, no NUL, no double quote.
fn word(longest: usize) -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "a", "Z", "9", "_", "-", " ", "\t", "#", "!", "{", "}", "\\", "'", "$", "@", "~", "é",
        "主", "\r", "=", ";", "\u{1}", "script ", "include",
    ]);
    vec(odd, 1..8)
        .prop_map(|parts| parts.concat())
        .prop_filter("length", move |w| w.len() <= longest)
}

fn weight() -> impl Strategy<Value = Weight> {
    (-253i16..=253).prop_map(|w| Weight::try_from(w).unwrap())
}

fn user() -> impl Strategy<Value = Option<ScriptUser>> {
    let group = prop::option::of(word(40).prop_filter("colon", |g| !g.starts_with(':')));
    prop::option::of((word(40), group).prop_map(|(user, group)| ScriptUser { user, group }))
}

prop_compose! {
    fn script()(
        argv in vec(vec(1u8.., 0..6), 1..4),
        user in user(),
        millis in (1u64..100_000, 1u64..100_000),
        weight in weight(),
        flags in any::<(bool, bool)>(),
        counts in (1u32..=65_535, 1u32..=65_535),
        process in prop::option::of("[a-z0-9]{1,14}"),
    ) -> Script {
        let native = process.map(|name| NativeProcess {
            name: name.into_bytes(),
            asked_by: ProcessTool::Killall,
        });
        let argv = match &native {
            Some(asked) => vec![b"killall".to_vec(), b"-0".to_vec(), asked.name.clone()],
            None => argv,
        };
        Script {
            name: String::new(),
            argv,
            native,
            user,
            interval: Duration::from_millis(millis.0),
            timeout: Duration::from_millis(millis.1),
            weight,
            reverse: flags.0,
            rise: counts.0,
            fall: counts.1,
            init_fail: flags.1,
        }
    }
}

fn interface() -> impl Strategy<Value = IfName> {
    let parts = prop::sample::select(vec!["eth", "0", ".", "-", "#", "!", "{", "\\", "é", "'"]);
    vec(parts, 1..5).prop_filter_map("name", |p| {
        let name = p.concat();
        IfName::new(name.as_bytes()).ok().filter(|_| name != "lo")
    })
}

fn lease() -> impl Strategy<Value = Lease> {
    prop_oneof![Just(Lease::Default), Just(Lease::Off), (1u32..=3600).prop_map(Lease::Seconds)]
}

fn auth() -> impl Strategy<Value = Auth> {
    let byte = any::<u8>().prop_filter("word", |b| !b"\0\n\"".contains(b));
    let password = vec(byte, 1..=8).prop_map(|bytes| {
        let mut eight = [0; 8];
        eight[..bytes.len()].copy_from_slice(&bytes);
        Auth::Pass(eight)
    });
    prop_oneof![Just(Auth::None), password]
}

fn host() -> impl Strategy<Value = Ipv4Addr> {
    (0x0100_0000u32..0xdfff_ffff).prop_map(Ipv4Addr::from_bits)
}

prop_compose! {
    fn vip()(
        prefix in 0u8..=32,
        dev in prop::option::of(interface()),
        label in prop::option::of(word(15)),
        broadcast in prop::option::of(any::<u32>().prop_map(Ipv4Addr::from_bits)),
        scope in any::<u8>(),
    ) -> Vip {
        let address = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Vip { address, prefix, dev, label, broadcast, scope }
    }
}

prop_compose! {
    fn garp()(
        delay in 0u64..=86_400, repeat in 1u32..=255,
        refresh in 0u64..=86_400, refresh_repeat in 1u32..=255,
    ) -> Garp {
        Garp {
            master_delay: Duration::from_secs(delay),
            master_repeat: repeat,
            master_refresh: Duration::from_secs(refresh),
            master_refresh_repeat: refresh_repeat,
            lower_prio_delay: Duration::from_secs(delay),
            lower_prio_repeat: repeat,
            interval: Duration::ZERO,
            gna_interval: Duration::ZERO,
        }
    }
}

prop_compose! {
    fn instance()(
        interface in interface(),
        numbers in (1u8..=255, 1u64..=255),
        flags in any::<(bool, bool, bool, bool)>(),
        lease in lease(),
        auth in auth(),
        source in prop::option::of(host()),
        peers in prop::collection::btree_set(host(), 0..4),
        addresses in vec(vip(), 0..4),
        garp in garp(),
        tracks in vec((any::<prop::sample::Index>(), weight(), any::<bool>()), 0..3),
    ) -> (Instance, Vec<(prop::sample::Index, Weight, bool)>) {
        let priority = Priority::try_from(numbers.0).unwrap();
        let wants_master = flags.0 || priority.is_owner();
        let source = source.map(IpAddr::V4);
        let peers = peers.into_iter().map(IpAddr::V4).filter(|p| Some(*p) != source).map(Peer::new).collect();
        let instance = Instance {
            name: String::new(),
            wants_master,
            interface,
            vrid: Vrid::try_from(1).unwrap(),
            version: Version::V2,
            family: Family::V4,
            priority,
            advert_int: Duration::from_secs(numbers.1),
            preempt: flags.1 || wants_master,
            fast_handover: flags.2,
            options: Options::default(),
            accept: true,
            vmac: None,
            lease: match lease {
                // Within what an instance with this interval may ask for without a word.
                Lease::Seconds(n) => {
                    let (least, most) = (numbers.1 * 2, numbers.1 * 3);
                    let span = most - least + 1;
                    Lease::Seconds(u32::try_from(least + u64::from(n) % span).unwrap())
                }
                other @ (Lease::Default | Lease::Off) => other,
            },
            auth,
            source,
            peers,
            check_unicast_src: flags.3,
            group: IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18)),
            addresses,
            tracks: Vec::new(),
            garp,
        };
        (instance, tracks)
    }
}

prop_compose! {
    fn config()(
        router_id in prop::option::of(word(40)),
        script_user in user(),
        flags in any::<(bool, bool)>(),
        scripts in prop::collection::btree_map(word(30), script(), 0..4),
        instances in prop::collection::btree_map(word(30), instance(), 0..4),
        group in (0xe000_0000u32..=0xefff_ffff).prop_map(Ipv4Addr::from_bits),
    ) -> Config {
        let scripts: Vec<Script> =
            scripts.into_iter().map(|(name, s)| {
                let native = s.native.filter(|_| flags.1);
                Script { name, native, ..s }
            }).collect();
        let instances = instances.into_iter().enumerate().map(|(index, (name, (mut i, tracks)))| {
            i.name = name;
            i.group = IpAddr::V4(group);
            i.vrid = Vrid::try_from(u8::try_from(index + 1).unwrap()).unwrap();
            for (nth, vip) in i.addresses.iter_mut().enumerate() {
                let bits = 0x0a00_0000 + u32::try_from(index * 100 + nth).unwrap();
                vip.address = IpAddr::V4(Ipv4Addr::from_bits(bits));
            }
            for (which, weight, reverse) in tracks.into_iter().filter(|_| !scripts.is_empty()) {
                let script = ScriptId(u16::try_from(which.index(scripts.len())).unwrap());
                if i.tracks.iter().all(|t| t.script != script) {
                    i.tracks.push(Track { script, weight, reverse });
                }
            }
            i
        });
        let instances = instances.collect();
        let globals = Globals {
            router_id,
            script_user,
            enable_script_security: flags.0,
            native_checks: flags.1,
        };
        Config { globals, instances, scripts, groups: Vec::new() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_printed_reads_back(config in config()) {
        let text = print(&config);
        let again = parse("printed", &text);
        let told: Vec<_> = again.diagnostics.iter()
            .filter(|d| d.severity == Severity::Error).map(|d| d.to_line()).collect();
        prop_assert!(told.is_empty(), "{told:?}\n{}", String::from_utf8_lossy(&text));
        prop_assert_eq!(again.config, config, "{}", String::from_utf8_lossy(&text));
    }

    #[test]
    fn any_bytes_are_survived(text in vec(any::<u8>(), 0..600)) {
        for d in parse("x", &text).diagnostics {
            d.render(&text);
        }
    }

    /// Words of the language in any order reach deeper than random bytes.
    #[test]
    fn any_words_are_survived(words in vec(prop::sample::select(WORDS.to_vec()), 0..120)) {
        let text = words.concat();
        let parsed = parse("x", text.as_bytes());
        for d in &parsed.diagnostics {
            d.render(text.as_bytes());
        }
        if !parsed.has_errors() {
            prop_assert_eq!(parse("y", &print(&parsed.config)).config, parsed.config, "{}", text);
        }
    }
}

const WORDS: [&str; 60] = [
    "vrrp_instance A {\ninterface eth0\nvirtual_router_id 7\n",
    "vrrp_instance B {\ninterface eth0\nvirtual_router_id 8\n",
    "vrrp_instance ",
    "vrrp_script chk {\nscript \"killall -0 haproxy\"\n",
    "vrrp_script ",
    "global_defs {\n",
    "virtual_ipaddress {\n",
    "unicast_peer {\n",
    "track_script {\n",
    "authentication {\n",
    "auth_type ",
    "auth_pass ",
    "PASS\n",
    "AH\n",
    "interface ",
    "state ",
    "MASTER\n",
    "BACKUP\n",
    "priority ",
    "255\n",
    "100\n",
    "-1\n",
    "99999999999999999999\n",
    "advert_int ",
    "1.5\n",
    "0.1\n",
    "10.0.0.1",
    "10.0.0.2\n",
    "/24 ",
    "/99 ",
    "dev eth1 ",
    "brd + ",
    "brd - ",
    "label x ",
    "scope link ",
    "scope 7 ",
    "fe80::1\n",
    "weight ",
    "reverse\n",
    "chk\n",
    "script ",
    "'a b' ",
    "\"",
    "\\",
    "#",
    "!",
    "{",
    "}",
    "}\n",
    "\n",
    "\r\n",
    " ",
    "\t",
    "nopreempt\n",
    "preempt\n",
    "vip_lease off\n",
    "fast_handover no\n",
    "\0",
    "\u{e9}",
    "mcast_src_ip ",
];

fn instances(count: usize) -> Vec<u8> {
    let mut text = String::from("vrrp_script chk { script \"pidof x\"\n}\n");
    for n in 0..count {
        let (a, b) = (n / 250, n % 250 + 1);
        text.push_str(&format!(
            "vrrp_instance VI_{n} {{\n interface v{a}\n virtual_router_id {b}\n \
             virtual_ipaddress {{ 10.{}.{}.{b} }}\n track_script {{ chk }}\n}}\n",
            a / 250,
            a % 250
        ));
    }
    text.into_bytes()
}

/// Input: ten thousand instances. Expected: all are there, well within a minute even without
/// optimisation on a busy machine; what is quadratic here takes longer.
#[test]
fn ten_thousand_instances_are_read() {
    let text = instances(10_000);
    let start = std::time::Instant::now();
    let parsed = parse("big", &text);
    assert_eq!(parsed.diagnostics, []);
    assert_eq!(parsed.config.instances.len(), 10_000);
    assert!(start.elapsed() < Duration::from_secs(60));
}

/// Input: a million open braces. Expected: no deep recursion, an error.
#[test]
fn braces_without_end_are_survived() {
    assert!(parse("x", &vec![b'{'; 1_000_000]).has_errors());
    assert!(parse("x", &b"a{".repeat(300_000)).has_errors());
    parse("x", &vec![b'}'; 100_000]);
}

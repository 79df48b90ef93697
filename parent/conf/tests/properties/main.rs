//! Properties over generated input: any bytes are survived, a printed configuration reads back,
//! and the work grows with the length of the file and no faster.
#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "a test that fails may panic")]

mod generate;
mod trees;
mod watched;

use generate::config;
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::Duration;
use vipd_conf::{Severity, compare, explain, lint, parse, print};

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_printed_reads_back(config in config()) {
        let text = print(&config);
        let again = parse("printed", &text);
        let told: Vec<_> = again.diagnostics.iter()
            .filter(|d| d.severity == Severity::Error).map(|d| d.to_line()).collect();
        prop_assert!(told.is_empty(), "{told:?}\n{}", String::from_utf8_lossy(&text));
        prop_assert_eq!(&again.config, &config, "{}", String::from_utf8_lossy(&text));
        lint(&again);
        compare(&again, &again);
        let explained = explain(&again);
        let third = parse("explained", &explained);
        prop_assert_eq!(third.config, config, "{}", String::from_utf8_lossy(&explained));
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
            prop_assert_eq!(&parse("z", &explain(&parsed)).config, &parsed.config, "{}", text);
            lint(&parsed);
            compare(&parsed, &parse("y", text.as_bytes()));
            prop_assert_eq!(parse("y", &print(&parsed.config)).config, parsed.config, "{}", text);
        }
    }
}

const WORDS: [&str; 92] = [
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
    "vrrp_sync_group G {\n",
    "group {\nA B\n}\n",
    "group {\n",
    "A\n",
    "sync_group_tracking_weight\n",
    "version 3\n",
    "version 2\n",
    "native_ipv6\n",
    "strict_mode\n",
    "vrrp_strict\n",
    "no_accept\n",
    "use_vmac ",
    "vmac_xmit_base\n",
    "02:00:00:00:00 ",
    "fe80::2/64 ",
    "2001:db8::1\n",
    "-nodad ",
    "preferred_lft 9 ",
    "min_ttl 1 ",
    "unicast_ttl 9\n",
    "mcast_dst_ip ",
    "ff02::99\n",
    "preempt_delay 5\n",
    "down_timer_adverts 2\n",
    "max_learned_interval 9\n",
    "notify ",
    "notify_master ",
    "notify_deleted '/x y' ",
    "notify_fifo /a ",
    "vrrp_notify_fifo /a ",
    "notify_fifo_script ",
    "notify_priority_changes\n",
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

/// Input: ten thousand instances with three mistakes each, and one line with as many. Expected: all
/// are drawn well within a minute; what goes through the file for each of them takes longer.
#[test]
fn thousands_of_diagnostics_are_drawn() {
    let text = String::from_utf8(instances(10_000)).unwrap();
    let many = text.replace(
        "virtual_ipaddress",
        "prioriti 7\n nopreempt x\n advert_int y\n $a\n virtual_ipaddress",
    );
    let one_line = "x { y 1 } ".repeat(30_000);
    for (text, least) in [(many, 30_000), (one_line, 30_000)] {
        let start = std::time::Instant::now();
        let parsed = parse("big", text.as_bytes());
        assert!(parsed.diagnostics.len() >= least, "{}", parsed.diagnostics.len());
        for d in &parsed.diagnostics {
            assert!(parsed.texts.draw(d, true).len() < 4000);
        }
        assert!(start.elapsed() < Duration::from_secs(60));
    }
}

/// Input: definitions that double and sequences inside one another. Expected: an error, soon.
#[test]
fn expansions_without_end_are_ended() {
    let double: String =
        (1..60).map(|n| format!("$a{n}=${{a{}}}${{a{}}}\n", n + 1, n + 1)).collect();
    let nothing = format!("{double}$a60=\n${{a1}}\n");
    let lines: String =
        (1..40).map(|n| format!("$b{n}=${{x}} \\\n$b{} \\\n$b{}\n", n + 1, n + 1)).collect();
    let bodies = format!("{lines}$b40=y\n$b1\n");
    let sequences = format!("{}x\n", "~SEQ(n,1,1000)".repeat(40));
    let deep = format!("{}x\n", "~SEQ(n,1,1)".repeat(10_000));
    for text in [&format!("{double}${{a1}}\n"), &bodies, &sequences, &deep] {
        assert!(trees::read_one(text).has_errors(), "{}", text.get(..60).unwrap());
    }
    trees::read_one(&nothing);
    trees::read_one(&format!("{}\n", "@a ".repeat(300_000)));
    trees::read_one(&format!("{}\n", "${".repeat(300_000)));
    trees::read_one(&format!("{}\n", "include {".repeat(100_000)));
}

/// Input: a million open braces. Expected: no deep recursion, an error.
#[test]
fn braces_without_end_are_survived() {
    assert!(parse("x", &vec![b'{'; 1_000_000]).has_errors());
    assert!(parse("x", &b"a{".repeat(300_000)).has_errors());
    parse("x", &vec![b'}'; 100_000]);
}

//! A day in the life of two nodes: three instances, two of them a sync group of an IPv4 and an IPv6
//! one, with routes, rules and every kind of tracker. Fifty events from a seed happen to them, in quick
//! succession; when all is well again, kernel, audit trail, vipctl, metrics and what was told must
//! agree with each other and with what the configuration demands. `VIPD_DAY_SEED` plays one day again.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test"
)]

use nix::sys::signal::Signal;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;
use vipd_lab::clock::{Stamp, wait_until};
use vipd_lab::net::{Cut, Plug};
use vipd_lab::scenario::{Host, LIMIT, NODE1, NODE2, Pair};
use vipd_lab::{Daemon, Net, packages, paths};

const EVENTS: usize = 50;
const ADDRESSES: [&str; 4] = ["10.88.88.100", "10.88.88.101", "10.88.88.102", "fe80::100"];
const NAMES: [&str; 4] = ["INSTANCE A", "INSTANCE B", "INSTANCE C", "GROUP G"];

/// Of a host whose base priority is `priority`.
fn config(priority: u8) -> String {
    let router = |name: &str, vrid: u8, version: &str, lines: &str| {
        format!(
            "vrrp_instance {name} {{\n  interface enp0s25\n  virtual_router_id {vrid}\n  \
             {version}\n  priority {priority}\n  advert_int 0.2\n  garp_master_delay 1\n  \
             notify /run/tell\n{lines}}}\n"
        )
    };
    let a = "  virtual_ipaddress {\n    10.88.88.100/24\n  }\n  track_script {\n    ready\n    \
             port\n  }\n";
    let b = "  virtual_ipaddress {\n    fe80::100/64\n  }\n  track_file {\n    load\n  }\n";
    let c = "  virtual_ipaddress {\n    10.88.88.101/24\n  }\n  virtual_ipaddress_excluded {\n    \
             10.88.88.102/32\n  }\n  virtual_routes {\n    10.66.0.0/16 via 10.88.88.10 dev \
             enp0s25\n  }\n  virtual_rules {\n    from 10.88.88.102/32 table 1000 priority 100\n  }\n  \
             track_interface {\n    eth1 weight -20\n  }\n  track_process {\n    haproxy weight -15\n  \
             }\n";
    format!(
        "global_defs {{\n  script_user daemon\n}}\n\
         vrrp_script ready {{\n  script \"/usr/bin/test -e /run/ready\"\n  interval 0.2\n  \
         timeout 5\n}}\n\
         vrrp_check port {{\n  tcp 127.0.0.1:80\n  interval 0.1\n  timeout 1\n  weight -30\n}}\n\
         vrrp_track_process haproxy {{\n  process haproxy\n}}\n\
         track_file load {{\n  file /run/lab/load\n  weight -1\n}}\n\
         vrrp_sync_group G {{\n  group {{\n    A\n    B\n  }}\n  notify /run/tell\n}}\n{}{}{}",
        router("A", 51, "version 3", a),
        router("B", 52, "version 3", b),
        router("C", 53, "version 3", c),
    )
}

/// xorshift64*: the same events for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % most
    }
}

struct Day {
    pair: Pair,
    vipd: Daemon,
    /// The second interface of each node.
    plugs: [Plug; 2],
    /// What happened, to be read when it ends badly.
    diary: String,
    // Its switch holds the other end of the plugs.
    _beside: Net,
}

impl Day {
    fn begin() -> Self {
        packages::ensure().unwrap();
        let beside = Net::new().unwrap();
        let mut pair = Pair::with_configs(&config(150), &config(140)).unwrap();
        let plug = |host: &Host, address| beside.add_cable(&host.node, "eth1", address).unwrap();
        let plugs = [plug(&pair.one, "10.99.0.1/24"), plug(&pair.two, "10.99.0.2/24")];
        let vipd = Daemon::vipd().unwrap();
        for host in [&mut pair.one, &mut pair.two] {
            let tell = "#!/bin/sh\necho \"$1 $2 $3\" | tr -d '\"' >> /run/out/told\n";
            host.node.write("/run/tell", tell).unwrap();
            host.node.shell("chmod 755 /run/tell && mkdir -m 777 /run/out").unwrap();
            host.node
                .shell("mkdir /run/lab && echo 0 > /run/lab/load && touch /run/ready")
                .unwrap();
            host.start_daemon(&vipd).unwrap();
        }
        Self { pair, vipd, plugs, diary: String::new(), _beside: beside }
    }

    fn host(&mut self, at: usize) -> &mut Host {
        if at == 0 { &mut self.pair.one } else { &mut self.pair.two }
    }

    /// Whether or not there is somebody who can do it.
    fn vipctl(&mut self, at: usize, words: &[&str]) -> String {
        let program = paths::bin_dir().unwrap().join("vipctl");
        let all: Vec<&str> = [program.to_str().unwrap()].iter().chain(words).copied().collect();
        self.host(at).node.exec(&all, LIMIT).unwrap().stdout
    }

    fn shell(&mut self, at: usize, text: &str) {
        self.host(at).node.shell(text).unwrap();
    }

    /// Ends the daemon or a part of it, and starts it again, as a service manager does.
    fn restart(&mut self, at: usize, part: Option<&str>) {
        let vipd = self.vipd.clone();
        let host = self.host(at);
        let mut running = host.daemon.take().unwrap();
        match part {
            Some(part) => {
                for process in running.role(&host.node, part) {
                    drop(process.signal(Signal::SIGKILL));
                }
                running.wait(LIMIT).unwrap();
            }
            None => drop(running.kill_all(&host.node).unwrap()),
        }
        let gone = || running.processes(&host.node).is_empty();
        wait_until(LIMIT, "the end of all processes", gone).unwrap();
        host.start_daemon(&vipd).unwrap();
    }

    fn happen(&mut self, dice: &mut Dice) {
        let at = usize::from(dice.below(2) == 1);
        let often = dice.below(2) == 0;
        let (what, name) =
            (dice.below(13), ["A", "G", "C"][usize::try_from(dice.below(3)).unwrap()]);
        writeln!(self.diary, "{} node{}: event {what} {often} {name}", Stamp::now(), at + 1)
            .unwrap();
        match what {
            0 => self.shell(at, if often { "rm -f /run/ready" } else { "touch /run/ready" }),
            1 => {
                let load = [0, 5, 30, 100][usize::try_from(dice.below(4)).unwrap()];
                self.shell(at, &format!("echo {load} > /run/lab/load"));
            }
            2 if often => self.plugs[at].cut(Cut::Carrier).unwrap(),
            2 => self.plugs[at].heal().unwrap(),
            3 if self.host(at).service.is_some() => drop(self.host(at).kill_haproxy().unwrap()),
            3 => drop(self.host(at).start_haproxy().unwrap()),
            4 => {
                let how = if often { &["failover", name][..] } else { &["failover", name, "off"] };
                self.vipctl(at, how);
            }
            5 => drop(self.vipctl(at, &["maintenance", if often { "on" } else { "off" }])),
            6 => drop(self.vipctl(at, &["priority", "C", if often { "-25" } else { "off" }])),
            7 if often => self.host(at).node.cut(Cut::Silent).unwrap(),
            7 => self.host(at).node.heal().unwrap(),
            8 => self.restart(at, Some("vipd-vrrpe")),
            9 => self.restart(at, if often { None } else { Some("vipd") }),
            10 => {
                let text = config(if often { 120 } else { 145 });
                let host = self.host(at);
                let node = &host.node;
                host.daemon.as_mut().unwrap().reload(node, &text).unwrap();
            }
            11 => self.shell(at, "ip address delete 10.88.88.101/24 dev enp0s25 2>&1; true"),
            _ => self.shell(at, "ip route delete 10.66.0.0/16 proto 18 2>&1; true"),
        }
        // The pace of the day: what it does is not waited for.
        std::thread::sleep(Duration::from_millis(dice.below(500)));
    }

    fn all_is_well_again(&mut self) {
        for at in [0, 1] {
            self.shell(at, "touch /run/ready && echo 0 > /run/lab/load");
            self.plugs[at].heal().unwrap();
            self.host(at).node.heal().unwrap();
            if self.host(at).service.is_none() {
                self.host(at).start_haproxy().unwrap();
            }
            for words in [
                &["maintenance", "off"][..],
                &["failover", "A", "off"],
                &["failover", "C", "off"],
                &["priority", "C", "off"],
            ] {
                self.vipctl(at, words);
            }
            let text = config(if at == 0 { 150 } else { 140 });
            let host = self.host(at);
            let node = &host.node;
            host.daemon.as_mut().unwrap().reload(node, &text).unwrap();
        }
    }

    fn held(&self, host: &Host) -> BTreeSet<String> {
        let there = host.node.watch().addresses_now().unwrap();
        let mut all: BTreeSet<String> = ADDRESSES
            .into_iter()
            .filter(|text| there.iter().any(|one| one.address == text.parse::<IpAddr>().unwrap()))
            .map(str::to_owned)
            .collect();
        let routes = host.node.shell("ip route show proto 18").unwrap();
        all.extend(routes.contains("10.66.0.0/16").then(|| "10.66.0.0/16".to_owned()));
        let rules = host.node.shell("ip rule show").unwrap();
        all.extend(rules.contains("10.88.88.102").then(|| "rule".to_owned()));
        all
    }

    fn logs(&self) -> String {
        let [one, two] = [&self.pair.one, &self.pair.two].map(|host| host.node.syslog().text());
        format!("{}\nnode1\n{one}\nnode2\n{two}", self.diary)
    }
}

/// What the audit trail of the daemon that runs now has added and not removed.
fn audited(host: &Host) -> BTreeSet<String> {
    let mut held = BTreeSet::new();
    for line in host.node.syslog().audit() {
        let fields: BTreeMap<&str, &str> =
            line.text.split_whitespace().filter_map(|field| field.split_once('=')).collect();
        let event = fields.get("event").copied().unwrap_or_default();
        if event == "start" {
            held.clear();
        }
        let what = ["address", "route", "rule"].iter().find_map(|key| fields.get(key));
        let Some(what) = what.filter(|_| fields.get("result") == Some(&"ok")) else { continue };
        let named = match event.split_once('-').map(|(_, kind)| kind) {
            Some("rule") => "rule".to_owned(),
            Some(_) => "10.66.0.0/16".to_owned(),
            None => what.split('/').next().unwrap_or_default().to_owned(),
        };
        match event.split('-').next() {
            Some("add") => drop(held.insert(named)),
            Some("remove") => drop(held.remove(&named)),
            Some(_) | None => {}
        }
    }
    held
}

/// The last that was told of each instance and group.
fn told(host: &Host) -> BTreeMap<String, String> {
    let text = host.node.read("/run/out/told").unwrap_or_default();
    let line = |line: &str| {
        let (name, state) = line.rsplit_once(' ')?;
        Some((name.to_owned(), state.to_owned()))
    };
    text.lines().filter_map(line).collect()
}

#[test]
fn a_day_in_the_life() {
    let given = std::env::var("VIPD_DAY_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = given.unwrap_or(20_261_124);
    let mut day = Day::begin();
    let all: BTreeSet<String> =
        ADDRESSES.into_iter().chain(["10.66.0.0/16", "rule"]).map(str::to_owned).collect();
    let owns = |day: &Day| day.held(&day.pair.one) == all && day.held(&day.pair.two).is_empty();
    let settled = wait_until(LIMIT, "node 1 as the owner of everything", || owns(&day));
    assert!(settled.is_ok(), "{}", day.logs());
    let mut dice = Dice(seed);
    for _ in 0..EVENTS {
        day.happen(&mut dice);
    }
    day.all_is_well_again();
    let settled = wait_until(LIMIT, "node 1 as the owner of everything again", || owns(&day));
    assert!(
        settled.is_ok(),
        "{:?} {:?}\n{}",
        day.held(&day.pair.one),
        day.held(&day.pair.two),
        day.logs()
    );
    for (at, state, number) in [(0, "MASTER", "2"), (1, "BACKUP", "1")] {
        let host = if at == 0 { &day.pair.one } else { &day.pair.two };
        let all_told =
            || NAMES.iter().all(|name| told(host).get(*name).is_some_and(|s| s == state));
        let waited = wait_until(LIMIT, "the last word of all", all_told);
        assert!(waited.is_ok(), "{state}: {:?}\n{}", told(host), day.logs());
        assert_eq!(audited(host), day.held(host), "{}", day.logs());
        assert!(!host.node.watch().lost_events());
        let shown: serde_json::Value =
            serde_json::from_str(&day.vipctl(at, &["show", "--json"])).unwrap();
        for one in shown["instances"].as_array().unwrap() {
            assert_eq!(one["state"], state, "{one}");
            let installed = one["addresses"].as_array().unwrap().iter();
            let right = installed.map(|a| &a["installed"]).all(|is| *is == (at == 0));
            assert!(right, "{one}");
        }
        let metrics = day.vipctl(at, &["metrics"]);
        let states: Vec<&str> =
            metrics.lines().filter(|line| line.starts_with("keepalived_vrrp_state{")).collect();
        let of = |name: &str| states.iter().any(|line| line.contains(&format!("=\"{name}\"")));
        assert!(["A", "B", "C"].into_iter().all(of), "{metrics}");
        assert!(states.iter().all(|line| line.ends_with(&format!(" {number}"))), "{states:?}");
    }
    let [one, two] = [&day.pair.one, &day.pair.two].map(|host| {
        let lines = host.node.syslog().lines();
        lines.iter().filter(|line| line.text.contains("Entering MASTER STATE")).count()
    });
    println!("day {seed}: {one} terms of node1, {two} of node2\n{}", day.diary);
    let sources: BTreeSet<IpAddr> = [IpAddr::V4(NODE1), IpAddr::V4(NODE2)].into();
    let strangers = day.pair.capture.adverts(Stamp::from_nanos(0));
    let v4 = strangers.iter().map(|(_, advert)| advert.source).filter(IpAddr::is_ipv4);
    assert!(v4.into_iter().all(|source| sources.contains(&source)));
}

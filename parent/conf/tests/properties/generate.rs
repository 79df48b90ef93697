//! Configurations that a file can hold, with every field at any value that is legal beside the others.
#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "a test that fails may panic")]

use super::watched;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use vipd_conf::config::{
    Auth, Command, Config, Fifo, FifoKind, Garp, Globals, Instance, Lease, NativeCheck,
    NativeProcess, Notify, Occasion, ParamMatch, ProcessTool, Script, ScriptUser, SyncGroup,
    Target, Track, TrackedFile, TrackedProcess, Vip, Vmac,
};
use vipd_types::{
    CheckId, Checksum, Family, FileId, IfName, Options, Peer, Priority, ProcessId, ScriptId,
    Version, Vrid, Weight,
};

/// A word as a file can hold it: no line end, no NUL, no double quote.
pub(super) fn word(longest: usize) -> impl Strategy<Value = String> {
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

prop_compose! {
    fn command()(argv in vec(vec(1u8.., 0..6), 1..4), user in user()) -> Command {
        Command { argv, user }
    }
}

fn notify(group: bool) -> impl Strategy<Value = Notify> {
    let for_group = |o: &Occasion| !matches!(o, Occasion::Deleted | Occasion::RxLowerPri);
    let occasions: Vec<Occasion> =
        Occasion::ALL.into_iter().filter(|o| !group || for_group(o)).collect();
    let commands = btree_map(prop::sample::select(occasions), command(), 0..4);
    (commands, any::<bool>()).prop_map(move |(commands, changes)| Notify {
        commands,
        priority_changes: changes && !group,
    })
}

prop_compose! {
    fn fifo(path: &'static str)(owner in user(), script in prop::option::of(command())) -> Fifo {
        Fifo { path: path.as_bytes().to_vec(), owner, script }
    }
}

fn fifos() -> impl Strategy<Value = std::collections::BTreeMap<FifoKind, Fifo>> {
    let one = |path| prop::option::of(fifo(path));
    (one("/run/a b#"), one("/run/c'd\\")).prop_map(|(all, vrrp)| {
        let all = all.map(|fifo| (FifoKind::All, fifo));
        all.into_iter().chain(vrrp.map(|fifo| (FifoKind::Vrrp, fifo))).collect()
    })
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

/// Addresses of nodes; none of them is one that `vip` makes.
fn host(family: Family) -> BoxedStrategy<IpAddr> {
    let v6 = |first: u16| move |n| IpAddr::V6(Ipv6Addr::new(first, 0xdb8, 2, 0, 0, 0, 0, n));
    match family {
        Family::V4 => {
            (0x0b00_0000u32..0x7f00_0000).prop_map(|n| Ipv4Addr::from_bits(n).into()).boxed()
        }
        Family::V6 => {
            prop_oneof![(1u16..).prop_map(v6(0x2001)), (1u16..).prop_map(v6(0xfe80))].boxed()
        }
    }
}

fn group(family: Family) -> BoxedStrategy<IpAddr> {
    match family {
        Family::V4 => {
            (0xe000_0000u32..=0xefff_ffff).prop_map(|n| Ipv4Addr::from_bits(n).into()).boxed()
        }
        Family::V6 => (0u16..16, any::<u16>())
            .prop_map(|(flags, n)| Ipv6Addr::new(0xff02 | flags << 4, 0, 0, 0, 0, 0, 0, n).into())
            .boxed(),
    }
}

fn default_group(family: Family) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(224, 0, 0, 18).into(),
        Family::V6 => Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 18).into(),
    }
}

prop_compose! {
    /// The address is the instance's business; `nth` makes it another one each time.
    fn vip(family: Family)(
        prefix in 0u8..=if family == Family::V4 { 32 } else { 128 },
        dev in prop::option::of(interface()),
        label in prop::option::of(word(15)),
        broadcast in prop::option::of(any::<u32>().prop_map(Ipv4Addr::from_bits)),
        scope in any::<u8>(),
        link_local in any::<bool>(),
        dad in any::<bool>(),
        preferred_lft in prop::option::of(prop_oneof![Just(u32::MAX), any::<u32>()]),
        peer in prop::option::of(host(family)),
        flags in any::<(bool, bool, bool, bool)>(),
    ) -> Vip {
        let v4 = family == Family::V4;
        let first = if link_local { 0xfe80 } else { 0x2001 };
        Vip {
            address: match family {
                Family::V4 => Ipv4Addr::new(10, 0, 0, 0).into(),
                Family::V6 => Ipv6Addr::new(first, 0xdb8, 1, 0, 0, 0, 0, 0).into(),
            },
            prefix,
            dev,
            label: label.filter(|_| v4),
            broadcast: broadcast.filter(|_| v4),
            scope: match (v4, link_local) {
                (true, _) => scope,
                (false, true) => 253,
                (false, false) => 0,
            },
            dad: dad && !v4,
            preferred_lft,
            peer,
            home: flags.0 && !v4,
            mngtmpaddr: flags.1 && prefix == 64,
            noprefixroute: flags.2,
            autojoin: false,
            track: flags.3,
        }
    }
}

fn numbered(address: IpAddr, n: u16) -> IpAddr {
    match address {
        IpAddr::V4(a) => Ipv4Addr::from_bits(a.to_bits() + u32::from(n)).into(),
        IpAddr::V6(a) => Ipv6Addr::from_bits(a.to_bits() + u128::from(n)).into(),
    }
}

prop_compose! {
    fn garp()(
        delays in (0u64..=86_400, 0u64..=86_400),
        repeats in (1u32..=255, 1u32..=255, 0u32..=255),
        refresh in 0u64..=86_400,
    ) -> Garp {
        Garp {
            master_delay: Duration::from_secs(delays.0),
            master_repeat: repeats.0,
            master_refresh: Duration::from_secs(refresh),
            master_refresh_repeat: repeats.1,
            lower_prio_delay: Duration::from_secs(delays.1),
            lower_prio_repeat: repeats.2,
            ..Garp::default()
        }
    }
}

prop_compose! {
    /// As if all of them meant something.
    fn options()(
        delay in 0u64..=1_000_000_000,
        adverts in 1u8..=100,
        flags in any::<(bool, bool, bool, bool, bool, bool, bool)>(),
        limit in prop::option::of(1u64..=4095),
        unicast_ttl in 1u8..=255,
    ) -> Options {
        Options {
            preempt_delay: Duration::from_micros(delay),
            down_timer_adverts: adverts,
            lower_prio_no_advert: flags.0,
            higher_prio_send_advert: flags.1,
            owner_ignore_adverts: flags.2,
            skip_check_adv_addr: flags.3,
            drop_adv_addr_mismatch: flags.4,
            checksum: if flags.5 { Checksum::Plain } else { Checksum::Pseudo },
            strict_checksum: flags.6,
            max_learned_interval: limit.map(|cs| Duration::from_millis(cs * 10)),
            unicast_ttl,
        }
    }
}

fn vmac() -> impl Strategy<Value = Option<Vmac>> {
    // A second octet of 1 is outside the RFC's range.
    let mac = prop::option::of(any::<[u8; 4]>().prop_map(|[a, b, c, d]| [2, 1, a, b, c, d]));
    let vmac = (any::<bool>(), mac, any::<bool>()).prop_map(|(named, mac, xmit_base)| Vmac {
        name: named.then(|| IfName::new(b"x").unwrap()),
        prefix: String::new(),
        mac: mac.unwrap_or_default(),
        xmit_base,
    });
    prop::option::of(vmac)
}

fn kind() -> impl Strategy<Value = (Version, Family)> {
    prop::sample::select(vec![
        (Version::V2, Family::V4),
        (Version::V3, Family::V4),
        (Version::V3, Family::V6),
    ])
}

prop_compose! {
    fn process()(
        process in word(40),
        arguments in prop::option::of(vec(word(20), 1..3)),
        how in 0..3_u8,
        full_command in any::<bool>(),
        weight in weight(),
        reverse in any::<bool>(),
        quorum in 1..9_u32,
        more in prop::option::of(0..9_u32),
        delays in (0..3600_u64, 0..3600_u64),
    ) -> TrackedProcess {
        let param_match = match (how, &arguments) {
            (0, _) | (_, None) => ParamMatch::Exact,
            (1, _) => ParamMatch::Initial,
            _ => ParamMatch::Partial,
        };
        TrackedProcess {
            name: String::new(),
            process: process.into_bytes(),
            arguments: arguments.map(|all| all.into_iter().map(String::into_bytes).collect()),
            param_match,
            full_command,
            weight,
            reverse,
            quorum,
            quorum_max: more.map(|more| quorum + more),
            fork_delay: Duration::from_secs(delays.0),
            terminate_delay: Duration::from_secs(delays.1),
        }
    }
}

type Tracks = Vec<(prop::sample::Index, Weight, bool)>;

fn instance() -> impl Strategy<Value = (Instance, Tracks)> {
    kind().prop_flat_map(|(version, family)| instance_of(version, family))
}

prop_compose! {
    fn instance_of(version: Version, family: Family)(
        interface in interface(),
        numbers in (1u8..=255, 1u64..=4095),
        flags in any::<(bool, bool, bool, bool, bool, bool)>(),
        lease in lease(),
        auth in auth(),
        source in prop::option::of(host(family)),
        peers in btree_set(host(family), 0..4),
        ttl in (any::<u8>(), any::<u8>()),
        addresses in vec(vip(family), usize::from(version == Version::V3)..4),
        excluded in vec(prop_oneof![vip(Family::V4), vip(Family::V6)], 0..3),
        garp in garp(),
        options in options(),
        vmac in vmac(),
        group in group(family),
        tracks in vec((any::<prop::sample::Index>(), weight(), any::<bool>()), 0..3),
        notify in notify(false),
    ) -> (Instance, Tracks) {
        let v3 = version == Version::V3;
        let priority = Priority::try_from(numbers.0).unwrap();
        let wants_master = flags.0 || priority.is_owner();
        let preempt = flags.1 || wants_master;
        let peer = |address| Peer { address, min_ttl: ttl.0.min(ttl.1), max_ttl: ttl.0.max(ttl.1) };
        let peers: Vec<Peer> =
            peers.into_iter().filter(|p| Some(*p) != source).map(peer).collect();
        let unicast = !peers.is_empty();
        let link_local = |a: &IpAddr| matches!(a, IpAddr::V6(a) if a.is_unicast_link_local());
        let source = source.filter(|s| unicast || s.is_ipv4() || link_local(s));
        let advert_int = match version {
            Version::V2 => Duration::from_secs((numbers.1 % 255) + 1),
            Version::V3 => Duration::from_millis(numbers.1 * 10),
        };
        let instance = Instance {
            name: String::new(),
            wants_master,
            interface,
            vrid: Vrid::try_from(1).unwrap(),
            version,
            family,
            priority,
            advert_int,
            preempt,
            fast_handover: flags.2,
            options: meaningful(options, version, family, unicast, preempt && !wants_master, advert_int),
            accept: flags.4 || priority.is_owner(),
            vmac: vmac.map(|vmac| Vmac { xmit_base: vmac.xmit_base || unicast, ..vmac }),
            lease: match lease {
                Lease::Seconds(n) => {
                    let least = u32::try_from((advert_int * 2).as_millis().div_ceil(1000)).unwrap();
                    Lease::Seconds(least + n % 200)
                }
                other @ (Lease::Default | Lease::Off) => other,
            },
            auth: if v3 { Auth::None } else { auth },
            track_source: source.is_some() && flags.5,
            source,
            peers,
            check_unicast_src: flags.3,
            group: if unicast { default_group(family) } else { group },
            addresses,
            excluded,
            routes: Vec::new(),
            rules: Vec::new(),
            tracks: Vec::new(),
            track_primary: flags.5,
            garp,
            notify,
        };
        (instance, tracks)
    }
}

/// What means nothing to a router has its default.
fn meaningful(
    said: Options,
    version: Version,
    family: Family,
    unicast: bool,
    delays: bool,
    advert_int: Duration,
) -> Options {
    let v3 = version == Version::V3;
    let two_forms = v3 && family == Family::V4;
    let ours = Options::default();
    Options {
        preempt_delay: if delays { said.preempt_delay } else { ours.preempt_delay },
        drop_adv_addr_mismatch: said.drop_adv_addr_mismatch && !v3,
        checksum: if two_forms { said.checksum } else { ours.checksum },
        strict_checksum: said.strict_checksum && two_forms,
        max_learned_interval: said.max_learned_interval.filter(|l| v3 && *l >= advert_int),
        unicast_ttl: if unicast { said.unicast_ttl } else { ours.unicast_ttl },
        ..said
    }
}

/// Each instance is in one of the groups or in none.
fn groups(names: Vec<String>, places: &[usize], notify: &Notify) -> Vec<SyncGroup> {
    let group = |(nth, name)| {
        let members = places.iter().enumerate().filter(|(_, place)| **place == nth);
        let members = members.map(|(index, _)| index).collect();
        SyncGroup { name, members, notify: notify.clone() }
    };
    names.into_iter().enumerate().map(group).filter(|g| !g.members.is_empty()).collect()
}

prop_compose! {
    pub(super) fn config()(
        router_id in prop::option::of(word(40)),
        script_user in user(),
        flags in any::<(bool, bool)>(),
        scripts in btree_map(word(30), script(), 0..4),
        instances in btree_map(word(30), instance(), 0..4),
        gaps in (0u64..=100_000_000, 0u64..=100_000_000),
        prefix in prop::sample::select(vec!["vrrp", "vip6", "#x'y", "12345678", "6"]),
        group_names in btree_set(word(30), 2),
        places in vec(0usize..3, 4),
        processes in btree_map(word(30), process(), 0..3),
        watched in (btree_map(word(30), watched::file(), 0..3), btree_map(word(30), watched::check(), 0..4)),
        told in (notify(true), fifos(), any::<bool>()),
        limits in (1u64..86_400_000, 1u64..86_400_000),
    ) -> Config {
        let scripts: Vec<Script> =
            scripts.into_iter().map(|(name, s)| {
                let native = s.native.filter(|_| flags.1);
                Script { name, native, ..s }
            }).collect();
        let processes: Vec<TrackedProcess> = processes
            .into_iter()
            .map(|(name, p)| TrackedProcess { name, ..p })
            .collect();
        let files = watched.0.into_iter().map(|(name, f)| TrackedFile { name, ..f });
        let files: Vec<TrackedFile> = files.collect();
        let is_free = |(name, _): &(String, _)| scripts.iter().all(|script| script.name != *name);
        let checks = watched.1.into_iter().filter(is_free);
        let checks: Vec<NativeCheck> =
            checks.map(|(name, c)| NativeCheck { name, ..c }).collect();
        let instances = instances.into_iter().enumerate().map(|(index, (name, (mut i, tracks)))| {
            i.name = name;
            i.vrid = Vrid::try_from(u8::try_from(index + 1).unwrap()).unwrap();
            i.garp.interval = Duration::from_micros(gaps.0);
            i.garp.gna_interval = Duration::from_micros(gaps.1);
            let all = i.addresses.iter_mut().chain(&mut i.excluded);
            for (nth, vip) in all.enumerate() {
                vip.address = numbered(vip.address, u16::try_from(index * 100 + nth).unwrap());
            }
            if let Some(vmac) = &mut i.vmac {
                let names = ["group", "name", "on", "02"];
                vmac.name = vmac.name.map(|_| IfName::new(names[index].as_bytes()).unwrap());
                vmac.prefix = prefix.to_owned();
                if vmac.mac == [0; 6] {
                    let kind = if i.family == Family::V6 { 2 } else { 1 };
                    vmac.mac = [0, 0, 0x5e, 0, kind, i.vrid.get()];
                }
            }
            for (which, weight, reverse) in tracks.into_iter().filter(|_| !scripts.is_empty()) {
                let script = ScriptId(u16::try_from(which.index(scripts.len())).unwrap());
                let target = Target::Script(script);
                if i.tracks.iter().all(|t| t.target != target) {
                    i.tracks.push(Track { target, weight, reverse });
                }
            }
            if let Some(first) = i.tracks.first().copied() {
                for (is_there, target) in [
                    (!checks.is_empty(), Target::Check(CheckId(0))),
                    (!processes.is_empty(), Target::Process(ProcessId(0))),
                    (!files.is_empty(), Target::File(FileId(0))),
                ] {
                    if is_there {
                        i.tracks.push(Track { target, ..first });
                    }
                }
                let target = Target::Interface(i.interface);
                i.tracks.push(Track { target, ..first });
            }
            i
        });
        let instances: Vec<Instance> = instances.collect();
        let globals = Globals {
            net_namespace: flags.0.then(|| "blue".to_owned()),
            router_id,
            script_user,
            enable_script_security: flags.0,
            script_capabilities: Vec::from(if flags.0 { &["cap_net_admin"][..] } else { &[] }),
            native_checks: flags.1,
            notify_timeout: Duration::from_millis(limits.0),
            notify_stop_timeout: Duration::from_millis(limits.1),
            fifos: told.1,
            fifo_states_on_reload: told.2,
        };
        let names = group_names.into_iter().collect();
        let groups = groups(names, &places[..instances.len()], &told.0);
        let rest = Config::default();
        Config { globals, instances, scripts, processes, files, checks, groups, ..rest }
    }
}

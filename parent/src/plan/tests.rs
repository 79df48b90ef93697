//! The largest configuration that is no error fits into messages: what the configuration's limits
//! are there for.

use super::{Numbers, slices};
use std::collections::BTreeMap;
use vipd_conf::config::Target;
use vipd_conf::limits::{
    MEMBERS_MAX, NAME_MAX, PATH_MAX, PEERS_MAX, STATUS_MAX, TRACKS_MAX, WORDS_MAX,
};
use vipd_ipc::codec::{MESSAGE_MAX, encode};
use vipd_ipc::msg::{EXCLUDED_MAX, ParentToChecker, ParentToEngine};
use vipd_ipc::slice::{
    CheckSlice, GroupSlice, ProbeSlice, ProcessMatch, ProcessSlice, TrackerKind, TrackerSlice,
};
use vipd_types::{GroupId, InstanceId, SocketId, TrackerId};

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

/// With as many addresses, peers and scripts as may be, and the longest name.
fn largest(v6: bool) -> String {
    let (net, vips) = if v6 { ("fe80::", 90) } else { ("10.0.0.", 255) };
    let peer_net = if v6 { "fe80::1:" } else { "10.0.1." };
    let name = "n".repeat(NAME_MAX);
    let scripts = lines(TRACKS_MAX, |n| format!("vrrp_script s{n} {{\nscript \"pidof x\"\n}}\n"));
    let vips = lines(vips, |n| format!("{net}{}\n", n.saturating_add(1)));
    let peers = lines(PEERS_MAX, |n| format!("{peer_net}{}\n", n.saturating_add(1)));
    let tracks = lines(TRACKS_MAX, |n| format!("s{n}\n"));
    format!(
        "{scripts}vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id 7\nversion 3\n\
         use_vmac\nvirtual_ipaddress {{\n{vips}}}\n\
         virtual_ipaddress_excluded {{\n192.0.2.1 dev eth1\n}}\nunicast_peer {{\n{peers}}}\n\
         track_script {{\n{tracks}}}\n}}\n"
    )
}

#[test]
fn the_largest_instance_fits_into_a_message() {
    for v6 in [false, true] {
        let parsed = vipd_conf::parse("x", largest(v6).as_bytes());
        assert!(!parsed.has_errors(), "{:?}", parsed.diagnostics);
        let one = &parsed.config.instances[0];
        assert_eq!((one.peers.len(), one.tracks.len()), (PEERS_MAX, TRACKS_MAX));
        let of_target: BTreeMap<Target, TrackerId> =
            (0..).map(TrackerId).zip(&one.tracks).map(|(id, track)| (track.target, id)).collect();
        let mut slice =
            slices::instance(one, InstanceId(1), SocketId(1), &None, Some(3), &of_target);
        assert_eq!(slice.tracks.len(), TRACKS_MAX);
        assert_eq!(std::mem::take(&mut slice.excluded).len(), 1);
        let message = ParentToEngine::Instance(Box::new(slice));
        assert!(encode(&message, &mut [0; MESSAGE_MAX]).is_ok());
        let addresses = vec!["2001:db8::1".parse().unwrap(); EXCLUDED_MAX];
        let message = ParentToEngine::Excluded { instance: InstanceId(1), addresses };
        assert!(encode(&message, &mut [0; MESSAGE_MAX]).is_ok());
    }
}

#[test]
fn the_longest_names_and_lists_fit_into_a_message() {
    let name = "n".repeat(NAME_MAX);
    let members = vec![InstanceId(1); MEMBERS_MAX];
    let group = GroupSlice { id: GroupId(1), name: name.clone(), members };
    let tracker = TrackerSlice { id: TrackerId(1), name: name.clone(), kind: TrackerKind::Script };
    for message in [ParentToEngine::Group(group), ParentToEngine::Tracker(tracker)] {
        assert!(encode(&message, &mut [0; MESSAGE_MAX]).is_ok());
    }
    let process = ProcessSlice::named(name.clone().into_bytes(), ProcessMatch::Killall);
    let check = CheckSlice {
        tracker: TrackerId(1),
        name,
        probe: ProbeSlice::Process(process),
        interval: std::time::Duration::MAX,
        timeout: std::time::Duration::MAX,
        jitter: std::time::Duration::MAX,
        rise: 1,
        fall: 1,
        init_fail: false,
    };
    let message = ParentToChecker::Check(Box::new(check));
    assert!(encode(&message, &mut [0; MESSAGE_MAX]).is_ok());
}

/// With everything that a vrrp_check can have, each as long as may be.
#[test]
fn the_longest_check_fits_into_a_message() {
    let (name, words) = ("n".repeat(NAME_MAX), "w".repeat(WORDS_MAX - 1));
    let (path, status) = ("p".repeat(PATH_MAX - 5), "500-599 ".repeat(STATUS_MAX));
    let text = format!(
        "vrrp_check {name} {{\nurl https://[1111:2222:3333:4444:5555:6666:7777:8888]:65535/{words}\n\
         virtualhost {name}\nsni_name {name}\nca_file /etc/{path}\nbody {words}w\n\
         status_code {status}\n}}\n\
         vrrp_instance i {{\ninterface eth0\nvirtual_router_id 7\ntrack_script {{\n{name}\n}}\n\
         virtual_ipaddress {{\n10.0.0.1\n}}\n}}\n"
    )
    .replace(&format!("/{words}\n"), &format!("/{}\n", &words[1..]));
    let parsed = vipd_conf::parse("x", text.as_bytes());
    assert!(!parsed.has_errors(), "{:?}", parsed.diagnostics);
    let trackers = Numbers::default().trackers(&parsed.config).unwrap();
    let [check] = trackers.checks.as_slice() else { panic!("{:?}", trackers.checks) };
    let message = ParentToChecker::Check(Box::new(check.clone()));
    assert!(encode(&message, &mut [0; MESSAGE_MAX]).is_ok());
    for one in super::reach::reach(&trackers.checks) {
        assert!(encode(&ParentToChecker::Allow(one), &mut [0; MESSAGE_MAX]).is_ok());
    }
}

//! Two nodes with the configuration of each platform that writes keepalived.conf, started under the name
//! keepalived by that platform's own command line: the first serves, is stopped, and the second takes
//! over; the address is never on both. What the files look like is taken from the platforms' templates.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot go on has failed"
)]

use std::net::IpAddr;
use std::time::Duration;
use vipd_lab::clock::wait_until;
use vipd_lab::{Net, Node, owner, packages, paths};

const LIMIT: Duration = Duration::from_secs(60);
const KEEPALIVED: &str = "/run/sbin/keepalived";
const CONFIG: &str = "/run/platform/keepalived.conf";
const PID: &str = "/run/platform/keepalived.pid";

/// What is another on each node.
struct Mine {
    priority: u8,
    own: &'static str,
    peer: &'static str,
}

const NODES: [Mine; 2] = [
    Mine { priority: 102, own: "10.88.88.20", peer: "10.88.88.30" },
    Mine { priority: 101, own: "10.88.88.30", peer: "10.88.88.20" },
];

struct Platform {
    address: &'static str,
    config: fn(&Mine) -> String,
    /// Behind the program's name.
    words: &'static [&'static str],
    /// It stays in the foreground.
    foreground: bool,
}

/// Starts the platform's daemon on a node.
fn start(node: &Node, platform: &Platform, mine: &Mine) -> Option<vipd_lab::Spawned> {
    node.write(CONFIG, &(platform.config)(mine)).unwrap();
    if platform.foreground {
        return Some(node.spawn(KEEPALIVED, platform.words).unwrap());
    }
    let line: Vec<&str> = [KEEPALIVED].into_iter().chain(platform.words.iter().copied()).collect();
    let started = node.exec(&line, LIMIT).unwrap();
    assert!(started.ok(), "{started:?}\n{}", node.syslog().text());
    None
}

fn fails_over(platform: &Platform) {
    packages::ensure().unwrap();
    let net = Net::new().unwrap();
    let boot = |number: usize| {
        let node = net.boot(&format!("node{}", number + 1), &format!("{}/24", NODES[number].own));
        let node = node.unwrap();
        let program = paths::bin_dir().unwrap().join("vipd");
        let program = program.display();
        node.shell(&format!(
            "mkdir -p /run/sbin /run/platform/conf.d && ln -s {program} {KEEPALIVED} && touch \
             /run/alive && chmod 755 /run/platform"
        ))
        .unwrap();
        node
    };
    let nodes = [boot(0), boot(1)];
    let address: IpAddr = platform.address.parse().unwrap();
    let owners = || {
        let holds = |at: &usize| nodes[*at].watch().holds(address);
        [0, 1].into_iter().filter(holds).collect::<Vec<usize>>()
    };
    let wait = |what: &str, wanted: &[usize]| {
        let waited = wait_until(LIMIT, what, || owners() == wanted);
        let logs = || nodes.each_ref().map(|node| node.syslog().text()).join("\n");
        waited.unwrap_or_else(|e| panic!("{e}: {:?}\n{}", owners(), logs()));
    };
    let first = start(&nodes[0], platform, &NODES[0]);
    wait("the first node as the owner", &[0]);
    let second = start(&nodes[1], platform, &NODES[1]);
    let ready = || nodes[1].syslog().find("Entering BACKUP STATE").is_some();
    wait_until(LIMIT, "the second node as BACKUP", ready).unwrap();
    match first {
        Some(mut first) => {
            first.signal(nix::sys::signal::Signal::SIGTERM).unwrap();
            assert_eq!(first.wait(LIMIT).unwrap().code(), Some(0));
        }
        None => drop(nodes[0].shell(&format!("kill -TERM $(cat {PID})")).unwrap()),
    }
    wait("the second node as the owner", &[1]);
    let overlaps = owner::overlaps(&[&nodes[0], &nodes[1]], address);
    assert!(overlaps.is_empty(), "{overlaps:?}");
    for node in &nodes {
        let text = node.syslog().text();
        assert!(!text.contains(" error: "), "{text}");
    }
    drop(second);
}

fn authentication() -> &'static str {
    "    authentication {\n        auth_type PASS\n        auth_pass f00bar\n    }\n"
}

#[test]
fn neutron() {
    fails_over(&Platform {
        address: "169.254.0.1",
        config: |_| {
            format!(
                "global_defs {{\n    notification_email_from neutron@openstack.local\n    router_id \
                 neutron\n}}\nvrrp_instance VR_1 {{\n    state BACKUP\n    interface enp0s25\n    \
                 virtual_router_id 1\n    priority 50\n    garp_master_delay 60\n    nopreempt\n    \
                 advert_int 2\n{}    track_interface {{\n        enp0s25\n    }}\n    \
                 virtual_ipaddress {{\n        169.254.0.1/24 dev enp0s25\n    }}\n    \
                 virtual_ipaddress_excluded {{\n        10.88.88.100/24 dev enp0s25\n        \
                 fe80::f816:3eff:fe2f:1/64 dev enp0s25 scope link no_track\n    }}\n    \
                 virtual_routes {{\n        10.66.0.0/16 via 10.88.88.10 dev enp0s25 no_track \
                 protocol static\n    }}\n}}\n",
                authentication()
            )
        },
        words: &["-P", "-f", CONFIG, "-p", PID, "-r", "/run/platform/keepalived.pid-vrrp", "-D"],
        foreground: false,
    });
}

#[test]
fn octavia() {
    fails_over(&Platform {
        address: "10.88.88.100",
        config: |mine| {
            format!(
                "vrrp_script check_script {{\n  script /usr/bin/true\n  interval 5\n  fall 2\n  rise \
                 2\n}}\nvrrp_instance amphora {{\n  interface enp0s25\n  virtual_router_id 1\n  \
                 priority {}\n  nopreempt\n  accept\n  garp_master_refresh 5\n  \
                 garp_master_refresh_repeat 2\n  advert_int 1\n  authentication {{\n    auth_type \
                 PASS\n    auth_pass 7b3a1c2\n  }}\n  unicast_src_ip {}\n  unicast_peer {{\n    {}\n  \
                 }}\n  virtual_ipaddress {{\n    10.88.88.100\n  }}\n  virtual_ipaddress_excluded {{\n  \
                 }}\n  virtual_routes {{\n    10.88.88.0/24 dev enp0s25 src 10.88.88.100 scope link \
                 table 1\n    default via 10.88.88.10 dev enp0s25 onlink table 1\n  }}\n  virtual_rules \
                 {{\n    from 10.88.88.100/32 table 1 priority 100\n  }}\n  track_script {{\n    \
                 check_script\n  }}\n}}\n",
                mine.priority, mine.own, mine.peer
            )
        },
        words: &["--log-facility=1", "-f", CONFIG, "-p", PID],
        foreground: false,
    });
}

#[test]
fn openshift() {
    fails_over(&Platform {
        address: "10.88.88.100",
        config: |mine| {
            format!(
                "global_defs {{\n    enable_script_security\n    script_user root\n    \
                 max_auto_priority -1\n    vrrp_garp_master_refresh 60\n}}\nvrrp_script chk_api {{\n    \
                 script \"/usr/bin/timeout 4.9 /usr/bin/test -e /run/alive\"\n    interval 5\n    \
                 weight 20\n    rise 3\n    fall 2\n}}\nvrrp_instance cluster_API {{\n    state \
                 BACKUP\n    interface enp0s25\n    virtual_router_id 31\n    priority {}\n    \
                 advert_int 1\n    unicast_src_ip {}\n    unicast_peer {{\n        {}\n    }}\n    \
                 authentication {{\n        auth_type PASS\n        auth_pass cluster_api_vip\n    }}\n    \
                 virtual_ipaddress {{\n        10.88.88.100/24 label vip\n    }}\n    track_script {{\n        \
                 chk_api\n    }}\n}}\n",
                mine.priority, mine.own, mine.peer
            )
        },
        words: &["-f", CONFIG, "--dont-fork", "--vrrp", "--log-detail", "--log-console"],
        foreground: true,
    });
}

#[test]
fn kolla() {
    fails_over(&Platform {
        address: "10.88.88.100",
        config: |mine| {
            format!(
                "vrrp_script check_alive {{\n    script \"/usr/bin/test -e /run/alive\"\n    interval \
                 2\n    fall 2\n    rise 10\n}}\nvrrp_instance kolla_internal_vip_51 {{\n    state \
                 BACKUP\n    nopreempt\n    interface enp0s25\n    virtual_router_id 51\n    priority \
                 {}\n    advert_int 1\n    unicast_src_ip {}\n    unicast_peer {{\n        {}\n    }}\n    \
                 virtual_ipaddress {{\n        10.88.88.100 dev enp0s25\n        10.88.88.101 dev \
                 enp0s25\n    }}\n    track_interface {{\n        enp0s25\n    }}\n{}    track_script {{\n        \
                 check_alive\n    }}\n}}\n",
                mine.priority,
                mine.own,
                mine.peer,
                authentication()
            )
        },
        words: &["-nld", "-p", PID, "-f", CONFIG],
        foreground: true,
    });
}

#[test]
fn vyos() {
    fails_over(&Platform {
        address: "10.88.88.100",
        config: |mine| {
            format!(
                "global_defs {{\n    dynamic_interfaces\n    script_user root\n    notify_fifo \
                 /run/platform/keepalived_notify_fifo\n}}\nvrrp_script healthcheck_sg_SYNC {{\n    \
                 script \"/usr/bin/test -e /run/alive\"\n    interval 1\n    fall 3\n    rise 1\n}}\n\
                 vrrp_instance FIRST {{\n    state BACKUP\n    interface enp0s25\n    \
                 virtual_router_id 10\n    priority {}\n    advert_int 1\n    preempt_delay 0\n    \
                 authentication {{\n        auth_pass \"f00bar\"\n        auth_type PASS\n    }}\n    \
                 unicast_peer {{\n        {}\n    }}\n    unicast_src_ip {}\n    virtual_ipaddress {{\n        \
                 10.88.88.100/24\n    }}\n}}\nvrrp_sync_group SYNC {{\n    group {{\n        FIRST\n    }}\n    \
                 track_script {{\n        healthcheck_sg_SYNC\n    }}\n    notify_master \"/usr/bin/true \
                 master SYNC\"\n    notify_backup \"/usr/bin/true backup SYNC\"\n    notify_fault \
                 \"/usr/bin/true fault SYNC\"\n}}\n",
                mine.priority, mine.peer, mine.own
            )
        },
        words: &["--use-file", CONFIG, "--pid", PID, "--dont-fork", "--snmp"],
        foreground: true,
    });
}

/// Its template has `auth_type AH`, which is refused with the reason; with PASS it works.
#[test]
fn cloudstack_without_ah() {
    fails_over(&Platform {
        address: "10.88.88.100",
        config: |mine| {
            format!(
                "global_defs {{\n    router_id r-4-VM\n}}\nvrrp_script heartbeat {{\n    script \
                 \"/usr/bin/true\"\n    interval 5\n}}\nvrrp_instance inside_network {{\n    state \
                 BACKUP\n    nopreempt\n    interface enp0s25\n    virtual_router_id 51\n    priority \
                 {}\n    advert_int 1\n{}    virtual_ipaddress {{\n        10.88.88.100 brd \
                 10.88.88.255 dev enp0s25\n    }}\n    track_script {{\n        heartbeat\n    }}\n    \
                 notify_backup \"/usr/bin/true --backup\"\n    notify_fault \"/usr/bin/true \
                 --fault\"\n}}\n",
                mine.priority,
                authentication()
            )
        },
        words: &["-f", CONFIG, "-p", PID],
        foreground: false,
    });
}

#[test]
fn opennebula() {
    fails_over(&Platform {
        address: "10.88.88.100",
        config: |mine| {
            format!(
                "global_defs {{\n    script_user root\n    vrrp_notify_fifo \
                 /run/platform/vrrp_notify_fifo.sock\n    fifo_write_vrrp_states_on_reload\n}}\n\
                 include /run/platform/conf.d/*.conf\nvrrp_sync_group VRouter {{\n    group {{\n        \
                 ETH0\n    }}\n}}\nvrrp_instance ETH0 {{\n    state BACKUP\n    interface enp0s25\n    \
                 virtual_router_id 17\n    priority {}\n    advert_int 1\n{}    virtual_ipaddress {{\n        \
                 10.88.88.100/24 dev enp0s25\n    }}\n}}\n",
                mine.priority,
                authentication()
            )
        },
        words: &["-f", CONFIG, "-p", PID],
        foreground: false,
    });
}

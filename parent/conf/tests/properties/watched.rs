//! Tracked files and checks with every field at any legal value.

use super::generate::word;
use proptest::collection::vec;
use proptest::prelude::*;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use vipd_conf::config::{Get, InitFile, NativeCheck, Question, Tls, TrackedFile};
use vipd_types::Weight;

fn path() -> impl Strategy<Value = Vec<u8>> {
    word(40).prop_map(|name| format!("/run/x{}", name.replace("..", "")).into_bytes())
}

prop_compose! {
    pub(super) fn file()(
        path in path(),
        weight in -254i16..=254,
        reverse in any::<bool>(),
        init in prop::option::of(any::<(i32, bool)>()),
    ) -> TrackedFile {
        TrackedFile {
            name: String::new(),
            path,
            weight: Weight::try_from(weight).unwrap(),
            reverse,
            init: init.map(|(value, overwrite)| InitFile { value, overwrite }),
        }
    }
}

fn text() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop::option::of(vec(1u8.., 1..20))
}

fn name() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[a-zA-Z0-9.:-]{1,20}")
}

prop_compose! {
    fn get()(
        server in server(),
        target in "/([!-\"$-~]{0,20})?",
        host in name(),
        status in vec((100u16..=599, 0u16..9), 1..4),
        body in text(),
        tls in prop::option::of((name(), any::<bool>(), prop::option::of(path()))),
    ) -> Get {
        let status = status.into_iter().map(|(low, more)| (low, (low + more).min(599))).collect();
        let tls = tls.map(|(name, verify, ca_file)| Tls { name, verify, ca_file });
        // No word of a file holds a double quote.
        Get { server, target: target.replace('"', "-"), host, status, body, tls }
    }
}

fn server() -> impl Strategy<Value = SocketAddr> {
    let ip = prop_oneof![
        any::<u32>().prop_map(|n| IpAddr::V4(n.into())),
        any::<u128>().prop_map(|n| IpAddr::V6(n.into())),
    ];
    (ip, 1u16..).prop_map(SocketAddr::from)
}

fn question() -> impl Strategy<Value = Question> {
    let age = prop::option::of((0u64..86_400_000).prop_map(Duration::from_millis));
    prop_oneof![
        server().prop_map(Question::Tcp),
        path().prop_map(Question::Unix),
        "[a-z]{1,20}".prop_map(|name| Question::Process(name.into_bytes())),
        get().prop_map(|get| Question::Url(Box::new(get))),
        (path(), age, text()).prop_map(|(path, max_age, content)| Question::File {
            path,
            max_age,
            content
        }),
    ]
}

prop_compose! {
    pub(super) fn check()(
        question in question(),
        millis in (10u64..100_000, 10u64..100_000, 0u64..10),
        weight in -253i16..=253,
        flags in any::<(bool, bool)>(),
        counts in (1u32..=65_535, 1u32..=65_535),
    ) -> NativeCheck {
        NativeCheck {
            name: String::new(),
            question,
            interval: Duration::from_millis(millis.0),
            timeout: Duration::from_millis(millis.1),
            jitter: Duration::from_millis(millis.2),
            weight: Weight::try_from(weight).unwrap(),
            reverse: flags.0,
            rise: counts.0,
            fall: counts.1,
            init_fail: flags.1,
        }
    }
}

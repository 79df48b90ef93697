//! One node whose vipd asks what a test wants to have asked, and what it says of it.

use serde_json::Value;
use std::fmt::Write;
use vipd_lab::capture::Capture;
use vipd_lab::clock::{Stamp, wait_until};
use vipd_lab::daemon::Running;
use vipd_lab::scenario::LIMIT;
use vipd_lab::{Daemon, Net, Node, packages, paths};

/// The checks by name: what stands in their blocks.
pub(crate) type Checks<'a> = &'a [(&'a str, &'a str)];

pub(crate) struct Stage {
    // Dropped before the node it runs on.
    pub(crate) daemon: Option<Running>,
    pub(crate) node: Node,
    pub(crate) capture: Capture,
    /// Of the last start or reload.
    pub(crate) since: Stamp,
    _net: Net,
}

impl Stage {
    /// A node without a daemon yet.
    pub(crate) fn new() -> Self {
        packages::ensure().unwrap();
        let net = Net::new().unwrap();
        let capture = net.capture().unwrap();
        let node = net.boot("node1", "10.88.88.20/24").unwrap();
        Self { daemon: None, node, capture, since: Stamp::now(), _net: net }
    }

    pub(crate) fn start(&mut self, checks: Checks<'_>) {
        self.since = Stamp::now();
        self.daemon = Some(Daemon::vipd().unwrap().start(&self.node, &config(checks)).unwrap());
    }

    pub(crate) fn reload(&mut self, checks: Checks<'_>) {
        let daemon = self.daemon.as_mut().unwrap();
        self.since = daemon.reload(&self.node, &config(checks)).unwrap();
    }

    /// The tracker `name` as vipctl shows it.
    fn tracker(&self, name: &str) -> Value {
        let program = paths::bin_dir().unwrap().join("vipctl");
        let words = [program.to_str().unwrap(), "show", "--json"];
        let said = self.node.exec(&words, LIMIT).unwrap();
        let answer: Value = serde_json::from_str(&said.stdout).unwrap_or_default();
        let all = answer["instances"][0]["priority"]["trackers"].as_array();
        let found = all.and_then(|all| all.iter().find(|one| one["name"] == name));
        found.cloned().unwrap_or_default()
    }

    /// Waits until the check is `state`, and its reason has `part` in it.
    pub(crate) fn wait(&self, name: &str, state: &str, part: &str) {
        let is_so = || {
            let one = self.tracker(name);
            one["state"] == state && one["reason"].as_str().is_some_and(|why| why.contains(part))
        };
        let waited = wait_until(LIMIT, format_args!("{name} {state} ({part})"), is_so);
        if let Err(error) = waited {
            let log = self.node.syslog().text();
            // Of what is asked here there is a line each time.
            let log: Vec<&str> = log.lines().filter(|it| !it.contains("event=control")).collect();
            panic!("{error}\n{}\n{}", self.tracker(name), log.join("\n"));
        }
    }

    /// The most memory that the checker has had, in KiB.
    pub(crate) fn checker_memory(&self) -> u64 {
        let checker = self.daemon.as_ref().unwrap().role(&self.node, "vipd-checker");
        let status = std::fs::read_to_string(checker[0].proc_dir().join("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Since `begin`, and for as many adverts as are given at least, the engine was never late: the
    /// adverts came as they must, and it has not stopped being MASTER.
    pub(crate) fn regular(&self, begin: Stamp, count: usize) {
        let adverts = || self.capture.adverts_of(&self.node, begin);
        wait_until(LIMIT, "adverts", || adverts().len() >= count).unwrap();
        let all = adverts();
        for pair in all.windows(2) {
            let gap = pair[1].0.since(pair[0].0);
            // The interval, and what a busy machine may add.
            assert!(gap.as_millis() < 1500, "{gap:?} between two adverts");
            assert!(pair[1].1.priority > 0);
        }
        let log = self.node.syslog();
        assert!(log.find_since(begin, "Entering").is_none(), "{}", log.text());
    }

    pub(crate) fn wait_master(&self) -> Stamp {
        self.logged("Entering MASTER STATE");
        Stamp::now()
    }

    pub(crate) fn logged(&self, text: &str) {
        let log = self.node.syslog();
        let said = || log.find_since(self.since, text).is_some();
        let waited = wait_until(LIMIT, format_args!("{text:?}"), said);
        waited.map_err(|error| format!("{error}\n{}", log.text())).unwrap();
    }
}

/// Weights of 1, so that every check can be up or down and the node stays MASTER.
fn config(checks: Checks<'_>) -> String {
    let mut text = String::new();
    for (name, lines) in checks {
        let usual = if lines.contains("timeout") { "" } else { "timeout 500ms; " };
        let usual = usual.replace("; ", "\n    ");
        let lines = lines.replace("; ", "\n    ");
        let _ = writeln!(
            text,
            "vrrp_check {name} {{\n    {lines}\n    {usual}interval 200ms\n    weight 1\n}}"
        );
    }
    let names: String = checks.iter().map(|(name, _)| format!("        {name}\n")).collect();
    let _ = write!(
        text,
        "vrrp_instance VI_1 {{\n    interface enp0s25\n    virtual_router_id 51\n    \
         priority 100\n    virtual_ipaddress {{\n        10.88.88.100\n    }}\n    \
         track_script {{\n{names}    }}\n}}\n"
    );
    text
}

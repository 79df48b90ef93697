//! The stage: one host with vipd, its configuration in parts, and the scripts that it runs. What a
//! script is told stands in /run/out/NAME, a line for each word, because nothing else is certain to
//! hold any of them.

use std::net::IpAddr;
use std::time::Duration;
use vipd_lab::clock::wait_until;
use vipd_lab::{Capture, Daemon, Net, Node, Running, Stamp, packages};

/// Longer than anything here takes on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);
pub(crate) const VIP: &str = "10.88.88.100";

pub(crate) struct Host {
    // Dropped before the node it runs on.
    pub(crate) daemon: Option<Running>,
    pub(crate) capture: Capture,
    pub(crate) node: Node,
    pub(crate) net: Net,
}

/// Begins MASTER after less than half a second, and is in FAULT without /run/up.
pub(crate) fn instance(name: &str, vrid: u8, address: &str, lines: &str) -> String {
    let lines = lines.replace(';', "\n ");
    format!(
        "vrrp_instance {name} {{\n interface enp0s25\n virtual_router_id {vrid}\n version 3\n \
         advert_int 0.1\n priority 150\n garp_master_delay 0\n virtual_ipaddress {{\n  \
         {address}/32\n }}\n track_script {{\n  up\n }}\n {lines}\n}}\n"
    )
}

pub(crate) fn globals(lines: &str) -> String {
    let lines = lines.replace(';', "\n ");
    format!(
        "global_defs {{\n script_user daemon\n {lines}\n}}\nvrrp_script up {{\n script \
         \"/usr/bin/test -e /run/up\"\n interval 0.1\n timeout 5\n}}\n"
    )
}

impl Host {
    /// /run/up is there, and /run/out for everybody to write.
    pub(crate) fn boot() -> Self {
        packages::ensure().unwrap();
        let net = Net::new().unwrap();
        let node = net.boot("node1", "10.88.88.20/24").unwrap();
        let capture = net.capture().unwrap();
        node.shell("mkdir -m 777 /run/out && touch /run/up").unwrap();
        Self { daemon: None, capture, node, net }
    }

    pub(crate) fn start(&mut self, config: &str) {
        let vipd = Daemon::vipd().unwrap();
        self.daemon = Some(vipd.launch(&self.node, config, &["-D"]).unwrap());
        let log = self.node.syslog();
        self.wait("the start", || log.find("Startup complete").is_some());
    }

    /// A program in /run/NAME.
    pub(crate) fn script(&self, name: &str, text: &str) {
        self.node.write(&format!("/run/{name}"), text).unwrap();
        self.node.shell(&format!("chmod 755 /run/{name}")).unwrap();
    }

    /// One that appends its words to /run/out/NAME, separated by `|`.
    pub(crate) fn writes(&self, name: &str) {
        let text = format!(
            "#!/bin/sh\nline=\nfor word in \"$@\"; do line=\"$line|$word\"; done\n\
             echo \"$line\" >> /run/out/{name}\n"
        );
        self.script(name, &text);
    }

    /// Copies a FIFO to /run/out/NAME.
    pub(crate) fn reads(&self, fifo: &str, name: &str) {
        let copy = format!("(exec cat {fifo} > /run/out/{name} 2>/dev/null < /dev/null &)");
        self.node.shell(&copy).unwrap();
    }

    /// What the script of that name has written.
    pub(crate) fn written(&self, name: &str) -> Vec<String> {
        let text = self.node.read(&format!("/run/out/{name}")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub(crate) fn wait(&self, what: &str, mut condition: impl FnMut() -> bool) -> Stamp {
        // Files are no witnesses that wake anybody.
        let end = Stamp::now().plus(LIMIT);
        while !condition() {
            let tick = Stamp::now().plus(Duration::from_millis(10));
            assert!(tick < end, "{what}: not within {LIMIT:?}\n{}", self.node.syslog().text());
            let _ = wait_until(Duration::from_millis(10), "a moment", || Stamp::now() >= tick);
        }
        Stamp::now()
    }

    /// Waits until the script of that name has written `line` as its last one.
    pub(crate) fn last(&self, name: &str, line: &str) {
        self.wait(&format!("{line} as the last of {name}"), || {
            self.written(name).last().is_some_and(|last| last == line)
        });
    }

    pub(crate) fn logged(&self, since: Stamp, part: &str) {
        self.wait(part, || self.node.syslog().find_since(since, part).is_some());
    }

    pub(crate) fn holds(&self, address: &str) -> bool {
        self.node.watch().holds(address.parse::<IpAddr>().unwrap())
    }

    /// Puts every instance into FAULT, or lets it go on.
    pub(crate) fn fault(&self, is: bool) {
        let command = if is { "rm -f /run/up" } else { "touch /run/up" };
        self.node.shell(command).unwrap();
    }

    /// Stops the daemon and waits for its end. Returns the moment before.
    pub(crate) fn stop(&mut self) -> Stamp {
        let at = Stamp::now();
        let status = self.daemon.take().unwrap().stop(&self.node).unwrap();
        assert_eq!(status.code(), Some(0), "{}", self.node.syslog().text());
        at
    }

    /// Returns when it was asked for, when it has been done.
    pub(crate) fn reload(&mut self, config: &str) -> Stamp {
        let at = self.daemon.as_mut().unwrap().reload(&self.node, config).unwrap();
        self.logged(at, "Reload complete: the new configuration is in force");
        at
    }

    pub(crate) fn runs(&self, name: &str) -> bool {
        !self.node.find(name).is_empty()
    }
}

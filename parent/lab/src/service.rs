//! The real services beside the daemon: HAProxy, nginx, Apache. Each answers on port 80 of every
//! address of its node, also of one that comes later, with the node's name.

use crate::clock::{Stamp, wait_until};
use crate::error::{Error, Result};
use crate::node::Node;
use crate::spawned::Spawned;
use nix::sys::signal::Signal;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Haproxy,
    Nginx,
    Apache,
}

impl Kind {
    /// As `killall -0` knows it.
    pub fn process(self) -> &'static str {
        match self {
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
            Self::Apache => "apache2",
        }
    }

    fn command(self) -> &'static [&'static str] {
        match self {
            Self::Haproxy => &["haproxy", "-db", "-f", "/etc/haproxy/lab.cfg"],
            Self::Nginx => &["nginx", "-c", "/etc/nginx/lab.conf", "-g", "daemon off;"],
            Self::Apache => &["apache2", "-f", "/etc/apache2/lab.conf", "-DFOREGROUND"],
        }
    }

    fn configure(self, node: &Node) -> Result<()> {
        let name = node.name();
        match self {
            Self::Haproxy => node.write(
                "/etc/haproxy/lab.cfg",
                &format!(
                    "global\n    maxconn 512\ndefaults\n    mode http\n    \
                     timeout connect 1s\n    timeout client 5s\n    timeout server 5s\n\
                     frontend web\n    bind 0.0.0.0:80\n    bind [::]:80 v6only\n    http-request return status 200 \
                     content-type text/plain string \"{name}\\n\"\n"
                ),
            ),
            Self::Nginx => node.write(
                "/etc/nginx/lab.conf",
                &format!(
                    "worker_processes 1;\npid /run/nginx.pid;\nevents {{}}\nhttp {{\n    \
                     access_log off;\n    server {{\n        listen 80;\n        listen [::]:80 ipv6only=on;\n        \
                     location / {{ return 200 \"{name}\\n\"; }}\n    }}\n}}\n"
                ),
            ),
            Self::Apache => {
                node.write("/run/www/index.html", &format!("{name}\n"))?;
                node.write(
                    "/etc/apache2/lab.conf",
                    "ServerName lab\nListen 80\nPidFile /run/apache2.pid\n\
                     LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so\n\
                     LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so\n\
                     LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so\n\
                     User www-data\nGroup www-data\nErrorLog /var/log/apache2/error.log\n\
                     DocumentRoot /run/www\nDirectoryIndex index.html\n",
                )
            }
        }
    }
}

/// A running service. Dropped, it is killed.
#[derive(Debug)]
pub struct Service {
    kind: Kind,
    started: Stamp,
    main: Spawned,
}

impl Service {
    /// Starts it and returns when it listens.
    ///
    /// # Errors
    /// When it does not: with what it wrote.
    pub fn start(kind: Kind, node: &Node) -> Result<Self> {
        kind.configure(node)?;
        let [program, words @ ..] = kind.command() else { return Err(Error::new("no command")) };
        let started = Stamp::now();
        let mut main = node.spawn(program, words)?;
        let mut ended = false;
        let listening = wait_until(Duration::from_secs(60), format_args!("{program}"), || {
            ended = main.try_status().is_some();
            ended || listens(node)
        });
        if ended || listening.is_err() {
            let said = format!("{}{}", main.stdout(), main.stderr());
            return Err(Error::new(format!("{program} does not start: {}", said.trim())));
        }
        Ok(Self { kind, started, main })
    }

    /// When its program was started.
    pub fn started(&self) -> Stamp {
        self.started
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Kills all of its processes at once. Returns the moment before.
    ///
    /// # Errors
    /// When it was not running.
    pub fn kill(mut self, node: &Node) -> Result<Stamp> {
        let all = node.find(self.kind.process());
        let at = self.main.signal(Signal::SIGKILL)?;
        for process in all.iter().filter(|process| process.pid != self.main.pid()) {
            drop(process.signal(Signal::SIGKILL));
        }
        Ok(at)
    }

    /// Stops it as its administrator would.
    ///
    /// # Errors
    /// When it was not running or does not end.
    pub fn stop(mut self) -> Result<Stamp> {
        let at = self.main.signal(Signal::SIGTERM)?;
        self.main.wait(Duration::from_secs(60))?;
        Ok(at)
    }
}

/// Whether something listens on TCP port 80 of any address. All services open IPv6 last, or one
/// socket for both families.
fn listens(node: &Node) -> bool {
    let path = format!("/proc/{}/net/tcp6", node.holder().init());
    let table = std::fs::read_to_string(path).unwrap_or_default();
    table.lines().any(|line| {
        let mut words = line.split_whitespace().skip(1);
        words.next().is_some_and(|local| local.ends_with(":0050"))
            && words.nth(1).is_some_and(|state| state == "0A")
    })
}

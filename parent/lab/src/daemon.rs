//! The daemons under test behind one face, so that exchanging vipd for keepalived is one argument.
//! Knows how each is started, told to reload and stopped; judges nothing.

pub mod frr;

use crate::clock::{Stamp, wait_until};
use crate::error::{Error, Result};
use crate::node::Node;
use crate::paths::bin_dir;
use crate::process::Process;
use crate::spawned::Spawned;
use nix::sys::signal::Signal;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Daemon {
    /// The programs in this directory.
    Vipd { bin_dir: PathBuf },
    /// The one of the distribution.
    Keepalived,
    /// zebra and vrrpd of the distribution. Its configuration is a vrrpd.conf; the macvlans that it
    /// names are made when it starts.
    Frr,
}

const FRR_CONFIG: &str = "/etc/frr/vrrpd.conf";

/// Long enough for a busy machine.
const START: Duration = Duration::from_secs(60);

impl Daemon {
    /// vipd of the build tree: see [`bin_dir`].
    ///
    /// # Errors
    /// When it is not built.
    pub fn vipd() -> Result<Self> {
        Ok(Self::Vipd { bin_dir: bin_dir()? })
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Vipd { .. } => "vipd",
            Self::Keepalived => "keepalived",
            Self::Frr => "vrrpd",
        }
    }

    /// What the names of its processes begin with.
    fn families(&self) -> &'static [&'static str] {
        match self {
            Self::Vipd { .. } => &["vipd"],
            Self::Keepalived => &["keepalived"],
            Self::Frr => &["vrrpd", "zebra"],
        }
    }

    /// Where its configuration is on a node.
    pub fn config_path(&self) -> &'static str {
        match self {
            Self::Vipd { .. } => "/etc/vipd/vipd.conf",
            Self::Keepalived => "/etc/keepalived/keepalived.conf",
            Self::Frr => FRR_CONFIG,
        }
    }

    fn program(&self) -> PathBuf {
        match self {
            Self::Vipd { bin_dir } => bin_dir.join("vipd"),
            Self::Keepalived => PathBuf::from("/usr/sbin/keepalived"),
            Self::Frr => frr::program(),
        }
    }

    fn arguments(&self) -> Vec<&'static str> {
        let pid_files: &[&str] = match self {
            Self::Vipd { .. } => &["-p", "/run/vipd/vipd.pid"],
            Self::Keepalived => &["-D", "-p", "/run/keepalived.pid", "-r", "/run/vrrp.pid"],
            Self::Frr => return frr::arguments(),
        };
        let mut arguments = vec!["-n", "-f", self.config_path()];
        arguments.extend(pid_files);
        arguments
    }

    /// Whether the log says that a start is complete.
    fn started(&self, node: &Node, begin: Stamp, config: &str) -> bool {
        let says = |mark| node.syslog().find_since(begin, mark).is_some();
        match self {
            Self::Vipd { .. } | Self::Keepalived => {
                says("Entering BACKUP STATE") || says("Entering FAULT STATE")
            }
            Self::Frr => frr::started(node, begin, config),
        }
    }

    /// Writes `config`, starts the daemon in the foreground and returns when it has logged that an
    /// instance (of FRR: every one) entered its first state.
    ///
    /// # Errors
    /// When it ends or says nothing in time: with its log.
    pub fn start(&self, node: &Node, config: &str) -> Result<Running> {
        let begin = Stamp::now();
        let mut running = self.launch(node, config, &[])?;
        let mut ended = None;
        let waited = wait_until(START, format_args!("the start of {}", self.name()), || {
            ended = running.main.try_status();
            ended.is_some() || self.started(node, begin, config)
        });
        match (ended, waited) {
            (None, Ok(_)) => Ok(running),
            (ended, _) => Err(Error::new(format!(
                "{} on {} did not start ({ended:?}):\n{}{}{}",
                self.name(),
                node.name(),
                running.main.stdout(),
                running.main.stderr(),
                node.syslog().text()
            ))),
        }
    }

    /// Writes `config` and starts the daemon with `more` arguments; waits for nothing.
    ///
    /// # Errors
    /// When the file cannot be written or the program cannot be started.
    pub fn launch(&self, node: &Node, config: &str, more: &[&str]) -> Result<Running> {
        node.write(self.config_path(), config)?;
        let mut arguments = self.arguments();
        arguments.extend(more);
        let zebra = match self {
            Self::Frr => Some(frr::prepare(node, config)?),
            Self::Vipd { .. } | Self::Keepalived => None,
        };
        let main = node.spawn(self.program(), &arguments)?;
        Ok(Running { daemon: self.clone(), main, zebra })
    }
}

/// A started daemon. Dropped, its main process is killed.
#[derive(Debug)]
pub struct Running {
    daemon: Daemon,
    /// Its first process.
    pub main: Spawned,
    /// What FRR's vrrpd cannot do without.
    zebra: Option<Spawned>,
}

impl Running {
    pub fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// The first process (`vipd`, `keepalived`, `vrrpd`), as this process sees it.
    pub fn pid(&self) -> i32 {
        self.main.pid()
    }

    /// The living processes of a role: `vipd`, `vipd-vrrpe`, `vipd-checker`, `vipd-starter`,
    /// `keepalived`.
    pub fn role(&self, node: &Node, name: &str) -> Vec<Process> {
        node.find(name)
    }

    /// All living processes of the daemon.
    pub fn processes(&self, node: &Node) -> Vec<Process> {
        let mut all = node.processes();
        let families = self.daemon.families();
        all.retain(|process| {
            process.alive() && families.iter().any(|name| process.name.starts_with(name))
        });
        all
    }

    /// The processor time that all of its processes have used so far. What ended in between and
    /// was waited for by one of them is in it.
    ///
    /// # Errors
    /// When one of them ends meanwhile.
    pub fn cpu_time(&self, node: &Node) -> Result<Duration> {
        self.processes(node).iter().map(Process::cpu_time).sum()
    }

    /// Exchanges the configuration and tells the daemon to read it; waits for nothing. FRR's vrrpd
    /// does not listen to this: it wants the change through its vty.
    ///
    /// # Errors
    /// When the file cannot be written or the daemon has ended.
    pub fn reload(&mut self, node: &Node, config: &str) -> Result<Stamp> {
        node.write(self.daemon.config_path(), config)?;
        self.main.signal(Signal::SIGHUP)
    }

    /// Asks it to stop; waits for nothing. Returns the moment before. zebra goes on.
    ///
    /// # Errors
    /// When it has ended.
    pub fn terminate(&mut self) -> Result<Stamp> {
        self.main.signal(Signal::SIGTERM)
    }

    /// Asks it to stop and waits until all of its processes are gone.
    ///
    /// # Errors
    /// When they are not within 10 seconds.
    pub fn stop(&mut self, node: &Node) -> Result<ExitStatus> {
        self.terminate()?;
        let status = self.main.wait(START)?;
        if let Some(zebra) = &mut self.zebra {
            zebra.signal(Signal::SIGTERM)?;
            zebra.wait(START)?;
        }
        wait_until(START, "the end of all processes of a daemon", || {
            self.processes(node).is_empty()
        })?;
        Ok(status)
    }

    /// Kills all of its processes at once. Returns the moment before.
    ///
    /// # Errors
    /// When there is none.
    pub fn kill_all(&mut self, node: &Node) -> Result<Stamp> {
        let all = self.processes(node);
        if all.is_empty() {
            return Err(Error::new(format!("no {} runs", self.daemon.name())));
        }
        let at = Stamp::now();
        for process in &all {
            drop(process.signal(Signal::SIGKILL));
        }
        Ok(at)
    }

    /// How its first process ended.
    ///
    /// # Errors
    /// When it has not within `limit`.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.main.wait(limit)
    }
}

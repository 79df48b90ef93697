//! The running daemon: everything the parent knows while it serves. This file holds the state and
//! how the parent ends; what it does on each message stands in `engine`, `reload` and `run`.

use crate::announce::Schedule;
use crate::audit::{Audit, By, Reason, Subject};
use crate::children::{Checker, Engine, Starter};
use crate::disk::Disk;
use crate::dump::Dumps;
use crate::held::Held;
use crate::identity::Identity;
use crate::kernel::{Address, Events, Kernel, Linux, Receiver};
use crate::launch::Foreground;
use crate::listener::Listener;
use crate::notify::Notifier;
use crate::permit::Permits;
use crate::plan::{Numbers, Plan};
use crate::reload::Reloading;
use crate::statics::Static;
use crate::vmacs::Vmacs;
use nix::errno::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use vipd_conf::Config;
use vipd_ipc::ChanError;
use vipd_ipc::slice::Reach;
use vipd_types::{IfName, InstanceId, Instant, SocketId, TrackerId};

/// How long the engine goes on without another answer where no lease says less.
pub(crate) const UNLEASED: Duration = Duration::from_secs(3);

pub(crate) struct Daemon {
    pub(crate) kernel: Linux,
    pub(crate) events: Events,
    pub(crate) file: PathBuf,
    pub(crate) around: Disk,
    /// What `plan` was made from.
    pub(crate) config: Rc<Config>,
    pub(crate) plan: Plan,
    pub(crate) numbers: Numbers,
    /// Also of instances that a reload removed.
    pub(crate) names: BTreeMap<InstanceId, String>,
    pub(crate) held: Held,
    pub(crate) statics: Vec<Static>,
    pub(crate) vmacs: Vmacs,
    pub(crate) permits: Permits,
    pub(crate) audit: Audit,
    pub(crate) schedule: Schedule,
    pub(crate) receivers: BTreeMap<SocketId, Receiver>,
    /// What the engine knows of interfaces that are tracked.
    pub(crate) tracked: BTreeMap<TrackerId, bool>,
    /// The last word on each interface that the engine was given.
    pub(crate) links: BTreeMap<SocketId, (bool, Option<IpAddr>)>,
    /// By the place of the destination: the group is the only one, peers have theirs.
    pub(crate) wills: BTreeMap<(InstanceId, u16), Vec<u8>>,
    pub(crate) engine: Engine,
    pub(crate) checker: Checker,
    /// What the checker's walls leave open, once it has been told.
    pub(crate) reach: Option<BTreeSet<Reach>>,
    pub(crate) starter: Option<Starter>,
    pub(crate) listener: Listener,
    pub(crate) notifier: Notifier,
    pub(crate) reloading: Option<Reloading>,
    pub(crate) life: Life,
    /// A stop was asked for; the engine has until then to say good-bye.
    pub(crate) ending: Option<Instant>,
    /// Interfaces on which we have switched accept_local on.
    pub(crate) accepting: BTreeSet<IfName>,
    /// Whoever waits for the start, until it is complete.
    pub(crate) foreground: Foreground,
    pub(crate) dumps: Dumps,
    pub(crate) identity: Identity,
    pub(crate) ignores_interrupt: bool,
}

/// When the children last proved that they live.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    pub(crate) engine: Instant,
    pub(crate) checker: Instant,
    /// Ticks on time since the engine's last proof. A parent that was itself asleep counts none.
    pub(crate) ticks: u32,
}

/// Why the daemon must end: a child is lost or broke the rules, or the kernel cannot be trusted.
#[derive(Debug)]
pub(crate) struct Fatal {
    pub(crate) who: &'static str,
    pub(crate) what: String,
    /// The other end of its channel is closed: what is expected of a child that was told to stop.
    pub(crate) closed: bool,
}

impl Fatal {
    pub(crate) fn new(who: &'static str, what: impl std::fmt::Display) -> Self {
        Self { who, what: what.to_string(), closed: false }
    }

    pub(crate) fn channel(who: &'static str) -> impl Fn(ChanError) -> Self {
        move |error| Self { closed: matches!(error, ChanError::Closed), ..Self::new(who, error) }
    }
}

impl Daemon {
    pub(crate) fn name(&self, instance: InstanceId) -> String {
        let name = self.names.get(&instance).cloned();
        name.unwrap_or_else(|| format!("instance {instance}"))
    }

    /// Removes addresses, audits each, and says which the kernel would not remove. One that is
    /// gone already is no failure.
    pub(crate) fn remove(&mut self, who: &Subject<'_>, addresses: &[Address]) -> Result<(), Errno> {
        let results = self.kernel.remove(addresses);
        let mut verdict = Ok(());
        for (address, result) in addresses.iter().zip(results) {
            self.audit.removed(who, address, result);
            let gone = matches!(result, Ok(()) | Err(Errno::EADDRNOTAVAIL | Errno::ENODEV));
            if !gone {
                log::error!("cannot remove {address} from {}: {result:?}", address.interface);
                verdict = result;
            }
        }
        verdict
    }

    /// Takes everything back, in the order in which every address is left: remove, be sure that
    /// it is gone, then say good-bye in the engine's name. Goes on whatever fails.
    pub(crate) fn undo(&mut self) {
        for instance in self.held.instances() {
            let Some(term) = self.held.drop(instance) else { continue };
            let name = self.name(instance);
            let who = Subject {
                instance: &name,
                epoch: Some(term.epoch),
                by: By::Parent,
                reason: Reason::Undo,
            };
            self.remove_paths(&who, &term.paths);
            let over = term.is_over(self.kernel.now());
            if self.remove(&who, &term.addresses).is_ok() && self.are_gone(&term.addresses) {
                // After the lease a peer has taken over: a good-bye would disturb it.
                if !over {
                    self.last_will(instance, &name);
                }
            } else {
                log::error!("({name}) addresses may still be there: no good-bye is sent for them");
            }
        }
        self.hear_owner_no_more();
        self.remove_statics();
    }

    fn are_gone(&mut self, addresses: &[Address]) -> bool {
        self.absent(addresses).len() == addresses.len()
    }

    fn last_will(&mut self, instance: InstanceId, name: &str) {
        let Some(plan) = self.plan.instance(instance) else { return };
        let Some(socket) = self.receivers.get(&plan.slice.socket) else { return };
        let link = self.links.get(&plan.slice.socket).and_then(|(_, source)| *source);
        let source = plan.slice.source.or(link);
        let to = plan.destinations();
        let unicast = !plan.slice.peers.is_empty();
        let ttl = if unicast { plan.slice.options.unicast_ttl } else { u8::MAX };
        let mut sent: usize = 0;
        for (copy, peer) in (0_u16..).zip(to) {
            let Some(packet) = self.wills.get(&(instance, copy)) else { continue };
            match socket.send(packet, source, peer, ttl) {
                Ok(()) => sent = sent.saturating_add(1),
                Err(error) => log::warn!("({name}) last will to {peer}: {error}"),
            }
        }
        self.audit.last_will(name, sent);
    }
}

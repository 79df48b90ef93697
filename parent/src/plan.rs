//! From a checked configuration to what each process is told: numbers for instances, sockets and
//! trackers that outlive a reload, the addresses with their interfaces, and each role's slices.
//! Decides nothing at run time and changes nothing in the kernel.

use crate::kernel::{Address, Kernel, Preferred};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;
use vipd_conf::config::{Auth, Config, Garp, Instance, Lease, NativeProcess, ProcessTool, Script};
use vipd_ipc::slice::{
    AuthSlice, CheckSlice, InstanceSlice, ProbeSlice, ProcessMatch, ProcessSlice, SocketSlice,
    TrackSlice, TrackerSlice,
};
use vipd_types::{Family, Generation, IfName, InstanceId, ScriptId, SocketId, TrackerId, Vrid};

/// Renewing costs the rtnl lock: no more than this many addresses a second.
const RENEWALS_PER_SECOND: usize = 500;

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) generation: Generation,
    /// Of the file's bytes.
    pub(crate) digest: u64,
    pub(crate) sockets: Vec<SocketPlan>,
    pub(crate) instances: Vec<InstancePlan>,
    pub(crate) trackers: Vec<TrackerSlice>,
    pub(crate) checks: Vec<CheckSlice>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SocketPlan {
    pub(crate) slice: SocketSlice,
    pub(crate) groups: BTreeSet<IpAddr>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InstancePlan {
    pub(crate) slice: InstanceSlice,
    pub(crate) addresses: Vec<Address>,
    /// Whole seconds.
    pub(crate) lease: Option<u32>,
    pub(crate) garp: Garp,
}

impl Plan {
    /// Before the first configuration.
    pub(crate) fn empty() -> Self {
        Self {
            generation: Generation(0),
            digest: 0,
            sockets: Vec::new(),
            instances: Vec::new(),
            trackers: Vec::new(),
            checks: Vec::new(),
        }
    }

    pub(crate) fn instance(&self, id: InstanceId) -> Option<&InstancePlan> {
        self.instances.iter().find(|instance| instance.slice.id == id)
    }

    pub(crate) fn runs_scripts(&self) -> bool {
        self.checks.iter().any(|check| matches!(check.probe, ProbeSlice::Script(_)))
    }

    /// True when a reload from `old` to this has nothing to do in any process.
    pub(crate) fn is_same_as(&self, old: &Self) -> bool {
        let fixed = |plan: &Self| {
            plan.sockets.iter().map(|s| (s.slice.id, s.groups.clone())).collect::<Vec<_>>()
        };
        fixed(self) == fixed(old)
            && self.instances == old.instances
            && self.trackers == old.trackers
            && self.checks == old.checks
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    #[error("instance {instance}: interface {interface} does not exist on this host")]
    NoInterface { instance: String, interface: IfName },
    #[error("too many {0}")]
    TooMany(&'static str),
}

/// The numbers given out so far. An instance is recognised by what makes it the same virtual router
/// on the wire, not by its name.
#[derive(Debug, Default, Clone)]
pub(crate) struct Numbers {
    instances: BTreeMap<(IfName, Family, Vrid), InstanceId>,
    sockets: BTreeMap<(u32, Family), SocketId>,
    trackers: Vec<(TrackerId, CheckKey)>,
    next_tracker: u16,
}

/// A check that asks something else is a new tracker: the old result says nothing about it. One
/// that only asks in another rhythm goes on from its result.
type CheckKey = (String, ProbeKey);

/// Scripts are numbered anew by each file; what they run is what makes them the same.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ProbeKey {
    Process(ProcessSlice),
    Script(Vec<Vec<u8>>, Option<String>),
}

impl Numbers {
    pub(crate) fn plan(
        &mut self,
        config: &Config,
        digest: u64,
        generation: Generation,
        kernel: &mut dyn Kernel,
    ) -> Result<Plan, PlanError> {
        let (trackers, checks, of_script) = self.checks(config)?;
        let mut sockets: BTreeMap<SocketId, SocketPlan> = BTreeMap::new();
        let mut instances = Vec::new();
        let least = least_lease(config);
        for one in &config.instances {
            let index = index_of(one, &one.interface, kernel)?;
            let socket = self.socket(index, one.family)?;
            let entry = sockets.entry(socket).or_insert_with(|| SocketPlan {
                slice: SocketSlice {
                    id: socket,
                    interface: one.interface,
                    index,
                    family: one.family,
                    least_ttl: 255,
                    fresh: true,
                },
                groups: BTreeSet::new(),
            });
            if one.peers.is_empty() {
                entry.groups.insert(one.group);
            }
            let id = self.instance(one)?;
            let lease = lease_of(one, least);
            instances.push(InstancePlan {
                slice: slice(one, id, socket, lease, &of_script),
                addresses: addresses(one, index, kernel)?,
                lease,
                garp: one.garp,
            });
        }
        let sockets = sockets.into_values().collect();
        Ok(Plan { generation, digest, sockets, instances, trackers, checks })
    }

    fn instance(&mut self, one: &Instance) -> Result<InstanceId, PlanError> {
        let next =
            u16::try_from(self.instances.len()).map_err(|_| PlanError::TooMany("instances"))?;
        let key = (one.interface, one.family, one.vrid);
        Ok(*self.instances.entry(key).or_insert(InstanceId(next)))
    }

    fn socket(&mut self, index: u32, family: Family) -> Result<SocketId, PlanError> {
        let next =
            u16::try_from(self.sockets.len()).map_err(|_| PlanError::TooMany("interfaces"))?;
        Ok(*self.sockets.entry((index, family)).or_insert(SocketId(next)))
    }

    /// Only scripts that an instance tracks are checks.
    #[expect(clippy::type_complexity, reason = "three parts of one walk, named where it is called")]
    fn checks(
        &mut self,
        config: &Config,
    ) -> Result<(Vec<TrackerSlice>, Vec<CheckSlice>, BTreeMap<ScriptId, TrackerId>), PlanError>
    {
        let tracked: BTreeSet<ScriptId> =
            config.instances.iter().flat_map(|i| i.tracks.iter().map(|t| t.script)).collect();
        let (mut trackers, mut checks, mut of_script) = (Vec::new(), Vec::new(), BTreeMap::new());
        for script_id in tracked {
            let Some(script) = config.scripts.get(usize::from(script_id.0)) else { continue };
            let tracker = self.tracker(script)?;
            of_script.insert(script_id, tracker);
            trackers.push(TrackerSlice { id: tracker, name: script.name.clone() });
            checks.push(CheckSlice {
                tracker,
                name: script.name.clone(),
                probe: probe(script, script_id),
                interval: script.interval,
                timeout: script.timeout,
                rise: script.rise,
                fall: script.fall,
            });
        }
        Ok((trackers, checks, of_script))
    }

    fn tracker(&mut self, script: &Script) -> Result<TrackerId, PlanError> {
        let key = check_key(script);
        if let Some((id, _)) = self.trackers.iter().find(|(_, known)| *known == key) {
            return Ok(*id);
        }
        let id = TrackerId(self.next_tracker);
        self.next_tracker =
            self.next_tracker.checked_add(1).ok_or(PlanError::TooMany("tracker changes"))?;
        self.trackers.push((id, key));
        Ok(id)
    }
}

fn check_key(script: &Script) -> CheckKey {
    let probe = match probe(script, ScriptId(0)) {
        ProbeSlice::Process(process) => ProbeKey::Process(process),
        ProbeSlice::Script(_) => ProbeKey::Script(
            script.argv.clone(),
            script.user.as_ref().map(|u| format!("{}:{:?}", u.user, u.group)),
        ),
    };
    (script.name.clone(), probe)
}

fn probe(script: &Script, id: ScriptId) -> ProbeSlice {
    match &script.native {
        None => ProbeSlice::Script(id),
        Some(NativeProcess { name, asked_by }) => ProbeSlice::Process(ProcessSlice {
            name: name.clone(),
            how: match asked_by {
                ProcessTool::Killall => ProcessMatch::Killall,
                ProcessTool::Pidof => ProcessMatch::Pidof,
                ProcessTool::Pgrep => ProcessMatch::Pgrep,
                ProcessTool::PgrepExact => ProcessMatch::PgrepExact,
            },
        }),
    }
}

fn slice(
    one: &Instance,
    id: InstanceId,
    socket: SocketId,
    lease: Option<u32>,
    of_script: &BTreeMap<ScriptId, TrackerId>,
) -> InstanceSlice {
    let track = |track: &vipd_conf::config::Track| {
        let tracker = *of_script.get(&track.script)?;
        Some(TrackSlice { tracker, weight: track.weight, reverse: track.reverse })
    };
    InstanceSlice {
        id,
        name: one.name.clone(),
        socket,
        interface: one.interface,
        vmac: None,
        vrid: one.vrid,
        version: one.version,
        family: one.family,
        priority: one.priority,
        advert_int: one.advert_int,
        preempt: one.preempt,
        fast_handover: one.fast_handover,
        options: one.options,
        auth: match one.auth {
            Auth::None => AuthSlice::None,
            Auth::Pass(data) => AuthSlice::Pass(data),
        },
        source: one.source,
        group: one.group,
        peers: one.peers.clone(),
        check_unicast_src: one.check_unicast_src,
        addresses: one.addresses.iter().map(|vip| vip.address).collect(),
        tracks: one.tracks.iter().filter_map(track).collect(),
        lease: lease.map(|seconds| Duration::from_secs(seconds.into())),
    }
}

fn addresses(
    one: &Instance,
    index: u32,
    kernel: &mut dyn Kernel,
) -> Result<Vec<Address>, PlanError> {
    let address = |vip: &vipd_conf::config::Vip| {
        let interface = vip.dev.unwrap_or(one.interface);
        let index = match vip.dev {
            None => index,
            Some(dev) => index_of(one, &dev, kernel)?,
        };
        Ok(Address {
            ip: vip.address,
            prefix: vip.prefix,
            interface,
            index,
            label: vip.label.clone(),
            broadcast: vip.broadcast,
            scope: vip.scope,
            preferred: Preferred::usual(vip.address, vip.prefix),
            nodad: true,
        })
    };
    one.addresses.iter().map(address).collect()
}

fn index_of(one: &Instance, name: &IfName, kernel: &mut dyn Kernel) -> Result<u32, PlanError> {
    let missing = |_| PlanError::NoInterface { instance: one.name.clone(), interface: *name };
    kernel.link(name).map(|(index, _)| index).map_err(missing)
}

/// Three intervals in whole seconds, so that a dead host's address is gone before a peer takes
/// over (RFC 3768 6.1: Master_Down_Interval is three intervals and the skew).
fn lease_of(one: &Instance, least: u32) -> Option<u32> {
    match one.lease {
        Lease::Off => None,
        Lease::Seconds(seconds) => Some(seconds),
        Lease::Default => {
            let three = one.advert_int.saturating_mul(3).as_secs();
            Some(u32::try_from(three).unwrap_or(u32::MAX).max(least))
        }
    }
}

/// With very many addresses the default lease is stretched.
fn least_lease(config: &Config) -> u32 {
    let count: usize = config.instances.iter().map(|i| i.addresses.len()).sum();
    let renewals = count.saturating_mul(3).div_ceil(RENEWALS_PER_SECOND);
    u32::try_from(renewals).unwrap_or(u32::MAX).max(1)
}

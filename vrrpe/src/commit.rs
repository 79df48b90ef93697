//! From a staged configuration to a running one: new routers begin, changed ones are told, missing
//! ones are stopped and go when they are done. Whoever did not change notices nothing.

use crate::instance::{self, Instance};
use crate::routers::Routers;
use crate::rx::Socket;
use crate::stage::{Broken, Stage};
use crate::trackers::Trackers;
use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, OwnedFd};
use vipd_ipc::slice::{InstanceSlice, SocketSlice};
use vipd_types::{InstanceId, Instant, SocketId};
use vrrp_core::Input;

/// Tokens of sockets begin here.
const FIRST_TOKEN: usize = 0x1_0000;

/// The socket that a token means.
pub(crate) fn socket_of(token: Token) -> Option<SocketId> {
    token.0.checked_sub(FIRST_TOKEN).and_then(|n| u16::try_from(n).ok()).map(SocketId)
}

fn token_of(id: SocketId) -> Token {
    Token(usize::from(id.0).saturating_add(FIRST_TOKEN))
}

/// Applies all of `stage`, and registers its sockets.
pub(crate) fn commit(
    routers: &mut Routers,
    trackers: &mut Trackers,
    stage: Stage,
    registry: &Registry,
    now: Instant,
) -> Result<(), Broken> {
    let back = |id: &InstanceId| routers.instances.get(id).is_some_and(|i| i.leaving);
    if stage.instances.keys().any(back) {
        return Err(Broken("the number of a removed instance is used again"));
    }
    for socket in routers.sockets.values_mut() {
        socket.configured = false;
    }
    for (id, (slice, fd)) in stage.sockets {
        adopt(routers, id, slice, fd, registry)?;
    }
    trackers.commit(stage.trackers, now);
    stop_missing(routers, &stage.instances, now, trackers);
    let (known, new): (BTreeMap<_, _>, BTreeMap<_, _>) =
        stage.instances.into_iter().partition(|(id, _)| routers.instances.contains_key(id));
    let fresh: Vec<InstanceId> = new.keys().copied().collect();
    for (id, slice) in new {
        begin(routers, id, slice, now, trackers);
    }
    routers.regroup(stage.groups, now, trackers);
    for (id, slice) in known {
        apply(routers, id, slice, now, trackers);
    }
    for id in fresh {
        routers.link(id, now, trackers);
    }
    routers.track(now, trackers);
    index(routers);
    routers.wills_due.extend(routers.instances.keys());
    routers.some_leave = true;
    routers.changed.all |= routers.watched;
    sweep(routers, registry);
    Ok(())
}

/// Drops routers that have left, and sockets that nobody uses any more.
pub(crate) fn sweep(routers: &mut Routers, registry: &Registry) {
    if !routers.some_leave {
        return;
    }
    let done = |(_, one): &(&InstanceId, &Instance)| one.leaving && one.router.is_done();
    let deleted: Vec<InstanceId> =
        routers.instances.iter().filter(done).map(|(id, _)| *id).collect();
    routers.changed.all |= routers.watched && !deleted.is_empty();
    deleted.into_iter().for_each(|id| routers.tell_deleted(id));
    let deadlines = &mut routers.deadlines;
    routers.instances.retain(|id, instance| {
        let keep = !(instance.leaving && instance.router.is_done());
        if !keep {
            deadlines.forget(*id);
        }
        keep
    });
    let instances = &routers.instances;
    let links = &mut routers.links;
    routers.sockets.retain(|id, socket| {
        let keep = socket.configured || instances.values().any(|i| i.slice.socket == *id);
        if !keep {
            forget(socket, registry);
            links.remove(id);
        }
        keep
    });
    routers.some_leave = routers.instances.values().any(|instance| instance.leaving)
        || routers.sockets.values().any(|socket| !socket.configured);
}

fn adopt(
    routers: &mut Routers,
    id: SocketId,
    slice: SocketSlice,
    fd: Option<OwnedFd>,
    registry: &Registry,
) -> Result<(), Broken> {
    match (fd, routers.sockets.get_mut(&id)) {
        (None, Some(socket)) => {
            socket.slice = slice;
            socket.configured = true;
        }
        (Some(fd), old) => {
            SourceFd(&fd.as_raw_fd())
                .register(registry, token_of(id), Interest::READABLE)
                .map_err(|_| Broken("a socket that cannot be polled"))?;
            match old {
                Some(old) => {
                    forget(old, registry);
                    old.renew(slice, fd);
                }
                None => drop(routers.sockets.insert(id, Socket::new(slice, fd))),
            }
        }
        (None, None) => return Err(Broken("a socket that is neither fresh nor known")),
    }
    Ok(())
}

/// Closing alone would leave it in the poll set as long as the parent has a copy.
fn forget(socket: &Socket, registry: &Registry) {
    if let Err(error) = SourceFd(&socket.fd.as_raw_fd()).deregister(registry) {
        log::warn!("socket on {}: {error}", socket.slice.interface);
    }
}

fn stop_missing(
    routers: &mut Routers,
    staged: &BTreeMap<InstanceId, InstanceSlice>,
    now: Instant,
    trackers: &Trackers,
) {
    let missing: Vec<InstanceId> =
        routers.instances.keys().filter(|id| !staged.contains_key(id)).copied().collect();
    for id in missing {
        let Some(instance) = routers.instances.get_mut(&id) else { continue };
        if !instance.leaving {
            instance.leaving = true;
            instance.group = None;
            log::info!("({}) removed from the configuration", instance.slice.name);
            routers.step(id, Input::Stop, now, trackers);
        }
    }
}

/// A new router that waits for its link. Trackers first: what is not known yet must not be taken for
/// health.
fn begin(
    routers: &mut Routers,
    id: InstanceId,
    slice: InstanceSlice,
    now: Instant,
    trackers: &Trackers,
) {
    let mut new = Instance::new(slice, now);
    new.orders.offline = routers.node_orders.maintenance.is_some();
    new.health = new.health(trackers);
    let health = new.health;
    routers.instances.insert(id, new);
    routers.step(id, Input::Track(health), now, trackers);
}

fn apply(
    routers: &mut Routers,
    id: InstanceId,
    slice: InstanceSlice,
    now: Instant,
    trackers: &Trackers,
) {
    let Some(running) = routers.instances.get_mut(&id) else { return };
    if running.slice == slice {
        return;
    }
    let moved = (running.slice.socket, running.slice.source) != (slice.socket, slice.source);
    running.slice = slice;
    let config = instance::config(&running.slice);
    // Of the two ways from the old priority to the new one, take that which does not lead below
    // both: a MASTER says at once that it has become worse.
    let health = running.health(trackers);
    let rises = *running.router.config() != config && health.adds > running.health.adds;
    if rises {
        running.health = health;
        routers.step(id, Input::Track(health), now, trackers);
    }
    let Some(running) = routers.instances.get(&id) else { return };
    if *running.router.config() != config {
        routers.step(id, Input::Config(Box::new(config)), now, trackers);
    }
    if moved {
        routers.link(id, now, trackers);
    }
}

fn index(routers: &mut Routers) {
    routers.by_vrid = routers
        .instances
        .iter()
        .filter(|(_, instance)| !instance.leaving)
        .map(|(id, instance)| ((instance.slice.socket, instance.slice.vrid), *id))
        .collect();
}

//! A configuration on its way in: slices collected between Begin and Commit, checked for what
//! the rest of the engine relies on. Applies nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use vipd_ipc::slice::{GroupSlice, InstanceSlice, SocketSlice, TrackerSlice};
use vipd_types::{Generation, GroupId, InstanceId, SocketId, TrackerId};

/// The parent broke the protocol.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) &'static str);

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) generation: Generation,
    pub(crate) sockets: BTreeMap<SocketId, (SocketSlice, Option<OwnedFd>)>,
    pub(crate) trackers: BTreeMap<TrackerId, TrackerSlice>,
    pub(crate) instances: BTreeMap<InstanceId, InstanceSlice>,
    pub(crate) groups: BTreeMap<GroupId, GroupSlice>,
    complete: bool,
}

impl Stage {
    pub(crate) fn new(generation: Generation) -> Self {
        Self {
            generation,
            sockets: BTreeMap::new(),
            trackers: BTreeMap::new(),
            instances: BTreeMap::new(),
            groups: BTreeMap::new(),
            complete: false,
        }
    }

    /// `known` says whether the engine has a socket of this id already.
    pub(crate) fn socket(
        &mut self,
        slice: SocketSlice,
        fd: Option<OwnedFd>,
        known: bool,
    ) -> Result<(), Broken> {
        self.open()?;
        match (slice.fresh, fd.is_some(), known) {
            (true, true, _) | (false, false, true) => {}
            (true, false, _) => return Err(Broken("fresh socket without a descriptor")),
            (false, true, _) => return Err(Broken("descriptor for a socket that is not fresh")),
            (false, false, false) => return Err(Broken("socket that is neither fresh nor known")),
        }
        once(self.sockets.insert(slice.id, (slice, fd)))
    }

    pub(crate) fn tracker(&mut self, slice: TrackerSlice) -> Result<(), Broken> {
        self.open()?;
        once(self.trackers.insert(slice.id, slice))
    }

    pub(crate) fn instance(&mut self, slice: InstanceSlice) -> Result<(), Broken> {
        self.open()?;
        if !self.sockets.contains_key(&slice.socket) {
            return Err(Broken("instance on an unknown socket"));
        }
        if slice.tracks.iter().any(|track| !self.trackers.contains_key(&track.tracker)) {
            return Err(Broken("instance with an unknown tracker"));
        }
        let place = (slice.socket, slice.vrid);
        if self.instances.values().any(|other| (other.socket, other.vrid) == place) {
            return Err(Broken("two instances with one VRID on one socket"));
        }
        once(self.instances.insert(slice.id, slice))
    }

    pub(crate) fn excluded(
        &mut self,
        instance: InstanceId,
        addresses: Vec<IpAddr>,
    ) -> Result<(), Broken> {
        self.open()?;
        let slice = self.instances.get_mut(&instance);
        let slice = slice.ok_or(Broken("addresses of an unknown instance"))?;
        slice.excluded.extend(addresses);
        Ok(())
    }

    pub(crate) fn group(&mut self, slice: GroupSlice) -> Result<(), Broken> {
        self.open()?;
        if slice.members.iter().any(|member| !self.instances.contains_key(member)) {
            return Err(Broken("sync group with an unknown member"));
        }
        let mut taken: BTreeSet<InstanceId> = BTreeSet::new();
        let others = self.groups.values().flat_map(|group| &group.members);
        if !others.chain(&slice.members).all(|member| taken.insert(*member)) {
            return Err(Broken("an instance in two sync groups"));
        }
        once(self.groups.insert(slice.id, slice))
    }

    pub(crate) fn end(&mut self, generation: Generation) -> Result<(), Broken> {
        self.open()?;
        self.is(generation)?;
        self.complete = true;
        Ok(())
    }

    pub(crate) fn may_commit(&self, generation: Generation) -> Result<(), Broken> {
        self.is(generation)?;
        if self.complete { Ok(()) } else { Err(Broken("commit before end")) }
    }

    /// The sockets that come with a descriptor.
    pub(crate) fn renewed(&self) -> impl Iterator<Item = SocketId> {
        self.sockets.iter().filter(|(_, (_, fd))| fd.is_some()).map(|(id, _)| *id)
    }

    fn is(&self, generation: Generation) -> Result<(), Broken> {
        if self.generation == generation { Ok(()) } else { Err(Broken("another generation")) }
    }

    fn open(&self) -> Result<(), Broken> {
        if self.complete { Err(Broken("slice after end")) } else { Ok(()) }
    }
}

fn once<T>(before: Option<T>) -> Result<(), Broken> {
    if before.is_none() { Ok(()) } else { Err(Broken("an id twice in one configuration")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vipd_types::{Family, IfName};

    fn socket(id: u16, fresh: bool) -> SocketSlice {
        let interface = IfName::new(b"eth0").unwrap();
        SocketSlice {
            id: SocketId(id),
            interface,
            index: 2,
            family: Family::V4,
            least_ttl: 255,
            fresh,
        }
    }

    fn fd() -> OwnedFd {
        std::fs::File::open("/dev/null").unwrap().into()
    }

    #[test]
    fn a_socket_is_fresh_with_a_descriptor_or_known_without() {
        let mut stage = Stage::new(Generation(1));
        assert!(stage.socket(socket(1, true), Some(fd()), false).is_ok());
        assert!(stage.socket(socket(2, false), None, true).is_ok());
        assert!(stage.socket(socket(3, true), None, false).is_err());
        assert!(stage.socket(socket(4, false), Some(fd()), true).is_err());
        assert!(stage.socket(socket(5, false), None, false).is_err());
        assert!(stage.socket(socket(2, false), None, true).is_err());
    }

    #[test]
    fn commit_needs_the_end_of_the_same_generation() {
        let mut stage = Stage::new(Generation(2));
        assert!(stage.may_commit(Generation(2)).is_err());
        assert!(stage.end(Generation(1)).is_err());
        assert!(stage.end(Generation(2)).is_ok());
        assert!(stage.may_commit(Generation(2)).is_ok());
        assert!(stage.may_commit(Generation(1)).is_err());
        assert!(stage.socket(socket(1, true), Some(fd()), false).is_err());
    }
}

//! What the world does by itself: adverts arrive, kernels finish, leases end, stopped engines are
//! noticed, a stranger speaks.

use super::bounds::REMOVAL;
use super::clock::Time;
use super::host::Parent;
use super::node::{Mail, Task};
use super::plan::Crash;
use super::world::{Event, World};

impl World {
    pub(crate) fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive { from, link, to, sent, late, packet } => {
                self.arrive(from, link, to, sent, late, packet);
            }
            Event::Done { node, life, asked, refused } if life == self.host_of(node).life => {
                self.done(node, asked, refused);
            }
            Event::Results { host, life } if life == self.hosts[host].life => {
                self.tell_all_health(host);
            }
            Event::Hung { host, pause } if pause == self.hosts[host].pauses => {
                self.witness.fault();
                self.crash(host, Crash::Engine);
            }
            Event::Lapse { node, life, pause } => {
                self.lapse(node, life, pause);
            }
            Event::Fate { host, pause } if pause == self.hosts[host].pauses => {
                self.witness.fault();
                self.meet_fates(host);
            }
            Event::Stranger { serial } => self.stranger_speaks(serial),
            Event::Stale { node, life } if life == self.host_of(node).life => self.stale(node),
            Event::Done { .. } | Event::Results { .. } | Event::Hung { .. } => {}
            Event::Fate { .. } | Event::Stale { .. } => {}
        }
    }

    fn done(&mut self, at: usize, asked: Time, refused: bool) {
        let now = self.now;
        let host = self.nodes[at].setup.host;
        self.nodes[at].busy = false;
        // The parent itself does it: what was not done before it stopped is done later.
        if self.hosts[host].parent != Parent::Runs {
            return;
        }
        let Some(task) = self.nodes[at].tasks.pop_front() else { return };
        self.begin_task(at);
        let node = &mut self.nodes[at];
        match task {
            Task::Install(epoch) if refused => {
                self.witness.fault();
                self.tell(at, Mail::NotAcquired(epoch));
            }
            Task::Install(epoch) => {
                node.installed = Some(epoch);
                node.granted = Some(epoch);
                let length = super::bounds::lease(node.interval());
                node.lease.take(asked, length);
                self.tell(at, Mail::Acquired(epoch));
            }
            Task::Remove(epoch) => {
                node.installed = None;
                node.granted = None;
                self.tell(at, Mail::Released(epoch));
            }
            Task::Undo(will) => {
                node.installed = None;
                // After the lease a peer has taken over: a good-bye would disturb it.
                if let Some(packet) = will.filter(|_| node.lease.end() > now) {
                    self.broadcast(at, packet);
                }
                let this = &mut self.hosts[host];
                this.undoing = this.undoing.saturating_sub(1);
                if this.undoing == 0 {
                    this.parent = Parent::Dead;
                }
            }
        }
    }

    /// It must change nothing, whatever it says.
    fn stale(&mut self, at: usize) {
        let Some(epoch) = self.nodes[at].oracle.earlier_term() else { return };
        let answers = [
            Mail::Acquired(epoch),
            Mail::NotAcquired(epoch),
            Mail::Released(epoch),
            Mail::Lost(epoch),
            Mail::Lapsed(epoch),
        ];
        let answer = answers[self.random.index(5)].clone();
        self.tell(at, answer);
    }

    fn lapse(&mut self, at: usize, life: u32, pause: u32) {
        let (now, removal) = (self.now, self.random.below(REMOVAL + 1));
        let host = self.host_of(at);
        if (life, pause) != (host.life, host.pauses) {
            return;
        }
        let runs = host.parent == Parent::Runs;
        let node = &mut self.nodes[at];
        node.lease.renew(now);
        // The kernel may have been adding them when the parent stopped.
        let end = node.lease.end();
        if end <= now {
            node.installed = None;
            if let Some(epoch) = node.granted.take_if(|_| runs) {
                self.witness.fault();
                self.tell(at, Mail::Lapsed(epoch));
            }
        } else {
            node.quiet &= node.ended || !runs;
            self.enqueue(end + removal, Event::Lapse { node: at, life, pause });
        }
    }

    fn stranger_speaks(&mut self, serial: u64) {
        let Some(stranger) = self.stranger.filter(|stranger| stranger.serial == serial) else {
            return;
        };
        if self.now > stranger.until {
            self.stranger = None;
            return;
        }
        let next: Time = self.now + stranger.every.max(1);
        self.enqueue(next, Event::Stranger { serial });
        self.inject(stranger);
    }
}

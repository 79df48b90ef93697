//! What the world does by itself: adverts arrive, kernels finish, leases end, stopped engines are
//! noticed, a stranger speaks.

use super::bounds::{HUNG, REMOVAL, REMOVED};
use super::clock::Time;
use super::node::{Mail, Parent, Task};
use super::plan::Crash;
use super::world::{Event, World};
use vipd_types::State;
use vrrp_core::Input;

impl World {
    pub(crate) fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive { from, link, to, sent, late, packet } => {
                self.arrive(from, link, to, sent, late, packet);
            }
            Event::Done { node, life, task, refused } if life == self.nodes[node].life => {
                self.done(node, task, refused);
            }
            Event::Results { node, life } if life == self.nodes[node].life => {
                self.tell_health(node);
            }
            Event::Hung { node, pause } if pause == self.nodes[node].pauses => {
                self.crash(node, Crash::Engine);
            }
            Event::Lapse { node, life, pause } => {
                self.lapse(node, life, pause);
            }
            Event::LeaseOver { node, pause } if pause == self.nodes[node].pauses => {
                let this = &mut self.nodes[node];
                this.quiet = true;
                this.wake = None;
            }
            Event::LastWord { node, pause } if pause == self.nodes[node].pauses => {
                self.last_word(node);
            }
            Event::Stranger { serial } => self.stranger_speaks(serial),
            Event::Stale { node, life } if life == self.nodes[node].life => self.stale(node),
            Event::Done { .. } | Event::Results { .. } | Event::Hung { .. } => {}
            Event::LeaseOver { .. } | Event::LastWord { .. } | Event::Stale { .. } => {}
        }
    }

    fn done(&mut self, at: usize, task: Task, refused: bool) {
        let now = self.now;
        let node = &mut self.nodes[at];
        match task {
            Task::Install { epoch, .. } if refused => {
                self.witness.fault();
                self.tell(at, Mail::NotAcquired(epoch));
            }
            Task::Install { epoch, asked } => {
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
                node.parent = Parent::Dead;
                // After the lease a peer has taken over: a good-bye would disturb it.
                if let Some(packet) = will.filter(|_| node.lease.end() > now) {
                    self.broadcast(at, packet);
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
        ];
        let answer = answers[self.random.index(4)].clone();
        self.tell(at, answer);
    }

    fn lapse(&mut self, at: usize, life: u32, pause: u32) {
        let (now, removal) = (self.now, self.random.below(REMOVAL + 1));
        let node = &mut self.nodes[at];
        if (life, pause) != (node.life, node.pauses) {
            return;
        }
        // The kernel may have been adding them when the parent stopped.
        let end = node.lease.end();
        if end <= now {
            node.installed = None;
        } else {
            self.enqueue(end + removal, Event::Lapse { node: at, life, pause });
        }
    }

    /// From now on nobody renews the addresses, and the engine knows until when they are there.
    pub(crate) fn abandon(&mut self, at: usize) {
        let removal = self.random.below(REMOVAL + 1);
        let now = self.now;
        let node = &mut self.nodes[at];
        node.lease.freeze(now);
        node.until = node.vouched(now);
        let (life, pause) = (node.life, node.pauses);
        let (end, until) = (node.lease.end().max(now), node.until.max(now));
        self.enqueue(end + removal, Event::Lapse { node: at, life, pause });
        self.enqueue(until, Event::LeaseOver { node: at, pause });
        self.enqueue(until + REMOVED, Event::LastWord { node: at, pause });
    }

    /// A parent that runs misses the signs of life.
    pub(crate) fn expect_alive(&mut self, at: usize) {
        let pause = self.nodes[at].pauses;
        self.enqueue(self.now + HUNG, Event::Hung { node: at, pause });
    }

    /// The addresses have vanished by themselves: good-bye, and the engine is gone.
    pub(crate) fn last_word(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        if node.frozen {
            return;
        }
        node.quiet = false;
        if node.router.as_ref().is_some_and(|router| router.state() == State::Master) {
            self.step(at, Input::LeaseEnded);
        }
        self.vanish(at);
    }

    /// The engine's process is gone.
    pub(crate) fn vanish(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        node.router = None;
        node.wake = None;
        node.frozen = false;
        node.inbox.clear();
        node.mail.clear();
        self.disturb_all(at);
        self.witness.links_changed();
    }

    /// In order: nothing is held, nothing remains to be said.
    pub(crate) fn leave(&mut self, at: usize) {
        self.vanish(at);
        self.nodes[at].parent = Parent::Dead;
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

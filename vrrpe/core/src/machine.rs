//! The state machine of RFC 3768 and RFC 9568, section 6.4 in both, with this daemon's additions: one
//! exhaustive match over state and event. Says what is done, in which order; how it is done is in
//! `backup`, `voice` and `term`.

use crate::action::{Actions, Cause, Event as Report, Reason};
use crate::handover::Heard;
use crate::router::Router;
use crate::{Action, Kind};
use vipd_types::{Instant, Priority, State};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// Link, source, trackers and addresses are all right.
    Ready,
    Fault(Cause),
    Shutdown,
    LeaseEnded,
    AdverTimer,
    ExtraTimer,
    AnnounceTimer,
    AcquireTimer,
    MasterDownTimer,
    HandoverTimer,
    /// Priority 0.
    GoodBye(Heard),
    /// A higher priority, or ours from a greater address.
    Higher(Heard),
    /// Our priority from a lower address.
    Equal(Heard),
    Lower(Heard),
    /// The addresses of this term could not be had.
    Refused,
    /// The addresses of this term were taken away.
    Lost,
    /// They have vanished with their lease.
    Lapsed,
    /// The operator wants another router to serve.
    StepBack,
    /// By the trackers; `before` is the old effective priority.
    Priority {
        before: Priority,
    },
    Reconfigured {
        before: Priority,
        /// Our own Advertisement_Interval.
        interval_changed: bool,
        /// What Master_Down_Interval is made of, the priority aside.
        rhythm_changed: bool,
    },
    /// All members of the sync group are MASTER or would be; or there is no group any more.
    Lead,
    /// A member of the sync group has found a better MASTER.
    GroupYields,
}

impl Router {
    #[expect(clippy::too_many_lines, reason = "one table, to be held against the RFC's")]
    pub(crate) fn react(&mut self, event: Event, now: Instant, out: &mut Actions) {
        use Event as E;
        use State::{Backup, Fault, Init, Master};
        match (self.state, event) {
            // 6.4.1: Startup.
            (Init, E::Ready) => self.start(Cause::Startup, now, out),
            // 6.4.1: everything else is ignored before Startup.
            (Init, E::Fault(cause)) => self.enter(Fault, cause, out),
            (Init, E::Shutdown) => self.enter(Init, Cause::Stop, out),

            // FAULT is not in the RFC: INIT for a reason. Nothing is heard, nothing is sent.
            (Fault, E::Ready) => self.start(Cause::Cleared, now, out),
            (Fault, E::Shutdown) => self.enter(Init, Cause::Stop, out),

            // 6.4.2: a Shutdown event cancels the timer and sends nothing.
            (Backup, E::Shutdown) => self.enter(Init, Cause::Stop, out),
            (Backup, E::Fault(cause)) => self.enter(Fault, cause, out),
            // 6.4.1: an owner does not wait (it became one by a new configuration).
            (Backup, E::Ready) if self.effective.is_owner() && !self.is_outranked() => {
                self.claim(Cause::Startup, now, out);
            }
            // 6.4.2: the Master_Down_Timer fires.
            (Backup, E::MasterDownTimer) => self.claim(self.master_down_cause(now), now, out),
            (Backup, E::HandoverTimer) => self.claim(self.handover_cause(), now, out),
            // 6.4.2: priority 0 sets the Master_Down_Timer to Skew_Time.
            (Backup, E::GoodBye(heard)) => self.hear_good_bye(heard, now, out),
            // 6.4.2: priority not lower than ours, whatever the address: adopt the interval
            // (VRRPv3), reset the timer.
            (Backup, E::Higher(heard) | E::Equal(heard)) => self.follow_better(heard, now, out),
            // 6.4.2: a lower priority and Preempt_Mode False, or not yet: the same.
            (Backup, E::Lower(heard)) if !self.preempts(now) => self.follow_worse(heard, now, out),
            // 6.4.2: a lower priority and Preempt_Mode True: discard.
            (Backup, E::Lower(heard)) => self.hear_worse(heard, now, out),
            (Backup, E::Priority { .. }) => self.shorten_master_down(),
            (Backup, E::Reconfigured { rhythm_changed, .. }) => {
                self.timers.handover = None;
                self.backup.preempt_from = None;
                if rhythm_changed {
                    self.restart_master_down(now);
                } else {
                    self.shorten_master_down();
                }
            }

            // Not in the RFC: a sync group is MASTER as a whole.
            (Backup, E::Lead) => self.lead(now, out),
            (Master, E::GroupYields) => {
                self.leave(Backup, Reason::Yield, Cause::Group, now, out);
            }

            // 6.4.3: a Shutdown event ends with priority 0, here after the addresses are gone.
            (Master, E::Shutdown) => self.leave(Init, Reason::Stop, Cause::Stop, now, out),
            (Master, E::Fault(cause)) => {
                let operator = cause == Cause::Operator;
                let reason = if operator { Reason::Operator } else { Reason::Fault };
                self.leave(Fault, reason, cause, now, out);
            }
            (Master, E::StepBack) => {
                self.leave(Backup, Reason::Operator, Cause::Operator, now, out);
            }
            (Master, E::Lost) => {
                out.push(Action::Event(Report::AddressesLost));
                self.leave(Fault, Reason::Fault, Cause::Addresses, now, out);
                self.retry_later(now);
            }
            // FAULT for a moment, so that a sync group goes along, and then BACKUP. A peer may be
            // MASTER already, and a good-bye would disturb it.
            (Master, E::Lapsed) => {
                self.leave(Fault, Reason::Fault, Cause::LeaseEnded, now, out);
                if let Some(leaving) = &mut self.leaving {
                    leaving.farewell = None;
                }
                self.timers.retry = Some(now);
            }
            (Master, E::Refused) => {
                out.push(Action::Event(Report::AddressesRefused));
                self.send(Kind::GoodBye, out);
                self.enter(Fault, Cause::Addresses, out);
                self.retry_later(now);
            }
            // 6.4.3: the Adver_Timer fires.
            (Master, E::AdverTimer) => self.beat(now, out),
            (Master, E::ExtraTimer) => self.advertise(now, out),
            (Master, E::AnnounceTimer) => self.announce_now(now, out),
            // Not in the RFC: the old MASTER has had its time, or has just said that it has left.
            (Master, E::AcquireTimer) => self.acquire_now(out),
            (Master, E::Lower(heard)) if self.waits_for(heard) => {
                self.hear_old_master(heard, now, out);
            }
            // 6.4.3: priority 0: an advert, and the Adver_Timer starts anew.
            (Master, E::GoodBye(heard)) => {
                if self.waits_for(heard) {
                    self.acquire_now(out);
                }
                self.answer(now, out);
                self.restart_adver(now);
            }
            // 6.4.3: a higher priority, or ours from a greater address: adopt its interval (VRRPv3).
            (Master, E::Higher(heard)) => self.yield_to(heard, now, out),
            // 6.4.3: discard. RFC 9568 and keepalived also answer, so that the other yields; the
            // Adver_Timer goes on.
            (Master, E::Equal(heard) | E::Lower(heard)) => self.force_election(heard, now, out),
            (Master, E::Priority { before }) => self.send_change(before, now, out),
            (Master, E::Reconfigured { before, interval_changed, .. }) => {
                if interval_changed {
                    self.restart_adver(now);
                }
                self.send_change(before, now, out);
            }

            // Not in the RFC: the addresses have gone by themselves, so the good-bye need not wait.
            (Init | Backup | Master | Fault, E::LeaseEnded) => self.lease_ended(out),

            // What another state's timer or term left behind, and what changes nothing.
            (
                Init | Fault,
                E::AdverTimer
                | E::ExtraTimer
                | E::AnnounceTimer
                | E::AcquireTimer
                | E::MasterDownTimer
                | E::HandoverTimer
                | E::GoodBye(_)
                | E::Higher(_)
                | E::Equal(_)
                | E::Lower(_)
                | E::Refused
                | E::Lost
                | E::Lapsed
                | E::StepBack
                | E::Priority { .. }
                | E::Reconfigured { .. }
                | E::Lead
                | E::GroupYields,
            )
            | (Fault, E::Fault(_))
            | (
                Backup,
                E::Ready
                | E::AdverTimer
                | E::ExtraTimer
                | E::AnnounceTimer
                | E::AcquireTimer
                | E::Refused
                | E::Lost
                | E::Lapsed
                | E::StepBack
                | E::GroupYields,
            )
            | (Master, E::Ready | E::MasterDownTimer | E::HandoverTimer | E::Lead) => {}
        }
    }
}

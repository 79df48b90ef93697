//! Active_Adver_Interval: the interval of the MASTER that a BACKUP waits for (RFC 9568 6.1), and the
//! times that follow from it. Holds no timer; with VRRPv2 nothing is ever learned.

use crate::Action;
use crate::action::{Actions, Event, Notice};
use crate::handover::Heard;
use crate::router::Router;
use crate::timers::{interval, master_down_interval, skew};
use core::time::Duration;
use vipd_types::Version;

impl Router {
    /// Active_Adver_Interval: what the MASTER that was followed last advertises, else our own
    /// Advertisement_Interval.
    pub fn active_interval(&self) -> Duration {
        self.learned.unwrap_or_else(|| interval(&self.config))
    }

    /// Skew_Time.
    pub fn skew_time(&self) -> Duration {
        skew(self.config.version, self.active_interval(), self.effective)
    }

    /// Active_Down_Interval (Master_Down_Interval in RFC 3768).
    pub fn master_down_interval(&self) -> Duration {
        let (version, interval, adverts) = self.rhythm();
        master_down_interval(version, interval, adverts, self.effective)
    }

    /// What Active_Down_Interval is made of, the priority aside.
    pub(crate) fn rhythm(&self) -> (Version, Duration, u8) {
        let adverts = self.config.options.down_timer_adverts;
        (self.config.version, self.active_interval(), adverts)
    }

    /// RFC 9568 6.4.2 and 6.4.3: of an advert of the MASTER that is followed, never of a good-bye or
    /// of one that is discarded. A cap below our own interval would make us impatient with our equals.
    pub(crate) fn adopt(&mut self, heard: Heard, out: &mut Actions) {
        match self.config.version {
            Version::V2 => return,
            Version::V3 => {}
        }
        let Heard { from, interval: theirs, .. } = heard;
        let own = interval(&self.config);
        let most =
            self.config.options.max_learned_interval.map_or(Duration::MAX, |cap| cap.max(own));
        if theirs > most {
            out.push(Action::Event(Event::Noticed(Notice::CappedInterval { from, theirs })));
        }
        self.learned = Some(theirs.min(most));
    }
}

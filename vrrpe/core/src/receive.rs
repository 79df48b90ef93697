//! An advert for this router: checked, counted, and turned into an event of the state machine.
//! Decides nothing that depends on the state.

use crate::action::Actions;
use crate::counters::add;
use crate::handover::Heard;
use crate::machine::Event as Happening;
use crate::router::Router;
use crate::wire::Advert;
use crate::{Action, Event, check};
use vipd_types::Instant;

impl Router {
    pub(crate) fn packet(&mut self, advert: &Advert<'_>, now: Instant, out: &mut Actions) {
        let followed = self.backup.followed.map(|followed| followed.address);
        if let Err(why) = check::advert(&self.config, self.source(), followed, advert) {
            self.counters.count(why);
            out.push(Action::Event(Event::Discarded(why)));
            return;
        }
        add(&mut self.counters.advert_rcvd);
        for odd in check::oddities(&self.config, self.effective, followed, advert) {
            self.counters.notice(odd);
            out.push(Action::Event(Event::Noticed(odd)));
        }
        let interval = advert.body.interval();
        let heard = Heard { from: advert.meta.source, priority: advert.priority, interval };
        // Addresses of one family compare as unsigned numbers in network order (RFC 9568 6.4.3).
        let theirs = (heard.priority, Some(heard.from));
        let event = if heard.priority == 0 {
            add(&mut self.counters.pri_zero_rcvd);
            Happening::GoodBye(heard)
        } else if theirs > (self.effective.get(), self.source()) {
            Happening::Higher(heard)
        } else if heard.priority == self.effective.get() {
            Happening::Equal(heard)
        } else {
            Happening::Lower(heard)
        };
        self.react(event, now, out);
    }
}

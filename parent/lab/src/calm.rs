//! That a MASTER goes on as if nothing had happened, judged from outside: its adverts, the address,
//! its log. Waits three intervals for it, since what did not happen cannot be waited for.

use crate::clock::{Stamp, wait_until};
use crate::error::{Error, Result};
use crate::frame::Advert;
use crate::scenario::{LIMIT, NODE1, Pair};
use std::ops::Range;
use std::time::Duration;

/// Three intervals of a second and a little more.
const LONG: Duration = Duration::from_millis(3300);
/// Between two adverts; a busy machine has its part in it.
const REGULAR: Range<Duration> = Duration::from_millis(500)..Duration::from_millis(1500);

impl Pair {
    /// From `since` until now, and for three intervals at least, node 1 of the main job has sent
    /// one advert a second, all with its full priority, kept the address for itself and logged no
    /// change of state, and node 2 was silent.
    ///
    /// # Errors
    /// When it is not so: `what` happened meanwhile.
    pub fn undisturbed(&self, since: Stamp, what: &str) -> Result<()> {
        let wrong = |text: String| Err(Error::new(format!("{what}: {text}")));
        let all = self.regular(since, since, 51, what)?;
        if let Some(other) = all.iter().find(|(_, advert)| advert.priority != 111) {
            return wrong(format!("{other:?}"));
        }
        if let Some(rival) = self.capture.adverts_of(&self.two.node, since).first() {
            return wrong(format!("node2 sent {rival:?}"));
        }
        if self.owners() != [1] {
            return wrong(format!("the owners are {:?}", self.owners()));
        }
        let log = self.one.node.syslog();
        match log.find_since(since, " STATE") {
            None => Ok(()),
            Some(_) => wrong(log.text()),
        }
    }

    /// From `begin` until three intervals after `since`, node 1 has sent one advert a second for
    /// `vrid`, all from its address and with one priority. Returns them.
    ///
    /// # Errors
    /// When it is not so: `what` happened meanwhile.
    pub fn regular(
        &self,
        begin: Stamp,
        since: Stamp,
        vrid: u8,
        what: &str,
    ) -> Result<Vec<(Stamp, Advert)>> {
        let end = since.plus(LONG);
        wait_until(LIMIT, "three intervals", || Stamp::now() >= end)?;
        let mut all = self.capture.adverts_of(&self.one.node, begin);
        all.retain(|(_, advert)| advert.vrid == vrid);
        let wrong = |text: String| Err(Error::new(format!("{what}: VRID {vrid}: {text}")));
        // One less than the time holds: the last may be on its way.
        let least = end.since(begin).as_secs().max(1);
        if u64::try_from(all.len()).unwrap_or(u64::MAX) < least {
            return wrong(format!("{} adverts, not {least}", all.len()));
        }
        for ((before, first), (after, second)) in all.iter().zip(all.iter().skip(1)) {
            let gap = after.since(*before);
            if !REGULAR.contains(&gap) {
                return wrong(format!("{gap:?} between adverts"));
            }
            if first.priority != second.priority {
                return wrong(format!("priority {}, then {}", first.priority, second.priority));
            }
        }
        match all.iter().find(|(_, advert)| advert.source != NODE1) {
            None => Ok(all),
            Some(other) => wrong(format!("{other:?}")),
        }
    }
}

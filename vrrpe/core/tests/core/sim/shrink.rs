//! From a run that breaks an invariant to the shortest one that still does: leaves out what comes
//! after, then faults in ever smaller pieces, then what can be simpler about the routers.

use super::clock::Clock;
use super::plan::{Fault, Plan};
use super::runs::play;

/// Runs that are tried at most; each costs milliseconds.
const TRIES: usize = 3_000;

pub(crate) fn shrink(plan: &Plan) -> Plan {
    let mut search = Search { best: plan.clone(), tries: 0 };
    search.cut_the_end();
    let mut piece = search.best.faults.len().div_ceil(2);
    while piece > 0 {
        let mut at = 0;
        while at < search.best.faults.len() {
            let mut shorter = search.best.clone();
            let end = (at + piece).min(shorter.faults.len());
            shorter.faults.drain(at..end);
            if !search.accepts(shorter) {
                at += piece;
            }
        }
        piece /= 2;
    }
    search.simplify();
    search.best
}

/// Rest is expected only of what has been healed before.
fn is_fair(plan: &Plan) -> bool {
    let mut before = None;
    plan.faults.iter().all(|(_, fault)| {
        let rests = *fault != Fault::Rest || before == Some(Fault::Heal);
        let rested = *fault != Fault::Rested || before == Some(Fault::Rest);
        before = Some(*fault);
        rests && rested
    })
}

struct Search {
    best: Plan,
    tries: usize,
}

impl Search {
    fn accepts(&mut self, plan: Plan) -> bool {
        self.tries += 1;
        let fails = self.tries <= TRIES && is_fair(&plan) && play(&plan).violation.is_some();
        if fails {
            self.best = plan;
        }
        fails
    }

    fn cut_the_end(&mut self) {
        let end = play(&self.best).end;
        let mut shorter = self.best.clone();
        shorter.faults.retain(|(at, _)| *at <= end);
        self.accepts(shorter);
    }

    fn simplify(&mut self) {
        for node in 0..self.best.routers.len() {
            let mut simpler = self.best.clone();
            simpler.routers[node].clock = Clock::default();
            self.accepts(simpler);
        }
        for fault in 0..self.best.faults.len() {
            let mut simpler = self.best.clone();
            let (at, fault) = &mut simpler.faults[fault];
            *at -= if *fault == Fault::Rest { 0 } else { *at % 1_000_000 };
            simpler.faults.sort_by_key(|(at, _)| *at);
            self.accepts(simpler);
        }
    }
}

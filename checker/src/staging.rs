//! A new configuration on its way: collected between Begin and End, taken at Commit. Knows the
//! order in which the parent must speak and nothing of what a check does.

use vipd_ipc::slice::{CHECKS_MAX, CheckSlice};
use vipd_types::Generation;

#[derive(Debug, Default)]
pub(crate) struct Staging {
    pending: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    generation: Generation,
    checks: Vec<CheckSlice>,
    complete: bool,
}

/// The parent spoke out of turn.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OutOfTurn(pub(crate) &'static str);

impl Staging {
    pub(crate) fn begin(&mut self, generation: Generation) -> Result<(), OutOfTurn> {
        if self.pending.is_some() {
            return Err(OutOfTurn("Begin"));
        }
        self.pending = Some(Pending { generation, checks: Vec::new(), complete: false });
        Ok(())
    }

    pub(crate) fn check(&mut self, check: CheckSlice) -> Result<(), OutOfTurn> {
        match &mut self.pending {
            Some(p) if !p.complete && p.checks.len() < CHECKS_MAX => p.checks.push(check),
            _ => return Err(OutOfTurn("Check")),
        }
        Ok(())
    }

    pub(crate) fn end(&mut self, generation: Generation) -> Result<(), OutOfTurn> {
        match &mut self.pending {
            Some(p) if p.generation == generation && !p.complete => p.complete = true,
            _ => return Err(OutOfTurn("End")),
        }
        Ok(())
    }

    pub(crate) fn commit(&mut self, generation: Generation) -> Result<Vec<CheckSlice>, OutOfTurn> {
        match self.pending.take() {
            Some(p) if p.generation == generation && p.complete => Ok(p.checks),
            _ => Err(OutOfTurn("Commit")),
        }
    }

    /// Harmless when nothing is pending: another process may have refused first.
    pub(crate) fn abort(&mut self) {
        self.pending = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Generation = Generation(1);
    const TWO: Generation = Generation(2);

    #[test]
    fn the_order_is_kept() {
        let mut staging = Staging::default();
        assert!(staging.end(ONE).is_err());
        assert!(staging.commit(ONE).is_err());
        assert_eq!(staging.begin(ONE), Ok(()));
        assert!(staging.begin(TWO).is_err());
        assert!(staging.end(TWO).is_err());
        assert_eq!(staging.end(ONE), Ok(()));
        assert_eq!(staging.commit(ONE), Ok(Vec::new()));
        assert!(staging.commit(ONE).is_err());
        staging.abort();
        assert_eq!(staging.begin(TWO), Ok(()));
        assert!(staging.commit(TWO).is_err());
    }
}

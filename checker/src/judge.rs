//! From single results to up and down: keepalived's counter for `rise` and `fall`. Pure; knows
//! neither time nor probes.

/// The counter of one check. It runs from 0 to rise + fall - 1 and means up from `rise` on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judge {
    rise: u32,
    fall: u32,
    count: u64,
    up: Option<bool>,
}

impl Judge {
    /// Zero is taken as one.
    pub(crate) fn new(rise: u32, fall: u32) -> Self {
        Self { rise: rise.max(1), fall: fall.max(1), count: 0, up: None }
    }

    /// Down from the beginning.
    pub(crate) fn failed(rise: u32, fall: u32) -> Self {
        Self { up: Some(false), ..Self::new(rise, fall) }
    }

    pub(crate) fn is_down(&self) -> bool {
        self.up == Some(false)
    }

    /// With other numbers, in the same state.
    pub(crate) fn resumed(&self, rise: u32, fall: u32) -> Self {
        let mut judge = Self::new(rise, fall);
        if let Some(up) = self.up {
            // The first result decides alone, so this one settles the state.
            judge.take(up);
        }
        judge
    }

    /// Takes one result; says the state when it is the first or has changed.
    pub(crate) fn take(&mut self, success: bool) -> Option<bool> {
        let rise = u64::from(self.rise);
        let top = rise.saturating_add(u64::from(self.fall)).saturating_sub(1);
        let before = self.up;
        let after = match (before, success) {
            // The first result decides alone.
            (None, _) => {
                self.count = if success { top } else { 0 };
                success
            }
            (Some(true), true) => {
                self.count = top;
                true
            }
            (Some(true), false) => {
                self.count = self.count.saturating_sub(1);
                self.count >= rise
            }
            (Some(false), false) => {
                self.count = 0;
                false
            }
            (Some(false), true) => {
                self.count = self.count.saturating_add(1);
                self.count >= rise
            }
        };
        if before == Some(after) {
            return None;
        }
        self.count = if after { top } else { 0 };
        self.up = Some(after);
        self.up
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn states(judge: &mut Judge, results: &[bool]) -> Vec<Option<bool>> {
        results.iter().map(|r| judge.take(*r)).collect()
    }

    #[test]
    fn the_first_result_decides_alone() {
        assert_eq!(Judge::new(5, 5).take(true), Some(true));
        assert_eq!(Judge::new(5, 5).take(false), Some(false));
    }

    #[test]
    fn what_begins_as_failed_must_rise() {
        let mut judge = Judge::failed(2, 1);
        assert_eq!(states(&mut judge, &[false, true, true]), [None, None, Some(true)]);
    }

    #[test]
    fn only_consecutive_results_count() {
        let mut judge = Judge::new(2, 3);
        let got = states(&mut judge, &[true, false, false, true, false, false, false]);
        assert_eq!(got, [Some(true), None, None, None, None, None, Some(false)]);
        let got = states(&mut judge, &[true, false, true, true]);
        assert_eq!(got, [None, None, None, Some(true)]);
    }

    #[test]
    fn other_numbers_leave_the_state() {
        let mut judge = Judge::new(1, 1);
        assert_eq!(judge.resumed(2, 2).take(false), Some(false));
        judge.take(true);
        let mut judge = judge.resumed(2, 2);
        assert_eq!(states(&mut judge, &[true, false, false]), [None, None, Some(false)]);
        let mut judge = judge.resumed(3, 1);
        assert_eq!(states(&mut judge, &[true, true, true]), [None, None, Some(true)]);
    }

    #[test]
    fn enormous_numbers_do_not_overflow() {
        let mut judge = Judge::new(u32::MAX, u32::MAX);
        assert_eq!(judge.take(true), Some(true));
        assert_eq!(judge.take(false), None);
    }

    proptest! {
        /// The definition in words: after the first result the state changes exactly when the
        /// last `rise` (or `fall`) results all contradict it.
        #[test]
        fn is_as_defined(
            rise in 1u32..6,
            fall in 1u32..6,
            results in proptest::collection::vec(any::<bool>(), 1..60),
        ) {
            let mut judge = Judge::new(rise, fall);
            let mut state = None;
            let mut against = 0u32;
            for result in results {
                let expected = match state {
                    None => Some(result),
                    Some(up) => {
                        against = if result == up { 0u32 } else { against.saturating_add(1) };
                        let needed = if up { fall } else { rise };
                        (against == needed).then_some(!up)
                    }
                };
                if expected.is_some() {
                    state = expected;
                    against = 0;
                }
                prop_assert_eq!(judge.take(result), expected);
            }
        }
    }
}

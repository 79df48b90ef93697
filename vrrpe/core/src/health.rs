//! From tracker states to a sum: keepalived's rules for weights. Pure; who tracks what, and how
//! often, is decided elsewhere.

use crate::input::Health;
use vipd_types::Weight;

/// One tracker as a virtual router sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tracked {
    pub weight: Weight,
    /// Up counts as down and the reverse.
    pub reverse: bool,
    /// `None` before the first result.
    pub up: Option<bool>,
}

/// A positive weight is added while the tracker is up, a negative one while it is down, neither
/// before the first result. Without weight, down is a FAULT.
pub fn health(trackers: impl IntoIterator<Item = Tracked>) -> Health {
    trackers.into_iter().fold(Health::default(), |mut sum, tracker| {
        let weight = i32::from(tracker.weight.get());
        let up = tracker.up.map(|up| up != tracker.reverse);
        sum.pending |= up.is_none();
        sum.fault |= weight == 0 && up == Some(false);
        sum.unproven |= weight == 0 && up.is_none();
        if (weight > 0 && up == Some(true)) || (weight < 0 && up == Some(false)) {
            sum.adds = sum.adds.saturating_add(weight);
        }
        sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(list: &[(i16, bool, Option<bool>)]) -> Health {
        health(list.iter().map(|&(weight, reverse, up)| Tracked {
            weight: Weight::try_from(weight).unwrap(),
            reverse,
            up,
        }))
    }

    #[test]
    fn weights_follow_keepalived() {
        assert_eq!(of(&[(5, false, Some(true)), (-7, false, Some(true))]).adds, 5);
        assert_eq!(of(&[(5, false, Some(false)), (-7, false, Some(false))]).adds, -7);
        assert_eq!(of(&[(5, true, Some(false)), (-7, true, Some(true))]).adds, -2);
    }

    #[test]
    fn nothing_is_added_before_the_first_result() {
        let sum = of(&[(5, false, None), (-7, false, None)]);
        assert_eq!(sum, Health { pending: true, ..Health::default() });
    }

    #[test]
    fn without_weight_down_is_a_fault_and_unknown_is_unproven() {
        assert!(!of(&[(0, false, Some(true))]).fault);
        assert!(of(&[(0, false, Some(false))]).fault);
        assert!(of(&[(0, true, Some(true))]).fault);
        let unknown = Health { unproven: true, pending: true, ..Health::default() };
        assert_eq!(of(&[(0, false, None)]), unknown);
        assert_eq!(of(&[]), Health::default());
    }
}

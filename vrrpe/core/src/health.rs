//! From tracker states to a sum: keepalived's rules for weights. Pure; who tracks what, and how
//! often, is decided elsewhere.

use crate::input::Health;
use vipd_types::Weight;

/// What a tracker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    Up,
    Down,
    /// Of a file: it is multiplied with the weight.
    Number(i32),
}

/// One tracker as a virtual router sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tracked {
    pub weight: Weight,
    /// Up counts as down and the reverse, a number as its negative.
    pub reverse: bool,
    /// `None` before the first result.
    pub reading: Option<Reading>,
}

/// What trackers together add at most; a number that would take more is a FAULT.
const MOST: i32 = 253;

impl Tracked {
    /// What it adds, and whether it is a FAULT.
    fn effect(self) -> (i32, bool) {
        let weight = i32::from(self.weight.get());
        let up = match self.reading {
            None => return (0, false),
            Some(Reading::Up) => !self.reverse,
            Some(Reading::Down) => self.reverse,
            Some(Reading::Number(value)) if weight == 0 => (value == 0) != self.reverse,
            Some(Reading::Number(value)) => {
                let product = value.saturating_mul(weight);
                let adds = if self.reverse { product.saturating_neg() } else { product };
                return (adds.clamp(-MOST, MOST), adds < -MOST);
            }
        };
        let counts = if up { weight > 0 } else { weight < 0 };
        (if counts { weight } else { 0 }, weight == 0 && !up)
    }
}

/// A positive weight is added while the tracker is up, a negative one while it is down, neither
/// before the first result. Without weight, down is a FAULT, and so is a number that is not zero.
pub fn health(trackers: impl IntoIterator<Item = Tracked>) -> Health {
    trackers.into_iter().fold(Health::default(), |mut sum, tracker| {
        let (adds, fault) = tracker.effect();
        let unknown = tracker.reading.is_none();
        sum.pending |= unknown;
        sum.unproven |= unknown && tracker.weight.get() == 0;
        sum.fault |= fault;
        sum.adds = sum.adds.saturating_add(adds);
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
            reading: up.map(|up| if up { Reading::Up } else { Reading::Down }),
        }))
    }

    fn of_number(weight: i16, reverse: bool, value: i32) -> (i32, bool) {
        let weight = Weight::try_from(weight).unwrap();
        let sum = health([Tracked { weight, reverse, reading: Some(Reading::Number(value)) }]);
        (sum.adds, sum.fault)
    }

    #[test]
    fn a_number_is_multiplied_and_below_the_range_a_fault() {
        assert_eq!(of_number(1, false, 30), (30, false));
        assert_eq!(of_number(-2, false, 30), (-60, false));
        assert_eq!(of_number(2, true, 30), (-60, false));
        assert_eq!(of_number(1, false, 5000), (253, false));
        assert_eq!(of_number(1, false, -253), (-253, false));
        assert_eq!(of_number(1, false, -254), (-253, true));
        assert_eq!(of_number(-254, false, 1), (-253, true));
        assert_eq!(of_number(-254, true, 1), (253, false));
        assert_eq!(of_number(254, false, i32::MIN), (-253, true));
    }

    #[test]
    fn without_weight_a_number_is_a_fault_unless_it_is_zero() {
        assert_eq!(of_number(0, false, 0), (0, false));
        assert_eq!(of_number(0, false, -1), (0, true));
        assert_eq!(of_number(0, true, 0), (0, true));
        assert_eq!(of_number(0, true, 7), (0, false));
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

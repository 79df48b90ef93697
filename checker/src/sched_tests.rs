//! The schedule, checked by hand and against random inputs.

use super::*;
use proptest::prelude::*;
use std::time::Duration;
use vipd_ipc::slice::{Place, ProcessMatch, ProcessSlice, TalkSlice};

fn ms(millis: u64) -> Instant {
    Instant::from_nanos(0).plus(Duration::from_millis(millis))
}

fn check(tracker: u16, probe: ProbeSlice) -> CheckSlice {
    CheckSlice {
        tracker: TrackerId(tracker),
        name: format!("chk{tracker}"),
        probe,
        interval: Duration::from_secs(2),
        timeout: Duration::from_secs(1),
        jitter: Duration::ZERO,
        rise: 1,
        fall: 1,
        init_fail: false,
    }
}

fn script(tracker: u16) -> CheckSlice {
    check(tracker, ProbeSlice::Script(ScriptId(tracker)))
}

fn process(tracker: u16) -> CheckSlice {
    let slice = ProcessSlice::named(b"haproxy".to_vec(), ProcessMatch::Killall);
    check(tracker, ProbeSlice::Process(slice))
}

fn talk(tracker: u16) -> CheckSlice {
    let to = Place::Unix(b"/run/x.sock".to_vec());
    check(tracker, ProbeSlice::Talk(Box::new(TalkSlice { to, http: None })))
}

fn number(tracker: u16) -> CheckSlice {
    check(tracker, ProbeSlice::Number { path: b"/run/x".to_vec() })
}

fn commit(sched: &mut Sched, now: Instant, generation: u32, checks: Vec<CheckSlice>) {
    let generation = Generation(generation);
    assert!(sched.step(now, Input::Commit { generation, checks }).is_empty());
}

fn run_of(actions: &[Action]) -> Option<RunId> {
    actions.iter().find_map(
        |action| {
            if let Action::Run { run, .. } = action { Some(*run) } else { None }
        },
    )
}

fn tracker_of(actions: &[Action]) -> Option<(bool, String)> {
    actions.iter().find_map(|action| {
        if let Action::Tracker { up, reason, .. } = action {
            Some((*up, reason.clone()))
        } else {
            None
        }
    })
}

#[test]
fn all_due_process_checks_share_one_scan() {
    let mut sched = Sched::new(1);
    commit(&mut sched, ms(0), 1, vec![process(1), process(2), script(3)]);
    assert_eq!(sched.deadline(), Some(ms(0)));
    let actions = sched.step(ms(0), Input::Tick);
    let trackers = vec![TrackerId(1), TrackerId(2)];
    assert!(actions.contains(&Action::Scan { trackers, extra: false }));
    assert!(run_of(&actions).is_some());
    assert_eq!(sched.deadline(), Some(ms(2000)));
}

#[test]
fn a_late_tick_does_not_shift_the_raster_and_counts_once() {
    let mut sched = Sched::new(1);
    commit(&mut sched, ms(0), 1, vec![process(1)]);
    sched.step(ms(3), Input::Tick);
    assert_eq!(sched.deadline(), Some(ms(2000)));
    assert_eq!(sched.step(ms(7001), Input::Tick).len(), 1);
    assert_eq!(sched.deadline(), Some(ms(8000)));
}

#[test]
fn a_run_that_goes_on_is_skipped_and_a_silent_starter_is_a_failure() {
    let mut sched = Sched::new(1);
    let slow = CheckSlice { timeout: Duration::from_secs(4), ..script(1) };
    commit(&mut sched, ms(0), 1, vec![slow]);
    let run = run_of(&sched.step(ms(0), Input::Tick)).unwrap();
    let actions = sched.step(ms(2000), Input::Tick);
    assert!(matches!(&actions[..], [Action::Log { .. }]), "{actions:?}");
    sched.step(ms(4000), Input::Tick);
    assert_eq!(sched.deadline(), Some(ms(5000)));
    let (up, reason) = tracker_of(&sched.step(ms(5000), Input::Tick)).unwrap();
    assert!(!up && reason.starts_with("timed out after 4 s"), "{reason}");
    let late = Input::Done { run, outcome: Outcome::Exited(0), output: String::new() };
    assert!(sched.step(ms(5001), late).is_empty());
    assert!(run_of(&sched.step(ms(6000), Input::Tick)).is_some());
}

#[test]
fn an_extra_scan_counts_only_when_it_finds_nobody() {
    let mut sched = Sched::new(1);
    let tracker = TrackerId(1);
    let gone = |extra, success| Input::Sample { tracker, success, reason: String::new(), extra };
    commit(&mut sched, ms(0), 1, vec![CheckSlice { fall: 2, ..process(1) }]);
    sched.step(ms(0), Input::Tick);
    assert!(tracker_of(&sched.step(ms(1), gone(false, true))).is_some());
    assert_eq!(
        sched.step(ms(2), Input::Gone { tracker }),
        [Action::Scan { trackers: vec![tracker], extra: true }]
    );
    assert!(sched.step(ms(2), gone(true, false)).is_empty());
    assert!(sched.step(ms(3), gone(true, true)).is_empty());
    assert!(!tracker_of(&sched.step(ms(2000), gone(false, false))).unwrap().0);
    assert!(sched.step(ms(2001), Input::Gone { tracker: TrackerId(9) }).is_empty());
}

#[test]
fn a_service_that_dies_all_the_time_does_not_keep_us_scanning() {
    let mut sched = Sched::new(1);
    let tracker = TrackerId(1);
    commit(&mut sched, ms(0), 1, vec![process(1)]);
    let scans = |sched: &mut Sched, at| {
        (0..100).map(|_| sched.step(at, Input::Gone { tracker }).len()).sum::<usize>()
    };
    sched.step(ms(0), Input::Tick);
    assert_eq!(scans(&mut sched, ms(1)), 10);
    sched.step(ms(2000), Input::Tick);
    assert_eq!(scans(&mut sched, ms(2001)), 10);
}

#[test]
fn a_reload_leaves_unchanged_checks_alone() {
    let mut sched = Sched::new(1);
    commit(&mut sched, ms(0), 1, vec![script(1), process(2)]);
    let run = run_of(&sched.step(ms(0), Input::Tick)).unwrap();
    let renumbered = CheckSlice { probe: ProbeSlice::Script(ScriptId(7)), ..script(1) };
    let slower = CheckSlice { interval: Duration::from_secs(9), ..process(2) };
    commit(&mut sched, ms(500), 2, vec![renumbered, slower]);
    // The slower one begins a new raster, the other keeps its place and its run.
    assert_eq!(sched.deadline(), Some(ms(500)));
    let actions = sched.step(ms(500), Input::Tick);
    assert_eq!(actions.len(), 1);
    assert_eq!(sched.deadline(), Some(ms(2000)));
    let done = Input::Done { run, outcome: Outcome::Exited(0), output: String::new() };
    assert!(tracker_of(&sched.step(ms(600), done)).unwrap().0);
    let again = sched.step(ms(2000), Input::Tick);
    assert!(matches!(again[0], Action::Run { generation: Generation(2), script: ScriptId(7), .. }));
}

#[test]
fn another_interval_keeps_the_state_and_another_question_does_not() {
    let mut sched = Sched::new(1);
    let tracker = TrackerId(1);
    let sample = |success| Input::Sample { tracker, success, reason: String::new(), extra: false };
    commit(&mut sched, ms(0), 1, vec![process(1)]);
    assert!(tracker_of(&sched.step(ms(0), sample(true))).is_some());
    let slower = CheckSlice { interval: Duration::from_secs(9), fall: 2, ..process(1) };
    commit(&mut sched, ms(1), 2, vec![slower.clone()]);
    assert!(tracker_of(&sched.step(ms(1), sample(false))).is_none());
    commit(&mut sched, ms(2), 3, vec![CheckSlice { name: "new".into(), ..slower }]);
    assert!(tracker_of(&sched.step(ms(2), sample(false))).is_some());
}

#[test]
fn a_run_that_crossed_a_reload_is_asked_for_again() {
    let mut sched = Sched::new(1);
    commit(&mut sched, ms(0), 1, vec![script(1)]);
    let run = run_of(&sched.step(ms(0), Input::Tick)).unwrap();
    commit(&mut sched, ms(1), 2, vec![script(1)]);
    let refused = |run| Input::Done {
        run,
        outcome: Outcome::NotStarted(libc::EINVAL),
        output: String::new(),
    };
    let again = sched.step(ms(2), refused(run));
    assert!(tracker_of(&again).is_none());
    // The second refusal is a failure: it was asked for by the present number.
    let (up, reason) = tracker_of(&sched.step(ms(3), refused(run_of(&again).unwrap()))).unwrap();
    assert_eq!((up, reason.as_str()), (false, "cannot be started: Invalid argument"));
}

#[test]
fn another_reason_is_told_but_not_all_the_time_and_not_to_the_log() {
    let (mut sched, tracker) = (Sched::new(1), TrackerId(1));
    commit(&mut sched, ms(0), 1, vec![CheckSlice { fall: 2, ..process(1) }]);
    let mut fails = |at, reason: &str| {
        let (success, reason, extra) = (false, reason.to_owned(), false);
        sched.step(ms(at), Input::Sample { tracker, success, reason, extra })
    };
    assert_eq!(fails(0, "refused").len(), 2);
    assert!(fails(100, "hangs").is_empty());
    assert!(fails(1100, "refused").is_empty());
    let told = |reason: &str| [Action::Tracker { tracker, up: false, reason: reason.to_owned() }];
    assert_eq!(fails(1200, "hangs"), told("hangs"));
    assert!(fails(1300, "refused").is_empty());
}

#[test]
fn what_begins_as_failed_is_told_at_once_and_only_when_new() {
    let mut sched = Sched::new(1);
    let slice = CheckSlice { init_fail: true, ..process(1) };
    let next = |g, slice: &CheckSlice| Input::Commit {
        generation: Generation(g),
        checks: vec![slice.clone()],
    };
    assert!(!tracker_of(&sched.step(ms(0), next(1, &slice))).unwrap().0);
    assert!(sched.step(ms(1), next(2, &slice)).is_empty());
    let slower = CheckSlice { interval: Duration::from_secs(9), ..slice };
    assert!(sched.step(ms(2), next(3, &slower)).is_empty());
}

#[test]
fn a_connection_has_its_time_and_not_more() {
    let (mut sched, tracker) = (Sched::new(1), TrackerId(1));
    let slice = CheckSlice { interval: Duration::from_secs(1), ..talk(1) };
    commit(&mut sched, ms(0), 1, vec![slice]);
    assert_eq!(sched.step(ms(0), Input::Tick), [Action::Talk { tracker }]);
    assert!(sched.step(ms(999), Input::Tick).is_empty());
    // The next one begins as this one is given up.
    let both = [Action::Overdue { tracker }, Action::Talk { tracker }];
    assert_eq!(sched.step(ms(1000), Input::Tick), both);
    let late = sched.step(ms(1000), Input::Late { tracker, missing: "no answer" });
    assert_eq!(tracker_of(&late), Some((false, "no answer within 1 s".to_owned())));
    let sample = Input::Sample { tracker, success: true, reason: "OK".into(), extra: false };
    assert!(tracker_of(&sched.step(ms(1500), sample)).unwrap().0);
    assert_eq!(sched.step(ms(2000), Input::Tick), [Action::Talk { tracker }]);
}

#[test]
fn a_connection_of_a_check_that_is_gone_or_another_is_closed() {
    let (mut sched, tracker) = (Sched::new(1), TrackerId(1));
    commit(&mut sched, ms(0), 1, vec![talk(1)]);
    sched.step(ms(0), Input::Tick);
    let next = |generation, checks| Input::Commit { generation: Generation(generation), checks };
    assert!(sched.step(ms(1), next(2, vec![talk(1)])).is_empty());
    let renamed = CheckSlice { name: "other".into(), ..talk(1) };
    assert_eq!(sched.step(ms(1), next(3, vec![renamed])), [Action::HangUp { tracker }]);
    sched.step(ms(1), Input::Tick);
    assert_eq!(sched.step(ms(2), next(4, vec![])), [Action::HangUp { tracker }]);
    assert_eq!(sched.deadline(), None);
}

#[test]
fn jitter_is_behind_each_point_and_does_not_add_up() {
    let mut sched = Sched::new(7);
    let jitter = Duration::from_millis(500);
    commit(&mut sched, ms(0), 1, vec![CheckSlice { jitter, ..talk(1) }]);
    let mut delays = BTreeSet::new();
    for turn in 1..50 {
        let now = sched.deadline().unwrap();
        sched.step(now, Input::Tick);
        let tracker = TrackerId(1);
        let sample = Input::Sample { tracker, success: true, reason: "".into(), extra: false };
        sched.step(now, sample);
        let delay = sched.deadline().unwrap().since(ms(2000 * turn));
        assert!(delay < jitter && sched.deadline().unwrap() >= ms(2000 * turn), "{delay:?}");
        delays.insert(delay);
    }
    assert!(delays.len() > 40);
}

#[test]
fn a_number_is_told_when_it_changes_and_an_empty_file_is_looked_at_twice() {
    let (mut sched, tracker) = (Sched::new(1), TrackerId(1));
    commit(&mut sched, ms(0), 1, vec![number(1)]);
    let look = [Action::Look { tracker }];
    assert_eq!(sched.step(ms(0), Input::Tick), look);
    let is = |value: Option<i32>| Input::Number { tracker, value, reason: format!("{value:?}") };
    let told = |value, reason: &str| [Action::Number { tracker, value, reason: reason.into() }];
    assert_eq!(sched.step(ms(0), is(Some(5))), told(5, "Some(5)"));
    assert_eq!(sched.step(ms(500), Input::Changed { tracker }), []);
    assert_eq!(sched.step(ms(500), Input::Tick), look);
    assert!(sched.step(ms(500), is(None)).is_empty());
    assert!(sched.step(ms(509), Input::Tick).is_empty());
    assert_eq!(sched.step(ms(510), Input::Tick), look);
    assert_eq!(sched.step(ms(510), is(None)), told(0, "None"));
    // Many changes are one look, and the raster stays.
    for _ in 0..9 {
        sched.step(ms(512), Input::Changed { tracker });
    }
    assert_eq!(sched.deadline(), Some(ms(520)));
    assert_eq!(sched.step(ms(520), Input::Tick), look);
    assert!(sched.step(ms(520), is(None)).is_empty());
    assert_eq!(sched.deadline(), Some(ms(2000)));
}

fn inputs() -> impl Strategy<Value = Input> {
    let outcome = prop_oneof![
        Just(Outcome::Exited(0)),
        Just(Outcome::Exited(1)),
        Just(Outcome::TimedOut),
        Just(Outcome::NotStarted(libc::EINVAL)),
    ];
    let all = vec![script(1), script(2), process(3), talk(4), number(5)];
    let checks = proptest::sample::subsequence(all, 0..=5);
    let value = prop_oneof![Just(None), (0..3).prop_map(Some)];
    prop_oneof![
        8 => Just(Input::Tick),
        4 => (0u64..20, 1u64..3, outcome).prop_map(|(n, of, outcome)| {
            Input::Done { run: RunId(n << 16 | of), outcome, output: String::new() }
        }),
        4 => (0u16..7, any::<bool>(), any::<bool>()).prop_map(|(t, success, extra)| {
            Input::Sample { tracker: TrackerId(t), success, reason: String::new(), extra }
        }),
        2 => (0u16..7).prop_map(|t| Input::Gone { tracker: TrackerId(t) }),
        2 => (0u16..7).prop_map(|t| Input::Changed { tracker: TrackerId(t) }),
        2 => (0u16..7).prop_map(|t| Input::Late { tracker: TrackerId(t), missing: "x" }),
        2 => (Just(5u16), value).prop_map(|(t, value)| {
            Input::Number { tracker: TrackerId(t), value, reason: String::new() }
        }),
        1 => (1u32..4, checks).prop_map(|(g, checks)| {
            Input::Commit { generation: Generation(g), checks }
        }),
    ]
}

proptest! {
    /// Whatever comes in: states alternate, no two runs of a check at a time, and after a tick
    /// nothing is due.
    #[test]
    fn holds_its_promises(steps in proptest::collection::vec((0u64..4000, inputs()), 1..80)) {
        let mut sched = Sched::new(1);
        let mut now = ms(0);
        let (mut runs, mut open) = (BTreeSet::new(), BTreeSet::new());
        let mut known = BTreeMap::new();
        for (millis, input) in steps {
            now = now.plus(Duration::from_millis(millis));
            let tick = input == Input::Tick;
            if let Input::Sample { tracker, success, extra, .. } = &input
                && !(*success && *extra)
            {
                open.remove(tracker);
            }
            if let Input::Commit { .. } = input {
                // A check that left and came back starts anew.
                known.clear();
            }
            for action in sched.step(now, input) {
                match action {
                    Action::Run { run, .. } => prop_assert!(runs.insert(run), "a number twice"),
                    Action::Tracker { tracker, up, .. } => {
                        // Why it is down may be told anew.
                        prop_assert!(known.insert(tracker, up) != Some(up) || !up);
                    }
                    Action::Scan { trackers, .. } => {
                        let is_process = |t| matches!(sched.probe(t), Some(ProbeSlice::Process(_)));
                        prop_assert!(trackers.iter().all(|t| is_process(*t)));
                    }
                    Action::Talk { tracker } => prop_assert!(open.insert(tracker), "two at once"),
                    Action::Overdue { tracker } | Action::HangUp { tracker } => {
                        prop_assert!(open.remove(&tracker));
                    }
                    Action::Log { .. } | Action::Look { .. } | Action::Number { .. } => {}
                }
            }
            if tick {
                prop_assert!(sched.deadline().is_none_or(|d| d > now));
            }
        }
    }
}

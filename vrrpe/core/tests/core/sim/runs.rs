//! What must always hold, over many seeds: never two owners, never none for longer than the timers
//! say, the best one in the end.
//!
//! `VIPD_SIM_SEEDS=n` plays n seeds instead of the usual ones, `VIPD_SIM_HOURS=h` plays as many as
//! h hours allow, `VIPD_SIM_FIRST=s` says where to begin; one fresh seed is always played, and
//! `VIPD_SIM_SEED=s` plays that one alone. A run that breaks an invariant is shrunk and told;
//! with `VIPD_WRITE_CASES=1` it is also written to `tests/runs`, where it is played for ever.

use super::clock::{SECOND, Time};
use super::plan::{Fault, Plan};
use super::shrink::shrink;
use super::world::World;
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant, SystemTime};

/// Played in every test run.
const SEEDS: u64 = 8_000;

pub(crate) struct Outcome {
    pub(crate) violation: Option<String>,
    pub(crate) end: Time,
    steps: u64,
    hours: f64,
    trace: VecDeque<String>,
}

/// To the last fault and a little further, or to the first violation.
pub(crate) fn play(plan: &Plan) -> Outcome {
    play_traced(plan, false)
}

fn play_traced(plan: &Plan, trace: bool) -> Outcome {
    let mut world = World::new(plan.clone());
    world.trace = trace.then(VecDeque::new);
    let last = plan.faults.last().map_or(0, |(at, _)| *at);
    let ended = catch_unwind(AssertUnwindSafe(|| world.run_to(last + 20 * SECOND)));
    if ended.is_err() {
        world.witness.violate("panic".to_owned());
    }
    let trace = world.trace.take().unwrap_or_default();
    let (end, steps, hours) = (world.now, world.steps, world.hours());
    Outcome { violation: world.witness.violation.take(), end, steps, hours, trace }
}

#[derive(Default)]
struct Sum {
    runs: u64,
    routers: usize,
    steps: u64,
    hours: f64,
    faults: BTreeMap<&'static str, u64>,
    violations: Vec<String>,
}

impl Sum {
    fn play(&mut self, seed: u64) {
        let plan = Plan::random(seed);
        let outcome = play(&plan);
        self.runs += 1;
        self.routers += plan.routers.len();
        self.steps += outcome.steps;
        self.hours += outcome.hours;
        for (at, fault) in &plan.faults {
            *self.faults.entry(kind(*fault)).or_default() += u64::from(*at <= outcome.end);
        }
        if outcome.violation.is_some() {
            self.violations.push(report(seed, &plan));
        }
    }

    fn tell(&self, time: Duration) {
        let Self { runs, routers, steps, hours, faults, violations } = self;
        let seconds = time.as_secs_f64();
        println!(
            "runs {runs}, routers {routers}, simulated hours {hours:.1}, steps {steps}, \
             violations {}, in {seconds:.1} s ({:.0} steps/s)",
            violations.len(),
            *steps as f64 / seconds
        );
        let faults: Vec<String> = faults.iter().map(|(kind, n)| format!("{kind} {n}")).collect();
        println!("faults: {}", faults.join(", "));
    }
}

fn kind(fault: Fault) -> &'static str {
    match fault {
        Fault::Crash(..) => "crash",
        Fault::Start(..) => "start",
        Fault::Stop(_) => "stop",
        Fault::Freeze(..) => "freeze",
        Fault::Thaw(_) => "thaw",
        Fault::Cut(..) => "one-way cut",
        Fault::Mend(..) => "mend",
        Fault::Split(..) => "partition",
        Fault::Weather(..) => "weather",
        Fault::Weight(..) => "weight",
        Fault::Service(..) => "service",
        Fault::StandBy(..) => "standby",
        Fault::Offline(..) => "offline",
        Fault::Link(..) => "link",
        Fault::Source(..) => "source",
        Fault::Refuse(..) => "refusal",
        Fault::Steal(_) => "theft",
        Fault::Reload(..) => "reload",
        Fault::Stranger { .. } => "stranger",
        Fault::Heal | Fault::Rest | Fault::Rested => "rest",
    }
}

fn report(seed: u64, plan: &Plan) -> String {
    let small = shrink(plan);
    let outcome = play_traced(&small, true);
    let what = outcome.violation.unwrap_or_default();
    let text = format!("# seed {seed}: {what}\n{}", small.text());
    if std::env::var_os("VIPD_WRITE_CASES").is_some() {
        fs::write(folder().join(format!("seed-{seed}.run")), &text).unwrap();
    }
    let trace: Vec<String> = outcome.trace.into_iter().collect();
    format!("{}\n{text}seed {seed}: {what}\n", trace.join("\n"))
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/runs")
}

fn setting<T: FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not understood: {text}")))
}

fn fresh_seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seed = u64::try_from(now.as_nanos() % 1_000_000_000_000).unwrap() + 1_000_000_000;
    println!(
        "fresh seed {seed}: VIPD_SIM_SEED={seed} cargo test -p vrrp-core --test core \
         anything_may_happen"
    );
    seed
}

/// More is of no use to a reader.
const VIOLATIONS_MAX: usize = 3;

#[test]
fn anything_may_happen() {
    let mut sum = Sum::default();
    let begin = Instant::now();
    if let Some(seed) = setting("VIPD_SIM_SEED") {
        sum.play(seed);
    } else {
        let hours: Option<f64> = setting("VIPD_SIM_HOURS");
        let end = hours.map(|hours| begin + Duration::from_secs_f64(hours * 3_600.0));
        let usual = if hours.is_some() { u64::MAX } else { SEEDS };
        let count = setting("VIPD_SIM_SEEDS").unwrap_or(usual);
        let first = setting("VIPD_SIM_FIRST").unwrap_or(0_u64);
        let fresh = fresh_seed();
        for seed in (first..=u64::MAX).zip(0..count).map(|(seed, _)| seed) {
            let over = end.is_some_and(|end| Instant::now() >= end);
            if over || sum.violations.len() >= VIOLATIONS_MAX {
                break;
            }
            sum.play(seed);
        }
        sum.play(fresh);
    }
    sum.tell(begin.elapsed());
    assert!(sum.violations.is_empty(), "{}", sum.violations.join("\n"));
}

/// What once went wrong.
#[test]
fn recorded_runs() {
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# "), "{name} does not say what it shows");
        let plan = Plan::parse(&text).unwrap_or_else(|line| panic!("{name}: {line}"));
        let outcome = play_traced(&plan, true);
        if let Some(what) = outcome.violation {
            let trace: Vec<String> = outcome.trace.into_iter().collect();
            panic!("{}\n{name}: {what}", trace.join("\n"));
        }
    }
}

/// The same seed is the same run.
#[test]
fn a_run_can_be_repeated() {
    for seed in 0..5 {
        let plan = Plan::random(seed);
        let (one, two) = (play_traced(&plan, true), play_traced(&plan, true));
        assert_eq!((one.steps, one.trace), (two.steps, two.trace), "seed {seed}");
    }
}

//! vipd and keepalived side by side on the same hosts, in turn, so that what disturbs one disturbs
//! the other. Prints what was measured, exactly, and both distributions.

mod flood;
mod timers;

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use vipd_lab::clock::millis;
use vipd_lab::play::{DOWN_TIMER, Event, Played, ROUND, play, shift_phase, start_again};
use vipd_lab::probe::EVERY;
use vipd_lab::scenario::Pair;
use vipd_lab::{Daemon, Error, Result, packages};

const USAGE: &str = "\
usage: bench [--timers | --flood] [--bin-dir DIR] [--rounds N] [--only vipd|keepalived] [--seed PART]
  --timers        how late a takeover is at 1 s, 100 ms and 10 ms, not the scenarios
  --flood         what a flood of wrong adverts costs the MASTER, not the scenarios
  --bin-dir DIR   where vipd and its siblings are (default: beside this program)
  --rounds N      how often each daemon plays each scenario (default 20)
  --only NAME     only this daemon
  --seed PART     0 to 1: where in the timers' phases to begin (default 0.3)
";

struct Options {
    daemons: Vec<Daemon>,
    rounds: u32,
    seed: f64,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Scenarios,
    Timers,
    Flood,
}

fn main() -> ExitCode {
    let mut out = io::stdout();
    let result = match options() {
        Ok(Some(options)) => run(&options, &mut out),
        Ok(None) => out.write_all(USAGE.as_bytes()).map_err(io_error),
        Err(error) => Err(error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Option<Options>> {
    use lexopt::prelude::*;
    let wrong = |error: lexopt::Error| Error::new(format!("{error}\n{USAGE}"));
    let (mut bin_dir, mut rounds, mut seed, mut only) = (None, 20, 0.3, None);
    let mut what = What::Scenarios;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next().map_err(wrong)? {
        match argument {
            Long("bin-dir") => bin_dir = Some(PathBuf::from(arguments.value().map_err(wrong)?)),
            Long("timers") => what = What::Timers,
            Long("flood") => what = What::Flood,
            Long("rounds") => rounds = number(&mut arguments).map_err(wrong)?,
            Long("seed") => seed = number(&mut arguments).map_err(wrong)?,
            Long("only") => {
                let name = arguments.value().map_err(wrong)?;
                only = Some(name.string().map_err(wrong)?);
            }
            Short('h') | Long("help") => return Ok(None),
            Short(_) | Long(_) | Value(_) => return Err(wrong(argument.unexpected())),
        }
    }
    let vipd = |bin_dir: Option<PathBuf>| match bin_dir {
        Some(dir) => {
            let bin_dir = dir.canonicalize();
            let bin_dir = bin_dir.map_err(|e| Error::new(format!("{}: {e}", dir.display())))?;
            Ok(Daemon::Vipd { bin_dir })
        }
        None => Daemon::vipd(),
    };
    let daemons = match only.as_deref() {
        None => vec![vipd(bin_dir)?, Daemon::Keepalived],
        Some("vipd") => vec![vipd(bin_dir)?],
        Some("keepalived") => vec![Daemon::Keepalived],
        Some(other) => return Err(Error::new(format!("no daemon is called {other}\n{USAGE}"))),
    };
    Ok(Some(Options { daemons, rounds, seed, what }))
}

fn number<T: std::str::FromStr>(
    arguments: &mut lexopt::Parser,
) -> std::result::Result<T, lexopt::Error>
where
    T::Err: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    use lexopt::ValueExt;
    arguments.value()?.parse()
}

type Results = HashMap<(&'static str, Event), Vec<Played>>;

fn run(options: &Options, out: &mut impl Write) -> Result<()> {
    packages::ensure()?;
    match options.what {
        What::Timers => return timers::run(&options.daemons, options.rounds, out),
        What::Flood => return flood::run(&options.daemons, out),
        What::Scenarios => {}
    }
    explain(out).map_err(io_error)?;
    let mut results = Results::new();
    for round in 0..options.rounds {
        for daemon in &options.daemons {
            // The golden ratio spreads any number of rounds evenly over the phases.
            let phase = (options.seed + f64::from(round) * 0.618_033_988_75).fract();
            let played = play_round(daemon, phase)
                .map_err(|e| Error::new(format!("{} in round {round}: {e}", daemon.name())))?;
            line(out, round, daemon.name(), &played).map_err(io_error)?;
            for (event, seen) in played {
                results.entry((daemon.name(), event)).or_default().push(seen);
            }
        }
    }
    tables(out, &results).map_err(io_error)
}

fn play_round(daemon: &Daemon, phase: f64) -> Result<Vec<(Event, Played)>> {
    let mut pair = Pair::running(daemon, daemon)?;
    let mut played = Vec::new();
    for event in ROUND {
        shift_phase(phase)?;
        played.push((event, play(&mut pair, event)?));
        if event == Event::Stop {
            start_again(&mut pair, daemon)?;
        }
    }
    Ok(played)
}

fn explain(out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "Two hosts with HAProxy share 10.88.88.100; the configurations are parent/lab/conf/node1.conf\n\
         and node2.conf, the same for both daemons. Each host, the client and the LAN between them is\n\
         a set of namespaces on this machine. Both hosts run the same daemon; the daemons take turns.\n\
         \n\
         outage    the longest time without an answer to the client: it opens a new TCP connection and\n\
        \x20         asks over HTTP every {} ms, several at a time; from the end of the last answered\n\
        \x20         request to the end of the next. What the client does not notice is about 2 ms here.\n\
         takeover  from the last answer of the old owner to the first of the new one: the outage\n\
        \x20         without what else made the client wait, such as a program that starts.\n\
         handover  from the event (the moment before the signal, the start of HAProxy, or the cut of\n\
        \x20         the cable) until the new owner has answered a request made after the event.\n\
         beyond    only for the power cut: first advert of the new MASTER minus last advert of the\n\
        \x20         dead one (both on the wire) minus the protocol's down timer of {:.1} ms\n\
        \x20         (3 x 1 s + (256 - 110) / 256 s). A down timer cannot end sooner.\n\
         overlap   how long both hosts held the address at once, by the kernels' address events.\n\
         \n\
         The events fall on evenly spread phases of the check interval (2 s).\n",
        EVERY.as_millis(),
        millis(DOWN_TIMER),
    )
}

fn line(
    out: &mut impl Write,
    round: u32,
    name: &str,
    played: &[(Event, Played)],
) -> io::Result<()> {
    let seen: Vec<String> = played
        .iter()
        .map(|(event, seen)| format!("{event:?} {:.1} ms", millis(seen.outage)))
        .collect();
    writeln!(out, "round {:>2} {name:<10} {}", round.saturating_add(1), seen.join(", "))?;
    out.flush()
}

fn tables(out: &mut impl Write, results: &Results) -> io::Result<()> {
    type Pick = fn(&Played) -> Option<Duration>;
    let measures: [(&str, Pick); 5] = [
        ("outage", |seen| Some(seen.outage)),
        ("takeover", |seen| Some(seen.takeover)),
        ("handover", |seen| Some(seen.handover)),
        ("beyond", |seen| seen.beyond_bound),
        ("overlap", |seen| Some(seen.overlap)),
    ];
    for event in ROUND {
        writeln!(out, "\n{}", event.title())?;
        writeln!(
            out,
            "  {:<10}{:<12}{:>4}{:>11}{:>11}{:>11}{:>11}",
            "", "", "n", "min ms", "p50 ms", "p90 ms", "max ms"
        )?;
        for (measure, pick) in measures {
            let sorted = |name| {
                let seen = results.get(&(name, event)).map(Vec::as_slice).unwrap_or_default();
                let mut all: Vec<f64> = seen.iter().filter_map(pick).map(millis).collect();
                all.sort_by(f64::total_cmp);
                all
            };
            let (ours, theirs) = (sorted("vipd"), sorted("keepalived"));
            row(out, measure, "vipd", &ours)?;
            row(out, measure, "keepalived", &theirs)?;
            ratio(out, measure, quantile(&ours, 0.5), quantile(&theirs, 0.5))?;
        }
    }
    Ok(())
}

fn row(out: &mut impl Write, measure: &str, name: &str, sorted: &[f64]) -> io::Result<()> {
    if sorted.is_empty() {
        return Ok(());
    }
    write!(out, "  {measure:<10}{name:<12}{:>4}", sorted.len())?;
    for part in [0.0, 0.5, 0.9, 1.0] {
        write!(out, "{:>11.1}", quantile(sorted, part).unwrap_or(0.0))?;
    }
    writeln!(out)
}

fn ratio(
    out: &mut impl Write,
    measure: &str,
    ours: Option<f64>,
    theirs: Option<f64>,
) -> io::Result<()> {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours > 0.0 && theirs > 0.0 => {
            writeln!(out, "  {measure:<10}keepalived / vipd, medians: {:.1}", theirs / ours)
        }
        _ => Ok(()),
    }
}

/// The nearest rank.
fn quantile(sorted: &[f64], part: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let wanted =
        (1..=sorted.len()).position(|rank| fraction(rank, sorted.len()) >= part).unwrap_or(last);
    sorted.get(wanted).copied()
}

fn fraction(rank: usize, of: usize) -> f64 {
    let float = |number: usize| u32::try_from(number).map_or(f64::INFINITY, f64::from);
    float(rank) / float(of)
}

fn io_error(error: io::Error) -> Error {
    Error::new(format!("standard output: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let sorted: Vec<f64> = (1..=20).map(f64::from).collect();
        let at = |part| quantile(&sorted, part);
        assert_eq!([at(0.0), at(0.5), at(0.9), at(1.0)], [1.0, 10.0, 18.0, 20.0].map(Some));
        assert_eq!(quantile(&[], 0.5), None);
    }
}

//! How far beyond the protocol's bound a takeover comes when a MASTER falls silent: the time between
//! the last advert of the dead router and the first of the new one, both on the wire, less the down
//! timer. Plays and measures; which daemons, how often and on whose behalf is the caller's.

use crate::io_error;
use std::io::Write;
use std::slice::from_ref;
use std::time::Duration;
use vipd_lab::router::Router;
use vipd_lab::scenario::{LIMIT, Pair, VIP};
use vipd_lab::{Daemon, Error, Result, Stamp};

/// Of version 3, which alone knows intervals below a second.
const INTERVALS: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_millis(100), Duration::from_millis(10)];

/// Microseconds of each takeover, by daemon.
type Measured = Vec<(&'static str, Vec<f64>)>;

pub(crate) fn run(daemons: &[Daemon], rounds: u32, out: &mut impl Write) -> Result<()> {
    let text = "Takeover after the MASTER's host lost its power: first advert of the new MASTER minus\n\
                last advert of the dead one (both on the wire) minus the protocol's down timer\n\
                (3 x interval + (256 - 100) x interval / 256), in microseconds. VRRPv3, IPv4,\n\
                multicast. A down timer cannot end sooner.\n";
    writeln!(out, "{text}").map_err(io_error)?;
    for interval in INTERVALS {
        let mut measured: Measured = daemons.iter().map(|d| (d.name(), Vec::new())).collect();
        for round in 0..rounds {
            for (daemon, (name, all)) in daemons.iter().zip(&mut measured) {
                let beyond = takeover(daemon, interval)
                    .map_err(|e| Error::new(format!("{name} in round {round}: {e}")))?;
                all.push(beyond);
            }
        }
        table(interval, &mut measured, out).map_err(io_error)?;
    }
    Ok(())
}

/// Microseconds beyond the bound; below zero only by what the witness is wrong.
fn takeover(daemon: &Daemon, interval: Duration) -> Result<f64> {
    let [better, worse] =
        [200, 100].map(|priority| Router { interval, ..Router::new(priority, &[VIP.into()]) });
    let mut pair = Pair::routers((daemon, from_ref(&better)), (daemon, from_ref(&worse)))?;
    let beginning = Stamp::now();
    let steady = "of node 1 in its rhythm";
    for _ in 0..3 {
        pair.capture.wait_advert(Stamp::now(), LIMIT, steady, |a| a.priority == 200)?;
    }
    let at = pair.one.power_off()?;
    pair.capture.wait_advert(at, LIMIT, "of node 2", |a| a.priority == 100)?;
    let last = pair.capture.adverts_of(&pair.one.node, beginning).last().map(|(at, _)| *at);
    let first = pair.capture.adverts_of(&pair.two.node, at).first().map(|(at, _)| *at);
    let (Some(last), Some(first)) = (last, first) else {
        return Err(Error::new("an advert is missing"));
    };
    Ok((first.since(last).as_secs_f64() - worse.down_timer().as_secs_f64()) * 1e6)
}

fn table(interval: Duration, measured: &mut Measured, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "advert_int {} s", interval.as_secs_f64())?;
    writeln!(
        out,
        "  {:<12}{:>4}{:>11}{:>11}{:>11}{:>11}",
        "", "n", "min us", "p50 us", "p90 us", "max us"
    )?;
    for (name, all) in measured {
        all.sort_by(f64::total_cmp);
        write!(out, "  {name:<12}{:>4}", all.len())?;
        for part in [0.0, 0.5, 0.9, 1.0] {
            write!(out, "{:>11.0}", crate::quantile(all, part).unwrap_or(0.0))?;
        }
        writeln!(out)?;
    }
    writeln!(out)?;
    out.flush()
}

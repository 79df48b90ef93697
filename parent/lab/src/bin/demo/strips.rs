//! A scenario at a glance: three strips over time that show who held the address and who answered.

use crate::screen::{Ink, Screen};
use std::net::IpAddr;
use std::time::Duration;
use vipd_lab::owner::{Window, held_by};
use vipd_lab::scenario::{Pair, VIP};
use vipd_lab::{Result, Stamp};

const CELLS: u32 = 60;

/// Draws the time from a little before `event` until now.
pub(crate) fn draw(screen: &mut Screen, pair: &Pair, event: Stamp) -> Result<()> {
    let end = Stamp::now();
    let before = end.since(event).mul_f64(0.1);
    let from = Stamp::from_nanos(
        event.nanos().saturating_sub(u64::try_from(before.as_nanos()).unwrap_or(0)),
    );
    let cell = end.since(from).checked_div(CELLS).unwrap_or_default();
    let cells: Vec<Window> = (0..CELLS)
        .map(|number| {
            let start = from.plus(cell.saturating_mul(number));
            Window { from: start, to: start.plus(cell) }
        })
        .collect();

    let mut ruler = String::new();
    for window in &cells {
        let here = window.from <= event && event < window.to;
        ruler.push(if here { '▼' } else { ' ' });
    }
    let span = end.since(event).as_secs_f64();
    screen.line(&format!(
        "           {}{}",
        screen.ink(Ink::Bad, &ruler),
        screen.ink(Ink::Faint, &format!(" {span:.1} s"))
    ))?;
    owner(screen, "node1", Ink::Node1, &held_by(&pair.one.node, IpAddr::V4(VIP)), &cells)?;
    owner(screen, "node2", Ink::Node2, &held_by(&pair.two.node, IpAddr::V4(VIP)), &cells)?;
    client(screen, pair, &cells)
}

fn owner(
    screen: &mut Screen,
    name: &str,
    ink: Ink,
    held: &[Window],
    cells: &[Window],
) -> Result<()> {
    let mut strip = String::new();
    for cell in cells {
        let holds = held.iter().any(|window| window.from < cell.to && cell.from < window.to);
        strip.push(if holds { '█' } else { '·' });
    }
    let strip = screen.ink(ink, &strip);
    screen.line(&format!("    {name:<6} {strip} {}", screen.ink(Ink::Faint, "has the address")))
}

fn client(screen: &mut Screen, pair: &Pair, cells: &[Window]) -> Result<()> {
    let samples = pair.probe.samples();
    let mut strip = String::new();
    for cell in cells {
        let first = samples.partition_point(|sample| sample.ended < cell.from);
        let here = samples.iter().skip(first).take_while(|sample| sample.ended < cell.to);
        let by = here.filter_map(|sample| sample.by.as_deref()).last();
        strip.push_str(&match by {
            Some("node1") => screen.ink(Ink::Node1, "1"),
            Some(_) => screen.ink(Ink::Node2, "2"),
            None => screen.ink(Ink::Bad, "-"),
        });
    }
    screen.line(&format!("    client {strip} {}", screen.ink(Ink::Faint, "is answered by")))
}

/// How long both held the address after `event`.
pub(crate) fn overlap(pair: &Pair, event: Stamp) -> Duration {
    let late = pair.overlaps().into_iter().filter(|window| window.to > event);
    late.map(|window| window.to.since(window.from.max(event))).sum()
}

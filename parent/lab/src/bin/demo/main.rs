//! The three scenarios of the main job, played on this machine and told on the screen. Ends with
//! status 1 if one does not end as its text says.

mod narrator;
mod screen;
mod strips;

use crate::narrator::Narrator;
use crate::screen::{Ink, Screen};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use vipd_lab::clock::millis;
use vipd_lab::scenario::{CONFIG1, CONFIG2, LIMIT, NODE1, NODE2, Pair, VIP};
use vipd_lab::{Daemon, Error, Result, Stamp, packages};

const USAGE: &str = "\
usage: demo [--daemon vipd|keepalived] [--bin-dir DIR]
  --daemon NAME   who moves the address (default vipd)
  --bin-dir DIR   where vipd and its siblings are (default: beside this program)
";

fn main() -> ExitCode {
    let result = match options() {
        Ok(Some(daemon)) => run(&daemon),
        Ok(None) => {
            let _ = io::stdout().write_all(USAGE.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(error) => Err(error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "\ndemo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Option<Daemon>> {
    use lexopt::prelude::*;
    let wrong = |error: lexopt::Error| Error::new(format!("{error}\n{USAGE}"));
    let (mut bin_dir, mut name) = (None, "vipd".to_owned());
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next().map_err(wrong)? {
        match argument {
            Long("bin-dir") => bin_dir = Some(PathBuf::from(arguments.value().map_err(wrong)?)),
            Long("daemon") => {
                name = arguments.value().and_then(|name| name.string()).map_err(wrong)?;
            }
            Short('h') | Long("help") => return Ok(None),
            Short(_) | Long(_) | Value(_) => return Err(wrong(argument.unexpected())),
        }
    }
    match (name.as_str(), bin_dir) {
        ("keepalived", _) => Ok(Some(Daemon::Keepalived)),
        ("vipd", None) => Daemon::vipd().map(Some),
        ("vipd", Some(dir)) => {
            let bin_dir = dir.canonicalize();
            let bin_dir = bin_dir.map_err(|e| Error::new(format!("{}: {e}", dir.display())))?;
            Ok(Some(Daemon::Vipd { bin_dir }))
        }
        (other, _) => Err(Error::new(format!("no daemon is called {other}\n{USAGE}"))),
    }
}

fn run(daemon: &Daemon) -> Result<()> {
    packages::ensure()?;
    let mut tell = Narrator::new(Screen::new());
    introduce(&mut tell.screen, daemon)?;

    let begun = Stamp::now();
    let mut pair = Pair::boot()?;
    pair.one.start_daemon(daemon)?;
    pair.two.start_daemon(daemon)?;
    settled(&mut tell, &pair)?;

    let mut results = Vec::new();
    results.push(power_off(&mut tell, &mut pair)?);
    let note = "node1 gets its power back, boots, and takes the address back; then:";
    tell.screen.line(&format!("\n  {}", tell.screen.ink(Ink::Faint, note)))?;
    pair.reboot_one(daemon)?;
    tell.rebooted();
    settled(&mut tell, &pair)?;
    results.push(haproxy_dies(&mut tell, &mut pair)?);
    results.push(haproxy_returns(&mut tell, &mut pair)?);
    finish(&mut tell.screen, daemon, &results, begun)
}

/// The two files side by side: the second only where it differs.
fn introduce(screen: &mut Screen, daemon: &Daemon) -> Result<()> {
    let title = format!("{}: one address, two hosts, three accidents", daemon.name());
    screen.line(&format!("\n  {}", screen.ink(Ink::Bold, &title)))?;
    screen.line(&format!(
        "\n  {} and {} run HAProxy and {}; a client asks for http://{VIP}/ every 2 ms.\n",
        screen.ink(Ink::Node1, &format!("node1 ({NODE1})")),
        screen.ink(Ink::Node2, &format!("node2 ({NODE2})")),
        daemon.name(),
    ))?;
    let heading = format!("{:<44}", format!("{} on node1", daemon.config_path()));
    let other = screen.ink(Ink::Node2, "on node2, where it differs");
    screen.line(&format!("    {}{other}", screen.ink(Ink::Node1, &heading)))?;
    let pairs = CONFIG1.lines().zip(CONFIG2.lines());
    for (first, second) in pairs.filter(|(first, _)| !first.is_empty()) {
        let differs = first != second;
        let left =
            screen.ink(if differs { Ink::Node1 } else { Ink::Plain }, &format!("{first:<44}"));
        let right = if differs { screen.ink(Ink::Node2, second.trim()) } else { String::new() };
        screen.line(format!("    {left}{right}").trim_end())?;
    }
    screen.line("")
}

/// Both know that their HAProxy runs, and node 1 serves.
fn settled(tell: &mut Narrator, pair: &Pair) -> Result<()> {
    let since = Stamp::now();
    tell.until(pair, LIMIT, "node1 as MASTER with priority 111", |pair| {
        let adverts = pair.capture.adverts(since);
        pair.owners() == [1] && adverts.iter().any(|(_, a)| a.source == NODE1 && a.priority == 111)
    })?;
    pair.settle()?;
    tell.hush(pair)?;
    let text =
        format!("node1 is MASTER with priority 111 and serves {VIP}; node2 is BACKUP with 110.");
    tell.screen.line(&format!("  {} {text}", tell.screen.ink(Ink::Good, "✓")))
}

/// How a scenario ended.
struct Ended {
    title: &'static str,
    outage: Duration,
    overlap: Duration,
}

fn power_off(tell: &mut Narrator, pair: &mut Pair) -> Result<Ended> {
    let title = "Scenario 1: node1 loses its power";
    let expected = "node2 hears no more adverts, becomes MASTER and serves";
    open(tell, pair, title, expected)?;
    let at = pair.one.power_off()?;
    tell.act(at, "node1", Ink::Bad, "✗ is powered off");
    close(tell, pair, title, at, 2, None)
}

fn haproxy_dies(tell: &mut Narrator, pair: &mut Pair) -> Result<Ended> {
    let title = "Scenario 2: HAProxy on node1 dies";
    let expected = "node1 falls to priority 101, node2 has 110 and becomes MASTER";
    open(tell, pair, title, expected)?;
    let at = pair.one.kill_haproxy()?;
    tell.act(at, "node1", Ink::Bad, "✗ HAProxy is killed");
    close(tell, pair, title, at, 2, Some(101))
}

fn haproxy_returns(tell: &mut Narrator, pair: &mut Pair) -> Result<Ended> {
    let title = "Scenario 3: HAProxy on node1 starts again";
    let expected = "node1 rises to priority 111 and takes the address back";
    open(tell, pair, title, expected)?;
    let at = pair.one.start_haproxy()?;
    tell.act(at, "node1", Ink::Good, "✓ HAProxy is started");
    close(tell, pair, title, at, 1, Some(111))
}

fn open(tell: &mut Narrator, pair: &Pair, title: &str, expected: &str) -> Result<()> {
    tell.screen.line(&format!("\n  {}", tell.screen.ink(Ink::Bold, title)))?;
    tell.screen.line(&format!("  {}\n", tell.screen.ink(Ink::Faint, expected)))?;
    tell.begin(pair)?;
    tell.linger(pair, Duration::from_millis(500))
}

/// Waits for the end that the text promises, and shows what it cost.
fn close(
    tell: &mut Narrator,
    pair: &Pair,
    title: &'static str,
    at: Stamp,
    owner: u8,
    priority: Option<u8>,
) -> Result<Ended> {
    let name = format!("node{owner}");
    let what = format!("{name} as the only MASTER that serves (in {title})");
    tell.until(pair, LIMIT, &what, |pair| {
        let adverts = pair.capture.adverts(at);
        let said = |wanted| adverts.iter().any(|(_, a)| a.source == NODE1 && a.priority == wanted);
        pair.owners() == [owner]
            && pair.probe.answered(at, &name).is_some()
            && priority.is_none_or(said)
    })?;
    tell.linger(pair, Duration::from_millis(300))?;
    tell.hush(pair)?;
    let outage = pair.probe.longest_outage(at).ok_or_else(|| Error::new("no answer"))?.length();
    let overlap = strips::overlap(pair, at);
    tell.screen.line("")?;
    strips::draw(&mut tell.screen, pair, at)?;
    let result = format!("the client was without an answer for {:.0} ms", millis(outage));
    let mark = tell.screen.ink(Ink::Good, "✓");
    tell.screen.line(&format!("\n  {mark} {}", tell.screen.ink(Ink::Bold, &result)))?;
    Ok(Ended { title, outage, overlap })
}

fn finish(screen: &mut Screen, daemon: &Daemon, results: &[Ended], begun: Stamp) -> Result<()> {
    let title = format!("What the client saw with {}", daemon.name());
    screen.line(&format!("\n  {}\n", screen.ink(Ink::Bold, &title)))?;
    for result in results {
        let outage = format!("{:>7.0} ms", millis(result.outage));
        screen.line(&format!(
            "  {} {:<44}{} without an answer{}",
            screen.ink(Ink::Good, "✓"),
            result.title,
            screen.ink(Ink::Bold, &outage),
            match result.overlap {
                Duration::ZERO => ", never two owners".to_owned(),
                both => format!(", two owners for {:.1} ms", millis(both)),
            },
        ))?;
    }
    let took = Stamp::now().since(begun).as_secs_f64();
    screen.line(&format!(
        "\n  {}\n",
        screen.ink(
            Ink::Faint,
            &format!(
                "A host that falls silent costs the protocol's 3 intervals and a bit: up to 3.6 s. \
                 Played in {took:.0} s."
            )
        )
    ))
}

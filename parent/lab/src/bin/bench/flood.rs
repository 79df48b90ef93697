//! What a neighbour's flood of wrong adverts at the full speed of one core costs the MASTER, and
//! whether it is late for it: processor time, the longest pause between two of its adverts, lines in
//! its log. Plays and measures; which daemons and how often is the caller's.

use crate::io_error;
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::slice::from_ref;
use std::time::Duration;
use vipd_lab::flood::{Flood, Kind};
use vipd_lab::forge::Forged;
use vipd_lab::router::Router;
use vipd_lab::scenario::Pair;
use vipd_lab::{Daemon, Error, Result, Stamp};

const LASTS: Duration = Duration::from_secs(3);
const KINDS: [Kind; 8] = [
    Kind::Checksum,
    Kind::Vrid,
    Kind::Ttl,
    Kind::Version,
    Kind::Truncated,
    Kind::Auth,
    Kind::Random,
    Kind::All,
];

struct Seen {
    packets: u64,
    cpu: Duration,
    pause: Duration,
    lines: usize,
    stayed: bool,
}

pub(crate) fn run(daemons: &[Daemon], out: &mut impl Write) -> Result<()> {
    let text = "A neighbour sends wrong adverts to the group for 3 s as fast as one core can, while\n\
                the MASTER (VRRPv3, every 200 ms) serves. cpu is the daemon's own time, all of its\n\
                processes, for each second of the flood; pause the longest time between two of its\n\
                adverts; stayed whether it was MASTER all the time.\n\n";
    write!(out, "{text}").map_err(io_error)?;
    let head = ["", "", "packets/s", "cpu ms/s", "ns/packet", "pause ms", "log lines", "stayed"];
    line(out, &head.map(String::from)).map_err(io_error)?;
    let program = program()?;
    for family in ["10.88.88.100", "fe80::88:100 fd88:88::100"] {
        for kind in KINDS {
            for daemon in daemons {
                let seen = flood(daemon, kind, family, &program)?;
                let name =
                    format!("{}{}", kind.name(), if family.contains(':') { " v6" } else { "" });
                line(out, &seen.cells(name, daemon.name())).map_err(io_error)?;
            }
        }
    }
    Ok(())
}

/// Beside this program.
fn program() -> Result<PathBuf> {
    let own = std::env::current_exe().map_err(|e| Error::new(format!("the benchmark: {e}")))?;
    Ok(own.with_file_name("flood"))
}

fn flood(daemon: &Daemon, kind: Kind, family: &str, program: &Path) -> Result<Seen> {
    let parse = |text: &str| {
        text.parse::<IpAddr>().map_err(|e| Error::new(format!("{text} is no address: {e}")))
    };
    let addresses = family.split_whitespace().map(parse).collect::<Result<Vec<_>>>()?;
    let [better, worse] = [200, 100].map(|priority| Router::new(priority, &addresses));
    let pair = Pair::routers((daemon, from_ref(&better)), (daemon, from_ref(&worse)))?;
    let node = &pair.one.node;
    let running = pair.one.daemon.as_ref().ok_or_else(|| Error::new("no daemon runs"))?;
    let (source, group) = match pair.vip {
        IpAddr::V4(_) => (parse("10.88.88.77")?, parse("224.0.0.18")?),
        IpAddr::V6(_) => (parse("fe80::77")?, parse("ff02::12")?),
    };
    let mut forged = Forged::new(source, group, better.vrid, 100, pair.vip);
    forged.version = better.version;
    forged.addresses = addresses;
    let (since, cpu) = (Stamp::now(), running.cpu_time(node)?);
    let lines = node.syslog().lines().len();
    let packets = Flood::start(program, &pair.client, kind, &forged, LASTS)?.finish()?;
    let cpu = running.cpu_time(node)?.saturating_sub(cpu);
    let adverts = pair.capture.adverts_of(node, since);
    let pauses = adverts.windows(2).filter_map(|two| match two {
        [(before, _), (after, _)] => Some(after.since(*before)),
        _ => None,
    });
    let pause = pauses.max().unwrap_or(LASTS);
    let rival = pair.capture.adverts_of(&pair.two.node, since);
    let stayed = pair.owners() == [1] && rival.is_empty();
    let lines = node.syslog().lines().len().saturating_sub(lines);
    Ok(Seen { packets, cpu, pause, lines, stayed })
}

impl Seen {
    fn cells(&self, kind: String, name: &str) -> [String; 8] {
        let seconds = LASTS.as_secs_f64();
        let count = f64::from(u32::try_from(self.packets).unwrap_or(u32::MAX)).max(1.0);
        [
            kind,
            name.to_owned(),
            format!("{:.0}", count / seconds),
            format!("{:.0}", self.cpu.as_secs_f64() * 1e3 / seconds),
            format!("{:.0}", self.cpu.as_secs_f64() * 1e9 / count),
            format!("{:.1}", self.pause.as_secs_f64() * 1e3),
            self.lines.to_string(),
            if self.stayed { "yes" } else { "NO" }.to_owned(),
        ]
    }
}

fn line(out: &mut impl Write, cells: &[String; 8]) -> std::io::Result<()> {
    let [kind, name, rest @ ..] = cells;
    write!(out, "{kind:<13}{name:<11}")?;
    for cell in rest {
        write!(out, "{cell:>11}")?;
    }
    writeln!(out)?;
    out.flush()
}

//! Sends wrong adverts out of one interface as fast as it can for a given time, and prints how many
//! the kernel took. Runs on a node of the laboratory; it listens to nothing and nobody.

use std::io::{ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use vipd_lab::error::Context;
use vipd_lab::flood::{Kind, packets};
use vipd_lab::forge::{Forged, Sender};
use vipd_lab::net::INTERFACE;
use vipd_lab::{Error, Result};

const USAGE: &str = "\
usage: flood --kind=KIND --own=ADDRESS --source=ADDRESS --destination=ADDRESS [--version=2|3]
             [--vrid=N] [--interval=N] [--interface=NAME] [--seconds=N] VIRTUAL-ADDRESS ...
KIND is checksum, vrid, ttl, version, type, truncated, auth, interval, lower, random or all.";

struct Options {
    kind: Kind,
    own: IpAddr,
    interface: String,
    lasts: Duration,
    right: Forged,
}

fn main() -> ExitCode {
    match options().and_then(|options| run(&options)) {
        Ok(sent) => {
            let told = writeln!(std::io::stdout(), "{sent}");
            if told.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            drop(writeln!(std::io::stderr(), "{error}"));
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options> {
    use lexopt::prelude::*;
    let wrong = |error: lexopt::Error| Error::new(format!("{error}\n{USAGE}"));
    let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let mut right = Forged::new(nowhere, nowhere, 51, 100, nowhere);
    right.addresses.clear();
    let (mut kind, mut own, mut seconds) = (Kind::All, nowhere, 1.0);
    let mut interface = INTERFACE.to_owned();
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next().map_err(wrong)? {
        match argument {
            Long("kind") => kind = value(&mut arguments).map_err(wrong)?,
            Long("own") => own = value(&mut arguments).map_err(wrong)?,
            Long("source") => right.source = value(&mut arguments).map_err(wrong)?,
            Long("destination") => right.destination = value(&mut arguments).map_err(wrong)?,
            Long("version") => right.version = value(&mut arguments).map_err(wrong)?,
            Long("vrid") => right.vrid = value(&mut arguments).map_err(wrong)?,
            Long("interval") => right.interval = value(&mut arguments).map_err(wrong)?,
            Long("interface") => interface = value(&mut arguments).map_err(wrong)?,
            Long("seconds") => seconds = value(&mut arguments).map_err(wrong)?,
            Value(address) => right.addresses.push(address.parse().map_err(wrong)?),
            Short(_) | Long(_) => return Err(wrong(argument.unexpected())),
        }
    }
    if right.source.is_ipv4() != right.destination.is_ipv4() || right.destination == nowhere {
        return Err(Error::new(format!("source and destination of one family\n{USAGE}")));
    }
    let lasts = Duration::try_from_secs_f64(seconds).during("--seconds")?;
    Ok(Options { kind, own, interface, lasts, right })
}

fn value<T: std::str::FromStr>(
    arguments: &mut lexopt::Parser,
) -> std::result::Result<T, lexopt::Error>
where
    T::Err: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    use lexopt::ValueExt;
    arguments.value()?.parse()
}

/// Looking at the clock costs as much as a packet, so it is done now and then.
const BETWEEN_LOOKS: usize = 64;

fn run(options: &Options) -> Result<u64> {
    let sender = Sender::open(&options.interface, options.own, options.right.destination)?;
    let all = packets(options.kind, &options.right);
    let mut endless = all.iter().cycle();
    let (start, mut sent) = (Instant::now(), 0_u64);
    while start.elapsed() < options.lasts {
        for packet in endless.by_ref().take(BETWEEN_LOOKS) {
            match sender.send(packet) {
                Ok(()) => sent = sent.saturating_add(1),
                Err(error) if passes(error.kind()) => {}
                Err(error) => return Err(error).during("send"),
            }
        }
    }
    Ok(sent)
}

/// A full queue, or a host whose link-layer address is not known yet.
fn passes(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock
            | ErrorKind::Interrupted
            | ErrorKind::HostUnreachable
            | ErrorKind::OutOfMemory
    )
}

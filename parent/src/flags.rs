//! Every flag of keepalived and of our own, in one table: its forms, whether it takes a value, and
//! what becomes of it. Help, parser and the test of the manual page go by it.

/// What follows a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    /// The next word, or what is glued to it.
    Value(&'static str),
    /// Only what is glued to it.
    Maybe(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Served,
    /// Read; the log says at start why it changes nothing.
    Accepted,
    /// What it asks for cannot be left out: vipd does not start.
    Refused,
}

#[derive(Debug)]
pub(crate) struct Flag {
    pub(crate) short: Option<char>,
    pub(crate) long: &'static str,
    pub(crate) takes: Takes,
    pub(crate) effect: Effect,
    /// What it does; of one that is accepted or refused, why it does not.
    pub(crate) text: &'static str,
}

use Effect::{Accepted, Refused, Served};
use Takes::{Maybe, Nothing, Value};

const fn flag(
    effect: Effect,
    short: Option<char>,
    long: &'static str,
    takes: Takes,
    text: &'static str,
) -> Flag {
    Flag { short, long, takes, effect, text }
}

#[rustfmt::skip]
pub(crate) const FLAGS: &[Flag] = &[
    flag(Served, Some('f'), "use-file", Value("FILE"), "configuration (see below for the default)"),
    flag(Served, Some('i'), "config-id", Value("NAME"),
        "name of this node in `@NAME` lines (default: the host's)"),
    flag(Served, Some('n'), "dont-fork", Nothing, "stay in the foreground"),
    flag(Served, Some('t'), "config-test", Maybe("LOG"),
        "check the configuration, write to LOG or standard error, and exit"),
    flag(Served, Some('d'), "dump-conf", Nothing,
        "print the configuration with all defaults; with -t, to standard output"),
    flag(Served, Some('p'), "pid", Value("FILE"), "write the process id there"),
    flag(Served, Some('r'), "vrrp_pid", Value("FILE"), "write the engine's process id there"),
    flag(Served, Some('c'), "checkers_pid", Value("FILE"), "write the checker's process id there"),
    flag(Served, Some('s'), "namespace", Value("NAME"), "run in this network namespace"),
    flag(Served, Some('P'), "vrrp", Nothing,
        "run the VRRP half of the file only, skip what is to be balanced"),
    flag(Served, None, "peer", Value("FILE"),
        "with -t, compare with the configuration of the other node"),
    flag(Served, None, "json", Nothing, "with -t, print what is found as JSON"),
    flag(Served, Some('l'), "log-console", Nothing, "log to standard error too"),
    flag(Served, Some('D'), "log-detail", Nothing, "log more"),
    flag(Served, Some('S'), "log-facility", Value("FACILITY"),
        "0 to 7, local0 to local7, user or daemon (default) for the log"),
    flag(Served, Some('g'), "log-file", Maybe("FILE"), "log to FILE too (default /tmp/keepalived.log)"),
    flag(Served, Some('G'), "no-syslog", Nothing, "log nothing to syslog"),
    flag(Served, Some('u'), "umask", Value("MASK"), "octal mask for files that are made"),
    flag(Served, None, "ignore-sigint", Nothing, "do not end at SIGINT"),
    flag(Served, None, "socket", Value("PATH"), "control socket (default /run/vipd/vipd.sock)"),
    flag(Served, None, "dump-dir", Value("DIR"), "where SIGUSR1 and its kin write (default $TMPDIR or /tmp)"),
    flag(Served, None, "signum", Value("NAME"),
        "print the number of STOP, RELOAD, DATA, STATS, STATS_CLEAR or JSON, and exit"),
    flag(Served, Some('v'), "version", Nothing, "print the version and exit"),
    flag(Served, Some('h'), "help", Nothing, "print this and exit"),
    flag(Accepted, Some('B'), "no_bfd", Nothing, "there is no BFD process"),
    flag(Accepted, Some('b'), "bfd_pid", Value("FILE"), "there is no BFD process"),
    flag(Accepted, None, "all", Nothing, "engine and checker always run"),
    flag(Accepted, Some('R'), "dont-respawn", Nothing, "a lost process always ends the daemon"),
    flag(Accepted, Some('X'), "release-vips", Nothing, "addresses are always removed in time"),
    flag(Accepted, Some('V'), "dont-release-vrrp", Nothing,
        "addresses are removed at the end all the same: two hosts would have them"),
    flag(Accepted, Some('I'), "dont-release-ipvs", Nothing, "nothing is balanced"),
    flag(Accepted, Some('a'), "address-monitoring", Nothing,
        "what happens to the configured addresses is always logged"),
    flag(Accepted, Some('e'), "all-config", Nothing, "a file that is missing is always reported"),
    flag(Accepted, Some('x'), "snmp", Nothing, "there is no SNMP agent"),
    flag(Accepted, Some('A'), "snmp-agent-socket", Value("FILE"), "there is no SNMP agent"),
    flag(Accepted, Some('m'), "core-dump", Nothing, "no process dumps core: passwords would be in it"),
    flag(Accepted, Some('M'), "core-dump-pattern", Maybe("PATTERN"),
        "no process dumps core: passwords would be in it"),
    flag(Accepted, None, "flush-log-file", Nothing, "every line is written at once"),
    flag(Accepted, None, "debug", Maybe("WHAT"), "see -D"),
    flag(Accepted, None, "perf", Maybe("WHAT"), "perf is not run"),
    flag(Accepted, None, "no-mem-check", Nothing, "memory is not watched"),
    flag(Accepted, Some('L'), "mem-check-log", Nothing, "memory is not watched"),
    flag(Accepted, None, "openssl-mem-check", Nothing, "memory is not watched"),
    flag(Refused, Some('C'), "check", Nothing, "vipd does not balance load; it has VRRP only"),
    flag(Refused, Some('T'), "genhash", Nothing, "vipd does not balance load and has no genhash"),
];

/// By its long form, or by the beginning of only one (as getopt_long(3) has it).
pub(crate) fn by_name(name: &str) -> Option<&'static Flag> {
    let exact = FLAGS.iter().find(|flag| flag.long == name);
    exact.or_else(|| {
        let mut begun = FLAGS.iter().filter(|flag| !name.is_empty() && flag.long.starts_with(name));
        begun.next().filter(|_| begun.next().is_none())
    })
}

pub(crate) fn by_letter(letter: char) -> Option<&'static Flag> {
    FLAGS.iter().find(|flag| flag.short == Some(letter))
}

/// A line for each flag, in three parts.
pub(crate) fn help() -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for (effect, title) in [
        (Served, ""),
        (Accepted, "\nof keepalived, without effect here:\n"),
        (Refused, "\nof keepalived, refused:\n"),
    ] {
        text.push_str(title);
        for flag in FLAGS.iter().filter(|flag| flag.effect == effect) {
            let short = flag.short.map_or_else(|| "    ".to_owned(), |c| format!("-{c}, "));
            let value = match flag.takes {
                Nothing => String::new(),
                Value(name) => format!(" {name}"),
                Maybe(name) => format!("[={name}]"),
            };
            let forms = format!("{short}--{}{value}", flag.long);
            let _ = writeln!(text, "  {forms:<32} {}", flag.text);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_is_listed_twice() {
        let mut names: Vec<_> = FLAGS.iter().map(|flag| flag.long).collect();
        let mut letters: Vec<_> = FLAGS.iter().filter_map(|flag| flag.short).collect();
        let before = (names.len(), letters.len());
        names.sort_unstable();
        names.dedup();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!((names.len(), letters.len()), before);
    }

    #[test]
    fn a_beginning_is_enough_if_it_is_of_one() {
        assert_eq!(by_name("dont-f").map(|flag| flag.long), Some("dont-fork"));
        assert!(by_name("dont").is_none());
        assert_eq!(by_name("check").map(|flag| flag.long), Some("check"));
        assert!(by_name("").is_none());
    }
}

//! Recognises commands that only ask whether a process exists, so that no program has to run.
//! What is not understood to the last option is not recognised; it runs as a program.

use crate::config::{NativeProcess, ProcessTool};
use crate::limits::NAME_MAX;

pub(crate) fn recognise(argv: &[Vec<u8>]) -> Option<NativeProcess> {
    let mut words = argv.iter().map(Vec::as_slice);
    let tool = tool_name(words.next()?)?;
    let words: Vec<&[u8]> = words.collect();
    match tool {
        b"killall" => killall(&words),
        b"pidof" => pidof(&words),
        b"pgrep" => pgrep(&words, false),
        b"pkill" => pgrep(&words, true),
        _ => None,
    }
}

/// Bare or by its usual path.
fn tool_name(word: &[u8]) -> Option<&[u8]> {
    let folders: [&[u8]; 4] = [b"/usr/bin/", b"/bin/", b"/usr/sbin/", b"/sbin/"];
    let found = folders.iter().find_map(|folder| word.strip_prefix(*folder));
    Some(found.unwrap_or(word)).filter(|name| !name.contains(&b'/'))
}

/// Signal 0 once, `-q` or `-v` (what is printed), and one name.
fn killall(words: &[&[u8]]) -> Option<NativeProcess> {
    let mut signal_0 = false;
    let mut name = None;
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        match word {
            b"-0" | b"-s0" | b"--signal=0" => signal_0 = true,
            b"-s" | b"--signal" if words.next()? == b"0" => signal_0 = true,
            b"-q" | b"--quiet" | b"-v" | b"--verbose" => {}
            _ => take_name(&mut name, word)?,
        }
    }
    name.filter(|_| signal_0).map(|name| process(name, ProcessTool::Killall))
}

/// `-s` and `-q` change what is printed only.
fn pidof(words: &[&[u8]]) -> Option<NativeProcess> {
    let mut name = None;
    for word in words {
        match *word {
            b"-s" | b"-q" | b"-sq" | b"-qs" => {}
            word => take_name(&mut name, word)?,
        }
    }
    name.map(|name| process(name, ProcessTool::Pidof))
}

/// The pattern is a regular expression: only a word without a sign that means something is a name.
/// Longer than comm (15 bytes) it matches nothing, which a name would hide.
fn pgrep(words: &[&[u8]], is_pkill: bool) -> Option<NativeProcess> {
    let mut exact = false;
    let mut signal_0 = false;
    let mut name = None;
    for word in words {
        match *word {
            b"-x" | b"--exact" => exact = true,
            b"-0" if is_pkill => signal_0 = true,
            word => take_name(&mut name, word)?,
        }
    }
    let is_plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let name = name.filter(|name| name.len() <= 15 && name.iter().all(is_plain))?;
    let tool = if exact { ProcessTool::PgrepExact } else { ProcessTool::Pgrep };
    (signal_0 == is_pkill).then(|| process(name, tool))
}

/// None if this is an option, a path, or the second name.
fn take_name<'a>(name: &mut Option<&'a [u8]>, word: &'a [u8]) -> Option<()> {
    let is_name = (1..=NAME_MAX).contains(&word.len());
    let fits = is_name && !word.starts_with(b"-") && !word.contains(&b'/');
    if !fits || name.is_some() || looks_like_shell(word) {
        return None;
    }
    *name = Some(word);
    Some(())
}

fn process(name: &[u8], asked_by: ProcessTool) -> NativeProcess {
    NativeProcess { name: name.to_vec(), asked_by }
}

/// The first argument that only a shell would understand, in a command that starts none.
pub(crate) fn shell_sign(argv: &[Vec<u8>]) -> Option<&[u8]> {
    let second = argv.get(1).map(Vec::as_slice);
    if second.is_some_and(|word| word.starts_with(b"-") && word.ends_with(b"c")) {
        return None;
    }
    argv.iter().skip(1).map(Vec::as_slice).find(|word| looks_like_shell(word))
}

fn looks_like_shell(word: &[u8]) -> bool {
    let operator = word.trim_ascii_start();
    let digits = operator.iter().take_while(|b| b.is_ascii_digit()).count();
    let redirect = operator.get(digits..).unwrap_or(&[]);
    let words: [&[u8]; 4] = [b"|", b"||", b"&&", b"&"];
    words.contains(&word)
        || redirect.starts_with(b">")
        || redirect.starts_with(b"<")
        || word.starts_with(b"&>")
        || word.ends_with(b";")
        || word.starts_with(b"`")
        || word.starts_with(b"$(")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(command: &str) -> Option<(String, ProcessTool)> {
        let argv = crate::shell::split(command.as_bytes()).unwrap();
        let found = recognise(&argv)?;
        Some((String::from_utf8(found.name).unwrap(), found.asked_by))
    }

    #[test]
    fn knows_the_usual_spellings() {
        use ProcessTool::{Killall, Pgrep, PgrepExact, Pidof};
        for (command, tool) in [
            ("killall -0 haproxy", Killall),
            ("/usr/bin/killall -0 haproxy", Killall),
            ("killall -q -0 haproxy", Killall),
            ("killall -s 0 haproxy", Killall),
            ("killall haproxy -0", Killall),
            ("pidof haproxy", Pidof),
            ("/sbin/pidof -s haproxy", Pidof),
            ("pgrep haproxy", Pgrep),
            ("/usr/bin/pgrep -x haproxy", PgrepExact),
            ("pkill -0 haproxy", Pgrep),
            ("pkill -0 -x haproxy", PgrepExact),
        ] {
            assert_eq!(asked(command), Some(("haproxy".into(), tool)), "{command}");
        }
    }

    #[test]
    fn leaves_everything_else_alone() {
        for command in [
            "killall haproxy",
            "killall -9 haproxy",
            "killall -s 9 haproxy",
            "killall -0 -r hap.*",
            "killall -0 -e haproxy",
            "killall -0 a b",
            "killall -0 /usr/sbin/haproxy",
            "killall -0",
            "pidof -x haproxy",
            "pidof /usr/sbin/haproxy",
            "pidof haproxy nginx",
            "pidof haproxy > /dev/null",
            "pidof mfsmaster || exit 1",
            "pgrep -f haproxy",
            "pgrep php-fpm8.1",
            "pgrep aaaaaaaaaaaaaaaa",
            "pkill haproxy",
            "/opt/killall -0 haproxy",
            "/bin/sh -c 'killall -0 haproxy'",
        ] {
            assert_eq!(asked(command), None, "{command}");
        }
    }

    #[test]
    fn sees_what_wants_a_shell() {
        let sign = |command: &str| {
            let argv = crate::shell::split(command.as_bytes()).unwrap();
            shell_sign(&argv).map(|w| String::from_utf8_lossy(w).into_owned())
        };
        assert_eq!(sign("curl -f http://x || exit 1").as_deref(), Some("||"));
        assert_eq!(sign("pidof x 2>/dev/null").as_deref(), Some("2>/dev/null"));
        assert_eq!(sign("a >b").as_deref(), Some(">b"));
        assert_eq!(sign("/bin/sh -c 'a || b' "), None);
        assert_eq!(sign("check 'a & b' 2"), None);
    }
}

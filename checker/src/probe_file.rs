//! What a file says: the number in it, or whether it is as wanted. Reads a bounded beginning of
//! regular files and nothing else; when to look is not decided here.

use nix::sys::stat::{SFlag, fstat};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};
use vipd_ipc::slice::FileSlice;

/// Longer than any number.
const NUMBER_MAX: u64 = 128;
/// So much of a file is searched.
const CONTENT_MAX: u64 = 64 << 10;

pub(crate) fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// The number that the file begins with, as C's strtol understands it. What holds none counts as 0,
/// as in keepalived. `None` if the file is empty.
pub(crate) fn number(path: &Path) -> (Option<i32>, String) {
    match beginning(path, NUMBER_MAX) {
        Ok(text) if text.is_empty() => (None, "the file is empty, which counts as 0".to_owned()),
        Ok(text) => match strtol(&text) {
            Some(value) => (Some(value), value.to_string()),
            None => (Some(0), "no number in the file, which counts as 0".to_owned()),
        },
        Err(why) => (Some(0), format!("{why}, which counts as 0")),
    }
}

/// Whether the file is as wanted, and why not. `now` is by the clock that files are dated with.
pub(crate) fn look(wanted: &FileSlice, now: SystemTime) -> (bool, String) {
    match judge(wanted, now) {
        Ok(()) => (true, "the file is as wanted".to_owned()),
        Err(why) => (false, why),
    }
}

fn judge(wanted: &FileSlice, now: SystemTime) -> Result<(), String> {
    let (file, changed) = open(path(&wanted.path))?;
    if let Some(limit) = wanted.max_age {
        // A file from the future is as new as can be.
        let age = now.duration_since(changed).unwrap_or_default();
        if age > limit {
            return Err(format!("not written to for {} s", age.as_secs()));
        }
    }
    if let Some(content) = &wanted.content {
        let text = read(file, CONTENT_MAX)?;
        if !contains(&text, content) {
            let content = content.escape_ascii();
            return Err(format!("\"{content}\" is not in the file (its first 64 KiB)"));
        }
    }
    Ok(())
}

pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}

/// At most `max` bytes of a regular file.
pub(crate) fn beginning(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    read(open(path)?.0, max)
}

fn read(file: File, max: u64) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    file.take(max).read_to_end(&mut text).map_err(|error| say(&error))?;
    Ok(text)
}

/// With the time at which it was written to last.
fn open(path: &Path) -> Result<(File, SystemTime), String> {
    // Neither a FIFO nor a terminal in its place holds us up.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
    let file = File::options().read(true).custom_flags(flags).open(path);
    let file = file.map_err(|error| say(&error))?;
    let facts = fstat(&file).map_err(|errno| errno.desc().to_owned())?;
    if SFlag::from_bits_truncate(facts.st_mode) & SFlag::S_IFMT != SFlag::S_IFREG {
        return Err("not a regular file".to_owned());
    }
    let seconds = Duration::from_secs(u64::try_from(facts.st_mtime).unwrap_or(0));
    Ok((file, SystemTime::UNIX_EPOCH.checked_add(seconds).unwrap_or(SystemTime::UNIX_EPOCH)))
}

pub(crate) fn say(error: &std::io::Error) -> String {
    nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(0)).desc().to_owned()
}

/// Blanks, a sign, then digits: hexadecimal behind 0x, octal behind 0, else decimal. What follows
/// does not matter. `None` without a digit, and beyond what fits.
fn strtol(text: &[u8]) -> Option<i32> {
    let blank = |b: &u8| b.is_ascii_whitespace() || *b == 0x0b;
    let text = text.get(text.iter().take_while(|b| blank(b)).count()..)?;
    let (negative, text) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let is_hex = |rest: &[u8]| rest.first().is_some_and(u8::is_ascii_hexdigit);
    let (radix, text) = match text {
        [b'0', b'x' | b'X', rest @ ..] if is_hex(rest) => (16, rest),
        [b'0', ..] => (8, text),
        _ => (10, text),
    };
    let digits: Vec<u32> = text.iter().map_while(|b| char::from(*b).to_digit(radix)).collect();
    if digits.is_empty() {
        return None;
    }
    let sign: i64 = if negative { -1 } else { 1 };
    let value = digits.iter().try_fold(0i64, |sum, digit| {
        sum.checked_mul(i64::from(radix))?.checked_add(i64::from(*digit))
    })?;
    i32::try_from(value.checked_mul(sign)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_by_strtol() {
        let cases: [(&str, Option<i32>); 15] = [
            ("12", Some(12)),
            (" \n-7\n", Some(-7)),
            ("+3 apples", Some(3)),
            ("0x1f;", Some(31)),
            ("0x", Some(0)),
            ("010", Some(8)),
            ("09", Some(0)),
            ("0", Some(0)),
            ("", None),
            ("-", None),
            ("up", None),
            ("2147483647", Some(i32::MAX)),
            ("-2147483648", Some(i32::MIN)),
            ("2147483648", None),
            ("99999999999999999999999", None),
        ];
        for (text, expected) in cases {
            assert_eq!(strtol(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn files_are_judged_by_age_and_content() {
        let dir = std::env::temp_dir().join(format!("vipd-probe-file-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let file = dir.join("ready");
        let wanted = |max_age: Option<u64>, content: Option<&str>| FileSlice {
            path: file.as_os_str().as_bytes().to_vec(),
            max_age: max_age.map(Duration::from_secs),
            content: content.map(|text| text.as_bytes().to_vec()),
        };
        let now = SystemTime::now();
        assert_eq!(number(&file).0, Some(0));
        assert!(number(&file).1.starts_with("No such file"));
        assert!(look(&wanted(None, None), now).1.starts_with("No such file"));
        std::fs::write(&file, "").unwrap();
        assert_eq!(number(&file).0, None);
        std::fs::write(&file, "state=OK\n").unwrap();
        assert_eq!(number(&file).0, Some(0));
        assert!(look(&wanted(Some(60), Some("OK")), now).0);
        assert!(!look(&wanted(None, Some("KO")), now).0);
        let later = now + Duration::from_secs(100);
        let (up, why) = look(&wanted(Some(60), None), later);
        assert!(!up && why.starts_with("not written to for "), "{why}");
        assert_eq!(number(&dir).1, "not a regular file, which counts as 0");
        std::fs::remove_dir_all(&dir).unwrap();
    }
}

//! Patterns of file names, as glob(3) has them: `*`, `?`, `[...]`, and `{a,b}` for several
//! patterns in one. Matches names that somebody else lists; knows no folder itself.

use crate::around::Unread;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Patterns that one `{a,b}` line may stand for.
const MOST: usize = 1000;

/// The patterns that a pattern with `{a,b}` stands for, in order. None: too many.
pub(crate) fn alternatives(pattern: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_vec()];
    while let Some(pattern) = open.pop() {
        if done.len().saturating_add(open.len()) > MOST {
            return None;
        }
        match first_group(&pattern) {
            None => done.push(pattern),
            Some(Group { before, members, after }) => {
                let whole = |member: &Vec<u8>| [before, member, after].concat();
                open.extend(members.iter().rev().map(whole));
            }
        }
    }
    Some(done)
}

/// Gives the names in a folder.
pub(crate) type List<'a> = dyn FnMut(&Path) -> Result<Vec<Vec<u8>>, Unread> + 'a;

/// `BEFORE{MEMBER,MEMBER}AFTER`
struct Group<'a> {
    before: &'a [u8],
    members: Vec<Vec<u8>>,
    after: &'a [u8],
}

/// What stands before the first whole `{...}`, its members, and what stands behind it. `{}` is
/// itself, as in glob(3).
fn first_group(pattern: &[u8]) -> Option<Group<'_>> {
    let mut start = None;
    let mut depth = 0_usize;
    let mut members = vec![Vec::new()];
    for (index, byte) in pattern.iter().enumerate() {
        match byte {
            b'{' if depth == 0 && pattern.get(index.saturating_add(1)) == Some(&b'}') => {}
            b'{' if depth == 0 => {
                start = Some(index);
                depth = 1;
                continue;
            }
            b'{' => depth = depth.saturating_add(1),
            b'}' if depth == 1 => {
                let before = pattern.get(..start?)?;
                let after = pattern.get(index.saturating_add(1)..)?;
                return Some(Group { before, members, after });
            }
            b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 1 => {
                members.push(Vec::new());
                continue;
            }
            _ => {}
        }
        if depth > 0
            && let Some(last) = members.last_mut()
        {
            last.push(*byte);
        }
    }
    None
}

pub(crate) fn has_wildcard(pattern: &[u8]) -> bool {
    pattern.iter().any(|b| matches!(b, b'*' | b'?' | b'['))
}

/// The paths that fit, sorted. A path in a folder that is missing fits nothing; a folder that may
/// not be looked into is an error.
pub(crate) fn expand(
    base: &Path,
    pattern: &[u8],
    list: &mut List<'_>,
) -> Result<Vec<PathBuf>, (PathBuf, Unread)> {
    let start = if pattern.first() == Some(&b'/') { Path::new("/") } else { base };
    let mut paths = vec![start.to_owned()];
    for part in pattern.split(|b| *b == b'/').filter(|part| !part.is_empty()) {
        let mut next = Vec::new();
        for path in paths {
            if !has_wildcard(part) {
                next.push(path.join(OsStr::from_bytes(part)));
                continue;
            }
            let mut names = match list(&path) {
                Ok(names) => names,
                Err(why @ (Unread::Denied | Unread::Failed(_))) => return Err((path, why)),
                Err(_) => continue,
            };
            names.retain(|name| fits(part, name));
            names.sort_unstable();
            next.extend(names.iter().map(|name| path.join(OsStr::from_bytes(name))));
        }
        paths = next;
    }
    Ok(paths)
}

/// Whether a name fits; one that begins with a dot fits only a pattern that does, too.
pub(crate) fn fits(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    let (mut p, mut n) = (pattern, name);
    // Where to go on when what follows the last `*` does not fit: one byte further.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        let step = match (p.split_first(), n.split_first()) {
            (None, None) => return true,
            (Some((b'*', rest)), _) => {
                retry = Some((rest, n));
                p = rest;
                continue;
            }
            (Some((b'?', rest)), Some((_, after))) => Some((rest, after)),
            (Some((b'[', rest)), Some((byte, after))) => match class(rest, *byte) {
                Some((true, rest)) => Some((rest, after)),
                Some((false, _)) => None,
                None => (*byte == b'[').then_some((rest, after)),
            },
            (Some((want, rest)), Some((byte, after))) => (want == byte).then_some((rest, after)),
            (None, Some(_)) | (Some(_), None) => None,
        };
        match (step, retry) {
            (Some(step), _) => (p, n) = step,
            (None, Some((rest, [_, after @ ..]))) => {
                retry = Some((rest, after));
                (p, n) = (rest, after);
            }
            (None, _) => return false,
        }
    }
}

/// Behind a `[`: whether the byte is in the class, and what follows it. None: no class at all.
fn class(text: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let (not, mut rest) = match text {
        [b'!' | b'^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut found = false;
    let mut first = true;
    loop {
        match rest {
            [b']', after @ ..] if !first => return Some((found != not, after)),
            [from, b'-', to, after @ ..] if *to != b']' => {
                found |= (*from..=*to).contains(&byte);
                rest = after;
            }
            [one, after @ ..] => {
                found |= *one == byte;
                rest = after;
            }
            [] => return None,
        }
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(pattern: &str) -> Vec<String> {
        let all = alternatives(pattern.as_bytes()).unwrap();
        all.into_iter().map(|one| String::from_utf8(one).unwrap()).collect()
    }

    #[test]
    fn braces_stand_for_several() {
        assert_eq!(parts("x"), ["x"]);
        assert_eq!(parts("a{b,c}d"), ["abd", "acd"]);
        assert_eq!(
            parts("f/{,cat,dog{1,2}},bar"),
            ["f/,bar", "f/cat,bar", "f/dog1,bar", "f/dog2,bar"]
        );
        assert_eq!(parts("{a,b}{1,2}"), ["a1", "a2", "b1", "b2"]);
        assert_eq!(parts("a{}b{c"), ["a{}b{c"]);
        assert_eq!(alternatives("{a,b}".repeat(30).as_bytes()), None);
    }

    #[test]
    fn names_fit_as_in_a_shell() {
        let yes = [
            "*|a",
            "*.conf|a.conf",
            "a*b*c|aXbYbc",
            "?|a",
            "[a-c]x|bx",
            "[!a]|b",
            "[^a]|b",
            "[]]|]",
            "[a|[a",
            "*|",
            ".*|.a",
        ];
        let no =
            ["*|.a", "?|", "?|.", "*.conf|a.conf~", "[a-c]|d", "[!a]|a", "a|b", "a*|b", "ab|a"];
        for (list, expected) in [(&yes[..], true), (&no[..], false)] {
            for case in list {
                let (pattern, name) = case.split_once('|').unwrap();
                assert_eq!(fits(pattern.as_bytes(), name.as_bytes()), expected, "{case}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_pattern_ends(pattern in "[a*?\\[\\]!,{}-]{0,20}", name in "[a.b\\]]{0,20}") {
            fits(pattern.as_bytes(), name.as_bytes());
            alternatives(pattern.as_bytes());
            prop_assert!(fits(b"*", name.as_bytes()) || name.starts_with('.'));
        }
    }
}

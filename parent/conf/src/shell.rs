//! Splits a script command into its arguments: quotes of both kinds, adjacent pieces, escapes.
//! It is done twice, as in keepalived: once for the line, once for the command found there. There
//! is no shell: nothing is expanded and nothing is run.

/// Why a command cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    OpenQuote,
    Nul,
}

impl Broken {
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::OpenQuote => "a quote inside this command is not closed",
            Self::Nul => "no argument can hold a NUL byte",
        }
    }
}

pub(crate) fn split(command: &[u8]) -> Result<Vec<Vec<u8>>, Broken> {
    let mut arguments = Vec::new();
    let mut current: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut rest = command;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (quote, byte) {
            (_, b'\\') => {
                let (value, after) = escape(rest);
                rest = after;
                current.get_or_insert_default().extend(value);
            }
            (Some(open), _) if byte == open => quote = None,
            (None, b'"' | b'\'') => {
                quote = Some(byte);
                current.get_or_insert_default();
            }
            (None, b' ' | b'\t') => arguments.extend(current.take()),
            _ => current.get_or_insert_default().push(byte),
        }
    }
    if quote.is_some() {
        return Err(Broken::OpenQuote);
    }
    arguments.extend(current);
    if arguments.iter().flatten().any(|b| *b == 0) {
        return Err(Broken::Nul);
    }
    Ok(arguments)
}

/// What stands behind a backslash, and what follows it.
fn escape(rest: &[u8]) -> (Option<u8>, &[u8]) {
    let Some((&first, after)) = rest.split_first() else { return (None, rest) };
    let simple = match first {
        b'a' => 7,
        b'b' => 8,
        b'E' => 27,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'0'..=b'7' => return number(rest, 8, 3),
        b'x' if after.first().is_some_and(u8::is_ascii_hexdigit) => return number(after, 16, 2),
        b'c' if !after.is_empty() => {
            let (key, after) = after.split_first().map_or((0, after), |(k, a)| (*k, a));
            return (Some(key & 0x1f), after);
        }
        other => other,
    };
    (Some(simple), after)
}

/// At most `digits` digits; only the low eight bits count.
fn number(text: &[u8], radix: u32, digits: usize) -> (Option<u8>, &[u8]) {
    let is_digit = |b: &&u8| char::from(**b).is_digit(radix);
    let length = text.iter().take(digits).take_while(is_digit).count();
    let (taken, after) = text.split_at_checked(length).unwrap_or((text, &[]));
    let value = taken
        .iter()
        .filter_map(|b| char::from(*b).to_digit(radix))
        .fold(0u32, |sum, d| sum.wrapping_mul(radix).wrapping_add(d));
    (value.to_le_bytes().first().copied(), after)
}

/// One word in double quotes that reads as `bytes` after the first split.
pub(crate) fn word(bytes: &[u8]) -> Vec<u8> {
    let safe = |b: &u8| {
        let tame = matches!(b, b' '..=b'~') && !b"\"\\".contains(b);
        if tame { vec![*b] } else { format!("\\x{b:02x}").into_bytes() }
    };
    let inside: Vec<u8> = bytes.iter().flat_map(safe).collect();
    [b"\"", inside.as_slice(), b"\""].concat()
}

/// The way back: one word, in double quotes, that reads as these arguments after both splits.
pub(crate) fn join(arguments: &[Vec<u8>]) -> Vec<u8> {
    let quoted: Vec<Vec<u8>> = arguments.iter().map(|a| quote(a)).collect();
    let command = quoted.join(&b' ');
    let escaped = command.into_iter().flat_map(|b| match b {
        b'\\' => vec![b'\\', b'\\'],
        other => vec![other],
    });
    std::iter::once(b'"').chain(escaped).chain(std::iter::once(b'"')).collect()
}

fn quote(argument: &[u8]) -> Vec<u8> {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"_./:=@%+,-".contains(b);
    let tame = |b: &u8| matches!(b, b' '..=b'~') && !b"'\"\\".contains(b);
    if !argument.is_empty() && argument.iter().all(plain) {
        return argument.to_vec();
    }
    if argument.iter().all(tame) {
        return [b"'", argument, b"'"].concat();
    }
    let safe = |b: &u8| {
        if plain(b) { vec![*b] } else { format!("\\x{b:02x}").into_bytes() }
    };
    argument.iter().flat_map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(command: &str) -> Vec<String> {
        let split = split(command.as_bytes()).unwrap();
        split.iter().map(|a| String::from_utf8_lossy(a).into_owned()).collect()
    }

    #[test]
    fn splits_like_a_shell_without_being_one() {
        assert_eq!(words("killall -0 haproxy"), ["killall", "-0", "haproxy"]);
        assert_eq!(words("/bin/sh -c 'a  b' \"c d\""), ["/bin/sh", "-c", "a  b", "c d"]);
        assert_eq!(words("a'b c'\"d\"e"), ["ab cde"]);
        assert_eq!(words(r"a\ b \x41\102\t '' \q"), ["a b", "AB\t", "", "q"]);
        assert_eq!(words("$HOME *"), ["$HOME", "*"]);
        assert_eq!(split(b"a 'b"), Err(Broken::OpenQuote));
        assert_eq!(split(b"a\\0"), Err(Broken::Nul));
        assert_eq!(words("a\\"), ["a"]);
    }

    proptest! {
        #[test]
        fn join_and_split_are_inverse(
            arguments in prop::collection::vec(prop::collection::vec(1u8.., 0..12), 1..6)
        ) {
            let command = split(&join(&arguments)).unwrap().concat();
            prop_assert_eq!(split(&command), Ok(arguments));
        }
    }
}

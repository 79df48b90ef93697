//! Text for a terminal: what is received becomes harmless, durations become readable, and colour
//! is applied only where it is wanted. Knows nothing of VRRP.

/// Received text without any character that a terminal acts upon.
pub(crate) fn printable(received: &str) -> String {
    let mut out = String::with_capacity(received.len());
    for character in received.chars() {
        if is_harmless(character) {
            out.push(character);
        } else {
            out.extend(character.escape_default());
        }
    }
    out
}

/// The same for a text of several lines; ends with a newline.
pub(crate) fn printable_lines(received: &str) -> String {
    received.lines().map(|line| printable(line) + "\n").collect()
}

/// Controls move the cursor; invisible and direction marks make a text look like another one.
fn is_harmless(character: char) -> bool {
    !character.is_control()
        && !matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// `0.2s`, `12s`, `4m 3s`, `5h 2m`, `2d 3h`: the two largest units.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float to integer saturates, and nobody minds after 500 billion years"
)]
pub(crate) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "?".to_owned();
    }
    // Below ten seconds the tenths matter; rounding up to 10.0 is left to the next form.
    if seconds < 9.95 {
        let tenths = format!("{seconds:.1}");
        return format!("{}s", tenths.strip_suffix(".0").unwrap_or(&tenths));
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole}s"),
        60..3_600 => format!("{}m {}s", whole / 60, whole % 60),
        3_600..86_400 => format!("{}h {}m", whole / 3_600, whole % 3_600 / 60),
        86_400.. => format!("{}d {}h", whole / 86_400, whole % 86_400 / 3_600),
    }
}

/// A time that somebody has configured, unrounded.
pub(crate) fn interval(seconds: f64) -> String {
    // Beyond any interval there is; a number of 300 digits would be printed otherwise.
    if (0.0..86_400.0).contains(&seconds) { format!("{seconds}s") } else { duration(seconds) }
}

/// No column is made wider than this for the sake of one long text.
const WIDTH_MAX: usize = 64;

/// The width of a column that holds these texts, in characters.
pub(crate) fn width<'a>(texts: impl IntoIterator<Item = &'a str>) -> usize {
    texts.into_iter().map(|text| text.chars().count()).max().unwrap_or(0).min(WIDTH_MAX)
}

/// Fills up with blanks on the right, counted in characters.
pub(crate) fn pad(text: &str, width: usize) -> String {
    let blanks = width.saturating_sub(text.chars().count());
    format!("{text}{}", " ".repeat(blanks))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    Plain,
    Bold,
    Good,
    Notice,
    Bad,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Paint {
    pub(crate) on: bool,
}

impl Paint {
    /// Pad first: the codes count as characters.
    pub(crate) fn apply(self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Plain => return text.to_owned(),
            Colour::Bold => "1",
            Colour::Good => "32",
            Colour::Notice => "33",
            Colour::Bad => "1;31",
        };
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The colour of a state's name.
pub(crate) fn state_colour(state: &str) -> Colour {
    match state {
        "MASTER" => Colour::Good,
        "FAULT" => Colour::Bad,
        "INIT" => Colour::Notice,
        _ => Colour::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_spoken() {
        for (seconds, text) in [
            (0.0, "0s"),
            (0.21, "0.2s"),
            (3.0, "3s"),
            (9.94, "9.9s"),
            (9.96, "10s"),
            (12.345, "12s"),
            (59.6, "1m 0s"),
            (243.0, "4m 3s"),
            (18_120.0, "5h 2m"),
            (183_600.0, "2d 3h"),
            (-1.0, "?"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
        assert!(duration(f64::MAX).contains("d "));
        for (seconds, text) in [(1.0, "1s"), (0.25, "0.25s"), (40.95, "40.95s"), (-1.0, "?")] {
            assert_eq!(interval(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn nothing_received_reaches_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\r\n\u{9b}c"), "a\\u{1b}[2Jb\\r\\n\\u{9b}c");
        assert_eq!(printable("caf\u{e9} \u{202e}x"), "caf\u{e9} \\u{202e}x");
        assert_eq!(printable_lines("a\nb\x07"), "a\nb\\u{7}\n");
    }

    #[test]
    fn colour_only_when_wanted() {
        assert_eq!(Paint { on: false }.apply(Colour::Bad, "x"), "x");
        assert_eq!(Paint { on: true }.apply(Colour::Bad, "x"), "\x1b[1;31mx\x1b[0m");
    }
}

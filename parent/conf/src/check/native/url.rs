//! What is behind `tcp`, `url`, `status_code` and the names of servers. Addresses only: the checker
//! resolves no names, because a resolver that is slow or lies must not decide about a service.

use super::super::value::{no_more_than, one};
use crate::config::{Get, Tls};
use crate::diagnostic::Say;
use crate::lex::Word;
use crate::limits::{NAME_MAX, STATUS_MAX, WORDS_MAX};
use crate::tree::Item;
use std::net::{IpAddr, SocketAddr};

/// `ADDRESS:PORT`
pub(super) fn tcp(item: &Item, say: &mut Say) -> Option<SocketAddr> {
    let word = one(item, say)?;
    let text = std::str::from_utf8(&word.bytes).ok();
    let server = text.and_then(|text| text.parse::<SocketAddr>().ok());
    let server = server.filter(|server| server.port() != 0);
    if server.is_none() {
        let message = format!("`{}` is no address with a port", word.show());
        say.error(
            word.span,
            message,
            "write `tcp 127.0.0.1:80` or `tcp [::1]:80`; names are not resolved",
        );
    }
    server
}

/// `http[s]://ADDRESS[:PORT][/PATH][?QUERY]`
pub(super) fn url(item: &Item, say: &mut Say) -> Option<Get> {
    no_more_than(item, 1, say);
    let word = one(item, say)?;
    let refuse = |message: String, remedy: &str, say: &mut Say| {
        say.error(word.span, message, remedy.to_owned());
        None
    };
    let text = std::str::from_utf8(&word.bytes).unwrap_or("");
    let (secret, rest) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
        (Some(rest), _) => (false, rest),
        (None, Some(rest)) => (true, rest),
        (None, None) => {
            let message = format!("`{}` is no URL of a web server", word.show());
            return refuse(message, "write `url http://127.0.0.1:80/PATH`", say);
        }
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (place, target) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let Some(server) = server(place, if secret { 443 } else { 80 }) else {
        let message =
            format!("`{}` is no address, and the checker resolves no names", place.escape_debug());
        let remedy = "write the server's address, and its name in a line `virtualhost NAME`";
        return refuse(message, remedy, say);
    };
    let visible = target.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
    if !visible || target.len() >= WORDS_MAX {
        let message = format!("the path of `{}` cannot be asked for", word.show());
        let remedy =
            "write at most 1023 characters of ASCII without blanks and `#`; others as `%20`";
        return refuse(message, remedy, say);
    }
    if word.cut {
        let message = "a comment sign ends the URL here";
        say.hint(word.span, message, "put the URL in double quotes to keep `!`");
    }
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    let tls = secret.then_some(Tls { name: None, verify: true, ca_file: None });
    Some(Get { server, target, host: None, status: Vec::new(), body: None, tls })
}

fn server(place: &str, usual: u16) -> Option<SocketAddr> {
    let bare = place.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(v6) => v6.parse().ok().filter(IpAddr::is_ipv6),
        None => place.parse().ok().filter(IpAddr::is_ipv4),
    };
    let server = address.map(|ip| SocketAddr::new(ip, usual)).or_else(|| place.parse().ok());
    server.filter(|server| server.port() != 0)
}

/// `STATUS` and `STATUS-STATUS`, any number of them.
pub(super) fn status(item: &Item, found: &mut Vec<(u16, u16)>, say: &mut Say) {
    if item.words.is_empty() {
        let _ = one(item, say);
    }
    for word in &item.words {
        match range(word) {
            Some(range) => found.push(range),
            None => {
                let message = format!("`{}` is no status, it is ignored", word.show());
                say.warn(
                    word.span,
                    message,
                    "write `status_code 200`, `200-299` or several of them",
                );
            }
        }
    }
    if found.len() > STATUS_MAX {
        let message = format!("more than {STATUS_MAX} times a status");
        say.error(item.span(), message, "write ranges, such as `200-299`");
    }
}

fn range(word: &Word) -> Option<(u16, u16)> {
    let text = std::str::from_utf8(&word.bytes).ok()?;
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let code = |text: &str| text.parse().ok().filter(|code| (100..=599).contains(code));
    let (low, high): (u16, u16) = (code(low)?, code(high)?);
    (low <= high).then_some((low, high))
}

/// A name, or an address, with a port perhaps.
pub(super) fn host(item: &Item, say: &mut Say) -> Option<String> {
    let word = one(item, say)?;
    let text = std::str::from_utf8(&word.bytes).unwrap_or("");
    let good = |b: u8| b.is_ascii_alphanumeric() || b"-_.:[]*".contains(&b);
    if text.is_empty() || text.len() > NAME_MAX || !text.bytes().all(good) {
        let message = format!("`{}` is no name of a server", word.show());
        say.error(word.span, message, "write a name such as `www.example.org`");
        return None;
    }
    Some(text.to_owned())
}

//! `authentication`: the password in the adverts. No message here ever shows it.

use super::value::one;
use super::walk;
use crate::config::Auth;
use crate::diagnostic::{Say, Span};
use crate::keywords::Context;
use crate::lex::Word;
use crate::tree::Item;
use vipd_types::{Version, Vrid};

/// What an `authentication` block asks for.
#[derive(Clone, Copy)]
pub(super) enum Wish {
    Pass([u8; 8]),
    /// Keyed MD5 in an IP Authentication Header.
    Header,
}

/// With the place of the `auth_type`.
pub(super) fn read(item: &Item, say: &mut Say) -> Option<(Wish, Span)> {
    super::value::no_more_than(item, 0, say);
    let mut kind = None;
    let mut password = None;
    let items = item.block.as_deref().unwrap_or_default();
    walk(items, Context::Authentication, say, |name, item, say| match name {
        "auth_type" => kind = one(item, say),
        _ => password = one(item, say),
    });
    let Some(kind) = kind else {
        let message = "no `auth_type`: adverts carry no password";
        say.warn(item.span(), message, "write `auth_type PASS`, or remove the block");
        return None;
    };
    let wish = match (kind.bytes.as_slice(), password) {
        (b"PASS", Some(password)) => Wish::Pass(eight(password, say)),
        (b"PASS", None) => {
            let message = "`auth_type PASS` without `auth_pass`: adverts carry no password";
            say.warn(kind.span, message, "write `auth_pass` and up to 8 characters");
            return None;
        }
        (b"AH", _) => Wish::Header,
        _ => {
            let message = format!("there is no auth_type `{}`: no password is sent", kind.show());
            say.warn(kind.span, message, "write `auth_type PASS`, or remove the block");
            return None;
        }
    };
    Some((wish, kind.span))
}

/// Only VRRPv2 has room for it, and RFC 3768 10 has taken it back there.
pub(super) fn settle(
    wish: Option<(Wish, Span)>,
    version: Version,
    strict: bool,
    say: &mut Say,
) -> Auth {
    let Some((wish, at)) = wish else { return Auth::None };
    if version == Version::V3 {
        let message = "VRRPv3 has no authentication (RFC 9568 9): it is removed, as in keepalived";
        say.warn(at, message, "remove the `authentication` block");
        return Auth::None;
    }
    if strict {
        let message = "strict_mode: RFC 3768 has no authentication, it is removed, as in keepalived; \
                       a node that keeps it drops our adverts, and we drop its own";
        say.warn(at, message, "remove the `authentication` block on all nodes");
        return Auth::None;
    }
    match wish {
        Wish::Pass(password) => Auth::Pass(password),
        Wish::Header => {
            let message = "`auth_type AH` (MD5 in an IP Authentication Header) is not served: RFC 3768 \
                           removed it, and nodes that use it would drop our adverts";
            let remedy = "write `auth_type PASS` or no authentication on all nodes, and let a packet \
                          filter admit protocol 112 from them only";
            say.error(at, message, remedy);
            Auth::None
        }
    }
}

/// The first eight bytes, filled with zeros.
fn eight(password: &Word, say: &mut Say) -> [u8; 8] {
    if password.cut {
        let message = format!(
            "`#` and `!` begin a comment: the password is only the {} bytes before it, as in \
             keepalived",
            password.bytes.len()
        );
        let remedy = "write it in double quotes on ALL nodes if the rest belongs to it";
        say.hint(password.span, message, remedy);
    }
    if password.bytes.len() > 8 {
        let message = "VRRPv2 has room for 8 bytes of password: the first 8 are used";
        say.warn(password.span, message, "shorten it; nodes with the same 8 bytes still agree");
    }
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(&password.bytes).for_each(|(to, from)| *to = *from);
    bytes
}

/// The router of the sample file, as half of all installations have it.
pub(super) fn speak_of_sample(
    auth: &Auth,
    vrid: Vrid,
    multicast: bool,
    vrid_at: Span,
    say: &mut Say,
) {
    if multicast && vrid.get() == 51 && *auth == Auth::Pass(*b"1111\0\0\0\0") {
        let message = "51 with the password 1111 is the sample's: another pair of nodes in this \
                       network may well use it too";
        say.hint(vrid_at, message, "choose another virtual_router_id on all nodes");
    }
}

//! What is said about a keyword that vipd knows and does not serve, wherever it stands.

use crate::diagnostic::{Say, Span};
use crate::keywords::instead::instead;
use crate::keywords::{Keyword, Served};

/// True if the keyword is served.
pub(super) fn of(keyword: &'static Keyword, at: Span, say: &mut Say) -> bool {
    let Keyword { name, summary, .. } = keyword;
    let remedy = instead(keyword);
    match keyword.served {
        Served::Served => return true,
        Served::Accepted => say.idle(at, name, summary),
        Served::NotYet => {
            say.warn(at, format!("`{name}` is not served by vipd yet: {summary}"), remedy);
        }
        Served::Refused => {
            say.error(at, format!("`{name}` is not served by vipd: {summary}"), remedy);
        }
        Served::Balancer => {
            let message = format!(
                "`{name}` belongs to the load balancer half of keepalived, which is not served: \
                 {summary}"
            );
            say.balancer(at, message, remedy);
        }
    }
    false
}

//! `track_file` and `vrrp_check` back to text.

use super::{Page, quoted};
use crate::check::value::show_seconds;
use crate::config::{Get, NativeCheck, Question, TrackedFile};
use crate::shell;

pub(super) fn tracked_file(page: &mut Page, f: &TrackedFile) {
    page.word("file", &f.path);
    weight(page, f.weight, f.reverse);
    if let Some(init) = f.init {
        let overwrite = if init.overwrite { " overwrite" } else { "" };
        page.show("init_file", format_args!("{}{overwrite}", init.value));
    }
}

pub(super) fn native_check(page: &mut Page, c: &NativeCheck) {
    match &c.question {
        Question::Tcp(server) => page.show("tcp", server),
        Question::Unix(path) => page.word("unix", path),
        Question::Process(name) => page.line(&[b"process", &shell::word(name)]),
        Question::File { path, max_age, content } => {
            page.word("file", path);
            if let Some(age) = max_age {
                page.show("max_age", show_seconds(*age));
            }
            if let Some(content) = content {
                page.line(&[b"content", &shell::word(content)]);
            }
        }
        Question::Url(get) => url(page, get),
    }
    page.show("interval", show_seconds(c.interval));
    page.show("timeout", show_seconds(c.timeout));
    page.show("jitter", show_seconds(c.jitter));
    weight(page, c.weight, c.reverse);
    page.show("rise", c.rise);
    page.show("fall", c.fall);
    if c.init_fail {
        page.line(&[b"init_fail"]);
    }
}

fn url(page: &mut Page, get: &Get) {
    let scheme = if get.tls.is_some() { "https" } else { "http" };
    page.word("url", format!("{scheme}://{}{}", get.server, get.target).as_bytes());
    if let Some(host) = &get.host {
        page.word("virtualhost", host.as_bytes());
    }
    let status = |(low, high): &(u16, u16)| {
        if low == high { low.to_string() } else { format!("{low}-{high}") }
    };
    let all: Vec<String> = get.status.iter().map(status).collect();
    page.show("status_code", all.join(" "));
    if let Some(body) = &get.body {
        page.line(&[b"body", &shell::word(body)]);
    }
    let Some(tls) = &get.tls else { return };
    if let Some(name) = &tls.name {
        page.word("sni_name", name.as_bytes());
    }
    page.switch("verify", tls.verify);
    if let Some(file) = &tls.ca_file {
        page.line(&[b"ca_file", &quoted(file)]);
    }
}

fn weight(page: &mut Page, weight: vipd_types::Weight, reverse: bool) {
    let reverse = if reverse { " reverse" } else { "" };
    page.show("weight", format_args!("{weight}{reverse}"));
}

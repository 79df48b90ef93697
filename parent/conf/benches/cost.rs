//! What reading costs: prints the time for 1, 100 and 10 000 instances, written in several ways,
//! and what it is for one instance. `cargo bench -p vipd-conf`. Asserts nothing about time.
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    reason = "a benchmark prints, and may panic"
)]

use std::path::Path;
use std::time::{Duration, Instant};
use vipd_conf::{Around, Parsed, Unread, parse_in, print};

const COUNTS: [usize; 3] = [1, 100, 10_000];

/// One file for each instance, made when it is asked for.
struct Files {
    count: usize,
}

impl Around for Files {
    fn config_id(&self) -> &str {
        "node1"
    }

    fn variable(&self, _name: &str) -> Option<Vec<u8>> {
        None
    }

    fn read(&mut self, path: &Path) -> Result<Vec<u8>, Unread> {
        let number = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
        Ok(instance(number, "").into_bytes())
    }

    fn names(&mut self, _folder: &Path) -> Result<Vec<Vec<u8>>, Unread> {
        Ok((0..self.count).map(|n| n.to_string().into_bytes()).collect())
    }
}

fn instance(n: usize, more: &str) -> String {
    let (a, b) = (n / 250, n % 250 + 1);
    format!(
        "vrrp_instance VI_{n} {{\n    interface v{a}\n    virtual_router_id {b}\n    priority 100\n{more}    \
         virtual_ipaddress {{\n        10.{}.{}.{b}/24\n    }}\n    track_script {{\n        chk\n    }}\n}}\n",
        a / 250,
        a % 250
    )
}

const CHECK: &str = "vrrp_script chk {\n    script \"pidof x\"\n}\n";

fn written(count: usize) -> String {
    (0..count).map(|n| instance(n, "")).chain([CHECK.to_owned()]).collect()
}

/// Four warnings and an error in each.
fn wrong(count: usize) -> String {
    let more = "    prioriti 5\n    advert_int x\n    nopreempt y\n    track_interface {\n        e\n    }\n    auth_hmac {\n    }\n";
    (0..count).map(|n| instance(n, more)).chain([CHECK.to_owned()]).collect()
}

fn sequence(count: usize) -> String {
    let body = instance(0, "").replace("VI_0", "VI_${a}_${b}").replace(" v0", " v${a}");
    let body = body.replace("virtual_router_id 1", "virtual_router_id ${b}");
    let body = body.replace("10.0.0.1", "10.0.${a}.${b}").trim_end().replace('\n', " \\\n");
    let (outer, inner) = (count.div_ceil(250), count.min(250));
    let last = outer - 1;
    format!("{CHECK}$VI= \\\n{body}\n~SEQ(a,0,{last}) ~SEQ(b,1,{inner}) $VI\n")
}

fn read(text: &str, count: usize) -> Parsed {
    parse_in("bench.conf", Path::new("/bench.conf"), text.as_bytes(), &mut Files { count })
}

fn time<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed())
}

fn line(what: &str, count: usize, time: Duration) {
    let each = time / u32::try_from(count).unwrap();
    println!("{what:<32} {count:>6} instances {time:>12.1?}   {each:>10.1?} each");
}

fn main() {
    for count in COUNTS {
        let forms = [
            ("written out", written(count)),
            ("one file each", format!("{CHECK}include files/*\n")),
            ("a sequence", sequence(count)),
            ("full of mistakes", wrong(count)),
        ];
        for (what, text) in forms {
            let (parsed, took) = time(|| read(&text, count));
            assert_eq!(parsed.config.instances.len(), count, "{what}");
            line(what, count, took);
            if parsed.diagnostics.is_empty() {
                let (_, took) = time(|| print(&parsed.config));
                line("  printed", count, took);
            } else {
                let draw = || parsed.diagnostics.iter().map(|d| parsed.texts.draw(d, true).len());
                let (_, took) = time(|| draw().sum::<usize>());
                let number = parsed.diagnostics.len();
                line(&format!("  {number} diagnostics drawn"), count, took);
                let lines = || parsed.diagnostics.iter().map(|d| d.to_line().len());
                let (_, took) = time(|| lines().sum::<usize>());
                line("  as lines", count, took);
            }
        }
    }
}

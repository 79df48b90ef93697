//! By which name the program was called: as keepalived it keeps keepalived's file names and what
//! other programs read of it. Decides names only; what the daemon does is the same, but for the
//! lease, which is off there unless the file asks for one.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The keepalived whose command line, dump files and version line are kept.
const LIKE: &str = "2.2.7";
/// A UNIX socket's path has 107 bytes.
const SOCKET_PATH_MAX: usize = 107;
const DEFAULT_SOCKET: &str = "/run/vipd/vipd.sock";
const KEEPALIVED_PID: &str = "/run/keepalived.pid";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    Vipd,
    Keepalived,
}

/// The files that say which processes run, and the control socket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Places {
    pub(crate) parent: Option<PathBuf>,
    pub(crate) engine: Option<PathBuf>,
    pub(crate) checker: Option<PathBuf>,
    pub(crate) socket: Option<PathBuf>,
}

/// What the log daemon is told who speaks.
#[derive(Debug)]
pub(crate) struct Idents {
    pub(crate) parent: &'static str,
    engine: &'static str,
    checker: &'static str,
}

impl Idents {
    pub(crate) fn of_child(&self, name: &'static str) -> &'static str {
        match name {
            "vipd-vrrpe" => self.engine,
            "vipd-checker" => self.checker,
            other => other,
        }
    }
}

impl Identity {
    /// From the first word of the command line.
    pub(crate) fn of(program: Option<&OsStr>) -> Self {
        let base = program.map(Path::new).and_then(Path::file_name);
        match base.map(OsStr::as_bytes) {
            Some(b"keepalived") => Self::Keepalived,
            Some(_) | None => Self::Vipd,
        }
    }

    pub(crate) fn default_file(self) -> &'static str {
        match self {
            Self::Vipd => "/etc/vipd/vipd.conf",
            Self::Keepalived => "/etc/keepalived/keepalived.conf",
        }
    }

    /// In the messages to whoever typed the command.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Vipd => "vipd",
            Self::Keepalived => "keepalived",
        }
    }

    pub(crate) fn idents(self) -> &'static Idents {
        match self {
            Self::Vipd => &Idents { parent: "vipd", engine: "vipd-vrrpe", checker: "vipd-checker" },
            Self::Keepalived => &Idents {
                parent: "Keepalived",
                engine: "Keepalived_vrrp",
                checker: "Keepalived_healthcheckers",
            },
        }
    }

    /// Its first line is what other programs read: keepalived's version in keepalived's form.
    pub(crate) fn version(self) -> String {
        let own = env!("CARGO_PKG_VERSION");
        match self {
            Self::Vipd => format!("vipd {own}\n"),
            Self::Keepalived => format!(
                "Keepalived v{LIKE} (vipd {own})\n\n\
                 This is vipd {own} under the name keepalived; see AS KEEPALIVED in vipd(8).\n\n\
                 configure options: --enable-json\n\n\
                 Config options:  VRRP VRRP_AUTH VRRP_VMAC JSON\n"
            ),
        }
    }

    /// For the line of the log that announces the start.
    pub(crate) fn title(self) -> String {
        let own = env!("CARGO_PKG_VERSION");
        match self {
            Self::Vipd => format!("vipd v{own}"),
            Self::Keepalived => format!("Keepalived v{LIKE} (vipd {own})"),
        }
    }

    /// The last line of the log.
    pub(crate) fn last_words(self) -> String {
        match self {
            Self::Vipd => "Stopped".to_owned(),
            Self::Keepalived => format!("Stopped {}", self.title()),
        }
    }

    /// The places that the command line left open. Several keepalived run beside each other with a
    /// pid file each, so each gets a control socket of its own.
    pub(crate) fn fill(self, mut places: Places, namespace: Option<&str>) -> Places {
        let by_name = places.parent.clone();
        // keepalived has no checker where nothing is balanced, and so no file of one.
        if self == Self::Keepalived {
            let folder = namespace
                .map_or_else(|| "/run".to_owned(), |name| format!("/run/keepalived/{name}"));
            let default = |name: &str| Some(PathBuf::from(format!("{folder}/{name}")));
            places.parent = places.parent.or_else(|| default("keepalived.pid"));
            places.engine = places.engine.or_else(|| default("vrrp.pid"));
        }
        places.socket = Some(match (places.socket, by_name, namespace) {
            (Some(socket), _, _) => socket,
            (None, Some(pid), _)
                if self == Self::Keepalived && pid != Path::new(KEEPALIVED_PID) =>
            {
                socket_beside(&pid)
            }
            (None, _, Some(namespace)) => PathBuf::from(format!("/run/vipd/{namespace}.sock")),
            (None, _, None) => PathBuf::from(DEFAULT_SOCKET),
        });
        places
    }
}

/// A name in /run/vipd that says whose it is.
fn socket_beside(pid_file: &Path) -> PathBuf {
    let words: Vec<_> = pid_file.iter().filter(|word| *word != "/").collect();
    let name = words.join(OsStr::new("-"));
    let mut path = PathBuf::from("/run/vipd");
    path.push(name);
    path.as_mut_os_string().push(".sock");
    if path.as_os_str().len() <= SOCKET_PATH_MAX {
        return path;
    }
    let bytes = pid_file.as_os_str().as_bytes();
    PathBuf::from(format!("/run/vipd/{:016x}.sock", vipd_conf::digest(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_name_decides() {
        let of = |word: &str| Identity::of(Some(OsStr::new(word)));
        assert_eq!(of("/usr/sbin/keepalived"), Identity::Keepalived);
        assert_eq!(of("keepalived"), Identity::Keepalived);
        assert_eq!(of("/opt/keepalived/vipd"), Identity::Vipd);
        assert_eq!(Identity::of(None), Identity::Vipd);
    }

    #[test]
    fn every_keepalived_has_places_of_its_own() {
        let fill = |pid: Option<&str>, namespace| {
            let parent = pid.map(PathBuf::from);
            let places = Places { parent, ..Places::default() };
            Identity::Keepalived.fill(places, namespace)
        };
        let path = |text: &str| Some(PathBuf::from(text));
        let usual = fill(None, None);
        assert_eq!(usual.parent, path("/run/keepalived.pid"));
        assert_eq!(usual.engine, path("/run/vrrp.pid"));
        assert_eq!(usual.socket, path("/run/vipd/vipd.sock"));
        assert_eq!(
            fill(path("/run/keepalived.pid").as_deref().and_then(Path::to_str), None),
            usual
        );
        let routed = fill(Some("/var/lib/x/r1.pid"), None);
        assert_eq!(routed.socket, path("/run/vipd/var-lib-x-r1.pid.sock"));
        let blue = fill(None, Some("blue"));
        assert_eq!(blue.engine, path("/run/keepalived/blue/vrrp.pid"));
        assert_eq!(blue.checker, None);
        assert_eq!(blue.socket, path("/run/vipd/blue.sock"));
        let long = fill(Some(&format!("/var/{}.pid", "x".repeat(120))), None).socket;
        assert!(long.is_some_and(|path| path.as_os_str().len() < 50));
        assert_eq!(Identity::Vipd.fill(Places::default(), None).parent, None);
    }

    /// What Neutron and the exporters of metrics look for.
    #[test]
    fn the_version_is_in_keepaliveds_form() {
        let text = Identity::Keepalived.version();
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("Keepalived v2.2.7 ("), "{first}");
        assert!(text.contains("--enable-json"));
    }
}

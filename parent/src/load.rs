//! Reads the configuration file and says what is to be said about it. The language is vipd-conf's
//! business; the file system is this file's.

use crate::args::Args;
use crate::disk::{Disk, FILE_MAX};
use crate::identity::Identity;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use vipd_conf::config::Lease;
use vipd_conf::{Diagnostic, Parsed, Severity};

#[derive(Debug)]
pub(crate) struct Loaded {
    /// As it stands in diagnostics.
    pub(crate) name: String,
    pub(crate) parsed: Parsed,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("{0}: there is no such file; write one (vipd.conf(5)) or name another with -f")]
    Missing(PathBuf),
    #[error("{path}: {error}{}", remedy(.error))]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{0}: larger than 64 MiB, not read")]
    TooLarge(PathBuf),
}

fn remedy(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::PermissionDenied {
        "; make it readable: chown root:_vipd, chmod 0640"
    } else {
        ""
    }
}

/// This host as the command line has it: its name is `-i`, or the host's up to its first dot.
pub(crate) fn around(args: &Args) -> Disk {
    let config_id = args.config_id.clone().unwrap_or_else(|| {
        let host = nix::unistd::gethostname().unwrap_or_default();
        let host = host.to_string_lossy();
        host.split('.').next().unwrap_or_default().to_owned()
    });
    Disk { config_id, vrrp_only: args.vrrp_only, prefix: "" }
}

/// The file, and what it includes. Under the name keepalived
/// addresses have a lease only if the file says so: a renewal is an event that others see.
pub(crate) fn read(
    path: &Path,
    identity: Identity,
    around: &mut Disk,
) -> Result<Loaded, LoadError> {
    let unreadable = |error: io::Error| {
        if error.kind() == io::ErrorKind::NotFound {
            LoadError::Missing(path.to_owned())
        } else {
            LoadError::Unreadable { path: path.to_owned(), error }
        }
    };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > FILE_MAX {
        return Err(LoadError::TooLarge(path.to_owned()));
    }
    let text = std::fs::read(path).map_err(unreadable)?;
    let whole = std::path::absolute(path).map_err(unreadable)?;
    let name = path.display().to_string();
    let mut parsed = vipd_conf::parse_in(&name, &whole, &text, around);
    if identity == Identity::Keepalived {
        let unsaid = parsed.config.instances.iter_mut().filter(|i| i.lease == Lease::Default);
        unsaid.for_each(|instance| instance.lease = Lease::Off);
    }
    Ok(Loaded { name, parsed })
}

pub(crate) fn log(diagnostic: &Diagnostic) {
    match diagnostic.severity {
        Severity::Error => log::error!("{}", diagnostic.to_line()),
        Severity::Warning => log::warn!("{}", diagnostic.to_line()),
        Severity::Hint => log::info!("{}", diagnostic.to_line()),
    }
}

/// The errors, a line each, for the one who asked for a reload.
pub(crate) fn errors_of(parsed: &Parsed) -> String {
    let mut text = String::new();
    for diagnostic in parsed.diagnostics.iter().filter(|d| d.severity == Severity::Error) {
        let _ = writeln!(text, "{}", diagnostic.to_line());
    }
    text.trim_end().to_owned()
}

/// The configuration with all its defaults; the password is nobody's business in a log.
pub(crate) fn log_all(config: &vipd_conf::Config) {
    for line in String::from_utf8_lossy(&vipd_conf::print(config)).lines() {
        if line.trim_start().starts_with("auth_pass") {
            log::info!("        auth_pass ********");
        } else {
            log::info!("{line}");
        }
    }
}

//! The Debian packages that the laboratory's programs come from: `.ci/packages` knows them and
//! installs what is missing, if that is possible and not forbidden. Starts no service.

use crate::error::{Error, Result};
use crate::run::output;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.ci/packages");

/// Installs what is missing, unless `$VIPD_LAB_INSTALL` is `no`. Looks once in the life of this
/// process.
///
/// # Errors
/// When something is missing and stays so: names the command to run.
pub fn ensure() -> Result<()> {
    static DONE: OnceLock<Result<()>> = OnceLock::new();
    DONE.get_or_init(install).clone()
}

fn install() -> Result<()> {
    let result = output(Command::new(SCRIPT), "", Duration::from_secs(600))?;
    if result.ok() { Ok(()) } else { Err(Error::new(result.stderr.trim())) }
}

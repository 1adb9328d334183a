//! Which variables no child of the engine may receive.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::process::Command;

use fraisier_core::child_env::scrub;

/// The variables that the engine withholds from its children, such as the one that
/// `[database].admin_url_env` names.
///
/// The engine removes them from the commands that it starts itself, and an adapter that is compiled in
/// starts its own. The set grows when the engine loads a configuration, so query it for each call.
#[must_use]
pub fn withheld_variables() -> BTreeSet<OsString> {
    // The engine does not list them; it only removes them from a command.
    let mut never_started = Command::new("");
    scrub(&mut never_started);
    never_started
        .get_envs()
        .filter(|(_, value)| value.is_none())
        .map(|(name, _)| OsStr::to_owned(name))
        .collect()
}

//! The adapter that the program runs: the library's, with the defaults of who calls it.

use std::env;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fraisier_adapter_api::AdapterError;
use fraisier_adapter_confiture::observe::Observer;
use fraisier_adapter_confiture::{Builder, ConfitureMigration, MissingMigrations};

use crate::limit::{self, Limit};

/// Who makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// fraisier, which ends a call after 60 s, and runs `verify` and `preflight` where the migrations
    /// need not be.
    Engine,
    /// A person, by a command of this program.
    Person,
}

/// The defaults by variable, where they are not those of the library.
pub const DEFAULTS: [(&str, &str); 3] = [
    (
        "FRAISIER_CONFITURE_BIN",
        "`confiture` in the directory of this program, otherwise from `PATH`",
    ),
    (
        "FRAISIER_CONFITURE_TIMEOUT",
        "`50s` under fraisier, `off` by hand",
    ),
    (
        "FRAISIER_CONFITURE_MISSING_MIGRATIONS",
        "`ask` under fraisier, `refuse` by hand",
    ),
];

/// `confiture` in the directory of this program, as one `pip install` of both leaves it.
pub(crate) fn beside_this_program() -> Option<PathBuf> {
    let candidate = env::current_exe().ok()?.with_file_name("confiture");
    is_executable(&candidate).then_some(candidate)
}

pub(crate) fn is_executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// The builder with the defaults for this caller, before the variables.
fn defaults(caller: Caller) -> Builder {
    let mut builder = ConfitureMigration::builder();
    if let Some(program) = beside_this_program() {
        builder = builder.default_program(program);
    }
    match caller {
        Caller::Engine => builder
            .timeout(limit::DEFAULT)
            .missing_migrations(MissingMigrations::AskConfiture),
        Caller::Person => builder,
    }
}

/// The adapter that the environment configures, and the limit of a call of it.
///
/// # Errors
///
/// `InvalidConfig` when a variable holds what it does not take.
pub fn adapter(
    caller: Caller,
    observer: Arc<dyn Observer>,
) -> Result<(ConfitureMigration, Limit), AdapterError> {
    let builder = defaults(caller).overridden_by_env()?.observer(observer);
    let adapter = builder.build();
    let limit = Limit(adapter.timeout());
    Ok((adapter, limit))
}

#[cfg(test)]
mod tests {
    use fraisier_adapter_confiture::VARIABLES;

    use super::*;

    #[test]
    fn the_documented_defaults_are_the_real_ones() {
        for (name, _) in DEFAULTS {
            assert!(VARIABLES.iter().any(|variable| variable.name == name));
        }
        assert_eq!(limit::DEFAULT.as_secs(), 50);
        let limit_of = |caller| defaults(caller).build().timeout();
        assert_eq!(limit_of(Caller::Engine), Some(limit::DEFAULT));
        assert!(!Limit(Some(limit::DEFAULT)).is_beyond_the_engine());
        assert_eq!(limit_of(Caller::Person), None);
    }
}

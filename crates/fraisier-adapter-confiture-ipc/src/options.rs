//! The adapter that the program runs: the library's, with defaults that depend on the caller.

use std::env;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{self, Path, PathBuf};

use fraisier_adapter_api::AdapterError;
use fraisier_adapter_confiture::{Builder, ConfitureMigration, MissingMigrations};

use crate::limit;

/// Who makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// fraisier. It ends a call after 60 s, and runs `verify` and `preflight` in a directory that may
    /// lack the migrations.
    Engine,
    /// A person, by a command of this program.
    Person,
}

/// The defaults by variable, where they are not those of the library.
#[rustfmt::skip]
pub const DEFAULTS: [(&str, &str); 3] = [
    ("FRAISIER_CONFITURE_BIN", "`confiture` in the directory of this program, otherwise from `PATH`"),
    ("FRAISIER_CONFITURE_TIMEOUT", "`50s` under fraisier, `off` by hand"),
    ("FRAISIER_CONFITURE_MISSING_MIGRATIONS", "`ask` under fraisier, `refuse` by hand"),
];

/// By which rule confiture is found, with this value of `--confiture`: the first that applies.
pub(crate) fn found_by(option: Option<&Path>) -> &'static str {
    if option.is_some() {
        "named by --confiture"
    } else if env::var_os("FRAISIER_CONFITURE_BIN").is_some_and(|name| !name.is_empty()) {
        "named by FRAISIER_CONFITURE_BIN"
    } else if beside_this_program().is_some() {
        "in the directory of the adapter program"
    } else {
        "looked up in PATH"
    }
}

/// The value of `--confiture`: a path, relative to the directory in which this program was started.
///
/// # Errors
///
/// A text for a person if there is no executable file, such as for the directory `.venv/bin`.
pub(crate) fn executable(path: PathBuf) -> Result<PathBuf, String> {
    match path::absolute(path) {
        Ok(path) if is_executable(&path) => Ok(path),
        _ => Err(
            "there is no executable file. Next: name the `confiture` of an installation, such \
                  as .venv/bin/confiture"
                .into(),
        ),
    }
}

/// The confiture beside this program, where one `pip install` puts both.
fn beside_this_program() -> Option<PathBuf> {
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

/// The builder that the environment configures for this caller. `confiture` is the value of `--confiture`.
///
/// # Errors
///
/// `InvalidConfig` when a variable has an invalid value.
pub fn builder(caller: Caller, confiture: Option<&Path>) -> Result<Builder, AdapterError> {
    let builder = defaults(caller).overridden_by_env()?;
    Ok(match confiture {
        Some(program) => builder.program(program),
        None => builder,
    })
}

#[cfg(test)]
mod tests {
    use fraisier_adapter_confiture::VARIABLES;

    use super::*;
    use crate::limit::Limit;

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

//! What the builder configured, the same for every call of an adapter.

use std::path::PathBuf;
use std::time::Duration;

use super::environment::Inherit;
use super::secrets::Secrets;
use super::{Check, Settings, bytecode};
use crate::failure::NamedBy;
use crate::process::{Arg, Environment, Invocation, find_program};

/// What becomes of a `verify` or `preflight` whose migrations directory does not exist. `up` and
/// `down_to` are refused in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum MissingMigrations {
    /// It is refused: confiture finds nothing wrong with a directory that is not there.
    #[default]
    Refuse,
    /// confiture answers: for an engine that asks where the directory need not be. A `verify` is
    /// then as confiture says it, with a detail that no files were at hand. A `preflight` has
    /// confiture's `ok`, a warning of ours
    /// ([`NO_MIGRATIONS_AT_HAND`](crate::NO_MIGRATIONS_AT_HAND)), and neither `window_safe`
    /// nor a change set, so that gates refuse.
    AskConfiture,
}

/// What the builder configured, the same for every call of an adapter.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The binary.
    pub(crate) program: PathBuf,
    /// What named it.
    pub(crate) named_by: NamedBy,
    /// What a child inherits.
    pub(crate) inherit: Inherit,
    /// Whether a private bytecode cache is provided where it helps.
    pub(crate) bytecode_cache: bool,
    /// Whether the server is asked to notice that its client is gone.
    pub(crate) check: Check,
    /// What holds where a context sets nothing.
    pub(crate) settings: Settings,
    /// What becomes of a call whose migrations directory does not exist.
    pub(crate) missing_migrations: MissingMigrations,
    /// How often a long `up` is asked how far it is.
    pub(crate) progress_interval: Option<Duration>,
    /// Whether `preflight` judges only what is pending.
    pub(crate) pending_only: bool,
    /// Whether an `up` that failed halfway is rolled back.
    pub(crate) undo_failed_up: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            program: "confiture".into(),
            named_by: NamedBy::Default,
            inherit: Inherit::default(),
            bytecode_cache: true,
            check: Check::default(),
            settings: Settings::default(),
            missing_migrations: MissingMigrations::default(),
            progress_interval: None,
            pending_only: true,
            undo_failed_up: false,
        }
    }
}

impl Config {
    /// The values of the variables that no child receives.
    pub(super) fn withheld(&self, ambient: &Environment) -> Secrets {
        Secrets::withheld(self.inherit.withheld_values(ambient))
    }

    pub(super) fn invocation(
        &self,
        args: Vec<Arg>,
        cwd: PathBuf,
        mut env: Environment,
    ) -> Invocation {
        if self.bytecode_cache {
            let found = find_program(&self.program, env.get("PATH"));
            bytecode::provide(&mut env, found.as_ref().unwrap_or(&self.program));
        }
        Invocation {
            program: self.program.clone(),
            args,
            cwd,
            env,
        }
    }
}

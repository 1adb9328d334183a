//! How an adapter is configured.

mod variables;

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use self::variables::{VARIABLES, Variable};
use crate::adapter::ConfitureMigration;
use crate::failure::{Failure, NamedBy};
use crate::observe::Observer;
use crate::request::{Check, Config, MissingMigrations};

/// Configures a [`ConfitureMigration`](crate::ConfitureMigration).
///
/// ```
/// use std::time::Duration;
/// use fraisier_adapter_confiture::ConfitureMigration;
///
/// let adapter = ConfitureMigration::builder()
///     .program("/opt/confiture/bin/confiture")
///     .timeout(Duration::from_secs(15 * 60))
///     .inherit_env(["PATH", "HOME", "LANG"])
///     .build();
/// # let _ = adapter;
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Builder {
    config: Config,
}

impl Builder {
    /// A builder with the options that the variables of [`VARIABLES`] set.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` for the first variable of the table with an invalid value, such as a
    /// `FRAISIER_CONFITURE_TIMEOUT` of `90`, without a unit. The message names the variable and the valid
    /// values, and does not quote the invalid one.
    pub fn from_env() -> Result<Self, Failure> {
        Self::default().overridden_by_env()
    }

    /// This builder with the options that the variables of [`VARIABLES`] set, in place of what was set
    /// so far.
    ///
    /// # Errors
    ///
    /// Those of [`from_env`](Self::from_env).
    pub fn overridden_by_env(self) -> Result<Self, Failure> {
        variables::apply(self, env::var_os)
    }

    /// The binary: a path, or a name that is looked up in `PATH`. By default it is what the variable
    /// `FRAISIER_CONFITURE_BIN` names, or else `confiture` from `PATH`.
    pub fn program(self, program: impl Into<PathBuf>) -> Self {
        self.with_program(program.into(), NamedBy::Builder)
    }

    /// The binary if neither [`program`](Self::program) nor the variable `FRAISIER_CONFITURE_BIN` names
    /// one, instead of `confiture` from `PATH`.
    pub fn default_program(mut self, program: impl Into<PathBuf>) -> Self {
        if self.config.named_by == NamedBy::Default {
            self.config.program = program.into();
        }
        self
    }

    fn with_program(mut self, program: PathBuf, named_by: NamedBy) -> Self {
        self.config.program = program;
        self.config.named_by = named_by;
        self
    }

    /// How long one command of confiture may run before it is stopped; `None`, the default, is unlimited.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.config.timeout = timeout.into();
        self
    }

    /// Whether confiture gets a private cache for Python's bytecode if Python cannot write one
    /// beside its modules (`PYTHONDONTWRITEBYTECODE`, a read-only installation without compiled
    /// modules). From the second call on, this more than halves the time of a call. On by default.
    ///
    /// The cache is below `XDG_CACHE_HOME`, `~/.cache` or the temporary directory. There is none if
    /// anybody but this user and root can write to one of the directories above it. If the child's
    /// environment sets `PYTHONPYCACHEPREFIX`, that is used. A release of confiture needs about
    /// 20 MB; the cache may be deleted at any time.
    pub fn bytecode_cache(mut self, on: bool) -> Self {
        self.config.bytecode_cache = on;
        self
    }

    /// Asks `PostgreSQL` to notice within this time that confiture is gone, so that a killed command
    /// leaves no statement running and no lock held, also when everything around it was killed too.
    /// One second by default, if the server accepts it; `None` does not ask.
    ///
    /// It is sent as a start option of the session (`PGOPTIONS`), which needs `PostgreSQL` 14 or
    /// newer on a system that supports it, such as Linux. An older server refuses the connection, and so
    /// do poolers that accept no start options, such as `PgBouncer` unless it is configured to ignore
    /// them. A connection string with its own `options` also replaces this one, unless they set
    /// `client_connection_check_interval`; [`server_option`](crate::server_option) returns the text.
    ///
    /// In these cases the default continues without the check, for that call only, and reports it: in the
    /// log and by an [`Event::NoDisconnectCheck`](crate::observe::Event::NoDisconnectCheck). When such a call is
    /// stopped, the server finishes the current statement, rolls the migration back, and only then
    /// releases the migration lock. If a time was set here, it is an error instead: `InvalidConfig`, whose
    /// message names the solutions.
    ///
    /// `options` in the file of a `service=`, or of `PGSERVICE`, cannot be seen: there the check is
    /// off without a report, unless they set it. `PGOPTIONS` also reaches connections that a `.py` migration
    /// opens by itself.
    ///
    /// ```
    /// use std::time::Duration;
    /// use fraisier_adapter_confiture::ConfitureMigration;
    ///
    /// let demanded = ConfitureMigration::builder().server_disconnect_check(Duration::from_secs(2));
    /// let off = ConfitureMigration::builder().server_disconnect_check(None);
    /// # let _ = (demanded, off);
    /// ```
    pub fn server_disconnect_check(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.config.check = interval.into().map_or(Check::Off, Check::Demanded);
        self
    }

    /// How long `up` waits for the migration lock, in milliseconds from 1 to 2147483647; with any other
    /// value, every call is `InvalidConfig`. The setting `lock_timeout_ms` of a context wins.
    pub fn lock_timeout_ms(mut self, ms: u64) -> Self {
        self.config.settings.lock_timeout_ms = Some(ms);
        self
    }

    /// Whether `up` refuses to start while a pending migration has no `.down.sql`. The setting
    /// `require_reversible` of a context wins.
    pub fn require_reversible(mut self, on: bool) -> Self {
        self.config.settings.require_reversible = on;
        self
    }

    /// Whether `up` applies migrations that declare themselves destructive. The setting
    /// `allow_destructive` of a context wins.
    pub fn allow_destructive(mut self, on: bool) -> Self {
        self.config.settings.allow_destructive = on;
        self
    }

    /// What happens to a `verify` or `preflight` whose migrations directory does not exist. By default
    /// it is refused.
    pub fn missing_migrations(mut self, what: MissingMigrations) -> Self {
        self.config.missing_migrations = what;
        self
    }

    /// Whether `preflight` judges only the migrations that are pending. It does by default.
    ///
    /// confiture before 1.35.0 judges every file of the directory, so that a `DROP TABLE` of long ago
    /// would stop every deploy. The adapter reads the ledger, and confiture gets a directory of links to
    /// what is judged. Files that no release can read, and the names and the order of the files, are
    /// checked in the whole directory.
    ///
    /// | a migration | is judged |
    /// |---|---|
    /// | that is pending | yes |
    /// | that is applied | no |
    /// | … and whose file does not have the checksum that is in the ledger, or cannot be compared | yes, with the issue [`APPLIED_FILE_CHANGED`](crate::APPLIED_FILE_CHANGED) |
    /// | … and whose version another migration has, too | yes |
    /// | … if the ledger cannot be read, and confiture is older than 1.35.0 | yes, with the issue [`APPLIED_ALSO_JUDGED`](crate::APPLIED_ALSO_JUDGED) |
    ///
    /// Switched off, every migration is judged, and `pending_scope` is not advertised.
    pub fn preflight_pending_only(mut self, on: bool) -> Self {
        self.config.pending_only = on;
        self
    }

    /// How often the progress of a running `up` is queried, by a `current` beside it; `None`, the
    /// default, is never. The observer gets an
    /// [`Event::Progress`](crate::observe::Event::Progress), and the log a line. It never
    /// disturbs the `up`: a query that fails is repeated later. Each query starts confiture once.
    pub fn progress_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.config.progress_interval = interval.into().filter(|it| !it.is_zero());
        self
    }

    /// Whether an `up` that failed halfway is rolled back to where it began, so that an engine that
    /// compensates only what succeeded leaves no migration behind. Off by default.
    ///
    /// If an `up` fails after it applied migrations, and the evidence says exactly which, exactly
    /// these are rolled back, and the error describes both. If that fails, if nothing had been
    /// applied before, or if another deploy has applied a migration in the meantime, the error is
    /// `IrreversibleRollback`, and describes both too. If it is not certain what was applied (after a lost
    /// connection or a stop), nothing is rolled back.
    pub fn undo_failed_up(mut self, on: bool) -> Self {
        self.config.undo_failed_up = on;
        self
    }

    /// Receives the events of every command.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.config.observer = Some(observer);
        self
    }

    /// Only these variables of this process's environment are passed to confiture, and so to `.py`
    /// migrations. By default all are passed except the sources of secrets.
    pub fn inherit_env<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        self.config.inherit.only = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Adds variables that no child receives, not even that of `--version`: for example an engine's
    /// connection string for administration. Their values are secrets: they are masked in everything that
    /// the adapter returns.
    ///
    /// No child of a call receives the variables that the secrets of its context come from.
    /// [`describe`](fraisier_adapter_api::MigrationAdapter::describe) has no context, so only what is
    /// named here is withheld from its child.
    pub fn withhold_env<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        let withheld = &mut self.config.inherit.withheld;
        withheld.extend(names.into_iter().map(Into::into));
        self
    }

    /// The adapter.
    #[must_use]
    pub fn build(mut self) -> ConfitureMigration {
        if self.config.named_by == NamedBy::Default
            && let Some(program) = env::var_os(variables::PROGRAM)
            && !program.is_empty()
        {
            self = self.with_program(program.into(), NamedBy::Variable);
        }
        ConfitureMigration::of(self.config)
    }
}

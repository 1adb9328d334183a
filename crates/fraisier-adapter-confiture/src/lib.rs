//! Runs confiture, the `PostgreSQL` migration tool, behind fraisier's `MigrationAdapter` trait.
//!
//! A deploy engine uses it as an [`Arc<dyn MigrationAdapter>`](fraisier_adapter_api::MigrationAdapter)
//! and needs to know nothing of confiture:
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use fraisier_adapter_api::{AdapterCtx, AdapterError, MigrationAdapter};
//! use fraisier_adapter_confiture::ConfitureMigration;
//!
//! async fn deploy(dsn: String) -> Result<(), AdapterError> {
//!     let adapter: Arc<dyn MigrationAdapter> = Arc::new(ConfitureMigration::new());
//!     let ctx = AdapterCtx::new("shop", "production")
//!         .with_workdir("/srv/shop")
//!         .with_resolved_secret("DATABASE_URL", dsn);
//!
//!     let before = adapter.current_revision(&ctx).await?;
//!     let outcome = adapter.up(&ctx, None).await?;
//!     if !adapter.verify(&ctx).await?.ok {
//!         if let Some(revision) = before {
//!             adapter.down_to(&ctx, revision).await?;
//!         }
//!     }
//!     println!("{:?} -> {:?}", outcome.from, outcome.to);
//!     Ok(())
//! }
//! ```
//!
//! # Which release of confiture
//!
//! | capability | since | what the recording of that release shows |
//! |---|---|---|
//! | `everything` | 0.20.0 | `migrate current` and `migrate down-to` exist and take `--no-config` |
//! | `preflight` | 0.22.0 | `migrate preflight` takes `--output`; before, it exits 2 with "No such option" |
//! | `window_safe` | 0.23.0 | the preflight report has `window_safe`; before, the field is absent |
//! | `risk_tier` | 0.44.0 | the tiers of changes are reliable: it is the first release whose classes are complete |
//! | `deep_classification` | 0.44.0 | `DROP TABLE` is `PFLIGHT_REPLICA_DROP_TABLE`; before, it passes as window-safe |
//! | `no_op_report` | 0.48.0 | `up` writes a report when there is nothing to apply; before, it writes no file |
//! | `locked_rollback` | 0.48.0 | `down-to` plans under the migration lock; before, it does not see what another deploy applies while it waits |
//! | `allow_destructive` | 1.2.0 | `up` refuses a destructive migration unless `--allow-destructive` is passed; before, it applies it |
//! | `pending_scope` | 1.35.0 | announced, not released yet: `preflight` accepts `--scope pending` |
//!
//! The rows are [`capability::FLOORS`]. A pre-release satisfies no minimum version.
//! `describe` advertises only what the installed release can do.
//!
//! # Settings
//!
//! | key | takes | what it does |
//! |---|---|---|
//! | `lock_timeout_ms` | a whole number of milliseconds from 1 to 2147483647 | how long `up` waits for the migration lock; confiture's default is 30000. A release before 0.48.0 first waits until a migration that is running has ended, without a limit |
//! | `require_reversible` | a boolean | `up` refuses to start while a pending migration has no `.down.sql` |
//! | `allow_destructive` | a boolean | `up` applies migrations that declare themselves destructive; needs a release that has `--allow-destructive` |
//!
//! The rows are [`SETTINGS`]. A value of another type is refused before anything is started; keys
//! that are not in the table are left to other adapters of the same context.
//!
//! # Variables
//!
//! A program that calls [`Builder::from_env`] can be configured with these variables:
//!
//! | variable | takes | what it does | default |
//! |---|---|---|---|
//! | `FRAISIER_CONFITURE_BIN` | a path, or a name that is looked up in `PATH` | the binary of confiture | `confiture` |
//! | `FRAISIER_CONFITURE_TIMEOUT` | a whole number from 1 on with its unit (`ms`, `s`, `m` or `h`), such as `90s`, or `off` | how long one command of confiture may run before it is stopped | `off` |
//! | `FRAISIER_CONFITURE_SERVER_DISCONNECT_CHECK` | a whole number from 1 on with its unit (`ms`, `s`, `m` or `h`), such as `90s`, or `off` | how soon the server is to notice that confiture is gone (PostgreSQL 14 or newer) | `1s` where the server accepts it |
//! | `FRAISIER_CONFITURE_LOCK_TIMEOUT_MS` | a whole number of milliseconds from 1 to 2147483647 | how long `up` waits for the migration lock, unless the context sets it | confiture's, 30000 |
//! | `FRAISIER_CONFITURE_REQUIRE_REVERSIBLE` | `true` or `false` | whether `up` refuses to start while a pending migration has no `.down.sql`, unless the context sets it | `false` |
//! | `FRAISIER_CONFITURE_ALLOW_DESTRUCTIVE` | `true` or `false` | whether `up` applies migrations that declare themselves destructive, unless the context sets it | `false` |
//! | `FRAISIER_CONFITURE_UNDO_FAILED_UP` | `true` or `false` | whether an `up` that failed halfway is rolled back to where it began | `false` |
//! | `FRAISIER_CONFITURE_PREFLIGHT_PENDING_ONLY` | `true` or `false` | whether `preflight` judges only what is pending, where the ledger can be read | `true` |
//! | `FRAISIER_CONFITURE_PROGRESS_INTERVAL` | a whole number from 1 on with its unit (`ms`, `s`, `m` or `h`), such as `90s`, or `off` | how often the progress of a running `up` is queried | `off` |
//! | `FRAISIER_CONFITURE_MISSING_MIGRATIONS` | `refuse` or `ask` | what happens to a `verify` or `preflight` whose migrations directory does not exist | `refuse` |
//! | `FRAISIER_CONFITURE_INHERIT_ENV` | names of variables, with commas between them | the only variables of the environment that confiture inherits | all but the sources of secrets |
//! | `FRAISIER_CONFITURE_WITHHOLD_ENV` | names of variables, with commas between them | variables that no child sees, and whose values are masked | none |
//! | `FRAISIER_CONFITURE_BYTECODE_CACHE` | `true` or `false` | whether confiture gets a private bytecode cache if Python cannot write its own | `true` |
//!
//! The rows are [`VARIABLES`]. An invalid value is refused before anything is started; an empty one
//! counts as not set. [`ConfitureMigration::new`] and [`ConfitureMigration::builder`] read only
//! `FRAISIER_CONFITURE_BIN`.
//!
//! # Secrets
//!
//! The connection string is the secret `DATABASE_URL` of the context: a URL or libpq keywords. It is
//! passed to confiture in the environment. No argument, file, log, `Debug` output, event or error
//! contains it, its password, or the value of another secret of the context: everything that confiture
//! prints and reports is redacted first. confiture receives neither the `DATABASE_URL` of this process
//! nor the variables that the context's secrets come from.
//!
//! With the secret `AGAINST_DATABASE_URL`, `preflight` also tries the migrations on that database,
//! in a transaction that it rolls back. It has to be a URL: it is an argument of confiture, so its
//! password is removed and passed in `PGPASSWORD`. That variable is read for both connections, so
//! `DATABASE_URL` must contain a password too.
//!
//! # What it refuses
//!
//! - `--no-lock` and `--force`, always; confiture's advice to use them is left out of errors.
//! - An `up` to a target that is not a migration of the directory. confiture applies what sorts below
//!   such a target, and reports a success.
//! - A migrations directory that does not exist. confiture finds nothing wrong with it.
//! - A connection string that is empty or not for `PostgreSQL`. confiture would use another one from the
//!   environment, or repeat it in its message.
//! - A connection string that libpq refuses, for example because of an unknown parameter, a wrong value,
//!   or a password that is not percent-encoded. The message names the parameter.
//! - A connection string that sets `replication`, or `client_encoding` to something other than UTF-8.
//! - If the builder demands a [`server_disconnect_check`](Builder::server_disconnect_check): a
//!   connection string with `options` that do not set it, and a server or pooler that refuses it. By
//!   default the call continues without the check, and reports that.
//! - A migration file with a NUL byte: confiture runs nothing that follows it.
//! - A report in which a field that matters is missing, duplicated or of another type, and a report that
//!   contradicts the exit status.

#![warn(
    missing_docs,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use
)]
#![cfg_attr(
    not(feature = "tools"),
    allow(
        dead_code,
        unreachable_pub,
        unused_imports,
        reason = "what only the tools use"
    )
)]

#[cfg(not(unix))]
compile_error!(
    "fraisier-adapter-confiture needs Unix: it stops confiture by signals to a process group"
);

mod adapter;
mod boundary;
mod builder;
mod failure;
mod guard;
mod ledger;
mod libpq;
mod live;
pub mod observe;
mod operation;
mod process;
mod python;
mod redact;
mod release;
mod report;
mod request;
#[cfg(test)]
#[path = "tests.rs"]
mod testing;
mod thread;
#[cfg(any(test, feature = "tools"))]
pub mod tools;

pub use self::adapter::ConfitureMigration;
pub use self::builder::{Builder, VARIABLES, Variable};
pub use self::failure::{Cause, Change, DatabaseState, Failure};
pub use self::operation::preflight::{
    APPLIED_ALSO_JUDGED, APPLIED_FILE_CHANGED, LEDGER_ELSEWHERE, NO_MIGRATIONS_AT_HAND,
    NOT_ALL_CHECKED, why_withheld,
};
pub use self::release::{ConfitureVersion, capability};
pub use self::request::{MissingMigrations, NoDisconnectCheck, SETTINGS, Setting, server_option};

//! Environment variables that stand for options of the builder.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::time::Duration;

use super::Builder;
use crate::failure::{Advice, Failure, Fault, NamedBy};
use crate::redact::Redactor;
use crate::request::{LOCK_TIMEOUT_MS, LOCK_TIMEOUT_TAKES, MissingMigrations};

/// An environment variable that sets an option of the [`Builder`].
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its valid values, with their units.
    pub takes: &'static str,
    /// What it does.
    pub does: &'static str,
    /// The value that counts if it is not set.
    pub default: &'static str,
    /// The builder with the option; `None` when the value is not one that the variable accepts.
    apply: fn(Builder, &OsStr) -> Option<Builder>,
}

const DURATION_OR_OFF: &str =
    "a whole number from 1 on with its unit (`ms`, `s`, `m` or `h`), such as `90s`, or `off`";

const SWITCH: &str = "`true` or `false`";

const NAMES: &str = "names of variables, with commas between them";

/// Every variable that [`Builder::from_env`] reads. One that is empty counts as not set.
pub static VARIABLES: &[Variable] = &[
    Variable {
        name: PROGRAM,
        takes: "a path, or a name that is looked up in `PATH`",
        does: "the binary of confiture",
        default: "`confiture`",
        apply: |builder, value| Some(builder.with_program(value.into(), NamedBy::Variable)),
    },
    Variable {
        name: "FRAISIER_CONFITURE_TIMEOUT",
        takes: DURATION_OR_OFF,
        does: "how long one command of confiture may run before it is stopped",
        default: "`off`",
        apply: |builder, value| duration_or_off(value, |time| builder.timeout(time)),
    },
    Variable {
        name: "FRAISIER_CONFITURE_SERVER_DISCONNECT_CHECK",
        takes: DURATION_OR_OFF,
        does: "how soon the server is to notice that confiture is gone (PostgreSQL 14 or newer)",
        default: "`1s` where the server accepts it",
        apply: |builder, value| {
            duration_or_off(value, |time| builder.server_disconnect_check(time))
        },
    },
    Variable {
        name: "FRAISIER_CONFITURE_LOCK_TIMEOUT_MS",
        takes: LOCK_TIMEOUT_TAKES,
        does: "how long `up` waits for the migration lock, unless the context sets it",
        default: "confiture's, 30000",
        apply: |builder, value| {
            let text = value.to_str()?;
            let ms = text.parse().ok()?;
            // `parse` accepts a sign.
            let is_valid = LOCK_TIMEOUT_MS.contains(&ms) && !text.starts_with('+');
            is_valid.then(|| builder.lock_timeout_ms(ms))
        },
    },
    Variable {
        name: "FRAISIER_CONFITURE_REQUIRE_REVERSIBLE",
        takes: SWITCH,
        does: "whether `up` refuses to start while a pending migration has no `.down.sql`, unless \
               the context sets it",
        default: "`false`",
        apply: |builder, value| Some(builder.require_reversible(switch(value)?)),
    },
    Variable {
        name: "FRAISIER_CONFITURE_ALLOW_DESTRUCTIVE",
        takes: SWITCH,
        does: "whether `up` applies migrations that declare themselves destructive, unless the \
               context sets it",
        default: "`false`",
        apply: |builder, value| Some(builder.allow_destructive(switch(value)?)),
    },
    Variable {
        name: "FRAISIER_CONFITURE_UNDO_FAILED_UP",
        takes: SWITCH,
        does: "whether an `up` that failed halfway is rolled back to where it began",
        default: "`false`",
        apply: |builder, value| Some(builder.undo_failed_up(switch(value)?)),
    },
    Variable {
        name: "FRAISIER_CONFITURE_PREFLIGHT_PENDING_ONLY",
        takes: SWITCH,
        does: "whether `preflight` judges only what is pending, where the ledger can be read",
        default: "`true`",
        apply: |builder, value| Some(builder.preflight_pending_only(switch(value)?)),
    },
    Variable {
        name: "FRAISIER_CONFITURE_PROGRESS_INTERVAL",
        takes: DURATION_OR_OFF,
        does: "how often the progress of a running `up` is queried",
        default: "`off`",
        apply: |builder, value| duration_or_off(value, |time| builder.progress_interval(time)),
    },
    Variable {
        name: "FRAISIER_CONFITURE_MISSING_MIGRATIONS",
        takes: "`refuse` or `ask`",
        does: "what happens to a `verify` or `preflight` whose migrations directory does not exist",
        default: "`refuse`",
        apply: |builder, value| {
            let what = match value.to_str()? {
                "refuse" => MissingMigrations::Refuse,
                "ask" => MissingMigrations::AskConfiture,
                _ => return None,
            };
            Some(builder.missing_migrations(what))
        },
    },
    Variable {
        name: "FRAISIER_CONFITURE_INHERIT_ENV",
        takes: NAMES,
        does: "the only variables of the environment that confiture inherits",
        default: "all but the sources of secrets",
        apply: |builder, value| Some(builder.inherit_env(names(value)?)),
    },
    Variable {
        name: "FRAISIER_CONFITURE_WITHHOLD_ENV",
        takes: NAMES,
        does: "variables that no child sees, and whose values are masked",
        default: "none",
        apply: |builder, value| Some(builder.withhold_env(names(value)?)),
    },
    Variable {
        name: "FRAISIER_CONFITURE_BYTECODE_CACHE",
        takes: SWITCH,
        does: "whether confiture gets a private bytecode cache if Python cannot write its own",
        default: "`true`",
        apply: |builder, value| Some(builder.bytecode_cache(switch(value)?)),
    },
];

/// The variable that names the binary.
pub(super) const PROGRAM: &str = "FRAISIER_CONFITURE_BIN";

/// The builder with what `read` gives for each variable of the table.
///
/// # Errors
///
/// `InvalidConfig` for the first value that its variable does not take. The value is not quoted:
/// it may be a secret that got into the wrong variable.
pub(super) fn apply(
    mut builder: Builder,
    read: impl Fn(&'static str) -> Option<OsString>,
) -> Result<Builder, Failure> {
    for variable in VARIABLES {
        let Some(value) = read(variable.name).filter(|value| !value.is_empty()) else {
            continue;
        };
        builder = (variable.apply)(builder, &value).ok_or_else(|| {
            let Variable { name, takes, .. } = variable;
            let what = format!("the variable `{name}` has to be {takes}");
            Fault::in_config(what, Advice::unset_variable()).redacted(None, &Redactor::default())
        })?;
    }
    Ok(builder)
}

/// The builder with a time or, at `off`, without one. No variable accepts a time of zero.
fn duration_or_off(
    value: &OsStr,
    set: impl FnOnce(Option<Duration>) -> Builder,
) -> Option<Builder> {
    let value = value.to_str()?;
    if value == "off" {
        return Some(set(None));
    }
    let (number, unit) = value.split_at(value.find(|c: char| !c.is_ascii_digit())?);
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        _ => return None,
    };
    let time = number.parse::<u64>().ok()?.checked_mul(milliseconds)?;
    (time > 0).then(|| set(Some(Duration::from_millis(time))))
}

fn switch(value: &OsStr) -> Option<bool> {
    value.to_str()?.parse().ok()
}

fn names(value: &OsStr) -> Option<BTreeSet<OsString>> {
    let names = value.to_str()?.split(',').map(str::trim);
    let is_name = |name: &str| !name.is_empty() && !name.contains(['=', '\0']);
    names
        .map(|name| is_name(name).then(|| name.into()))
        .collect()
}

#[cfg(test)]
mod tests;

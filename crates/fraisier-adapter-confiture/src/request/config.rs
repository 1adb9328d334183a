//! What the builder configured, the same for every call of an adapter, and what a context sets.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fraisier_adapter_api::AdapterCtx;
use serde_json::Value;

use super::environment::{Check, Inherit};
use crate::failure::{Advice, Fault, NamedBy};
use crate::observe::Observer;

/// What happens to a `verify` or `preflight` whose migrations directory does not exist. `up` and
/// `down_to` are refused in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum MissingMigrations {
    /// It is refused: confiture finds nothing wrong with a directory that is not there.
    #[default]
    Refuse,
    /// confiture runs all the same, for an engine that calls these on a host that need not have the
    /// migrations. The report of `verify` is confiture's, with the detail that there were no files. The
    /// report of `preflight` has confiture's `ok`, a warning
    /// ([`NO_MIGRATIONS_AT_HAND`](crate::NO_MIGRATIONS_AT_HAND)), and neither `window_safe`
    /// nor a change set, so that gates refuse.
    AskConfiture,
}

/// What the builder configured, the same for every call of an adapter.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The binary.
    pub(crate) program: PathBuf,
    /// How it was named.
    pub(crate) named_by: NamedBy,
    /// What a child inherits.
    pub(crate) inherit: Inherit,
    /// Whether confiture gets a private bytecode cache where that helps.
    pub(crate) bytecode_cache: bool,
    /// Whether the server is asked to notice that its client is gone.
    pub(crate) check: Check,
    /// The settings that apply where the context has none.
    pub(crate) settings: Settings,
    /// What happens to a call whose migrations directory does not exist.
    pub(crate) missing_migrations: MissingMigrations,
    /// How often the progress of an `up` is queried.
    pub(crate) progress_interval: Option<Duration>,
    /// Whether `preflight` judges only what is pending.
    pub(crate) pending_only: bool,
    /// Whether an `up` that failed halfway is rolled back.
    pub(crate) undo_failed_up: bool,
    /// How long one command may run.
    pub(crate) timeout: Option<Duration>,
    /// What receives the events of the commands.
    pub(crate) observer: Option<Arc<dyn Observer>>,
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
            timeout: None,
            observer: None,
        }
    }
}

/// A key of `AdapterCtx::settings` that the adapter understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting {
    /// The key.
    pub key: &'static str,
    /// The JSON type of its value.
    pub takes: &'static str,
    /// What it does.
    pub does: &'static str,
}

const LOCK_TIMEOUT: Setting = Setting {
    key: "lock_timeout_ms",
    takes: LOCK_TIMEOUT_TAKES,
    does: "how long `up` waits for the migration lock; confiture's default is 30000. A release \
           before 0.48.0 first waits until a migration that is running has ended, without a limit",
};

const REQUIRE_REVERSIBLE: Setting = Setting {
    key: "require_reversible",
    takes: "a boolean",
    does: "`up` refuses to start while a pending migration has no `.down.sql`",
};

const ALLOW_DESTRUCTIVE: Setting = Setting {
    key: "allow_destructive",
    takes: "a boolean",
    does: "`up` applies migrations that declare themselves destructive; needs a release that has \
           `--allow-destructive`",
};

/// Every setting that is understood. Other keys are left to other adapters of the same context.
pub static SETTINGS: &[Setting] = &[LOCK_TIMEOUT, REQUIRE_REVERSIBLE, ALLOW_DESTRUCTIVE];

/// The times that confiture can wait for the migration lock, in milliseconds: Python reads them into
/// a C int somewhere on the way to the server.
pub(crate) const LOCK_TIMEOUT_MS: RangeInclusive<u64> = 1..=i32::MAX as u64;

/// [`LOCK_TIMEOUT_MS`] in words.
pub(crate) const LOCK_TIMEOUT_TAKES: &str = "a whole number of milliseconds from 1 to 2147483647";

/// The settings of a call, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) lock_timeout_ms: Option<u64>,
    pub(crate) require_reversible: bool,
    pub(crate) allow_destructive: bool,
}

impl Settings {
    /// These settings, where those of the context win.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` when a key that is understood has a value of another type, such as the
    /// string `"30000"` for `lock_timeout_ms`. A `null` counts as no key.
    pub(crate) fn overridden_by(&self, ctx: &AdapterCtx) -> Result<Self, Fault> {
        let is_valid = |ms: &u64| LOCK_TIMEOUT_MS.contains(ms);
        let lock_timeout_ms = read(ctx, LOCK_TIMEOUT, |value| value.as_u64().filter(is_valid))?;
        let lock_timeout_ms = lock_timeout_ms.or(self.lock_timeout_ms);
        if !lock_timeout_ms.as_ref().is_none_or(is_valid) {
            let what = format!("`lock_timeout_ms` of the builder has to be {LOCK_TIMEOUT_TAKES}");
            return Err(Fault::in_config(what, Advice::correct_setting()));
        }
        let switch = |setting, default| {
            read(ctx, setting, Value::as_bool).map(|value| value.unwrap_or(default))
        };
        Ok(Self {
            lock_timeout_ms,
            require_reversible: switch(REQUIRE_REVERSIBLE, self.require_reversible)?,
            allow_destructive: switch(ALLOW_DESTRUCTIVE, self.allow_destructive)?,
        })
    }
}

fn read<T>(
    ctx: &AdapterCtx,
    setting: Setting,
    typed: impl FnOnce(&Value) -> Option<T>,
) -> Result<Option<T>, Fault> {
    match ctx.settings.get(setting.key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => typed(value).map(Some).ok_or_else(|| {
            let Setting { key, takes, .. } = setting;
            Fault::in_config(
                format!("the setting `{key}` has to be {takes}"),
                Advice::correct_setting(),
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use fraisier_adapter_api::AdapterErrorKind;
    use serde_json::json;

    use super::*;

    fn read_from(settings: Value) -> Result<Settings, Fault> {
        let mut ctx = AdapterCtx::new("shop", "test");
        ctx.settings = serde_json::from_value(settings).expect("an object");
        Settings::default().overridden_by(&ctx)
    }

    #[test]
    fn a_setting_of_the_context_wins_over_the_one_of_the_adapter() {
        let defaults = Settings {
            lock_timeout_ms: Some(1000),
            require_reversible: true,
            allow_destructive: true,
        };
        let mut ctx = AdapterCtx::new("shop", "test");
        assert_eq!(defaults.overridden_by(&ctx), Ok(defaults.clone()));
        ctx.settings
            .insert("require_reversible".into(), Value::Null);
        assert_eq!(defaults.overridden_by(&ctx), Ok(defaults.clone()));
        for key in ["require_reversible", "allow_destructive"] {
            ctx.settings.insert(key.into(), json!(false));
        }
        ctx.settings.insert("lock_timeout_ms".into(), json!(5000));
        let expected = Settings {
            lock_timeout_ms: Some(5000),
            ..Settings::default()
        };
        assert_eq!(defaults.overridden_by(&ctx), Ok(expected));
    }

    #[test]
    fn only_known_settings_are_read() {
        let settings = read_from(json!({
            "lock_timeout_ms": 5000, "require_reversible": true, "allow_destructive": null,
            "of_another_adapter": {"any": "thing"},
        }));
        let expected = Settings {
            lock_timeout_ms: Some(5000),
            require_reversible: true,
            allow_destructive: false,
        };
        assert_eq!(settings, Ok(expected));
        assert_eq!(read_from(json!({})), Ok(Settings::default()));
    }

    #[test]
    fn a_value_of_another_type_is_refused_and_not_quoted() {
        for (key, value) in [
            ("lock_timeout_ms", json!("5000")),
            ("lock_timeout_ms", json!(0)),
            ("lock_timeout_ms", json!(-1)),
            ("lock_timeout_ms", json!(1.5)),
            ("lock_timeout_ms", json!(4_294_967_296_u64)),
            ("lock_timeout_ms", json!(true)),
            ("require_reversible", json!("yes")),
            ("require_reversible", json!(1)),
            ("allow_destructive", json!(["hunter2"])),
        ] {
            let error = read_from(json!({ key: value })).unwrap_err().worded();
            assert_eq!(error.kind, AdapterErrorKind::InvalidConfig);
            assert!(error.message.contains(key), "{error}");
            assert!(!error.message.contains("hunter2"), "{error}");
        }
    }
}

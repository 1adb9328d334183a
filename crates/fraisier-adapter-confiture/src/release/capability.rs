//! Which release of confiture can do what: the table of minimum versions.

use fraisier_adapter_api::capability::{
    CURRENT_REVISION, DEEP_CLASSIFICATION, DOWN_TO, PENDING_SCOPE, PREFLIGHT, RISK_TIER, UP,
    VERIFY, WINDOW_SAFE,
};

use super::ConfitureVersion;

/// A capability, and the first release of confiture that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Floor {
    /// What the release is needed for.
    pub need: Need,
    name: &'static str,
    /// The first release, as major, minor and patch number.
    pub since: (u64, u64, u64),
    /// What the recording of that release shows and the one of the release before does not; or that
    /// there is no recording yet.
    pub shows: &'static str,
}

/// The table: a row is a need, its name, the first release that meets it, and what that release shows.
macro_rules! floors {
    ($($(#[$doc:meta])* $need:ident $name:expr, since $since:expr, $shows:expr;)*) => {
        /// Something that not every release of confiture can do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Need {
            $($(#[$doc])* $need,)*
        }

        /// Every minimum version, the lowest first.
        pub static FLOORS: &[Floor] = &[
            $(Floor { need: Need::$need, name: $name, since: $since, shows: $shows },)*
        ];
    };
}

floors! {
    /// Any call at all.
    Everything "everything", since (0, 20, 0), "`migrate current` and `migrate down-to` exist and take `--no-config`";
    /// The operation `preflight`.
    Preflight PREFLIGHT, since (0, 22, 0), "`migrate preflight` takes `--output`; before, it exits 2 with \"No such option\"";
    /// A report that says whether old and new version can run side by side.
    WindowSafe WINDOW_SAFE, since (0, 23, 0), "the preflight report has `window_safe`; before, the field is absent";
    /// A change set in which changes carry a risk tier.
    RiskTier RISK_TIER, since (0, 44, 0),
        "the tiers of changes are reliable: it is the first release whose classes are complete";
    /// A preflight, also against a copy of the database, that knows every class of statement.
    DeepClassification DEEP_CLASSIFICATION, since (0, 44, 0),
        "`DROP TABLE` is `PFLIGHT_REPLICA_DROP_TABLE`; before, it passes as window-safe";
    /// A report of an `up` that found nothing to apply.
    NoOpReport "no_op_report", since (0, 48, 0),
        "`up` writes a report when there is nothing to apply; before, it writes no file";
    /// A rollback that is planned while the migration lock is held.
    LockedRollback "locked_rollback", since (0, 48, 0),
        "`down-to` plans under the migration lock; before, it does not see what another deploy applies while it waits";
    /// The setting `allow_destructive`.
    AllowDestructive "allow_destructive", since (1, 2, 0),
        "`up` refuses a destructive migration unless `--allow-destructive` is passed; before, it applies it";
    /// A preflight of the pending migrations only.
    PendingScope PENDING_SCOPE, since (1, 35, 0), "announced, not released yet: `preflight` accepts `--scope pending`";
}

impl Need {
    /// The name in the table: the capability string of the adapter API where there is one.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.floor().name
    }

    /// The row of [`FLOORS`] for this need.
    #[must_use]
    pub const fn floor(self) -> &'static Floor {
        &FLOORS[self as usize]
    }

    /// Whether this version of confiture can do it.
    #[must_use]
    pub fn is_met_by(self, version: &ConfitureVersion) -> bool {
        let (major, minor, patch) = self.floor().since;
        version.is_at_least(major, minor, patch)
    }
}

impl Floor {
    /// The first release, such as `0.22.0`.
    #[must_use]
    pub fn release(&self) -> String {
        let (major, minor, patch) = self.since;
        format!("{major}.{minor}.{patch}")
    }
}

/// What the adapter advertises with a confiture of this version; nothing below the first minimum.
///
/// ```
/// use fraisier_adapter_confiture::{ConfitureVersion, capability};
///
/// let advertised = capability::advertised(&ConfitureVersion::parse("0.22.0"));
/// assert_eq!(advertised, ["current_revision", "up", "down_to", "verify", "preflight"]);
/// ```
#[must_use]
pub fn advertised(version: &ConfitureVersion) -> Vec<String> {
    let met = FLOORS.iter().filter(|floor| floor.need.is_met_by(version));
    let advertised = met.flat_map(|floor| match floor.need {
        Need::Everything => vec![CURRENT_REVISION, UP, DOWN_TO, VERIFY],
        Need::NoOpReport | Need::LockedRollback | Need::AllowDestructive => vec![],
        need => vec![need.as_str()],
    });
    advertised.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_listed_by_rising_minimum_version() {
        for floor in FLOORS {
            assert_eq!(floor.need.floor(), floor);
        }
        assert!(FLOORS.is_sorted_by_key(|floor| floor.since));
    }

    #[test]
    fn each_release_advertises_only_its_capabilities() {
        let base = ["current_revision", "up", "down_to", "verify"];
        for (version, more) in [
            ("0.20.0", &[][..]),
            ("0.22.0", &["preflight"]),
            ("0.23.0", &["preflight", "window_safe"]),
            ("0.43.0", &["preflight", "window_safe"]),
            (
                "0.44.0",
                &[
                    "preflight",
                    "window_safe",
                    "risk_tier",
                    "deep_classification",
                ],
            ),
            (
                "1.29.0",
                &[
                    "preflight",
                    "window_safe",
                    "risk_tier",
                    "deep_classification",
                ],
            ),
            (
                "1.35.0",
                &[
                    "preflight",
                    "window_safe",
                    "risk_tier",
                    "deep_classification",
                    "pending_scope",
                ],
            ),
        ] {
            let expected: Vec<_> = base.iter().chain(more).copied().collect();
            assert_eq!(
                advertised(&ConfitureVersion::parse(version)),
                expected,
                "{version}"
            );
        }
        for version in ["0.19.0", "1.30.0rc1", "unknown"] {
            assert!(
                advertised(&ConfitureVersion::parse(version)).is_empty(),
                "{version}"
            );
        }
    }

    #[test]
    fn the_documentation_shows_this_table() {
        let documentation = include_str!("../lib.rs");
        for floor in FLOORS {
            let row = format!(
                "//! | `{}` | {} | {} |",
                floor.need.as_str(),
                floor.release(),
                floor.shows
            );
            assert!(documentation.contains(&row), "missing in lib.rs:\n{row}");
        }
        let rows = documentation
            .lines()
            .filter(|line| line.starts_with("//! | `"))
            .count();
        let tables = FLOORS.len() + crate::request::SETTINGS.len() + crate::VARIABLES.len();
        assert_eq!(rows, tables);
    }
}

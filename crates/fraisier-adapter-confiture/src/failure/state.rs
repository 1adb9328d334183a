//! What a failure says about the database.

use std::fmt;

use fraisier_adapter_api::Revision;
use serde::Serialize;

use crate::redact::Redactor;

/// How many versions a message lists. If there are more, it names the first and the last.
const LISTED: usize = 8;

/// What is known about the database after a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum DatabaseState {
    /// Nothing was started.
    NotStarted,
    /// The call did not change the database.
    Unchanged,
    /// Exactly these migrations were applied or rolled back; there may be none.
    Exactly {
        /// What happened to them.
        change: Change,
        /// Their versions, in order.
        versions: Vec<Revision>,
    },
    /// At least these migrations were applied or rolled back, perhaps the next one too.
    AtLeast {
        /// What happened to them.
        change: Change,
        /// Their versions, in order; at least one.
        versions: Vec<Revision>,
    },
    /// These migrations were applied and rolled back again.
    UndoneTo {
        /// Their versions, in order.
        applied: Vec<Revision>,
        /// The last applied migration now.
        revision: Revision,
    },
    /// The call was stopped. Migrations that it had completed remain applied, or rolled back; it is not
    /// known which, if any. The migration in progress may be committed or not.
    InProgress,
    /// Whether the database was changed is not known.
    Unknown,
}

/// What happened to migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// They were applied.
    Applied,
    /// They were rolled back.
    RolledBack,
}

impl DatabaseState {
    /// Whether it says that no migration was applied or rolled back: true also for an
    /// [`Exactly`](Self::Exactly) without versions.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        match self {
            Self::NotStarted | Self::Unchanged => true,
            Self::Exactly { versions, .. } => versions.is_empty(),
            _ => false,
        }
    }

    /// Whether what happened is uncertain.
    pub(super) fn is_uncertain(&self) -> bool {
        matches!(
            self,
            Self::AtLeast { .. } | Self::InProgress | Self::Unknown
        )
    }

    pub(crate) fn exactly(change: Change, versions: &[String]) -> Self {
        let versions = versions.iter().map(Revision::new).collect();
        Self::Exactly { change, versions }
    }

    /// The same, where there may be more; unknown where not even one is certain.
    pub(crate) fn at_least(change: Change, versions: &[String]) -> Self {
        if versions.is_empty() {
            return Self::Unknown;
        }
        let versions = versions.iter().map(Revision::new).collect();
        Self::AtLeast { change, versions }
    }

    /// Masks secrets in the versions.
    pub(super) fn redact(&mut self, redactor: &Redactor) {
        match self {
            Self::Exactly { versions, .. } | Self::AtLeast { versions, .. } => {
                redactor.names(versions.iter_mut().map(|it| &mut it.0));
            }
            Self::UndoneTo { applied, revision } => {
                redactor.names(applied.iter_mut().chain([revision]).map(|it| &mut it.0));
            }
            Self::NotStarted | Self::Unchanged | Self::InProgress | Self::Unknown => {}
        }
    }
}

impl fmt::Display for DatabaseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = |versions: &[Revision], one, more| {
            let verb = if versions.len() == 1 { one } else { more };
            format!("{} {verb}", listed(versions))
        };
        let were = |versions: &[Revision]| with(versions, "was", "were");
        match self {
            Self::NotStarted => f.write_str("nothing was started"),
            Self::Unchanged => f.write_str("the database was not changed by this call"),
            Self::Exactly { change, versions } if versions.is_empty() => {
                write!(f, "no migration was {change}")
            }
            Self::Exactly { change, versions } if *change == Change::Applied => {
                write!(f, "{} applied", with(versions, "remains", "remain"))
            }
            Self::Exactly { change, versions } => write!(f, "{} {change}", were(versions)),
            Self::AtLeast { change, versions } => {
                let were = were(versions);
                write!(f, "at least {were} {change}, perhaps the next migration too")
            }
            Self::UndoneTo { applied, revision } => {
                let were = were(applied);
                let last = format!("the last applied migration is {revision}");
                write!(f, "{were} applied and rolled back again; {last}")
            }
            Self::InProgress => f.write_str(
                "completed migrations remain, and the state of the migration in progress is unknown",
            ),
            Self::Unknown => f.write_str("whether the database was changed is unknown"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Applied => "applied",
            Self::RolledBack => "rolled back",
        })
    }
}

/// `001, 002`, or `001 to 020 (20 migrations)`
pub(crate) fn listed(versions: &[Revision]) -> String {
    match versions {
        [first, .., last] if versions.len() > LISTED => {
            format!("{first} to {last} ({} migrations)", versions.len())
        }
        _ => {
            let versions: Vec<&str> = versions.iter().map(Revision::as_str).collect();
            versions.join(", ")
        }
    }
}

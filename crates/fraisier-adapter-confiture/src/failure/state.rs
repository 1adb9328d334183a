//! What a failure says about the database.

use std::fmt;

use crate::operation::Operation;
use crate::redact::Redactor;

/// What to do where the state of the database is not known.
const ASK_FIRST: &str = "ask `current_revision` before anything else";

/// How many versions a message lists; of more it names the first and the last.
const TOLD: usize = 8;

/// What is known about the database after a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DatabaseState {
    /// Nothing was started.
    NotStarted,
    /// The operation does not change the database, or failed before it did.
    Untouched,
    /// These versions were applied or rolled back, and stay so.
    Changed {
        how: Change,
        versions: Vec<String>,
        /// Whether these are all. If not, the next version may be changed too.
        is_exact: bool,
    },
    /// Exactly these versions were applied, by an `up` that failed and was not stopped.
    Halfway {
        applied: Vec<String>,
        /// The last version that was applied before the `up`.
        found: Option<String>,
    },
    /// These versions were applied, and rolled back again to the revision `at`, where the call began.
    Undone { applied: Vec<String>, at: String },
    /// These versions were applied, and rolling them back failed.
    NotUndone { applied: Vec<String>, why: String },
    /// The operation ran. Whether it changed the database is not known.
    Unknown,
    /// The operation was killed. The server rolls back the migration that was under way.
    Killed,
}

/// What happened to a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Applied,
    RolledBack,
}

impl DatabaseState {
    /// What is known after an operation that failed and reported nothing about the database.
    pub(crate) const fn without_report(operation: Operation) -> Self {
        match operation {
            Operation::Up | Operation::DownTo => Self::Unknown,
            Operation::Describe
            | Operation::CurrentRevision
            | Operation::Verify
            | Operation::Preflight => Self::Untouched,
        }
    }

    /// Nothing was applied.
    pub(crate) const fn none_applied() -> Self {
        Self::Changed {
            how: Change::Applied,
            versions: Vec::new(),
            is_exact: true,
        }
    }

    /// Masks secrets in the versions and in the reason.
    pub(super) fn redact(&mut self, redactor: &Redactor) {
        match self {
            Self::Changed { versions, .. } => redactor.names(versions),
            Self::Halfway { applied, .. } => redactor.names(applied),
            Self::Undone { applied, at } => redactor.names(applied.iter_mut().chain([at])),
            Self::NotUndone { applied, why } => {
                redactor.names(applied);
                redactor.prose([why]);
            }
            Self::NotStarted | Self::Untouched | Self::Unknown | Self::Killed => {}
        }
    }
}

impl fmt::Display for DatabaseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted => f.write_str("nothing was started"),
            Self::Untouched => f.write_str("the database was not changed by this call"),
            Self::Halfway { applied, .. } => stays(f, Change::Applied, applied),
            Self::Changed {
                how,
                versions,
                is_exact: true,
            } => stays(f, *how, versions),
            Self::Changed { how, versions, .. } if versions.is_empty() => {
                write!(f, "whether a migration was {how} is unknown: {ASK_FIRST}")
            }
            Self::Changed { how, versions, .. } => write!(
                f,
                "at least {} {how} before that, perhaps the next one too: {ASK_FIRST}",
                Were(versions)
            ),
            Self::Undone { applied, at } => write!(
                f,
                "{} applied before that and rolled back again: the database is at {at}, where it \
                 was",
                Were(applied)
            ),
            Self::NotUndone { applied, why } => write!(
                f,
                "{} applied before that, and {why}: {ASK_FIRST}",
                Were(applied)
            ),
            Self::Unknown => write!(f, "what it did to the database is unknown: {ASK_FIRST}"),
            Self::Killed => write!(
                f,
                "what had ended stays, and the server rolls back the migration under way, unless \
                 that runs outside a transaction: {ASK_FIRST}"
            ),
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

/// Writes which versions were changed and stay so.
fn stays(f: &mut fmt::Formatter<'_>, how: Change, versions: &[String]) -> fmt::Result {
    if versions.is_empty() {
        return write!(f, "no migration was {how}");
    }
    let stay = match (how, versions) {
        (Change::Applied, [_]) => "stays",
        (Change::Applied, _) => "stay",
        (Change::RolledBack, [_]) => "stays so",
        (Change::RolledBack, _) => "stay so",
    };
    write!(f, "{} {how} before that and {stay}", Were(versions))
}

/// `001, 002 were`
struct Were<'a>(&'a [String]);

impl fmt::Display for Were<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [one] => write!(f, "{one} was"),
            [first, .., last] if self.0.len() > TOLD => {
                write!(f, "{first} to {last} ({} migrations) were", self.0.len())
            }
            versions => write!(f, "{} were", versions.join(", ")),
        }
    }
}

//! What a case is: the situation, the call, and what must be true afterwards.

use fraisier_adapter_confiture::tools::ledger::STATEMENTS;
use fraisier_adapter_confiture::tools::replay::plain_output;
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::connection::Connection;
use crate::expectation::Expectation;
use crate::project::{MIGRATIONS, Project};
use crate::release::Release;

/// The first release that the adapter can use.
pub const FLOOR: Release = Release::new(0, 20, 0);

/// The database a case starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Database {
    /// No database: the call reaches none, or needs none.
    None,
    /// Empty.
    Fresh,
    /// The database that the same release's `up` makes from `project`, changed by `sql`.
    Applied {
        /// The project that was applied.
        project: Project,
        /// Statements that run after the `up`.
        sql: &'static str,
    },
}

/// What else is unusual while the call runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Circumstance {
    /// Another session holds the migration lock.
    LockHeld,
    /// The path of the report is a directory.
    UnwritableReport,
}

/// Everything that decides what a recording of the case contains.
#[derive(Debug, Clone, Serialize)]
pub struct Definition {
    /// The files that are present when the call is made.
    pub project: Project,
    /// The migrations directory that the call names, relative to the project.
    pub migrations_dir: &'static str,
    /// The database before the call.
    pub database: Database,
    /// How the call gets its connection string.
    pub connection: Connection,
    /// What else is unusual.
    pub circumstance: Option<Circumstance>,
    /// The call that the case is about.
    pub call: Call,
    /// Whether the ledger is recorded as the adapter reads it; then a planned call gets the directory of
    /// links. Otherwise the call gets the whole directory, and a replay uses the ledger that one `up`
    /// writes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reads_ledger: bool,
    /// The calls that the adapter may make afterwards, in this order, to understand the outcome.
    pub then: Vec<Call>,
}

impl Definition {
    /// The definition of a call on a fresh database, in a project without migrations.
    pub fn of(call: Call) -> Self {
        Self {
            project: Project::empty(),
            migrations_dir: MIGRATIONS,
            database: Database::Fresh,
            connection: Connection::Valid,
            circumstance: None,
            call,
            reads_ledger: false,
            then: Vec::new(),
        }
    }

    /// A short digest. A recording contains the digest of the definition it was made from, so a case that
    /// changed afterwards is noticed. It is FNV-1a, which is the same on every platform and version.
    pub fn digest(&self) -> String {
        let calls = std::iter::once(&self.call).chain(&self.then);
        let argv: Vec<_> = calls.map(|call| call.argv(self.migrations_dir)).collect();
        let plain: Vec<_> = plain_output().collect();
        let json = if self.reads_ledger {
            serde_json::to_vec(&(self, argv, plain, STATEMENTS))
        } else {
            serde_json::to_vec(&(self, argv, plain))
        };
        let json = json.expect("it has a JSON form");
        let hash = json.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        format!("{hash:016x}")
    }
}

/// One case of the contract.
#[derive(Debug, Clone)]
pub struct Case {
    /// `operation/situation`; also the directory of its recordings.
    pub name: &'static str,
    /// The situation in one sentence.
    pub about: &'static str,
    /// The first release the case is recorded on.
    pub since: Release,
    /// The first release that no longer has the case.
    pub until: Option<Release>,
    /// Whether a quick run of the gate has it.
    pub quick: bool,
    /// Everything that a recording of the case depends on.
    pub definition: Definition,
    /// What must be true of every recording of the case.
    pub expectations: Vec<Expectation>,
}

impl Case {
    /// The operation, the first half of the name.
    pub fn operation(&self) -> &'static str {
        self.name.split_once('/').map_or("", |(first, _)| first)
    }

    /// Whether the case is recorded on `release`.
    pub fn applies_to(&self, release: Release) -> bool {
        release >= self.since && self.until.is_none_or(|until| release < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_changes_with_everything_a_recording_depends_on() {
        let plain = Definition::of(Call::Current);
        let other = Definition {
            database: Database::None,
            ..plain.clone()
        };
        assert_eq!(plain.digest(), plain.clone().digest());
        assert_ne!(plain.digest(), other.digest());
    }
}

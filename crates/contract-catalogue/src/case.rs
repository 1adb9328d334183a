//! What a case is: the situation, the call, and what must be true afterwards.

use fraisier_adapter_confiture::tools::ledger::STATEMENTS;
use fraisier_adapter_confiture::tools::replay::plain_output;
use serde::Serialize;

use crate::call::Call;
use crate::connection::Connection;
use crate::expectation::{Expectation, Fact};
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
    /// Everything that a recording of the case depends on.
    pub definition: Definition,
    /// What must be true of every recording of the case.
    pub expectations: Vec<Expectation>,
}

/// Starts a case: a call on a fresh database, in a project without migrations.
pub fn case(name: &'static str, about: &'static str, call: Call) -> Case {
    Case {
        name,
        about,
        since: FLOOR,
        until: None,
        definition: Definition {
            project: Project::empty(),
            migrations_dir: MIGRATIONS,
            database: Database::Fresh,
            connection: Connection::Valid,
            circumstance: None,
            reads_ledger: false,
            call,
            then: Vec::new(),
        },
        expectations: Vec::new(),
    }
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

    /// Records the case only from `release` on.
    pub fn since(mut self, release: Release) -> Self {
        self.since = release;
        self
    }

    /// Records the case only below `release`.
    pub fn until(mut self, release: Release) -> Self {
        self.until = Some(release);
        self
    }

    /// The files that are present when the call is made.
    pub fn project(mut self, project: Project) -> Self {
        self.definition.project = project;
        self
    }

    /// The migrations directory the call names.
    pub fn migrations_dir(mut self, dir: &'static str) -> Self {
        self.definition.migrations_dir = dir;
        self
    }

    /// Starts from a database that `project` was applied to, and from the same files.
    pub fn applied(self, project: &Project) -> Self {
        self.applied_then(project, "")
    }

    /// Like [`applied`](Self::applied), with the database changed by `sql` afterwards.
    pub fn applied_then(mut self, project: &Project, sql: &'static str) -> Self {
        self.definition.project = project.clone();
        self.definition.database = Database::Applied {
            project: project.clone(),
            sql,
        };
        self
    }

    /// Makes no database.
    pub fn without_database(mut self) -> Self {
        self.definition.database = Database::None;
        self
    }

    /// How the call gets its connection string.
    pub fn connection(mut self, connection: Connection) -> Self {
        self.definition.connection = connection;
        self
    }

    /// Adds what else is unusual.
    pub fn while_(mut self, circumstance: Circumstance) -> Self {
        self.definition.circumstance = Some(circumstance);
        self
    }

    /// Records the ledger that the adapter reads beside the call, or plans it with.
    #[must_use]
    pub fn with_ledger(mut self) -> Self {
        self.definition.reads_ledger = true;
        self
    }

    /// Adds a call the adapter may make next.
    pub fn then(mut self, call: Call) -> Self {
        self.definition.then.push(call);
        self
    }

    /// Adds what must be true on every release.
    pub fn expect<const N: usize>(mut self, facts: [Fact; N]) -> Self {
        self.expectations.extend(facts.map(Expectation::always));
        self
    }

    /// Adds what must be true from `release` on.
    pub fn expect_from<const N: usize>(mut self, release: Release, facts: [Fact; N]) -> Self {
        self.expectations
            .extend(facts.map(|fact| Expectation::from(release, fact)));
        self
    }

    /// Adds what must be true below `release`.
    pub fn expect_below<const N: usize>(mut self, release: Release, facts: [Fact; N]) -> Self {
        self.expectations
            .extend(facts.map(|fact| Expectation::below(release, fact)));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_changes_with_everything_a_recording_depends_on() {
        let plain = case("current/fresh", "a", Call::Current);
        let reworded = case("current/renamed", "b", Call::Current).expect([Fact::Exit(2)]);
        let other = case("current/fresh", "a", Call::Current).without_database();
        assert_eq!(plain.definition.digest(), reworded.definition.digest());
        assert_ne!(plain.definition.digest(), other.definition.digest());
    }
}

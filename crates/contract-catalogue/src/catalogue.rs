//! Every case of the contract, defined once in `catalogue.toml`, whose head explains its fields.
//!
//! The recorder records them, the replay suite checks the recordings and the adapter with them, and the
//! gate runs them live to judge a release that is not recorded yet.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use toml::{Table, Value};

use crate::announced::{MOVED_CODES, PENDING_SCOPE};
use crate::call::Call;
use crate::case::{Case, Circumstance, Database, Definition, FLOOR};
use crate::connection::Connection;
use crate::expectation::{Expectation, Fact};
use crate::project::Project;
use crate::release::Release;

/// All cases, by operation, in the order in which they are best read. What holds for every case is added
/// here.
pub fn catalogue() -> Vec<Case> {
    static CATALOGUE: LazyLock<Vec<Case>> = LazyLock::new(|| {
        let mut cases = parse(include_str!("catalogue.toml")).expect("the cases of this crate");
        for case in &mut cases {
            let mut general = vec![Fact::DocumentedExits];
            if matches!(
                case.definition.call,
                Call::Preflight | Call::PreflightAgainst
            ) {
                general.push(Fact::IssueNamespace);
            }
            let general = general.into_iter().map(Expectation::always);
            case.expectations.extend(general);
        }
        cases
    });
    CATALOGUE.clone()
}

/// The cases of a text in the form of `catalogue.toml`. The texts of a case live as long as the program, so a
/// text is parsed once.
pub fn parse(text: &str) -> anyhow::Result<Vec<Case>> {
    let mut document: Document = toml::from_str(text)?;
    let rows = std::mem::take(&mut document.case);
    let cases = rows.into_iter().map(|row| {
        let name = row.get("name").and_then(Value::as_str).unwrap_or_default();
        let context = format!("the case {name}");
        document.case(row).context(context)
    });
    cases.collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    releases: BTreeMap<String, Release>,
    /// Files with their contents.
    #[serde(default)]
    projects: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    like: BTreeMap<String, Table>,
    case: Vec<Table>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a field that most cases lack"
)]
struct Row {
    name: String,
    about: String,
    since: Option<String>,
    until: Option<String>,
    quick: bool,
    target: Option<String>,
    against: bool,
    project: Option<String>,
    with: BTreeMap<String, String>,
    without: Vec<String>,
    migrations_dir: Option<String>,
    applied: Option<String>,
    sql: String,
    without_database: bool,
    connection: Connection,
    circumstance: Option<Circumstance>,
    reads_ledger: bool,
    then_current: bool,
    expect: Vec<Fact>,
    from: BTreeMap<String, Vec<Fact>>,
    below: BTreeMap<String, Vec<Fact>>,
}

impl Document {
    fn case(&self, mut fields: Table) -> anyhow::Result<Case> {
        if let Some(like) = fields.remove("like") {
            let shared = like.as_str().and_then(|like| self.like.get(like));
            join(&mut fields, shared.context("there is nothing like it")?);
        }
        let row: Row = fields.try_into()?;
        let unchanged = Definition::of(row.call()?);
        let applied = row.applied.as_deref().map(|it| self.project(it));
        let applied = applied.transpose()?;
        let mut project = match &row.project {
            Some(name) => self.project(name)?,
            None => applied.clone().unwrap_or_default(),
        };
        for (file, contents) in &row.with {
            project = project.with(file, contents);
        }
        for file in &row.without {
            project = project.without(file);
        }
        let mut expectations = Vec::new();
        let mut expect = |from, below, facts: Vec<Fact>| {
            let expectation = |fact| Expectation { from, below, fact };
            expectations.extend(facts.into_iter().map(expectation));
        };
        expect(None, None, row.expect);
        for (release, facts) in row.below {
            expect(None, Some(self.release(&release)?), facts);
        }
        for (release, facts) in row.from {
            expect(Some(self.release(&release)?), None, facts);
        }
        let release = |name: Option<String>| name.map(|it| self.release(&it)).transpose();
        Ok(Case {
            name: row.name.leak(),
            about: row.about.leak(),
            since: release(row.since)?.unwrap_or(FLOOR),
            until: release(row.until)?,
            quick: row.quick,
            definition: Definition {
                project,
                migrations_dir: match row.migrations_dir {
                    Some(directory) => directory.leak(),
                    None => unchanged.migrations_dir,
                },
                database: match applied {
                    Some(project) => Database::Applied {
                        project,
                        sql: row.sql.leak(),
                    },
                    None if row.without_database => Database::None,
                    None => Database::Fresh,
                },
                connection: row.connection,
                circumstance: row.circumstance,
                reads_ledger: row.reads_ledger,
                then: row
                    .then_current
                    .then_some(Call::Current)
                    .into_iter()
                    .collect(),
                ..unchanged
            },
            expectations,
        })
    }

    fn project(&self, name: &str) -> anyhow::Result<Project> {
        let files = self.projects.get(name);
        let files = files.with_context(|| format!("there is no project {name}"))?;
        let add =
            |project: Project, (file, contents): (&String, &String)| project.with(file, contents);
        Ok(files.iter().fold(Project::empty(), add))
    }

    fn release(&self, name: &str) -> anyhow::Result<Release> {
        match name {
            "pending_scope" => Ok(PENDING_SCOPE),
            "moved_codes" => Ok(MOVED_CODES),
            name => match self.releases.get(name) {
                Some(release) => Ok(*release),
                None => Ok(name.parse()?),
            },
        }
    }
}

impl Row {
    /// The call of the operation that the name begins with.
    fn call(&self) -> anyhow::Result<Call> {
        let target = self.target.clone();
        let parts = self.name.split_once('/');
        let (operation, situation) = parts.context("a name is `operation/situation`")?;
        Ok(match operation {
            "current" => Call::Current,
            "up" => Call::Up(target),
            "down-to" => Call::DownTo(target.context("`down-to` has no target")?),
            "verify" => Call::Verify,
            "preflight" if self.against => Call::PreflightAgainst,
            "preflight" => Call::Preflight,
            "surface" if situation == "version" => Call::Version,
            "surface" if situation == "exit-codes" => Call::ExitCodes,
            "surface" => match situation.strip_prefix("help-") {
                Some(subcommand) => Call::Help(subcommand.to_owned()),
                None => bail!("there is no call for {situation}"),
            },
            _ => bail!("there is no operation {operation}"),
        })
    }
}

/// Adds the shared fields to those of a case, whose own values count; the shared elements of a list are
/// the first.
fn join(fields: &mut Table, shared: &Table) {
    for (name, shared) in shared {
        match (fields.get_mut(name), shared) {
            (None, shared) => {
                fields.insert(name.clone(), shared.clone());
            }
            (Some(Value::Table(own)), Value::Table(shared)) => join(own, shared),
            (Some(Value::Array(own)), Value::Array(shared)) => {
                own.splice(..0, shared.iter().cloned());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_paths_of_an_operation_and_a_situation() {
        let mut names = BTreeSet::new();
        for case in catalogue() {
            assert!(names.insert(case.name), "{} twice", case.name);
            let (operation, situation) = case.name.split_once('/').expect(case.name);
            for part in [operation, situation] {
                let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
                assert!(!part.is_empty() && part.bytes().all(plain), "{}", case.name);
            }
        }
    }

    #[test]
    fn every_release_has_at_least_forty_five_cases() {
        let on_the_oldest = catalogue()
            .iter()
            .filter(|case| case.applies_to(FLOOR))
            .count();
        assert!(on_the_oldest >= 45, "{on_the_oldest}");
    }

    #[test]
    fn every_case_has_an_expectation() {
        for case in catalogue() {
            let judged = |fact: &Fact| matches!(fact, Fact::Adapter(_));
            let facts = || {
                case.expectations
                    .iter()
                    .map(|expectation| &expectation.fact)
            };
            assert!(facts().any(|fact| !judged(fact)), "{}", case.name);
            if case.definition.call.is_operation() {
                assert!(facts().any(judged), "{}", case.name);
            }
        }
    }

    #[test]
    fn a_case_with_an_unknown_field_or_name_is_refused() {
        for (field, expected) in [
            ("projekt = \"shop\"", "unknown field"),
            ("project = \"shop\"", "no project shop"),
            ("like = \"shop\"", "nothing like it"),
            ("like = [\"shop\"]", "nothing like it"),
            ("since = \"shop\"", "is not a release"),
            ("expect = [\"shop\"]", "did not match"),
            ("[[cases]]", "unknown field"),
            ("[[case]]\nname = \"shop/a\"", "no operation shop"),
            ("[[case]]\nname = \"surface/shop\"", "no call for shop"),
        ] {
            let text = format!("[[case]]\nname = \"verify/a\"\n{field}");
            let error = format!("{:#}", parse(&text).unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
    }
}

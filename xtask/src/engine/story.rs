//! What a story is, and how its steps are played.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::by_code;
use super::stand::{Deployed, Stand};
use super::way::Way;
use crate::project::Project;

/// The stories, the longest first.
pub static STORIES: LazyLock<Stories> = LazyLock::new(|| {
    toml::from_str(include_str!("stories.toml")).expect("stories.toml has the fields of its head")
});

/// The contents of `stories.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stories {
    files: BTreeMap<String, String>,
    sections: BTreeMap<String, String>,
    pub story: Vec<Story>,
}

/// Steps on one stand, each of which continues from the one before.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    pub name: String,
    #[serde(default)]
    pub quick: Vec<Way>,
    #[serde(default)]
    pub before: Vec<Step>,
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
}

/// An action, and the check of its result. The head of `stories.toml` says what the fields mean.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    pub name: String,
    ways: Vec<Way>,
    pub because: BTreeMap<Way, String>,
    only: Option<String>,
    set: BTreeMap<String, String>,
    sections: Option<Vec<String>>,
    remove: Option<String>,
    sample: Vec<String>,
    write: Vec<String>,
    files: BTreeMap<String, String>,
    sql: Option<String>,
    build: bool,
    code: Option<String>,
    env: BTreeMap<String, String>,
    deploy: Option<String>,
    saga: Vec<String>,
    run: Vec<String>,
    fails: bool,
    rolled_back: Option<String>,
    ends: Option<String>,
    says: Vec<String>,
    json: BTreeMap<String, serde_json::Value>,
    asked: Option<String>,
    starts: Option<usize>,
    exposed: Option<Vec<String>>,
    at: Option<Vec<String>>,
    tables: Vec<String>,
    active: Option<String>,
    then: Vec<Step>,
}

impl Story {
    /// Whether any of its steps can be done with this variant.
    pub fn is_for(&self, way: Way) -> bool {
        self.steps.iter().any(|step| step.is_for(way))
    }
}

impl Step {
    /// Whether this variant plays it.
    pub fn is_for(&self, way: Way) -> bool {
        self.ways.is_empty() || self.ways.contains(&way)
    }

    /// Does what the step says, and checks the result.
    pub fn play(&self, stand: &mut Stand<'_>) -> anyhow::Result<()> {
        if let Some(condition) = &self.only
            && !stand.holds(condition)?
        {
            return Ok(());
        }
        self.prepare(stand)?;
        if let Some(name) = &self.code {
            by_code::named(name).with_context(|| format!("no code: {name}"))?(stand)?;
        }
        let env = stand.env.clone();
        stand.env.extend(self.env.clone());
        let said = self.run(stand);
        stand.env = env;
        self.check(stand, &said?)?;
        self.then.iter().try_for_each(|step| step.play(stand))
    }

    fn prepare(&self, stand: &mut Stand<'_>) -> anyhow::Result<()> {
        for (name, value) in &self.set {
            let value = stand.filled(value);
            stand.settings.insert(name.clone(), value);
        }
        if let Some(names) = &self.sections {
            let section = |name| STORIES.sections.get(name).context("no such section");
            let sections = names.iter().map(|name| Ok(stand.filled(section(name)?)));
            stand.sections = sections.collect::<anyhow::Result<_>>()?;
        }
        if let Some(prefix) = &self.remove {
            stand.project.remove(prefix)?;
        }
        if !self.sample.is_empty() {
            let sample = Project::sample(&stand.release.to_string())?;
            sample.add_failing_sample()?;
            for version in sample.versions()? {
                if !self.sample.contains(&version) {
                    sample.remove(&version)?;
                }
            }
            sample.copy_to(&stand.project)?;
        }
        self.write.iter().try_for_each(|name| stand.write(name))?;
        for (file, text) in &self.files {
            stand.project.write(file, text)?;
        }
        if let Some(sql) = &self.sql {
            stand.database.connect()?.batch_execute(sql)?;
        }
        if self.build {
            stand.build()?;
        }
        if self.exposed.is_some() || self.starts.is_some() {
            stand.exposed();
            stand.starts();
        }
        Ok(())
    }

    /// Runs the engine. Returns the reason that it gives for the end of a deploy, or what it prints.
    fn run(&self, stand: &mut Stand<'_>) -> anyhow::Result<String> {
        if let Some(version) = &self.deploy {
            return self.ended(stand.deploy(version)?);
        }
        if !self.saga.is_empty() {
            return self.ended(stand.saga(&self.saga)?);
        }
        if self.run.is_empty() {
            return Ok(String::new());
        }
        let arguments: Vec<String> = self.run.iter().map(|it| stand.filled(it)).collect();
        stand.ends(!self.fails, &arguments)
    }

    fn ended(&self, deployed: Deployed) -> anyhow::Result<String> {
        match (&self.rolled_back, &self.ends) {
            (Some(step), _) => deployed.rolled_back(step)?,
            (None, ends) => deployed.ended(ends.as_deref().unwrap_or("committed"))?,
        }
        Ok(deployed.detail)
    }

    fn check(&self, stand: &Stand<'_>, said: &str) -> anyhow::Result<()> {
        for words in &self.says {
            let words = stand.filled(words);
            ensure!(said.contains(&words), "it does not say “{words}”: {said}");
        }
        if !self.json.is_empty() {
            let printed: BTreeMap<String, serde_json::Value> = serde_json::from_str(said)?;
            for (name, value) in &self.json {
                ensure!(
                    printed.get(name) == Some(value),
                    "`{name}` is not {value}: {said}"
                );
            }
        }
        if let Some(call) = &self.asked {
            let asked = stand.asked();
            ensure!(asked.contains(call), "{call} was not run, but: {asked}");
        }
        if self.exposed.is_some() || self.starts.is_some() {
            let starts = stand.starts();
            let right = self
                .starts
                .map_or(starts > 0, |expected| starts == expected);
            ensure!(right, "confiture was started {starts} times");
        }
        if let Some(programs) = &self.exposed {
            let exposed = stand.exposed();
            let received = programs.iter().all(|program| exposed.contains(program));
            let right = received && programs.is_empty() == exposed.is_empty();
            ensure!(right, "these received it, not {programs:?}:\n{exposed}");
        }
        if let Some(versions) = &self.at {
            stand.nothing_is_left()?;
            let (ledger, tables) = (stand.ledger()?, stand.tables()?);
            ensure!(ledger == *versions, "the ledger is {ledger:?}");
            ensure!(tables == self.tables, "the tables are {tables:?}");
        }
        if self.active.is_some() {
            let active = stand.active();
            ensure!(active == self.active, "active is {active:?}");
        }
        Ok(())
    }
}

impl Stand<'_> {
    /// Writes the files of this migration.
    pub fn write(&self, name: &str) -> anyhow::Result<()> {
        let of = |(file, _): &(&String, _)| file.split('.').next() == Some(name);
        let mut files = STORIES.files.iter().filter(of).peekable();
        ensure!(files.peek().is_some(), "no files of {name}");
        files.try_for_each(|(file, text)| self.project.write(file, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(steps: &[Step], check: &mut impl FnMut(&Step)) {
        for step in steps {
            check(step);
            each(&step.then, check);
        }
    }

    #[test]
    fn every_field_of_a_step_is_read() {
        let mut check = |step: &Step| {
            assert!(step.at.is_some() || step.tables.is_empty(), "{step:?}");
            assert!(
                step.rolled_back.is_none() || step.ends.is_none(),
                "{step:?}"
            );
            assert!(step.deploy.is_none() || step.saga.is_empty(), "{step:?}");
        };
        // Only a step of a story has a name, variants and reasons.
        let mut check_nameless = |step: &Step| {
            assert!(step.name.is_empty(), "{step:?}");
            assert!(step.ways.is_empty() && step.because.is_empty(), "{step:?}");
        };
        for story in &STORIES.story {
            each(&story.before, &mut check);
            each(&story.steps, &mut check);
            each(&story.before, &mut check_nameless);
            for step in &story.steps {
                assert!(!step.name.is_empty(), "{step:?}");
                each(&step.then, &mut check_nameless);
            }
        }
    }

    #[test]
    fn every_name_in_the_stories_is_known() {
        let configuration = include_str!("fraisier.toml");
        let mut check = |step: &Step| {
            if let Some(code) = &step.code {
                assert!(by_code::named(code).is_some(), "{code}");
            }
            for section in step.sections.iter().flatten() {
                assert!(STORIES.sections.contains_key(section), "{section}");
            }
            for setting in step.set.keys() {
                assert!(
                    configuration.contains(&format!("{{{setting}}}")),
                    "{setting}"
                );
            }
            let ends = step.deploy.is_some() || !step.saga.is_empty();
            let expects_end = step.rolled_back.is_some() || step.ends.is_some();
            assert!(ends || !expects_end, "{step:?}");
            assert!(!step.run.is_empty() || !step.fails, "{step:?}");
            assert!(step.run.is_empty() || !ends, "{step:?}");
        };
        for story in &STORIES.story {
            each(&story.before, &mut check);
            each(&story.steps, &mut check);
        }
    }
}

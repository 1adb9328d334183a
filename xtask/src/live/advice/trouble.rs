//! Failures as data: the cause, the advice, and what to do to follow it.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use fraisier_adapter_api::Revision;
use serde::Deserialize;
use serde_json::Value;

use super::follower::Follower;
use crate::stage::block_on;

/// The name of a migration, and the SQL of both directions.
type Migration = (String, String, String);

/// The head of `advice.toml` says what the fields mean.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Trouble {
    pub(super) name: String,
    applied: Option<Vec<Migration>>,
    sql: Option<String>,
    remove: Option<String>,
    adds: Vec<Migration>,
    files: BTreeMap<String, String>,
    script: Option<String>,
    call: Vec<Call>,
    says: String,
    then: Option<String>,
    deletes: Option<String>,
    writes: Vec<Migration>,
    next: Vec<Call>,
    result: Vec<String>,
    finally: Option<String>,
}

/// A call of the adapter, or of its program.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Call {
    what: Option<String>,
    target: Option<String>,
    dsn: Option<String>,
    parameter: Option<(String, String)>,
    against: Option<String>,
    workdir: Option<String>,
    migrations_path: Option<String>,
    settings: BTreeMap<String, Value>,
    release: Option<String>,
    confiture: Option<String>,
    check: Option<bool>,
    undo: bool,
    destructive: bool,
    reversible: bool,
    program: Option<String>,
    env: BTreeMap<String, String>,
    result: Option<Vec<String>>,
}

/// All failures.
pub(super) fn all() -> Vec<Trouble> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct All {
        trouble: Vec<Trouble>,
    }
    let all = toml::from_str::<All>(include_str!("advice.toml"));
    all.expect("advice.toml has the fields of its head").trouble
}

impl Trouble {
    pub(super) fn play(mut self, stage: &Follower<'_>) -> anyhow::Result<()> {
        let project = &stage.project;
        let write = |migrations: &[Migration]| {
            let mut migrations = migrations.iter();
            migrations.try_for_each(|(name, up, down)| project.migration(name, up, down))
        };
        if self.call.is_empty() {
            self.call.push(Call::default());
        }
        let first = &self.call[0];
        if let Some(applied) = &self.applied {
            write(applied)?;
            let release = first.release.clone();
            let up = Call {
                release,
                ..Call::default()
            };
            let result = up.make(stage, "")?.map_err(anyhow::Error::msg)?;
            let mut expected = vec!["001"];
            for (name, ..) in applied {
                expected.extend(name.split('_').next());
            }
            ensure!(result == expected, "it applied {result:?}");
        }
        let sql = |text: &str| stage.sql(&stage.filled(text));
        let session = self.sql.as_deref().map(sql).transpose()?;
        if let Some(prefix) = &self.remove {
            project.remove(prefix)?;
        }
        write(&self.adds)?;
        for (file, text) in &self.files {
            let path = project.root().join(file);
            fs::create_dir_all(path.parent().context("a file in a directory")?)?;
            fs::write(path, text)?;
        }
        if let Some(text) = &self.script {
            stage.script(&stage.filled(text))?;
        }
        let mut advice = String::new();
        for call in &self.call {
            advice = stage.advised(call.make(stage, "")?, &self.says)?;
        }
        drop(session);
        let advised = advice.split('`').nth(1).unwrap_or_default();
        if let Some(then) = &self.then {
            let statement = advice.find("UPDATE").map_or("", |at| &advice[at..]);
            let then = then.replace("{statement}", statement);
            sql(&then.replace("{advised}", advised))?;
        }
        if let Some(prefix) = &self.deletes {
            project.remove(prefix)?;
        }
        write(&self.writes)?;
        if self.next.is_empty() {
            self.next.push(Call {
                what: first.what.clone(),
                target: first.target.clone(),
                ..Call::default()
            });
        }
        for call in &self.next {
            let result = call.make(stage, advised)?.map_err(anyhow::Error::msg);
            let result = result.context("the advice was followed")?;
            let expected = call.result.as_ref().unwrap_or(&self.result);
            ensure!(result == *expected, "it is {result:?}, not {expected:?}");
        }
        self.finally.as_deref().map(sql).transpose()?;
        Ok(())
    }
}

impl Call {
    /// The versions that the call applied or rolled back, or the revision that it found; or its failure.
    fn make(
        &self,
        stage: &Follower<'_>,
        advised: &str,
    ) -> anyhow::Result<Result<Vec<String>, String>> {
        let filled = |text: &str| stage.filled(&text.replace("{advised}", advised));
        if let Some(program) = &self.program {
            let env = self.env.iter().map(|(name, value)| (name, filled(value)));
            return Ok(stage.runs(program, env)?.map(|_| Vec::new()));
        }
        let dsn = self.dsn.as_deref().unwrap_or("{dsn}");
        let mut dsn = filled(dsn);
        if let Some((name, value)) = &self.parameter {
            let value = filled(value).replace(' ', "%20").replace('=', "%3D");
            let mark = if dsn.contains('?') { '&' } else { '?' };
            dsn.extend([format!("{mark}{name}={value}")]);
        }
        let mut ctx = stage.ctx_with(&dsn);
        if let Some(against) = &self.against {
            ctx = ctx.with_resolved_secret("AGAINST_DATABASE_URL", filled(against));
        }
        if let Some(workdir) = &self.workdir {
            ctx.workdir = filled(workdir).into();
        }
        if let Some(path) = &self.migrations_path {
            ctx.migrations_path = Some(path.into());
        }
        for (name, value) in &self.settings {
            ctx = ctx.with_setting(filled(name), value.clone());
        }

        let mut builder = stage
            .builder()
            .undo_failed_up(self.undo)
            .allow_destructive(self.destructive)
            .require_reversible(self.reversible);
        if let Some(release) = &self.release {
            builder = builder.program(stage.world.release(release)?.program);
        }
        if let Some(confiture) = &self.confiture {
            builder = builder.program(filled(confiture));
        }
        if let Some(check) = self.check {
            builder = builder.server_disconnect_check(check.then_some(Duration::from_secs(1)));
        }
        let adapter = builder.build();

        let target = self.target.as_ref().map(Revision::new);
        let versions = match (self.what.as_deref(), target) {
            (None, target) => block_on(adapter.up(&ctx, target)).map(|it| it.applied),
            (Some("down_to"), Some(target)) => {
                block_on(adapter.down_to(&ctx, target)).map(|it| it.applied)
            }
            (Some("current"), None) => {
                block_on(adapter.current_revision(&ctx)).map(|it| it.into_iter().collect())
            }
            (Some("preflight"), None) => block_on(adapter.preflight(&ctx)).map(|_| Vec::new()),
            (Some("describe"), None) => block_on(adapter.describe()).map(|_| Vec::new()),
            other => anyhow::bail!("no method of the adapter: {other:?}"),
        };
        let text = |versions: Vec<Revision>| versions.into_iter().map(String::from).collect();
        Ok(versions.map(text).map_err(|failure| failure.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_failure_is_read() {
        for trouble in all() {
            let (name, next) = (&trouble.name, &trouble.next);
            assert!(!trouble.says.is_empty(), "{name}");
            let own = trouble.call.iter().any(|call| call.result.is_some());
            assert!(!own, "{name}: `call` has no result");
            let all_have_own = !next.is_empty() && next.iter().all(|call| call.result.is_some());
            assert!(!all_have_own || trouble.result.is_empty(), "{name}");
            for call in trouble.call.iter().chain(next) {
                assert!(call.program.is_some() || call.env.is_empty(), "{name}");
            }
        }
    }
}

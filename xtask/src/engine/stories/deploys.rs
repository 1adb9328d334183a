//! Deploys of the sample project that succeed, and that fail at each step.

use anyhow::ensure;

use super::story::{Story, first_deploy, product, step, stock};
use crate::engine::stand::Stand;
use crate::engine::way::Way;
use crate::project::Project;

const FIRST: &str = "20260105090000";
const ORIGIN: &str = "20260112140000";
const INDEX: &str = "20260119083000";
const REQUIRED: &str = "20260126100000";
const LATER: &str = "20260202100000";

const HEAD: &[&str] = &[FIRST, ORIGIN, INDEX];
const REPAIRED: &[&str] = &[FIRST, ORIGIN, INDEX, REQUIRED];
const TABLES: &[&str] = &["product", "purchase"];

/// The sample project, from its first deploy to its last rollback.
pub const DEPLOYS: Story = Story {
    name: "deploys",
    quick: &Way::OURS,
    before: None,
    steps: &[
        step("first deploy", |stand| {
            sample(stand, &[FIRST])?;
            stand.deploy("v1")?.committed()?;
            stand.is_at(&[FIRST], TABLES)?;
            is_active(stand, "v1")
        }),
        step("nothing to do", |stand| {
            stand.deploy("v1")?.committed()?;
            stand.is_at(&[FIRST], TABLES)?;
            is_active(stand, "v1")
        }),
        step("dry run", |stand| {
            sample(stand, HEAD)?;
            stand.build()?;
            let output = stand.run(&["--json", "deploy", "--app-version", "v2", "--dry-run"])?;
            ensure!(output.status.success(), "{}", output.stderr);
            let plan: serde_json::Value = serde_json::from_str(&output.stdout)?;
            ensure!(plan["dry_run"] == true, "{plan}");
            stand.is_at(&[FIRST], TABLES)?;
            is_active(stand, "v1")
        }),
        step("second deploy", |stand| {
            stand.starts();
            stand.deploy("v2")?.committed()?;
            // The shipped adapter runs `--version` too.
            let expected = if stand.way == Way::Shipped { 5 } else { 4 };
            let starts = stand.starts();
            ensure!(starts == expected, "confiture was started {starts} times");
            stand.is_at(HEAD, TABLES)?;
            is_active(stand, "v2")
        }),
        step("migration fails", |stand| {
            sample(stand, REPAIRED)?;
            let deployed = stand.deploy("v3")?;
            deployed.rolled_back("migrate", REQUIRED)?;
            stand.is_at(HEAD, TABLES)?;
            is_active(stand, "v2")
        }),
        step("repaired", |stand| {
            let file = format!("{REQUIRED}_require_product_origin.up.sql");
            stand.project.write(
                &file,
                "UPDATE product SET origin = 'unknown' WHERE origin IS NULL;\n\
                 ALTER TABLE product ALTER COLUMN origin SET NOT NULL;\n",
            )?;
            stand.deploy("v3")?.committed()?;
            stand.is_at(REPAIRED, TABLES)?;
            is_active(stand, "v3")
        }),
        step("health check fails", |stand| {
            later(stand, "SELECT true;\n")?;
            stand.config.health = "false";
            let deployed = stand.deploy("v4")?;
            stand.config.health = "true";
            deployed.rolled_back("health", "unhealthy")?;
            stand.is_at(REPAIRED, TABLES)?;
            is_active(stand, "v3")
        }),
        step("verify fails", |stand| {
            later(stand, "SELECT count(*) > 0 FROM later;\n")?;
            let deployed = stand.deploy("v4")?;
            deployed.rolled_back("verify", LATER)?;
            stand.is_at(REPAIRED, TABLES)?;
            is_active(stand, "v3")
        }),
        step("rollback --to", |stand| {
            stand.project.remove(LATER)?;
            stand.build()?;
            let to = [
                "--json",
                "rollback",
                "--to",
                FIRST,
                "--app-version",
                "v1",
                "--yes",
            ];
            stand.saga(&to)?.committed()?;
            stand.is_at(&[FIRST], TABLES)?;
            is_active(stand, "v1")
        }),
    ],
};

/// One migration applied, and then one that fails: the applied one stays, and the reason says so.
pub const HALF: Story = Story {
    name: "half-applied",
    quick: &[],
    before: Some(first_deploy),
    steps: &[step("half applied stays", |stand| {
        half(stand)?;
        let deployed = stand.deploy("v2")?;
        if stand.way == Way::Shipped {
            deployed.rolled_back("migrate", "")?;
        } else {
            deployed.rolled_back("migrate", "003")?;
            ensure!(
                deployed.detail.contains("002"),
                "002 is not named: {}",
                deployed.detail
            );
        }
        stand.is_at(&["001", "002"], &["product", "stock"])
    })],
};

/// There is no version and no revision to go back to.
pub const FIRST_UNHEALTHY: Story = Story {
    name: "first-is-unhealthy",
    quick: &[],
    before: None,
    steps: &[step("first is unhealthy", |stand| {
        product(stand)?;
        stand.config.health = "false";
        let deployed = stand.deploy("v1")?;
        ensure!(
            deployed.outcome == "partial_rollback",
            "{}: {}",
            deployed.outcome,
            deployed.detail
        );
        stand.is_at(&["001"], &["product"])
    })],
};

fn half(stand: &Stand<'_>) -> anyhow::Result<()> {
    stock(stand)?;
    stand.project.migration(
        "003_broken",
        "CREATE TABLE broken (id int);\nSELECT 1 / 0;\n",
        "DROP TABLE broken;\n",
    )
}

/// Puts these migrations of the sample project, and no other, into the project.
fn sample(stand: &Stand<'_>, versions: &[&str]) -> anyhow::Result<()> {
    let project = Project::sample(&stand.release.to_string())?;
    project.add_failing_sample()?;
    for version in project.versions()? {
        if !versions.contains(&version.as_str()) {
            project.remove(&version)?;
        }
    }
    project.copy_to(&stand.project)
}

fn later(stand: &Stand<'_>, verify: &str) -> anyhow::Result<()> {
    let name = format!("{LATER}_later");
    stand.project.migration(
        &name,
        "CREATE TABLE later (id int);\n",
        "DROP TABLE later;\n",
    )?;
    stand.project.write(&format!("{name}.verify.sql"), verify)
}

/// Checks that `version` is active.
fn is_active(stand: &Stand<'_>, version: &str) -> anyhow::Result<()> {
    let active = stand.active();
    ensure!(
        active.as_deref() == Some(version),
        "active is {active:?}, not {version}"
    );
    Ok(())
}

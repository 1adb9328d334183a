//! Deploys with migrations in another directory, and rehearsals on another database.

use std::fs;

use anyhow::ensure;

use super::story::{Story, first_deploy, product, step, step_only, stock};
use crate::engine::stand::Stand;
use crate::engine::way::Way;

/// A rehearsal on a copy of the database, which only an adapter that is compiled in can do.
pub const REHEARSAL: Story = Story {
    name: "rehearsal",
    quick: &[Way::InProcess],
    before: Some(first_deploy),
    steps: &[
        step("rehearsal fails", |stand| {
            stand.config.preflight = "restore_rehearsal";
            stock(stand)?;
            stand
                .project
                .migration("003_broken", "SELECT 1 / 0;\n", "SELECT 1;\n")?;
            if stand.way == Way::Program {
                return unsupported(stand, &["001"], &["product"]);
            }
            let deployed = stand.deploy("v2")?;
            deployed.rolled_back("preflight", "")?;
            // The live database is unchanged.
            stand.is_at(&["001"], &["product"])
        })
        .because(&[(Way::Program, UNSUPPORTED)]),
        step("rehearsal passes", |stand| {
            stand.project.remove("003_broken")?;
            if stand.way == Way::Program {
                return unsupported(stand, &["001"], &["product"]);
            }
            stand.deploy("v2")?.committed()?;
            stand.is_at(&["001", "002"], &["product", "stock"])
        })
        .because(&[(Way::Program, UNSUPPORTED)]),
        step("a type changes", |stand| {
            stand.config.policy = Some("\"additive\", \"lock_risky\"");
            stand.project.migration(
                "003_wider",
                "ALTER TABLE product ALTER COLUMN price TYPE bigint;\n",
                "ALTER TABLE product ALTER COLUMN price TYPE int;\n",
            )?;
            if stand.way == Way::Program {
                return unsupported(stand, &["001"], &["product"]);
            }
            let deployed = stand.deploy("v3")?;
            if stand.since("0.44.0") {
                deployed.committed()?;
                stand.is_at(&["001", "002", "003"], &["product", "stock"])?;
            } else {
                deployed.rolled_back("preflight", "")?;
                stand.is_at(&["001", "002"], &["product", "stock"])?;
            }
            Ok(())
        })
        .because(&[(Way::Program, UNSUPPORTED)]),
    ],
};

const UNSUPPORTED: &str = "the engine's configuration check refuses a rehearsal with a program";

/// Refused by the engine before it calls the adapter.
fn unsupported(stand: &mut Stand<'_>, versions: &[&str], tables: &[&str]) -> anyhow::Result<()> {
    stand.build()?;
    let printed = stand.ends(false, &["--json", "deploy", "--app-version", "v2"])?;
    ensure!(printed.contains("migration.preflight_mode"), "{printed}");
    stand.is_at(versions, tables)
}

/// The engine runs in a directory without migrations, as when a timer or a webhook starts it.
pub const ONLY_IN_THE_ARTIFACT: Story = Story {
    name: "only-in-the-artifact",
    quick: &[],
    before: None,
    steps: &[step("in the artifact", |stand| {
        product(stand)?;
        stand.build()?;
        fs::remove_dir_all(stand.project.root().join("db"))?;
        stand
            .saga(&["--json", "deploy", "--app-version", "v1"])?
            .committed()?;
        stand.is_at(&["001"], &["product"])
    })],
};

/// What the engine's own commands report about the adapter.
pub const FOUND: Story = Story {
    name: "found",
    quick: &[Way::Program],
    before: None,
    steps: &[step_only(&[Way::Program], "found", |stand| {
        let output = stand.run(&["providers"])?;
        ensure!(output.stdout.contains("confiture-ipc"), "{}", output.stdout);
        let output = stand.run(&["provider-test", "confiture-ipc"])?;
        ensure!(
            output.status.success(),
            "{}{}",
            output.stdout,
            output.stderr
        );
        for words in [&stand.release.to_string(), "down_to"] {
            ensure!(
                output.stdout.contains(words),
                "no {words}: {}",
                output.stdout
            );
        }
        Ok(())
    })],
};

//! Deploys that the engine permits or refuses, according to what the adapter reports about the
//! migrations.

use std::fs;
use std::os::unix::fs::symlink;

use anyhow::ensure;

use super::story::{Story, first_deploy, step, stock};
use crate::engine::stand::Stand;
use crate::engine::stand::deploy::Deployed;
use crate::engine::way::Way;

/// Creates a table, but only running the file shows that.
const PYTHON: &str = r#"from confiture.models.migration import Migration


class Opaque(Migration):
    version = "003"
    name = "opaque"

    def up(self):
        self.execute("CREATE TABLE opaque (id int)")

    def down(self):
        self.execute("DROP TABLE opaque")
"#;

/// What a policy allows.
const ADDITIVE: &str = "\"additive\"";

/// The engine's `[policy]`, which decides by risk tier.
pub const POLICY: Story = Story {
    name: "policy",
    quick: &[],
    before: Some(first_deploy),
    steps: &[
        step("policy: additive", |stand| {
            stand.config.policy = Some(ADDITIVE);
            stock(stand)?;
            let deployed = stand.deploy("v2")?;
            if classifies(stand) {
                deployed.committed()?;
                stand.is_at(&["001", "002"], &["product", "stock"])?;
                return Ok(());
            }
            refused(stand, &deployed, "risk_tier", &["001"], &["product"])?;
            // The rest of the story begins like the other stories.
            stand.config.policy = None;
            stand.deploy("v2")?.committed()?;
            stand.config.policy = Some(ADDITIVE);
            Ok(())
        }),
        step("policy: DROP TABLE", drops_a_table),
        step("policy: .py", is_python),
    ],
};

/// A plan that a policy would block.
pub const FAIL_ON_BLOCK: Story = Story {
    name: "fail-on-block",
    quick: &[],
    before: Some(|stand| {
        first_deploy(stand)?;
        stand.config.policy = Some(ADDITIVE);
        stock(stand)
    }),
    steps: &[
        step("plan: additive", |stand| planned(stand, classifies(stand))),
        step("plan: DROP TABLE", |stand| {
            stand
                .project
                .migration("003_drop", "DROP TABLE stock;\n", "SELECT 1;\n")?;
            planned(stand, false)
        }),
    ],
};

/// A dry run, which must fail if the policy does not allow the changes.
fn planned(stand: &mut Stand<'_>, allowed: bool) -> anyhow::Result<()> {
    stand.build()?;
    let plan = ["--json", "deploy", "--app-version", "v2", "--dry-run"];
    stand.ends(true, &plan)?;
    stand.ends(allowed, &[&plan[..], &["--fail-on-block"]].concat())?;
    stand.is_at(&["001"], &["product"])
}

/// Old and new version side by side, on one database.
pub const BLUE_GREEN: Story = Story {
    name: "blue-green",
    quick: &[Way::Program],
    before: Some(|stand| {
        first_deploy(stand)?;
        blue(stand)
    }),
    steps: &[
        step("b/g: additive", |stand| {
            stand.config.blue_green = true;
            stock(stand)?;
            let deployed = stand.deploy("v2")?;
            if judges_windows(stand) {
                deployed.committed()?;
                stand.is_at(&["001", "002"], &["product", "stock"])?;
                let asked = stand.asked();
                ensure!(
                    asked.contains("nginx -s reload"),
                    "the traffic was not moved: {asked}"
                );
                return Ok(());
            }
            refused(stand, &deployed, "window", &["001"], &["product"])?;
            stand.config.blue_green = false;
            stand.deploy("v2")?.committed()?;
            stand.config.blue_green = true;
            Ok(())
        })
        .because(&TRUSTS_MORE),
        step("b/g: DROP TABLE", drops_a_table),
        step("b/g: .py", is_python),
    ],
};

const CHECKED: &str =
    "the shipped adapter believes no verdict before 0.44.0; ours checks each one by itself";

const TRUSTS_MORE: [(Way, &str); 2] = [(Way::Program, CHECKED), (Way::InProcess, CHECKED)];

/// Refused after `002`, because the old code needs the table.
fn drops_a_table(stand: &mut Stand<'_>) -> anyhow::Result<()> {
    stand.project.migration(
        "003_drop",
        "DROP TABLE product;\n",
        "CREATE TABLE product (id int PRIMARY KEY, price int);\n",
    )?;
    let deployed = stand.deploy("v3")?;
    refused(stand, &deployed, "", &["001", "002"], &["product", "stock"])
}

/// Refused after `002`, because nothing can be said about what it does.
fn is_python(stand: &mut Stand<'_>) -> anyhow::Result<()> {
    stand.project.remove("003_drop")?;
    stand.project.write("003_opaque.py", PYTHON)?;
    let deployed = stand.deploy("v3")?;
    refused(stand, &deployed, "", &["001", "002"], &["product", "stock"])
}

/// A project that has no migrations yet. Without blue-green the engine refuses it in the end, because
/// `verify` examined nothing.
pub const EMPTY: Story = Story {
    name: "empty-directory",
    quick: &[],
    before: None,
    steps: &[step("b/g: no migrations", |stand| {
        blue(stand)?;
        stand.config.blue_green = true;
        let deployed = stand.deploy("v1")?;
        if judges_windows(stand) {
            deployed.committed()?;
            stand.is_at(&[], &[])?;
            return Ok(());
        }
        refused(stand, &deployed, "window", &[], &[])
    })
    .because(&TRUSTS_MORE)],
};

/// Checks that the traffic goes to the old version.
fn blue(stand: &Stand<'_>) -> anyhow::Result<()> {
    let blue = stand.root().join("lb/blue.upstream.conf");
    fs::write(&blue, "upstream shop {\n    server 127.0.0.1:8001;\n}\n")?;
    symlink(&blue, stand.root().join("lb/active.upstream"))?;
    Ok(())
}

/// Checks that the deploy was refused before it did anything, and that the database is unchanged.
fn refused(
    stand: &Stand<'_>,
    deployed: &Deployed,
    words: &str,
    versions: &[&str],
    tables: &[&str],
) -> anyhow::Result<()> {
    deployed.rolled_back("preflight", words)?;
    stand.is_at(versions, tables)
}

fn classifies(stand: &Stand<'_>) -> bool {
    stand.since("0.44.0")
}

/// The shipped adapter trusts no verdict before 0.44.0; ours checks each `true` of those releases.
fn judges_windows(stand: &Stand<'_>) -> bool {
    stand.since(if stand.way == Way::Shipped {
        "0.44.0"
    } else {
        "0.23.0"
    })
}

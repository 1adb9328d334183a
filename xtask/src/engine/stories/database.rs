//! What the engine does to a database apart from deploys.

use std::fs;
use std::path::PathBuf;

use anyhow::ensure;

use super::story::{Story, first_deploy, product, step, step_only, stock};
use crate::engine::stand::{ADMIN, Stand};
use crate::engine::way::Way;
use crate::harness::Skip;

/// `fraisier db migrate`, `db reset` and `db restore`.
pub const DATABASE: Story = Story {
    name: "db",
    quick: &[],
    before: None,
    steps: &[
        step("db migrate", |stand| {
            product(stand)?;
            stock(stand)?;
            stand.ends(true, &["--json", "db", "migrate"])?;
            is_at_stock(stand)
        }),
        step("db migrate fails", |stand| {
            broken(stand)?;
            stand.ends(false, &["--json", "db", "migrate"])?;
            is_at_stock(stand)
        }),
        step("db reset", |stand| {
            stand.project.remove("003_broken")?;
            stand.sql("DROP TABLE product; CREATE TABLE leftover (id int);")?;
            stand.ends(true, &["--json", "db", "reset", "--yes"])?;
            is_at_stock(stand)
        }),
        step("db restore", |stand| {
            stand.sql("INSERT INTO product VALUES (1, 100);")?;
            let archive = stand.root().join("archive").display().to_string();
            stand.ends(true, &["--json", "backup", "--output", &archive])?;
            stand.sql("DROP TABLE product;")?;
            stand.ends(
                true,
                &["--json", "db", "restore", "--input", &archive, "--yes"],
            )?;
            is_at_stock(stand)?;
            let row = stand
                .database
                .connect()?
                .query_one("SELECT price FROM product", &[])?;
            ensure!(row.get::<_, i32>(0) == 100, "the row is not restored");
            stand.deploy("v1")?.committed()?;
            is_at_stock(stand)
        }),
    ],
};

/// `fraisier backup drill`, with a migration that is pending.
pub const DRILL: Story = Story {
    name: "drill",
    quick: &Way::OURS,
    before: Some(first_deploy),
    steps: &[
        step("drill", |stand| {
            back_up(stand)?;
            stock(stand)?;
            if stand.way == Way::Program {
                let printed = stand.ends(false, &RUN_DRILL)?;
                ensure!(printed.contains("the live database is unchanged"), "{printed}");
            } else {
                stand.ends(true, &RUN_DRILL)?;
            }
            // The live database is unchanged.
            stand.is_at(&["001"], &["product"])
        })
        .because(&[(
            Way::Program,
            "the engine gives the throwaway database to what is compiled in alone, so the program refuses",
        )]),
        step_only(&[Way::Program], "drill through a wrapper", |stand| {
            stand.hide_engine()?;
            let printed = stand.ends(false, &RUN_DRILL)?;
            ensure!(printed.contains("_fraisier_rh_"), "{printed}");
            stand.is_at(&["001"], &["product"])?;
            stand.deploy("v2")?.committed()?;
            is_at_stock(stand)
        }),
    ],
};

const RUN_DRILL: [&str; 3] = ["--json", "backup", "drill"];

/// `fraisier db refresh`: the database of one environment is replaced by a backup of another.
pub const REFRESH: Story = Story {
    name: "refresh",
    quick: &[],
    before: Some(|stand| {
        stand.config.name = stand.database.name().to_owned();
        // The engine writes a file here, wherever it runs.
        let etc = PathBuf::from("/etc").join(&stand.config.name);
        if let Err(why) = fs::create_dir(&etc) {
            return Err(Skip(format!("{} cannot be created: {why}", etc.display())).into());
        }
        stand.remove_later(etc.clone());
        let flag = etc.join("staging.refreshed.env");
        fs::write(stand.root().join("flag"), flag.display().to_string())?;
        first_deploy(stand)?;
        back_up(stand)?;
        let dir = stand.root().join("backups");
        stand.config.environment = "staging";
        stand.config.sections = vec![
            format!("[database]\nadmin_url_env = \"{ADMIN}\"\n"),
            format!(
                "[refresh]\nsource_dir = \"{}\"\nsource_environment = \"production\"\n\
                 sanitize = \"none\"\nsanitize_reason = \"there is nothing in it\"\n",
                dir.display()
            ),
        ];
        stand.set_admin();
        stand.ends(true, &["--json", "db", "mark-refresh-target"])?;
        stand.exposed();
        Ok(())
    }),
    steps: &[
        step("db refresh", |stand| {
            stock(stand)?;
            stand.sql("CREATE TABLE leftover (id int);")?;
            stand.ends(true, &["--json", "db", "refresh", "--yes"])?;
            is_at_stock(stand)?;
            is_withheld(stand)
        }),
        step("db refresh fails", |stand| {
            broken(stand)?;
            let printed = stand.ends(false, &["--json", "db", "refresh", "--yes"])?;
            ensure!(printed.contains(r#""failed_step": "migrate""#), "{printed}");
            // It was restored at 001, and what was applied before the failure remains.
            is_at_stock(stand)?;
            is_withheld(stand)
        }),
    ],
};

/// The administrator's connection string: which programs receive it.
pub const ADMINISTRATOR: Story = Story {
    name: "administrator",
    quick: &Way::OURS,
    before: Some(|stand| {
        stand.set_admin();
        product(stand)
    }),
    steps: &[
        step("not declared", |stand| {
            stand.deploy("v1")?.committed()?;
            let exposed = stand.exposed();
            for program in ["confiture", "systemctl"] {
                ensure!(exposed.contains(program), "{program} did not receive it");
            }
            Ok(())
        }),
        step("admin_url_env", |stand| {
            let section = format!("[database]\nadmin_url_env = \"{ADMIN}\"\n");
            stand.config.sections.push(section);
            stock(stand)?;
            stand.deploy("v2")?.committed()?;
            is_at_stock(stand)?;
            is_withheld(stand)
        }),
    ],
};

/// Checks that no child process received the administrator's connection string.
pub(super) fn is_withheld(stand: &Stand<'_>) -> anyhow::Result<()> {
    let exposed = stand.exposed();
    ensure!(exposed.is_empty(), "these received it:\n{exposed}");
    ensure!(stand.starts() > 0, "confiture was not started");
    Ok(())
}

/// Writes an archive of the database to the directory of backups.
fn back_up(stand: &mut Stand<'_>) -> anyhow::Result<()> {
    let dir = stand.root().join("backups");
    fs::create_dir(&dir)?;
    let section = format!("[backup]\ndir = \"{}\"\n", dir.display());
    stand.config.sections.push(section);
    stand.ends(true, &["--json", "backup"])?;
    Ok(())
}

fn broken(stand: &Stand<'_>) -> anyhow::Result<()> {
    stand
        .project
        .migration("003_broken", "SELECT 1 / 0;\n", "SELECT 1;\n")
}

fn is_at_stock(stand: &Stand<'_>) -> anyhow::Result<()> {
    stand.is_at(&["001", "002"], &["product", "stock"])
}

//! Databases with settings that change what confiture reads: encodings and date styles.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use contract_lab::command::run;
use serde_json::Value;

use super::{Group, on_stages};
use crate::harness::Skip;
use crate::stage::{Stage, block_on};

pub const GROUP: Group = Group {
    name: "encoding",
    // Those whose reports differ most.
    releases: &["0.20.0", "0.23.0", "0.44.0", "newest"],
    scenes: |_, _| {
        let mut scenes = on_stages(&SITUATIONS, judge);
        scenes.extend(on_stages(&VARIABLES, with_variable));
        scenes
    },
};

/// The name, the statements that set up the database, and the date style that its migrations see.
type Situation = (&'static [&'static str], &'static str);

const SITUATIONS: [(&str, Situation); 3] = [
    (
        "an SQL_ASCII database",
        (
            &[
                "DROP DATABASE _",
                "CREATE DATABASE _ ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
            ],
            "ISO",
        ),
    ),
    (
        "a LATIN1 client encoding",
        (&["ALTER DATABASE _ SET client_encoding = 'LATIN1'"], "ISO"),
    ),
    (
        "a German date style",
        (
            &["ALTER DATABASE _ SET datestyle = 'German, DMY'"],
            "German",
        ),
    ),
];

/// The name, and a variable with another encoding.
const VARIABLES: [(&str, (&str, &str)); 3] = [
    ("LC_ALL", ("LC_ALL", LATIN1)),
    ("PGCLIENTENCODING", ("PGCLIENTENCODING", "SQL_ASCII")),
    ("PGOPTIONS", ("PGOPTIONS", "-c client_encoding=SQL_ASCII")),
];

const LATIN1: &str = "fr_FR.ISO-8859-1";

fn judge(stage: &Stage<'_>, (statements, style): Situation) -> anyhow::Result<()> {
    let mut server = stage.world.server.connect()?;
    for statement in statements {
        let name = format!(" \"{}\"", stage.database.name());
        server.batch_execute(&statement.replacen(" _", &name, 1))?;
    }
    words(stage)?;
    stage.up()?;
    stage.is_at_revision("002")?;
    let found = style_beside_word(stage)?;
    ensure!(found.starts_with(style), "a migration finds {found:?}");
    let report = block_on(stage.adapter().verify(&stage.ctx()))?;
    ensure!(report.ok, "{report:?}");
    stage.down_to("001").context("the way back")?;
    stage.is_at(&["001"])
}

/// Migrations with a word that has other bytes in every encoding, and the check of one.
fn words(stage: &Stage<'_>) -> anyhow::Result<()> {
    stage.project.table("001")?;
    stage.project.migration(
        "002_words",
        "CREATE TABLE words AS SELECT 'é日'::text AS word, current_setting('DateStyle') AS style;",
        "DROP TABLE words;",
    )?;
    let check = "SELECT word = 'é日' FROM words;";
    stage.project.write("002_words.verify.sql", check)
}

/// Checks that the word has the bytes of UTF-8, and returns the style of dates that its migration had.
fn style_beside_word(stage: &Stage<'_>) -> anyhow::Result<String> {
    let mut client = stage.database.connect()?;
    let row = client.query_one("SELECT octet_length(word), style FROM words", &[])?;
    let octets: i32 = row.get(0);
    ensure!(octets == 5, "the word has {octets} bytes");
    Ok(row.get(1))
}

fn with_variable(stage: &Stage<'_>, (name, value): (&str, &str)) -> anyhow::Result<()> {
    words(stage)?;
    let locales = stage.workdir().join("locales");
    if value == LATIN1 {
        compile_locale(&locales)?;
    }
    let calls = |what: &str| -> anyhow::Result<Value> {
        let output = run(Command::new(stage.world.program()?)
            .args([what, "--json"])
            .current_dir(stage.workdir())
            .env("FRAISIER_CONFITURE_BIN", &stage.confiture.program)
            .env("DATABASE_URL", stage.database.dsn())
            .env("LOCPATH", &locales)
            .env(name, value))?;
        serde_json::from_str(&output.stdout).context(output.stderr)
    };
    let applied = calls("up")?;
    style_beside_word(stage).with_context(|| applied.to_string())?;
    let current = calls("current")?;
    ensure!(current["result"] == "002", "{current}");
    let verified = calls("verify")?;
    let checks = verified["result"]["checks"].as_array().map_or(0, Vec::len);
    ensure!(
        verified["result"]["ok"] == true && checks == 2,
        "{verified}"
    );
    stage
        .project
        .write("002_words.verify.sql", "SELECT false")?;
    let verified = calls("verify")?;
    ensure!(verified["result"]["ok"] == false, "{verified}");
    Ok(())
}

fn compile_locale(locales: &Path) -> anyhow::Result<()> {
    std::fs::create_dir(locales)?;
    let mut localedef = Command::new("localedef");
    localedef
        .args(["-i", "fr_FR", "-f", "ISO-8859-1"])
        .arg(locales.join(LATIN1));
    match localedef.output() {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err(Skip(format!("localedef cannot compile {LATIN1} here")).into()),
    }
}

//! Databases with settings that change what confiture reads: encodings and date styles.

use anyhow::{Context as _, ensure};

use super::{Group, on_stages};
use crate::stage::{Stage, block_on};

pub const GROUP: Group = Group {
    name: "encoding",
    about: "databases with an encoding, or a style of dates, that confiture alone does not read",
    // Those whose reports differ most.
    releases: &["0.20.0", "0.23.0", "0.44.0", "newest"],
    scenes: |_, _| on_stages(&SITUATIONS, judge),
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

fn judge(stage: &Stage<'_>, (statements, style): Situation) -> anyhow::Result<()> {
    let mut server = stage.world.server.connect()?;
    for statement in statements {
        let name = format!(" \"{}\"", stage.database.name());
        server.batch_execute(&statement.replacen(" _", &name, 1))?;
    }
    stage.project.table("001")?;
    stage.project.migration(
        "002_words",
        "CREATE TABLE words AS SELECT 'é日'::text AS word, current_setting('DateStyle') AS style;",
        "DROP TABLE words;",
    )?;
    stage
        .project
        .write("002_words.verify.sql", "SELECT word = 'é日' FROM words;")?;

    stage.up()?;
    stage.is_at_revision("002")?;
    let row = stage
        .database
        .connect()?
        .query_one("SELECT octet_length(word), style FROM words", &[])?;
    let (octets, found): (i32, String) = (row.get(0), row.get(1));
    ensure!(octets == 5, "the word has {octets} bytes");
    ensure!(found.starts_with(style), "a migration finds {found:?}");
    let report = block_on(stage.adapter().verify(&stage.ctx()))?;
    ensure!(report.ok, "{report:?}");
    stage.down_to("001").context("the way back")?;
    stage.is_at(&["001"])
}

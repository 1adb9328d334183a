//! Large reports, chatter and migrations, from a stand-in that is as fast as a confiture can be.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use contract_lab::files::write_program;
use fraisier_adapter_api::AdapterCtx;
use fraisier_adapter_confiture::ConfitureMigration;

use super::PROBE;
use super::figures::{Figures, megabytes, seconds, timed};
use crate::project::Project;
use crate::stage::block_on;

/// Issues of the large report, and as many changes.
const ENTRIES: usize = 100_000;

/// How much the stand-in prints, where it chatters.
const CHATTER: u64 = 1_000_000_000;

/// A row of a migration that the window guard recognises.
const ROW: &str = ",\n (123456789, 'a row of an import', now())";

/// One `preflight` in a process of its own.
#[derive(Debug, clap::Args)]
pub struct Large {
    project: PathBuf,
}

impl Large {
    /// The window verdict, the number of issues, the time, and the most memory that this process had.
    pub fn measure(self) -> anyhow::Result<(Option<bool>, usize, Duration, u64)> {
        let adapter = ConfitureMigration::builder()
            .program(self.project.join("confiture"))
            .bytecode_cache(false)
            .build();
        let mut ctx = AdapterCtx::new("shop", "bench").with_resolved_secret(
            "DATABASE_URL",
            "postgresql://shop:s3cr3t%40pw@127.0.0.1:1/shop".to_owned(),
        );
        ctx.workdir = self.project;
        let mut found = (None, 0);
        let time = timed(|| {
            let report = block_on(adapter.preflight(&ctx))?;
            found = (report.window_safe, report.issues.len());
            Ok(())
        })?;
        let status = fs::read_to_string("/proc/self/status").context("only Linux shows it")?;
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"))
            .context("the kernel does not show its peak")?;
        Ok((found.0, found.1, time, peak.trim().parse::<u64>()? * 1024))
    }
}

/// What the stand-in does, and what it has to do it with.
struct Setup {
    what: &'static str,
    release: &'static str,
    report: String,
    print: Option<String>,
    migrations: fn(&Project) -> anyhow::Result<()>,
    expected: (Option<bool>, usize),
}

/// Measures each in turn.
pub fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    let small = |checked| report(&format!("\"migrations_checked\": {checked}"), true, "", "");
    let many = format!("\"warnings\": {ENTRIES}, \"migrations_checked\": 1");
    for setup in [
        Setup {
            what: "a report of 50 MB",
            release: "1.29.0",
            report: report(&many, false, &issues(), &changes()),
            print: None,
            migrations: |project| project.table("000000"),
            expected: (Some(false), ENTRIES),
        },
        Setup {
            what: "1 GB of chatter",
            release: "0.23.0",
            report: small(1),
            print: Some(format!(
                "yes 'eighty bytes of chatter, as a migration that talks too much prints it, and more' \
                 | head -c {CHATTER}"
            )),
            migrations: |project| project.write("001_a.up.sql", "CREATE TABLE a (id int);"),
            expected: (Some(true), 0),
        },
        Setup {
            what: "the guard on 100 MB, a doubt",
            release: "0.23.0",
            report: small(1),
            print: None,
            migrations: |project| {
                let file = fs::File::create(project.migrations().join("001_import.up.sql"))?;
                Ok(file.set_len(100_000_000)?)
            },
            // The issue says why.
            expected: (None, 1),
        },
        Setup {
            what: "the guard on 16 × 4 MiB, recognised",
            release: "0.23.0",
            report: small(16),
            print: None,
            migrations: most,
            expected: (Some(true), 0),
        },
    ] {
        let what = setup.what;
        let (time, peak) = setup.run().with_context(|| format!("measuring {what}"))?;
        figures.alone(what, seconds(time));
        figures.alone("… peak memory", megabytes(peak));
    }
    Ok(())
}

impl Setup {
    fn run(self) -> anyhow::Result<(Duration, u64)> {
        let project = Project::empty()?;
        (self.migrations)(&project)?;
        let root = project.root();
        fs::write(root.join("report"), self.report)?;
        // It finds where its report goes, as every confiture must.
        let text = format!(
            "#!/bin/sh\n[ \"$1\" = --version ] && exec echo confiture version {}\n{}\n\
             while [ \"$1\" != --output ]; do shift; done\nexec cp '{}' \"$2\"\n",
            self.release,
            self.print.unwrap_or_default(),
            root.join("report").display(),
        );
        write_program(&root.join("confiture"), &text)?;
        let (verdict, issues, time, peak): (Option<bool>, usize, Duration, u64) = probe(
            Command::new(std::env::current_exe()?)
                .args([PROBE, "large"])
                .arg(root),
        )?;
        ensure!(
            (verdict, issues) == self.expected,
            "the verdict is {verdict:?}, with {issues} issues"
        );
        Ok((time, peak))
    }
}

/// What a process of our own prints.
pub fn probe<T: serde::de::DeserializeOwned>(command: &mut Command) -> anyhow::Result<T> {
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    ensure!(output.status.success(), "it ended with {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A report of `preflight`.
fn report(summary: &str, safe: bool, issues: &str, changes: &str) -> String {
    format!(
        "{{\"ok\": true, \"window_safe\": {safe}, \"summary\": {{\"errors\": 0, \"info\": 0, {summary}}}, \
         \"issues\": [{issues}], \"change_set\": {{\"contract_version\": 1, \"changes\": [{changes}]}}, \
         \"command\": \"migrate preflight\"}}"
    )
}

fn issues() -> String {
    entries(
        "{\"severity\": \"warning\", \"code\": \"PFLIGHT_REPLICA_CHANGE_TYPE\", \"message\": \"readers on \
         the old type break when the column type changes Multi-step fix: add a column \\u2192 backfill \
         \\u2192 swap readers.\", \"migration\": \"000000\", \"line\": null, \"actionable\": \"add a \
         column \\u2192 backfill \\u2192 swap readers\", \"details\": {\"operation\": \"ChangeColumnType\"}}",
    )
}

fn changes() -> String {
    entries(
        "{\"kind\": \"alter_column_type\", \"object\": \"public.t.c\", \"migration\": \"000000\", \"tier\": \
         \"lock_risky\", \"detail\": \"ALTER COLUMN TYPE — reversible when widening and irreversible when \
         narrowing\"}",
    )
}

fn entries(one: &str) -> String {
    let mut all = String::with_capacity(ENTRIES * (one.len() + 2));
    for number in 0..ENTRIES {
        let comma = if number == 0 { "" } else { ",\n" };
        let _ = write!(all, "{comma}{one}");
    }
    all
}

/// As much as the guard reads: 16 migrations of 4 MiB.
fn most(project: &Project) -> anyhow::Result<()> {
    let mut sql = String::from("insert into a (b, c, d) values (1, 'x', now())");
    while sql.len() + ROW.len() <= 4 << 20 {
        sql.push_str(ROW);
    }
    for number in 1..=16 {
        project.write(&format!("{number:03}_import.up.sql"), &sql)?;
    }
    Ok(())
}

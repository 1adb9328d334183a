//! What the window guard takes for the most that it is given.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fraisier_adapter_confiture::tools::Redactor;
use fraisier_adapter_confiture::tools::process::{Exit, Output};
use fraisier_adapter_confiture::tools::replay::{Command, Preflight, answer};

use super::figures::timed;

/// A row that the guard recognises.
const ROW: &str = ",\n (123456789, 'a row of an import', now())";

/// A migration of 100 MB.
pub fn huge(directory: &Path) -> anyhow::Result<()> {
    File::create(directory.join("001_import.up.sql"))?.set_len(100_000_000)?;
    Ok(())
}

/// As much as the guard reads: 16 migrations of 4 MiB.
pub fn most(directory: &Path) -> anyhow::Result<()> {
    let mut sql = String::from("insert into a (b, c, d) values (1, 'x', now())");
    while sql.len() + ROW.len() <= 4 << 20 {
        sql.push_str(ROW);
    }
    for number in 1..=16 {
        fs::write(directory.join(format!("{number:03}_import.up.sql")), &sql)?;
    }
    Ok(())
}

/// Reads a report that calls these migrations safe; gives the verdict that is passed on, and the
/// time.
pub fn judge(directory: &Path) -> anyhow::Result<(Option<bool>, Duration)> {
    let preflight = Preflight::of_directory(directory, false)?;
    // The directory also holds the lock that says whose it is.
    let is_sql = |path: PathBuf| path.extension().is_some_and(|it| it == "sql");
    let files = directory.read_dir()?.collect::<Result<Vec<_>, _>>()?;
    let checked = files.iter().filter(|file| is_sql(file.path())).count();
    let report = format!(
        r#"{{"ok": true, "window_safe": true, "issues": [], "summary": {{"errors": 0,
        "warnings": 0, "info": 0, "migrations_checked": {checked}}}}}"#
    );
    let mut verdict = None;
    let time = timed(|| {
        let report = answer(&preflight, &Redactor::default(), |command| match command {
            Command::Version => Output {
                stdout: b"confiture version 0.23.0".to_vec().into(),
                ..Output::new(Exit::Code(0), None)
            },
            _ => Output::new(Exit::Code(0), Some(report.clone().into_bytes())),
        })?;
        verdict = report.window_safe;
        Ok(())
    })?;
    Ok((verdict, time))
}

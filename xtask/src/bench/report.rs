//! A preflight report of a size that no project has, and what decoding it takes.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use fraisier_adapter_confiture::tools::Redactor;
use fraisier_adapter_confiture::tools::process::read_report;
use fraisier_adapter_confiture::tools::process::{Exit, Output};
use fraisier_adapter_confiture::tools::replay::{Command, Preflight, answer};

use super::figures::timed;

/// Issues, and as many changes.
const ENTRIES: usize = 100_000;

/// What every text is searched for.
const DSN: &str = "postgresql://shop:s3cr3t%40pw@db.example/shop";

/// The report as confiture 1.29 would write it, with texts cut so that it has 64 MB.
pub fn generate() -> String {
    let mut report = String::with_capacity(70 << 20);
    report.push_str(
        "{\"ok\": true, \"window_safe\": false, \"summary\": {\"errors\": 0, \"warnings\": 100000, \
         \"info\": 0, \"migrations_checked\": 100000}, \"issues\": [",
    );
    for n in 0..ENTRIES {
        let comma = if n == 0 { "" } else { "," };
        let _ = write!(
            report,
            "{comma}\n{{\"severity\": \"warning\", \"code\": \"PFLIGHT_REPLICA_CHANGE_TYPE\", \
             \"message\": \"readers on the old type break when the column type changes \
             Multi-step fix: add a column \\u2192 backfill \\u2192 swap readers.\", \
             \"migration\": \"{n:06}\", \"file\": \"{n:06}_retype.up.sql\", \
             \"line\": null, \"actionable\": \"add a column \\u2192 backfill \\u2192 swap \
             readers\", \"details\": {{\"operation\": \"ChangeColumnType\"}}}}"
        );
    }
    report.push_str("], \"change_set\": {\"contract_version\": 1, \"changes\": [");
    for n in 0..ENTRIES {
        let comma = if n == 0 { "" } else { "," };
        let _ = write!(
            report,
            "{comma}\n{{\"kind\": \"alter_column_type\", \"object\": \"public.t{n}.c\", \
             \"migration\": \"{n:06}\", \"tier\": \"lock_risky\", \"detail\": \"ALTER COLUMN TYPE \
             — reversible when widening and irreversible when narrowing; preflight cannot tell \
             without the source and target types\"}}"
        );
    }
    report.push_str("]}, \"command\": \"migrate preflight\"}");
    report
}

/// How often a report is decoded.
const TIMES: usize = 4;

/// Takes a report from its file several times, as a call does.
pub fn decode(file: &Path) -> anyhow::Result<Vec<Duration>> {
    let directory = file.parent().unwrap_or(file);
    let preflight = Preflight::of_directory(directory, false)?;
    let redactor = Redactor::new([DSN], []);
    let decode = || {
        let mut left = Output::new(Exit::Code(0), None);
        left.report = read_report(file)?;
        let report = answer(&preflight, &redactor, |command| match command {
            Command::Version => Output {
                stdout: b"confiture version 1.29.0".to_vec().into(),
                ..Output::new(Exit::Code(0), None)
            },
            _ => left.clone(),
        })?;
        let changes = report.change_set.map_or(0, |set| set.changes.len());
        anyhow::ensure!((report.issues.len(), changes) == (ENTRIES, ENTRIES));
        Ok(())
    };
    (0..TIMES).map(|_| timed(decode)).collect()
}

/// Decodes a report as often, into a tree of values.
pub fn decode_once(file: &Path) -> anyhow::Result<Vec<Duration>> {
    let decode = || {
        let report: serde_json::Value = serde_json::from_slice(&std::fs::read(file)?)?;
        let issues = report["issues"].as_array().map_or(0, Vec::len);
        anyhow::ensure!(issues == ENTRIES);
        Ok(())
    };
    (0..TIMES).map(|_| timed(decode)).collect()
}

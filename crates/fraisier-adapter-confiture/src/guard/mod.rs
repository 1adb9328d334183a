//! A second look at `window_safe: true`.
//!
//! The releases from 0.23.0 to 0.43.x judge a handful of statement classes and call everything else
//! safe: `DROP TABLE`, `TRUNCATE`, `SET NOT NULL`. So their `true` is passed on only when every
//! statement is recognised as forward-compatible by itself. This can only remove a `true`.
//!
//! The guard is sound and does not try to be complete. It knows the plain shapes of common additive
//! statements; whatever else it finds is a doubt, also when it is harmless. `cargo xtask guard-proof`
//! compares it with the parser of `PostgreSQL`.

mod grammar;
mod scan;
#[cfg(test)]
mod tests;

use std::io::{self, Read as _};
use std::path::Path;

use fraisier_adapter_api::{PreflightIssue, Severity};

use self::grammar::Statement;
use self::scan::{Scanner, Token};
use crate::release::ConfitureVersion;
use crate::release::capability::Need;
use crate::request::project::Migration;
use crate::request::sql_files;

/// The issue that a stated `window_safe: true` is no evidence.
pub const WINDOW_SAFE_UNPROVEN: &str = "FRAISIER_WINDOW_SAFE_UNPROVEN";

/// How many words of a statement an issue quotes, and how much of each.
const WORDS: usize = 8;
const WORD_LENGTH: usize = 63;

/// How many doubts of one file are reported.
const REPORTED: usize = 20;

/// The largest file that is looked at, in MiB. A migration that a person wrote is far smaller.
const LARGEST: u64 = 4;

/// How much is looked at of all files together, in MiB: what is read in a fraction of a second.
const ALTOGETHER: u64 = 64;

const UNREADABLE: &str = "it cannot be read as SQL";

/// One issue for each reason not to believe a `true` of this release that rests on these migrations.
pub(crate) fn doubts(version: &ConfitureVersion, migrations: &[Migration]) -> Vec<PreflightIssue> {
    let judge = Need::DeepClassification.floor().release();
    let mut budget = ALTOGETHER << 20;
    let mut issues = Vec::new();
    for migration in migrations {
        let reasons = match read(&migration.path, &mut budget) {
            Ok(sql) => reasons(&sql),
            Err(why) => vec![why],
        };
        let file = migration.path.file_name().unwrap_or_default();
        for reason in reasons {
            let message = format!(
                "confiture {version} calls this window-safe without having judged it, so it is not \
                 passed on: {}: {reason}. confiture {judge} is the first release that can judge it",
                file.display()
            );
            let issue = PreflightIssue::new(Severity::Warning, WINDOW_SAFE_UNPROVEN, message);
            issues.push(issue.with_migration(&migration.version));
        }
    }
    issues
}

/// The text of a migration, whose length is taken from the budget.
///
/// # Errors
///
/// Why the guard does not look at it, in words.
fn read(path: &Path, budget: &mut u64) -> Result<String, String> {
    let is_sql = path.extension().is_some_and(|extension| extension == "sql");
    let bytes = if is_sql { bytes(path).ok() } else { None };
    let bytes = bytes.ok_or(UNREADABLE)?;
    let length = bytes.len() as u64;
    if length > LARGEST << 20 {
        return Err(format!("it is larger than {LARGEST} MiB"));
    }
    *budget = budget.checked_sub(length).ok_or_else(|| {
        format!("the migrations up to it are larger together than {ALTOGETHER} MiB")
    })?;
    String::from_utf8(bytes).map_err(|_| UNREADABLE.into())
}

/// What a regular file contains, or the beginning of one that is too large.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let file = sql_files::open(path)?;
    // The length in the metadata proves nothing: the file may grow, and files of the kernel have none.
    let mut bytes = Vec::new();
    file.take((LARGEST << 20) + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether every statement of this SQL is recognised as forward-compatible by itself.
#[must_use]
pub fn guard_recognises(sql: &str) -> bool {
    reasons(sql).is_empty()
}

/// A reason for each statement that is not recognised.
fn reasons(sql: &str) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut begins = Scanner::new(sql);
    loop {
        let mut statement = Statement::at(begins);
        if !statement.is_recognised() {
            reasons.push(name(begins));
        }
        let Some(next) = statement.next() else {
            return reasons;
        };
        if reasons.len() == REPORTED {
            reasons.push("there may be more".into());
            return reasons;
        }
        begins = next;
    }
}

/// Where a statement begins, and its first words. They end before the first literal: a migration
/// may hold a secret, and that is the place for one.
fn name(mut statement: Scanner<'_>) -> String {
    let line = statement.line();
    let mut words = String::new();
    for _ in 0..WORDS {
        match statement.next() {
            Token::Word(word) | Token::Quoted(word) => {
                if !words.is_empty() && !words.ends_with('.') {
                    words.push(' ');
                }
                words.push_str(&word[..word.len().min(WORD_LENGTH)]);
            }
            Token::Mark(mark @ (b'.' | b',')) if !words.is_empty() => words.push(mark.into()),
            _ => break,
        }
    }
    if words.is_empty() {
        return format!("line {line}, which begins with no word of SQL");
    }
    format!("line {line}, `{words}`")
}

//! The English of failures, and which of confiture's lines they quote.

use fraisier_adapter_api::AdapterErrorKind;

use super::advice::{CURRENT, DOCTOR};
use super::{Advice, Cause, Fault};
use crate::operation::server_error::what_became;
use crate::process::Interruption;
use crate::redact::Redactor;

/// How many characters a message has, unless state and advice need more.
const MESSAGE: usize = 400;

/// How many characters of a message are for what happened, at least.
const LEAST: usize = 160;

/// How many bytes of what happened go into the message and the evidence.
const WHAT_LIMIT: usize = 4 * 1024;

/// How many bytes of one error of a report the message quotes; the evidence contains all of it.
const ERROR_LIMIT: usize = 300;

impl Fault {
    /// What happened. The errors of the report come first, in short: they say what became of a migration.
    pub(crate) fn summary(&self) -> String {
        let what = self.what.trim_end();
        let in_short = |error: &String| {
            let line = what_became(error).unwrap_or_else(|| paragraph(error));
            Redactor::bounded(&line, ERROR_LIMIT).into_owned()
        };
        let mut clauses: Vec<String> = self.errors.iter().map(in_short).collect();
        match clauses.first_mut() {
            Some(first) => *first = format!("{} ({what})", without_full_stop(first)),
            None => clauses.push(what.to_owned()),
        }
        without_repetition(&Redactor::bounded(&clauses.join("; "), WHAT_LIMIT))
    }

    /// The advice, completed by the diagnosis where that helps. If the state is uncertain, the first step is
    /// to find it out.
    pub(crate) fn advice(&self) -> String {
        use AdapterErrorKind::{DbUnreachable, LockContention};

        let doctor_helps = matches!(self.cause, Cause::Stopped(Interruption::Timeout(_)))
            || matches!(self.kind, DbUnreachable | LockContention);
        let stated = self.next.0.trim();
        let next = match stated.trim_end_matches('.') {
            _ if !doctor_helps || stated.contains(DOCTOR) => stated.to_owned(),
            "" => Advice::diagnose().0,
            clause => format!("{clause}; {}", Advice::diagnose()),
        };
        match (self.state.is_uncertain(), self.next.is_general()) {
            (false, _) => next,
            (true, true) => format!("run `{CURRENT}`"),
            (true, false) => format!("run `{CURRENT}` first, then {}", within_a_sentence(&next)),
        }
    }

    /// The message, which is one paragraph, and the evidence, which has what the message cuts off.
    pub(crate) fn in_words(&self) -> (String, String) {
        let text = self.summary();
        let mut rest = format!("; {}", self.state);
        let next = self.advice();
        if !next.is_empty() {
            rest.push_str(". Next: ");
            rest.push_str(&next);
        }
        let limit = MESSAGE.saturating_sub(rest.chars().count()).max(LEAST);
        let what = shortened(without_full_stop(&paragraph(&text)), limit);
        let mut evidence = self.evidence.clone();
        if what.ends_with('…') {
            evidence = format!("[message]\n{text}\n{evidence}");
        }
        let errors = self.errors.join("\n");
        if !errors.is_empty() {
            evidence = match evidence.trim() {
                "" => errors,
                _ => format!("[report]\n{errors}\n{evidence}"),
            };
        }
        (what + &rest, evidence)
    }
}

/// The text without repeated lines: libpq prints the same `FATAL` for each address that it tries.
fn without_repetition(text: &str) -> String {
    let mut seen = Vec::new();
    let lines = text.lines().filter(|line| {
        let said = line.find("FATAL:").map_or(*line, |at| &line[at..]).trim();
        let new = said.is_empty() || !seen.contains(&said);
        seen.push(said);
        new
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The text without the capital letter of its first word; a name such as `PostgreSQL` has others.
fn within_a_sentence(text: &str) -> String {
    let word = text.split_whitespace().next().unwrap_or_default();
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if word.chars().skip(1).all(char::is_lowercase) => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// The text in one line, without the `^` by which the server points into a statement.
fn paragraph(text: &str) -> String {
    let lines = text.lines().filter(|line| line.trim() != "^");
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    words.join(" ")
}

/// The text, cut to so many characters.
fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let cut: String = text.chars().take(limit.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

fn without_full_stop(text: &str) -> &str {
    match text.strip_suffix('.') {
        Some(clause) if !clause.ends_with('.') => clause,
        _ => text,
    }
}

/// Options that the adapter never uses: one lets two writers at a database at once, the other
/// applies what is applied already.
const HARMFUL: [&str; 2] = ["--no-lock", "--force"];

/// The text without every sentence that advises an option of [`HARMFUL`], and without the paragraph in which
/// confiture advises to rename files whose names are not those of migrations: renamed to `.verify.up.sql`, a
/// check is applied as a migration.
pub(crate) fn without_harmful_advice(text: &str) -> String {
    const TITLE: &str = "⚠️  WARNING: Orphaned migration files";
    const LAST: &str = "Learn more: ";
    let is_harmful = |text: &str| HARMFUL.iter().any(|option| text.contains(option));
    let begins = |line: &str, with: &str| line.trim_start().starts_with(with);
    let mut kept = Vec::new();
    let mut lines = text.split('\n');
    while let Some(line) = lines.next() {
        match line {
            _ if begins(line, TITLE) => {
                // Without its last line, the paragraph was cut, and what follows may be about something else.
                if let Some(last) = lines.clone().position(|line| begins(line, LAST)) {
                    lines.nth(last);
                }
            }
            _ if line.contains("→ rename") => {}
            _ if is_harmful(line) => {
                let harmless = line.split_inclusive(". ").filter(|it| !is_harmful(it));
                kept.push(harmless.collect::<String>().trim_end().to_owned());
            }
            _ => kept.push(line.to_owned()),
        }
    }
    kept.join("\n")
}

/// Adds a line to a log.
pub(crate) fn add_line(log: &mut String, line: &str) {
    if !log.is_empty() && !log.ends_with('\n') {
        log.push('\n');
    }
    log.push_str(line);
}

/// Whether a line only names the report file, which is removed before anybody reads the line.
pub(crate) fn names_our_report(line: &str) -> bool {
    ["✅ Output written to ", "✓ JSON report saved to "]
        .iter()
        .any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_to_rename_files_is_not_passed_on() {
        let paragraph = "\n⚠️  WARNING: Orphaned migration files detected\n\
            These SQL files exist but won't be applied by Confiture:\n  \
            • 001_a.verify.sql → rename to: 001_a.verify.up.sql\n  \
            • 20260105090000_create_catalogue_of_everything.verify.sql → rename to: \n\
            20260105090000_create_catalogue_of_everything.verify.up.sql\n\n\
            Confiture only recognizes migration files with these patterns:\n  \
            • {NNN}_{name}.up.sql   (forward migrations)\n\
            Learn more: https://github.com/evoludigit/confiture/issues/13\n";
        let text = format!("before{paragraph}  • after\n");
        assert_eq!(without_harmful_advice(&text), "before\n  • after\n");
        let cut = "⚠️  WARNING: Orphaned migration files detected\n  \
            • 001_a.verify.sql → rename to: 001_a.verify.up.sql\nERROR: permission denied";
        assert_eq!(without_harmful_advice(cut), "ERROR: permission denied");
    }

    #[test]
    fn advice_to_work_without_the_lock_is_not_passed_on() {
        let said = "Could not acquire migration lock within 30.0s. Held by pid 7 on vm; acquired \
                    3s ago. Use --no-lock to bypass (dangerous in multi-pod environments).\nmore";
        let kept = without_harmful_advice(said);
        assert!(kept.starts_with("Could not acquire migration lock within 30.0s. Held by pid 7"));
        assert!(
            !kept.contains("--no-lock") && kept.ends_with("\nmore"),
            "{kept}"
        );
        assert_eq!(without_harmful_advice("Tip: use --force now"), "");
        assert_eq!(without_harmful_advice("a\nb"), "a\nb");
    }
}

//! What one check found.

use std::borrow::Borrow;
use std::fmt;

use serde::Serialize;

/// How many names are listed before the rest is counted.
const LISTED: usize = 8;

/// How well a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// As it should be.
    Ok,
    /// It works, and something about it should be known.
    Warn,
    /// It is in the way.
    Fail,
    /// The check could not be made.
    Unknown,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        })
    }
}

/// One check, made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which.
    pub check: &'static str,
    /// What came of it.
    #[serde(rename = "status")]
    pub grade: Grade,
    /// What was seen.
    pub evidence: String,
    /// What to do; empty when there is nothing to do.
    pub next: String,
}

impl Finding {
    /// The text is the evidence, and after `. Next: ` what to do, as in the messages of the adapter.
    pub(super) fn new(check: &'static str, grade: Grade, text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        let (evidence, next) = text.split_once(". Next: ").unwrap_or((text, ""));
        Self {
            check,
            grade,
            evidence: evidence.into(),
            next: next.into(),
        }
    }

    /// The first problem that there is, or that all is well.
    pub(super) fn first(
        check: &'static str,
        fine: &str,
        problems: impl IntoIterator<Item = (bool, Grade, String)>,
    ) -> Self {
        let problem = problems.into_iter().find(|(is_there, ..)| *is_there);
        let (_, grade, text) = problem.unwrap_or((true, Grade::Ok, fine.into()));
        Self::new(check, grade, text)
    }

    /// A problem of these names, which are put into the text; without names, all is well.
    pub(super) fn named(
        check: &'static str,
        fine: &str,
        names: &[impl Borrow<str>],
        (grade, text): (Grade, &str),
    ) -> Self {
        let text = text.replacen("{}", &listed(names), 1);
        Self::first(check, fine, [(!names.is_empty(), grade, text)])
    }
}

/// Names, the first of many.
pub(super) fn listed(names: &[impl Borrow<str>]) -> String {
    match names.len().checked_sub(LISTED) {
        Some(more @ 1..) => format!("{} and {more} more", names[..LISTED].join(", ")),
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_step_of_an_error_is_its_advice() {
        let failed = |message: &str| Finding::new("version", Grade::Fail, message);
        let advised = failed("it hangs; nothing was started. Next: try again");
        assert_eq!(advised.evidence, "it hangs; nothing was started");
        assert_eq!(advised.next, "try again");
        assert_eq!(failed("it hangs").next, "");
    }

    #[test]
    fn a_long_list_is_cut() {
        let names: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(listed(&names), "0, 1, 2, 3, 4, 5, 6, 7 and 2 more");
        assert_eq!(listed(&names[..8]), "0, 1, 2, 3, 4, 5, 6, 7");
    }
}

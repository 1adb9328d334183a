//! What one check found.

use serde::Serialize;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// As it should be.
    Ok,
    /// A deploy works, but something should be known about it.
    Warn,
    /// The check could not be made.
    Unknown,
    /// A deploy fails.
    Fail,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name of the check.
    pub check: &'static str,
    /// How it came out.
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
}

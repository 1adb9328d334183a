//! What a usage error refuses.

use std::sync::LazyLock;

use contract_tests::recording::RecordedCall;
use regex::Regex;

use super::wording::unframed;
use crate::change::Change;
use crate::result::Finding;

/// The words of a usage error, and what they are about.
static REFUSAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(?:no such option:?|no such command|invalid value for|does not take a value:?|requires an argument:?|got unexpected extra arguments?)[\s('\x22:]*(?P<what>-{0,2}[\w<>/.=-]+)",
    )
    .expect("the pattern is part of this file")
});

/// What a call that ended in a usage error was refused.
pub(crate) fn refused(call: &RecordedCall) -> Option<Finding> {
    if call.exit != 2 || call.has_report() {
        return None;
    }
    refusal(&format!("{}\n{}", call.stderr, call.stdout))
}

/// What a text says is refused.
pub fn refusal(text: &str) -> Option<Finding> {
    let plain = unframed(text);
    let line = plain.lines().find(|line| REFUSAL.is_match(line))?;
    let what = REFUSAL.captures(line)?.name("what")?.as_str();
    let what = what.trim_end_matches('.').to_owned();
    Some(Finding::differs(Change::Refused { what }).with("accepted", line.trim()))
}

//! Which option or argument a usage error refuses.

use std::sync::LazyLock;

use contract_catalogue::recording::RecordedCall;
use regex::Regex;

use super::wording::unframed;
use crate::change::Change;
use crate::result::Finding;

/// The words of a usage error, and what each of them refuses.
static REFUSAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(?:no such option:?|no such command|invalid value for|does not take a value:?|requires an argument:?|got unexpected extra arguments?)[\s('\x22:]*(?P<what>-{0,2}[\w<>/.=-]+)",
    )
    .expect("the pattern is part of this file")
});

/// What was refused, if the call ended in a usage error.
pub(crate) fn refused(call: &RecordedCall) -> Option<Finding> {
    if call.exit != 2 || call.has_report() {
        return None;
    }
    refusal(&format!("{}\n{}", call.stderr, call.stdout))
}

/// What is refused according to this text.
pub fn refusal(text: &str) -> Option<Finding> {
    let plain = unframed(text);
    let line = plain.lines().find(|line| REFUSAL.is_match(line))?;
    let what = REFUSAL.captures(line)?.name("what")?.as_str();
    let what = what.trim_end_matches('.').to_owned();
    Some(Finding::differs(Change::Refused { what }).with("accepted", line.trim()))
}

//! What a usage error refuses.

use std::sync::LazyLock;

use contract_tests::recording::RecordedCall;
use regex::Regex;

use super::wording::unframed;

/// The words of a usage error, and what they are about.
static REFUSAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(?:no such option:?|no such command|invalid value for|does not take a value:?|requires an argument:?|got unexpected extra arguments?)[\s('\x22:]*(?P<what>-{0,2}[\w<>/.=-]+)",
    )
    .expect("the pattern is part of this file")
});

/// What a usage error says it refuses, and the line that says it.
pub(super) fn refused(call: &RecordedCall) -> Option<(String, String)> {
    if call.exit != 2 || call.has_report() {
        return None;
    }
    refusal(&format!("{}\n{}", call.stderr, call.stdout))
}

/// What a text says is refused, and the line that says it.
#[must_use]
pub fn refusal(text: &str) -> Option<(String, String)> {
    let plain = unframed(text);
    let line = plain.lines().find(|line| REFUSAL.is_match(line))?;
    let what = REFUSAL.captures(line)?.name("what")?.as_str();
    Some((
        what.trim_end_matches('.').to_owned(),
        line.trim().to_owned(),
    ))
}

//! Exit statuses: each has one meaning.

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The call was made, and its outcome is good.
    Done = 0,
    /// The call failed.
    Failed = 1,
    /// The arguments are wrong, or a variable has an invalid value.
    Usage = 2,
    /// The call was made, and its verdict is no.
    Refused = 3,
    /// A check could not be made.
    Unknown = 4,
    /// The result could not be written, because nobody reads it.
    Unheard = 5,
    /// A signal stopped it.
    Stopped = 130,
}

/// What each status means.
#[rustfmt::skip]
const MEANINGS: [(Status, &str); 7] = [
    (Status::Done, "the call was made, and its outcome is good"),
    (Status::Failed, "the call failed; the error says what is known of the database"),
    (Status::Usage, "wrong arguments, or a variable with an invalid value"),
    (Status::Refused, "the call was made, and its verdict is no: `preflight`, `verify`, `doctor`"),
    (Status::Unknown, "`doctor` found nothing wrong, but could not make every check"),
    (Status::Unheard, "the result could not be written, because nobody reads it"),
    (Status::Stopped, "a signal stopped it"),
];

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        (status as u8).into()
    }
}

/// The table for `--help`.
#[must_use]
pub fn table() -> String {
    let rows = MEANINGS.map(|(status, meaning)| format!("  {:<4} {meaning}", status as u8));
    format!("Exit status:\n{}", rows.join("\n"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_status_has_one_meaning() {
        let numbers: BTreeSet<_> = MEANINGS.map(|(status, _)| status as u8).into();
        let meanings: BTreeSet<_> = MEANINGS.map(|(_, meaning)| meaning).into();
        assert_eq!((numbers.len(), meanings.len()), (7, 7));
    }
}

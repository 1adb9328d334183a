//! Exit statuses: each has one meaning.

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The call was made, and its outcome is good.
    Done,
    /// The call failed.
    Failed,
    /// The program was called wrongly, or a variable holds what it does not take.
    Usage,
    /// The call was made, and its verdict is no.
    Refused,
    /// A check could not be made.
    Unknown,
    /// Nobody was there to read the answer.
    Unheard,
    /// A signal stopped it.
    Stopped,
}

impl Status {
    const ALL: [Self; 7] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Refused,
        Self::Unknown,
        Self::Unheard,
        Self::Stopped,
    ];

    const fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Unknown => 4,
            Self::Unheard => 5,
            Self::Stopped => 130,
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, and the outcome is good",
            Self::Failed => "the call failed; the error says what is known of the database",
            Self::Usage => "wrong arguments, or a variable that holds what it does not take",
            Self::Refused => "the call was made and says no: `preflight`, `verify`, `doctor`",
            Self::Unknown => "`doctor` found nothing wrong, and could not make every check",
            Self::Unheard => "nobody was there to take the answer",
            Self::Stopped => "a signal stopped it",
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        status.number().into()
    }
}

/// The table for `--help`.
#[must_use]
pub fn table() -> String {
    let rows = Status::ALL.map(|status| format!("  {:<4} {}", status.number(), status.meaning()));
    format!("Exit status:\n{}", rows.join("\n"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_status_has_one_meaning() {
        let numbers: BTreeSet<_> = Status::ALL.map(Status::number).into();
        let meanings: BTreeSet<_> = Status::ALL.map(Status::meaning).into();
        assert_eq!(numbers.len(), Status::ALL.len());
        assert_eq!(meanings.len(), Status::ALL.len());
    }
}

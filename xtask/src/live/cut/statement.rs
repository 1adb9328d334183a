//! What an answer says about the database, held against the ledger.

use fraisier_adapter_api::{AdapterError, AdapterErrorKind, MigrationOutcome, Revision};

use super::super::call::Direction;

/// What is said about the migrations that a call applied or rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    /// It is done.
    Done,
    /// Nothing changed.
    Nothing,
    /// These and no others.
    Exactly,
    /// These, perhaps more.
    AtLeast,
    /// It is not known.
    Unknown,
}

/// An answer's statement, and why it is false if it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Statement {
    pub said: Said,
    pub falsehood: Option<String>,
}

/// Reads what `answer` says of a call that really changed `changed`, of `all` that were to change,
/// in order.
///
/// # Errors
/// The message, when it says nothing about the database.
pub fn compare(
    direction: Direction,
    answer: &Result<MigrationOutcome, AdapterError>,
    changed: &[String],
    all: &[&str],
) -> Result<Statement, String> {
    let error = match answer {
        Ok(outcome) => {
            let told: Vec<&str> = outcome.applied.iter().map(Revision::as_str).collect();
            let done = told == all && changed == all;
            return Ok(Statement {
                said: Said::Done,
                falsehood: (!done)
                    .then(|| format!("says done, {told:?}; changed were {changed:?}")),
            });
        }
        Err(error) => error,
    };
    let participle = match direction {
        Direction::Down => "rolled back",
        Direction::Up => "applied",
    };
    let (said, named) = claim(&error.message, participle).ok_or_else(|| error.message.clone())?;
    let right = match said {
        Said::Done | Said::Nothing => changed.is_empty(),
        Said::Exactly => named == changed,
        Said::AtLeast => changed.starts_with(&named) && changed.len() <= named.len() + 1,
        Said::Unknown => true,
    };
    // These claim that nothing was done, whatever the message says.
    let mild = [
        AdapterErrorKind::LockContention,
        AdapterErrorKind::DbUnreachable,
        AdapterErrorKind::PreconditionFailed,
    ];
    let right = right && (changed.is_empty() || !mild.contains(&error.kind));
    Ok(Statement {
        said,
        falsehood: (!right).then(|| format!("changed were {changed:?}; said was {error}")),
    })
}

/// The statement of a message, and the versions that it names.
fn claim(message: &str, participle: &str) -> Option<(Said, Vec<String>)> {
    let none = |said| Some((said, Vec::new()));
    for nothing in [
        "nothing was started".to_owned(),
        "the database was not changed by this call".to_owned(),
        format!("no migration was {participle}"),
    ] {
        if message.contains(&nothing) {
            return none(Said::Nothing);
        }
    }
    if message.contains(&format!("whether a migration was {participle} is unknown"))
        || message.contains("what it did to the database is unknown")
    {
        return none(Said::Unknown);
    }
    let verbs = ["was", "were"].map(|verb| format!(" {verb} {participle} before that"));
    let end = verbs.iter().find_map(|verb| message.rfind(verb))?;
    let before = &message[..end];
    let start = before.rfind(['\n', ';']).map_or(0, |at| at + 1);
    let list = before[start..].trim();
    let (said, list) = match list.strip_prefix("at least ") {
        Some(list) => (Said::AtLeast, list),
        None => (Said::Exactly, list),
    };
    Some((said, list.split(", ").map(str::to_owned).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[&str] = &["001", "002", "003"];

    /// What is said, and whether it is true, of an `up` that really applied `changed`.
    fn up(kind: AdapterErrorKind, state: &str, changed: &[&str]) -> (Said, bool) {
        let message = format!("it failed; the connection is lost; {state}. Next: look");
        let changed: Vec<String> = changed.iter().map(ToString::to_string).collect();
        let answer = Err(AdapterError::new(kind, message));
        let statement = compare(Direction::Up, &answer, &changed, ALL).unwrap();
        (statement.said, statement.falsehood.is_none())
    }

    #[test]
    fn a_statement_is_true_when_the_ledger_agrees() {
        const EXACT: &str = "001, 002 were applied before that and stay";
        const AT_LEAST: &str =
            "at least 001 was applied before that, perhaps the next one too: ask";
        let kind = AdapterErrorKind::Execution;
        for (state, changed, expected) in [
            ("no migration was applied", &[][..], (Said::Nothing, true)),
            ("no migration was applied", &["001"], (Said::Nothing, false)),
            (
                "the database was not changed by this call",
                &["001"],
                (Said::Nothing, false),
            ),
            (EXACT, &["001", "002"], (Said::Exactly, true)),
            (EXACT, &["001"], (Said::Exactly, false)),
            (EXACT, ALL, (Said::Exactly, false)),
            (AT_LEAST, &["001"], (Said::AtLeast, true)),
            (AT_LEAST, &["001", "002"], (Said::AtLeast, true)),
            (AT_LEAST, ALL, (Said::AtLeast, false)),
            (AT_LEAST, &[], (Said::AtLeast, false)),
            (
                "whether a migration was applied is unknown: ask",
                &["001"],
                (Said::Unknown, true),
            ),
            (
                "what it did to the database is unknown: ask",
                ALL,
                (Said::Unknown, true),
            ),
        ] {
            assert_eq!(up(kind, state, changed), expected, "{state} {changed:?}");
        }
    }

    #[test]
    fn a_kind_that_claims_that_nothing_was_done_is_a_statement_too() {
        let unknown = "what it did to the database is unknown: ask";
        let unreachable = AdapterErrorKind::DbUnreachable;
        assert_eq!(up(unreachable, unknown, &[]), (Said::Unknown, true));
        assert_eq!(up(unreachable, unknown, &["001"]), (Said::Unknown, false));
    }

    #[test]
    fn done_is_true_when_all_is_in_the_ledger() {
        let outcome = MigrationOutcome {
            applied: ALL.iter().map(|version| Revision::new(*version)).collect(),
            ..MigrationOutcome::default()
        };
        let changed: Vec<String> = ALL.iter().map(ToString::to_string).collect();
        let of = |changed: &[String]| compare(Direction::Up, &Ok(outcome.clone()), changed, ALL);
        assert_eq!(of(&changed).unwrap().falsehood, None);
        assert!(of(&changed[..2]).unwrap().falsehood.is_some());
    }

    #[test]
    fn a_message_without_a_statement_is_not_passed_over() {
        let answer = Err(AdapterError::new(AdapterErrorKind::Execution, "it failed"));
        assert!(compare(Direction::Up, &answer, &[], ALL).is_err());
    }
}

//! What a result claims about the database, compared with the ledger.

use fraisier_adapter_api::{AdapterErrorKind, MigrationOutcome, Revision};
use fraisier_adapter_confiture::DatabaseState;

/// What a result claims about the migrations that a call applied or rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// It is done.
    Done,
    /// Nothing changed.
    Nothing,
    /// These and no others.
    Exactly,
    /// These, perhaps more.
    AtLeast,
    /// The result is unknown.
    Unknown,
}

/// What a result claims, and why that is false, if it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Statement {
    pub claim: Claim,
    pub falsehood: Option<String>,
}

/// What a call returned: its outcome, or the kind of its failure and the state that it states.
pub type Returned<'a> = Result<&'a MigrationOutcome, (AdapterErrorKind, &'a DatabaseState)>;

/// What `returned` says of a call that really changed `changed`, of `all` that were to change, in
/// order.
pub fn compare(returned: Returned<'_>, changed: &[String], all: &[&str]) -> Statement {
    let (kind, state) = match returned {
        Ok(outcome) => {
            let shown: Vec<&str> = outcome.applied.iter().map(Revision::as_str).collect();
            let done = shown == all && changed == all;
            return Statement {
                claim: Claim::Done,
                falsehood: (!done)
                    .then(|| format!("says done, {shown:?}; changed were {changed:?}")),
            };
        }
        Err(failure) => failure,
    };
    let named = |versions: &[Revision]| -> Vec<String> {
        versions.iter().map(ToString::to_string).collect()
    };
    let (claim, right) = match state {
        _ if state.is_unchanged() => (Claim::Nothing, changed.is_empty()),
        DatabaseState::Exactly { versions, .. } => (Claim::Exactly, named(versions) == changed),
        DatabaseState::AtLeast { versions, .. } => {
            let versions = named(versions);
            let right = changed.starts_with(&versions) && changed.len() <= versions.len() + 1;
            (Claim::AtLeast, right)
        }
        _ => (Claim::Unknown, true),
    };
    // These claim that nothing was done, whatever the state says.
    let harmless = [
        AdapterErrorKind::LockContention,
        AdapterErrorKind::DbUnreachable,
        AdapterErrorKind::PreconditionFailed,
    ];
    let right = right && (changed.is_empty() || !harmless.contains(&kind));
    Statement {
        claim,
        falsehood: (!right).then(|| format!("changed were {changed:?}; said was {kind}, {state}")),
    }
}

#[cfg(test)]
mod tests {
    use fraisier_adapter_confiture::Change;

    use super::*;

    const ALL: &[&str] = &["001", "002", "003"];

    fn owned(versions: &[&str]) -> Vec<String> {
        versions.iter().map(ToString::to_string).collect()
    }

    /// The claim about an `up` that really applied `changed`, and whether it is true.
    fn up(kind: AdapterErrorKind, state: &DatabaseState, changed: &[&str]) -> (Claim, bool) {
        let statement = compare(Err((kind, state)), &owned(changed), ALL);
        (statement.claim, statement.falsehood.is_none())
    }

    fn exactly(versions: &[&str]) -> DatabaseState {
        DatabaseState::Exactly {
            change: Change::Applied,
            versions: versions.iter().copied().map(Revision::new).collect(),
        }
    }

    #[test]
    fn a_statement_is_true_when_the_ledger_agrees() {
        let two = exactly(&["001", "002"]);
        let at_least = DatabaseState::AtLeast {
            change: Change::Applied,
            versions: vec![Revision::new("001")],
        };
        for (state, changed, expected) in [
            (&exactly(&[]), &[][..], (Claim::Nothing, true)),
            (&exactly(&[]), &["001"], (Claim::Nothing, false)),
            (&DatabaseState::Unchanged, &["001"], (Claim::Nothing, false)),
            (&two, &["001", "002"], (Claim::Exactly, true)),
            (&two, &["001"], (Claim::Exactly, false)),
            (&two, ALL, (Claim::Exactly, false)),
            (&at_least, &["001"], (Claim::AtLeast, true)),
            (&at_least, &["001", "002"], (Claim::AtLeast, true)),
            (&at_least, ALL, (Claim::AtLeast, false)),
            (&at_least, &[], (Claim::AtLeast, false)),
            (&DatabaseState::Unknown, &["001"], (Claim::Unknown, true)),
            (&DatabaseState::InProgress, ALL, (Claim::Unknown, true)),
        ] {
            let found = up(AdapterErrorKind::Execution, state, changed);
            assert_eq!(found, expected, "{state} {changed:?}");
        }
    }

    #[test]
    fn a_harmless_kind_is_a_statement_about_the_database() {
        let unreachable = AdapterErrorKind::DbUnreachable;
        let unknown = &DatabaseState::Unknown;
        assert_eq!(up(unreachable, unknown, &[]), (Claim::Unknown, true));
        assert_eq!(up(unreachable, unknown, &["001"]), (Claim::Unknown, false));
    }

    #[test]
    fn success_is_true_when_the_ledger_has_every_migration() {
        let outcome = MigrationOutcome {
            applied: ALL.iter().map(|version| Revision::new(*version)).collect(),
            ..MigrationOutcome::default()
        };
        let changed = owned(ALL);
        let of = |changed: &[String]| compare(Ok(&outcome), changed, ALL);
        assert_eq!(of(&changed).falsehood, None);
        assert!(of(&changed[..2]).falsehood.is_some());
    }
}

//! An `up` that is undone when it fails halfway, where the evidence says exactly what it applied.

use fraisier_adapter_api::{AdapterErrorKind, MigrationOutcome, Revision};

use crate::failure::{Advice, DatabaseState, Failure, add_line};

/// What a failed `up` applied, when that is certain and all that a `down_to` would roll back.
///
/// A `down_to` rolls back whatever was applied after its target in time. That is what this call
/// applied, and nothing else, where the last of what it found applied is where the database was:
/// nobody else migrated in between, and the history is in the order of the versions.
pub(crate) fn applied_by(failure: &Failure, began_at: Option<&Revision>) -> Option<Vec<String>> {
    match &failure.state {
        DatabaseState::Halfway { applied, found }
            if found.as_deref() == began_at.map(Revision::as_str) =>
        {
            Some(applied.clone())
        }
        _ => None,
    }
}

/// The failure of the `up`, after a `down_to` this revision.
pub(crate) fn undone(
    failure: Failure,
    mut applied: Vec<String>,
    to: &Revision,
    down: Result<MigrationOutcome, Failure>,
) -> Failure {
    let outcome = match down {
        Ok(outcome) => outcome,
        Err(why) => {
            let (_, evidence) = why.in_words();
            let why = format!("going back to {to} failed ({})", why.told());
            return stuck(failure, applied, why, &evidence);
        }
    };
    let mut rolled_back: Vec<&str> = outcome.applied.iter().map(Revision::as_str).collect();
    rolled_back.sort_unstable();
    let listed = applied.clone();
    applied.sort_unstable();
    if applied != rolled_back {
        let rolled_back = rolled_back.join(", ");
        let why = format!("going back to {to} rolled back {rolled_back}, and not what was applied");
        return stuck(failure, listed, why, "");
    }
    Failure {
        state: DatabaseState::Undone {
            applied: listed,
            at: to.as_str().into(),
        },
        ..failure
    }
}

/// The failure of the `up`, when there is no revision to go back to.
pub(crate) fn no_way_down(failure: Failure, applied: Vec<String>) -> Failure {
    let why = "there is no revision to go back to: nothing had been applied before";
    stuck(failure, applied, why.into(), "")
}

fn stuck(mut failure: Failure, applied: Vec<String>, why: String, evidence: &str) -> Failure {
    if !evidence.is_empty() {
        add_line(&mut failure.evidence, "[rolling back]\n");
        failure.evidence.push_str(evidence);
    }
    Failure {
        kind: AdapterErrorKind::IrreversibleRollback,
        state: DatabaseState::NotUndone { applied, why },
        next: Advice::GoOnOrTakeBack.to_string(),
        ..failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An `up` that applied 002 and 003 and then failed; before it, 001 was the last.
    fn halfway() -> Failure {
        let state = DatabaseState::Halfway {
            applied: two(),
            found: Some("001".into()),
        };
        Failure::new(
            AdapterErrorKind::Execution,
            "004 failed",
            state,
            Advice::None,
        )
    }

    fn two() -> Vec<String> {
        vec!["002".into(), "003".into()]
    }

    fn rolled_back(versions: &[&str]) -> MigrationOutcome {
        MigrationOutcome {
            from: None,
            to: Some(Revision::new("001")),
            applied: versions.iter().copied().map(Revision::new).collect(),
            log: String::new(),
        }
    }

    #[test]
    fn only_what_followed_the_revision_at_the_beginning_is_undone() {
        let revision = Revision::new("001");
        assert_eq!(applied_by(&halfway(), Some(&revision)), Some(two()));
        assert_eq!(applied_by(&halfway(), Some(&Revision::new("000"))), None);
        assert_eq!(applied_by(&halfway(), None), None);
    }

    #[test]
    fn an_up_is_undone_when_all_that_it_applied_is_rolled_back() {
        let to = Revision::new("001");
        let failure = undone(halfway(), two(), &to, Ok(rolled_back(&["003", "002"])));
        assert_eq!(failure.kind, AdapterErrorKind::Execution);
        let state = DatabaseState::Undone {
            applied: two(),
            at: "001".into(),
        };
        assert_eq!(failure.state, state);
    }

    #[test]
    fn an_up_that_cannot_be_undone_says_why() {
        let to = Revision::new("001");
        let refused = Failure {
            evidence: "printed".into(),
            ..Failure::new(
                AdapterErrorKind::Execution,
                "003 has no way back",
                DatabaseState::Untouched,
                Advice::None,
            )
        };
        for (failure, why) in [
            (
                undone(halfway(), two(), &to, Err(refused)),
                "going back to 001 failed (003 has no way back)",
            ),
            (
                undone(halfway(), two(), &to, Ok(rolled_back(&["003"]))),
                "going back to 001 rolled back 003, and not what was applied",
            ),
            (
                no_way_down(halfway(), two()),
                "there is no revision to go back to: nothing had been applied before",
            ),
        ] {
            assert_eq!(failure.kind, AdapterErrorKind::IrreversibleRollback);
            assert_eq!(failure.next, Advice::GoOnOrTakeBack.to_string());
            let state = DatabaseState::NotUndone {
                applied: two(),
                why: why.into(),
            };
            assert_eq!(failure.state, state);
            let has_evidence = why.contains("failed");
            assert_eq!(
                failure.evidence.contains("[rolling back]\nprinted"),
                has_evidence
            );
        }
    }
}

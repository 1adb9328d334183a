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

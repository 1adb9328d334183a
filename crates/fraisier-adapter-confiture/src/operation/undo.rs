//! The undo of an `up` that failed halfway, where the evidence says exactly what it applied.

use fraisier_adapter_api::{AdapterErrorKind, MigrationOutcome, Revision};

use super::Call;
use super::down_to;
use crate::failure::{Advice, Cause, Change, DatabaseState, Fault, Listed};
use crate::ledger;

/// The failure of an `up`, after its undo where that is wanted and certain.
pub(super) async fn undo(call: &Call<'_>, fault: Fault) -> Fault {
    if !call.request.config.undo_failed_up {
        return fault;
    }
    let Some(applied) = applied_by(&fault) else {
        return fault;
    };
    let ledger = match ledger::read(call).await {
        Ok(ledger) => ledger,
        Err(why) => {
            let what = format!(
                "the ledger could not be read to undo that ({})",
                why.summary()
            );
            return not_undone(fault, &what);
        }
    };
    let versions: Vec<String> = applied.iter().map(ToString::to_string).collect();
    match ledger::of_applied(&ledger, &versions) {
        Ok(rollback) => {
            let down = match call.request.project.migrations() {
                Ok(files) => down_to::roll_back(call, &files, &ledger, &rollback).await,
                Err(fault) => Err(fault),
            };
            undone(fault, &applied, &rollback.target, down)
        }
        Err(why) => not_undone(fault, &why),
    }
}

/// What a failed `up` applied, when that is certain.
fn applied_by(fault: &Fault) -> Option<Vec<Revision>> {
    match (fault.state(), fault.cause()) {
        (_, Cause::Stopped(_)) => None,
        // It stopped before a migration that somebody else applies, and goes on after it.
        _ if !fault.lists_errors() => None,
        (
            DatabaseState::Exactly {
                change: Change::Applied,
                versions,
            },
            _,
        ) if !versions.is_empty() => Some(versions.clone()),
        _ => None,
    }
}

/// The failure of the `up`, after a rollback to this revision.
fn undone(
    fault: Fault,
    applied: &[Revision],
    to: &Revision,
    down: Result<MigrationOutcome, Fault>,
) -> Fault {
    let Err(why) = down else {
        let kind = fault.kind();
        let state = DatabaseState::UndoneTo {
            applied: applied.to_vec(),
            revision: to.clone(),
        };
        return fault.in_state(kind, state);
    };
    let (_, evidence) = why.in_words();
    let state = remaining(applied, why.state());
    if state == DatabaseState::exactly(Change::Applied, &[]) {
        let kind = fault.kind();
        let what = format!("{} rolled back again; {}", Listed(applied), why.summary());
        return fault.and(&what).in_state(kind, state);
    }
    let what = format!(
        "rolling {} back to {to} failed ({})",
        Listed(applied),
        why.summary()
    );
    let fault = not_undone(fault, &what);
    let fault = fault.in_state(AdapterErrorKind::IrreversibleRollback, state);
    if evidence.is_empty() {
        return fault;
    }
    fault.with_evidence(&format!("[rolling back]\n{evidence}"))
}

/// What of the applied migrations remains, after a rollback that failed in this state.
fn remaining(applied: &[Revision], state: &DatabaseState) -> DatabaseState {
    match state {
        _ if state.is_unchanged() => DatabaseState::Exactly {
            change: Change::Applied,
            versions: applied.to_vec(),
        },
        DatabaseState::Exactly { versions, .. } => DatabaseState::Exactly {
            change: Change::Applied,
            versions: applied
                .iter()
                .filter(|version| !versions.contains(version))
                .cloned()
                .collect(),
        },
        _ => DatabaseState::Unknown,
    }
}

/// The failure of an `up` that could not be undone, in the state that it left.
fn not_undone(fault: Fault, why: &str) -> Fault {
    let state = fault.state().clone();
    fault
        .and(why)
        .advising(Advice::continue_or_remove())
        .in_state(AdapterErrorKind::IrreversibleRollback, state)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Vec<Revision> {
        vec!["002".into(), "003".into()]
    }

    /// An `up` that applied 002 and 003 and then failed; before it, 001 was the last.
    fn halfway() -> Fault {
        let state = DatabaseState::exactly(Change::Applied, &["002".into(), "003".into()]);
        let kind = AdapterErrorKind::Execution;
        Fault::new(kind, "a migration failed", state, Advice::none())
            .with_errors(["004 failed".to_owned()])
    }

    fn rolled_back(versions: &[&str]) -> MigrationOutcome {
        MigrationOutcome {
            from: None,
            to: Some(Revision::new("001")),
            applied: versions.iter().copied().map(Revision::new).collect(),
            log: String::new(),
        }
    }

    fn refused(state: DatabaseState) -> Fault {
        let kind = AdapterErrorKind::Execution;
        Fault::new(kind, "003 has no way back", state, Advice::none()).with_evidence("printed")
    }

    #[test]
    fn only_what_is_certain_is_undone() {
        assert_eq!(applied_by(&halfway()), Some(two()));
        let timeout = crate::process::Interruption::Timeout(std::time::Duration::from_secs(1));
        let stopped = halfway().caused_by(Cause::Stopped(timeout));
        assert_eq!(applied_by(&stopped), None);
        let state = halfway().state().clone();
        let kind = AdapterErrorKind::Execution;
        let waits = Fault::new(kind, "004 needs a superuser", state, Advice::none());
        assert_eq!(applied_by(&waits), None);
    }

    #[test]
    fn an_up_is_undone_when_all_that_it_applied_is_rolled_back() {
        let down = Ok(rolled_back(&["003", "002"]));
        let fault = undone(halfway(), &two(), &"001".into(), down);
        assert_eq!(fault.kind(), AdapterErrorKind::Execution);
        let state = DatabaseState::UndoneTo {
            applied: two(),
            revision: "001".into(),
        };
        assert_eq!(*fault.state(), state);
    }

    #[test]
    fn an_undo_beside_another_deploy_says_what_is_applied_now() {
        let all = DatabaseState::exactly(Change::RolledBack, &["003".into(), "002".into()]);
        let kind = AdapterErrorKind::Execution;
        let grown = Fault::new(kind, "another deploy applied 005", all, Advice::none());
        let fault = undone(halfway(), &two(), &"001".into(), Err(grown));
        assert_eq!(fault.kind(), AdapterErrorKind::Execution);
        for part in ["002, 003 rolled back again", "another deploy applied 005"] {
            assert!(fault.to_string().contains(part), "{fault}");
        }
    }

    #[test]
    fn an_up_that_cannot_be_undone_says_why_and_what_remains() {
        let to = Revision::new("001");
        let all = || halfway().state().clone();
        let third = DatabaseState::exactly(Change::RolledBack, &["003".into()]);
        let second = DatabaseState::exactly(Change::Applied, &["002".into()]);
        for (fault, why, state) in [
            (
                undone(
                    halfway(),
                    &two(),
                    &to,
                    Err(refused(DatabaseState::Unchanged)),
                ),
                "rolling 002, 003 back to 001 failed (003 has no way back)",
                all(),
            ),
            (
                undone(halfway(), &two(), &to, Err(refused(third))),
                "rolling 002, 003 back to 001 failed (003 has no way back)",
                second,
            ),
            (
                undone(halfway(), &two(), &to, Err(refused(DatabaseState::Unknown))),
                "rolling 002, 003 back to 001 failed (003 has no way back)",
                DatabaseState::Unknown,
            ),
        ] {
            assert_eq!(fault.kind(), AdapterErrorKind::IrreversibleRollback);
            assert_eq!(*fault.state(), state);
            let error = fault.worded();
            assert!(error.message.contains(why), "{error}");
            let next = Advice::continue_or_remove().to_string();
            assert!(error.message.contains(&next), "{error}");
            let evidence = error.stderr.unwrap_or_default();
            assert!(evidence.contains("[rolling back]\nprinted"), "{evidence}");
        }
    }
}

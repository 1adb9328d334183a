//! The undo of an `up` that failed halfway, where the evidence says exactly what it applied.

use fraisier_adapter_api::{AdapterErrorKind as Kind, MigrationOutcome, Revision};

use super::Call;
use super::down_to;
use crate::failure::{Advice, Cause, Change, DatabaseState, Fault, listed};
use crate::ledger;

/// The failure of an `up`, after its undo where that is wanted and certain.
pub(super) async fn undo(call: &Call<'_>, fault: Fault) -> Fault {
    let Some(applied) = applied_by(&fault).filter(|_| call.request.config.undo_failed_up) else {
        return fault;
    };
    let ledger = match ledger::read(call).await {
        Ok(ledger) => ledger,
        Err(why) => {
            let why = why.summary();
            return not_undone(
                fault,
                &format!("the ledger could not be read to undo that ({why})"),
            );
        }
    };
    let versions: Vec<String> = applied.iter().map(ToString::to_string).collect();
    let rollback = match ledger::of_applied(&ledger, &versions) {
        Ok(rollback) => rollback,
        Err(why) => return not_undone(fault, &why),
    };
    let down = match call.request.project.migrations() {
        Ok(files) => down_to::roll_back(call, &files, &ledger, &rollback).await,
        Err(fault) => Err(fault),
    };
    undone(fault, &applied, &rollback.target, down)
}

/// What a failed `up` applied, when that is certain. An `up` without errors stopped before a migration
/// that somebody else applies, and goes on after it.
fn applied_by(fault: &Fault) -> Option<Vec<Revision>> {
    let failed = fault.lists_errors() && !matches!(fault.cause(), Cause::Stopped(_));
    match fault.state() {
        DatabaseState::Exactly { change, versions }
            if failed && *change == Change::Applied && !versions.is_empty() =>
        {
            Some(versions.clone())
        }
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
    let kind = fault.kind();
    let Err(why) = down else {
        let (applied, revision) = (applied.to_vec(), to.clone());
        return fault.in_state(kind, DatabaseState::UndoneTo { applied, revision });
    };
    let state = remaining(applied, why.state());
    let (_, evidence) = why.in_words();
    let (versions, why) = (listed(applied), why.summary());
    if state == DatabaseState::exactly(Change::Applied, &[]) {
        let what = format!("{versions} rolled back again; {why}");
        return fault.and(&what).in_state(kind, state);
    }
    let what = format!("rolling {versions} back to {to} failed ({why})");
    let fault = not_undone(fault, &what).in_state(Kind::IrreversibleRollback, state);
    if evidence.is_empty() {
        return fault;
    }
    fault.with_evidence(&format!("[rolling back]\n{evidence}"))
}

/// What of the applied migrations remains, after a rollback that failed in this state.
fn remaining(applied: &[Revision], state: &DatabaseState) -> DatabaseState {
    let rolled_back = match state {
        DatabaseState::Exactly { versions, .. } => versions.as_slice(),
        state if state.is_unchanged() => &[],
        _ => return DatabaseState::Unknown,
    };
    let remains = |version: &&Revision| !rolled_back.contains(version);
    DatabaseState::Exactly {
        change: Change::Applied,
        versions: applied.iter().filter(remains).cloned().collect(),
    }
}

/// The failure of an `up` that could not be undone, in the state that it left.
fn not_undone(fault: Fault, why: &str) -> Fault {
    let state = fault.state().clone();
    fault
        .and(why)
        .advising(Advice::continue_or_remove())
        .in_state(Kind::IrreversibleRollback, state)
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
        let kind = Kind::Execution;
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
        let kind = Kind::Execution;
        Fault::new(kind, "003 has no way back", state, Advice::none()).with_evidence("printed")
    }

    #[test]
    fn only_what_is_certain_is_undone() {
        assert_eq!(applied_by(&halfway()), Some(two()));
        let timeout = crate::process::Interruption::Timeout(std::time::Duration::from_secs(1));
        let stopped = halfway().caused_by(Cause::Stopped(timeout));
        assert_eq!(applied_by(&stopped), None);
        let state = halfway().state().clone();
        let kind = Kind::Execution;
        let waits = Fault::new(kind, "004 needs a superuser", state, Advice::none());
        assert_eq!(applied_by(&waits), None);
    }

    #[test]
    fn an_up_is_undone_when_all_that_it_applied_is_rolled_back() {
        let down = Ok(rolled_back(&["003", "002"]));
        let fault = undone(halfway(), &two(), &"001".into(), down);
        assert_eq!(fault.kind(), Kind::Execution);
        let state = DatabaseState::UndoneTo {
            applied: two(),
            revision: "001".into(),
        };
        assert_eq!(*fault.state(), state);
    }

    #[test]
    fn an_undo_beside_another_deploy_says_what_is_applied_now() {
        let all = DatabaseState::exactly(Change::RolledBack, &["003".into(), "002".into()]);
        let kind = Kind::Execution;
        let grown = Fault::new(kind, "another deploy applied 005", all, Advice::none());
        let fault = undone(halfway(), &two(), &"001".into(), Err(grown));
        assert_eq!(fault.kind(), Kind::Execution);
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
            assert_eq!(fault.kind(), Kind::IrreversibleRollback);
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

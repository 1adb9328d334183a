//! What to do next, in words for who deploys.

use fraisier_adapter_api::AdapterErrorKind;

/// Looks at the database from outside of confiture.
pub(crate) const DOCTOR: &str = "fraisier-adapter-confiture-ipc doctor";

/// What to do about a failure of this code: what confiture advises, unless it advises nothing or
/// speaks of its command line, which is not what an engine uses.
pub(super) fn after(code: &str, advised: &str) -> String {
    let advised = advised.trim().trim_end_matches('.');
    let usable = !advised.is_empty() && !advised.contains("migrate ") && !advised.contains("--");
    let ours = match code {
        "LOCK_1300" => "wait for the deploy that holds the lock to end, then deploy again",
        "MIGR_100" => {
            "ask `current_revision`, and go back to a revision that was applied before it"
        }
        "MIGR_106" => "give one of them another version, then deploy again",
        "VALID_002" | "VALID_008" => {
            "review the migration, allow it by the setting `allow_destructive`, then deploy again"
        }
        _ => advised,
    };
    let next = if usable { advised } else { ours };
    match code {
        "LOCK_1300" => format!("{next}; nothing is done without the lock"),
        _ => next.to_owned(),
    }
}

/// After a file was edited that is applied.
pub(super) const AFTER_AN_EDIT: &str = "restore the file as it was applied, put the change into a \
                                        new migration, then deploy again";

/// After a timeout.
pub(super) const AFTER_A_TIMEOUT: &str =
    "look for a session that holds what the migration waits for, or allow more time";

/// Completes advice by the program that looks closer, where that helps.
pub(super) fn with_doctor(kind: AdapterErrorKind, timed_out: bool, next: &str) -> String {
    let helps = timed_out
        || matches!(
            kind,
            AdapterErrorKind::DbUnreachable | AdapterErrorKind::LockContention
        );
    if !helps || next.contains(DOCTOR) {
        return next.to_owned();
    }
    match next.trim().trim_end_matches('.') {
        "" => format!("`{DOCTOR}` looks closer"),
        next => format!("{next}; `{DOCTOR}` looks closer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::SETTINGS;

    #[test]
    fn what_is_advised_can_be_followed_from_an_engine() {
        let command_line = "Review the migration, then run migrate up --allow-destructive";
        let next = after("VALID_002", command_line);
        assert!(!next.contains("--"), "{next}");
        let setting = next.split('`').nth(1);
        assert!(SETTINGS.iter().any(|it| Some(it.key) == setting), "{next}");
        let elsewhere =
            "Run 'confiture migrate status' or 'migrate current' to see known revisions.";
        assert!(after("MIGR_100", elsewhere).contains("`current_revision`"));
        assert_eq!(after("MIGR_001", "Create the file."), "Create the file");
        for advised in ["", "Wait for the current migration to finish, then retry."] {
            let next = after("LOCK_1300", advised);
            assert!(next.contains("nothing is done without the lock"), "{next}");
        }
    }

    #[test]
    fn the_program_that_looks_closer_is_named_where_it_helps_and_once() {
        let named = |kind, timed_out| with_doctor(kind, timed_out, "wait.").contains(DOCTOR);
        assert!(named(AdapterErrorKind::DbUnreachable, false));
        assert!(named(AdapterErrorKind::LockContention, false));
        assert!(named(AdapterErrorKind::InternalError, true));
        assert!(!named(AdapterErrorKind::Execution, false));
        let once = with_doctor(AdapterErrorKind::DbUnreachable, false, "");
        assert_eq!(
            with_doctor(AdapterErrorKind::DbUnreachable, true, &once),
            once
        );
    }
}

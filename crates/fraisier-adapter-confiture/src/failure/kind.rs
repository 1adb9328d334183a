//! What kind of failure a symbolic code and an exit status mean.

use fraisier_adapter_api::AdapterErrorKind as Kind;

use crate::process::Exit;

/// The kind of a failure, by its symbolic code first and its exit status second.
///
/// `code` is the code of the error envelope. `failed_in_report` says that there is no envelope, and
/// that the report lists errors: a migration then ran and failed, whatever the status.
///
/// Where a known code and the status contradict each other, the code decides, with one exception: a
/// kind that says that nothing was done becomes [`Execution`](Kind::Execution) where the status is
/// one of a command that may have changed the database. So `LOCK_1300` at status 7 is a held lock,
/// and at 0 or 8 a failed execution.
///
/// The status alone decides little. confiture exits with 3, the status of "database unreachable",
/// also when a statement fails, when a revision is unknown and when two migrations have one version.
#[must_use]
pub fn classify(exit: Exit, code: Option<&str>, failed_in_report: bool) -> Kind {
    let Some(code) = code else {
        return match exit {
            Exit::Code(0..=8) if failed_in_report => Kind::Execution,
            _ => of_exit(exit),
        };
    };
    match kind_of(code) {
        // An engine may read these as "nothing was changed, try again".
        Some(Kind::LockContention | Kind::DbUnreachable | Kind::PreconditionFailed)
            if !comes_before_any_change(exit, code) =>
        {
            Kind::Execution
        }
        Some(kind) => kind,
        // A code of a later release. Status 3 has many causes; any other status decides.
        None if exit == Exit::Code(3) => Kind::Execution,
        None => of_exit(exit),
    }
}

/// Whether a failure of this kind says that nothing happened.
pub(super) fn says_nothing_happened(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::LockContention
            | Kind::DbUnreachable
            | Kind::PreconditionFailed
            | Kind::InvalidConfig
            | Kind::MethodNotSupported
            | Kind::MissingSecret
            | Kind::SecretReadFailed
    )
}

/// Whether confiture fails with this code and exit status before it changes anything. A rollback that it
/// refuses exits with 8, the status of a rollback that failed.
pub(crate) fn is_refusal(exit: Exit, code: &str) -> bool {
    const REFUSALS: [&str; 9] = [
        "CONFIG_006",
        "CONFIG_010",
        "LOCK_1300",
        "MIGR_100",
        "MIGR_106",
        "PRECON_1001",
        "ROLLBACK_600",
        "VALID_002",
        "VALID_008",
    ];
    let is_refused_rollback = (exit, code) == (Exit::Code(8), "ROLLBACK_600");
    REFUSALS.contains(&code) && (is_refused_rollback || comes_before_any_change(exit, code))
}

/// Whether commands exit with this code and status before they change anything. 1 is any unexpected
/// failure; 4 and 8 are statuses of commands that ran SQL. `GEN_001` and the `MIGR_` codes are announced to
/// exit with 1 instead of 3 from 1.36.0 on.
fn comes_before_any_change(exit: Exit, code: &str) -> bool {
    let moved = code == "GEN_001" || code.starts_with("MIGR_");
    matches!(exit, Exit::Code(2 | 3 | 5 | 6 | 7)) || moved && exit == Exit::Code(1)
}

/// What a symbolic code means; `None` for a code of a later release.
fn kind_of(code: &str) -> Option<Kind> {
    let (prefix, _) = code.split_once('_')?;
    Some(match (prefix, code) {
        // `MIGR_100`: the revision is unknown, or is not applied.
        (_, "PRECON_1000" | "PRECON_1001" | "MIGR_100") => Kind::PreconditionFailed,
        (_, "CONFIG_006") => Kind::DbUnreachable,
        (_, "INTERNAL_ERROR") => Kind::InternalError,
        (
            "CONFIG" | "VALID" | "ANON" | "SEED" | "SYNC" | "RESTORE" | "VERIFY" | "DIFFER"
            | "DIFF",
            _,
        ) => Kind::InvalidConfig,
        ("LOCK" | "POOL", _) => Kind::LockContention,
        ("ROLLBACK", _) => Kind::IrreversibleRollback,
        ("SCHEMA" | "DDL" | "REBUILD", _) => Kind::SchemaError,
        ("GIT" | "GRANT" | "PGGIT", _) => Kind::GitError,
        ("MIGR" | "GEN" | "SQL", _) => Kind::Execution,
        _ => return None,
    })
}

/// The kind of a failure of which only the exit status is known.
fn of_exit(exit: Exit) -> Kind {
    match exit {
        Exit::Code(2) => Kind::PreconditionFailed,
        Exit::Code(3) => Kind::DbUnreachable,
        Exit::Code(4) => Kind::SchemaError,
        Exit::Code(5) => Kind::InvalidConfig,
        Exit::Code(6) => Kind::LockContention,
        Exit::Code(7) => Kind::GitError,
        Exit::Code(8) => Kind::IrreversibleRollback,
        // 1 is any unexpected failure. A failure with status 0 is unexpected too.
        Exit::Code(_) | Exit::Signal(_) => Kind::InternalError,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    /// What the newest release prints for `--exit-codes-json`, recorded.
    const EXIT_CODES: &str = include_str!("exit-codes.json");

    #[derive(Deserialize)]
    struct ExitCodes {
        classes: Vec<String>,
        #[serde(rename = "exit_codes")]
        statuses: BTreeMap<String, ExitCode>,
        no_ledger_error_code: String,
    }

    #[derive(Deserialize)]
    struct ExitCode {
        class: String,
        symbolic_codes: Vec<String>,
    }

    fn exit_codes() -> ExitCodes {
        serde_json::from_str(EXIT_CODES).expect("the recorded document")
    }

    #[test]
    fn every_class_and_exit_status_has_a_kind() {
        let document = exit_codes();
        assert_eq!(document.statuses.len(), 9);
        assert_eq!(document.classes.len(), 9);
        for (status, entry) in &document.statuses {
            let status: i32 = status.parse().expect("a number");
            assert!(document.classes.contains(&entry.class), "{}", entry.class);
            let kind = classify(Exit::Code(status), None, false);
            match entry.class.as_str() {
                // A failure at status 0 contradicts itself.
                "ok" => assert_eq!((status, kind), (0, Kind::InternalError)),
                class => assert_eq!(kind.as_str(), class, "{status}"),
            }
        }
    }

    #[test]
    fn every_symbolic_code_has_a_kind_at_its_status() {
        let decided: BTreeMap<&str, (i32, Kind)> = [
            ("ANON_1400", (5, Kind::InvalidConfig)),
            ("CONFIG_001", (5, Kind::InvalidConfig)),
            ("CONFIG_002", (5, Kind::InvalidConfig)),
            ("CONFIG_003", (5, Kind::InvalidConfig)),
            ("CONFIG_004", (5, Kind::InvalidConfig)),
            ("CONFIG_006", (3, Kind::DbUnreachable)),
            ("CONFIG_007", (5, Kind::InvalidConfig)),
            ("CONFIG_008", (5, Kind::InvalidConfig)),
            ("CONFIG_009", (5, Kind::InvalidConfig)),
            ("CONFIG_010", (5, Kind::InvalidConfig)),
            ("CONFIG_011", (5, Kind::InvalidConfig)),
            ("CONFIG_012", (5, Kind::InvalidConfig)),
            ("CONFIG_013", (5, Kind::InvalidConfig)),
            ("CONFIG_014", (5, Kind::InvalidConfig)),
            ("DDL_001", (4, Kind::SchemaError)),
            ("DIFFER_400", (5, Kind::InvalidConfig)),
            ("DIFFER_401", (5, Kind::InvalidConfig)),
            ("DIFFER_403", (5, Kind::InvalidConfig)),
            ("DIFF_001", (5, Kind::InvalidConfig)),
            ("GEN_001", (3, Kind::Execution)),
            ("GIT_001", (7, Kind::GitError)),
            ("GIT_002", (7, Kind::GitError)),
            ("GIT_003", (7, Kind::GitError)),
            ("GRANT_001", (7, Kind::GitError)),
            ("LOCK_1300", (6, Kind::LockContention)),
            ("MIGR_001", (3, Kind::Execution)),
            ("MIGR_004", (3, Kind::Execution)),
            ("MIGR_100", (3, Kind::PreconditionFailed)),
            ("MIGR_102", (3, Kind::Execution)),
            ("MIGR_106", (3, Kind::Execution)),
            ("MIGR_107", (3, Kind::Execution)),
            ("MIGR_108", (3, Kind::Execution)),
            ("PGGIT_900", (7, Kind::GitError)),
            ("PRECON_1000", (5, Kind::PreconditionFailed)),
            ("PRECON_1001", (2, Kind::PreconditionFailed)),
            ("REBUILD_001", (4, Kind::SchemaError)),
            ("RESTORE_001", (5, Kind::InvalidConfig)),
            ("ROLLBACK_001", (8, Kind::IrreversibleRollback)),
            ("ROLLBACK_600", (8, Kind::IrreversibleRollback)),
            ("SCHEMA_001", (4, Kind::SchemaError)),
            ("SCHEMA_201", (4, Kind::SchemaError)),
            ("SCHEMA_202", (4, Kind::SchemaError)),
            ("SCHEMA_205", (4, Kind::SchemaError)),
            ("SEED_001", (5, Kind::InvalidConfig)),
            ("SQL_001", (1, Kind::Execution)),
            ("SYNC_001", (5, Kind::InvalidConfig)),
            ("VALID_001", (5, Kind::InvalidConfig)),
            ("VALID_002", (5, Kind::InvalidConfig)),
            ("VALID_003", (5, Kind::InvalidConfig)),
            ("VALID_004", (5, Kind::InvalidConfig)),
            ("VALID_005", (5, Kind::InvalidConfig)),
            ("VALID_006", (5, Kind::InvalidConfig)),
            ("VALID_007", (5, Kind::InvalidConfig)),
            ("VALID_008", (5, Kind::InvalidConfig)),
            ("VALID_009", (5, Kind::InvalidConfig)),
            ("VERIFY_001", (5, Kind::InvalidConfig)),
            // Signals of a success: a failure that carries one contradicts itself, and the code decides.
            ("DIFFER_402", (0, Kind::InvalidConfig)),
            ("MIGR_101", (0, Kind::Execution)),
            ("SCHEMA_206", (0, Kind::SchemaError)),
            ("SEED_002", (0, Kind::InvalidConfig)),
            ("SEED_003", (0, Kind::InvalidConfig)),
        ]
        .into();
        let document = exit_codes();
        let mut seen = 0;
        for (status, entry) in &document.statuses {
            let status: i32 = status.parse().expect("a number");
            for code in &entry.symbolic_codes {
                let expected = decided.get(code.as_str());
                let found = (status, classify(Exit::Code(status), Some(code), false));
                assert_eq!(expected, Some(&found), "{code} is not decided");
                seen += 1;
            }
        }
        assert_eq!(
            seen,
            decided.len(),
            "a decided code is no longer in the document"
        );
        assert_eq!(document.no_ledger_error_code, "PRECON_1001");
    }

    /// What the exit codes of 1.36.0 are announced to change.
    #[test]
    fn a_code_means_the_same_at_another_status() {
        for (code, kind) in [
            ("GEN_001", Kind::Execution),
            ("MIGR_001", Kind::Execution),
            ("MIGR_004", Kind::Execution),
            ("MIGR_100", Kind::PreconditionFailed),
            ("MIGR_102", Kind::Execution),
            ("MIGR_106", Kind::Execution),
            ("MIGR_107", Kind::Execution),
            ("MIGR_108", Kind::Execution),
        ] {
            for status in [1, 3] {
                assert_eq!(
                    classify(Exit::Code(status), Some(code), false),
                    kind,
                    "{code}"
                );
                let exit = Exit::Code(status);
                assert!(comes_before_any_change(exit, code), "{code}");
            }
        }
        for (status, code) in [
            (0, "DIFFER_404"),
            (0, "DIFFER_405"),
            (0, "DIFFER_408"),
            (5, "CONFIG_015"),
            (5, "DIFFER_406"),
            (5, "DIFFER_409"),
            (5, "DIFFER_410"),
        ] {
            let found = classify(Exit::Code(status), Some(code), false);
            assert_eq!(found, Kind::InvalidConfig, "{code}");
        }
    }

    #[test]
    fn the_code_decides_and_a_mild_kind_needs_a_status_that_agrees() {
        for (status, code, kind) in [
            (3, "LOCK_1300", Kind::LockContention),
            (7, "LOCK_1300", Kind::LockContention),
            (8, "LOCK_1300", Kind::Execution),
            (4, "LOCK_1300", Kind::Execution),
            (6, "ROLLBACK_600", Kind::IrreversibleRollback),
            (1, "PRECON_1001", Kind::Execution),
            (0, "PRECON_1001", Kind::Execution),
            (6, "CONFIG_006", Kind::DbUnreachable),
            (2, "MIGR_001", Kind::Execution),
            (7, "SCHEMA_001", Kind::SchemaError),
            (3, "GIT_001", Kind::GitError),
            (3, "INTERNAL_ERROR", Kind::InternalError),
            (137, "LOCK_1300", Kind::Execution),
        ] {
            let found = classify(Exit::Code(status), Some(code), false);
            assert_eq!(found, kind, "{code} at {status}");
        }
        let killed = classify(Exit::Signal(9), Some("CONFIG_006"), false);
        assert_eq!(killed, Kind::Execution);
    }

    #[test]
    fn a_refusal_is_a_code_at_a_status_that_agrees() {
        for (status, code, refused) in [
            (8, "ROLLBACK_600", true),
            (8, "MIGR_001", false),
            (1, "ROLLBACK_600", false),
            (1, "LOCK_1300", false),
            (3, "CONFIG_006", true),
            (3, "MIGR_100", true),
            (3, "MIGR_001", false),
        ] {
            let found = is_refusal(Exit::Code(status), code);
            assert_eq!(found, refused, "{code} at {status}");
        }
    }

    #[test]
    fn without_a_code_the_status_decides() {
        assert_eq!(classify(Exit::Code(3), None, true), Kind::Execution);
        assert_eq!(classify(Exit::Code(1), None, true), Kind::Execution);
        assert_eq!(classify(Exit::Code(9), None, true), Kind::InternalError);
        assert_eq!(classify(Exit::Signal(15), None, true), Kind::InternalError);
        assert_eq!(classify(Exit::Code(130), None, false), Kind::InternalError);
        assert_eq!(classify(Exit::Code(-1), None, false), Kind::InternalError);
    }

    #[test]
    fn an_unknown_code_is_never_an_unreachable_database() {
        assert_eq!(
            classify(Exit::Code(3), Some("NEW_1"), false),
            Kind::Execution
        );
        assert_eq!(
            classify(Exit::Code(6), Some("NEW_1"), false),
            Kind::LockContention
        );
        assert_eq!(
            classify(Exit::Code(6), Some(""), false),
            Kind::LockContention
        );
    }
}

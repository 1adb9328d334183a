use fraisier_adapter_api::{AdapterError, AdapterErrorKind};

use super::*;
use crate::process::Captured;
use crate::redact::Redactor;
use crate::testing::{envelope, interrupted, output};
use crate::tools::replay::{self, Command};

/// A `current_revision` that exited with 2 and printed this, where `--version` printed that.
fn refused(stderr: &str, version: &str) -> AdapterError {
    let outputs = |command| match command {
        Command::Operation => Output {
            stderr: Captured::from(stderr.as_bytes().to_vec()),
            ..output(2, None)
        },
        _ => Output {
            stdout: Captured::from(version.as_bytes().to_vec()),
            ..output(0, None)
        },
    };
    let failure = replay::current_revision(&Redactor::default(), outputs);
    failure.expect_err("no revision").into()
}

#[test]
fn a_usage_error_differs_from_another_exit_with_status_2() {
    use AdapterErrorKind::{InvalidConfig, PreconditionFailed};

    let newest = "confiture version 1.29.0";
    for (stderr, version, kind, part) in [
        (
            "Usage: confiture migrate current [OPTIONS]",
            newest,
            InvalidConfig,
            "1.29.0 does not understand",
        ),
        (
            "Error: No such option: --x",
            newest,
            InvalidConfig,
            "No such option: --x",
        ),
        (
            "Error: No such command 'current'.",
            "confiture version 0.19.0",
            InvalidConfig,
            "0.20.0 is the first release",
        ),
        ("boom", newest, PreconditionFailed, "no report"),
        ("boom", "", PreconditionFailed, "no report"),
        (
            "Error: No such option: --x",
            "",
            InvalidConfig,
            "printed nothing",
        ),
    ] {
        let error = refused(stderr, version);
        assert_eq!(error.kind, kind, "{stderr}: {error}");
        assert!(error.message.contains(part), "{stderr}: {error}");
    }
}

#[test]
fn half_a_secret_at_a_cut_is_removed() {
    let left = Output {
        stderr: Captured {
            head: b"began s3cr".into(),
            omitted: 7,
            tail: b"3tpw ended".into(),
        },
        ..output(1, None)
    };
    let redactor = Redactor::new([], ["s3cr3tpw"]);
    let error = replay::current_revision(&redactor, |_| left.clone()).expect_err("no report");
    let evidence = AdapterError::from(error).stderr.expect("evidence");
    assert!(
        evidence.contains("began \n") && evidence.contains("\n ended"),
        "{evidence}"
    );
    for half in ["s3cr", "3tpw"] {
        assert!(!evidence.contains(half), "{evidence}");
    }
}

#[test]
fn a_usage_line_proves_nothing_where_migrations_ran() {
    let ended = |command, printed: &str| match command {
        Command::Version => Output {
            stdout: b"confiture version 1.29.0\n".to_vec().into(),
            ..output(0, None)
        },
        _ => Output {
            stdout: printed.as_bytes().to_vec().into(),
            stderr: b"Usage: seed [OPTIONS]\n".to_vec().into(),
            ..output(2, None)
        },
    };
    for (printed, cause) in [
        ("", Cause::Usage),
        ("⚡ Applying 002_orders...", Cause::Other),
    ] {
        let ended = |command| ended(command, printed);
        let failure = replay::up(None, &Redactor::default(), ended).expect_err("an error");
        assert_eq!(failure.kind(), AdapterErrorKind::Execution);
        assert_eq!(*failure.state(), DatabaseState::Unknown);
        assert_eq!(*failure.cause(), cause, "{printed}");
    }
    let ended = |command| ended(command, "");
    let failure = replay::verify(None, &Redactor::default(), ended).expect_err("an error");
    assert_eq!(failure.kind(), AdapterErrorKind::InvalidConfig);
    assert_eq!(*failure.cause(), Cause::Usage);
}

/// A `.py` migration can end the process with any status.
#[test]
fn no_status_alone_is_a_harmless_kind_after_an_up() {
    for status in [2, 3, 5, 6] {
        let ended = |_| output(status, None);
        let failure = replay::up(None, &Redactor::default(), ended).expect_err("an error");
        assert_eq!(failure.kind(), AdapterErrorKind::Execution, "{status}");
        assert_eq!(*failure.state(), DatabaseState::Unknown, "{status}");
        let failure = replay::down_to(&"001".into(), &Redactor::default(), ended);
        let failure = failure.expect_err("an error");
        assert_eq!(failure.kind(), AdapterErrorKind::Execution, "{status}");
    }
    for (status, code) in [(6, "LOCK_1301"), (6, "POOL_1200"), (5, "PRECON_1000")] {
        let report = envelope(code, "m", "");
        let ended = |_| output(status, Some(&report));
        let failure = replay::up(None, &Redactor::default(), ended).expect_err("an error");
        assert_eq!(failure.kind(), AdapterErrorKind::Execution, "{code}");
        assert_eq!(*failure.cause(), Cause::Code(code.into()));
    }
}

/// The failure of an `up` that ended so.
fn failure(output: &Output) -> crate::failure::Failure {
    replay::up(None, &Redactor::default(), |_| output.clone()).expect_err("a failure")
}

#[test]
fn the_advice_to_restore_a_file_is_only_for_edited_files() {
    let edited = "Checksum verification failed for 1 file(s)";
    for (code, message, restored) in [
        ("INTERNAL_ERROR", edited, true),
        ("INTERNAL_ERROR", "something else", false),
        ("MIGR_001", edited, false),
    ] {
        let failure = failure(&output(1, Some(&envelope(code, message, ""))));
        let (cause, state) = if restored {
            let none = DatabaseState::exactly(Change::Applied, &[]);
            (Cause::EditedFile, none)
        } else {
            (Cause::Code(code.into()), DatabaseState::Unknown)
        };
        assert_eq!(*failure.cause(), cause, "{code}: {failure}");
        assert_eq!(*failure.state(), state, "{code}: {failure}");
        let advised = failure.advice() == Advice::restore_edited_file().to_string();
        assert_eq!(advised, restored, "{code}: {failure}");
    }
}

#[test]
fn a_timeout_advises_to_look_for_a_blocking_session() {
    let report = envelope("MIGR_001", "boom", "");
    let names_blocker = |output| {
        let blocker = Advice::find_blocker().to_string();
        failure(&output).advice().contains(&blocker)
    };
    assert!(names_blocker(interrupted(1, Some(&report))));
    assert!(!names_blocker(output(1, Some(&report))));
    let dropped = Output {
        interrupted: Some(Interruption::Dropped),
        ..output(1, Some(&report))
    };
    assert!(!names_blocker(dropped));
}

#[test]
fn a_harmless_code_after_a_migration_began_is_not_believed() {
    use AdapterErrorKind::{Execution, LockContention};

    for (printed, kind, state) in [
        ("", LockContention, DatabaseState::Unchanged),
        (
            "🔒 Acquired migration lock",
            LockContention,
            DatabaseState::Unchanged,
        ),
        (
            "⚡ Applying 002_orders...",
            Execution,
            DatabaseState::Unknown,
        ),
    ] {
        let failure = failure(&Output {
            stdout: Captured::from(printed.as_bytes().to_vec()),
            ..output(6, Some(&envelope("LOCK_1300", "held", "")))
        });
        assert_eq!(failure.kind(), kind, "{printed}");
        assert_eq!(*failure.state(), state, "{printed}");
    }
}

#[test]
fn omitted_output_counts_as_printed() {
    for (head, omitted, printed) in [
        ("", 0, false),
        (" \n", 0, false),
        (" \n", 9, true),
        ("x", 0, true),
    ] {
        let mut output = output(0, None);
        output.stdout.head = head.into();
        output.stdout.omitted = omitted;
        let operation = Operation::Up;
        let ended = Ended { operation, output };
        assert_eq!(ended.printed_anything(), printed, "{head:?}");
    }
}

#[test]
fn a_parameter_that_libpq_rejects_is_invalid_config() {
    let bad = "Failed to connect to database: connection is bad: ";
    for (said, kind) in [
        (
            "weak sslmode \"prefer\" may not be used with sslnegotiation=direct (use \"require\")",
            AdapterErrorKind::InvalidConfig,
        ),
        (
            "invalid sslmode value: \"on\"",
            AdapterErrorKind::InvalidConfig,
        ),
        (
            "connection to server on socket \"/run/x\" failed: invalid",
            AdapterErrorKind::DbUnreachable,
        ),
    ] {
        let report = envelope("CONFIG_006", &format!("{bad}{said}"), "Check the server");
        let failure = failure(&output(3, Some(&report)));
        assert_eq!(failure.kind(), kind, "{failure}");
        assert_eq!(*failure.state(), DatabaseState::Unchanged, "{failure}");
        let is_about_server = failure.advice().contains("heck the server");
        assert_eq!(is_about_server, kind == AdapterErrorKind::DbUnreachable);
    }
}

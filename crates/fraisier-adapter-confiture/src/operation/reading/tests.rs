use fraisier_adapter_api::{AdapterError, AdapterErrorKind};

use super::*;
use crate::operation::current::CurrentRevision;
use crate::operation::down_to::DownTo;
use crate::operation::up::Up;
use crate::process::{Captured, read_report};
use crate::testing::output;
use crate::tools::replay::answer;

/// A `current_revision` that exited with 2 and printed this, where `--version` printed that.
fn refused(stderr: &str, version: &str) -> AdapterError {
    answer(
        &CurrentRevision,
        &Redactor::default(),
        |command| match command {
            Command::Operation => Output {
                stderr: Captured::from(stderr.as_bytes().to_vec()),
                ..output(2, None)
            },
            _ => Output {
                stdout: Captured::from(version.as_bytes().to_vec()),
                ..output(0, None)
            },
        },
    )
    .expect_err("no revision")
}

#[test]
fn a_command_that_was_not_understood_is_told_from_one_that_exited_like_it() {
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
fn a_release_that_is_known_is_not_asked_for() {
    let mut outputs = Outputs::new(NamedBy::Default);
    assert!(matches!(
        outputs.version(),
        Err(Unread::Needs(Command::Version))
    ));
    assert!(!outputs.meet(Need::Everything));
    outputs.know(ConfitureVersion::parse("0.23.0"));
    assert!(outputs.meet(Need::WindowSafe) && !outputs.meet(Need::RiskTier));
}

#[test]
fn half_of_a_secret_where_output_was_cut_is_taken_away() {
    let mut outputs = Outputs::new(NamedBy::Default);
    let left = Output {
        stderr: Captured {
            head: b"began s3cr".into(),
            omitted: 7,
            tail: b"3tpw ended".into(),
        },
        ..output(0, None)
    };
    let redactor = Redactor::new([], ["s3cr3tpw"]);
    let added = outputs.add(Command::Operation, Ok(left), &redactor);
    assert!(added.is_ok());
    let stderr = outputs.operation.expect("added").stderr;
    assert_eq!(
        (&*stderr.head, &*stderr.tail),
        (&b"began "[..], &b" ended"[..])
    );
}

#[test]
fn a_report_of_more_than_a_mebibyte_is_large() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("report.json");
    for (size, is_large) in [(2, false), (2 << 20, true)] {
        std::fs::write(&path, vec![b' '; size]).expect("written");
        let left = Output {
            report: read_report(&path).expect("read"),
            ..output(0, None)
        };
        let mut outputs = Outputs::new(NamedBy::Default);
        assert!(!outputs.is_large());
        let added = outputs.add(Command::Operation, Ok(left), &Redactor::default());
        assert!(added.is_ok());
        assert_eq!(outputs.is_large(), is_large);
    }
}

#[test]
fn what_an_outcome_says_of_the_database_is_told_without_secrets() {
    let outcome = MigrationOutcome {
        from: Some(Revision::new("001")),
        to: Some(Revision::new("s3cr3tpw")),
        applied: vec![Revision::new("002"), Revision::new("s3cr3tpw")],
        log: String::new(),
    };
    for mut summary in [Up::summary(&outcome), DownTo::summary(&outcome)] {
        assert_eq!(summary.from, outcome.from);
        assert_eq!(summary.to, outcome.to);
        assert_eq!(summary.applied, 2);
        summary.redact(&Redactor::new([], ["s3cr3tpw"]));
        assert_eq!(summary.from, outcome.from);
        assert_eq!(summary.to, Some(Revision::new("***")));
    }
    let target = Revision::new("001");
    let up = Up {
        target: Some(target.clone()),
    };
    let down_to = DownTo {
        target: target.clone(),
    };
    assert_eq!(up.target(), Some(&target));
    assert_eq!(down_to.target(), Some(&target));
}

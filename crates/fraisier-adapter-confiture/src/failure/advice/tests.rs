use std::time::Duration;

use fraisier_adapter_api::AdapterErrorKind;

use super::*;
use crate::failure::{Cause, DatabaseState, Fault};
use crate::process::Interruption;
use crate::request::SETTINGS;

#[test]
fn every_advice_is_a_short_unique_clause() {
    let texts = every_advice();
    for text in &texts {
        assert!(text.len() <= 240, "{text}");
        assert!(!text.ends_with('.') && !text.contains('\n'), "{text}");
        assert!(
            !text.contains("--") || text.contains("(pip install --"),
            "an engine has no command line: {text}"
        );
        assert_eq!(texts.iter().filter(|it| *it == text).count(), 1, "{text}");
    }
}

/// Whatever advice names in backticks is something that a reader has.
#[test]
fn every_advice_names_existing_commands() {
    let builder = include_str!("../../builder/mod.rs");
    let context = include_str!("../../../../fraisier-adapter-api/src/context.rs");
    let methods = include_str!("../../../../fraisier-adapter-api/src/adapter.rs");
    let variables = crate::VARIABLES.iter().map(|it| it.name);
    let known: Vec<&str> = variables
        .chain(SETTINGS.iter().map(|it| it.key))
        .chain([
            "PATH",
            "PSYCOPG_IMPL",
            "PYTHON",
            "TMPDIR",
            "postgresql://",
            "_",
            ".down.sql",
        ])
        .chain(["@", "/", "?", "options", "sslpassword", "tb_confiture"])
        .chain(["pk_confiture", "applied_at", "search_path", "confiture"])
        .chain(["apply_as.<role>.url", "confiture.yaml", DOCTOR, CURRENT])
        .collect();
    for text in every_advice() {
        for name in text.split('`').skip(1).step_by(2) {
            let there_is = known.contains(&name)
                || builder.contains(&format!("pub fn {name}("))
                || context.contains(&format!("pub {name}:"))
                || methods.contains(&format!("async fn {name}("))
                || name.contains("client_connection_check_interval=")
                || name.starts_with("confiture migrate apply-as ")
                || name == "ignore_startup_parameters = options";
            assert!(there_is, "`{name}` in {text}");
        }
    }
}

#[test]
fn advice_can_be_followed_from_an_engine() {
    let after = |code, advised| Advice::after(code, advised).to_string();
    let command_line = "Review the migration, then run migrate up --allow-destructive";
    let next = after("VALID_002", command_line);
    assert!(!next.contains("--"), "{next}");
    let setting = next.split('`').nth(1);
    assert!(SETTINGS.iter().any(|it| Some(it.key) == setting), "{next}");
    let elsewhere = "Run 'confiture migrate status' or 'migrate current' to see known revisions.";
    assert!(after("MIGR_100", elsewhere).contains(CURRENT));
    assert_eq!(after("MIGR_001", "Create the file."), "Create the file");
    let next = after(
        "LOCK_1300",
        "Wait for the current migration to finish, then retry.",
    );
    assert!(next.contains("may be long gone"), "{next}");
    let config = "Set CONFITURE_DATABASE_URL, or drop --no-config to use a config file.";
    assert!(after("CONFIG_004", config).contains(DOCTOR));
}

/// As 0.23.0 writes them.
#[test]
fn an_error_with_one_known_cause_has_specific_advice() {
    let failed = "Failed to apply migration 002 (same): ";
    for (said, advised) in [
        (
            "duplicate key value violates unique constraint \"tb_confiture_slug_key\"\nDETAIL:  Key \
             (slug)=(same_20261129_025832) already exists.",
            Some(Advice::repeat_deploy()),
        ),
        (
            "relation \"tb_confiture\" does not exist\nLINE 2:             INSERT INTO",
            Some(Advice::restore_search_path()),
        ),
        (
            "SQL execution failed | SQL: CREATE INDEX CONCURRENTLY a_id ON a (id); | Error: CREATE \
             INDEX CONCURRENTLY cannot run inside a transaction block",
            Some(Advice::index_concurrently()),
        ),
        ("relation \"orders\" does not exist", None),
    ] {
        assert_eq!(Advice::about(&[format!("{failed}{said}")]), advised);
    }
}

#[test]
fn the_diagnosis_is_named_where_it_helps_and_once() {
    use AdapterErrorKind::{DbUnreachable, Execution, InternalError, LockContention};

    let advice = |kind, cause, next: &str| {
        let next = Advice::stated(next);
        let fault = Fault::new(kind, "it failed", DatabaseState::Unchanged, next);
        fault.caused_by(cause).advice()
    };
    let timeout = || Cause::Stopped(Interruption::Timeout(Duration::from_secs(1)));
    for (kind, cause, named) in [
        (DbUnreachable, Cause::Other, true),
        (LockContention, Cause::Other, true),
        (InternalError, timeout(), true),
        (Execution, Cause::Other, false),
    ] {
        let next = advice(kind, cause, "wait.");
        assert_eq!(next.contains(DOCTOR), named, "{kind}: {next}");
    }
    let once = advice(DbUnreachable, Cause::Other, "");
    assert_eq!(advice(DbUnreachable, timeout(), &once), once);
}

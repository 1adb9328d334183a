use fraisier_adapter_api::AdapterErrorKind;

use super::*;
use crate::request::{Check, Settings};

fn with(set: &[(&str, &str)]) -> Result<Builder, Failure> {
    apply(Builder::default(), |name| {
        let (_, value) = set.iter().find(|(set, _)| *set == name)?;
        Some(OsString::from(value))
    })
}

#[test]
fn every_variable_reaches_its_option() {
    let builder = with(&[
        ("FRAISIER_CONFITURE_BIN", "/opt/confiture"),
        ("FRAISIER_CONFITURE_TIMEOUT", "15m"),
        ("FRAISIER_CONFITURE_SERVER_DISCONNECT_CHECK", "500ms"),
        ("FRAISIER_CONFITURE_LOCK_TIMEOUT_MS", "5000"),
        ("FRAISIER_CONFITURE_REQUIRE_REVERSIBLE", "true"),
        ("FRAISIER_CONFITURE_ALLOW_DESTRUCTIVE", "true"),
        ("FRAISIER_CONFITURE_INHERIT_ENV", "PATH, HOME"),
        ("FRAISIER_CONFITURE_WITHHOLD_ENV", "ADMIN_DSN"),
        ("FRAISIER_CONFITURE_BYTECODE_CACHE", "false"),
        ("FRAISIER_CONFITURE_PREFLIGHT_PENDING_ONLY", "false"),
    ])
    .expect("values that are taken");
    assert_eq!(builder.config.timeout, Some(Duration::from_secs(900)));
    let commands = builder.config;
    assert_eq!(commands.program, std::path::Path::new("/opt/confiture"));
    let inherit = &commands.inherit;
    assert_eq!(inherit.only, Some(["HOME".into(), "PATH".into()].into()));
    assert_eq!(inherit.withheld, ["ADMIN_DSN".into()].into());
    assert!(!commands.bytecode_cache && !commands.pending_only);
    let check = Check::Demanded(Duration::from_millis(500));
    assert_eq!(commands.check, check);
    let settings = Settings {
        lock_timeout_ms: Some(5000),
        require_reversible: true,
        allow_destructive: true,
    };
    assert_eq!(commands.settings, settings);
}

#[test]
fn an_empty_variable_changes_nothing() {
    let unset = format!("{:?}", Builder::default());
    assert_eq!(format!("{:?}", with(&[]).expect("taken")), unset);
    for variable in VARIABLES {
        let empty = with(&[(variable.name, "")]).expect("taken");
        assert_eq!(format!("{empty:?}"), unset, "{}", variable.name);
    }
}

#[test]
fn off_removes_what_the_program_set() {
    let builder = Builder::default()
        .timeout(Duration::from_secs(50))
        .server_disconnect_check(Duration::from_secs(1));
    let builder = apply(builder, |name| {
        let times = ["TIMEOUT", "CHECK"];
        times
            .iter()
            .any(|time| name.ends_with(time))
            .then(|| "off".into())
    })
    .expect("taken");
    assert_eq!(builder.config.timeout, None);
    assert_eq!(builder.config.check, Check::Off);
}

#[test]
fn a_bad_value_is_refused_without_quoting_it() {
    for (name, values) in [
        (
            "FRAISIER_CONFITURE_TIMEOUT",
            &[
                "90",
                "0s",
                "-1s",
                "+1s",
                "1.5s",
                "s",
                " 1s",
                "1 s",
                "never",
                "1d",
                "99999999999999999999s",
                "9999999999999999999h",
            ][..],
        ),
        ("FRAISIER_CONFITURE_SERVER_DISCONNECT_CHECK", &["0ms", "on"]),
        (
            "FRAISIER_CONFITURE_LOCK_TIMEOUT_MS",
            &["0", "5s", "-1", "+1", "2147483648"],
        ),
        (
            "FRAISIER_CONFITURE_REQUIRE_REVERSIBLE",
            &["yes", "1", "True"],
        ),
        ("FRAISIER_CONFITURE_ALLOW_DESTRUCTIVE", &["hunter2"]),
        (
            "FRAISIER_CONFITURE_INHERIT_ENV",
            &["A,,B", "A=hunter2", ","],
        ),
        ("FRAISIER_CONFITURE_WITHHOLD_ENV", &["A, "]),
        ("FRAISIER_CONFITURE_BYTECODE_CACHE", &["off"]),
    ] {
        let row = VARIABLES.iter().find(|row| row.name == name);
        let takes = row.expect("a row of the table").takes;
        for value in values {
            let error = with(&[(name, value)]).expect_err(value);
            assert_eq!(error.kind(), AdapterErrorKind::InvalidConfig);
            for part in [name, takes, "nothing was started"] {
                assert!(error.to_string().contains(part), "{error}");
            }
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_value_that_is_not_utf8_is_a_path_or_refused() {
    use std::os::unix::ffi::OsStringExt;

    for variable in VARIABLES {
        let built = apply(Builder::default(), |name| {
            (name == variable.name).then(|| OsString::from_vec(vec![b'/', 0xff]))
        });
        assert_eq!(built.is_ok(), variable.name == PROGRAM, "{}", variable.name);
    }
}

#[test]
fn the_documentation_shows_this_table() {
    let documentation = include_str!("../../lib.rs");
    for variable in VARIABLES {
        let row = format!(
            "//! | `{}` | {} | {} | {} |",
            variable.name, variable.takes, variable.does, variable.default
        );
        assert!(documentation.contains(&row), "missing in lib.rs:\n{row}");
    }
}

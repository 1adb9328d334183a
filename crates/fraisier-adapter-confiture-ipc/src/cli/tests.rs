use std::ffi::OsString;
use std::path::PathBuf;

use clap::CommandFactory as _;
use fraisier_adapter_confiture::ConfitureVersion;
use fraisier_adapter_confiture::capability::{self, FLOORS};

use super::*;

#[test]
fn the_help_lists_variables_statuses_and_examples() {
    Cli::command().debug_assert();
    let help = Cli::command().render_long_help().to_string();
    for variable in fraisier_adapter_confiture::VARIABLES {
        assert!(help.contains(variable.name), "{help}");
    }
    for part in [
        "default: 50s under fraisier, off by hand",
        "default: ask under fraisier, refuse by hand",
        "Exit status:",
        "Examples:",
        "adapter = \"confiture-ipc\"",
    ] {
        assert!(help.contains(part), "no {part:?} in {help}");
    }
}

#[test]
fn the_help_of_each_subcommand_has_its_limits_and_the_exit_statuses() {
    let command = Cli::command();
    assert_eq!(command.get_subcommands().count(), 7);
    for subcommand in command.get_subcommands() {
        let name = subcommand.get_name();
        let args = ["program", name, "--help"].map(OsString::from);
        let help = Cli::try_parse_from(args).expect_err("help").to_string();
        let limit = if name == "doctor" {
            "20 s"
        } else {
            "FRAISIER_CONFITURE_TIMEOUT"
        };
        for part in ["Limits:", limit, &crate::exit::table()] {
            assert!(
                help.contains(&part.replace('`', "")),
                "{name}: {part}: {help}"
            );
        }
    }
}

#[test]
fn a_call_by_hand_equals_a_call_by_the_engine() {
    let cli = |args: &[&str]| {
        let args = ["program"].iter().chain(args).map(OsString::from);
        let cli = Cli::try_parse_from(args).expect("arguments");
        let call = cli.command.call(&cli.project);
        call.expect("a call")
    };
    match cli(&["up", "--target", "002", "-C", "/srv/shop", "-m", "sql"]) {
        Call::Up(ctx, target) => {
            assert_eq!(target, Some(Revision::new("002")));
            assert_eq!(ctx.workdir, PathBuf::from("/srv/shop"));
            assert_eq!(ctx.migrations_path, Some("sql".into()));
            assert_eq!(ctx.env_secrets["DATABASE_URL"], "DATABASE_URL");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(cli(&["current"]), Call::CurrentRevision(_)));
    assert!(matches!(cli(&["current", "--all"]), Call::Applied(_)));
    let down = cli(&["--database-url-env", "DSN", "down-to", "001"]);
    assert!(matches!(down, Call::DownTo(ctx, _) if ctx.env_secrets["DATABASE_URL"] == "DSN"));
}

#[test]
fn a_negative_result_is_no_success() {
    for (method, json, status, says) in [
        (
            "verify",
            r#"{"ok":true,"checks":[]}"#,
            Status::Done,
            "0 checks hold",
        ),
        (
            "verify",
            r#"{"ok":false,"checks":[{"name":"002","ok":false,"detail":"gone"}]}"#,
            Status::Refused,
            "002: gone",
        ),
        (
            "verify",
            r#"{"ok":false,"checks":[],"was_skipped":true}"#,
            Status::Refused,
            "nothing was",
        ),
        (
            "preflight",
            r#"{"ok":true,"issues":[]}"#,
            Status::Done,
            "no verdict",
        ),
        (
            "preflight",
            r#"{"ok":false,"issues":[{"severity":"error","code":"X","message":"m","migration":"3"}],
                "window_safe":false}"#,
            Status::Refused,
            "3: m [X]",
        ),
        (
            "preflight",
            r#"{"ok":true,"issues":[],"change_set":{"contract_version":1,"changes":[]}}"#,
            Status::Done,
            " none",
        ),
        ("current_revision", "null", Status::Done, "no revision"),
        ("current_revision", "\"002\"", Status::Done, "002"),
        ("applied_revisions", "[]", Status::Done, "no revision"),
        (
            "applied_revisions",
            r#"["003","001"]"#,
            Status::Done,
            "003\n   001\n",
        ),
        (
            "up",
            r#"{"from":null,"to":"002","applied":["001","002"],"log":""}"#,
            Status::Done,
            "none -> 002: 001, 002",
        ),
        (
            "describe",
            r#"{"name":"confiture","version":"0.22.0","protocol_version":1,
                "capabilities":["up","preflight"]}"#,
            Status::Done,
            "cannot say whether old code may run meanwhile (window_safe): needs 0.23.0",
        ),
    ] {
        let (is, page) = show::result(method, json).expect(method);
        assert_eq!(is, status, "{method} {json}");
        let text = page.render(80);
        assert!(text.contains(says), "{method}: {text}");
    }
    assert!(show::result("verify", "null").is_err());
}

#[test]
fn describe_lists_only_what_the_release_lacks() {
    let newest =
        r#"{"name":"confiture","version":"1.29.0","protocol_version":1,"capabilities":["up"]}"#;
    let (_, page) = show::result("describe", newest).expect("a page");
    let text = page.render(80);
    let lacks: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("cannot"))
        .collect();
    assert_eq!(
        lacks,
        ["  cannot find out by itself what is pending (pending_scope): needs 1.35.0"]
    );
    assert!(text.contains("  can apply migrations (up)\n"), "{text}");
}

#[test]
fn describe_has_words_for_each_capability() {
    let newest = capability::advertised(&ConfitureVersion::parse("9999.0.0"));
    let names = FLOORS.iter().map(|it| it.need.as_str());
    for name in names.chain(newest.iter().map(String::as_str)) {
        let known = show::IN_WORDS.iter().any(|it| it.0 == name);
        assert!(known || name == "everything", "{name}");
    }
}

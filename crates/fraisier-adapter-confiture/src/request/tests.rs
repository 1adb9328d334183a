use std::time::Duration;

use fraisier_adapter_api::AdapterErrorKind;

use super::*;
use crate::testing::{PASSWORD, ambient, config, ctx, request};

#[test]
fn a_context_without_a_usable_connection_string_starts_nothing() {
    let refused = |ctx: &AdapterCtx| {
        Request::new(
            &Environment::inherited(),
            &config(),
            Operation::Up,
            Some(ctx),
        )
        .expect_err("refused")
    };
    let none = AdapterCtx::new("shop", "test");
    assert_eq!(refused(&none).kind(), AdapterErrorKind::MissingSecret);
    let mut unset = AdapterCtx::new("shop", "test");
    unset
        .env_secrets
        .insert("DATABASE_URL".into(), "NO_SUCH_VARIABLE_HERE".into());
    assert_eq!(refused(&unset).kind(), AdapterErrorKind::SecretReadFailed);
    for dsn in [
        "",
        "  ",
        "mysql://u:hunter2@h/db",
        "postgresql//u:hunter2@h/db",
    ] {
        let ctx = AdapterCtx::new("shop", "test").with_resolved_secret("DATABASE_URL", dsn);
        let error = refused(&ctx);
        assert_eq!(error.kind(), AdapterErrorKind::InvalidConfig, "{dsn}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn the_version_command_contains_no_secret() {
    let asked = request(&ctx(".".as_ref())).version();
    assert_eq!(asked.args, [Arg::from("--version")]);
    for name in [
        "SHOP_DSN",
        "SHOP_API_TOKEN",
        "DATABASE_URL",
        "CONFITURE_DATABASE_URL",
    ] {
        assert_eq!(asked.env.get(name), None, "{name}");
    }
    assert!(asked.env.get("LANG").is_some(), "all else passes");
    let mut config = config();
    config.inherit.withheld = ["LANG".into()].into();
    let request = Request::new(&ambient(), &config, Operation::Describe, None).expect("a request");
    assert_eq!(request.version().env.get("LANG"), None);
}

#[test]
fn the_disconnect_check_is_set() {
    let plan = |check, ctx: &AdapterCtx| {
        let mut config = config();
        config.check = check;
        let request =
            Request::new(&ambient(), &config, Operation::Up, Some(ctx)).expect("a request");
        let version = request.version().env.get("PGOPTIONS").map(OsStr::to_owned);
        assert_eq!(version.as_deref(), Some("-c work_mem=1MB".as_ref()));
        let env = request.migrate("up", Vec::new()).env;
        env.get("PGOPTIONS").map(OsStr::to_owned)
    };
    let ctx = ctx(".".as_ref());
    let asked = "-c work_mem=1MB -c client_connection_check_interval=1000ms";
    for check in [Check::default(), Check::Demanded(Duration::from_secs(1))] {
        assert_eq!(plan(check, &ctx), Some(asked.into()));
    }
    assert_eq!(plan(Check::Off, &ctx), Some("-c work_mem=1MB".into()));

    let mut config = config();
    let unasked = Request::new(&ambient(), &config, Operation::Up, Some(&ctx)).expect("a request");
    config.check = Check::default();
    let asked = Request::new(&ambient(), &config, Operation::Up, Some(&ctx)).expect("a request");
    assert_eq!(
        asked.without_check(asked.migrate("up", Vec::new())),
        unasked.migrate("up", Vec::new())
    );
}

#[test]
fn the_redactor_knows_every_secret_of_the_context() {
    let ctx = ctx(".".as_ref())
        .with_resolved_secret("AGAINST_DATABASE_URL", "postgresql://u:against-pw@h/db")
        .with_resolved_secret("API_TOKEN", "token-value");
    let request = Request::new(
        &Environment::inherited(),
        &config(),
        Operation::Up,
        Some(&ctx),
    )
    .expect("a request");
    for secret in [PASSWORD, "against-pw", "token-value"] {
        assert_eq!(request.redactor.text(secret), crate::redact::MASK);
    }
}

#[test]
fn a_withheld_variable_is_a_secret() {
    let mut config = config();
    config.inherit.withheld = ["ADMIN_DSN".into(), "SIGNING_KEY".into(), "UNSET".into()].into();
    let mut ambient = ambient();
    ambient.set(
        "ADMIN_DSN",
        "postgresql://root:admin-pw@db.example/postgres",
    );
    ambient.set("SIGNING_KEY", "signing-key-value");
    for ctx in [None, Some(&ctx(".".as_ref()))] {
        let request = Request::new(&ambient, &config, Operation::Up, ctx).expect("a request");
        let redactor = request.redactor;
        for secret in ["admin-pw", "signing-key-value"] {
            assert_eq!(redactor.text(secret), crate::redact::MASK);
        }
        assert_eq!(redactor.text("root at db.example"), "root at db.example");
    }
}

/// Of a connection string only the credentials are secret.
#[test]
fn the_redactor_masks_only_the_credentials_of_a_connection_string() {
    let dsn = "host=replica.example password=against-pw dbname=shop";
    let ctx = ctx(".".as_ref()).with_resolved_secret("AGAINST_DATABASE_URL", dsn);
    let redactor = request(&ctx).redactor;
    let text = "replica.example refused the password of shop at db.example";
    assert_eq!(redactor.text(text), text);
    assert_eq!(redactor.text("against-pw"), "***");
}

/// A migration may depend on the role's style.
#[test]
fn dates_are_iso_for_current_only() {
    let request = request(&ctx(".".as_ref()));
    for subcommand in ["current", "up", "down-to", "verify", "preflight"] {
        let env = request.migrate(subcommand, Vec::new()).env;
        let expected = (subcommand == "current").then_some("ISO".as_ref());
        assert_eq!(env.get("PGDATESTYLE"), expected, "{subcommand}");
    }
}

#[test]
fn a_long_secret_makes_the_output_wide_enough_for_it() {
    let columns = |ctx: &AdapterCtx| {
        let env = request(ctx).migrate("up", Vec::new()).env;
        env.get("COLUMNS").map(OsStr::to_owned)
    };
    let plain = ctx(".".as_ref());
    assert_eq!(columns(&plain), Some("200".into()));
    let long = plain.with_resolved_secret("API_TOKEN", "t".repeat(700));
    assert_eq!(columns(&long), Some("800".into()));
}

#[test]
fn an_option_and_its_value_are_one_argument() {
    assert_eq!(
        option("--target", "--force"),
        Arg::Literal("--target=--force".into())
    );
}

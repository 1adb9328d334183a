//! The JSON of every type, byte for byte, and what is read from JSON that others wrote.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;

use fraisier_adapter_api::{
    AdapterCtx, AdapterDescription, AdapterError, AdapterErrorKind, ArtifactRef, ChangeSet,
    ChangeSetUnavailable, HostId, MigrationOutcome, PROTOCOL_VERSION, PreflightIssue,
    PreflightReport, RISK_CONTRACT_VERSION, Revision, RiskTier, SchemaChange, Severity,
    VerifyCheck, VerifyReport, capability,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Each value in the JSON it is written as, on a line of its own behind what is special about it.
/// Every line is read back and written again, to the same bytes.
fn wire<T: Serialize + DeserializeOwned>(cases: &[(&str, T)]) -> String {
    assert!(!cases.is_empty());
    let mut lines = String::new();
    for (title, value) in cases {
        let written = serde_json::to_string(value).expect(title);
        let read: T = serde_json::from_str(&written).expect(title);
        assert_eq!(
            serde_json::to_string(&read).expect(title),
            written,
            "{title}"
        );
        lines.extend([title, ": ", &written, "\n"]);
    }
    lines
}

/// [`wire`], and what is read back is equal to what was written.
fn wire_eq<T: Serialize + DeserializeOwned + PartialEq + Debug>(cases: &[(&str, T)]) -> String {
    for (title, value) in cases {
        let written = serde_json::to_string(value).expect(title);
        assert_eq!(
            &serde_json::from_str::<T>(&written).expect(title),
            value,
            "{title}"
        );
    }
    wire(cases)
}

/// The same JSON without one of its keys, for each key.
fn without_each_key(value: &Value) -> BTreeMap<String, Value> {
    let object = value.as_object().expect("an object");
    object
        .keys()
        .map(|key| {
            let mut rest = object.clone();
            rest.remove(key);
            (key.clone(), Value::Object(rest))
        })
        .collect()
}

/// The keys that cannot be left out. In all that can be read without, and everywhere else, an
/// unknown key changes nothing.
fn required_keys<T: Serialize + DeserializeOwned>(value: &T) -> Vec<String> {
    let written = serde_json::to_value(value).expect("written");
    let mut with_unknown = written.clone();
    with_unknown["a_key_nobody_knows"] = json!({"deep": [1, null]});
    let read: T = serde_json::from_value(with_unknown).expect("an unknown key is ignored");
    assert_eq!(serde_json::to_value(read).expect("written"), written);

    without_each_key(&written)
        .into_iter()
        .filter(|(_, rest)| serde_json::from_value::<T>(rest.clone()).is_err())
        .map(|(key, _)| key)
        .collect()
}

fn error() -> AdapterError {
    AdapterError::new(AdapterErrorKind::Execution, "003 failed")
}

fn full_error() -> AdapterError {
    error()
        .with_adapter("confiture")
        .with_operation("up")
        .with_stderr("ERROR: \"x\"\n")
}

fn ctx() -> AdapterCtx {
    AdapterCtx::new("shop", "production")
}

fn full_ctx() -> AdapterCtx {
    let mut ctx = ctx().with_resolved_secret("TOKEN", "hunter2");
    ctx.host = Some(HostId::new("db-1"));
    ctx.workdir = PathBuf::from("/srv/shop");
    ctx.migrations_path = Some(PathBuf::from("db/migrations"));
    ctx.env_secrets
        .insert("DATABASE_URL".into(), "SHOP_DSN".into());
    ctx.previous_revision = Some(Revision::new("002"));
    ctx.artifact_ref = Some(ArtifactRef {
        id: "shop-7".into(),
        checksum: Some("sha256:00".into()),
    });
    ctx.settings
        .insert("scope".into(), json!({"depth": 1, "only": ["pending"]}));
    ctx
}

fn issue() -> PreflightIssue {
    PreflightIssue {
        severity: Severity::Error,
        code: "DUPLICATE".into(),
        message: "two are called 002".into(),
        migration: None,
    }
}

fn full_change() -> SchemaChange {
    SchemaChange::new("drop_column", "shop.orders.note")
        .with_migration("004")
        .with_tier(RiskTier::Destructive)
        .with_detail("a text column")
}

#[test]
fn error_kinds() {
    use AdapterErrorKind as K;
    let kinds = [
        (K::MethodNotSupported, "method_not_supported", -32601),
        (K::InvalidConfig, "invalid_config", -32602),
        (K::Protocol, "protocol", -32600),
        (K::Execution, "execution", -32000),
        (K::MissingSecret, "missing_secret", -32001),
        (K::SecretReadFailed, "secret_read_failed", -32002),
        (K::Remote, "remote", -32003),
        (K::PreconditionFailed, "precondition_failed", -32004),
        (K::DbUnreachable, "db_unreachable", -32005),
        (K::SchemaError, "schema_error", -32006),
        (K::LockContention, "lock_contention", -32007),
        (K::GitError, "git_error", -32008),
        (K::IrreversibleRollback, "irreversible_rollback", -32009),
        (K::InternalError, "internal_error", -32010),
    ];
    assert_eq!(K::ALL, kinds.map(|(kind, ..)| kind));
    for (kind, wire, code) in kinds {
        assert_eq!(kind.as_str(), wire);
        assert_eq!(kind.to_string(), wire);
        assert_eq!(wire.parse(), Ok(kind));
        assert_eq!(kind.code(), code, "{kind}");
        assert_eq!(K::from_code(code), Some(kind));
        assert_eq!(kind.is_retriable(), kind == K::LockContention, "{kind}");
        assert_eq!(AdapterError::new(kind, "").code(), code, "{kind}");
        assert_eq!(
            AdapterError::new(kind, "why").to_string(),
            format!("[{wire}] why")
        );
    }
    insta::assert_snapshot!(wire_eq(&kinds.map(|(kind, wire, _)| (wire, kind))));
    assert!(serde_json::from_str::<K>(r#""new_kind""#).is_err());
    for unknown in ["new_kind", "Execution", " execution", ""] {
        let error = unknown.parse::<K>().unwrap_err();
        assert_eq!(error.name, unknown);
    }
    assert_eq!(K::from_code(0), None);
}

#[test]
fn errors() {
    insta::assert_snapshot!(wire_eq(&[
        ("no option", error()),
        ("adapter", error().with_adapter("confiture")),
        (
            "operation",
            AdapterError {
                operation: Some("up".into()),
                ..error()
            }
        ),
        (
            "stderr",
            AdapterError {
                stderr: Some("line\n".into()),
                ..error()
            }
        ),
        ("every option", full_error()),
        ("remote", AdapterError::remote(42, "disk full")),
        (
            "method_not_supported",
            AdapterError::method_not_supported("preflight")
        ),
        (
            "missing_secret",
            AdapterError::missing_secret("DATABASE_URL")
        ),
        (
            "secret_read_failed",
            AdapterError::secret_read_failed(
                "DATABASE_URL",
                "SHOP_DSN",
                &std::env::VarError::NotPresent,
            ),
        ),
    ]));
    assert_eq!(required_keys(&full_error()), ["code", "kind", "message"]);
}

#[test]
fn an_unknown_kind_is_remote_with_its_number() {
    let read = |kind: &str| {
        let json = format!(r#"{{"kind":{kind},"code":-32042,"message":"why","operation":"up"}}"#);
        serde_json::from_str::<AdapterError>(&json)
    };
    for unknown in [r#""new_kind""#, r#""Execution""#, r#""""#] {
        let expected = AdapterError {
            operation: Some("up".into()),
            ..AdapterError::remote(-32042, "why")
        };
        assert_eq!(read(unknown).expect(unknown), expected);
    }
    assert_eq!(
        read(r#""git_error""#).unwrap().kind,
        AdapterErrorKind::GitError
    );
    for no_name in ["null", "3", "{}", r#"["git_error"]"#] {
        assert!(read(no_name).is_err(), "{no_name}");
    }
}

#[test]
fn contexts() {
    let with = |set: fn(&mut AdapterCtx)| {
        let mut ctx = ctx();
        set(&mut ctx);
        ctx
    };
    insta::assert_snapshot!(wire(&[
        ("no option", ctx()),
        ("host", with(|ctx| ctx.host = full_ctx().host)),
        (
            "migrations_path",
            with(|ctx| ctx.migrations_path = full_ctx().migrations_path)
        ),
        (
            "previous_revision",
            with(|ctx| ctx.previous_revision = full_ctx().previous_revision)
        ),
        (
            "artifact_ref",
            with(|ctx| ctx.artifact_ref = full_ctx().artifact_ref)
        ),
        ("every option", full_ctx()),
    ]));
    assert_eq!(
        required_keys(&full_ctx()),
        ["environment", "fraise", "workdir"]
    );
}

#[test]
fn resolved_secrets_are_never_serialised() {
    let written = serde_json::to_string(&full_ctx()).unwrap();
    assert!(
        !written.contains("resolved_secrets") && !written.contains("hunter2"),
        "{written}"
    );

    let mut foreign = serde_json::to_value(ctx()).unwrap();
    foreign["resolved_secrets"] = json!({"DATABASE_URL": "hunter2"});
    let read: AdapterCtx = serde_json::from_value(foreign).unwrap();
    assert!(read.resolved_secrets.is_empty());
    let asked = read.secret("DATABASE_URL").unwrap_err();
    assert_eq!(asked.kind, AdapterErrorKind::MissingSecret);
}

#[test]
fn names() {
    insta::assert_snapshot!("revisions", wire_eq(&[("revision", Revision::new("003"))]));
    insta::assert_snapshot!("hosts", wire_eq(&[("host", HostId::new("db-1"))]));
    let artifact = |checksum| ArtifactRef {
        id: "shop-7".into(),
        checksum,
    };
    insta::assert_snapshot!(
        "artifacts",
        wire_eq(&[
            ("no option", artifact(None)),
            ("checksum", artifact(Some("sha256:00".into()))),
        ])
    );
    assert_eq!(required_keys(&artifact(Some("sha256:00".into()))), ["id"]);
}

#[test]
fn outcomes() {
    let full = MigrationOutcome {
        from: Some(Revision::new("001")),
        to: Some(Revision::new("003")),
        applied: vec![Revision::new("002"), Revision::new("003")],
        log: "two migrations\n".into(),
    };
    insta::assert_snapshot!(wire_eq(&[
        ("default", MigrationOutcome::default()),
        (
            "from",
            MigrationOutcome {
                from: full.from.clone(),
                ..Default::default()
            }
        ),
        (
            "to",
            MigrationOutcome {
                to: full.to.clone(),
                ..Default::default()
            }
        ),
        ("every option", full.clone()),
    ]));
    assert_eq!(required_keys(&full), ["applied", "log"]);
}

#[test]
fn verify_reports() {
    let check = VerifyCheck {
        name: "003".into(),
        ok: true,
        detail: None,
    };
    let detailed = VerifyCheck {
        ok: false,
        detail: Some("0 rows".into()),
        ..check.clone()
    };
    insta::assert_snapshot!(
        "verify_checks",
        wire_eq(&[("no option", check.clone()), ("detail", detailed.clone())])
    );
    assert_eq!(required_keys(&detailed), ["name", "ok"]);

    let full = VerifyReport::new(false)
        .with_checks(vec![check, detailed])
        .with_skipped(true);
    insta::assert_snapshot!(
        "verify_reports",
        wire_eq(&[
            ("default", VerifyReport::default()),
            ("ok", VerifyReport::new(true)),
            ("skipped", VerifyReport::new(false).with_skipped(true)),
            ("checks and skipped", full.clone()),
        ])
    );
    assert_eq!(required_keys(&full), ["checks", "ok"]);
    let read: VerifyReport = serde_json::from_str(r#"{"ok":true,"checks":[]}"#).unwrap();
    assert!(!read.was_skipped);
}

#[test]
fn preflight_reports() {
    insta::assert_snapshot!(
        "severities",
        wire_eq(&[
            ("error", Severity::Error),
            ("warning", Severity::Warning),
            ("info", Severity::Info),
        ])
    );
    assert!(serde_json::from_str::<Severity>(r#""fatal""#).is_err());

    let placed = PreflightIssue {
        migration: Some("002".into()),
        ..issue()
    };
    insta::assert_snapshot!(
        "preflight_issues",
        wire_eq(&[("no option", issue()), ("migration", placed.clone())])
    );
    assert_eq!(required_keys(&placed), ["code", "message", "severity"]);

    let full = PreflightReport::new(true)
        .with_issues(vec![issue(), placed])
        .with_window_safe(true)
        .with_change_set(ChangeSet::new(vec![full_change()]));
    insta::assert_snapshot!(
        "preflight_reports",
        wire_eq(&[
            ("default", PreflightReport::default()),
            ("ok", PreflightReport::new(true)),
            (
                "window_safe",
                PreflightReport::new(true).with_window_safe(true)
            ),
            (
                "not window_safe",
                PreflightReport::new(true).with_window_safe(false)
            ),
            (
                "empty change_set",
                PreflightReport::new(true).with_change_set(ChangeSet::default())
            ),
            ("every option", full.clone()),
        ])
    );
    assert_eq!(required_keys(&full), ["issues", "ok"]);
}

#[test]
fn a_null_field_is_an_absent_field() {
    let read: PreflightReport =
        serde_json::from_str(r#"{"ok":true,"issues":[],"window_safe":null,"change_set":null}"#)
            .unwrap();
    assert_eq!(read, PreflightReport::new(true));
    for retyped in [
        r#"{"ok":null,"issues":[]}"#,
        r#"{"ok":"true","issues":[]}"#,
        r#"{"ok":true,"issues":null}"#,
        r#"{"ok":true,"issues":[],"window_safe":"true"}"#,
        r#"{"ok":true,"issues":[],"window_safe":1}"#,
        r#"{"ok":true,"ok":false,"issues":[]}"#,
    ] {
        assert!(
            serde_json::from_str::<PreflightReport>(retyped).is_err(),
            "{retyped}"
        );
    }
}

#[test]
fn an_unreadable_change_set_is_none() {
    for change_set in [
        "null",
        "true",
        "7",
        r#""1""#,
        "[]",
        "[1,[]]",
        "{}",
        r#"{"changes":[]}"#,
        r#"{"contract_version":0}"#,
        r#"{"contract_version":0,"changes":[]}"#,
        r#"{"contract_version":-1}"#,
        r#"{"contract_version":1.5}"#,
        r#"{"contract_version":4294967296}"#,
        r#"{"contract_version":"1"}"#,
        r#"{"contract_version":null}"#,
        r#"{"contract_version":1,"changes":null}"#,
        r#"{"contract_version":1,"changes":{}}"#,
        r#"{"contract_version":1,"changes":[null]}"#,
        r#"{"contract_version":1,"changes":[{"object":"t"}]}"#,
        r#"{"contract_version":1,"changes":[{"kind":"drop_table"}]}"#,
        r#"{"contract_version":1,"changes":[["drop_table","t",null,"additive",null]]}"#,
        r#"{"contract_version":2,"contract_version":1}"#,
        r#"{"contract_version":1,"changes":[{"kind":"drop_table","object":"t"}],"changes":[]}"#,
        r#"{"contract_version":1,"changes":[{"kind":"k","object":"o","tier":"irreversible","tier":"additive"}]}"#,
        r#"{"contract_version":1,"changes":[{"kind":"k","object":"o","x":[{"y":1,"y":1}]}]}"#,
        r#"{"contract_version":1,"changes":[],"x":{"y":1,"\u0079":2}}"#,
    ] {
        let json =
            format!(r#"{{"ok":false,"change_set":{change_set},"issues":[],"window_safe":true}}"#);
        let read: PreflightReport = serde_json::from_str(&json).expect(&json);
        assert_eq!(
            read,
            PreflightReport::new(false).with_window_safe(true),
            "{json}"
        );
        assert_eq!(
            read.usable_change_set(),
            Err(ChangeSetUnavailable::NotEmitted),
            "{json}"
        );
    }
}

#[test]
fn a_change_set_that_is_nested_too_deeply_is_none() {
    for depth in [70, 1_000, 100_000] {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        let json = format!(
            r#"{{"ok":true,"issues":[],"change_set":{{"contract_version":1,"x":{open}{close}}}}}"#
        );
        let read: PreflightReport = serde_json::from_str(&json).expect("a report");
        assert_eq!(read, PreflightReport::new(true), "{depth}");
    }
}

#[test]
fn a_json_value_does_not_preserve_duplicate_keys() {
    let text = r#"{"ok":true,"issues":[],"change_set":{"contract_version":1,"changes":[{"kind":"k","object":"o"}],"changes":[]}}"#;
    let from_text: PreflightReport = serde_json::from_str(text).unwrap();
    assert_eq!(from_text.change_set, None);

    let value: Value = serde_json::from_str(text).unwrap();
    let from_value: PreflightReport = serde_json::from_value(value).unwrap();
    assert_eq!(from_value.change_set, Some(ChangeSet::default()));
}

#[test]
fn a_newer_readable_change_set_is_kept() {
    let read = |change_set: &str| -> PreflightReport {
        let json = format!(r#"{{"ok":true,"issues":[],"change_set":{change_set}}}"#);
        serde_json::from_str(&json).expect(&json)
    };
    let understood = read(r#"{"contract_version":1,"mood":"good"}"#);
    assert_eq!(understood.usable_change_set(), Ok(&ChangeSet::default()));

    let newer = read(r#"{"contract_version":2,"changes":[{"kind":"k","object":"o"}]}"#);
    assert_eq!(
        newer.change_set.as_ref().unwrap().changes,
        [SchemaChange::new("k", "o")]
    );
    let unavailable = newer.usable_change_set().unwrap_err();
    assert_eq!(
        unavailable,
        ChangeSetUnavailable::VersionTooNew {
            found: 2,
            understood: 1
        }
    );
    let message = unavailable.to_string();
    for part in [
        "version 2 of the risk contract",
        "version 1",
        "upgrade the engine",
        "pin the adapter",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_change_set_without_a_version_is_not_usable() {
    let made =
        PreflightReport::new(true).with_change_set(ChangeSet::default().with_contract_version(0));
    assert_eq!(
        made.usable_change_set(),
        Err(ChangeSetUnavailable::NotEmitted)
    );
    let sent = serde_json::to_string(&made).unwrap();
    let received: PreflightReport = serde_json::from_str(&sent).unwrap();
    assert_eq!(received.change_set, None);
}

#[test]
fn risk_tiers() {
    let tiers = [
        ("additive", RiskTier::Additive),
        ("reversible", RiskTier::Reversible),
        ("lock_risky", RiskTier::LockRisky),
        ("destructive", RiskTier::Destructive),
        ("irreversible", RiskTier::Irreversible),
    ];
    insta::assert_snapshot!(wire_eq(&tiers));
    assert_eq!(RiskTier::ALL, tiers.map(|(_, tier)| tier));
    assert!(RiskTier::ALL.is_sorted_by(|a, b| a < b));
    for (name, tier) in tiers {
        assert_eq!(tier.as_str(), name);
        assert_eq!(tier.to_string(), name);
        assert_eq!(name.parse(), Ok(tier));
    }
    for unknown in ["", "Additive", " additive", "harmless"] {
        let error = unknown.parse::<RiskTier>().unwrap_err();
        assert_eq!(error.name, unknown);
        for (name, _) in tiers {
            assert!(error.to_string().contains(name), "{error}");
        }
        assert!(serde_json::from_value::<RiskTier>(json!(unknown)).is_err());
    }
}

#[test]
fn schema_changes() {
    let change = || SchemaChange::new("drop_column", "shop.orders.note");
    insta::assert_snapshot!(wire_eq(&[
        ("default", SchemaChange::default()),
        ("no option", change()),
        ("migration", change().with_migration("004")),
        ("tier", change().with_tier(RiskTier::LockRisky)),
        ("detail", change().with_detail("a text column")),
        ("every option", full_change()),
    ]));
    assert_eq!(required_keys(&full_change()), ["kind", "object"]);

    for tier in [
        "null",
        r#""harmless""#,
        r#""Additive""#,
        "3",
        "true",
        "[]",
        r#"{"additive":null}"#,
    ] {
        let json = format!(r#"{{"kind":"drop_column","object":"shop.orders.note","tier":{tier}}}"#);
        assert_eq!(
            serde_json::from_str::<SchemaChange>(&json).expect(&json),
            change()
        );
    }
}

#[test]
fn change_sets() {
    insta::assert_snapshot!(wire_eq(&[
        ("default", ChangeSet::default()),
        ("newer", ChangeSet::default().with_contract_version(7)),
        (
            "changes",
            ChangeSet::new(vec![full_change(), SchemaChange::new("do_block", "005")])
        ),
    ]));
    assert_eq!(
        required_keys(&ChangeSet::new(vec![full_change()])),
        ["contract_version"]
    );
    assert!(serde_json::from_str::<ChangeSet>(r#"{"contract_version":0}"#).is_err());
}

#[test]
fn the_worst_tier_ignores_unclassified_changes() {
    let set = ChangeSet::new(vec![
        SchemaChange::new("do_block", "a"),
        SchemaChange::new("k", "b").with_tier(RiskTier::LockRisky),
        SchemaChange::new("k", "c").with_tier(RiskTier::Additive),
        SchemaChange::new("do_block", "d"),
    ]);
    assert_eq!(set.worst_tier(), Some(RiskTier::LockRisky));
    let unclassified: Vec<_> = set
        .unclassified()
        .map(|change| change.object.as_str())
        .collect();
    assert_eq!(unclassified, ["a", "d"]);
    assert_eq!(ChangeSet::default().worst_tier(), None);
}

#[test]
fn descriptions_and_numbers() {
    let described = AdapterDescription {
        name: "confiture".into(),
        version: "1.29.0".into(),
        protocol_version: PROTOCOL_VERSION,
        capabilities: [
            capability::CURRENT_REVISION,
            capability::UP,
            capability::DOWN_TO,
            capability::VERIFY,
            capability::PREFLIGHT,
            capability::POST_MIGRATE,
            capability::WINDOW_SAFE,
            capability::RISK_TIER,
            capability::DEEP_CLASSIFICATION,
            capability::PENDING_SCOPE,
        ]
        .map(String::from)
        .to_vec(),
    };
    insta::assert_snapshot!(wire_eq(&[
        ("every capability", described.clone()),
        (
            "none",
            AdapterDescription {
                capabilities: Vec::new(),
                ..described.clone()
            }
        ),
    ]));
    assert_eq!(
        required_keys(&described),
        ["capabilities", "name", "protocol_version", "version"]
    );
    assert_eq!((PROTOCOL_VERSION, RISK_CONTRACT_VERSION), (1, 1));
}

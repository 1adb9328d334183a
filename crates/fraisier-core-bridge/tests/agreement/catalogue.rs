//! Values of every type that the two sides share.

use std::collections::BTreeMap;

use fraisier_adapter_api as api;
use fraisier_core::adapter_axes as engine;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// A type of the contract, as both sides have it.
pub(crate) struct Shared {
    pub(crate) name: &'static str,
    /// Values, as our side writes them.
    pub(crate) documents: Vec<String>,
    /// The same values as the engine writes them behind the bridge; empty where the bridge does
    /// not convert this type by itself.
    pub(crate) bridged: Vec<String>,
    /// The documents that are worth damaging.
    pub(crate) samples: Vec<String>,
    /// Reads a document with our type, and writes it again.
    pub(crate) ours: fn(&str) -> Result<String, String>,
    /// Reads a document with the engine's type, and writes it again.
    pub(crate) theirs: fn(&str) -> Result<String, String>,
}

fn reread<T: Serialize + DeserializeOwned>(document: &str) -> Result<String, String> {
    let read: T = serde_json::from_str(document).map_err(|error| error.to_string())?;
    Ok(written(&read))
}

fn written<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("every value can be written")
}

fn shared<Ours, Theirs>(name: &'static str, values: &[Ours]) -> Shared
where
    Ours: Serialize + DeserializeOwned,
    Theirs: Serialize + DeserializeOwned,
{
    let documents: Vec<String> = values.iter().map(written).collect();
    // A long one and the shortest: every field is in the one, every absence in the other.
    let longest = documents
        .iter()
        .filter(|it| it.len() < 1000)
        .max_by_key(|it| it.len());
    let shortest = documents.iter().min_by_key(|it| it.len());
    Shared {
        name,
        samples: longest.into_iter().chain(shortest).cloned().collect(),
        documents,
        bridged: Vec::new(),
        ours: reread::<Ours>,
        theirs: reread::<Theirs>,
    }
}

/// [`shared`], for what the bridge converts on the way out.
fn answered<Ours, Theirs>(
    name: &'static str,
    values: &[Ours],
    bridge: impl Fn(Ours) -> Theirs,
) -> Shared
where
    Ours: Serialize + DeserializeOwned + Clone,
    Theirs: Serialize + DeserializeOwned,
{
    Shared {
        bridged: values
            .iter()
            .cloned()
            .map(|it| written(&bridge(it)))
            .collect(),
        ..shared::<Ours, Theirs>(name, values)
    }
}

/// Every type of the contract.
pub(crate) fn shared_types() -> Vec<Shared> {
    let mut ctx = shared::<api::AdapterCtx, engine::AdapterCtx>("AdapterCtx", &contexts());
    ctx.bridged = ctx
        .documents
        .iter()
        .map(|document| {
            let theirs: engine::AdapterCtx = serde_json::from_str(document).expect("a context");
            written(&fraisier_core_bridge::context(&theirs))
        })
        .collect();
    let names = || texts().into_iter();
    vec![
        ctx,
        shared::<api::Revision, engine::Revision>(
            "Revision",
            &names().map(api::Revision).collect::<Vec<_>>(),
        ),
        shared::<api::HostId, engine::HostId>(
            "HostId",
            &names().map(api::HostId).collect::<Vec<_>>(),
        ),
        shared::<api::ArtifactRef, engine::ArtifactRef>("ArtifactRef", &artifacts()),
        shared::<api::AdapterErrorKind, engine::AdapterErrorKind>("AdapterErrorKind", KINDS),
        answered("AdapterError", &errors(), fraisier_core_bridge::error),
        answered(
            "AdapterDescription",
            &descriptions(),
            fraisier_core_bridge::description,
        ),
        answered(
            "MigrationOutcome",
            &outcomes(),
            fraisier_core_bridge::outcome,
        ),
        shared::<api::VerifyCheck, engine::VerifyCheck>("VerifyCheck", &checks()),
        answered(
            "VerifyReport",
            &verify_reports(),
            fraisier_core_bridge::verify,
        ),
        shared::<api::Severity, engine::Severity>("Severity", SEVERITIES),
        shared::<api::PreflightIssue, engine::PreflightIssue>("PreflightIssue", &issues()),
        shared::<api::RiskTier, engine::RiskTier>("RiskTier", api::RiskTier::ALL),
        shared::<api::SchemaChange, engine::SchemaChange>("SchemaChange", &changes()),
        shared::<api::ChangeSet, engine::ChangeSet>("ChangeSet", &change_sets()),
        answered(
            "PreflightReport",
            &preflight_reports(),
            fraisier_core_bridge::preflight,
        ),
    ]
}

/// Every kind of the frozen contract.
pub(crate) const KINDS: &[api::AdapterErrorKind] = &[
    api::AdapterErrorKind::MethodNotSupported,
    api::AdapterErrorKind::InvalidConfig,
    api::AdapterErrorKind::Protocol,
    api::AdapterErrorKind::Execution,
    api::AdapterErrorKind::MissingSecret,
    api::AdapterErrorKind::SecretReadFailed,
    api::AdapterErrorKind::Remote,
    api::AdapterErrorKind::PreconditionFailed,
    api::AdapterErrorKind::DbUnreachable,
    api::AdapterErrorKind::SchemaError,
    api::AdapterErrorKind::LockContention,
    api::AdapterErrorKind::GitError,
    api::AdapterErrorKind::IrreversibleRollback,
    api::AdapterErrorKind::InternalError,
];

const SEVERITIES: &[api::Severity] = &[
    api::Severity::Error,
    api::Severity::Warning,
    api::Severity::Info,
];

fn texts() -> Vec<String> {
    [
        "",
        "20260119083000",
        " with space ",
        "a \"quote\", a \\ and\na line",
        "\u{0}\u{7f}\u{2028}",
        "Grüße, 🦀",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn revisions() -> Vec<Option<api::Revision>> {
    vec![
        None,
        Some(api::Revision::new("001")),
        Some(api::Revision::new("")),
    ]
}

fn optional(text: &str) -> [Option<String>; 2] {
    [None, Some(text.to_owned())]
}

fn artifacts() -> Vec<api::ArtifactRef> {
    let with = |id: String| {
        optional("sha256:00ff").map(|checksum| api::ArtifactRef {
            id: id.clone(),
            checksum,
        })
    };
    texts().into_iter().flat_map(with).collect()
}

fn contexts() -> Vec<api::AdapterCtx> {
    let mut result = Vec::new();
    for bits in 0..64 {
        let on = |bit: u32| bits >> bit & 1 == 1;
        let mut ctx = api::AdapterCtx::new("shop", "production");
        ctx.host = on(0).then(|| api::HostId::new("web-1"));
        ctx.migrations_path = on(1).then(|| "db/migrations".into());
        ctx.previous_revision = on(2).then(|| api::Revision::new("001"));
        ctx.artifact_ref = on(3).then(|| api::ArtifactRef {
            id: "v2".to_owned(),
            checksum: on(4).then(|| "sha256:00ff".to_owned()),
        });
        if on(4) {
            ctx.env_secrets = BTreeMap::from([
                ("DATABASE_URL".to_owned(), "SHOP_DATABASE_URL".to_owned()),
                ("TOKEN".to_owned(), String::new()),
            ]);
        }
        if on(5) {
            ctx.workdir = "/srv/shop".into();
            ctx.settings = BTreeMap::from([
                ("lock_timeout_ms".to_owned(), json!(5000)),
                (
                    "numbers".to_owned(),
                    json!([u64::MAX, i64::MIN, -0.5, 1e300]),
                ),
                (
                    "deep".to_owned(),
                    json!({"list": [null, true, {"key": "value"}]}),
                ),
            ]);
        }
        result.push(ctx);
    }
    for text in texts() {
        let mut ctx = api::AdapterCtx::new(text.clone(), text.clone());
        ctx.workdir = text.clone().into();
        result.push(ctx);
    }
    result
}

fn errors() -> Vec<api::AdapterError> {
    let mut result: Vec<_> = KINDS
        .iter()
        .map(|kind| api::AdapterError::new(*kind, "003 failed"))
        .collect();
    for code in [i32::MIN, -32700, 0, 7, i32::MAX] {
        result.push(api::AdapterError::remote(code, "no"));
    }
    for message in texts() {
        for adapter in optional("confiture") {
            for operation in optional("up") {
                for stderr in optional("Traceback:\n  …") {
                    let error = api::AdapterError::new(api::AdapterErrorKind::Execution, &message);
                    result.push(api::AdapterError {
                        adapter: adapter.clone(),
                        operation: operation.clone(),
                        stderr,
                        ..error
                    });
                }
            }
        }
    }
    result
}

fn descriptions() -> Vec<api::AdapterDescription> {
    let lists: [&[&str]; 3] = [&[], &["up"], &["up", "preflight", "risk_tier", "", "🦀"]];
    let mut result = Vec::new();
    for text in texts() {
        for (protocol_version, capabilities) in (0..).zip(lists) {
            result.push(api::AdapterDescription {
                name: text.clone(),
                version: text.clone(),
                protocol_version,
                capabilities: capabilities.iter().map(|it| (*it).to_owned()).collect(),
            });
        }
    }
    result[0].protocol_version = u32::MAX;
    result
}

fn outcomes() -> Vec<api::MigrationOutcome> {
    let mut result = Vec::new();
    for from in revisions() {
        for to in revisions() {
            for (applied, log) in [(0, ""), (1, "applied 001"), (3, "line\nline")] {
                result.push(api::MigrationOutcome {
                    from: from.clone(),
                    to: to.clone(),
                    applied: (0..applied)
                        .map(|it| api::Revision(it.to_string()))
                        .collect(),
                    log: log.to_owned(),
                });
            }
        }
    }
    result
}

fn checks() -> Vec<api::VerifyCheck> {
    let mut result = Vec::new();
    for name in texts() {
        for ok in [true, false] {
            for detail in optional("1 row") {
                let name = name.clone();
                result.push(api::VerifyCheck { name, ok, detail });
            }
        }
    }
    result
}

fn verify_reports() -> Vec<api::VerifyReport> {
    let mut result = Vec::new();
    for ok in [true, false] {
        for skipped in [true, false] {
            for count in [0, 1, 2, checks().len()] {
                let checks = checks().into_iter().take(count).collect();
                result.push(
                    api::VerifyReport::new(ok)
                        .with_checks(checks)
                        .with_skipped(skipped),
                );
            }
        }
    }
    result
}

fn issues() -> Vec<api::PreflightIssue> {
    let mut result = Vec::new();
    for severity in SEVERITIES {
        for text in texts() {
            for migration in optional("002") {
                result.push(api::PreflightIssue {
                    severity: *severity,
                    code: text.clone(),
                    message: text.clone(),
                    migration,
                });
            }
        }
    }
    result
}

fn changes() -> Vec<api::SchemaChange> {
    let tiers = api::RiskTier::ALL.iter().copied().map(Some);
    let mut result = Vec::new();
    for tier in tiers.chain([None]) {
        for migration in optional("002") {
            for detail in optional("DROP TABLE \"old\"") {
                let mut change = api::SchemaChange::new("drop_table", "public.old");
                change.migration.clone_from(&migration);
                change.tier = tier;
                change.detail = detail;
                result.push(change);
            }
        }
    }
    result.extend(
        texts()
            .into_iter()
            .map(|it| api::SchemaChange::new(it.clone(), it)),
    );
    result
}

fn change_sets() -> Vec<api::ChangeSet> {
    let mut result = Vec::new();
    for version in [1, 2, u32::MAX] {
        for count in [0, 1, 2, changes().len()] {
            let changes = changes().into_iter().rev().take(count).collect();
            result.push(api::ChangeSet::new(changes).with_contract_version(version));
        }
    }
    result
}

fn preflight_reports() -> Vec<api::PreflightReport> {
    let mut result = Vec::new();
    let sets = || change_sets().into_iter().map(Some).chain([None]);
    for ok in [true, false] {
        for window_safe in [None, Some(true), Some(false)] {
            for count in [0, 2] {
                for change_set in sets() {
                    let issues = issues().into_iter().take(count).collect();
                    let mut report = api::PreflightReport::new(ok).with_issues(issues);
                    report.window_safe = window_safe;
                    report.change_set = change_set;
                    result.push(report);
                }
            }
        }
    }
    result
}

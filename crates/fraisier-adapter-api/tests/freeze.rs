//! What the compiler holds the contract to, and what the defaults of the trait do.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use fraisier_adapter_api::{
    AdapterCtx, AdapterDescription, AdapterError, AdapterErrorKind, ArtifactRef, ChangeSet,
    ChangeSetUnavailable, HostId, MigrationAdapter, MigrationOutcome, PreflightIssue,
    PreflightReport, Revision, RiskTier, SchemaChange, Severity, UnknownErrorKind, UnknownRiskTier,
    VerifyCheck, VerifyReport, async_trait,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Implements what has no default, and so breaks when a default is taken away.
struct Minimal;

#[async_trait]
impl MigrationAdapter for Minimal {
    async fn describe(&self) -> Result<AdapterDescription, AdapterError> {
        Err(AdapterError::method_not_supported("describe"))
    }

    async fn current_revision(&self, _: &AdapterCtx) -> Result<Option<Revision>, AdapterError> {
        Ok(None)
    }

    async fn up(
        &self,
        _: &AdapterCtx,
        target: Option<Revision>,
    ) -> Result<MigrationOutcome, AdapterError> {
        Ok(MigrationOutcome {
            to: target,
            ..MigrationOutcome::default()
        })
    }

    async fn down_to(
        &self,
        _: &AdapterCtx,
        target: Revision,
    ) -> Result<MigrationOutcome, AdapterError> {
        Ok(MigrationOutcome {
            to: Some(target),
            ..MigrationOutcome::default()
        })
    }

    async fn verify(&self, _: &AdapterCtx) -> Result<VerifyReport, AdapterError> {
        Ok(VerifyReport::default())
    }
}

fn dynamic() -> Arc<dyn MigrationAdapter> {
    Arc::new(Minimal)
}

const _: () = {
    const fn value<T: Send + Sync + Unpin + Clone + 'static>() {}
    const fn wire<T: Serialize + DeserializeOwned>() {}
    const fn plain<T: Debug + Eq>() {}
    const fn small<T: Copy + Hash>() {}
    const fn ordered<T: Ord>() {}
    const fn default<T: Default>() {}
    const fn error<T: Error>() {}
    const fn text<T: Display>() {}
    const fn shared<T: Send + Sync + ?Sized>() {}
    const fn name<T: for<'a> From<&'a str> + From<String> + AsRef<str> + Into<String>>() {}
    const fn from_str<T: FromStr<Err = E>, E: Error>() {}
    const fn code(error: &AdapterError) -> i32 {
        error.code()
    }

    macro_rules! each {
        ($($check:ident: $($type:ty),+;)+) => { $($($check::<$type>();)+)+ };
    }
    each! {
        value: AdapterCtx, AdapterDescription, AdapterError, AdapterErrorKind, ArtifactRef,
            ChangeSet, ChangeSetUnavailable, HostId, MigrationOutcome, PreflightIssue,
            PreflightReport, Revision, RiskTier, SchemaChange, Severity, UnknownErrorKind,
            UnknownRiskTier, VerifyCheck, VerifyReport;
        wire: AdapterCtx, AdapterDescription, AdapterError, AdapterErrorKind, ArtifactRef,
            ChangeSet, HostId, MigrationOutcome, PreflightIssue, PreflightReport, Revision,
            RiskTier, SchemaChange, Severity, VerifyCheck, VerifyReport;
        plain: AdapterDescription, AdapterError, AdapterErrorKind, ArtifactRef, ChangeSet,
            ChangeSetUnavailable, HostId, MigrationOutcome, PreflightIssue, PreflightReport,
            Revision, RiskTier, SchemaChange, Severity, UnknownErrorKind, UnknownRiskTier,
            VerifyCheck, VerifyReport;
        small: AdapterErrorKind, RiskTier, Severity;
        ordered: HostId, RiskTier;
        default: ChangeSet, MigrationOutcome, PreflightReport, SchemaChange, VerifyReport;
        error: AdapterError, ChangeSetUnavailable, UnknownErrorKind, UnknownRiskTier;
        text: AdapterErrorKind, HostId, Revision, RiskTier;
        name: HostId, Revision;
        shared: dyn MigrationAdapter, Arc<dyn MigrationAdapter>;
    }
    from_str::<RiskTier, UnknownRiskTier>();
    from_str::<AdapterErrorKind, UnknownErrorKind>();
    assert!(AdapterErrorKind::Execution.code() == -32000);
    let _ = code;
};

#[test]
fn futures_can_be_sent_to_another_thread() {
    fn sendable<F: Future + Send>(_: F) {}
    let adapter = dynamic();
    let ctx = AdapterCtx::new("shop", "test");
    sendable(adapter.describe());
    sendable(adapter.current_revision(&ctx));
    sendable(adapter.up(&ctx, None));
    sendable(adapter.down_to(&ctx, Revision::new("001")));
    sendable(adapter.verify(&ctx));
    sendable(adapter.preflight(&ctx));
    sendable(adapter.post_migrate(&ctx));
}

#[test]
fn a_call_can_be_spawned() {
    fn spawnable<F: Future + Send + 'static>(_: F) {}
    let adapter = dynamic();
    let ctx = AdapterCtx::new("shop", "test");
    spawnable(async move { adapter.up(&ctx, None).await });
}

#[tokio::test]
async fn by_default_preflight_is_not_supported() {
    let ctx = AdapterCtx::new("shop", "test");
    let error = dynamic().preflight(&ctx).await.unwrap_err();
    assert_eq!(error, AdapterError::method_not_supported("preflight"));
    assert_eq!(error.kind, AdapterErrorKind::MethodNotSupported);
    assert_eq!(error.code, -32601);
    assert_eq!(error.operation.as_deref(), Some("preflight"));
}

#[tokio::test]
async fn default_methods_return_the_documented_values() {
    let adapter = dynamic();
    let ctx = AdapterCtx::new("shop", "test");
    assert_eq!(adapter.post_migrate(&ctx).await, Ok(()));
    assert!(adapter.owns_database());
}

/// The structs that existing adapters build as literals stay exhaustive.
#[test]
fn exhaustive_structs_are_built_as_literals_and_by_constructors() {
    assert_eq!(
        AdapterDescription::new("example", "1.0").with_capabilities(["up"]),
        AdapterDescription {
            name: "example".into(),
            version: "1.0".into(),
            protocol_version: 1,
            capabilities: vec!["up".into()],
        }
    );
    assert_eq!(
        ArtifactRef::new("shop-7").with_checksum("sha256:00"),
        ArtifactRef {
            id: "shop-7".into(),
            checksum: Some("sha256:00".into()),
        }
    );
    assert_eq!(
        MigrationOutcome::new(None, Some("002".into()))
            .with_applied(["001", "002"])
            .with_log("done"),
        MigrationOutcome {
            from: None,
            to: Some(Revision::new("002")),
            applied: vec![Revision::new("001"), Revision::new("002")],
            log: "done".into(),
        }
    );
    assert_eq!(
        PreflightIssue::new(Severity::Error, "DUPLICATE", "twice").with_migration("002"),
        PreflightIssue {
            severity: Severity::Error,
            code: "DUPLICATE".into(),
            message: "twice".into(),
            migration: Some("002".into()),
        }
    );
    assert_eq!(
        VerifyCheck::new("001", false).with_detail("0 rows"),
        VerifyCheck {
            name: "001".into(),
            ok: false,
            detail: Some("0 rows".into()),
        }
    );
}

#[test]
fn supports_compares_the_whole_name() {
    let described = AdapterDescription::new("example", "1.0").with_capabilities(["window_safe"]);
    assert!(described.supports("window_safe"));
    for other in ["window", "WINDOW_SAFE", "", "up"] {
        assert!(!described.supports(other), "{other:?}");
    }
}

#[test]
fn a_name_is_preserved() {
    for revision in [
        Revision::new("003"),
        Revision::from("003"),
        Revision::from("003".to_owned()),
    ] {
        assert_eq!(revision.as_str(), "003");
        assert_eq!(revision.to_string(), "003");
        assert_eq!(revision.as_ref(), "003");
        assert_eq!(String::from(revision), "003");
    }
    for host in [
        HostId::new("db-1"),
        HostId::from("db-1"),
        HostId::from("db-1".to_owned()),
    ] {
        assert_eq!(host.as_str(), "db-1");
        assert_eq!(host.to_string(), "db-1");
        assert_eq!(host.as_ref(), "db-1");
        assert_eq!(String::from(host), "db-1");
    }
}

#[test]
fn a_context_contains_what_it_was_given() {
    let ctx = AdapterCtx::new("shop", "test")
        .with_workdir("/srv/shop")
        .with_migrations_path("sql")
        .with_setting("lock_timeout_ms", 500)
        .with_host("db-1")
        .with_previous_revision("002")
        .with_artifact_ref(ArtifactRef::new("shop-7"));
    assert_eq!(ctx.workdir, Path::new("/srv/shop"));
    assert_eq!(ctx.migrations_path.as_deref(), Some(Path::new("sql")));
    assert_eq!(ctx.settings["lock_timeout_ms"], 500);
    assert_eq!(ctx.host, Some(HostId::new("db-1")));
    assert_eq!(ctx.previous_revision, Some(Revision::new("002")));
    assert_eq!(ctx.artifact_ref, Some(ArtifactRef::new("shop-7")));
}

#[test]
fn default_values_are_never_a_pass() {
    assert!(!VerifyReport::default().ok);
    assert!(!PreflightReport::default().ok);
    assert_eq!(PreflightReport::default().window_safe, None);
    assert_eq!(PreflightReport::default().change_set, None);
    assert_eq!(SchemaChange::default().tier, None);
}

//! The bridge as the engine sees it.

use std::ffi::OsStr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use fraisier_adapter_api as api;
use fraisier_core::adapter_axes as engine;
use fraisier_core::adapter_axes::MigrationAdapter as _;
use fraisier_core_bridge::EngineAdapter;

const fn is_send_and_sync<T: Send + Sync + 'static>() {}
const _: () = is_send_and_sync::<EngineAdapter>();
const _: () = is_send_and_sync::<Arc<dyn engine::MigrationAdapter>>();
const _: fn(EngineAdapter) -> Arc<dyn engine::MigrationAdapter> = |it| Arc::new(it);

/// The futures of the bridge go to other threads.
const _: fn(&EngineAdapter, &engine::AdapterCtx) = |adapter, ctx| {
    fn is_send(_: impl Send) {}
    is_send(adapter.describe());
    is_send(adapter.current_revision(ctx));
    is_send(adapter.up(ctx, None));
    is_send(adapter.down_to(ctx, engine::Revision::new("001")));
    is_send(adapter.verify(ctx));
    is_send(adapter.preflight(ctx));
    is_send(adapter.post_migrate(ctx));
};

/// Notes its calls, and the connection string it would have used.
#[derive(Default)]
struct Recorder {
    calls: Mutex<Vec<String>>,
    owns_database: bool,
}

impl Recorder {
    fn note(&self, call: &str, ctx: &api::AdapterCtx) -> api::AdapterError {
        let dsn = ctx
            .secret("DATABASE_URL")
            .unwrap_or_else(|it| it.to_string());
        self.calls.lock().unwrap().push(format!("{call} on {dsn}"));
        let mut error = api::AdapterError::new(api::AdapterErrorKind::LockContention, call);
        error.stderr = Some("evidence".to_owned());
        error
    }
}

#[async_trait]
impl api::MigrationAdapter for Recorder {
    async fn describe(&self) -> Result<api::AdapterDescription, api::AdapterError> {
        Ok(api::AdapterDescription {
            name: "recorder".to_owned(),
            version: "1".to_owned(),
            protocol_version: api::PROTOCOL_VERSION,
            capabilities: vec!["up".to_owned()],
        })
    }

    async fn current_revision(
        &self,
        ctx: &api::AdapterCtx,
    ) -> Result<Option<api::Revision>, api::AdapterError> {
        Err(self.note("current_revision", ctx))
    }

    async fn up(
        &self,
        ctx: &api::AdapterCtx,
        target: Option<api::Revision>,
    ) -> Result<api::MigrationOutcome, api::AdapterError> {
        Err(self.note(&format!("up to {target:?}"), ctx))
    }

    async fn down_to(
        &self,
        ctx: &api::AdapterCtx,
        target: api::Revision,
    ) -> Result<api::MigrationOutcome, api::AdapterError> {
        Err(self.note(&format!("down_to {target}"), ctx))
    }

    async fn verify(&self, ctx: &api::AdapterCtx) -> Result<api::VerifyReport, api::AdapterError> {
        Err(self.note("verify", ctx))
    }

    async fn preflight(
        &self,
        ctx: &api::AdapterCtx,
    ) -> Result<api::PreflightReport, api::AdapterError> {
        Err(self.note("preflight", ctx))
    }

    async fn post_migrate(&self, ctx: &api::AdapterCtx) -> Result<(), api::AdapterError> {
        Err(self.note("post_migrate", ctx))
    }

    fn owns_database(&self) -> bool {
        self.owns_database
    }
}

/// The engine's context of a rehearsal: the live database by variable, the throwaway one resolved.
fn rehearsal() -> engine::AdapterCtx {
    let mut ctx = engine::AdapterCtx::new("shop", "production");
    ctx.env_secrets
        .insert("DATABASE_URL".to_owned(), "PATH".to_owned());
    ctx.with_resolved_secret("DATABASE_URL", "postgresql://throwaway")
}

#[tokio::test]
async fn every_call_of_a_rehearsal_uses_its_throwaway_database() {
    let recorder = Arc::new(Recorder::default());
    let adapter = EngineAdapter::new(recorder.clone());
    let ctx = rehearsal();

    assert_eq!(adapter.describe().await.unwrap().name, "recorder");
    let target = engine::Revision::new("002");
    let errors = [
        adapter.current_revision(&ctx).await.unwrap_err(),
        adapter.up(&ctx, Some(target.clone())).await.unwrap_err(),
        adapter.down_to(&ctx, target).await.unwrap_err(),
        adapter.verify(&ctx).await.unwrap_err(),
        adapter.preflight(&ctx).await.unwrap_err(),
        adapter.post_migrate(&ctx).await.unwrap_err(),
    ];

    let calls = recorder.calls.lock().unwrap();
    assert_eq!(
        *calls,
        [
            "current_revision on postgresql://throwaway",
            "up to Some(Revision(\"002\")) on postgresql://throwaway",
            "down_to 002 on postgresql://throwaway",
            "verify on postgresql://throwaway",
            "preflight on postgresql://throwaway",
            "post_migrate on postgresql://throwaway",
        ]
    );
    for error in errors {
        assert_eq!(error.kind, engine::AdapterErrorKind::LockContention);
        assert_eq!(error.stderr.as_deref(), Some("evidence"));
    }
}

#[test]
fn owns_database_is_forwarded_to_the_engine() {
    let owns = |owns_database| {
        let recorder = Recorder {
            owns_database,
            ..Recorder::default()
        };
        EngineAdapter::new(Arc::new(recorder)).owns_database()
    };
    assert_eq!([true, false].map(owns), [true, false]);
}

#[test]
fn what_the_engine_withholds_is_listed() {
    const NAME: &str = "SHOP_ADMIN_URL_OF_THE_BRIDGE_TEST";
    let is_listed = || fraisier_core_bridge::withheld_variables().contains(OsStr::new(NAME));
    assert!(!is_listed());
    fraisier_core::child_env::withhold(NAME);
    assert!(is_listed());
}

#[test]
fn no_value_of_a_secret_is_printed() {
    let ctx = fraisier_core_bridge::context(&rehearsal());
    assert!(!format!("{ctx:?}").contains("throwaway"));
}

/// What the engine builds from a kind or a tier has the same words and the same number.
#[test]
fn kinds_and_tiers_have_equal_names() {
    use engine::AdapterErrorKind as Kind;
    let theirs = [
        Kind::MethodNotSupported,
        Kind::MissingSecret,
        Kind::SecretReadFailed,
        Kind::InvalidConfig,
        Kind::PreconditionFailed,
        Kind::DbUnreachable,
        Kind::SchemaError,
        Kind::LockContention,
        Kind::GitError,
        Kind::IrreversibleRollback,
        Kind::InternalError,
        Kind::Execution,
        Kind::Protocol,
        Kind::Remote,
    ];
    for kind in theirs {
        let word = format!("\"{kind}\"");
        let ours: api::AdapterErrorKind = serde_json::from_str(&word).expect(&word);
        assert_eq!(ours.as_str(), kind.as_str());
        assert_eq!(ours.code(), kind.code());
        let crossed = fraisier_core_bridge::error(api::AdapterError::new(ours, ""));
        assert_eq!(crossed.kind, kind);
    }
    let tiers = engine::RiskTier::ALL.map(engine::RiskTier::as_str);
    assert!(
        api::RiskTier::ALL
            .iter()
            .map(|tier| tier.as_str())
            .eq(tiers)
    );
}

//! Makes the call of a case through the adapter, on recorded or on real binaries.

use std::path::Path;
use std::str::FromStr as _;

use fraisier_adapter_api::{AdapterCtx, AdapterError, MigrationAdapter, Revision};
use fraisier_adapter_confiture::capability::Need;
use fraisier_adapter_confiture::{Builder, ConfitureMigration, ConfitureVersion};
use serde::Serialize;
use serde_json::Value;

use crate::call::Call;
use crate::case::Definition;
use crate::connection::DATABASE_URL;
use crate::release::Release;
use crate::site::Site;

/// The adapter's result as JSON, or its error.
pub type Answer = Result<Value, AdapterError>;

/// The context in which the adapter is called.
pub fn context(definition: &Definition, site: &Site) -> AdapterCtx {
    let mut context = AdapterCtx::new("shop", "production");
    context.workdir.clone_from(&site.project);
    context.migrations_path = Some(definition.migrations_dir.into());
    if let Some(dsn) = definition.connection.dsn(&site.endpoint) {
        context = context.with_resolved_secret(DATABASE_URL, dsn);
    }
    if definition.call == Call::PreflightAgainst {
        let against = site.endpoint.against_dsn();
        context = context.with_resolved_secret("AGAINST_DATABASE_URL", against);
    }
    context
}

/// A builder for an adapter that runs `program` as this release. Where the release itself does not find
/// out what is pending, the recording is a preflight of the whole directory.
pub fn builder(program: &Path, release: Release) -> Builder {
    let version = ConfitureVersion::from_str(&release.to_string());
    let scopes = version.is_ok_and(|version| Need::PendingScope.is_met_by(&version));
    ConfitureMigration::builder()
        .program(program)
        .preflight_pending_only(scopes)
}

/// Calls the adapter's method for `call`.
pub async fn ask(adapter: &dyn MigrationAdapter, call: &Call, context: &AdapterCtx) -> Answer {
    match call {
        Call::Current => adapter.current_revision(context).await.map(json),
        Call::Up(target) => {
            let target = target.clone().map(Revision::new);
            adapter.up(context, target).await.map(json)
        }
        Call::DownTo(revision) => {
            let revision = Revision::new(revision.clone());
            adapter.down_to(context, revision).await.map(json)
        }
        Call::Verify => adapter.verify(context).await.map(json),
        Call::Preflight | Call::PreflightAgainst => adapter.preflight(context).await.map(json),
        Call::Version => adapter.describe().await.map(json),
        Call::ExitCodes | Call::Help(_) => unreachable!("the adapter never asks this"),
    }
}

pub(crate) fn json(result: impl Serialize) -> Value {
    serde_json::to_value(result).expect("a result of the API has a JSON form")
}

//! The frozen contract between the fraisier deploy engine and its migration adapters.
//!
//! A deploy engine moves an application and its database together. It does not know how a
//! database is migrated; an *adapter* does, by driving one migration tool. This crate is what the
//! two agree on: the trait [`MigrationAdapter`], the [context](AdapterCtx) of a call, its results,
//! and the [error](AdapterError) it fails with. It contains no logic of either side.
//!
//! # A call
//!
//! ```
//! use std::sync::Arc;
//! use fraisier_adapter_api::{
//!     AdapterCtx, AdapterDescription, AdapterError, AdapterErrorKind, MigrationAdapter,
//!     MigrationOutcome, Revision, VerifyReport, async_trait, capability,
//! };
//!
//! /// Drives a tool that has a single migration.
//! struct Single;
//!
//! #[async_trait]
//! impl MigrationAdapter for Single {
//!     async fn describe(&self) -> Result<AdapterDescription, AdapterError> {
//!         Ok(AdapterDescription::new("single", "1.0.0")
//!             .with_capabilities([capability::UP, capability::VERIFY]))
//!     }
//!
//!     async fn current_revision(&self, _: &AdapterCtx) -> Result<Option<Revision>, AdapterError> {
//!         Err(AdapterError::method_not_supported(capability::CURRENT_REVISION))
//!     }
//!
//!     async fn up(
//!         &self,
//!         ctx: &AdapterCtx,
//!         _target: Option<Revision>,
//!     ) -> Result<MigrationOutcome, AdapterError> {
//!         let _dsn = ctx.secret("DATABASE_URL")?;
//!         Ok(MigrationOutcome::new(None, Some(Revision::new("001"))).with_applied(["001"]))
//!     }
//!
//!     async fn down_to(
//!         &self,
//!         _: &AdapterCtx,
//!         _target: Revision,
//!     ) -> Result<MigrationOutcome, AdapterError> {
//!         Err(AdapterError::method_not_supported(capability::DOWN_TO))
//!     }
//!
//!     async fn verify(&self, _: &AdapterCtx) -> Result<VerifyReport, AdapterError> {
//!         Ok(VerifyReport::new(true))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), AdapterError> {
//! let adapter: Arc<dyn MigrationAdapter> = Arc::new(Single);
//!
//! let ctx = AdapterCtx::new("shop", "production");
//! let refused = adapter.up(&ctx, None).await.unwrap_err();
//! assert_eq!(refused.kind, AdapterErrorKind::MissingSecret);
//!
//! let ctx = ctx.with_resolved_secret("DATABASE_URL", "postgresql://localhost/shop");
//! assert_eq!(adapter.up(&ctx, None).await?.to, Some(Revision::new("001")));
//!
//! // An adapter that cannot lint returns an error; it never reports that the lint passed.
//! let lint = adapter.preflight(&ctx).await.unwrap_err();
//! assert_eq!(lint.kind, AdapterErrorKind::MethodNotSupported);
//! # Ok(())
//! # }
//! ```
//!
//! # Absence is never safety
//!
//! Most of what an adapter reports decides whether a deploy continues. A missing value is never a
//! yes:
//!
//! | absent | does not mean | means |
//! |---|---|---|
//! | [`PreflightReport::window_safe`] | safe while old and new code run | nobody judged it |
//! | [`PreflightReport::change_set`] | nothing changes | nobody listed the changes |
//! | [`SchemaChange::tier`] | harmless | nobody classified it |
//! | a capability in [`AdapterDescription::capabilities`] | perhaps | no |
//!
//! The defaults follow: `VerifyReport::default()` and `PreflightReport::default()` are not ok.
//!
//! # On the wire
//!
//! Adapters may run in a process of their own. The same types are then the parameters and results
//! of JSON-RPC calls, so their JSON is part of the contract:
//!
//! - keys are the field names, enum values are `snake_case` strings;
//! - an absent option is written as `null`; the documentation of a field says if it is left out
//!   instead;
//! - a missing key reads as absent, an unknown key is ignored;
//! - a list or a scalar that is not optional is required, unless its field says otherwise: a report
//!   without `ok` is not a report.
//!
//! ```
//! use fraisier_adapter_api::{ChangeSet, PreflightReport, RiskTier, SchemaChange};
//!
//! let report = PreflightReport::new(true).with_change_set(ChangeSet::new(vec![
//!     SchemaChange::new("drop_column", "shop.orders.note").with_tier(RiskTier::Destructive),
//! ]));
//! assert_eq!(
//!     serde_json::to_string(&report)?,
//!     concat!(
//!         r#"{"ok":true,"issues":[],"change_set":{"contract_version":1,"changes":["#,
//!         r#"{"kind":"drop_column","object":"shop.orders.note","migration":null,"#,
//!         r#""tier":"destructive","detail":null}]}}"#,
//!     ),
//! );
//!
//! // From an adapter of a newer version: unknown keys are ignored.
//! let read: PreflightReport =
//!     serde_json::from_str(r#"{"ok":false,"issues":[],"elapsed_ms":12}"#)?;
//! assert_eq!(read, PreflightReport::new(false));
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! # What frozen means
//!
//! Within one major version of this crate these may be added:
//!
//! - a method of [`MigrationAdapter`] with a default,
//! - a field of a `#[non_exhaustive]` struct that is absent on the wire by default,
//! - a variant of a `#[non_exhaustive]` enum,
//! - an item beside those that are here.
//!
//! Everything else needs a new major version: names, types, wire strings and numbers do not change.
//! The crate's tests check it: they compare the public API with a committed listing and the JSON of
//! every type with committed snapshots, and check at compile time that the trait is object-safe and
//! that types and futures are `Send` and `Sync`.

#![warn(
    missing_docs,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use
)]

mod adapter;
pub mod capability;
mod change_set;
mod context;
mod description;
mod error;
mod ids;
mod outcome;
mod preflight;
mod risk;
mod unambiguous;
mod verify;

pub use adapter::MigrationAdapter;
/// The attribute that implementations of [`MigrationAdapter`] need, re-exported so that an adapter does
/// not have to depend on the crate `async-trait`.
pub use async_trait::async_trait;
pub use change_set::{ChangeSet, ChangeSetUnavailable, RISK_CONTRACT_VERSION, SchemaChange};
pub use context::AdapterCtx;
pub use description::{AdapterDescription, PROTOCOL_VERSION};
pub use error::{AdapterError, AdapterErrorKind, UnknownErrorKind};
pub use ids::{ArtifactRef, HostId, Revision};
pub use outcome::MigrationOutcome;
pub use preflight::{PreflightIssue, PreflightReport, Severity};
pub use risk::{RiskTier, UnknownRiskTier};
pub use verify::{VerifyCheck, VerifyReport};

//! For the tests of deploy engines and of migration adapters.
//!
//! - [`InMemoryAdapter`] is a [`MigrationAdapter`](fraisier_adapter_api::MigrationAdapter) without a
//!   database. A test scripts its migrations, failures and delays, and reads what an engine did.
//! - [`conformance::run`] checks an adapter against the duties of the trait and lists its findings.
//!
//! Both need a tokio runtime with its timer; a test that pauses the clock never waits.
//!
//! # An engine's test
//!
//! ```
//! use std::sync::Arc;
//!
//! use fraisier_adapter_api::{AdapterCtx, AdapterError, AdapterErrorKind, MigrationAdapter};
//! use fraisier_adapter_testing::InMemoryAdapter;
//!
//! /// The code under test: after a failed `up`, it goes back to where the database was.
//! async fn migrate(adapter: &dyn MigrationAdapter, ctx: &AdapterCtx) -> Result<(), AdapterError> {
//!     let before = adapter.current_revision(ctx).await?;
//!     let Err(error) = adapter.up(ctx, None).await else {
//!         return Ok(());
//!     };
//!     if let Some(before) = before {
//!         adapter.down_to(ctx, before).await?;
//!     }
//!     Err(error)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let double = InMemoryAdapter::new(["001", "002", "003"]);
//! double.set_applied("postgresql://shop", ["001"]);
//! double.break_migration("003", AdapterError::new(AdapterErrorKind::Execution, "003 failed"));
//!
//! let adapter: Arc<dyn MigrationAdapter> = Arc::new(double.clone());
//! let ctx = AdapterCtx::new("shop", "test").with_resolved_secret("DATABASE_URL", "postgresql://shop");
//! let error = migrate(&*adapter, &ctx).await.unwrap_err();
//!
//! assert_eq!(error.kind, AdapterErrorKind::Execution);
//! assert_eq!(double.applied("postgresql://shop"), ["001".into()], "002 was rolled back");
//! # }
//! ```

#![warn(
    missing_docs,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use
)]

pub mod conformance;
mod double;

pub use double::{Call, InMemoryAdapter, Method, Step};

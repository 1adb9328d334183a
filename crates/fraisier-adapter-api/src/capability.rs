//! The strings an adapter may advertise in [`AdapterDescription::capabilities`].
//!
//! The first six are method names: the adapter really implements the method. The others are
//! promises about what a [`PreflightReport`] carries. An adapter advertises one only when the
//! *installed* tool can keep it; what is not advertised is not there.
//!
//! ```
//! use fraisier_adapter_api::{AdapterDescription, PROTOCOL_VERSION, capability};
//!
//! let described = AdapterDescription {
//!     name: "example".into(),
//!     version: "1.0.0".into(),
//!     protocol_version: PROTOCOL_VERSION,
//!     capabilities: vec![capability::UP.into(), capability::PREFLIGHT.into()],
//! };
//! let can = |name: &str| described.capabilities.iter().any(|it| it == name);
//! assert!(can(capability::PREFLIGHT));
//! assert!(!can(capability::WINDOW_SAFE), "it lints, but gives no verdict on the window");
//! ```
//!
//! [`AdapterDescription::capabilities`]: crate::AdapterDescription::capabilities
//! [`PreflightReport`]: crate::PreflightReport

/// [`MigrationAdapter::current_revision`](crate::MigrationAdapter::current_revision) is
/// implemented.
pub const CURRENT_REVISION: &str = "current_revision";

/// [`MigrationAdapter::up`](crate::MigrationAdapter::up) is implemented.
pub const UP: &str = "up";

/// [`MigrationAdapter::down_to`](crate::MigrationAdapter::down_to) is implemented.
pub const DOWN_TO: &str = "down_to";

/// [`MigrationAdapter::verify`](crate::MigrationAdapter::verify) is implemented.
pub const VERIFY: &str = "verify";

/// [`MigrationAdapter::preflight`](crate::MigrationAdapter::preflight) is implemented.
pub const PREFLIGHT: &str = "preflight";

/// [`MigrationAdapter::post_migrate`](crate::MigrationAdapter::post_migrate) is implemented.
pub const POST_MIGRATE: &str = "post_migrate";

/// Preflight judges [`PreflightReport::window_safe`](crate::PreflightReport::window_safe).
pub const WINDOW_SAFE: &str = "window_safe";

/// Preflight lists its changes with a [`RiskTier`](crate::RiskTier) each.
pub const RISK_TIER: &str = "risk_tier";

/// Preflight can classify against a live copy of the database, and so sees what the text of a
/// migration alone does not tell.
pub const DEEP_CLASSIFICATION: &str = "deep_classification";

/// Preflight looks at the migrations that are still to be applied, not at all there are.
pub const PENDING_SCOPE: &str = "pending_scope";

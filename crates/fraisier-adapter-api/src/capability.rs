//! The strings an adapter may advertise in [`AdapterDescription::capabilities`].
//!
//! The first six are method names: the adapter really implements the method. The others are
//! promises about the content of a [`PreflightReport`]. An adapter advertises one only when the
//! *installed* tool can keep it. [`AdapterDescription::supports`] looks one up.
//!
//! [`AdapterDescription::supports`]: crate::AdapterDescription::supports
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

/// Preflight can classify against a live copy of the database, and so finds what the text of a
/// migration alone does not show.
pub const DEEP_CLASSIFICATION: &str = "deep_classification";

/// Preflight checks the pending migrations only, not all migrations in the directory.
pub const PENDING_SCOPE: &str = "pending_scope";

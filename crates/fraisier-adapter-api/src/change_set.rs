//! What a set of migrations would change, with the risk of each change.

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::RiskTier;

/// The version of the risk contract that this crate understands, for
/// [`ChangeSet::contract_version`].
pub const RISK_CONTRACT_VERSION: u32 = 1;

/// One change that a migration makes to the schema.
///
/// ```
/// use fraisier_adapter_api::{RiskTier, SchemaChange};
///
/// let change = SchemaChange::new("drop_column", "shop.orders.note")
///     .with_migration("004")
///     .with_tier(RiskTier::Destructive);
/// assert_eq!(
///     serde_json::to_string(&change)?,
///     concat!(
///         r#"{"kind":"drop_column","object":"shop.orders.note","migration":"004","#,
///         r#""tier":"destructive","detail":null}"#,
///     ),
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// A change without a tier has not been classified. That is not the least severe tier:
///
/// ```
/// # use fraisier_adapter_api::{RiskTier, SchemaChange};
/// # let change = SchemaChange::new("do_block", "004");
/// let wrong = change.tier.unwrap_or(RiskTier::Additive) <= RiskTier::Reversible;
/// let right = change.tier.is_some_and(|tier| tier <= RiskTier::Reversible);
/// # assert!(wrong && !right);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SchemaChange {
    /// What happens, in the tool's words: `add_column`, `drop_table`. Required on the wire.
    pub kind: String,
    /// What it happens to, as the tool names it: `shop.orders.note`. Required on the wire.
    pub object: String,
    /// The migration that makes the change; `None` when the tool does not say.
    pub migration: Option<String>,
    /// How risky it is; `None` when nobody classified it. An unknown tier, `null` and a value that is
    /// not a string also read as `None`; the rest of the set is still read.
    #[serde(default, deserialize_with = "known_tier")]
    pub tier: Option<RiskTier>,
    /// More about it, for people.
    pub detail: Option<String>,
}

impl SchemaChange {
    /// A change without a tier.
    ///
    /// ```
    /// # use fraisier_adapter_api::SchemaChange;
    /// let change = SchemaChange::new("add_column", "shop.orders.note");
    /// assert_eq!((change.kind.as_str(), change.tier), ("add_column", None));
    /// ```
    pub fn new(kind: impl Into<String>, object: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            object: object.into(),
            ..Self::default()
        }
    }

    /// Names the migration that makes the change.
    ///
    /// ```
    /// # use fraisier_adapter_api::SchemaChange;
    /// let change = SchemaChange::new("add_column", "shop.orders.note").with_migration("002");
    /// assert_eq!(change.migration.as_deref(), Some("002"));
    /// ```
    #[must_use]
    pub fn with_migration(mut self, migration: impl Into<String>) -> Self {
        self.migration = Some(migration.into());
        self
    }

    /// Sets the tier.
    ///
    /// ```
    /// # use fraisier_adapter_api::{RiskTier, SchemaChange};
    /// let change = SchemaChange::new("add_column", "shop.orders.note")
    ///     .with_tier(RiskTier::Additive);
    /// assert_eq!(change.tier, Some(RiskTier::Additive));
    /// ```
    #[must_use]
    pub fn with_tier(mut self, tier: RiskTier) -> Self {
        self.tier = Some(tier);
        self
    }

    /// Adds more about it, for people.
    ///
    /// ```
    /// # use fraisier_adapter_api::SchemaChange;
    /// let change = SchemaChange::new("rename", "shop.orders").with_detail("to shop.purchases");
    /// assert_eq!(change.detail.as_deref(), Some("to shop.purchases"));
    /// ```
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// Everything that the examined migrations would change.
///
/// An empty set is a statement: nothing changes. Where nobody looked there is no set at all; see
/// [`PreflightReport::usable_change_set`](crate::PreflightReport::usable_change_set).
///
/// ```
/// use fraisier_adapter_api::{ChangeSet, RiskTier, SchemaChange};
///
/// let set = ChangeSet::new(vec![
///     SchemaChange::new("add_column", "shop.orders.note").with_tier(RiskTier::Additive),
///     SchemaChange::new("do_block", "004"),
/// ]);
/// assert_eq!(set.worst_tier(), Some(RiskTier::Additive));
/// assert_eq!(set.unclassified().count(), 1);
/// ```
///
/// The worst tier covers only the classified changes, so a gate checks both:
///
/// ```
/// # use fraisier_adapter_api::{ChangeSet, RiskTier, SchemaChange};
/// # let set = ChangeSet::new(vec![
/// #     SchemaChange::new("add_column", "o.n").with_tier(RiskTier::Additive),
/// #     SchemaChange::new("do_block", "004"),
/// # ]);
/// let wrong = set.worst_tier() <= Some(RiskTier::Reversible);
/// let right = wrong && set.unclassified().next().is_none();
/// # assert!(wrong && !right);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChangeSet {
    /// The version of the risk contract that the changes follow; [`RISK_CONTRACT_VERSION`] for a
    /// set made here. Required on the wire; there is no version 0, and reading it is an error.
    #[serde(deserialize_with = "contract_version")]
    pub contract_version: u32,
    /// The changes, in the order the tool lists them. A missing key reads as empty.
    #[serde(default)]
    pub changes: Vec<SchemaChange>,
}

impl Default for ChangeSet {
    /// An empty set: the statement that nothing changes.
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl ChangeSet {
    /// A set of these changes that follows the contract of [`RISK_CONTRACT_VERSION`].
    ///
    /// ```
    /// # use fraisier_adapter_api::{ChangeSet, RISK_CONTRACT_VERSION};
    /// let set = ChangeSet::new(Vec::new());
    /// assert_eq!(set.contract_version, RISK_CONTRACT_VERSION);
    /// assert_eq!(set, ChangeSet::default());
    /// ```
    #[must_use]
    pub fn new(changes: Vec<SchemaChange>) -> Self {
        Self {
            contract_version: RISK_CONTRACT_VERSION,
            changes,
        }
    }

    /// Sets another version of the contract, for an adapter that passes on the version that a tool
    /// stated.
    ///
    /// ```
    /// # use fraisier_adapter_api::ChangeSet;
    /// assert_eq!(ChangeSet::default().with_contract_version(2).contract_version, 2);
    /// ```
    #[must_use]
    pub fn with_contract_version(mut self, contract_version: u32) -> Self {
        self.contract_version = contract_version;
        self
    }

    /// The most severe tier among the classified changes; `None` when there are no changes or none is
    /// classified. Changes without a tier do not count: check [`unclassified`](Self::unclassified)
    /// too.
    ///
    /// ```
    /// # use fraisier_adapter_api::{ChangeSet, SchemaChange};
    /// let set = ChangeSet::new(vec![SchemaChange::new("do_block", "004")]);
    /// assert_eq!(set.worst_tier(), None);
    /// ```
    #[must_use]
    pub fn worst_tier(&self) -> Option<RiskTier> {
        self.changes.iter().filter_map(|change| change.tier).max()
    }

    /// The changes that nobody classified, in the order of the set.
    ///
    /// ```
    /// # use fraisier_adapter_api::{ChangeSet, SchemaChange};
    /// let set = ChangeSet::new(vec![SchemaChange::new("do_block", "004")]);
    /// assert_eq!(set.unclassified().next().map(|change| change.kind.as_str()), Some("do_block"));
    /// ```
    pub fn unclassified(&self) -> impl Iterator<Item = &SchemaChange> {
        self.changes.iter().filter(|change| change.tier.is_none())
    }
}

/// Why a [`PreflightReport`](crate::PreflightReport) has no change set that can be judged.
///
/// ```
/// use fraisier_adapter_api::{ChangeSet, PreflightReport};
///
/// let report = PreflightReport::new(true)
///     .with_change_set(ChangeSet::default().with_contract_version(7));
/// assert_eq!(
///     report.usable_change_set().unwrap_err().to_string(),
///     "the change set follows version 7 of the risk contract, and this engine understands it up to \
///      version 1: upgrade the engine, or pin the adapter to a release that follows version 1",
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeSetUnavailable {
    /// There is none, or none that can be read.
    #[error("no change set was emitted, so nothing is known about the risk of the changes")]
    NotEmitted,
    /// It follows a newer contract than this crate knows.
    #[error(
        "the change set follows version {found} of the risk contract, and this engine understands \
         it up to version {understood}: upgrade the engine, or pin the adapter to a release that \
         follows version {understood}"
    )]
    VersionTooNew {
        /// The version it follows.
        found: u32,
        /// The newest version this crate understands.
        understood: u32,
    },
}

fn known_tier<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RiskTier>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_str().and_then(|name| name.parse().ok()))
}

fn contract_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        0 => Err(D::Error::custom("there is no risk contract version 0")),
        version => Ok(version),
    }
}

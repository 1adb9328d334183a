//! How risky a change of the schema is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How risky one change of the schema is, from the least to the most severe.
///
/// The order is part of the contract: `additive < reversible < lock_risky < destructive <
/// irreversible`. On the wire a tier is its name. Reading an unknown name is an error here; only
/// [`SchemaChange::tier`](crate::SchemaChange::tier) reads it as "not classified".
///
/// ```
/// use fraisier_adapter_api::RiskTier;
///
/// assert!(RiskTier::Additive < RiskTier::LockRisky);
/// assert_eq!(RiskTier::ALL.iter().max(), Some(&RiskTier::Irreversible));
/// assert_eq!("lock_risky".parse(), Ok(RiskTier::LockRisky));
/// assert_eq!(serde_json::to_string(&RiskTier::LockRisky)?, r#""lock_risky""#);
/// assert!(serde_json::from_str::<RiskTier>(r#""harmless""#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RiskTier {
    /// Only adds: code that does not know about it keeps working.
    Additive,
    /// Changes what exists, and can be undone without loss.
    Reversible,
    /// May hold a lock that makes running code wait.
    LockRisky,
    /// Removes something that running code or stored data may need.
    Destructive,
    /// Cannot be undone.
    Irreversible,
}

impl RiskTier {
    /// Every tier, from the least to the most severe.
    ///
    /// ```
    /// # use fraisier_adapter_api::RiskTier;
    /// assert!(RiskTier::ALL.is_sorted());
    /// assert_eq!(RiskTier::ALL[0], RiskTier::Additive);
    /// ```
    // A slice: its type does not change when a tier is added.
    pub const ALL: &'static [Self] = &[
        Self::Additive,
        Self::Reversible,
        Self::LockRisky,
        Self::Destructive,
        Self::Irreversible,
    ];

    /// The name on the wire.
    ///
    /// ```
    /// # use fraisier_adapter_api::RiskTier;
    /// assert_eq!(RiskTier::LockRisky.as_str(), "lock_risky");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Additive => "additive",
            Self::Reversible => "reversible",
            Self::LockRisky => "lock_risky",
            Self::Destructive => "destructive",
            Self::Irreversible => "irreversible",
        }
    }
}

impl fmt::Display for RiskTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RiskTier {
    type Err = UnknownRiskTier;

    /// Reads the name on the wire, exactly as it is written there.
    ///
    /// # Errors
    ///
    /// [`UnknownRiskTier`] for everything else: `"Additive"`, `" additive"`, `""`.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|tier| tier.as_str() == name)
            .ok_or_else(|| UnknownRiskTier {
                name: name.to_owned(),
            })
    }
}

/// A name that is not a [`RiskTier`]. The message lists the valid names.
///
/// ```
/// use fraisier_adapter_api::RiskTier;
///
/// let unknown = "harmless".parse::<RiskTier>().unwrap_err();
/// assert_eq!(unknown.name, "harmless");
/// assert_eq!(
///     unknown.to_string(),
///     "unknown risk tier \"harmless\"; valid: \
///      additive, reversible, lock_risky, destructive, irreversible",
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown risk tier {name:?}; valid: {}", valid_names())]
pub struct UnknownRiskTier {
    /// The name as it was given.
    pub name: String,
}

fn valid_names() -> String {
    let names: Vec<_> = RiskTier::ALL.iter().map(|tier| tier.as_str()).collect();
    names.join(", ")
}

//! How an adapter describes itself.

use serde::{Deserialize, Serialize};

/// The version of the contract this crate describes, for
/// [`AdapterDescription::protocol_version`].
pub const PROTOCOL_VERSION: u32 = 1;

/// How an adapter describes itself; the result of
/// [`MigrationAdapter::describe`](crate::MigrationAdapter::describe).
///
/// ```
/// use fraisier_adapter_api::{AdapterDescription, capability};
///
/// let described =
///     AdapterDescription::new("example", "1.4.0").with_capabilities([capability::UP]);
/// assert!(described.supports(capability::UP));
/// assert_eq!(
///     serde_json::to_string(&described)?,
///     r#"{"name":"example","version":"1.4.0","protocol_version":1,"capabilities":["up"]}"#,
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdapterDescription {
    /// The adapter's name, as it appears in [`AdapterError::adapter`](crate::AdapterError::adapter).
    pub name: String,
    /// The version of the migration tool, as the installed tool states it; that of the adapter if it
    /// uses no tool.
    pub version: String,
    /// The version of this contract that the adapter speaks: [`PROTOCOL_VERSION`].
    pub protocol_version: u32,
    /// What the adapter, with the tool that is installed now, can do: see
    /// [`capability`](crate::capability). A capability that is not listed is missing.
    pub capabilities: Vec<String>,
}

impl AdapterDescription {
    /// An adapter that speaks [`PROTOCOL_VERSION`] and advertises nothing.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterDescription, PROTOCOL_VERSION};
    /// let described = AdapterDescription::new("example", "1.4.0");
    /// assert_eq!(described.protocol_version, PROTOCOL_VERSION);
    /// assert!(described.capabilities.is_empty());
    /// ```
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            protocol_version: PROTOCOL_VERSION,
            capabilities: Vec::new(),
        }
    }

    /// Sets the capabilities.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterDescription, capability};
    /// let described = AdapterDescription::new("example", "1.4.0")
    ///     .with_capabilities([capability::UP, capability::VERIFY]);
    /// assert_eq!(described.capabilities, ["up", "verify"]);
    /// ```
    #[must_use]
    pub fn with_capabilities(
        mut self,
        capabilities: impl IntoIterator<Item: Into<String>>,
    ) -> Self {
        self.capabilities = capabilities.into_iter().map(Into::into).collect();
        self
    }

    /// Whether the adapter advertises this [`capability`](crate::capability). The names are
    /// compared exactly.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterDescription, capability};
    /// let described = AdapterDescription::new("example", "1.4.0")
    ///     .with_capabilities([capability::PREFLIGHT]);
    /// assert!(described.supports(capability::PREFLIGHT));
    /// assert!(!described.supports(capability::WINDOW_SAFE), "it lints, but gives no verdict");
    /// ```
    #[must_use]
    pub fn supports(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|name| name == capability)
    }
}

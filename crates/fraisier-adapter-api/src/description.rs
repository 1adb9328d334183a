//! What an adapter says about itself.

use serde::{Deserialize, Serialize};

/// The version of the contract this crate describes, for
/// [`AdapterDescription::protocol_version`].
pub const PROTOCOL_VERSION: u32 = 1;

/// What an adapter says about itself; the result of
/// [`MigrationAdapter::describe`](crate::MigrationAdapter::describe).
///
/// ```
/// use fraisier_adapter_api::{AdapterDescription, PROTOCOL_VERSION, capability};
///
/// let described = AdapterDescription {
///     name: "example".into(),
///     version: "1.4.0".into(),
///     protocol_version: PROTOCOL_VERSION,
///     capabilities: vec![capability::UP.into()],
/// };
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
    /// The version of what does the work: for an adapter around a tool, the installed tool's, as
    /// the tool states it.
    pub version: String,
    /// The version of this contract that the adapter speaks: [`PROTOCOL_VERSION`].
    pub protocol_version: u32,
    /// What the adapter, with the tool that is installed now, can do: see
    /// [`capability`](crate::capability). A capability that is not listed is not there.
    pub capabilities: Vec<String>,
}

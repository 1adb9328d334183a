//! What a migration did.

use serde::{Deserialize, Serialize};

use crate::Revision;

/// What [`up`](crate::MigrationAdapter::up) or [`down_to`](crate::MigrationAdapter::down_to) did,
/// when it did all it was asked.
///
/// There is no outcome for work half done: that is an [`AdapterError`](crate::AdapterError).
///
/// ```
/// use fraisier_adapter_api::{MigrationOutcome, Revision};
///
/// let outcome = MigrationOutcome {
///     from: Some(Revision::new("001")),
///     to: Some(Revision::new("003")),
///     applied: vec![Revision::new("002"), Revision::new("003")],
///     log: "applied 2 migrations".into(),
/// };
/// assert_eq!(
///     serde_json::to_string(&outcome)?,
///     r#"{"from":"001","to":"003","applied":["002","003"],"log":"applied 2 migrations"}"#,
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationOutcome {
    /// The revision the database was at before; `None` when it had none, or when the adapter
    /// cannot know it.
    pub from: Option<Revision>,
    /// The revision it is at now; `None` when it has none, or when the adapter cannot know it.
    /// A caller that must know asks
    /// [`current_revision`](crate::MigrationAdapter::current_revision).
    pub to: Option<Revision>,
    /// The migrations that were run, in the order they were run: applied by `up`, rolled back by
    /// `down_to`. Empty when there was nothing to do. Required on the wire.
    pub applied: Vec<Revision>,
    /// What the tool had to say, for people; free of secrets. Nothing may be decided by its text.
    /// Required on the wire.
    pub log: String,
}

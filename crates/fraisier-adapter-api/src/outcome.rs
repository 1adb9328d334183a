//! What a migration did.

use serde::{Deserialize, Serialize};

use crate::Revision;

/// What [`up`](crate::MigrationAdapter::up) or [`down_to`](crate::MigrationAdapter::down_to) did,
/// when it did everything that was asked of it.
///
/// There is no outcome for work half done: that is an [`AdapterError`](crate::AdapterError).
///
/// ```
/// use fraisier_adapter_api::{MigrationOutcome, Revision};
///
/// let outcome = MigrationOutcome::new(Some(Revision::new("001")), Some(Revision::new("003")))
///     .with_applied(["002", "003"])
///     .with_log("applied 2 migrations");
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
    /// What the tool printed, for people; without secrets. Programs must not decide by its text.
    /// Required on the wire.
    pub log: String,
}

impl MigrationOutcome {
    /// An outcome between these two revisions that ran no migration and has an empty log.
    ///
    /// ```
    /// # use fraisier_adapter_api::{MigrationOutcome, Revision};
    /// let head = Some(Revision::new("003"));
    /// let nothing_to_do = MigrationOutcome::new(head.clone(), head);
    /// assert!(nothing_to_do.applied.is_empty());
    /// ```
    #[must_use]
    pub fn new(from: Option<Revision>, to: Option<Revision>) -> Self {
        Self {
            from,
            to,
            ..Self::default()
        }
    }

    /// Sets the migrations that were run, in the order they were run.
    ///
    /// ```
    /// # use fraisier_adapter_api::{MigrationOutcome, Revision};
    /// let first = MigrationOutcome::new(None, Some(Revision::new("001"))).with_applied(["001"]);
    /// assert_eq!(first.applied, [Revision::new("001")]);
    /// ```
    #[must_use]
    pub fn with_applied(mut self, applied: impl IntoIterator<Item: Into<Revision>>) -> Self {
        self.applied = applied.into_iter().map(Into::into).collect();
        self
    }

    /// Sets what the tool printed. The caller removes secrets first.
    ///
    /// ```
    /// # use fraisier_adapter_api::MigrationOutcome;
    /// let outcome = MigrationOutcome::default().with_log("nothing to apply");
    /// assert_eq!(outcome.log, "nothing to apply");
    /// ```
    #[must_use]
    pub fn with_log(mut self, log: impl Into<String>) -> Self {
        self.log = log.into();
        self
    }
}

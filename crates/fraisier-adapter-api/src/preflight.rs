//! What a check of the migrations found before any of them ran.

use serde::de::{DeserializeSeed as _, Deserializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::unambiguous::Unambiguous;
use crate::{ChangeSet, ChangeSetUnavailable, RISK_CONTRACT_VERSION};

/// How serious a [`PreflightIssue`] is.
///
/// Reading a severity that is none of these is an error: a report whose findings cannot be weighed
/// is not a report.
///
/// ```
/// use fraisier_adapter_api::Severity;
///
/// assert_eq!(serde_json::to_string(&Severity::Warning)?, r#""warning""#);
/// assert!(serde_json::from_str::<Severity>(r#""fatal""#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The migrations must not run as they are.
    Error,
    /// They can run; somebody should look at it.
    Warning,
    /// For information.
    Info,
}

/// One finding of a [`PreflightReport`].
///
/// ```
/// use fraisier_adapter_api::{PreflightIssue, Severity};
///
/// let issue = PreflightIssue::new(Severity::Warning, "NO_DOWN", "003 cannot be rolled back")
///     .with_migration("003");
/// assert_eq!(
///     serde_json::to_string(&issue)?,
///     concat!(
///         r#"{"severity":"warning","code":"NO_DOWN","#,
///         r#""message":"003 cannot be rolled back","migration":"003"}"#,
///     ),
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreflightIssue {
    /// How serious it is.
    pub severity: Severity,
    /// The tool's code for this kind of finding, for programs.
    pub code: String,
    /// What was found, for people.
    pub message: String,
    /// The migration it is about; `None` when it is about none in particular.
    pub migration: Option<String>,
}

impl PreflightIssue {
    /// A finding about no migration in particular.
    ///
    /// ```
    /// # use fraisier_adapter_api::{PreflightIssue, Severity};
    /// let issue = PreflightIssue::new(Severity::Info, "NO_VERIFY", "nothing to verify");
    /// assert_eq!((issue.code.as_str(), issue.migration), ("NO_VERIFY", None));
    /// ```
    pub fn new(severity: Severity, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity,
            code: code.into(),
            message: message.into(),
            migration: None,
        }
    }

    /// Names the migration that the finding is about.
    ///
    /// ```
    /// # use fraisier_adapter_api::{PreflightIssue, Severity};
    /// let issue = PreflightIssue::new(Severity::Warning, "NO_DOWN", "cannot be rolled back")
    ///     .with_migration("003");
    /// assert_eq!(issue.migration.as_deref(), Some("003"));
    /// ```
    #[must_use]
    pub fn with_migration(mut self, migration: impl Into<String>) -> Self {
        self.migration = Some(migration.into());
        self
    }
}

/// What [`preflight`](crate::MigrationAdapter::preflight) found.
///
/// The default is not ok and states nothing else.
///
/// ```
/// use fraisier_adapter_api::PreflightReport;
///
/// let report = PreflightReport::new(true).with_window_safe(false);
/// assert_eq!(
///     serde_json::to_string(&report)?,
///     r#"{"ok":true,"issues":[],"window_safe":false}"#,
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// The likely misuse is to treat silence as consent:
///
/// ```
/// # use fraisier_adapter_api::PreflightReport;
/// # let report = PreflightReport::new(true);
/// let wrong = report.window_safe != Some(false); // passes when nobody judged it
/// let right = report.window_safe == Some(true);
/// # assert!(wrong && !right);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PreflightReport {
    /// The verdict: the migrations were examined and may run. Required on the wire.
    pub ok: bool,
    /// What was found, in the tool's order. Required on the wire.
    pub issues: Vec<PreflightIssue>,
    /// Whether old and new code can both run during and after the migrations; `None` when nobody
    /// judged it, which is not "safe". Left out on the wire when `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_safe: Option<bool>,
    /// What the migrations would change; `None` when nobody listed it, which is not "nothing".
    /// Left out on the wire when `None`.
    ///
    /// A value that cannot be read as a [`ChangeSet`] (another JSON type, no `contract_version`,
    /// version 0, a change without its `kind`, a key twice anywhere in it) reads as `None`, and never
    /// fails the report around it.
    ///
    /// Read a report from its text. A [`serde_json::Value`] hides a duplicate key: it contains only
    /// the last of the two values.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "readable_change_set"
    )]
    pub change_set: Option<ChangeSet>,
}

impl PreflightReport {
    /// A report with this verdict and nothing else.
    ///
    /// ```
    /// # use fraisier_adapter_api::PreflightReport;
    /// let report = PreflightReport::new(true);
    /// assert_eq!((report.ok, report.window_safe), (true, None));
    /// ```
    #[must_use]
    pub fn new(ok: bool) -> Self {
        Self {
            ok,
            ..Self::default()
        }
    }

    /// Sets the findings. The verdict does not change: the adapter decides it.
    ///
    /// ```
    /// # use fraisier_adapter_api::{PreflightIssue, PreflightReport, Severity};
    /// let report = PreflightReport::new(false).with_issues(vec![
    ///     PreflightIssue::new(Severity::Error, "DUPLICATE", "two migrations are called 002"),
    /// ]);
    /// assert_eq!(report.issues.len(), 1);
    /// ```
    #[must_use]
    pub fn with_issues(mut self, issues: Vec<PreflightIssue>) -> Self {
        self.issues = issues;
        self
    }

    /// Sets whether old and new code can both run during and after the migrations. An adapter that
    /// does not know does not call it.
    ///
    /// ```
    /// # use fraisier_adapter_api::PreflightReport;
    /// assert_eq!(PreflightReport::new(true).with_window_safe(true).window_safe, Some(true));
    /// ```
    #[must_use]
    pub fn with_window_safe(mut self, window_safe: bool) -> Self {
        self.window_safe = Some(window_safe);
        self
    }

    /// Sets what the migrations would change. An adapter that does not know does not call it: an
    /// empty set states that nothing changes.
    ///
    /// ```
    /// # use fraisier_adapter_api::{ChangeSet, PreflightReport};
    /// let report = PreflightReport::new(true).with_change_set(ChangeSet::default());
    /// assert_eq!(report.change_set, Some(ChangeSet::default()));
    /// ```
    #[must_use]
    pub fn with_change_set(mut self, change_set: ChangeSet) -> Self {
        self.change_set = Some(change_set);
        self
    }

    /// The change set, if there is one that follows the risk contract of this crate.
    ///
    /// ```
    /// use fraisier_adapter_api::{ChangeSet, ChangeSetUnavailable, PreflightReport};
    ///
    /// let silent = PreflightReport::new(true);
    /// assert_eq!(silent.usable_change_set(), Err(ChangeSetUnavailable::NotEmitted));
    ///
    /// let nothing_changes = silent.with_change_set(ChangeSet::default());
    /// assert!(nothing_changes.usable_change_set()?.changes.is_empty());
    /// # Ok::<(), ChangeSetUnavailable>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ChangeSetUnavailable::NotEmitted`] when the report has none, or one of version 0, which
    /// never existed. [`ChangeSetUnavailable::VersionTooNew`] when it follows a newer contract, such
    /// as version 2, where a tier may mean something else.
    pub fn usable_change_set(&self) -> Result<&ChangeSet, ChangeSetUnavailable> {
        match &self.change_set {
            Some(set) if set.contract_version > RISK_CONTRACT_VERSION => {
                Err(ChangeSetUnavailable::VersionTooNew {
                    found: set.contract_version,
                    understood: RISK_CONTRACT_VERSION,
                })
            }
            Some(set) if set.contract_version > 0 => Ok(set),
            _ => Err(ChangeSetUnavailable::NotEmitted),
        }
    }
}

fn readable_change_set<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ChangeSet>, D::Error> {
    // Read as plain JSON first, so that an error in it does not fail the report.
    let value = Unambiguous::whole().deserialize(deserializer)?;
    Ok(value
        .filter(has_keys_throughout)
        .and_then(|value| ChangeSet::deserialize(value).ok()))
}

/// Serde would read an array as a struct, field by field; here an array where an object belongs is
/// the wrong JSON type.
fn has_keys_throughout(set: &Value) -> bool {
    let changes = set.get("changes").and_then(Value::as_array);
    set.is_object() && changes.is_none_or(|changes| changes.iter().all(Value::is_object))
}

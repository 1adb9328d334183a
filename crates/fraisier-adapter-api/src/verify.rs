//! What the tool's own checks of the database found.

use serde::{Deserialize, Serialize};

/// One check of a [`VerifyReport`].
///
/// ```
/// use fraisier_adapter_api::VerifyCheck;
///
/// let check = VerifyCheck::new("003_orders", false).with_detail("0 rows");
/// assert_eq!(
///     serde_json::to_string(&check)?,
///     r#"{"name":"003_orders","ok":false,"detail":"0 rows"}"#,
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyCheck {
    /// What was checked, in the tool's terms.
    pub name: String,
    /// Whether it passed. A check that could not be run has not passed.
    pub ok: bool,
    /// What was found, for people.
    pub detail: Option<String>,
}

impl VerifyCheck {
    /// A check with this verdict and no detail.
    ///
    /// ```
    /// # use fraisier_adapter_api::VerifyCheck;
    /// let check = VerifyCheck::new("003_orders", true);
    /// assert!(check.ok && check.detail.is_none());
    /// ```
    pub fn new(name: impl Into<String>, ok: bool) -> Self {
        Self {
            name: name.into(),
            ok,
            detail: None,
        }
    }

    /// Adds what was found, for people.
    ///
    /// ```
    /// # use fraisier_adapter_api::VerifyCheck;
    /// let check = VerifyCheck::new("003_orders", false).with_detail("0 rows");
    /// assert_eq!(check.detail.as_deref(), Some("0 rows"));
    /// ```
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// What [`verify`](crate::MigrationAdapter::verify) found.
///
/// The verdict is [`ok`](Self::ok) and nothing else. The default is not ok.
///
/// ```
/// use fraisier_adapter_api::{VerifyCheck, VerifyReport};
///
/// let report = VerifyReport::new(true).with_checks(vec![VerifyCheck::new("003_orders", true)]);
/// assert!(report.ok && !report.was_skipped);
///
/// // Nothing was examined, so nothing was verified.
/// let skipped = VerifyReport::new(false).with_skipped(true);
/// assert_eq!(
///     serde_json::to_string(&skipped)?,
///     r#"{"ok":false,"checks":[],"was_skipped":true}"#,
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// The likely misuse is to treat "skipped" as "fine":
///
/// ```
/// # use fraisier_adapter_api::VerifyReport;
/// # let report = VerifyReport::new(false).with_skipped(true);
/// let wrong = report.ok || report.was_skipped; // lets an unverified database through
/// let right = report.ok;
/// # assert!(wrong && !right);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The verdict: everything that should hold was examined and holds. Required on the wire.
    pub ok: bool,
    /// The checks that were run, in the tool's order. Required on the wire.
    pub checks: Vec<VerifyCheck>,
    /// Whether nothing was examined. It explains a verdict and never is one. Left out on the wire when false; a missing key reads as false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_skipped: bool,
}

impl VerifyReport {
    /// A report with this verdict and no checks.
    ///
    /// ```
    /// # use fraisier_adapter_api::VerifyReport;
    /// assert!(VerifyReport::new(true).ok);
    /// assert_eq!(VerifyReport::new(false), VerifyReport::default());
    /// ```
    #[must_use]
    pub fn new(ok: bool) -> Self {
        Self {
            ok,
            ..Self::default()
        }
    }

    /// Sets the checks. The verdict does not change: the adapter decides it.
    ///
    /// ```
    /// # use fraisier_adapter_api::{VerifyCheck, VerifyReport};
    /// let check = VerifyCheck::new("001", true);
    /// assert_eq!(VerifyReport::new(true).with_checks(vec![check]).checks.len(), 1);
    /// ```
    #[must_use]
    pub fn with_checks(mut self, checks: Vec<VerifyCheck>) -> Self {
        self.checks = checks;
        self
    }

    /// Sets whether nothing was examined.
    ///
    /// ```
    /// # use fraisier_adapter_api::VerifyReport;
    /// assert!(VerifyReport::new(false).with_skipped(true).was_skipped);
    /// ```
    #[must_use]
    pub fn with_skipped(mut self, was_skipped: bool) -> Self {
        self.was_skipped = was_skipped;
        self
    }
}

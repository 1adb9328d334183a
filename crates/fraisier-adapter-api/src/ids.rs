//! Names that the engine and an adapter exchange without interpreting them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of one state of the schema, in the migration tool's own terms: `003`,
/// `20260301120000`, `ae1027a6acf`.
///
/// Opaque: revisions are compared for equality only. They have no order, because only the tool that
/// made them knows which of two comes first. A plain string on the wire.
///
/// ```
/// use fraisier_adapter_api::Revision;
///
/// let head = Revision::new("003");
/// assert_eq!(head.as_str(), "003");
/// assert_eq!(head.to_string(), "003");
/// assert_eq!(head, Revision::from("003"));
/// assert_eq!(String::from(head.clone()), "003");
/// assert_eq!(serde_json::to_string(&head)?, r#""003""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub String);

impl Revision {
    /// Names a revision. Nothing is checked: whether there is such a revision only the tool knows.
    ///
    /// ```
    /// # use fraisier_adapter_api::Revision;
    /// assert_eq!(Revision::new("003"), Revision("003".to_owned()));
    /// ```
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name as it was given.
    ///
    /// ```
    /// # use fraisier_adapter_api::Revision;
    /// assert_eq!(Revision::new("003").as_str(), "003");
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<String> for Revision {
    fn from(name: String) -> Self {
        Self(name)
    }
}

impl From<&str> for Revision {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<Revision> for String {
    fn from(revision: Revision) -> Self {
        revision.0
    }
}

impl AsRef<str> for Revision {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// The name of a host that takes part in a deploy, as the engine's configuration spells it.
///
/// It is ordered, by the text, so that hosts can be keys and lists of them are stable. A plain
/// string on the wire.
///
/// ```
/// use fraisier_adapter_api::HostId;
///
/// let mut hosts = ["db-2", "db-1"].map(HostId::from);
/// hosts.sort();
/// assert_eq!(hosts[0].as_str(), "db-1");
/// assert_eq!(serde_json::to_string(&hosts)?, r#"["db-1","db-2"]"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostId(pub String);

impl HostId {
    /// Names a host. Nothing is looked up.
    ///
    /// ```
    /// # use fraisier_adapter_api::HostId;
    /// assert_eq!(HostId::new("db-1"), HostId("db-1".to_owned()));
    /// ```
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name as it was given.
    ///
    /// ```
    /// # use fraisier_adapter_api::HostId;
    /// assert_eq!(HostId::new("db-1").as_str(), "db-1");
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<String> for HostId {
    fn from(name: String) -> Self {
        Self(name)
    }
}

impl From<&str> for HostId {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<HostId> for String {
    fn from(host: HostId) -> Self {
        host.0
    }
}

impl AsRef<str> for HostId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// What is being deployed: the build that the migrations belong to.
///
/// ```
/// use fraisier_adapter_api::ArtifactRef;
///
/// let build = ArtifactRef::new("shop-2026.03.1");
/// assert_eq!(serde_json::to_string(&build)?, r#"{"id":"shop-2026.03.1","checksum":null}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ArtifactRef {
    /// The artifact's name, unique in the place it comes from.
    pub id: String,
    /// A checksum of its content in the engine's notation, such as `sha256:9f86d0…`; `None` when
    /// the engine does not know one, which says nothing about the content.
    pub checksum: Option<String>,
}

impl ArtifactRef {
    /// Names an artifact. Nothing is looked up, and no checksum is known.
    ///
    /// ```
    /// # use fraisier_adapter_api::ArtifactRef;
    /// let build = ArtifactRef::new("shop-2026.03.1");
    /// assert_eq!((build.id.as_str(), build.checksum), ("shop-2026.03.1", None));
    /// ```
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            checksum: None,
        }
    }

    /// Sets the checksum, in the engine's notation.
    ///
    /// ```
    /// # use fraisier_adapter_api::ArtifactRef;
    /// let build = ArtifactRef::new("shop-2026.03.1").with_checksum("sha256:9f86d0");
    /// assert_eq!(build.checksum.as_deref(), Some("sha256:9f86d0"));
    /// ```
    #[must_use]
    pub fn with_checksum(mut self, checksum: impl Into<String>) -> Self {
        self.checksum = Some(checksum.into());
        self
    }
}

//! What the engine passes to an adapter with each call.

use std::collections::BTreeMap;
use std::env::{self, VarError};
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AdapterError, ArtifactRef, HostId, Revision};

/// What the engine passes to an adapter with each call.
///
/// An adapter remembers nothing of it between calls: two calls on one adapter may be about different
/// databases.
///
/// On the wire a context contains only the *names* of secrets. Values that the engine has already
/// resolved stay in its process: they are never serialized, never read from JSON, and `Debug`
/// prints only their names.
///
/// So do not copy a context through JSON, and do not convert it to another crate's context that way:
/// copy it field by field. A copy through JSON has no
/// [`resolved_secrets`](Self::resolved_secrets), and [`secret`](Self::secret) then reads the variable
/// instead: a rehearsal that was given the DSN of a throwaway database runs on the live one.
///
/// ```
/// use fraisier_adapter_api::AdapterCtx;
///
/// let rehearsal = AdapterCtx::new("shop", "production")
///     .with_env_secret("DATABASE_URL", "PATH") // stands for the variable with the live DSN
///     .with_resolved_secret("DATABASE_URL", "postgresql://localhost/throwaway");
///
/// let wrong: AdapterCtx = serde_json::from_value(serde_json::to_value(&rehearsal)?)?;
/// let right = rehearsal.clone();
/// assert_eq!(right.secret("DATABASE_URL")?, "postgresql://localhost/throwaway");
/// assert_ne!(wrong.secret("DATABASE_URL")?, "postgresql://localhost/throwaway");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// ```
/// use fraisier_adapter_api::AdapterCtx;
///
/// let ctx = AdapterCtx::new("shop", "production")
///     .with_workdir("/srv/shop")
///     .with_resolved_secret("DATABASE_URL", "postgresql://shop:hunter2@db/shop")
///     .with_previous_revision("002");
///
/// assert!(!format!("{ctx:?}").contains("hunter2"));
/// assert_eq!(
///     serde_json::to_string(&ctx)?,
///     concat!(
///         r#"{"fraise":"shop","environment":"production","host":null,"workdir":"/srv/shop","#,
///         r#""migrations_path":null,"env_secrets":{},"previous_revision":"002","#,
///         r#""artifact_ref":null,"settings":{}}"#,
///     ),
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
pub struct AdapterCtx {
    /// The name of the deployed unit: one application with its database.
    pub fraise: String,
    /// The name of the environment it is deployed to: `production`.
    pub environment: String,
    /// The host that the call is about; `None` when it is about no host in particular.
    pub host: Option<HostId>,
    /// The directory the tool works in. A relative one is relative to this process's own. A path
    /// that is not UTF-8 cannot be serialized.
    pub workdir: PathBuf,
    /// Where the migrations are, relative to [`workdir`](Self::workdir) unless absolute; `None`
    /// for the tool's own default.
    pub migrations_path: Option<PathBuf>,
    /// The declared secrets: the logical name (`DATABASE_URL`), and the environment variable to read it
    /// from (`SHOP_PRODUCTION_DSN`). A missing key reads as empty.
    #[serde(default)]
    pub env_secrets: BTreeMap<String, String>,
    /// The values of secrets, by logical name, in this process only: never serialized, never
    /// printed. A context read from JSON has none: see [above](Self).
    #[serde(skip)]
    pub resolved_secrets: BTreeMap<String, String>,
    /// The revision that the previous deploy left the database at; `None` when there was none or
    /// the engine does not know. The database may be at another one by now: see
    /// [`current_revision`](crate::MigrationAdapter::current_revision).
    pub previous_revision: Option<Revision>,
    /// The build that is deployed; `None` when the migrations do not come from a build.
    pub artifact_ref: Option<ArtifactRef>,
    /// Settings of the adapter's own, each documented there. Not for secrets: they are serialized
    /// and printed. A missing key reads as empty.
    #[serde(default)]
    pub settings: BTreeMap<String, Value>,
}

impl AdapterCtx {
    /// A context with these two names, `.` as the [`workdir`](Self::workdir), and nothing else.
    ///
    /// ```
    /// # use fraisier_adapter_api::AdapterCtx;
    /// # use std::path::Path;
    /// let ctx = AdapterCtx::new("shop", "production");
    /// assert_eq!(ctx.workdir, Path::new("."));
    /// assert!(ctx.settings.is_empty() && ctx.host.is_none());
    /// ```
    pub fn new(fraise: impl Into<String>, environment: impl Into<String>) -> Self {
        Self {
            fraise: fraise.into(),
            environment: environment.into(),
            host: None,
            workdir: PathBuf::from("."),
            migrations_path: None,
            env_secrets: BTreeMap::new(),
            resolved_secrets: BTreeMap::new(),
            previous_revision: None,
            artifact_ref: None,
            settings: BTreeMap::new(),
        }
    }

    /// Sets the host that the call is about.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterCtx, HostId};
    /// let ctx = AdapterCtx::new("shop", "test").with_host("db-1");
    /// assert_eq!(ctx.host, Some(HostId::new("db-1")));
    /// ```
    #[must_use]
    pub fn with_host(mut self, host: impl Into<HostId>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Sets the revision that the previous deploy left the database at, as far as the engine
    /// remembers it.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterCtx, Revision};
    /// let ctx = AdapterCtx::new("shop", "test").with_previous_revision("002");
    /// assert_eq!(ctx.previous_revision, Some(Revision::new("002")));
    /// ```
    #[must_use]
    pub fn with_previous_revision(mut self, revision: impl Into<Revision>) -> Self {
        self.previous_revision = Some(revision.into());
        self
    }

    /// Sets the build that is deployed.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterCtx, ArtifactRef};
    /// let build = ArtifactRef::new("shop-2026.03.1");
    /// let ctx = AdapterCtx::new("shop", "test").with_artifact_ref(build.clone());
    /// assert_eq!(ctx.artifact_ref, Some(build));
    /// ```
    #[must_use]
    pub fn with_artifact_ref(mut self, artifact: ArtifactRef) -> Self {
        self.artifact_ref = Some(artifact);
        self
    }

    /// Sets the directory that the tool works in.
    ///
    /// ```
    /// # use fraisier_adapter_api::AdapterCtx;
    /// # use std::path::Path;
    /// let ctx = AdapterCtx::new("shop", "test").with_workdir("/srv/shop");
    /// assert_eq!(ctx.workdir, Path::new("/srv/shop"));
    /// ```
    #[must_use]
    pub fn with_workdir(mut self, workdir: impl Into<PathBuf>) -> Self {
        self.workdir = workdir.into();
        self
    }

    /// Sets where the migrations are, relative to [`workdir`](Self::workdir) unless absolute.
    ///
    /// ```
    /// # use fraisier_adapter_api::AdapterCtx;
    /// # use std::path::Path;
    /// let ctx = AdapterCtx::new("shop", "test").with_migrations_path("db/migrations");
    /// assert_eq!(ctx.migrations_path.as_deref(), Some(Path::new("db/migrations")));
    /// ```
    #[must_use]
    pub fn with_migrations_path(mut self, migrations_path: impl Into<PathBuf>) -> Self {
        self.migrations_path = Some(migrations_path.into());
        self
    }

    /// Sets a setting of the adapter's own.
    ///
    /// ```
    /// # use fraisier_adapter_api::AdapterCtx;
    /// let ctx = AdapterCtx::new("shop", "test").with_setting("lock_timeout_ms", 500);
    /// assert_eq!(ctx.settings["lock_timeout_ms"], 500);
    /// ```
    #[must_use]
    pub fn with_setting(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.settings.insert(name.into(), value.into());
        self
    }

    /// Declares a secret, and the environment variable to read it from.
    ///
    /// ```
    /// # use fraisier_adapter_api::AdapterCtx;
    /// let ctx = AdapterCtx::new("shop", "test").with_env_secret("DATABASE_URL", "SHOP_DSN");
    /// assert_eq!(ctx.env_secrets["DATABASE_URL"], "SHOP_DSN");
    /// ```
    #[must_use]
    pub fn with_env_secret(
        mut self,
        logical: impl Into<String>,
        variable: impl Into<String>,
    ) -> Self {
        self.env_secrets.insert(logical.into(), variable.into());
        self
    }

    /// Sets the value of a secret, for calls within this process. It takes precedence over
    /// [`env_secrets`](Self::env_secrets).
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterCtx, AdapterError};
    /// let ctx = AdapterCtx::new("shop", "test")
    ///     .with_resolved_secret("DATABASE_URL", "postgresql://localhost/shop");
    /// assert_eq!(ctx.secret("DATABASE_URL")?, "postgresql://localhost/shop");
    /// # Ok::<(), AdapterError>(())
    /// ```
    #[must_use]
    pub fn with_resolved_secret(
        mut self,
        logical: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        self.resolved_secrets.insert(logical.into(), value.into());
        self
    }

    /// The value of the secret with this logical name: the resolved one, or else the current value
    /// of the environment variable that [`env_secrets`](Self::env_secrets) names, in this process.
    /// The value is returned unchanged, even if it is empty.
    ///
    /// ```
    /// use fraisier_adapter_api::{AdapterCtx, AdapterErrorKind};
    ///
    /// let ctx = AdapterCtx::new("shop", "test");
    /// let undeclared = ctx.secret("DATABASE_URL").unwrap_err();
    /// assert_eq!(undeclared.kind, AdapterErrorKind::MissingSecret);
    ///
    /// let ctx = ctx.with_env_secret("DATABASE_URL", "NO_SUCH_VARIABLE_HERE");
    /// let unset = ctx.secret("DATABASE_URL").unwrap_err();
    /// assert_eq!(unset.kind, AdapterErrorKind::SecretReadFailed);
    /// ```
    ///
    /// # Errors
    ///
    /// [`MissingSecret`](crate::AdapterErrorKind::MissingSecret) when the context does not declare
    /// the name; a variable that happens to be called `DATABASE_URL` is not read.
    /// [`SecretReadFailed`](crate::AdapterErrorKind::SecretReadFailed) when the declared variable
    /// is unset or its value is not UTF-8.
    pub fn secret(&self, logical: &str) -> Result<String, AdapterError> {
        self.secret_from(logical, |source| env::var(source))
    }

    fn secret_from(
        &self,
        logical: &str,
        read: impl FnOnce(&str) -> Result<String, VarError>,
    ) -> Result<String, AdapterError> {
        if let Some(value) = self.resolved_secrets.get(logical) {
            return Ok(value.clone());
        }
        let source = self
            .env_secrets
            .get(logical)
            .ok_or_else(|| AdapterError::missing_secret(logical))?;
        read(source).map_err(|cause| AdapterError::secret_read_failed(logical, source, &cause))
    }
}

impl fmt::Debug for AdapterCtx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Destructured, so that a new field cannot be forgotten.
        let Self {
            fraise,
            environment,
            host,
            workdir,
            migrations_path,
            env_secrets,
            resolved_secrets,
            previous_revision,
            artifact_ref,
            settings,
        } = self;
        f.debug_struct("AdapterCtx")
            .field("fraise", fraise)
            .field("environment", environment)
            .field("host", host)
            .field("workdir", workdir)
            .field("migrations_path", migrations_path)
            .field("env_secrets", env_secrets)
            .field("resolved_secrets", &resolved_secrets.keys())
            .field("previous_revision", previous_revision)
            .field("artifact_ref", artifact_ref)
            .field("settings", settings)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::AdapterErrorKind;

    fn declaring(logical: &str, source: &str) -> AdapterCtx {
        AdapterCtx::new("shop", "test").with_env_secret(logical, source)
    }

    #[test]
    fn a_declared_secret_is_read_from_its_variable() {
        let value = declaring("DATABASE_URL", "SHOP_DSN").secret_from("DATABASE_URL", |source| {
            assert_eq!(source, "SHOP_DSN");
            Ok("value".into())
        });
        assert_eq!(value.as_deref(), Ok("value"));
    }

    #[test]
    fn secrets_are_read_from_this_process() {
        let path = env::var("PATH").expect("tests run with a PATH");
        assert_eq!(declaring("PROGRAMS", "PATH").secret("PROGRAMS"), Ok(path));
    }

    #[test]
    fn a_resolved_secret_wins_and_nothing_is_read() {
        let ctx = declaring("DATABASE_URL", "SHOP_DSN").with_resolved_secret("DATABASE_URL", "a");
        let value = ctx.secret_from("DATABASE_URL", |_| panic!("read although resolved"));
        assert_eq!(value.as_deref(), Ok("a"));
    }

    #[test]
    fn an_undeclared_secret_is_not_read_from_the_environment() {
        let ctx = declaring("OTHER", "SHOP_DSN");
        let error = ctx
            .secret_from("PATH", |_| panic!("read although undeclared"))
            .unwrap_err();
        assert_eq!(error, AdapterError::missing_secret("PATH"));
    }

    #[test]
    fn an_unreadable_variable_has_its_own_error_kind() {
        for cause in [
            VarError::NotPresent,
            VarError::NotUnicode(OsString::from("hunter2")),
        ] {
            let error = declaring("DATABASE_URL", "SHOP_DSN")
                .secret_from("DATABASE_URL", |_| Err(cause))
                .unwrap_err();
            assert_eq!(error.kind, AdapterErrorKind::SecretReadFailed);
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn debug_prints_every_field_but_no_value_of_a_secret() {
        let mut ctx =
            declaring("DATABASE_URL", "SHOP_DSN").with_resolved_secret("TOKEN", "hunter2");
        ctx.host = Some(HostId::new("db-1"));
        ctx.settings.insert("scope".into(), "pending".into());
        assert_eq!(
            format!("{ctx:?}"),
            concat!(
                r#"AdapterCtx { fraise: "shop", environment: "test", host: Some(HostId("db-1")), "#,
                r#"workdir: ".", migrations_path: None, env_secrets: {"DATABASE_URL": "SHOP_DSN"}, "#,
                r#"resolved_secrets: ["TOKEN"], previous_revision: None, artifact_ref: None, "#,
                r#"settings: {"scope": String("pending")} }"#,
            ),
        );
    }
}

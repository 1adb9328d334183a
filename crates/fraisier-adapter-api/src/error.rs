//! How a call fails.

use std::env::VarError;
use std::fmt;
use std::str::FromStr;

use serde::de::Deserializer;
use serde::{Deserialize, Serialize};

/// What kind of failure an [`AdapterError`] is.
///
/// Programs decide by the kind; the message is for people. Only
/// [`LockContention`](Self::LockContention) is worth a retry of the same call:
/// [`is_retriable`](Self::is_retriable).
///
/// Reading a kind that is none of these is an error here; inside an [`AdapterError`] it reads as
/// [`Remote`](Self::Remote).
///
/// ```
/// use fraisier_adapter_api::AdapterErrorKind;
///
/// let kind = AdapterErrorKind::LockContention;
/// assert_eq!(kind.as_str(), "lock_contention");
/// assert_eq!(kind.code(), -32007);
/// assert_eq!(kind.to_string(), "lock_contention");
/// assert_eq!(serde_json::to_string(&kind)?, r#""lock_contention""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AdapterErrorKind {
    /// The adapter does not implement the method.
    MethodNotSupported,
    /// The configuration is wrong; editing it is the fix.
    InvalidConfig,
    /// Malformed framing or envelope, between the engine and an adapter in another process.
    Protocol,
    /// The call ran, and the underlying operation failed, for example a statement of a migration.
    Execution,
    /// A secret was asked for that the context does not declare.
    MissingSecret,
    /// The secret is declared, but the variable it comes from cannot be read.
    SecretReadFailed,
    /// An adapter in another process reported an error of its own.
    Remote,
    /// The database is not in the state that the call needs.
    PreconditionFailed,
    /// The database could not be reached: host, authentication or network.
    DbUnreachable,
    /// The schema, its DDL or its build is at fault.
    SchemaError,
    /// Another writer holds the lock. The only kind that is retriable: the same call may succeed
    /// later.
    LockContention,
    /// A step with git failed.
    GitError,
    /// It cannot be rolled back, or the state is inconsistent after trying. Somebody must look at
    /// the database.
    IrreversibleRollback,
    /// An unexpected failure that no other kind describes better.
    InternalError,
}

impl AdapterErrorKind {
    /// Every kind, in the order of the declaration.
    ///
    /// ```
    /// # use fraisier_adapter_api::AdapterErrorKind;
    /// let retriable: Vec<_> =
    ///     AdapterErrorKind::ALL.iter().filter(|kind| kind.is_retriable()).collect();
    /// assert_eq!(retriable, [&AdapterErrorKind::LockContention]);
    /// ```
    // A slice: its type does not change when a kind is added.
    pub const ALL: &'static [Self] = &[
        Self::MethodNotSupported,
        Self::InvalidConfig,
        Self::Protocol,
        Self::Execution,
        Self::MissingSecret,
        Self::SecretReadFailed,
        Self::Remote,
        Self::PreconditionFailed,
        Self::DbUnreachable,
        Self::SchemaError,
        Self::LockContention,
        Self::GitError,
        Self::IrreversibleRollback,
        Self::InternalError,
    ];

    /// The string on the wire.
    ///
    /// ```
    /// # use fraisier_adapter_api::AdapterErrorKind;
    /// assert_eq!(AdapterErrorKind::DbUnreachable.as_str(), "db_unreachable");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MethodNotSupported => "method_not_supported",
            Self::InvalidConfig => "invalid_config",
            Self::Protocol => "protocol",
            Self::Execution => "execution",
            Self::MissingSecret => "missing_secret",
            Self::SecretReadFailed => "secret_read_failed",
            Self::Remote => "remote",
            Self::PreconditionFailed => "precondition_failed",
            Self::DbUnreachable => "db_unreachable",
            Self::SchemaError => "schema_error",
            Self::LockContention => "lock_contention",
            Self::GitError => "git_error",
            Self::IrreversibleRollback => "irreversible_rollback",
            Self::InternalError => "internal_error",
        }
    }

    /// The JSON-RPC error number of this kind.
    ///
    /// ```
    /// # use fraisier_adapter_api::AdapterErrorKind;
    /// assert_eq!(AdapterErrorKind::DbUnreachable.code(), -32005);
    /// ```
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::MethodNotSupported => -32601,
            Self::InvalidConfig => -32602,
            Self::Protocol => -32600,
            Self::Execution => -32000,
            Self::MissingSecret => -32001,
            Self::SecretReadFailed => -32002,
            Self::Remote => -32003,
            Self::PreconditionFailed => -32004,
            Self::DbUnreachable => -32005,
            Self::SchemaError => -32006,
            Self::LockContention => -32007,
            Self::GitError => -32008,
            Self::IrreversibleRollback => -32009,
            Self::InternalError => -32010,
        }
    }

    /// The kind with this JSON-RPC error number; `None` for a number that no kind has.
    ///
    /// For a number from another process use [`AdapterError::remote`] when this returns `None`: it
    /// keeps the number.
    ///
    /// ```
    /// # use fraisier_adapter_api::AdapterErrorKind;
    /// assert_eq!(AdapterErrorKind::from_code(-32007), Some(AdapterErrorKind::LockContention));
    /// assert_eq!(AdapterErrorKind::from_code(42), None);
    /// ```
    #[must_use]
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code)
    }

    /// Whether the same call, unchanged, may succeed later: another writer had the lock, and
    /// nothing was changed. `false` for every other kind, [`DbUnreachable`](Self::DbUnreachable)
    /// included: a wrong host name or password does not repair itself.
    ///
    /// ```
    /// # use fraisier_adapter_api::AdapterErrorKind;
    /// assert!(AdapterErrorKind::LockContention.is_retriable());
    /// assert!(!AdapterErrorKind::DbUnreachable.is_retriable());
    /// ```
    #[must_use]
    pub const fn is_retriable(self) -> bool {
        matches!(self, Self::LockContention)
    }
}

impl fmt::Display for AdapterErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for AdapterErrorKind {
    type Err = UnknownErrorKind;

    /// Reads the string on the wire, exactly as it is written there.
    ///
    /// # Errors
    ///
    /// [`UnknownErrorKind`] for everything else: `"LockContention"`, `" execution"`, `""`.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str() == name)
            .ok_or_else(|| UnknownErrorKind {
                name: name.to_owned(),
            })
    }
}

/// A name that is not an [`AdapterErrorKind`]. The message lists the valid names.
///
/// ```
/// use fraisier_adapter_api::AdapterErrorKind;
///
/// let unknown = "timeout".parse::<AdapterErrorKind>().unwrap_err();
/// assert_eq!(unknown.name, "timeout");
/// assert!(unknown.to_string().starts_with(
///     "unknown kind of error \"timeout\"; valid: method_not_supported, invalid_config, ",
/// ));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of error {name:?}; valid: {}", valid_names())]
pub struct UnknownErrorKind {
    /// The name as it was given.
    pub name: String,
}

fn valid_names() -> String {
    let names: Vec<_> = AdapterErrorKind::ALL
        .iter()
        .map(|kind| kind.as_str())
        .collect();
    names.join(", ")
}

/// Why a call failed.
///
/// Plain data, so that nothing is lost when it crosses a process boundary. Everything in it may be
/// logged: whoever builds one removes secrets from every field.
///
/// An error from a newer adapter may be of a kind that this crate does not know. It stays readable:
/// the kind reads as [`Remote`](AdapterErrorKind::Remote), which promises nothing, and the
/// [`code`](Self#structfield.code) is kept, so that nothing is retried by mistake and the number
/// still identifies the kind.
///
/// ```
/// use fraisier_adapter_api::{AdapterError, AdapterErrorKind};
///
/// let error = AdapterError::new(AdapterErrorKind::DbUnreachable, "connection refused")
///     .with_adapter("example");
/// assert_eq!(error.to_string(), "[db_unreachable] connection refused");
/// assert_eq!(
///     serde_json::to_string(&error)?,
///     concat!(
///         r#"{"kind":"db_unreachable","code":-32005,"message":"connection refused","#,
///         r#""adapter":"example","operation":null,"stderr":null}"#,
///     ),
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("[{kind}] {message}")]
pub struct AdapterError {
    /// What kind of failure it is, for programs. A name that this crate does not know reads as
    /// [`Remote`](AdapterErrorKind::Remote); a value that is not a string is an error.
    #[serde(deserialize_with = "kind_or_remote")]
    pub kind: AdapterErrorKind,
    /// The JSON-RPC error number: that of the kind, except for
    /// [`remote`](Self::remote) errors, which keep the number of the adapter that reported them.
    pub code: i32,
    /// What happened and what to do about it, for people. Without secrets.
    pub message: String,
    /// The [name](crate::AdapterDescription::name) of the adapter that failed, when it is known.
    pub adapter: Option<String>,
    /// The method or step that failed, when it is known: `up`.
    pub operation: Option<String>,
    /// What the tool printed about it, as evidence: bounded, and without secrets.
    pub stderr: Option<String>,
}

impl AdapterError {
    /// A failure of this kind, with the kind's number.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterError, AdapterErrorKind};
    /// let error = AdapterError::new(AdapterErrorKind::GitError, "no such tag: v3");
    /// assert_eq!((error.code, error.operation), (-32008, None));
    /// ```
    pub fn new(kind: AdapterErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: kind.code(),
            message: message.into(),
            adapter: None,
            operation: None,
            stderr: None,
        }
    }

    /// A failure that an adapter in another process reported with a number of its own, which is
    /// kept.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterError, AdapterErrorKind};
    /// let error = AdapterError::remote(42, "disk full");
    /// assert_eq!((error.kind, error.code), (AdapterErrorKind::Remote, 42));
    /// ```
    pub fn remote(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            ..Self::new(AdapterErrorKind::Remote, message)
        }
    }

    /// The adapter does not implement `method`, which also becomes the
    /// [`operation`](Self::operation).
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterError, AdapterErrorKind};
    /// let error = AdapterError::method_not_supported("preflight");
    /// assert_eq!(error.kind, AdapterErrorKind::MethodNotSupported);
    /// assert_eq!(error.operation.as_deref(), Some("preflight"));
    /// ```
    pub fn method_not_supported(method: impl Into<String>) -> Self {
        let method = method.into();
        Self {
            operation: Some(method.clone()),
            ..Self::new(
                AdapterErrorKind::MethodNotSupported,
                format!("the adapter does not implement `{method}`"),
            )
        }
    }

    /// The secret `logical` was asked for, and the context does not declare it.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterError, AdapterErrorKind};
    /// let error = AdapterError::missing_secret("DATABASE_URL");
    /// assert_eq!(error.kind, AdapterErrorKind::MissingSecret);
    /// assert!(error.message.contains("DATABASE_URL"));
    /// ```
    pub fn missing_secret(logical: impl Into<String>) -> Self {
        let logical = logical.into();
        Self::new(
            AdapterErrorKind::MissingSecret,
            format!("the context declares no secret `{logical}`"),
        )
    }

    /// The secret `logical` comes from the environment variable `source`, which cannot be read. A
    /// value that is not UTF-8 is not quoted, not even in part.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterError, AdapterErrorKind};
    /// use std::env::VarError;
    ///
    /// let error =
    ///     AdapterError::secret_read_failed("DATABASE_URL", "SHOP_DSN", &VarError::NotPresent);
    /// assert_eq!(error.kind, AdapterErrorKind::SecretReadFailed);
    /// assert_eq!(
    ///     error.message,
    ///     "the secret `DATABASE_URL` comes from the environment variable `SHOP_DSN`, \
    ///      which is not set",
    /// );
    /// ```
    pub fn secret_read_failed(
        logical: impl Into<String>,
        source: impl Into<String>,
        cause: &VarError,
    ) -> Self {
        let (logical, source) = (logical.into(), source.into());
        // `VarError::NotUnicode` prints the value, which here is a secret.
        let why = match cause {
            VarError::NotPresent => "not set",
            VarError::NotUnicode(_) => "not valid UTF-8",
        };
        Self::new(
            AdapterErrorKind::SecretReadFailed,
            format!(
                "the secret `{logical}` comes from the environment variable `{source}`, \
                 which is {why}"
            ),
        )
    }

    /// Names the adapter that failed.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterError, AdapterErrorKind};
    /// let error = AdapterError::new(AdapterErrorKind::Execution, "003 failed");
    /// assert_eq!(error.with_adapter("example").adapter.as_deref(), Some("example"));
    /// ```
    #[must_use]
    pub fn with_adapter(mut self, name: impl Into<String>) -> Self {
        self.adapter = Some(name.into());
        self
    }

    /// Names the method or step that failed.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterError, AdapterErrorKind, capability};
    /// let error = AdapterError::new(AdapterErrorKind::Execution, "003 failed")
    ///     .with_operation(capability::UP);
    /// assert_eq!(error.operation.as_deref(), Some("up"));
    /// ```
    #[must_use]
    pub fn with_operation(mut self, operation: impl Into<String>) -> Self {
        self.operation = Some(operation.into());
        self
    }

    /// Adds what the tool printed about the failure, as evidence. The caller bounds its length and
    /// removes secrets first: everything in an error may be logged.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterError, AdapterErrorKind};
    /// let error = AdapterError::new(AdapterErrorKind::Execution, "003 failed")
    ///     .with_stderr("ERROR: relation \"orders\" does not exist");
    /// assert!(error.stderr.is_some_and(|printed| printed.contains("orders")));
    /// ```
    #[must_use]
    pub fn with_stderr(mut self, stderr: impl Into<String>) -> Self {
        self.stderr = Some(stderr.into());
        self
    }

    /// The JSON-RPC error number to reply with: the [`code`](Self#structfield.code) field.
    ///
    /// ```
    /// # use fraisier_adapter_api::AdapterError;
    /// assert_eq!(AdapterError::remote(42, "disk full").code(), 42);
    /// ```
    #[must_use]
    pub const fn code(&self) -> i32 {
        self.code
    }
}

fn kind_or_remote<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<AdapterErrorKind, D::Error> {
    let name = String::deserialize(deserializer)?;
    Ok(name.parse().unwrap_or(AdapterErrorKind::Remote))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    #[test]
    fn a_secret_that_is_not_utf8_is_not_repeated() {
        let cause = VarError::NotUnicode(OsString::from("hunter2"));
        assert!(cause.to_string().contains("hunter2"), "what must not leak");

        let error = AdapterError::secret_read_failed("DATABASE_URL", "SHOP_DSN", &cause);

        assert_eq!(error.kind, AdapterErrorKind::SecretReadFailed);
        assert!(error.message.contains("DATABASE_URL"), "{error}");
        assert!(error.message.contains("SHOP_DSN"), "{error}");
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{error:?}"
        );
    }
}

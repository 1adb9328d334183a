//! What a connection string says.

use std::collections::BTreeMap;
use std::fmt;

use crate::failure::Failure;
use crate::libpq::ConnectionString;
use crate::redact::Redactor;

/// What the adapter reads in a connection string. Its `Debug` shows nothing, for it contains the
/// password.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// Its parameters, decoded, by name.
    pub settings: BTreeMap<String, String>,
    /// A URL without its password, and the password; `None` when it cannot be removed.
    pub without_password: Option<(String, Option<String>)>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection(…)")
    }
}

/// What the adapter reads in the connection string `text`, which is the secret `name`.
///
/// # Errors
///
/// `InvalidConfig` when libpq refuses it: see `MigrationAdapter`.
pub fn connection(name: &str, text: &str) -> Result<Connection, Failure> {
    let parsed = ConnectionString::new(name, text);
    let parsed = parsed.map_err(|fault| fault.redacted(None, &Redactor::new([text], [])))?;
    let without_password = parsed.split_password().ok();
    let settings = parsed.settings.iter();
    Ok(Connection {
        settings: settings
            .map(|it| (it.name.clone(), it.value.clone()))
            .collect(),
        without_password: without_password
            .map(|(url, password)| (url, password.map(str::to_owned))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_connection_string_has_no_password() {
        let found = connection("DATABASE_URL", "postgresql://me:hunter2x@h/db").expect("it is one");
        assert_eq!(format!("{found:?}"), "Connection(…)");
    }
}

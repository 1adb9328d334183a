//! How a call gets its connection string.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The variable that carries the DSN.
pub const CONFITURE_DATABASE_URL: &str = "CONFITURE_DATABASE_URL";
/// The ambient variable that confiture falls back on.
pub const DATABASE_URL: &str = "DATABASE_URL";
/// Carries the password of the `--against` database.
pub const PGPASSWORD: &str = "PGPASSWORD";

/// A database server and one database on it. It contains a password, so it cannot be printed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Role.
    pub user: String,
    /// The role's password.
    pub password: String,
    /// The database.
    pub database: String,
    /// The throwaway copy in which `preflight --against` replays the migrations.
    pub against: String,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoint")
    }
}

impl Endpoint {
    /// The DSN of the database.
    pub fn dsn(&self) -> String {
        self.url(&self.password, self.port, &self.database)
    }

    /// The DSN of the throwaway copy.
    pub fn against_dsn(&self) -> String {
        self.url(&self.password, self.port, &self.against)
    }

    /// The URL of the throwaway copy, without a password, as the command line has it.
    pub fn against_url(&self) -> String {
        let Self {
            host,
            port,
            user,
            against,
            ..
        } = self;
        format!("postgresql://{user}@{host}:{port}/{against}")
    }

    fn url(&self, password: &str, port: u16, database: &str) -> String {
        let Self { host, user, .. } = self;
        format!("postgresql://{user}:{password}@{host}:{port}/{database}")
    }
}

/// What the environment of a call says about the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// The right DSN.
    #[default]
    Valid,
    /// The DSN with a port where nothing listens.
    Unreachable,
    /// The DSN with a password that the server refuses.
    WrongPassword,
    /// A text that looks like a DSN and is not.
    Malformed,
    /// No DSN at all.
    Absent,
    /// An empty DSN, beside an ambient `DATABASE_URL` that works.
    EmptyBesideAmbient,
}

impl Connection {
    /// The DSN that a caller passes to the adapter, if it passes one.
    pub fn dsn(self, endpoint: &Endpoint) -> Option<String> {
        match self {
            Self::Valid => Some(endpoint.dsn()),
            // A privileged port that PostgreSQL never listens on.
            Self::Unreachable => Some(endpoint.url(&endpoint.password, 1, &endpoint.database)),
            Self::WrongPassword => {
                Some(endpoint.url("not-the-password", endpoint.port, &endpoint.database))
            }
            Self::Malformed => Some(endpoint.dsn().replacen("://", "//", 1)),
            Self::Absent => None,
            Self::EmptyBesideAmbient => Some(String::new()),
        }
    }

    /// The variables of the call that decide which database it reaches: name to value, `None`
    /// for one that must not be set.
    pub fn environment(self, endpoint: &Endpoint) -> BTreeMap<&'static str, Option<String>> {
        let ambient = (self == Self::EmptyBesideAmbient).then(|| endpoint.dsn());
        BTreeMap::from([
            (CONFITURE_DATABASE_URL, self.dsn(endpoint)),
            (DATABASE_URL, ambient),
        ])
    }
}

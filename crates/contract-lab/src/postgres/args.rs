//! Which server a command works on.

use std::path::PathBuf;

use super::binaries::{self, Major};
use super::server::Server;
use crate::Lab;

/// The options of a command that needs a server.
#[derive(Debug, clap::Args)]
pub struct ServerArgs {
    /// Which PostgreSQL to start
    #[arg(long, default_value = "18", value_name = "VERSION")]
    postgres: Major,

    /// Use this server instead, in databases that are created for this and dropped again
    #[arg(
        long,
        env = "XTASK_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    database_url: Option<String>,
}

impl ServerArgs {
    /// The password in the given URL, which no report may contain.
    pub fn password(&self) -> Option<String> {
        let config: postgres::Config = self.database_url.as_ref()?.parse().ok()?;
        let password = config.get_password()?;
        Some(String::from_utf8_lossy(password).into_owned())
    }

    /// Opens the server: the given one, or an embedded one, which is started.
    pub fn open(&self, lab: &Lab) -> anyhow::Result<Server> {
        match &self.database_url {
            Some(url) => Server::given(url),
            None => Server::start(lab, self.postgres, &[]),
        }
    }

    /// The directory with `psql`, `pg_dump` and the other programs of that PostgreSQL.
    pub fn programs(&self, lab: &Lab) -> anyhow::Result<PathBuf> {
        let mut psql = binaries::provision(lab, self.postgres)?.bin("psql");
        psql.pop();
        Ok(psql)
    }
}

//! Connections to a server, and their errors without its password.

use std::time::Duration;

use postgres::{Client, NoTls};

use crate::trouble::Trouble;

/// Drops the database, with whoever is connected to it.
pub(super) fn drop_database(client: &mut Client, name: &str) -> Result<(), postgres::Error> {
    client.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
        &[&name],
    )?;
    client.batch_execute(&format!("DROP DATABASE IF EXISTS {}", quoted(name)))
}

/// The name, quoted for SQL.
pub(super) fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// Connects. No error repeats the DSN, which contains a password.
pub(super) fn connect_to(url: &str) -> anyhow::Result<Client> {
    let unusable = |why: String| {
        Trouble::new(
            format!("the PostgreSQL server cannot be used: {why}"),
            "give another with --database-url, or leave the option out for one of the lab's own",
        )
    };
    let mut config: postgres::Config = url
        .parse()
        .map_err(|_| unusable("the URL is not one that PostgreSQL understands".into()))?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(10));
    }
    Ok(config
        .connect(NoTls)
        .map_err(|error| unusable(explain(&error).to_string()))?)
}

/// The message of the server or the system, without what the client adds.
pub(super) fn explain(error: &postgres::Error) -> anyhow::Error {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(said), _) => anyhow::anyhow!("{}", said.message()),
        (None, Some(source)) => anyhow::anyhow!("{source}"),
        (None, None) => anyhow::anyhow!("{error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_url_is_refused_without_quoting_it() {
        let error = connect_to("mysql://u:geheim@h/db")
            .err()
            .unwrap()
            .to_string();
        assert!(!error.contains("geheim"), "{error}");
        assert!(error.contains("--database-url"), "{error}");
    }

    #[test]
    fn identifiers_are_quoted() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }
}

//! The databases of a case, and their contents.

use std::time::{Duration, Instant};

use contract_catalogue::connection::Endpoint;
use contract_catalogue::recording::State;
use postgres::config::Host;
use postgres::{Client, Config, NoTls};

use crate::interrupt;
use crate::postgres::Server;
use crate::postgres::look::{advisory_locks, sessions};
use crate::trouble::Trouble;

/// How long the sessions of a process that has ended may linger.
const SETTLES_WITHIN: Duration = Duration::from_secs(5);

/// The databases `database` and `against` on `server`, existing or not.
pub fn endpoint(server: &Server, database: &str, against: &str) -> anyhow::Result<Endpoint> {
    let config: Config = server.dsn(database).parse()?;
    let host = config.get_hosts().iter().find_map(|host| match host {
        Host::Tcp(name) => Some(name.clone()),
        Host::Unix(_) => None,
    });
    let incomplete = || {
        Trouble::new(
            "the server's URL lacks a host, a port, a user or a password",
            "give one with all four in --database-url",
        )
    };
    Ok(Endpoint {
        host: host.ok_or_else(incomplete)?,
        port: *config.get_ports().first().ok_or_else(incomplete)?,
        user: config.get_user().ok_or_else(incomplete)?.to_owned(),
        password: config
            .get_password()
            .map(|password| String::from_utf8_lossy(password).into_owned())
            .ok_or_else(incomplete)?,
        database: database.to_owned(),
        against: against.to_owned(),
    })
}

/// A connection to the database of `endpoint`.
pub fn connect(endpoint: &Endpoint) -> anyhow::Result<Client> {
    let mut config = Config::new();
    config
        .host(&endpoint.host)
        .port(endpoint.port)
        .user(&endpoint.user)
        .password(&endpoint.password)
        .dbname(&endpoint.database);
    Ok(config.connect(NoTls)?)
}

/// The columns of the ledger that the adapter reads, as every release so far creates them. The adapter
/// orders the rows by `pk_confiture`, which is a counter.
const COLUMNS: &str = "applied_at timestamptz, checksum, name, pk_confiture int8 identity, version";

fn other_columns(client: &mut Client) -> anyhow::Result<Option<String>> {
    let found: Option<String> = client
        .query_one(
            "SELECT string_agg(column_name::text \
             || CASE WHEN column_name IN ('applied_at', 'pk_confiture') THEN ' ' || udt_name ELSE '' END \
             || CASE is_identity WHEN 'YES' THEN ' identity' ELSE '' END, ', ' ORDER BY column_name::text) \
             FROM information_schema.columns \
             WHERE table_schema = 'public' AND table_name = 'tb_confiture' AND column_name IN \
             ('applied_at', 'checksum', 'name', 'pk_confiture', 'version')",
            &[],
        )?
        .get(0);
    let found = found.unwrap_or_default();
    Ok((found != COLUMNS).then_some(found))
}

/// The contents of the database of `endpoint`, in which `sessions` remained.
pub fn state(endpoint: &Endpoint, sessions: i64) -> anyhow::Result<State> {
    let mut client = connect(endpoint)?;
    let tables = client.query(
        "SELECT schemaname || '.' || tablename FROM pg_tables \
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
        &[],
    )?;
    let tables: Vec<String> = tables.iter().map(|row| row.get(0)).collect();
    let ledger = tables.iter().any(|table| table == "public.tb_confiture");
    let revision = if ledger {
        client
            .query_one("SELECT max(version) FROM public.tb_confiture", &[])?
            .get(0)
    } else {
        None
    };
    Ok(State {
        ledger_columns: if ledger {
            other_columns(&mut client)?
        } else {
            None
        },
        revision,
        tables,
        advisory_locks: advisory_locks(&mut client)?,
        sessions,
    })
}

/// Waits until no more than `others` sessions are connected to the database, because the server notices
/// the end of a client a little later. Returns how many more remain, which is recorded.
pub fn settle(endpoint: &Endpoint, others: i64) -> anyhow::Result<i64> {
    let mut client = connect(endpoint)?;
    let deadline = Instant::now() + SETTLES_WITHIN;
    loop {
        interrupt::check()?;
        let more = (sessions(&mut client)? - others).max(0);
        if more == 0 || Instant::now() >= deadline {
            return Ok(more);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

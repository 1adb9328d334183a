//! What the server says: each question in a transaction that only reads, and is rolled back.

use std::error::Error;
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::connection::Connected;
use super::dsn::Target;
use super::files::{Files, listed};
use super::history::{self, Applied};
use super::{Finding, Status};

/// How long a question may take. The server gives it up a little earlier.
const PATIENCE: Duration = Duration::from_secs(5);

const LIMITS: &str = "SET LOCAL statement_timeout = 4000";

/// The key of confiture's advisory lock, beside a number for the database. Every release from 0.20.0
/// on has this one.
const LOCK: &str = "1751936052";

pub(super) const CHECKS: [&str; 9] = [
    "server", "between", "writable", "rights", "ledger", "lock", "blocking", "indexes", "history",
];

/// Rows of texts.
type Rows = Vec<Vec<Option<String>>>;

/// A connection that is not used any more once an answer has failed to come.
struct Database {
    client: Option<Client>,
}

impl Database {
    async fn ask(&mut self, sql: &str, columns: usize) -> Result<Rows, String> {
        let Some(client) = &mut self.client else {
            return Err("not made: the connection is lost".into());
        };
        let answer = timeout(PATIENCE, async {
            let transaction = client.build_transaction().read_only(true).start().await?;
            transaction.batch_execute(LIMITS).await?;
            // Without a prepared statement: in a pooler, it would stay behind for others.
            let none: &[(&(dyn ToSql + Sync), Type)] = &[];
            let rows = transaction.query_typed(sql, none).await?;
            transaction.rollback().await?;
            Ok::<_, tokio_postgres::Error>(rows)
        });
        match answer.await {
            Ok(Ok(rows)) => {
                let text = |row: &tokio_postgres::Row| {
                    (0..columns)
                        .map(|at| row.try_get(at).ok().flatten())
                        .collect()
                };
                Ok(rows.iter().map(text).collect())
            }
            Ok(Err(why)) => {
                if client.is_closed() {
                    self.client = None;
                }
                Err(chain(&why))
            }
            Err(_) => {
                self.client = None;
                Err(format!("no answer within {PATIENCE:?}"))
            }
        }
    }
}

/// An error with its causes.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

pub(super) async fn examine(
    connected: Option<Connected>,
    target: &Target,
    files: &Files,
    checks: &mut Vec<Finding>,
) {
    let Some(Connected {
        client,
        takes_options,
    }) = connected
    else {
        let why = "not made: there is no connection";
        checks.extend(CHECKS.map(|check| Finding::unknown(check, why)));
        return;
    };
    let mut database = Database {
        client: Some(client),
    };
    checks.push(server(&mut database).await);
    checks.push(between(&mut database, target, takes_options).await);
    checks.push(writable(&mut database).await);
    let ledgers = ledgers(&mut database).await;
    checks.push(rights(&mut database, &ledgers).await);
    checks.push(ledger(&ledgers));
    checks.push(lock(&mut database).await);
    checks.push(blocking(&mut database).await);
    checks.push(indexes(&mut database).await);
    checks.push(history(&mut database, &ledgers, files).await);
}

/// One row of an answer, or the finding that there is none.
fn only(check: &'static str, answer: Result<Rows, String>) -> Result<Vec<String>, Finding> {
    match answer {
        Ok(rows) => match rows.into_iter().next() {
            Some(row) => Ok(row.into_iter().map(Option::unwrap_or_default).collect()),
            None => Err(Finding::unknown(check, "the server gave no row")),
        },
        Err(why) => Err(Finding::unknown(check, why)),
    }
}

async fn server(database: &mut Database) -> Finding {
    const CHECK: &str = "server";
    let sql = "SELECT current_setting('server_version'), current_setting('server_version_num')";
    let row = match only(CHECK, database.ask(sql, 2).await) {
        Ok(row) => row,
        Err(finding) => return finding,
    };
    let evidence = format!("PostgreSQL {}", row[0]);
    if row[1].parse::<u32>().is_ok_and(|number| number < 140_000) {
        let evidence =
            format!("{evidence}, which cannot be asked to notice that its client is gone");
        let next = "after a kill, a statement runs to its end; set \
                    FRAISIER_CONFITURE_SERVER_DISCONNECT_CHECK=off, or take PostgreSQL 14";
        return Finding::new(CHECK, Status::Warn, evidence, next);
    }
    Finding::ok(CHECK, evidence)
}

/// Whether something stands between this machine and the server.
async fn between(database: &mut Database, target: &Target, takes_options: bool) -> Finding {
    const CHECK: &str = "between";
    const NEXT: &str = "let the connection string name the server itself: a pooler that shares \
                        sessions loses confiture's lock and the server's notice that it is gone";
    if !takes_options {
        let evidence = "the option by which the server notices that confiture is gone was refused: a \
                        pooler, or a server before PostgreSQL 14";
        return Finding::new(CHECK, Status::Warn, evidence, NEXT);
    }
    let sql = "SELECT host(inet_server_addr()), inet_server_port()::text, pg_backend_pid()::text, \
               current_setting('client_connection_check_interval', true)";
    let row = match only(CHECK, database.ask(sql, 4).await) {
        Ok(row) => row,
        Err(finding) => return finding,
    };
    let again = match only(
        CHECK,
        database.ask("SELECT pg_backend_pid()::text", 1).await,
    ) {
        Ok(row) => row,
        Err(finding) => return finding,
    };
    if again[0] != row[2] {
        let evidence = format!(
            "two transactions had two sessions ({} and {})",
            row[2], again[0]
        );
        return Finding::new(CHECK, Status::Fail, evidence, NEXT);
    }
    if target.options.is_none() && row[3] == "0" {
        let evidence =
            "the option by which the server notices that confiture is gone did not reach it";
        return Finding::new(CHECK, Status::Warn, evidence, NEXT);
    }
    let port_is_asked = target
        .hosts
        .iter()
        .any(|(_, port)| port.to_string() == row[1]);
    if !row[1].is_empty() && !port_is_asked {
        let evidence = format!(
            "the server itself listens on {} port {}: a pooler, a proxy or a mapped port is in between",
            row[0], row[1]
        );
        return Finding::new(CHECK, Status::Warn, evidence, NEXT);
    }
    Finding::ok(
        CHECK,
        "one session, on the server that the connection string names",
    )
}

async fn writable(database: &mut Database) -> Finding {
    const CHECK: &str = "writable";
    let sql = "SELECT pg_is_in_recovery()::text, current_setting('default_transaction_read_only')";
    let row = match only(CHECK, database.ask(sql, 2).await) {
        Ok(row) => row,
        Err(finding) => return finding,
    };
    if row[0] == "true" {
        let next = "let the connection string name the primary";
        return Finding::new(CHECK, Status::Fail, "this server is a standby", next);
    }
    if row[1] == "on" {
        let evidence = "transactions only read here (default_transaction_read_only)";
        let next = "take that from the role, the database or the server";
        return Finding::new(CHECK, Status::Fail, evidence, next);
    }
    Finding::ok(CHECK, "neither a standby nor read-only")
}

/// A table with the name of the ledger.
struct Ledger {
    schema: String,
    /// Whether it is the one that confiture finds.
    is_seen: bool,
    /// The rights on it that the role lacks.
    lacks: String,
}

async fn ledgers(database: &mut Database) -> Result<Vec<Ledger>, String> {
    let sql = "SELECT n.nspname::text, \
               coalesce(c.oid = to_regclass('tb_confiture'), false)::text, \
               concat_ws(', ', \
                   CASE WHEN NOT has_schema_privilege(n.oid, 'USAGE') THEN 'USAGE on its schema' END, \
                   CASE WHEN NOT has_table_privilege(c.oid, 'SELECT') THEN 'SELECT' END, \
                   CASE WHEN NOT has_table_privilege(c.oid, 'INSERT') THEN 'INSERT' END, \
                   CASE WHEN NOT has_table_privilege(c.oid, 'DELETE') THEN 'DELETE' END) \
               FROM pg_catalog.pg_class c \
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.relname = 'tb_confiture' AND c.relkind IN ('r', 'p', 'v', 'f') \
               AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' \
               ORDER BY 2 DESC, 1";
    let rows = database.ask(sql, 3).await?;
    let text = |value: Option<String>| value.unwrap_or_default();
    let ledger = |row: Vec<Option<String>>| {
        let mut row = row.into_iter().map(text);
        let mut next = || row.next().unwrap_or_default();
        Ledger {
            schema: next(),
            is_seen: next() == "true",
            lacks: next(),
        }
    };
    Ok(rows.into_iter().map(ledger).collect())
}

fn seen(ledgers: &[Ledger]) -> Option<&Ledger> {
    ledgers.iter().find(|ledger| ledger.is_seen)
}

async fn rights(database: &mut Database, ledgers: &Result<Vec<Ledger>, String>) -> Finding {
    const CHECK: &str = "rights";
    let sql = "SELECT current_user::text, current_schema()::text, \
               coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)::text, \
               current_setting('search_path')";
    let row = match only(CHECK, database.ask(sql, 4).await) {
        Ok(row) => row,
        Err(finding) => return finding,
    };
    let [user, schema, creates, path] = &row[..] else {
        return Finding::unknown(CHECK, "the server gave another row");
    };
    if schema.is_empty() {
        let evidence = format!("no schema of the search_path ({path}) is there for {user}");
        let next = "create the schema, grant USAGE on it, or set the role's search_path";
        return Finding::new(CHECK, Status::Fail, evidence, next);
    }
    let mut lacks = Vec::new();
    if creates != "true" {
        lacks.push(format!("CREATE in the schema {schema}"));
    }
    let ledger = ledgers.as_ref().ok().and_then(|ledgers| seen(ledgers));
    if let Some(Ledger {
        schema,
        lacks: rights,
        ..
    }) = ledger.filter(|it| !it.lacks.is_empty())
    {
        lacks.push(format!("{rights} on {schema}.tb_confiture"));
    }
    if lacks.is_empty() {
        return Finding::ok(CHECK, format!("{user} may create in the schema {schema}"));
    }
    let evidence = format!("{user} lacks {}", lacks.join(", and "));
    Finding::new(
        CHECK,
        Status::Fail,
        evidence,
        "grant it, or deploy as the owner",
    )
}

fn ledger(ledgers: &Result<Vec<Ledger>, String>) -> Finding {
    const CHECK: &str = "ledger";
    let ledgers = match ledgers {
        Ok(ledgers) => ledgers,
        Err(why) => return Finding::unknown(CHECK, why),
    };
    let others: Vec<&str> = ledgers
        .iter()
        .filter(|ledger| !ledger.is_seen)
        .map(|ledger| ledger.schema.as_str())
        .collect();
    match (seen(ledgers), others.is_empty()) {
        (None, true) => Finding::ok(CHECK, "there is none: nothing was ever applied here"),
        (None, false) => {
            let evidence = format!(
                "confiture sees none, and one is in the schema {}: it would take the database for \
                 one that was never migrated",
                listed(&others)
            );
            let next = "put that schema on the search_path of the role, and grant USAGE on it";
            Finding::new(CHECK, Status::Fail, evidence, next)
        }
        (Some(seen), true) => Finding::ok(CHECK, format!("{}.tb_confiture", seen.schema)),
        (Some(seen), false) => {
            let evidence = format!(
                "confiture sees {}.tb_confiture; there are more, in {}",
                seen.schema,
                listed(&others)
            );
            let next =
                "make sure that the search_path of every role that deploys shows the same one";
            Finding::new(CHECK, Status::Warn, evidence, next)
        }
    }
}

/// How a session is described: its number, who, from where, and what it does for how long.
const SESSION: &str = "format('%s: user %s, application %s, from %s, %s for %s s', a.pid, \
                       coalesce(a.usename, '?'), coalesce(nullif(a.application_name, ''), '?'), \
                       coalesce(host(a.client_addr), 'this machine'), coalesce(a.state, '?'), \
                       coalesce(extract(epoch FROM now() - a.state_change)::bigint, 0))";

async fn lock(database: &mut Database) -> Finding {
    const CHECK: &str = "lock";
    let sql = format!(
        "SELECT {SESSION}, l.granted::text FROM pg_catalog.pg_locks l \
         LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
         WHERE l.locktype = 'advisory' AND l.classid::bigint = {LOCK} AND l.objsubid = 2 \
         AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) \
         ORDER BY l.granted DESC"
    );
    let rows = match database.ask(&sql, 2).await {
        Ok(rows) => rows,
        Err(why) => return Finding::unknown(CHECK, why),
    };
    if rows.is_empty() {
        return Finding::ok(CHECK, "nobody holds the migration lock");
    }
    let holders = sessions(rows.iter().filter(|row| row[1].as_deref() == Some("true")));
    let waiting = rows.len()
        - rows
            .iter()
            .filter(|row| row[1].as_deref() == Some("true"))
            .count();
    let evidence = format!("the migration lock is held by {holders}; {waiting} wait for it");
    let next = "wait for that deploy to end; if nothing runs any more, end its session: SELECT \
                pg_terminate_backend(<number>)";
    Finding::new(CHECK, Status::Fail, evidence, next)
}

fn sessions<'a>(rows: impl Iterator<Item = &'a Vec<Option<String>>>) -> String {
    let told: Vec<&str> = rows.filter_map(|row| row.first()?.as_deref()).collect();
    listed(&told)
}

async fn blocking(database: &mut Database) -> Finding {
    const CHECK: &str = "blocking";
    let sql = format!(
        "SELECT {SESSION} FROM pg_catalog.pg_stat_activity a WHERE a.datname = current_database() \
         AND a.pid <> pg_backend_pid() AND (a.pid IN ( \
             SELECT unnest(pg_blocking_pids(w.pid)) FROM pg_catalog.pg_stat_activity w \
             WHERE w.datname = current_database() AND w.wait_event_type = 'Lock') \
         OR (a.xact_start < now() - interval '60 s' AND EXISTS ( \
             SELECT FROM pg_catalog.pg_locks l WHERE l.pid = a.pid AND l.locktype = 'relation' \
             AND l.relation >= 16384)))"
    );
    let rows = match database.ask(&sql, 1).await {
        Ok(rows) => rows,
        Err(why) => return Finding::unknown(CHECK, why),
    };
    if rows.is_empty() {
        return Finding::ok(
            CHECK,
            "no session blocks another, or has held tables for a minute",
        );
    }
    let evidence = format!(
        "sessions that block, or hold tables: {}",
        sessions(rows.iter())
    );
    let next = "a migration waits behind them, and everything else behind the migration: wait, or end \
                them";
    Finding::new(CHECK, Status::Warn, evidence, next)
}

async fn indexes(database: &mut Database) -> Finding {
    const CHECK: &str = "indexes";
    let sql = "SELECT i.indexrelid::regclass::text FROM pg_catalog.pg_index i \
               JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
               WHERE NOT i.indisvalid AND c.relkind = 'i' ORDER BY 1";
    let rows = match database.ask(sql, 1).await {
        Ok(rows) => rows,
        Err(why) => return Finding::unknown(CHECK, why),
    };
    if rows.is_empty() {
        return Finding::ok(CHECK, "every index is valid");
    }
    let evidence = format!("invalid: {}", sessions(rows.iter()));
    let next = "one that is not being built just now is what a stopped CREATE INDEX CONCURRENTLY \
                left: DROP INDEX CONCURRENTLY, then deploy again";
    Finding::new(CHECK, Status::Warn, evidence, next)
}

async fn history(
    database: &mut Database,
    ledgers: &Result<Vec<Ledger>, String>,
    files: &Files,
) -> Finding {
    const CHECK: &str = "history";
    let Some(files) = files else {
        return Finding::unknown(CHECK, "not made: there are no files");
    };
    let ledgers = match ledgers {
        Ok(ledgers) => ledgers,
        Err(why) => return Finding::unknown(CHECK, why),
    };
    let mut applied = Vec::new();
    if let Some(ledger) = seen(ledgers) {
        // Rows that a squash archived stand for no file any more; old ledgers have no such column.
        let sql = format!(
            "SELECT version::text, checksum::text FROM \"{}\".tb_confiture t \
             WHERE to_jsonb(t) ->> 'archived_into' IS NULL",
            ledger.schema.replace('"', "\"\"")
        );
        let rows = match database.ask(&sql, 2).await {
            Ok(rows) => rows,
            Err(why) => return Finding::unknown(CHECK, why),
        };
        applied.extend(rows.into_iter().filter_map(|row| {
            let mut row = row.into_iter();
            Some(Applied {
                version: row.next()??,
                checksum: row.next()?,
            })
        }));
    } else if !ledgers.is_empty() {
        return Finding::unknown(CHECK, "not made: confiture does not see the ledger");
    }
    history::compare(&applied, files)
}

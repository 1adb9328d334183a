//! Who is at work in the database, and what somebody left unfinished.

use super::finding::{Finding, Grade, listed};
use super::question::Database;

pub(super) const LOCK: &str = "lock";
pub(super) const BLOCKING: &str = "blocking";
pub(super) const INDEXES: &str = "indexes";

/// The key of confiture's advisory lock, beside a number for the database. Every release from 0.20.0
/// on has this one.
const LOCK_KEY: &str = "1751936052";

/// How a session is described: its number, who, from where, and what it does for how long.
const SESSION: &str = "format('%s: user %s, application %s, from %s, %s for %s s', a.pid, \
                       coalesce(a.usename, '?'), coalesce(nullif(a.application_name, ''), '?'), \
                       coalesce(host(a.client_addr), 'this machine'), coalesce(a.state, '?'), \
                       coalesce(extract(epoch FROM now() - a.state_change)::bigint, 0))";

pub(super) async fn lock(database: &mut Database) -> Finding {
    let sql = format!(
        "SELECT {SESSION}, l.granted::text FROM pg_catalog.pg_locks l \
         LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
         WHERE l.locktype = 'advisory' AND l.classid::bigint = {LOCK_KEY} AND l.objsubid = 2 \
         AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) \
         ORDER BY l.granted DESC"
    );
    let rows = match database.ask(&sql, 2).await {
        Ok(rows) => rows,
        Err(why) => return Finding::unknown(LOCK, why),
    };
    if rows.is_empty() {
        return Finding::ok(LOCK, "nobody holds the migration lock");
    }
    let (holding, waiting): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .partition(|row| row[1].as_deref() == Some("true"));
    let evidence = format!(
        "the migration lock is held by {}; {} wait for it",
        first_column(&holding),
        waiting.len()
    );
    let next = "wait for that deploy to end; if nothing runs any more, end its session: SELECT \
                pg_terminate_backend(<number>)";
    Finding::new(LOCK, Grade::Fail, evidence, next)
}

fn first_column(rows: &[Vec<Option<String>>]) -> String {
    let rows = rows.iter();
    let told: Vec<&str> = rows.filter_map(|row| row.first()?.as_deref()).collect();
    listed(&told)
}

pub(super) async fn blocking(database: &mut Database) -> Finding {
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
        Err(why) => return Finding::unknown(BLOCKING, why),
    };
    if rows.is_empty() {
        return Finding::ok(
            BLOCKING,
            "no session blocks another, or has held tables for a minute",
        );
    }
    let evidence = format!(
        "sessions that block, or hold tables: {}",
        first_column(&rows)
    );
    let next = "a migration waits behind them, and everything else behind the migration: wait until \
                they end, or end them";
    Finding::new(BLOCKING, Grade::Warn, evidence, next)
}

pub(super) async fn indexes(database: &mut Database) -> Finding {
    let sql = "SELECT i.indexrelid::regclass::text FROM pg_catalog.pg_index i \
               JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
               WHERE NOT i.indisvalid AND c.relkind = 'i' ORDER BY 1";
    let rows = match database.ask(sql, 1).await {
        Ok(rows) => rows,
        Err(why) => return Finding::unknown(INDEXES, why),
    };
    if rows.is_empty() {
        return Finding::ok(INDEXES, "every index is valid");
    }
    let evidence = format!("invalid: {}", first_column(&rows));
    let next = "if nobody is building it now, a stopped CREATE INDEX CONCURRENTLY left it: DROP INDEX \
                CONCURRENTLY, then deploy again";
    Finding::new(INDEXES, Grade::Warn, evidence, next)
}

//! Which server answers, and whether it is the one to deploy to.

use super::finding::{Finding, Grade};
use super::question::{Database, first_row};
use super::target::Target;

pub(super) const SERVER: &str = "server";
pub(super) const BETWEEN: &str = "between";
pub(super) const WRITABLE: &str = "writable";

pub(super) async fn release(database: &mut Database) -> Finding {
    let sql = "SELECT current_setting('server_version'), current_setting('server_version_num')";
    let row = match first_row(SERVER, database.ask(sql, 2).await) {
        Ok(row) => row,
        Err(finding) => return finding,
    };
    let evidence = format!("PostgreSQL {}", row[0]);
    if row[1].parse::<u32>().is_ok_and(|number| number < 140_000) {
        let evidence =
            format!("{evidence}, which cannot be asked to notice that its client is gone");
        let next = "after a kill, a statement runs to its end; set \
                    FRAISIER_CONFITURE_SERVER_DISCONNECT_CHECK=off, or take PostgreSQL 14";
        return Finding::new(SERVER, Grade::Warn, evidence, next);
    }
    Finding::ok(SERVER, evidence)
}

/// Whether something stands between this machine and the server.
pub(super) async fn between(
    database: &mut Database,
    target: &Target,
    takes_options: bool,
) -> Finding {
    const NEXT: &str = "let the connection string name the server itself: a pooler that shares \
                        sessions loses confiture's lock and the server's notice that it is gone";
    if !takes_options {
        let evidence = "the option by which the server notices that confiture is gone was refused: a \
                        pooler, or a server before PostgreSQL 14";
        return Finding::new(BETWEEN, Grade::Warn, evidence, NEXT);
    }
    let sql = "SELECT host(inet_server_addr()), inet_server_port()::text, pg_backend_pid()::text, \
               current_setting('client_connection_check_interval', true)";
    let row = match first_row(BETWEEN, database.ask(sql, 4).await) {
        Ok(row) => row,
        Err(finding) => return finding,
    };
    let again = match first_row(
        BETWEEN,
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
        return Finding::new(BETWEEN, Grade::Fail, evidence, NEXT);
    }
    if target.options.is_none() && row[3] == "0" {
        let evidence =
            "the option by which the server notices that confiture is gone did not reach it";
        return Finding::new(BETWEEN, Grade::Warn, evidence, NEXT);
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
        return Finding::new(BETWEEN, Grade::Warn, evidence, NEXT);
    }
    Finding::ok(
        BETWEEN,
        "one session, on the server that the connection string names",
    )
}

pub(super) async fn writable(database: &mut Database) -> Finding {
    let sql = "SELECT pg_is_in_recovery()::text, current_setting('default_transaction_read_only')";
    let row = match first_row(WRITABLE, database.ask(sql, 2).await) {
        Ok(row) => row,
        Err(finding) => return finding,
    };
    if row[0] == "true" {
        let next = "let the connection string name the primary";
        return Finding::new(WRITABLE, Grade::Fail, "this server is a standby", next);
    }
    if row[1] == "on" {
        let evidence = "transactions only read here (default_transaction_read_only)";
        let next = "take that from the role, the database or the server";
        return Finding::new(WRITABLE, Grade::Fail, evidence, next);
    }
    Finding::ok(WRITABLE, "neither a standby nor read-only")
}

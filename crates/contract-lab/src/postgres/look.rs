//! Queries for the contents of a database, by which results are judged.

use postgres::Client;

/// The versions in confiture's ledger, in order; none without a ledger.
pub fn ledger(client: &mut Client) -> anyhow::Result<Vec<String>> {
    if !is_there(client, "public.tb_confiture")? {
        return Ok(Vec::new());
    }
    let rows = client.query(
        "SELECT version FROM public.tb_confiture ORDER BY version",
        &[],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Whether this table exists.
pub fn is_there(client: &mut Client, table: &str) -> anyhow::Result<bool> {
    let row = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&table])?;
    Ok(row.get(0))
}

/// How many sessions of others are connected to the database.
pub fn sessions(client: &mut Client) -> anyhow::Result<i64> {
    let row = client.query_one(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
        &[],
    )?;
    Ok(row.get(0))
}

/// How many advisory locks of the database are held or awaited; the migration lock is one.
pub fn advisory_locks(client: &mut Client) -> anyhow::Result<i64> {
    let row = client.query_one(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        &[],
    )?;
    Ok(row.get(0))
}

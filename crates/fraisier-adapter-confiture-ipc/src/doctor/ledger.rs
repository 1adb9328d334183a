//! The ledger: where it is, who may write it, and what it says was applied.

use super::files::Files;
use super::finding::{Finding, Grade, listed};
use super::history::{self, Applied};
use super::question::{Database, first_row};

pub(super) const RIGHTS: &str = "rights";
pub(super) const LEDGER: &str = "ledger";

/// A table with the name of the ledger.
pub(super) struct Ledger {
    schema: String,
    /// Whether it is the one that confiture finds.
    is_seen: bool,
    /// The rights on it that the role lacks.
    lacks: String,
}

pub(super) async fn find(database: &mut Database) -> Result<Vec<Ledger>, String> {
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

pub(super) async fn rights(
    database: &mut Database,
    ledgers: &Result<Vec<Ledger>, String>,
) -> Finding {
    let sql = "SELECT current_user::text, current_schema()::text, \
               coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)::text, \
               current_setting('search_path')";
    let row = match first_row(RIGHTS, database.ask(sql, 4).await) {
        Ok(row) => row,
        Err(finding) => return finding,
    };
    let [user, schema, creates, path] = &row[..] else {
        return Finding::unknown(RIGHTS, "the server gave another row");
    };
    if schema.is_empty() {
        let evidence = format!("no schema of the search_path ({path}) is there for {user}");
        let next = "create the schema, grant USAGE on it, or set the role's search_path";
        return Finding::new(RIGHTS, Grade::Fail, evidence, next);
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
        return Finding::ok(RIGHTS, format!("{user} may create in the schema {schema}"));
    }
    let evidence = format!("{user} lacks {}", lacks.join(", and "));
    Finding::new(
        RIGHTS,
        Grade::Fail,
        evidence,
        "grant it, or deploy as the owner",
    )
}

pub(super) fn visible(ledgers: &Result<Vec<Ledger>, String>) -> Finding {
    let ledgers = match ledgers {
        Ok(ledgers) => ledgers,
        Err(why) => return Finding::unknown(LEDGER, why),
    };
    let others: Vec<&str> = ledgers
        .iter()
        .filter(|ledger| !ledger.is_seen)
        .map(|ledger| ledger.schema.as_str())
        .collect();
    match (seen(ledgers), others.is_empty()) {
        (None, true) => Finding::ok(LEDGER, "there is none: nothing was ever applied here"),
        (None, false) => {
            let evidence = format!(
                "confiture sees none, and one is in the schema {}: it would take the database for \
                 one that was never migrated",
                listed(&others)
            );
            let next = "put that schema on the search_path of the role, and grant USAGE on it";
            Finding::new(LEDGER, Grade::Fail, evidence, next)
        }
        (Some(seen), true) => Finding::ok(LEDGER, format!("{}.tb_confiture", seen.schema)),
        (Some(seen), false) => {
            let evidence = format!(
                "confiture sees {}.tb_confiture; there are more, in {}",
                seen.schema,
                listed(&others)
            );
            let next =
                "make sure that the search_path of every role that deploys shows the same one";
            Finding::new(LEDGER, Grade::Warn, evidence, next)
        }
    }
}

pub(super) async fn history(
    database: &mut Database,
    ledgers: &Result<Vec<Ledger>, String>,
    files: &Files,
) -> Finding {
    let Some(files) = files else {
        return Finding::unknown(history::CHECK, "not made: there are no files");
    };
    let ledgers = match ledgers {
        Ok(ledgers) => ledgers,
        Err(why) => return Finding::unknown(history::CHECK, why),
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
            Err(why) => return Finding::unknown(history::CHECK, why),
        };
        applied.extend(rows.into_iter().filter_map(|row| {
            let mut row = row.into_iter();
            Some(Applied {
                version: row.next()??,
                checksum: row.next()?,
            })
        }));
    } else if !ledgers.is_empty() {
        return Finding::unknown(
            history::CHECK,
            "not made: confiture does not see the ledger",
        );
    }
    history::compare(&applied, files)
}

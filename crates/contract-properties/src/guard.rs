//! The window guard accepts only its plain language, with nothing hidden in it.

use std::fs;
use std::sync::Once;

use fraisier_adapter_confiture::tools::Redactor;
use fraisier_adapter_confiture::tools::process::{Exit, Output};
use fraisier_adapter_confiture::tools::replay::{self, Command, Preflight};

use crate::Libpq;
use crate::answers::version;

/// A statement that is never safe while an old version runs.
const UNSAFE: &str = "drop table a";

/// The words with which an accepted statement may begin.
const FIRST: [&str; 7] = ["create", "alter", "comment", "grant", "insert", "set", ""];

/// A clean report of a release whose verdicts the guard checks.
const REPORT: &str = r#"{"ok": true, "window_safe": true, "issues": [],
    "summary": {"errors": 0, "warnings": 0, "info": 0, "migrations_checked": 1}}"#;

pub(crate) fn check(input: &[u8], _: Libpq) {
    // A guard that refuses everything would have every property below.
    static PLAIN_PASSES: Once = Once::new();
    PLAIN_PASSES.call_once(|| {
        for sql in PLAIN {
            assert!(passes(sql), "{sql:?} is refused");
        }
    });
    let Ok(sql) = std::str::from_utf8(input) else {
        return;
    };
    if !passes(sql) {
        return;
    }
    // After a line end: what passes may end with a comment.
    assert!(
        !passes(&format!("{sql}\n;{UNSAFE}")),
        "{sql:?}, then unsafe"
    );
    assert!(!passes(&format!("{UNSAFE};{sql}")), "unsafe, then {sql:?}");
    assert!(passes(&format!("{sql}\n;\n{sql}")), "{sql:?} twice");
    // Nothing of it is hidden by a comment that another reader would end elsewhere: what remains
    // without comments passes too, statement by statement, and begins as it must.
    for statement in statements(sql) {
        let first = statement.split_whitespace().next().unwrap_or_default();
        assert!(
            FIRST.contains(&first.to_ascii_lowercase().as_str()),
            "{statement:?} of {sql:?}"
        );
        assert!(passes(&statement), "{statement:?} of {sql:?}");
    }
}

/// Whether a `window_safe: true` is passed on for this migration.
fn passes(sql: &str) -> bool {
    let migrations = tempfile::tempdir().expect("a directory");
    fs::write(migrations.path().join("001_a.up.sql"), sql).expect("written");
    let preflight = Preflight::of_directory(migrations.path(), false).expect("listed");
    let report = replay::preflight(&preflight, &Redactor::default(), |command| match command {
        Command::Version => version("0.23.0"),
        _ => Output::new(Exit::Code(0), Some(REPORT.into())),
    });
    report.expect("a report").window_safe == Some(true)
}

/// The statements without their comments, split as the `PostgreSQL` manual says: comments nest, and do
/// not begin within `'…'` or `"…"`. Accepted statements have no other quoting.
fn statements(sql: &str) -> Vec<String> {
    let mut statements = vec![String::new()];
    let mut rest = sql;
    let mut quote = None;
    while let Some(c) = rest.chars().next() {
        let statement = statements.last_mut().expect("one");
        if quote.is_none() && rest.starts_with("--") {
            rest = rest.find(['\n', '\r']).map_or("", |end| &rest[end..]);
            statement.push(' ');
        } else if quote.is_none() && rest.starts_with("/*") {
            rest = after_comment(rest);
            statement.push(' ');
        } else {
            match quote {
                Some(open) if c == open => quote = None,
                None if c == '\'' || c == '"' => quote = Some(c),
                _ => {}
            }
            if quote.is_none() && c == ';' {
                statements.push(String::new());
            } else {
                statement.push(c);
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    statements
}

fn after_comment(mut rest: &str) -> &str {
    let mut depth = 0;
    loop {
        if rest.starts_with("/*") {
            depth += 1;
            rest = &rest[2..];
        } else if rest.starts_with("*/") {
            depth -= 1;
            rest = &rest[2..];
        } else if let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
        }
        if depth == 0 || rest.is_empty() {
            return rest;
        }
    }
}

/// Statements that must be accepted.
const PLAIN: [&str; 11] = [
    "create table a (id int primary key, b text not null default 'x')",
    "alter table a add column b text default 'x', add column if not exists c int null;",
    "CREATE TABLE IF NOT EXISTS a (id bigint generated always as identity); COMMENT ON TABLE a IS 'x';",
    "create index concurrently if not exists i on a using btree (b desc nulls last)",
    "insert into a (id, b) values (1, 'x'), (-2.5, null) on conflict do nothing",
    "set lock_timeout = '1s'; grant select, update (b, c) on table a, s.b to app, \"Reader\"",
    "-- x\ncreate type mood as enum ('a', 'b');\n",
    "alter table a add column at timestamp(3) without time zone default current_timestamp",
    "create table a (id int not null references s.b (id) on delete cascade)",
    "alter table if exists only s.a add b jsonb default '{}'::jsonb null, add c varchar(20)",
    "create table a (id bigserial primary key, b numeric(10, 2)[] not null, unique (id, b))",
];

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let others = [
        "drop table a; select 1; do $$ begin end $$",
        "/* why /* nested */ */ -- x\ncreate type mood as enum ('a', 'b');\n",
    ];
    let all = PLAIN.iter().chain(&others);
    all.map(|sql| sql.as_bytes().to_vec()).collect()
}

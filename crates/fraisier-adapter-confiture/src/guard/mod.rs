//! A second look at `window_safe: true` of the releases from 0.23.0 to 0.43.x.
//!
//! They judge a handful of statement classes and call everything else safe: `DROP TABLE`,
//! `TRUNCATE`, `SET NOT NULL`. So their `true` is passed on only when every statement is of a kind
//! known to be forward-compatible by itself. This only ever takes a `true` away.

mod statement;

use std::path::Path;

use fraisier_adapter_api::{PreflightIssue, Severity};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::release::ConfitureVersion;
use crate::release::capability::Need;

/// The issue that a stated `window_safe: true` is no evidence.
pub const WINDOW_SAFE_UNPROVEN: &str = "FRAISIER_WINDOW_SAFE_UNPROVEN";

/// How many words of a statement an issue quotes.
const WORDS: usize = 8;

/// A migration, as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its version.
    pub version: String,
    /// The name of its file.
    pub file: String,
    /// Its SQL; `None` when it is not SQL or cannot be read.
    pub sql: Option<String>,
}

impl Source {
    /// Reads a migration file.
    pub(crate) fn read(version: &str, path: &Path) -> Self {
        let file = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let is_sql = path.extension().is_some_and(|extension| extension == "sql");
        Self {
            version: version.to_owned(),
            sql: is_sql.then(|| std::fs::read_to_string(path).ok()).flatten(),
            file,
        }
    }
}

/// One issue for each reason not to believe a `true` that rests on these migrations.
pub(crate) fn doubts(version: &ConfitureVersion, sources: &[Source]) -> Vec<PreflightIssue> {
    let judge = Need::DeepClassification.floor().release();
    let issue = |migration: &str, what: &str| PreflightIssue {
        severity: Severity::Warning,
        code: WINDOW_SAFE_UNPROVEN.into(),
        message: format!(
            "confiture {version} calls this window-safe without having judged it, so it is not \
             passed on: {what}. confiture {judge} is the first release that can judge it"
        ),
        migration: Some(migration.to_owned()),
    };
    let doubts = sources.iter().flat_map(|source| {
        let file = &source.file;
        reasons(source)
            .into_iter()
            .map(move |reason| issue(&source.version, &format!("{file}: {reason}")))
    });
    doubts.collect()
}

/// A reason for each statement that is not known to be forward-compatible, or that cannot be
/// parsed: that leaves the others readable.
fn reasons(source: &Source) -> Vec<String> {
    let Some(sql) = &source.sql else {
        return vec!["it cannot be read as SQL".into()];
    };
    let dialect = PostgreSqlDialect {};
    let Ok(tokens) = Tokenizer::new(&dialect, sql).tokenize_with_location() else {
        return vec!["it cannot be read as SQL".into()];
    };
    // A body written as BEGIN ATOMIC … END is cut at its semicolons too; its pieces do not parse.
    tokens
        .split(|token| token.token == Token::SemiColon)
        .filter(|statement| !statement.iter().all(is_blank))
        .filter(|statement| {
            let parsed = Parser::new(&dialect)
                .with_tokens_with_locations(statement.to_vec())
                .parse_statements();
            !parsed.is_ok_and(|parsed| parsed.iter().all(statement::is_forward_compatible))
        })
        .map(name)
        .collect()
}

fn is_blank(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::Whitespace(_))
}

/// Where a statement begins, and its first words. They end before the first literal: a migration
/// may hold a secret, and that is the place for one.
fn name(statement: &[TokenWithSpan]) -> String {
    let solid = || statement.iter().filter(|token| !is_blank(token));
    let line = solid().next().map_or(1, |token| token.span.start.line);
    let words: Vec<String> = solid()
        .map(|token| &token.token)
        .take_while(|token| matches!(token, Token::Word(_) | Token::Period | Token::Comma))
        .take(WORDS)
        .map(ToString::to_string)
        .collect();
    if words.is_empty() {
        return format!("line {line}, which begins with no word of SQL");
    }
    let words = words.join(" ").replace(" . ", ".").replace(" ,", ",");
    format!("line {line}, `{words}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(sql: &str) -> Source {
        Source {
            version: "004".into(),
            file: "004_x.up.sql".into(),
            sql: Some(sql.into()),
        }
    }

    fn doubted(sql: &str) -> Vec<PreflightIssue> {
        doubts(&ConfitureVersion::parse("0.23.0"), &[source(sql)])
    }

    #[test]
    fn what_is_safe_by_itself_is_not_doubted() {
        for sql in [
            "",
            "-- nothing\n",
            "create table a (id int primary key, b text not null default 'x')",
            "CREATE TABLE IF NOT EXISTS a (id bigint generated always as identity); COMMENT ON TABLE a IS 'x';",
            "alter table a add column b text",
            "alter table a add column b text default 'x', add column if not exists c int null",
            "alter table a add column at timestamptz default now()",
            "alter table a add column n int default -1",
            "create index concurrently i on a (b)",
            "insert into a (id) values (1), (2)",
            "grant select on a to app",
            "create schema s",
            "create sequence s",
            "create type mood as enum ('a', 'b')",
            "create view v as select 1",
            "insert into a (id) select id from b on conflict do nothing",
            "set lock_timeout = '1s'; create table a (id int)",
        ] {
            assert_eq!(doubted(sql), [], "{sql}");
        }
    }

    #[test]
    fn everything_else_is() {
        for sql in [
            "drop table a",
            "truncate a",
            "drop view v",
            "revoke select on a from app",
            "alter table a alter column b set not null",
            "alter table a rename to c",
            "alter table a rename column b to c",
            "alter table a drop column b",
            "alter table a alter column b type bigint",
            "alter table a add constraint c check (b > 0)",
            "alter table a add column b text not null",
            "alter table a add column b text not null default 'x'",
            "alter table a add column b uuid default gen_random_uuid()",
            "alter table a add column b serial",
            "alter table a add column b bigserial",
            "alter table a add column b int unique",
            "alter table a add column b int primary key",
            "alter table a add column b int references c (id)",
            "alter table a add column b int check (b > 0)",
            "alter table a add column b int generated always as identity",
            "alter table a add column b my_domain",
            "alter table a add column b text, drop column c",
            "create index i on a (b)",
            "create unique index concurrently i on a (b)",
            "delete from a",
            "update a set b = 1",
            "select do_anything()",
            "insert into a select do_anything()",
            "insert into a (id) values (do_anything())",
            "with gone as (delete from b returning *) insert into a select * from gone",
            "insert into a values (1) on conflict (id) do update set b = 1",
            "insert into a values (1) returning do_anything()",
            "create view v as select do_anything()",
            "create table a partition of b for values in (1)",
            "create table a (id int) inherits (b)",
            "create table a as select do_anything()",
            "create or replace view v as select 1",
            "create or replace function f() returns int language sql as 'select 1'",
            "create table a (id int); drop table b",
            "do $$ begin drop table a; end $$",
            "alter type mood rename to m",
            "drop index i",
            "lock table a",
            "set search_path = other",
            "set role other",
            "this is not sql",
            "\\connect other",
        ] {
            let doubts = doubted(sql);
            assert_eq!(doubts.len(), 1, "{sql}: {doubts:?}");
            assert_eq!(doubts[0].code, WINDOW_SAFE_UNPROVEN);
            assert_eq!(doubts[0].severity, Severity::Warning);
            assert_eq!(doubts[0].migration.as_deref(), Some("004"));
            for part in ["0.23.0", "0.44.0", "004_x.up.sql"] {
                assert!(
                    doubts[0].message.contains(part),
                    "{sql}: {}",
                    doubts[0].message
                );
            }
        }
    }

    #[test]
    fn the_statement_is_named_without_its_literals() {
        let doubts = doubted(
            "create table b (id int);\ndrop table a;\ntruncate b; update a set b = 'hunter2'",
        );
        let messages: Vec<_> = doubts.iter().map(|doubt| doubt.message.as_str()).collect();
        assert_eq!(messages.len(), 3);
        for (message, part) in messages.iter().zip([
            "004_x.up.sql: line 2, `drop table a`",
            "line 3, `truncate b`",
            "line 3, `update a set b`",
        ]) {
            assert!(message.contains(part), "{message}");
        }
        assert!(!messages[2].contains("hunter2"), "{}", messages[2]);
    }

    #[test]
    fn what_begins_with_no_word_is_named_by_its_line() {
        for sql in ["\\set x 1", "copy a from stdin;\n1\n\\.\n"] {
            let doubts = doubted(sql);
            let last = &doubts.last().expect("a doubt").message;
            assert!(last.contains("which begins with no word"), "{last}");
            assert!(!last.contains("``"), "{last}");
        }
    }

    #[test]
    fn one_statement_that_cannot_be_parsed_does_not_hide_the_next() {
        assert_eq!(doubted("this is not sql; drop table a").len(), 2);
    }

    #[test]
    fn what_cannot_be_read_is_doubted() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("005_p.py");
        std::fs::write(&path, "create table a (id int)").expect("written");
        let python = Source::read("005", &path);
        let missing = Source::read("006", &directory.path().join("006_x.up.sql"));
        std::fs::write(directory.path().join("007_b.up.sql"), b"\xff").expect("written");
        let bytes = Source::read("007", &directory.path().join("007_b.up.sql"));
        for source in [python, missing, bytes] {
            assert_eq!(source.sql, None, "{source:?}");
            assert_eq!(
                doubts(&ConfitureVersion::parse("0.43.0"), &[source]).len(),
                1
            );
        }
    }
}

//! A second look at `window_safe: true` of the releases from 0.23.0 to 0.43.x.
//!
//! They judge a handful of statement classes and call everything else safe: `DROP TABLE`,
//! `TRUNCATE`, `SET NOT NULL`. So their `true` is passed on only when every statement is recognised
//! as forward-compatible by itself. This only ever takes a `true` away.
//!
//! The guard is sound and does not try to be complete. It knows the plain shapes of common additive
//! statements; whatever else it finds is a doubt, also when it is harmless.

mod scan;
mod statement;

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use fraisier_adapter_api::{PreflightIssue, Severity};
use rustix::fs::OFlags;

use self::scan::{Scanner, Token};
use self::statement::{Next, Statement};
use crate::release::ConfitureVersion;
use crate::release::capability::Need;

/// The issue that a stated `window_safe: true` is no evidence.
pub const WINDOW_SAFE_UNPROVEN: &str = "FRAISIER_WINDOW_SAFE_UNPROVEN";

/// How many words of a statement an issue quotes, and how much of each.
const WORDS: usize = 8;
const WORD_LENGTH: usize = 63;

/// How many doubts of one file are told.
const TOLD: usize = 20;

/// The largest file that is looked at, in bytes. A migration that a person wrote is far smaller.
const LARGEST: u64 = 4 << 20;

/// A migration, as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Its version.
    pub(crate) version: String,
    /// The name of its file.
    pub(crate) file: String,
    /// Its SQL; `None` when it is not SQL, is larger than 4 MiB, or cannot be read.
    pub(crate) sql: Option<String>,
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
            sql: is_sql.then(|| read(path).ok()).flatten(),
            file,
        }
    }
}

/// The text of a regular file of at most [`LARGEST`] bytes. Opening never waits, as a FIFO would.
fn read(path: &Path) -> io::Result<String> {
    let file: File = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || found.len() > LARGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut text = String::new();
    file.take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
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

/// A reason for each statement that is not recognised.
fn reasons(source: &Source) -> Vec<String> {
    let Some(sql) = &source.sql else {
        return vec!["it cannot be read as SQL".into()];
    };
    let mut reasons = Vec::new();
    let mut begins = Scanner::new(sql);
    loop {
        let mut statement = Statement::at(begins);
        let recognised = statement.recognise().is_ok();
        if !recognised {
            reasons.push(name(begins));
        }
        match statement.end() {
            Next::Statement(_) if reasons.len() == TOLD => {
                reasons.push("there may be more".into());
                return reasons;
            }
            Next::Statement(next) => begins = next,
            // A statement is recognised to its end only, so it was not this one.
            Next::Unreadable | Next::None => return reasons,
        }
    }
}

/// Where a statement begins, and its first words. They end before the first literal: a migration
/// may hold a secret, and that is the place for one.
fn name(mut statement: Scanner<'_>) -> String {
    let line = statement.line();
    let mut words = String::new();
    for _ in 0..WORDS {
        match statement.next() {
            Token::Word(word) | Token::Quoted(word) => {
                if !words.is_empty() && !words.ends_with('.') {
                    words.push(' ');
                }
                words.push_str(&word[..word.len().min(WORD_LENGTH)]);
            }
            Token::Mark(mark @ (b'.' | b',')) if !words.is_empty() => words.push(mark.into()),
            _ => break,
        }
    }
    if words.is_empty() {
        return format!("line {line}, which begins with no word of SQL");
    }
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
            "insert into a (id, b) values (1, 'x'), (-2.5, null) on conflict do nothing",
            "set lock_timeout = '1s'; create table a (id int)",
            "SET LOCAL statement_timeout TO 5000;",
            "create table s.a (id bigserial primary key, b numeric(10, 2)[] not null, unique (id, b))",
            "create table \"Order\" (\"Id\" uuid, constraint k primary key (\"Id\"))",
            "alter table if exists only s.a add b jsonb default '{}'::jsonb null, add c varchar(20)",
            "alter table a add column at timestamp(3) without time zone default current_timestamp",
            "alter table a add column x double precision, add y character varying (9), add z time",
            "/* why */ create index concurrently if not exists i on a using btree (b desc nulls last)",
            "create index concurrently on a (b, c)",
            "create table a ()",
            "create table a (id int references b)",
            "create table a (id int not null references s.b (id) on delete cascade on update set null)",
            "create table a (id int, constraint f foreign key (id) references b on delete no action)",
            "comment on column s.a.b is null",
            "grant select, update (b, c) on table a, s.b to app, \"Reader\"",
            "grant usage on schema s to app",
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
    fn what_looks_like_a_plain_statement_and_is_none_is_doubted() {
        for sql in [
            // A view and an insert that query, which functional notation turns into calls.
            "create view v as select 1",
            "insert into a (id) select b.f from b",
            "insert into log select * from purge()",
            "insert into a values (b.f)",
            "insert into a values (default)",
            "alter table a add column b int default 1 @--\n 2",
            "alter table a add column b s.text",
            "alter table a add column b \"text\"",
            "alter table a add column b citext",
            "alter table a add column b int default f(now())",
            "alter table a add column b int default now(1)",
            "alter table a add column b timestamptz default clock_timestamp()",
            "alter table a add constraint int null",
            "create table a (like text)",
            "create table a (id int references pg_class)",
            "create table a (id int references b match full)",
            "create table a (id int references b deferrable)",
            "create table a (id int, check (true))",
            "create table a (id int default nextval('s'))",
            "create table a (id int) with (fillfactor = 10)",
            "create table a (id int) tablespace t",
            "create temp table a (id int)",
            "create table pg_catalog.a (id int)",
            "insert into pg_proc values (1)",
            "grant admin to app",
            "grant all on all tables in schema s to app",
            "grant execute on function f() to app",
            "grant select on a to current_user",
            "create index concurrently i on a (lower(b))",
            "create index concurrently i on a (b) where b",
            "create index concurrently i on a (b text_pattern_ops)",
            "create type t as (a int)",
            "create extension x",
            "create schema s create table a (id int)",
            "create schema authorization app",
            "comment on function f() is 'x'",
            "comment on table a is $$x$$",
            "set local search_path = 'other'",
            "set lock_timeout = default",
            "insert into a values (E'\\'')",
            "insert into a values ('a' 'b')",
            "insert into a values ($1)",
            "call f()",
            "begin",
            "commit",
        ] {
            assert_eq!(doubted(sql).len(), 1, "{sql}");
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
    fn no_file_is_too_deep_or_too_long() {
        let deep = format!("select {}1", "not ".repeat(50_000) + &"(".repeat(50_000));
        assert_eq!(doubted(&deep).len(), 1);
        let many = "drop table a;".repeat(100_000);
        assert_eq!(doubted(&many).len(), TOLD + 1);
        let long = format!("insert into a values (1){}", ", (1)".repeat(500_000));
        assert_eq!(doubted(&long), []);
        let named = doubted(&format!("drop table {}", "x".repeat(100_000)));
        assert!(named[0].message.len() < 500);
    }

    #[test]
    fn only_a_regular_file_of_a_usual_size_is_looked_at() {
        let directory = tempfile::tempdir().expect("a directory");
        let pipe = directory.path().join("003_x.up.sql");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .expect("a FIFO");
        assert_eq!(Source::read("003", &pipe).sql, None);
        let huge = directory.path().join("004_x.up.sql");
        let file = File::create(&huge).expect("created");
        file.set_len(100 << 20).expect("a sparse file");
        assert_eq!(Source::read("004", &huge).sql, None);
        assert_eq!(Source::read("005", Path::new("/dev/zero")).sql, None);
        let link = directory.path().join("006_x.up.sql");
        std::os::unix::fs::symlink("/dev/zero", &link).expect("a link");
        assert_eq!(Source::read("006", &link).sql, None);
    }

    #[test]
    fn one_statement_that_is_not_recognised_does_not_hide_the_next() {
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

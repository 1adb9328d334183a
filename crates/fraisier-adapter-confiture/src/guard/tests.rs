use std::fs::{self, File};

use tempfile::TempDir;

use super::*;
use crate::testing::fifo;

/// The doubts of this release about one migration.
fn doubted_by(release: &str, sql: &str) -> Vec<PreflightIssue> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("004_x.up.sql");
    fs::write(&path, sql).expect("written");
    let version = "004".into();
    let migrations = [Migration { version, path }];
    doubts(&ConfitureVersion::parse(release), &migrations)
}

fn doubted(sql: &str) -> Vec<PreflightIssue> {
    doubted_by("0.23.0", sql)
}

/// What is said of the file of this name.
fn shown(directory: &TempDir, name: &str) -> String {
    let version = "005".into();
    let path = directory.path().join(name);
    let issues = doubts(
        &ConfitureVersion::parse("0.43.0"),
        &[Migration { version, path }],
    );
    let [issue] = issues.as_slice() else {
        panic!("one issue about {name}: {issues:?}")
    };
    issue.message.clone()
}

#[test]
fn safe_statements_are_not_doubted() {
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
        "create table a (id int null)",
        "create table a (id int references b)",
        "create table a (id int not null references s.b (id) on delete cascade on update set null)",
        "create table a (id int, constraint f foreign key (id) references b on delete no action)",
        "comment on column s.a.b is null",
        "grant select, update (b, c) on table a, s.b to app, \"Reader\"",
        "grant usage on schema s to app",
        "grant usage on sequence s to app",
        "set session lock_timeout = 1000",
    ] {
        assert_eq!(doubted(sql), [], "{sql}");
        assert!(guard_recognises(sql), "{sql}");
    }
}

#[test]
fn other_statements_are_doubted() {
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
fn lookalikes_of_plain_statements_are_doubted() {
    for sql in [
        // The end of the file is no end of a shape.
        "create sequence s.",
        "create table a (b int default 1::",
        "alter table a add column b varchar(3",
        "insert into a values (1),",
        "grant select on a to b,",
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
        "alter table a add column b text default -1::text",
        "insert into a values (+1)",
        "alter table a add\nbegin\nint",
        "create table a (commit int)",
        "insert into a values (E'\\'')",
        "insert into a values ('a' 'b')",
        "insert into a values ($1)",
        "call f()",
        "begin",
        "commit",
    ] {
        assert_eq!(doubted(sql).len(), 1, "{sql}");
        assert!(!guard_recognises(sql), "{sql}");
    }
}

#[test]
fn the_statement_is_named_without_its_literals() {
    let doubts = doubted(
        "create table b (id int);\ndrop table s.a;\ntruncate b, \"C\"; update a set b = 'hunter2'",
    );
    let messages: Vec<_> = doubts.iter().map(|doubt| doubt.message.as_str()).collect();
    assert_eq!(messages.len(), 3);
    for (message, part) in messages.iter().zip([
        "004_x.up.sql: line 2, `drop table s.a`",
        "line 3, `truncate b, C`",
        "line 3, `update a set b`",
    ]) {
        assert!(message.contains(part), "{message}");
    }
    assert!(!messages[2].contains("hunter2"), "{}", messages[2]);
}

#[test]
fn a_statement_without_a_first_word_is_named_by_its_line() {
    for sql in ["\\set x 1", ".a", "copy a from stdin;\n1\n\\.\n"] {
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
    assert_eq!(doubted(&many).len(), REPORTED + 1);
    let long = format!("insert into a values (1){}", ", (1)".repeat(500_000));
    assert_eq!(doubted(&long), []);
    let named = doubted(&format!("drop table {}", "x".repeat(100_000)));
    assert!(named[0].message.len() < 500);
}

#[test]
fn only_regular_files_of_usual_size_are_read() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    fifo(&at("003_x.up.sql"));
    std::os::unix::fs::symlink("/dev/zero", at("004_x.up.sql")).expect("a link");
    fs::create_dir(at("005_x.up.sql")).expect("a directory");
    for name in ["003_x.up.sql", "004_x.up.sql", "005_x.up.sql"] {
        assert!(shown(&directory, name).contains("cannot be read as SQL"));
    }
    let huge = File::create(at("006_x.up.sql")).expect("created");
    huge.set_len(100 << 20).expect("a sparse file");
    assert!(shown(&directory, "006_x.up.sql").contains("larger than 4 MiB"));
}

#[test]
fn the_total_size_of_all_files_is_bounded() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("001_x.up.sql");
    fs::write(&path, "--".to_owned() + &" ".repeat((4 << 20) - 2)).expect("written");
    let migration = |version| Migration {
        version: format!("{version:03}"),
        path: path.clone(),
    };
    let migrations: Vec<Migration> = (1..=17).map(migration).collect();
    let issues = doubts(&ConfitureVersion::parse("0.23.0"), &migrations);
    assert_eq!(issues.len(), 1, "{issues:?}");
    assert_eq!(issues[0].migration.as_deref(), Some("017"));
    assert!(issues[0].message.contains("64 MiB"), "{issues:?}");
}

#[test]
fn an_issue_names_the_release_and_the_one_that_can_judge() {
    let issues = doubted_by("0.43.0", "create index i on a (b)");
    for part in ["0.43.0", "0.44.0 is the first release that can judge it"] {
        assert!(issues[0].message.contains(part), "{issues:?}");
    }
}

#[test]
fn an_unrecognised_statement_does_not_hide_the_next() {
    assert_eq!(doubted("this is not sql; drop table a").len(), 2);
}

#[test]
fn an_unreadable_file_is_doubted() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, bytes: &[u8]| {
        fs::write(directory.path().join(name), bytes).expect("written");
    };
    write("005_p.py", b"create table a (id int)");
    write("007_b.up.sql", b"-- \xff");
    for name in ["005_p.py", "006_missing.up.sql", "007_b.up.sql"] {
        assert!(shown(&directory, name).contains("cannot be read as SQL"));
    }
}

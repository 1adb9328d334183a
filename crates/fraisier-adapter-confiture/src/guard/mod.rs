//! A second opinion on `window_safe: true` from releases that said so of nearly everything.
//!
//! confiture 0.23.0 to 0.43.x answered `true` for `DROP TABLE`, `TRUNCATE`, `REVOKE` and whole
//! other classes of statements. The guard reads the migrations itself and looks for a reason not
//! to believe the answer: whatever it does not know to be forward-compatible is one. It can take a
//! `true` away and never grants one.

mod statement;

use std::fmt;
use std::path::Path;

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

/// A reason not to believe that a migration is forward-compatible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// Which migration it is about.
    pub(crate) migration: String,
    /// What in it could not be vouched for, in words that fit behind "because of".
    pub(crate) cause: String,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "migration {}: {}", self.migration, self.cause)
    }
}

/// The first reason in each of `migrations` (version and file) not to believe that it is
/// forward-compatible. Empty only when every statement of every file is known to be.
pub(crate) fn doubts<'a>(migrations: impl IntoIterator<Item = (&'a str, &'a Path)>) -> Vec<Doubt> {
    migrations
        .into_iter()
        .filter_map(|(version, file)| {
            let cause = doubt_in_file(file)?;
            Some(Doubt {
                migration: version.to_owned(),
                cause,
            })
        })
        .collect()
}

fn doubt_in_file(file: &Path) -> Option<String> {
    if file.extension().is_none_or(|extension| extension != "sql") {
        return Some("it is not SQL".into());
    }
    match std::fs::read_to_string(file) {
        Ok(sql) => doubt_in(&sql),
        Err(cause) => Some(format!("its file cannot be read ({cause})")),
    }
}

/// The first reason in this SQL text.
fn doubt_in(sql: &str) -> Option<String> {
    let dialect = PostgreSqlDialect {};
    let tokens = match Tokenizer::new(&dialect, sql).tokenize_with_location() {
        Ok(tokens) => tokens,
        Err(cause) => {
            return Some(format!(
                "line {}: it is not readable as SQL",
                cause.location.line
            ));
        }
    };
    // A body written as BEGIN ATOMIC … END is cut at its semicolons too; its pieces do not parse,
    // which is a doubt like any other.
    tokens
        .split(|token| token.token == Token::SemiColon)
        .filter(|statement| !is_blank(statement))
        .find_map(|statement| {
            let vouched = Parser::new(&dialect)
                .with_tokens_with_locations(statement.to_vec())
                .parse_statements()
                .is_ok_and(|parsed| parsed.iter().all(statement::is_forward_compatible));
            (!vouched).then(|| name(statement))
        })
}

fn is_blank(statement: &[TokenWithSpan]) -> bool {
    statement
        .iter()
        .all(|token| matches!(token.token, Token::Whitespace(_)))
}

/// Where a statement begins and its first words. The words end before the first literal or
/// parenthesis: a migration may hold a secret, and those are the places for one.
fn name(statement: &[TokenWithSpan]) -> String {
    const WORDS: usize = 8;
    let solid = || {
        statement
            .iter()
            .filter(|token| !matches!(token.token, Token::Whitespace(_)))
    };
    let line = solid().next().map_or(1, |token| token.span.start.line);
    let words: Vec<_> = solid()
        .map(|token| &token.token)
        .take_while(|token| matches!(token, Token::Word(_) | Token::Period | Token::Comma))
        .take(WORDS)
        .map(ToString::to_string)
        .collect();
    let words = words.join(" ").replace(" . ", ".").replace(" ,", ",");
    format!("line {line}: `{words}…`")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_clean_file_raises_no_doubt() {
        let sql = "-- a comment; with a semicolon\n/* and /* nested */ ; */\n;\
                   CREATE TABLE a (id int);\nCOMMENT ON TABLE a IS 'one; two';\n";
        assert_eq!(doubt_in(sql), None);
        assert_eq!(doubt_in(""), None);
    }

    #[test]
    fn the_first_doubtful_statement_is_named_with_its_line() {
        let sql = "CREATE TABLE a (id int);\n\nDROP TABLE public.b,\n  c;\nTRUNCATE d;";
        assert_eq!(
            doubt_in(sql).as_deref(),
            Some("line 3: `DROP TABLE public.b, c…`")
        );
    }

    #[test]
    fn what_cannot_be_parsed_is_doubted() {
        for sql in [
            "SELEKT 1",
            "DO $$ BEGIN DROP TABLE a; END $$",
            "CREATE TABLE a (id int) NONSENSE",
            "CREATE TABLE a (id int) DROP TABLE b",
            "INSERT INTO a VALUES ('unterminated",
            "\\connect other",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END",
        ] {
            assert!(doubt_in(sql).is_some(), "{sql}");
        }
    }

    #[test]
    fn a_name_holds_no_literal() {
        let sql = "ALTER ROLE app PASSWORD 'hunter2-canary'";
        assert_eq!(
            doubt_in(sql).as_deref(),
            Some("line 1: `ALTER ROLE app PASSWORD…`")
        );
    }

    #[test]
    fn files_that_are_not_readable_sql_are_doubted() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        fs::write(path("1_ok.up.sql"), "CREATE TABLE a (id int);").expect("written");
        fs::write(path("2_code.py"), "pass").expect("written");
        fs::write(path("3_bytes.up.sql"), b"COMMENT ON TABLE a IS '\xff';").expect("written");
        let files = [
            ("1", path("1_ok.up.sql")),
            ("2", path("2_code.py")),
            ("3", path("3_bytes.up.sql")),
            ("4", path("4_gone.up.sql")),
        ];
        let found = doubts(
            files
                .iter()
                .map(|(version, file)| (*version, file.as_path())),
        );
        let migrations: Vec<_> = found.iter().map(|doubt| doubt.migration.as_str()).collect();
        assert_eq!(migrations, ["2", "3", "4"]);
        assert_eq!(found[0].to_string(), "migration 2: it is not SQL");
    }
}

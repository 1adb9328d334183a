//! The `errors` of a report: why confiture stopped, and at which migration.

use crate::failure::Advice;

/// What stands between the migration and the statement that failed.
const EXECUTED: &str = ": SQL execution failed | SQL: ";
/// What stands between the statement and the server's message.
const SAID: &str = " | Error: ";
/// The end of the error when a migration that was to be applied is in the ledger.
const ALREADY_APPLIED: &str = " has already been applied";
/// The beginning of the error when confiture cannot create its ledger.
const NO_LEDGER_CREATED: &str = "Failed to initialize migrations table: ";
/// What stands before the list of migrations without a `.down.sql`, where each needs one.
const IRREVERSIBLE: &str = "Irreversible migrations detected (missing .down.sql): ";

/// What the server says where the wait for a lock was too long for the role.
const LOCK_TIMEOUT: &str = "canceling statement due to lock timeout";

/// What begins the error of a migration that was applied.
const APPLYING: &str = "Failed to apply migration ";
/// What begins the error of a migration that runs outside a transaction.
const NON_TRANSACTIONAL: &str = "Failed to apply non-transactional migration ";
/// What begins the error of a migration that was rolled back.
const ROLLING_BACK: &str = "Failed to rollback migration ";

/// A statement that the server refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal<'a> {
    /// `Failed to apply migration 002 (orders)`.
    pub(crate) migration: &'a str,
    /// The first line of what the server said.
    pub(crate) said: &'a str,
}

/// The statement that the server refused, if this entry of `errors` is certainly about one in a
/// transaction.
///
/// Only then is the report's list of applied migrations exact. When the connection is lost at a
/// `COMMIT`, confiture reports no statement, and the server may have committed.
pub(crate) fn refusal(error: &str) -> Option<Refusal<'_>> {
    refused_statement(error).filter(|it| !it.migration.starts_with(NON_TRANSACTIONAL))
}

/// The statement that the server refused, in a transaction or outside of one.
pub(crate) fn refused_statement(error: &str) -> Option<Refusal<'_>> {
    let (migration, rest) = error.split_once(EXECUTED)?;
    let (_, said) = rest.split_once(SAID)?;
    let label = migration
        .strip_prefix(APPLYING)
        .or_else(|| migration.strip_prefix(NON_TRANSACTIONAL))
        .or_else(|| migration.strip_prefix(ROLLING_BACK))?;
    let labelled = !label.is_empty() && !label.contains('\n');
    (labelled && !speaks_of_the_connection(said)).then(|| Refusal {
        migration,
        said: said.lines().next().unwrap_or_default().trim_end(),
    })
}

/// What became of the migration that an error is about, and then the reason, where it is about one.
pub(crate) fn what_became(error: &str) -> Option<String> {
    const FATES: [(&str, &str, &str); 3] = [
        (
            APPLYING,
            "failed, and its transaction was rolled back",
            "failed",
        ),
        (
            NON_TRANSACTIONAL,
            "",
            "failed outside a transaction, and parts of it may remain",
        ),
        (ROLLING_BACK, "was not rolled back", "failed to roll back"),
    ];
    let fate = FATES.iter().find(|(begin, ..)| error.starts_with(begin))?;
    let &(begin, certain, otherwise) = fate;
    let became = refusal(error).map_or(otherwise, |_| certain);
    let (label, said) = error.strip_prefix(begin)?.split_once(": ")?;
    let said = refused_statement(error).map_or(said, |it| it.said);
    let said: Vec<&str> = said.split_whitespace().collect();
    let is_label = !label.is_empty() && !label.contains('\n');
    is_label.then(|| format!("{label} {became}: {}", said.join(" ")))
}

/// The version and name in `Failed to apply migration 002 (orders): …`.
pub(crate) fn migration(error: &str) -> Option<(&str, &str)> {
    let label = error.strip_prefix(APPLYING);
    let label = label.or_else(|| error.strip_prefix(NON_TRANSACTIONAL))?;
    let (version, rest) = label.split_once(" (")?;
    let (name, _) = rest.split_once(')')?;
    (!version.contains(char::is_whitespace)).then_some((version, name))
}

/// The index of a refused `CREATE INDEX CONCURRENTLY`. It may remain and be invalid, it may not exist, or
/// be another one that is valid: the server's message does not say which.
pub(crate) fn index_that_may_remain(error: &str) -> Option<&str> {
    let statement = error.strip_prefix(NON_TRANSACTIONAL)?;
    let (_, statement) = statement.split_once(EXECUTED)?;
    let (statement, _) = statement.split_once(SAID)?;
    let mut words = statement.split_whitespace();
    words.find(|word| word.eq_ignore_ascii_case("concurrently"))?;
    let named =
        words.find(|word| !["if", "not", "exists"].contains(&word.to_lowercase().as_str()))?;
    let is_named = !named.eq_ignore_ascii_case("on");
    (is_named && statement.to_lowercase().contains("create ")).then_some(named)
}

/// Whether this message may be about the connection and not about the statement. Names in double
/// quotes come from the statement, and so does the text after `LINE`.
fn speaks_of_the_connection(said: &str) -> bool {
    const WORDS: [&str; 11] = [
        "connection",
        "server closed",
        "terminat",
        "shutting down",
        "recovery",
        "crash",
        "ssl",
        "eof",
        "pipe",
        "socket",
        "consuming input",
    ];
    let said = said.split("\nLINE ").next().unwrap_or_default();
    let unquoted: String = said.split('"').step_by(2).collect();
    let unquoted = unquoted.to_lowercase();
    WORDS.iter().any(|word| unquoted.contains(word))
}

/// The version of the migration that was to be applied, and was found in the ledger: a release before 1.0.0
/// lists the pending migrations before it takes the lock.
pub(crate) fn found_applied(errors: &[String]) -> Option<&str> {
    let [error] = errors else { return None };
    let label = error
        .strip_prefix("Migration ")?
        .strip_suffix(ALREADY_APPLIED)?;
    let (version, _) = label.split_once(" (")?;
    (!error.contains('\n')).then_some(version)
}

/// The migrations without a `.down.sql` because of which confiture refused to begin.
pub(crate) fn irreversible(errors: &[String]) -> Option<&str> {
    let [error] = errors else { return None };
    let (versions, _) = error.strip_prefix(IRREVERSIBLE)?.split_once(". ")?;
    Some(versions)
}

/// What helps where the server refused a statement for a reason that is not in the statement, by the
/// words of the server.
pub(crate) fn advice_on_server(said: &str) -> Option<Advice> {
    type Reason = (&'static str, fn() -> Advice);
    const REASONS: [Reason; 8] = [
        (LOCK_TIMEOUT, Advice::wait_for_session),
        ("deadlock detected", Advice::wait_for_session),
        ("due to statement timeout", Advice::allow_statement_time),
        ("due to user request", Advice::deploy_again),
        ("No space left on device", Advice::free_disk),
        (" is not available", Advice::install_extension),
        ("in a read-only transaction", Advice::use_writable_server),
        (" during recovery", Advice::use_writable_server),
    ];
    let said = said.lines().next().unwrap_or_default();
    let (_, advice) = REASONS.iter().find(|(words, _)| said.contains(words))?;
    let is_extension = said.starts_with("extension \"");
    (is_extension || !said.ends_with(" is not available")).then(advice)
}

/// What is known of a failure that is not one of a migration, and came before the first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// Another deploy was in the way.
    Contention(Advice),
    /// The ledger could not be created, changed or read.
    Ledger(Option<Advice>),
}

/// What a message says of the time before the first migration. What ends a migration is reported with
/// its version.
pub(crate) fn before_migrations(message: &str) -> Option<Before> {
    let is_victim =
        message.starts_with("deadlock detected") && message.contains(" on advisory lock [");
    if waited_for_lock(message) || is_victim {
        return Some(Before::Contention(Advice::wait_for_lock()));
    }
    if ledger_was_created_by_another(message) {
        return Some(Before::Contention(Advice::wait_for_other_deploy()));
    }
    if message.trim_end() == "permission denied for table tb_confiture" {
        return Some(Before::Ledger(Some(Advice::own_ledger())));
    }
    let rest = message.strip_prefix(NO_LEDGER_CREATED)?;
    let said = said_of_ledger(message).unwrap_or(rest);
    let owner = if said.starts_with("relation \"tb_confiture\" does not exist") {
        Some(Advice::show_ledger())
    } else {
        let is_foreign = said.starts_with("must be owner of ");
        is_foreign.then(Advice::own_ledger)
    };
    Some(Before::Ledger(owner.or_else(|| advice_on_server(said))))
}

/// What the server said where confiture could not create or change its ledger.
fn said_of_ledger(message: &str) -> Option<&str> {
    let (_, said) = message.strip_prefix(NO_LEDGER_CREATED)?.split_once(SAID)?;
    Some(said)
}

/// Whether the role's `lock_timeout` ended the wait for the migration lock, or for the ledger that
/// another deploy uses.
fn waited_for_lock(message: &str) -> bool {
    match said_of_ledger(message) {
        Some(said) => said.lines().next() == Some(LOCK_TIMEOUT),
        None => message.trim_end() == LOCK_TIMEOUT,
    }
}

/// Whether another deploy created the ledger at the same moment: a release before 1.0.0 creates it
/// before it takes the lock, and the server refuses the second `CREATE TABLE`.
fn ledger_was_created_by_another(message: &str) -> bool {
    let Some(said) = said_of_ledger(message) else {
        return false;
    };
    let twice = said.starts_with("duplicate key value violates unique constraint \"pg_")
        || said.starts_with("relation \"tb_confiture\" already exists");
    twice && said.contains("tb_confiture")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As 0.50.0 and 1.29.0 report it when another deploy waits for the lock.
    const DEADLOCK: &str = "Failed to apply non-transactional migration 003 (c): SQL execution failed | \
         SQL: -- confiture: no-transaction\nCREATE INDEX CONCURRENTLY i ON one (x) | Error: deadlock \
         detected\nDETAIL: Process 16291 waits for ShareLock on virtual transaction 75/2; blocked by \
         process 16955.";

    #[test]
    fn a_failure_outside_a_transaction_has_an_inexact_state() {
        assert_eq!(refusal(DEADLOCK), None);
        let refused = refused_statement(DEADLOCK).map(|it| it.said);
        assert_eq!(refused, Some("deadlock detected"));
        assert_eq!(migration(DEADLOCK), Some(("003", "c")));
    }

    #[test]
    fn an_index_may_remain_of_a_concurrent_creation_that_failed() {
        let failed = |statement: &str, said: &str| {
            format!("{NON_TRANSACTIONAL}003 (c){EXECUTED}{statement}{SAID}{said}")
        };
        assert_eq!(index_that_may_remain(DEADLOCK), Some("i"));
        let named = failed(
            "create unique index concurrently if not exists s.i on t (x)",
            "boom",
        );
        assert_eq!(index_that_may_remain(&named), Some("s.i"));
        for other in [
            failed("CREATE INDEX CONCURRENTLY ON t (x)", "boom"),
            failed("DROP INDEX CONCURRENTLY i", "boom"),
            failed("VACUUM t", "boom"),
            "Failed to apply migration 003 (c): boom".to_owned(),
        ] {
            assert_eq!(index_that_may_remain(&other), None, "{other}");
        }
    }

    #[test]
    fn a_lock_timeout_of_a_migration_differs_from_one_before_it() {
        let timeout = "canceling statement due to lock timeout";
        let ledger = "Failed to initialize migrations table: SQL execution failed | SQL: ALTER TABLE \
                      \"tb_confiture\" ADD COLUMN IF NOT EXISTS applied_by TEXT | Error: ";
        assert!(waited_for_lock(timeout));
        assert!(waited_for_lock(&format!("{ledger}{timeout}")));
        for said in [
            "canceling statement due to statement timeout".to_owned(),
            format!("Failed to apply migration 002 (b): {timeout}"),
            format!("{timeout}\nLINE 2: INSERT INTO \"tb_confiture\""),
            format!("{ledger}permission denied"),
        ] {
            assert!(!waited_for_lock(&said), "{said}");
        }
    }

    #[test]
    fn a_reason_outside_the_migration_has_its_own_advice() {
        for (said, advice) in [
            (LOCK_TIMEOUT, Some(Advice::wait_for_session())),
            (
                "deadlock detected\nDETAIL: x",
                Some(Advice::wait_for_session()),
            ),
            (
                "canceling statement due to statement timeout\nHint: y",
                Some(Advice::allow_statement_time()),
            ),
            (
                "canceling statement due to user request",
                Some(Advice::deploy_again()),
            ),
            (
                "could not extend file \"base/5/1\": No space left on device",
                Some(Advice::free_disk()),
            ),
            (
                "extension \"postgis\" is not available",
                Some(Advice::install_extension()),
            ),
            (
                "cannot execute CREATE TABLE in a read-only transaction",
                Some(Advice::use_writable_server()),
            ),
            ("the shop is not available", None),
            (
                "column \"x\" does not exist\nLINE 1: deadlock detected",
                None,
            ),
        ] {
            assert_eq!(advice_on_server(said), advice, "{said}");
        }
    }

    #[test]
    fn a_ledger_that_cannot_be_used_comes_before_every_migration() {
        let ledger = |said: &str| {
            before_migrations(&format!(
                "{NO_LEDGER_CREATED}SQL execution failed | SQL: ALTER TABLE x{SAID}{said}"
            ))
        };
        let own = || Some(Before::Ledger(Some(Advice::own_ledger())));
        assert_eq!(
            ledger("must be owner of table tb_confiture\nHint: y"),
            own()
        );
        // 0.23.0 finds the ledger in any schema, and changes the one of the search path.
        assert_eq!(
            ledger("relation \"tb_confiture\" does not exist"),
            Some(Before::Ledger(Some(Advice::show_ledger())))
        );
        let denied = "permission denied for table tb_confiture";
        assert_eq!(before_migrations(denied), own());
        assert_eq!(
            ledger("permission denied for schema public"),
            Some(Before::Ledger(None))
        );
        let writable = Some(Before::Ledger(Some(Advice::use_writable_server())));
        assert_eq!(
            ledger("cannot execute ALTER TABLE in a read-only transaction"),
            writable
        );
        let contention = || Some(Before::Contention(Advice::wait_for_lock()));
        assert_eq!(ledger(&format!("{LOCK_TIMEOUT}\nHint: y")), contention());
        let victim = "deadlock detected\nDETAIL:  Process 1 waits for ExclusiveLock on advisory lock \
                      [5,1751936052,7,2]; blocked by process 2.";
        assert_eq!(before_migrations(victim), contention());
        for other in [
            "deadlock detected",
            "permission denied for table orders",
            DEADLOCK,
        ] {
            assert_eq!(before_migrations(other), None, "{other}");
        }
    }

    #[test]
    fn a_refused_statement_differs_from_a_lost_connection() {
        let refused = "Failed to apply migration 002 (orders): SQL execution failed | SQL: CREATE \
                       TABLE connections (id no_type); | Error: type \"connection_t\" does not exist\
                       \nLINE 1: CREATE TABLE connections (id no_type);";
        assert_eq!(
            refusal(refused),
            Some(Refusal {
                migration: "Failed to apply migration 002 (orders)",
                said: "type \"connection_t\" does not exist",
            })
        );
        let statement = "Failed to apply migration 002 (orders): SQL execution failed | SQL: SELECT 1 | Error: ";
        for said in [
            "the connection is lost",
            "the connection is closed",
            "consuming input failed: server closed the connection unexpectedly\n\tThis probably",
            "terminating connection due to administrator command\nSSL connection has been closed",
            "could not receive data from server: Broken pipe",
            "the database system is shutting down",
        ] {
            assert_eq!(refusal(said), None, "{said}");
            assert_eq!(refusal(&format!("{statement}{said}")), None, "{said}");
        }
        for other in [
            "",
            "Halted at 004_s: it declares requires_superuser=True.",
            "Failed to apply migration 002 (orders): boom",
            "Failed to apply migration : SQL execution failed | SQL: x | Error: y",
            "Failed to apply migration 002\n(a): SQL execution failed | SQL: x | Error: y",
        ] {
            assert_eq!(refusal(other), None, "{other}");
        }
    }

    #[test]
    fn an_error_begins_with_the_outcome_of_its_migration() {
        let refused = |begin: &str| {
            format!(
                "{begin}002 (two){EXECUTED}SELECT ': '{SAID}type \"x\"  does not exist\nLINE 1: x"
            )
        };
        for (error, became) in [
            (
                refused(APPLYING),
                "002 (two) failed, and its transaction was rolled back: type \"x\" does not exist",
            ),
            (
                refused(NON_TRANSACTIONAL),
                "002 (two) failed outside a transaction, and parts of it may remain: type \"x\" does not exist",
            ),
            (
                refused(ROLLING_BACK),
                "002 (two) was not rolled back: type \"x\" does not exist",
            ),
            (
                format!("{APPLYING}002 (two): the connection\nis lost"),
                "002 (two) failed: the connection is lost",
            ),
            (
                format!("{ROLLING_BACK}002 (two): the connection is lost"),
                "002 (two) failed to roll back: the connection is lost",
            ),
        ] {
            assert_eq!(what_became(&error).as_deref(), Some(became));
        }
        for other in [
            "",
            "Irreversible: 002",
            "Failed to apply migration 002",
            "Failed to apply migration 2\n(a): x",
        ] {
            assert_eq!(what_became(other), None, "{other}");
        }
    }

    #[test]
    fn a_failed_migration_is_named_by_version_and_name() {
        let named = migration("Failed to apply migration 002 (orders): boom (twice)");
        assert_eq!(named, Some(("002", "orders")));
        for other in [
            "Failed to rollback migration 002 (orders): boom",
            "Failed to apply migration 002: boom",
            "Failed to apply migration of something (orders): boom",
        ] {
            assert_eq!(migration(other), None, "{other}");
        }
    }

    #[test]
    fn only_certain_evidence_is_another_deploy() {
        let errors = |text: &str| vec![text.to_owned()];
        let found = errors("Migration 002 (t2) has already been applied");
        assert_eq!(found_applied(&found), Some("002"));
        for other in [
            "Failed to apply migration 002 (a): it has already been applied",
            "Migration 002 failed (a)\nthe customer has already been applied",
        ] {
            assert_eq!(found_applied(&errors(other)), None, "{other}");
        }
        let ledger = "Failed to initialize migrations table: SQL execution failed | SQL: CREATE TABLE \
                      \"tb_confiture\" (...  | Error: ";
        for (said, by_another) in [
            (
                "duplicate key value violates unique constraint \"pg_type_typname_nsp_index\"\nDETAIL:  \
              Key (typname, typnamespace)=(tb_confiture, 2200) already exists.",
                true,
            ),
            (
                "duplicate key value violates unique constraint \"pg_class_relname_nsp_index\"\nDETAIL:  \
              Key (relname, relnamespace)=(tb_confiture_pk_confiture_seq, 2200) already exists.",
                true,
            ),
            ("relation \"tb_confiture\" already exists", true),
            ("permission denied for schema public", false),
            ("permission denied for table tb_confiture", false),
            (
                "duplicate key value violates unique constraint \"orders_pkey\"",
                false,
            ),
        ] {
            assert_eq!(
                ledger_was_created_by_another(&format!("{ledger}{said}")),
                by_another,
                "{said}"
            );
            assert!(!ledger_was_created_by_another(said));
        }
    }
}

//! The `errors` of a report: why confiture stopped, and at which migration.

use crate::failure::{Advice, Cause, Remedy};

/// What stands between the migration and the statement that failed.
const EXECUTED: &str = ": SQL execution failed | SQL: ";
/// What stands between the statement and the server's message.
const SAID: &str = " | Error: ";
/// The beginning of the error when confiture cannot create its ledger.
const NO_LEDGER_CREATED: &str = "Failed to initialize migrations table: ";
/// What the server says where the wait for a lock was too long for the role.
const LOCK_TIMEOUT: &str = "canceling statement due to lock timeout";

/// The beginning of the error when a migration could not be applied.
const APPLYING: &str = "Failed to apply migration ";
/// The beginning of the error when a migration outside a transaction could not be applied.
const NON_TRANSACTIONAL: &str = "Failed to apply non-transactional migration ";
/// The beginning of the error when a migration could not be rolled back.
const ROLLING_BACK: &str = "Failed to rollback migration ";

/// How an error of a migration begins, and what became of the migration: where the server refused a
/// statement in a transaction, and otherwise.
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

/// Whether this entry of `errors` is certainly about a statement in a transaction that the server refused.
///
/// Only then is the report's list of applied migrations exact. When the connection is lost at a
/// `COMMIT`, confiture reports no statement, and the server may have committed.
pub(crate) fn is_exact(error: &str) -> bool {
    refusal(error).is_some() && !error.starts_with(NON_TRANSACTIONAL)
}

/// The first line of what the server said when it refused a statement of a migration, in a transaction or
/// outside of one.
fn refusal(error: &str) -> Option<&str> {
    let (migration, rest) = error.split_once(EXECUTED)?;
    let (_, said) = rest.split_once(SAID)?;
    let label = |(begin, ..): &(&str, _, _)| migration.strip_prefix(begin);
    let label = FATES.iter().find_map(label)?;
    let is_refusal = is_label(label) && !speaks_of_the_connection(said);
    is_refusal.then(|| said.lines().next().unwrap_or_default().trim_end())
}

fn is_label(text: &str) -> bool {
    !text.is_empty() && !text.contains('\n')
}

/// What became of the migration that an error is about, and then the reason, where it is about one.
pub(crate) fn what_became(error: &str) -> Option<String> {
    let fate = FATES.iter().find(|(begin, ..)| error.starts_with(begin))?;
    let (begin, certain, otherwise) = fate;
    let became = if is_exact(error) { certain } else { otherwise };
    let (label, said) = error.strip_prefix(begin)?.split_once(": ")?;
    let said = refusal(error).unwrap_or(said);
    let said: Vec<&str> = said.split_whitespace().collect();
    is_label(label).then(|| format!("{label} {became}: {}", said.join(" ")))
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
    let label = error.strip_prefix("Migration ")?;
    let label = label.strip_suffix(" has already been applied")?;
    let (version, _) = label.split_once(" (")?;
    (!error.contains('\n')).then_some(version)
}

/// The migrations without a `.down.sql` because of which confiture refused to begin.
pub(crate) fn irreversible(errors: &[String]) -> Option<&str> {
    let [error] = errors else { return None };
    let begin = "Irreversible migrations detected (missing .down.sql): ";
    let (versions, _) = error.strip_prefix(begin)?.split_once(". ")?;
    Some(versions)
}

/// What helps where the server refused a statement of a migration for a reason that is not in the
/// migration.
pub(crate) fn advice_on_server(errors: &[String]) -> Option<Advice> {
    advice_on(errors.iter().find_map(|error| refusal(error))?)
}

/// What helps where the server refused a statement for a reason that is not in the statement, by the
/// words of the server.
fn advice_on(said: &str) -> Option<Advice> {
    const REASONS: [Remedy; 8] = [
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

/// The cause of a failure that came before the first migration, and what helps, if that is known. The cause is
/// [`Cause::Contention`] if another session held a lock, or created the ledger at that moment. Otherwise the
/// ledger could not be created, changed or read.
pub(crate) fn before_migrations(message: &str) -> Option<(Cause, Option<Advice>)> {
    let contention = |next| Some((Cause::Contention, Some(next)));
    let whole = message.trim_end();
    let is_victim =
        message.starts_with("deadlock detected") && message.contains(" on advisory lock [");
    if is_victim || whole == LOCK_TIMEOUT {
        return contention(Advice::wait_for_lock());
    }
    if whole == "permission denied for table tb_confiture" {
        return Some((Cause::Other, Some(Advice::own_ledger())));
    }
    let rest = message.strip_prefix(NO_LEDGER_CREATED)?;
    let of_server = rest.split_once(SAID).map(|(_, said)| said);
    if of_server.is_some_and(|said| said.lines().next() == Some(LOCK_TIMEOUT)) {
        return contention(Advice::wait_for_lock());
    }
    if of_server.is_some_and(ledger_was_created_by_another) {
        return contention(Advice::wait_for_other_deploy());
    }
    let said = of_server.unwrap_or(rest);
    let next = if said.starts_with("relation \"tb_confiture\" does not exist") {
        Some(Advice::show_ledger())
    } else if said.starts_with("must be owner of ") {
        Some(Advice::own_ledger())
    } else {
        advice_on(said)
    };
    Some((Cause::Other, next))
}

/// Whether another deploy created the ledger at the same moment: a release before 1.0.0 creates it
/// before it takes the lock, and the server refuses the second `CREATE TABLE`.
fn ledger_was_created_by_another(said: &str) -> bool {
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
        assert!(!is_exact(DEADLOCK));
        assert_eq!(refusal(DEADLOCK), Some("deadlock detected"));
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
        let contention = Some((Cause::Contention, Some(Advice::wait_for_lock())));
        assert_eq!(before_migrations(timeout), contention);
        let of_ledger = format!("{ledger}{timeout}");
        assert_eq!(before_migrations(&of_ledger), contention);
        for said in [
            "canceling statement due to statement timeout".to_owned(),
            format!("Failed to apply migration 002 (b): {timeout}"),
            format!("{timeout}\nLINE 2: INSERT INTO \"tb_confiture\""),
            format!("{ledger}permission denied"),
        ] {
            assert_ne!(before_migrations(&said), contention, "{said}");
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
            assert_eq!(advice_on(said), advice, "{said}");
        }
    }

    #[test]
    fn a_ledger_that_cannot_be_used_comes_before_every_migration() {
        let ledger = |said: &str| {
            before_migrations(&format!(
                "{NO_LEDGER_CREATED}SQL execution failed | SQL: ALTER TABLE x{SAID}{said}"
            ))
        };
        let own = || Some((Cause::Other, Some(Advice::own_ledger())));
        assert_eq!(
            ledger("must be owner of table tb_confiture\nHint: y"),
            own()
        );
        // 0.23.0 finds the ledger in any schema, and changes the one of the search path.
        assert_eq!(
            ledger("relation \"tb_confiture\" does not exist"),
            Some((Cause::Other, Some(Advice::show_ledger())))
        );
        let denied = "permission denied for table tb_confiture";
        assert_eq!(before_migrations(denied), own());
        assert_eq!(
            ledger("permission denied for schema public"),
            Some((Cause::Other, None))
        );
        let writable = Some((Cause::Other, Some(Advice::use_writable_server())));
        assert_eq!(
            ledger("cannot execute ALTER TABLE in a read-only transaction"),
            writable
        );
        let contention = || Some((Cause::Contention, Some(Advice::wait_for_lock())));
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
            Some("type \"connection_t\" does not exist")
        );
        assert!(is_exact(refused));
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
            let cause = |message: &str| before_migrations(message).map(|(cause, _)| cause);
            let is_by_another = cause(&format!("{ledger}{said}")) == Some(Cause::Contention);
            assert_eq!(is_by_another, by_another, "{said}");
            assert_ne!(cause(said), Some(Cause::Contention));
        }
    }
}

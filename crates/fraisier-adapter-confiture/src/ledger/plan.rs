//! What a rollback rolls back: decided before confiture is asked, from the ledger.

use fraisier_adapter_api::Revision;

use super::{Ledger, OrderedBy, Row};
use crate::failure::{Advice, Fault};

/// A rollback to a migration of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// The migration that is to be the last.
    pub target: Revision,
    /// What is rolled back, last applied first.
    pub versions: Vec<String>,
    /// What stays, the target included.
    pub kept: Vec<String>,
    /// What proves the order.
    pub(crate) ordered_by: OrderedBy,
}

/// The rollback of everything that was applied after the target.
///
/// # Errors
///
/// `PreconditionFailed` when the target is not in the ledger, or when confiture, which goes by
/// `applied_at`, would roll back something else.
pub(crate) fn after(ledger: &Ledger, target: &Revision) -> Result<Rollback, Fault> {
    let rows = ledger.rows.as_slice();
    let Some(at) = rows.iter().position(|row| row.version == target.0) else {
        let last = match ledger.last() {
            Some(last) => format!("; the last applied migration is {last}"),
            None => ": no migration is".to_owned(),
        };
        let what =
            format!("{target} is not applied, so it cannot be the target of a rollback{last}");
        return Err(Fault::refused(what, Advice::query_current()));
    };
    // Rows before the target may tie with each other, and with the target: where confiture takes one of
    // them for a later one, it does not find its files, and refuses.
    let is_later = |row: &&Row| row.rank > rows[at].rank;
    let contradiction = rows[at..]
        .windows(2)
        .map(|pair| (&pair[0], &pair[1]))
        .find(|(earlier, later)| {
            !earlier.is_timed() || !later.is_timed() || earlier.rank >= later.rank
        })
        .or_else(|| Some((rows[..at].iter().find(is_later)?, &rows[at])));
    if let Some((earlier, later)) = contradiction {
        return Err(contradicted(ledger.ordered_by, earlier, later));
    }
    let version = |row: &Row| row.version.clone();
    Ok(Rollback {
        target: target.clone(),
        versions: rows[at + 1..].iter().rev().map(version).collect(),
        kept: rows[..=at].iter().map(version).collect(),
        ordered_by: ledger.ordered_by,
    })
}

/// Two rows, in the order of the ledger, whose times say otherwise.
fn contradicted(ordered_by: OrderedBy, earlier: &Row, later: &Row) -> Fault {
    let shown = |row: &Row| {
        let time = row.applied_at.as_deref().unwrap_or("no time");
        format!("{} ({time})", row.version)
    };
    let (order, next) = match ordered_by {
        OrderedBy::Row => ("", Advice::order_times()),
        OrderedBy::Version => (" by version", Advice::order_times_by_hand()),
    };
    let (earlier, later) = (shown(earlier), shown(later));
    let what = format!(
        "the ledger does not prove the order of application: {later} follows {earlier}{order}"
    );
    Fault::refused(what, next)
}

/// The rollback of exactly what one `up` applied.
///
/// # Errors
///
/// Why that cannot be rolled back by itself, as a clause.
pub(crate) fn of_applied(ledger: &Ledger, applied: &[String]) -> Result<Rollback, String> {
    let is_applied = |row: &Row| applied.contains(&row.version);
    let begin = ledger.rows.iter().position(is_applied);
    let (before, since) = ledger.rows.split_at(begin.unwrap_or(ledger.rows.len()));
    let others = since.iter().filter(|row| !is_applied(row));
    let others: Vec<&str> = others.map(|row| row.version.as_str()).collect();
    if !others.is_empty() {
        let others = others.join(", ");
        return Err(format!(
            "another deploy has applied {others} in the meantime"
        ));
    }
    if since.len() < applied.len() {
        return Err("the ledger no longer contains what was applied".into());
    }
    let Some(target) = before.last() else {
        return Err("there is no revision to go back to: nothing had been applied before".into());
    };
    after(ledger, &Revision::new(&target.version)).map_err(|fault| fault.summary())
}

#[cfg(test)]
mod tests {
    use fraisier_adapter_api::AdapterErrorKind;

    use super::*;
    use crate::failure::DatabaseState;
    use crate::ledger::tests::{ledger, row};

    fn versions(rollback: &Rollback) -> Vec<&str> {
        rollback.versions.iter().map(String::as_str).collect()
    }

    fn refusal(ledger: &Ledger, target: &str) -> Fault {
        let failure = after(ledger, &Revision::new(target)).expect_err("refused");
        assert_eq!(failure.kind(), AdapterErrorKind::PreconditionFailed);
        assert_eq!(*failure.state(), DatabaseState::Unchanged);
        failure
    }

    #[test]
    fn a_rollback_contains_the_rows_after_the_target() {
        // 002 was merged late: times and rows agree, and the versions do not.
        let merged_late = ledger(&[("001", 1), ("003", 2), ("002", 3)]);
        let rollback = after(&merged_late, &Revision::new("003")).expect("planned");
        assert_eq!(versions(&rollback), ["002"]);
        assert_eq!(rollback.kept, ["001", "003"]);
        let rollback = after(&merged_late, &Revision::new("001")).expect("planned");
        assert_eq!(versions(&rollback), ["002", "003"]);
        let rollback = after(&merged_late, &Revision::new("002")).expect("planned");
        assert_eq!(versions(&rollback), [""; 0]);
    }

    #[test]
    fn times_that_tie_or_run_backwards_at_or_above_the_target_are_refused() {
        for (rows, target, named) in [
            // `reinit` wrote one time.
            (
                vec![("001", 1), ("002", 1), ("003", 1), ("004", 2)],
                "001",
                ["001", "002"],
            ),
            (
                vec![("001", 1), ("002", 1), ("003", 1), ("004", 2)],
                "002",
                ["002", "003"],
            ),
            // The clock was set back.
            (
                vec![("001", 2), ("002", 3), ("003", 1)],
                "002",
                ["002", "003"],
            ),
            (
                vec![("001", 2), ("002", 3), ("003", 1)],
                "001",
                ["002", "003"],
            ),
            // The target is the last row, but not the last in time.
            (
                vec![("001", 2), ("002", 3), ("003", 1)],
                "003",
                ["001", "003"],
            ),
        ] {
            let failure = refusal(&ledger(&rows), target);
            for version in named {
                assert!(
                    failure.to_string().contains(&format!("{version} (")),
                    "{failure}"
                );
            }
            assert!(
                failure.to_string().contains("UPDATE tb_confiture"),
                "{failure}"
            );
        }
    }

    #[test]
    fn rows_without_a_time_at_or_above_the_target_are_refused() {
        for place in [1, 2] {
            let mut rows = vec![row("001", 1), row("002", 2), row("003", 3)];
            rows[place].is_finite = None;
            rows[place].applied_at = None;
            let failure = refusal(
                &Ledger {
                    rows,
                    ..Ledger::default()
                },
                "002",
            );
            assert!(failure.to_string().contains("(no time)"), "{failure}");
        }
    }

    #[test]
    fn ties_before_the_target_do_not_matter() {
        let reinitialised = ledger(&[("001", 1), ("002", 1), ("003", 1), ("004", 2)]);
        let rollback = after(&reinitialised, &Revision::new("003")).expect("planned");
        assert_eq!(versions(&rollback), ["004"]);
    }

    #[test]
    fn a_target_that_is_not_applied_is_refused() {
        let failure = refusal(&ledger(&[("001", 1)]), "002");
        assert!(
            failure
                .to_string()
                .contains("the last applied migration is 001"),
            "{failure}"
        );
        let failure = refusal(&Ledger::default(), "001");
        assert!(failure.to_string().contains("no migration is"), "{failure}");
    }

    #[test]
    fn without_rows_the_advice_is_to_look_at_them_first() {
        let listed = Ledger {
            ordered_by: OrderedBy::Version,
            ..ledger(&[("001", 1), ("002", 1)])
        };
        let failure = refusal(&listed, "001");
        assert!(!failure.to_string().contains("UPDATE"), "{failure}");
        assert!(failure.to_string().contains("by version"), "{failure}");
    }

    #[test]
    fn an_undo_rolls_back_what_one_up_applied_and_nothing_else() {
        let applied = ["003", "004"].map(str::to_owned);
        let rows = [("001", 1), ("002", 2), ("003", 3), ("004", 4)];
        let rollback = of_applied(&ledger(&rows), &applied).expect("planned");
        assert_eq!(versions(&rollback), ["004", "003"]);
        assert_eq!(rollback.target.as_str(), "002");
        for (rows, why) in [
            (
                vec![("001", 1), ("003", 2), ("004", 3), ("005", 4)],
                "another deploy has applied 005 in the meantime",
            ),
            (
                vec![("001", 1), ("003", 2), ("005", 3), ("004", 4)],
                "another deploy has applied 005 in the meantime",
            ),
            (
                vec![("001", 1), ("003", 2)],
                "the ledger no longer contains what was applied",
            ),
            (vec![], "the ledger no longer contains what was applied"),
            (
                vec![("003", 1), ("004", 2)],
                "there is no revision to go back to: nothing had been applied before",
            ),
        ] {
            assert_eq!(of_applied(&ledger(&rows), &applied), Err(why.to_owned()));
        }
        let tied = of_applied(&ledger(&[("002", 1), ("003", 1), ("004", 2)]), &applied);
        let why = tied.expect_err("refused");
        assert!(why.contains("does not prove the order"), "{why}");
    }
}

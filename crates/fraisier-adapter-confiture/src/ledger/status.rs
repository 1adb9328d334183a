//! The ledger as `migrate status` lists it, for a confiture whose Python is not known.
//!
//! It lists what has a file in the directory, by version. Only where the times agree with that order
//! do they prove anything.

use std::collections::BTreeSet;

use super::{Ledger, OrderedBy, Row};
use crate::failure::Fault;
use crate::operation::Call;
use crate::operation::outcome::Outcome;
use crate::process::Invocation;
use crate::report;
use crate::request::Request;

/// `migrate status`, with every time in UTC so that they can be compared as text.
fn status(request: &Request) -> Invocation {
    let mut invocation = request.migrate("status", request.migrations_dir().to_vec());
    invocation.env.set("PGTZ", "UTC");
    invocation
}

/// The ledger as `migrate status` lists it, which creates it where there is none.
pub(crate) async fn list(call: &Call<'_>) -> Result<Ledger, Fault> {
    listed(&call.look(status(call.request)).await?)
}

/// The same beside the command of a call.
pub(crate) async fn list_beside(call: &Call<'_>) -> Result<Ledger, Fault> {
    let ended = call.run_beside(status(call.request), None).await?;
    listed(&Outcome::of(ended))
}

/// The ledger in what `migrate status` reported.
fn listed(outcome: &Outcome<report::MigrationList>) -> Result<Ledger, Fault> {
    let report = outcome.report()?;
    let known = |listed: &report::Listed| ["applied", "pending"].contains(&listed.status.as_str());
    // 1 says that migrations are pending, 2 that there was no ledger.
    let is_list = [0, 1, 2].iter().any(|status| outcome.exited_with(*status));
    if !is_list || !report.migrations.iter().all(known) {
        let what = "its list of migrations cannot be relied on";
        return Err(outcome.harmless_contradiction(what));
    }
    let applied = report.migrations.iter();
    let applied = applied.filter(|listed| listed.status == "applied");
    let time = |listed: &report::Listed| comparable(listed.applied_at.as_deref()?);
    let times: BTreeSet<String> = applied.clone().filter_map(time).collect();
    let row = |(number, listed): (i64, &report::Listed)| {
        let time = time(listed);
        let is_before = |it: &&String| time.as_ref().is_none_or(|time| *it < time);
        let earlier = times.iter().filter(is_before).count();
        Row {
            _number: number,
            version: listed.version.clone(),
            name: None,
            applied_at: listed.applied_at.clone(),
            is_finite: time.map(|_| true),
            rank: i64::try_from(earlier).unwrap_or(i64::MAX),
            checksum: None,
        }
    };
    Ok(Ledger {
        rows: (1..).zip(applied).map(row).collect(),
        ordered_by: OrderedBy::Version,
        is_locked: false,
    })
}

/// The time in a form whose order as text is its order: `2026-11-28T20:16:53.000000`. `None` for one
/// that is not in UTC.
fn comparable(time: &str) -> Option<String> {
    let time = time.strip_suffix("+00:00")?;
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = seconds.len() == 19
        && fraction.len() <= 6
        && digits(fraction)
        && seconds.split(['-', 'T', ':']).all(digits);
    is_plain.then(|| format!("{seconds}.{fraction:0<6}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::failure::DatabaseState;
    use crate::operation::Operation;
    use crate::operation::outcome::Ended;
    use crate::testing::{argv, ctx, output, request};

    fn listed(status: i32, migrations: &Value) -> Result<Ledger, Fault> {
        let report = json!({ "migrations": migrations }).to_string();
        let output = output(status, Some(&report));
        let operation = Operation::CurrentRevision;
        super::listed(&Outcome::of(Ended { operation, output }))
    }

    #[test]
    fn status_is_read_with_times_in_utc() {
        let invocation = status(&request(&ctx(".".as_ref())));
        let expected = "migrate status --no-config --format json --output <report> \
                        --migrations-dir db/migrations";
        assert_eq!(argv(&invocation).join(" "), expected);
        assert_eq!(invocation.env.get("PGTZ"), Some("UTC".as_ref()));
    }

    #[test]
    fn applied_migrations_are_listed_by_version_and_ranked_by_time() {
        let migrations = json!([
            {"version": "001", "status": "applied", "applied_at": "2026-11-28T20:16:53+00:00"},
            {"version": "002", "status": "applied", "applied_at": "2026-11-28T20:16:53.000100+00:00"},
            {"version": "003", "status": "applied", "applied_at": "2026-11-28T20:16:52.9+00:00"},
            {"version": "004", "status": "applied", "applied_at": "2026-11-28T20:16:53.0001+00:00"},
            {"version": "005", "status": "applied", "applied_at": "2026-11-28T22:16:53+02:00"},
            {"version": "006", "status": "applied", "applied_at": null},
            {"version": "007", "status": "pending", "applied_at": null},
        ]);
        let ledger = listed(1, &migrations).expect("a list");
        let ranks: Vec<(&str, i64, bool)> = ledger
            .rows
            .iter()
            .map(|row| (row.version.as_str(), row.rank, row.is_timed()))
            .collect();
        let expected = [
            ("001", 1, true),
            ("002", 2, true),
            ("003", 0, true),
            ("004", 2, true),
            ("005", 3, false),
            ("006", 3, false),
        ];
        assert_eq!(ranks, expected);
        assert_eq!(ledger.ordered_by, OrderedBy::Version);
    }

    #[test]
    fn a_list_that_cannot_be_relied_on_is_refused() {
        let unknown = json!([{"version": "001", "status": "skipped", "applied_at": null}]);
        for (status, migrations) in [(3, json!([])), (0, unknown)] {
            let failure = listed(status, &migrations).expect_err("refused");
            assert_eq!(*failure.state(), DatabaseState::Unchanged);
        }
    }
}

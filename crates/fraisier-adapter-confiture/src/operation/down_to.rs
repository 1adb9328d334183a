//! `down_to`: roll back what came after a revision.

use std::fs;
use std::path::Path;

use fraisier_adapter_api::{AdapterErrorKind as Kind, MigrationOutcome, Revision};

use super::Call;
use super::outcome::Outcome;
use super::server_error::is_exact;
use crate::failure::{Advice, Change, DatabaseState, Fault, add_line, classify};
use crate::ledger::{self, Ledger, OrderedBy, Rollback};
use crate::observe::Event;
use crate::process::{Arg, Invocation, Links};
use crate::release::capability::Need;
use crate::report::{self, Envelope};
use crate::request::Request;
use crate::request::project::{Migration, name_of};

/// Rolls back what was applied after a revision, in the order of the rows of the ledger.
pub(crate) async fn down_to(call: &Call<'_>, target: &Revision) -> Result<MigrationOutcome, Fault> {
    // confiture takes a directory that does not exist for an empty one.
    let migrations = call.request.project.migrations()?;
    check(target)?;
    let ledger = ledger::read(call).await?;
    let rollback = ledger::after(&ledger, target)?;
    roll_back(call, &migrations, &ledger, &rollback).await
}

/// Runs a rollback that was planned with this ledger.
///
/// A release that plans before it has the lock does not see what another deploy applies until then: so
/// no other deploy may hold the lock, and the ledger is compared afterwards.
pub(crate) async fn roll_back(
    call: &Call<'_>,
    migrations: &[Migration],
    ledger: &Ledger,
    rollback: &Rollback,
) -> Result<MigrationOutcome, Fault> {
    let is_by_row = rollback.ordered_by == OrderedBy::Row;
    let plans_under_lock =
        is_by_row && (call.version().await).is_ok_and(|it| Need::LockedRollback.is_met_by(&it));
    if ledger.is_locked && !plans_under_lock {
        let what = "another deploy holds the migration lock, and this release of confiture would plan \
                    the rollback before it has ended";
        let (state, next) = (DatabaseState::Unchanged, Advice::wait_for_lock());
        return Err(Fault::new(Kind::LockContention, what, state, next));
    }
    check_files(migrations, ledger, rollback)?;
    let links = call.request.project.links(&rollback.versions)?;
    let invocation = command(call.request, &rollback.target, links);
    let outcome = call.run::<report::DownTo>(invocation).await?;
    if let Ok(report) = outcome.report() {
        for revision in report.rolled_back.iter().map(Revision::new) {
            call.emit(Event::MigrationRolledBack { revision });
        }
    }
    let done = interpret(&outcome, rollback)?;
    if !plans_under_lock {
        let after = match rollback.ordered_by {
            OrderedBy::Row => ledger::read(call).await,
            OrderedBy::Version => ledger::list(call).await,
        };
        compare(after, rollback).map_err(|fault| fault.with_evidence(&outcome.evidence()))?;
    }
    Ok(done)
}

/// Compares the ledger after a rollback with what the rollback was to keep.
fn compare(after: Result<Ledger, Fault>, rollback: &Rollback) -> Result<(), Fault> {
    let what = match after {
        Ok(ledger) => {
            let found: Vec<String> = ledger.rows.into_iter().map(|row| row.version).collect();
            if found == rollback.kept {
                return Ok(());
            }
            let is_new = |version: &&String| !rollback.kept.contains(version);
            let new: Vec<String> = found.iter().filter(is_new).cloned().collect();
            let are = if found.len() == 1 { "is" } else { "are" };
            let (new, found) = (listed(&new), listed(&found));
            format!(
                "another deploy changed the ledger during the rollback: it applied {new}, and {found} \
                 {are} applied now"
            )
        }
        Err(why) => {
            let why = why.summary();
            format!("the ledger could not be read after the rollback ({why})")
        }
    };
    let state = DatabaseState::exactly(Change::RolledBack, &rollback.versions);
    Err(Fault::new(
        Kind::Execution,
        what,
        state,
        Advice::plan_again(),
    ))
}

/// Refuses an empty revision, which names no migration.
///
/// # Errors
///
/// `PreconditionFailed`.
fn check(target: &Revision) -> Result<(), Fault> {
    if target.as_str().trim().is_empty() {
        let (what, next) = (
            "the revision to go back to is empty",
            Advice::name_version(),
        );
        return Err(Fault::not_started(Kind::PreconditionFailed, what, next));
    }
    Ok(())
}

/// Refuses a planned version that more than one migration of the directory has, of which confiture would
/// run either, or another migration than the one in the ledger.
///
/// # Errors
///
/// `PreconditionFailed`.
fn check_files(
    migrations: &[Migration],
    ledger: &Ledger,
    rollback: &Rollback,
) -> Result<(), Fault> {
    let shown = |file: &Path| file.file_name().unwrap_or_default().display().to_string();
    for version in &rollback.versions {
        let files = migrations.iter().filter(|it| it.version == *version);
        let files: Vec<&Path> = files.map(|it| it.path.as_path()).collect();
        let applied = ledger.row(version).and_then(|row| row.name.as_deref());
        let (what, next) = match (files.as_slice(), applied) {
            ([_, _, ..], _) => {
                let files: Vec<String> = files.into_iter().map(shown).collect();
                let files = files.join(", ");
                let what = format!(
                    "version {version} has more than one migration ({files}), and confiture would roll \
                     back with either"
                );
                (what, Advice::renumber_migration())
            }
            (&[file], Some(applied)) if name_in(file).is_some_and(|name| name != applied) => {
                let file = shown(file);
                let what = format!(
                    "version {version} was applied as `{applied}`, and the directory contains another \
                     migration of that version, {file}"
                );
                let migration = format!("{version}_{applied}");
                (what, Advice::restore_migration(&migration))
            }
            _ => continue,
        };
        return Err(Fault::refused(what, next));
    }
    Ok(())
}

/// The name that confiture records for the migration in this file: that of an SQL file, and the
/// attribute `name` of the class in a `.py` file. `None` where only running it would show it.
fn name_in(file: &Path) -> Option<String> {
    if file.extension() != Some("py".as_ref()) {
        return name_of(file.file_name()?.to_str()?).map(str::to_owned);
    }
    let text = fs::read_to_string(file).ok()?;
    let mut names = text.lines().filter_map(|line| {
        let value = line.trim_start().strip_prefix("name")?.trim_start();
        let value = value.strip_prefix(": str").unwrap_or(value).trim_start();
        value.strip_prefix('=').map(str::trim)
    });
    let (Some(value), None) = (names.next(), names.next()) else {
        return None;
    };
    let quote = value.chars().next().filter(|it| ['"', '\''].contains(it))?;
    let literal = value.strip_prefix(quote)?.strip_suffix(quote)?;
    let is_plain = !literal.contains(['\\', quote]);
    is_plain.then(|| literal.to_owned())
}

/// `migrate down-to … -- <revision>`: after the `--`, nothing is an option.
///
/// confiture finds the files of the planned migrations and of no other. So it refuses to roll back
/// anything else, whatever has become of the ledger.
pub(crate) fn command(request: &Request, target: &Revision, links: Links) -> Invocation {
    let args = vec![
        Arg::from("--migrations-dir"),
        Arg::Links(links),
        Arg::from("--"),
        Arg::from(target.as_str()),
    ];
    request.migrate("down-to", args)
}

/// The failure when confiture refused because of a migration that was not planned.
fn changed(
    outcome: &Outcome<report::DownTo>,
    envelope: &Envelope,
    rollback: &Rollback,
) -> Option<Fault> {
    if envelope.code.as_deref() != Some("ROLLBACK_600") || !outcome.exited_with(8) {
        return None;
    }
    // The versions whose files confiture did not find.
    let (_, after) = envelope.message.split_once("missing .down.sql for ")?;
    let (versions, _) = after.split_once(". Aborting without applying anything")?;
    let versions = versions.split(", ").map(str::to_owned);
    let others: Vec<String> = versions
        .filter(|it| !rollback.versions.contains(it))
        .collect();
    if others.is_empty() {
        return None;
    }
    let kept = others.iter().filter(|it| rollback.kept.contains(it));
    let kept: Vec<&str> = kept.map(String::as_str).collect();
    let (target, others) = (&rollback.target, others.join(", "));
    let (what, next) = if !kept.is_empty() {
        let kept = kept.join(", ");
        let what = format!(
            "confiture, which goes by `applied_at`, refused to begin: it would also roll back {kept}, \
             which was applied before {target}"
        );
        (what, Advice::order_times())
    } else if rollback.ordered_by == OrderedBy::Version {
        let what = format!(
            "confiture refused to begin: {others} was applied after {target}, and the migrations \
             directory contains no file of it, unless another deploy has applied it since"
        );
        (what, Advice::plan_again())
    } else {
        let what = format!(
            "the ledger has changed since the rollback was planned: {others} is there, and confiture \
             refused to begin"
        );
        (what, Advice::plan_again())
    };
    let state = DatabaseState::Unchanged;
    Some(outcome.fault(Kind::PreconditionFailed, &what, state, next))
}

/// The failure that confiture reported. Where the server refused a statement, every migration planned
/// before the one that it is about was rolled back, each in a transaction of its own.
fn stopped(outcome: &Outcome<report::DownTo>, envelope: &Envelope, rollback: &Rollback) -> Fault {
    let fault = outcome.envelope(envelope);
    let migration = envelope.migration.as_ref();
    let migration = migration.filter(|_| is_exact(&envelope.message));
    let at = migration.and_then(|it| rollback.versions.iter().position(|version| version == it));
    let Some(at) = at else { return fault };
    let kind = fault.kind();
    let state = DatabaseState::exactly(Change::RolledBack, &rollback.versions[..at]);
    fault.in_state(kind, state)
}

fn listed(versions: &[String]) -> String {
    match versions {
        [] => "nothing".into(),
        versions => versions.join(", "),
    }
}

/// The result, when report, exit status and request agree.
pub(crate) fn interpret(
    outcome: &Outcome<report::DownTo>,
    rollback: &Rollback,
) -> Result<MigrationOutcome, Fault> {
    let report = match outcome.payload()? {
        Ok(report) => report,
        Err(envelope) => {
            let changed = changed(outcome, envelope, rollback);
            return Err(changed.unwrap_or_else(|| stopped(outcome, envelope, rollback)));
        }
    };
    let rolled_back = &report.rolled_back;
    let at_least = DatabaseState::at_least(Change::RolledBack, rolled_back);
    if !report.errors.is_empty() {
        let kind = classify(outcome.output.exit, None, true);
        let state = if report.errors.iter().all(|error| is_exact(error)) {
            DatabaseState::exactly(Change::RolledBack, rolled_back)
        } else {
            at_least
        };
        return Err(outcome.errors(kind, &report.errors, state, Advice::diagnose()));
    }
    if !report.skipped.is_empty() {
        let what = format!("it left out {}", report.skipped.join(", "));
        let kind = Kind::IrreversibleRollback;
        return Err(outcome.fault(kind, &what, at_least, Advice::none()));
    }
    if !outcome.exited_with(0) {
        return Err(outcome.contradiction("it lists no error, and fails"));
    }
    let target = rollback.target.as_str();
    let began = rolled_back.first().map_or(target, String::as_str);
    let agrees = (report.from.as_deref(), report.to.as_str()) == (Some(began), target);
    if !agrees || *rolled_back != rollback.versions {
        let what = format!(
            "it went from {} to {} and rolled back {}, and {} was planned, to {target}",
            report.from.as_deref().unwrap_or("nowhere"),
            report.to,
            listed(rolled_back),
            listed(&rollback.versions)
        );
        let fault = outcome.contradiction(&what);
        let kind = fault.kind();
        return Err(if agrees {
            fault.in_state(kind, at_least)
        } else {
            fault
        });
    }
    let mut log = outcome.log();
    let line = match rolled_back.as_slice() {
        [] => "nothing to roll back".to_owned(),
        versions => format!("rolled back {}", versions.join(", ")),
    };
    add_line(&mut log, &line);
    Ok(MigrationOutcome {
        from: report.from.as_deref().map(Revision::new),
        to: Some(Revision::new(&report.to)),
        applied: rolled_back.iter().map(Revision::new).collect(),
        log,
    })
}

#[cfg(test)]
mod tests {
    use fraisier_adapter_api::AdapterError;
    use serde_json::{Value, json};

    use super::*;
    use crate::ledger::tests::ledger;
    use crate::operation::outcome::Ended;
    use crate::process::Output;
    use crate::redact::Redactor;
    use crate::testing::{argv, ctx, envelope, interrupted, only, output, request};
    use crate::tools::replay;

    fn report(change: impl FnOnce(&mut Value)) -> String {
        let mut report = json!({"from": "003", "to": "001", "rolled_back": ["003", "002"],
            "skipped": [], "errors": [], "ok": true, "command": "migrate down-to"});
        change(&mut report);
        report.to_string()
    }

    fn rollback(target: &str, versions: &[&str], kept: &[&str]) -> Rollback {
        let owned = |versions: &[&str]| versions.iter().map(ToString::to_string).collect();
        Rollback {
            target: Revision::new(target),
            versions: owned(versions),
            kept: owned(kept),
            ordered_by: OrderedBy::Row,
        }
    }

    fn down_to(output: &Output) -> Result<MigrationOutcome, AdapterError> {
        planned(&["003", "002"], output)
    }

    fn planned(versions: &[&str], output: &Output) -> Result<MigrationOutcome, AdapterError> {
        let rollback = rollback("001", versions, &["000", "001"]);
        Ok(replay::roll_back(
            &rollback,
            &Redactor::default(),
            only(output),
        )?)
    }

    #[test]
    fn the_revision_is_no_option_and_only_planned_files_are_linked() {
        let project = tempfile::tempdir().expect("a directory");
        let migrations = project.path().join("db/migrations");
        std::fs::create_dir_all(migrations.join("shared")).expect("created");
        for name in [
            "001_a.up.sql",
            "001_a.down.sql",
            "002_b.py",
            "_helper.py",
            "003_c.up.sql",
            "003_c.down.sql",
            "003_c.verify.sql",
            "README.md",
        ] {
            std::fs::write(migrations.join(name), "").expect("written");
        }
        let request = request(&ctx(project.path()));
        for revision in ["001", "-x", "--no-lock", "--force"] {
            let rollback = rollback(revision, &["003"], &[]);
            let links = request.project.links(&rollback.versions);
            let invocation = command(&request, &rollback.target, links.expect("listed"));
            let expected = format!(
                "migrate down-to --no-config --format json --output <report> \
                 --migrations-dir <private>/project/db/links -- {revision}"
            );
            assert_eq!(argv(&invocation).join(" "), expected);
            let links = invocation.links().expect("links");
            let names: Vec<&str> = links
                .targets
                .values()
                .filter_map(|path| path.strip_prefix(&migrations).ok()?.to_str())
                .filter(|name| !name.is_empty())
                .collect();
            let expected = [
                "001_a.down.sql",
                "003_c.down.sql",
                "003_c.up.sql",
                "003_c.verify.sql",
                "README.md",
                "_helper.py",
                "shared",
            ];
            assert_eq!(names, expected);
        }
        let failure = check(&Revision::new(" ")).expect_err("refused");
        assert_eq!(failure.kind(), Kind::PreconditionFailed);
    }

    #[test]
    fn a_planned_version_with_two_migrations_is_refused() {
        let migration = |version: &str, path: &str| Migration {
            version: version.into(),
            path: path.into(),
        };
        let migrations = [
            migration("003", "m/003_c.up.sql"),
            migration("004", "m/004_dup.up.sql"),
            migration("004", "m/004_m004.py"),
        ];
        let check = |versions: &[&str]| {
            check_files(
                &migrations,
                &Ledger::default(),
                &rollback("001", versions, &[]),
            )
        };
        assert!(check(&["003"]).is_ok());
        let fault = check(&["004", "003"]).expect_err("refused");
        assert_eq!(fault.kind(), Kind::PreconditionFailed);
        let shown = fault.summary();
        for part in ["004", "004_dup.up.sql", "004_m004.py"] {
            assert!(shown.contains(part), "{shown}");
        }
    }

    #[test]
    fn a_file_with_another_name_than_the_ledger_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let class =
            |name: &str| format!("class It(Migration):\n    version = \"003\"\n    {name}\n");
        for (file, text, refused) in [
            ("003_m003.up.sql", "", false),
            ("003_other.up.sql", "", true),
            ("003_renamed.py", &class("name = \"m003\""), false),
            ("003_other.py", &class("name: str = 'other'"), true),
            ("003_other.py", &class("name = prefix + 'other'"), false),
            ("003_other.py", &class("name = 'a'\n    name = 'b'"), false),
        ] {
            let path = directory.path().join(file);
            fs::write(&path, text).expect("written");
            let migrations = [Migration {
                version: "003".into(),
                path,
            }];
            let planned = rollback("001", &["003"], &[]);
            let applied = ledger(&[("001", 1), ("003", 2)]);
            let result = check_files(&migrations, &applied, &planned);
            assert_eq!(result.is_err(), refused, "{file}: {text}");
            if let Err(fault) = result {
                let message = fault.to_string();
                assert!(message.contains("applied as `m003`"), "{message}");
                assert!(message.contains("was not changed"), "{message}");
            }
        }
    }

    #[test]
    fn a_ledger_that_grows_during_a_rollback_is_an_error() {
        let planned = rollback("001", &["002"], &["001"]);
        let after = |rows| compare(Ok(ledger(rows)), &planned);
        assert_eq!(after(&[("001", 1)]), Ok(()));
        let fault = after(&[("001", 1), ("003", 2)]).expect_err("an error");
        assert_eq!(fault.kind(), Kind::Execution);
        for part in [
            "it applied 003, and 001, 003 are applied now",
            "002 was rolled back",
        ] {
            assert!(fault.to_string().contains(part), "{fault}");
        }
        let unread = compare(Err(fault), &planned).expect_err("an error");
        assert!(
            unread.to_string().contains("002 was rolled back"),
            "{unread}"
        );
    }

    #[test]
    fn a_missing_file_that_was_not_planned_is_a_changed_ledger() {
        let refused = |versions: &str| {
            let said = format!(
                "Cannot roll back to 001: missing .down.sql for {versions}. Aborting without \
                 applying anything."
            );
            let envelope = envelope("ROLLBACK_600", &said, "Add the missing .down.sql file(s)");
            down_to(&output(8, Some(&envelope))).expect_err("refused")
        };
        for (versions, kind, says) in [
            (
                "005",
                Kind::PreconditionFailed,
                "the ledger has changed since the rollback was planned: 005 is there",
            ),
            (
                "005, 003",
                Kind::PreconditionFailed,
                "planned: 005 is there",
            ),
            (
                "000",
                Kind::PreconditionFailed,
                "it would also roll back 000",
            ),
            (
                "003",
                Kind::IrreversibleRollback,
                "missing .down.sql for 003",
            ),
            (
                "003, 002",
                Kind::IrreversibleRollback,
                "missing .down.sql for 003, 002",
            ),
        ] {
            let error = refused(versions);
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.message.contains(says), "{error}");
            assert!(error.message.contains("was not changed"), "{error}");
        }
    }

    #[test]
    fn a_missing_planned_file_is_no_changed_ledger() {
        let said = "Cannot roll back to 001: missing .down.sql for 005. Aborting without applying \
                    anything.";
        let ended = Ended {
            operation: crate::operation::Operation::DownTo,
            output: output(8, Some(&envelope("ROLLBACK_600", said, "x"))),
        };
        let planned = Rollback {
            ordered_by: OrderedBy::Version,
            ..rollback("001", &["002"], &["001"])
        };
        let fault = interpret(&Outcome::of(ended), &planned).expect_err("refused");
        assert_eq!(fault.kind(), Kind::PreconditionFailed);
        let message = fault.to_string();
        assert!(message.contains("contains no file of it"), "{message}");
        assert!(!message.contains("has changed"), "{message}");
    }

    #[test]
    fn a_result_that_differs_from_the_plan_is_an_error() {
        let done = output(0, Some(&report(|_| ())));
        assert!(planned(&["003", "002"], &done).is_ok());
        for versions in [&["003"][..], &["002", "003"], &["004", "003", "002"], &[]] {
            let error = planned(versions, &done).expect_err("an error");
            assert!(error.message.contains("was planned"), "{error}");
            assert!(error.message.contains("003, 002"), "{error}");
        }
    }

    #[test]
    fn a_rollback_lists_its_migrations() {
        let outcome = down_to(&output(0, Some(&report(|_| ())))).expect("a success");
        assert_eq!(outcome.from, Some(Revision::new("003")));
        assert_eq!(outcome.to, Some(Revision::new("001")));
        assert_eq!(outcome.applied, ["003", "002"].map(Revision::new));
        let nothing = report(|report| {
            report["from"] = json!("001");
            report["rolled_back"] = json!([]);
        });
        let outcome = planned(&[], &output(0, Some(&nothing))).expect("a success");
        assert!(outcome.applied.is_empty() && outcome.log.contains("nothing to roll back"));
        assert!(
            planned(&[], &interrupted(0, Some(&nothing)))
                .expect("a success")
                .log
                .contains("stopped")
        );
    }

    #[test]
    fn every_failure_has_a_kind_and_a_state() {
        for (status, code, kind, state) in [
            (3, "MIGR_100", Kind::PreconditionFailed, "was not changed"),
            (
                8,
                "ROLLBACK_600",
                Kind::IrreversibleRollback,
                "was not changed",
            ),
            (3, "MIGR_001", Kind::Execution, "-ipc current`"),
            (6, "LOCK_1300", Kind::LockContention, "was not changed"),
            (0, "MIGR_100", Kind::Execution, "-ipc current`"),
        ] {
            let error = down_to(&output(status, Some(&envelope(code, "m", "a")))).expect_err("one");
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.message.contains(state), "{error}");
        }
    }

    #[test]
    fn after_a_refused_statement_what_was_rolled_back_is_exact() {
        let state = |migration: &str, said: &str| {
            let begin = format!("Failed to rollback migration {migration} (x)");
            let message =
                format!("{begin}: SQL execution failed | SQL: DROP TABLE x | Error: {said}");
            let report = json!({"ok": false, "error": {
                "code": "MIGR_001", "message": message, "migration": migration}});
            let failed = output(3, Some(&report.to_string()));
            let rollback = rollback("001", &["004", "003", "002"], &["001"]);
            let failure = replay::roll_back(&rollback, &Redactor::default(), only(&failed));
            failure.expect_err("an error").state().clone()
        };
        let exactly = |versions: &[&str]| {
            let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
            DatabaseState::exactly(Change::RolledBack, &versions)
        };
        let refused = "table \"x\" does not exist";
        assert_eq!(state("002", refused), exactly(&["004", "003"]));
        assert_eq!(state("004", refused), exactly(&[]));
        assert_eq!(state("005", refused), DatabaseState::Unknown);
        assert_eq!(
            state("002", "the connection is lost"),
            DatabaseState::Unknown
        );
    }

    #[test]
    fn report_exit_and_request_must_agree() {
        for (status, report) in [
            (0, report(|report| report["errors"] = json!(["003 failed"]))),
            (0, report(|report| report["skipped"] = json!(["002"]))),
            (0, report(|report| report["to"] = json!("002"))),
            (0, report(|report| report["from"] = Value::Null)),
            (0, report(|report| report["rolled_back"] = json!([]))),
            (
                0,
                report(|report| report["rolled_back"] = json!(["003", "001"])),
            ),
            (0, report(|report| report["rolled_back"] = json!(["002"]))),
            (0, report(|report| report["from"] = json!("001"))),
            (0, report(|report| report["error"] = json!({}))),
            (1, report(|_| ())),
            (3, report(|_| ())),
            (130, report(|_| ())),
            (0, "{}".into()),
        ] {
            assert!(
                down_to(&output(status, Some(&report))).is_err(),
                "{status} {report}"
            );
        }
        for field in ["to", "rolled_back", "skipped", "errors"] {
            let broken = report(|report| {
                report.as_object_mut().expect("an object").remove(field);
            });
            assert!(down_to(&output(0, Some(&broken))).is_err(), "{field}");
        }
        assert!(down_to(&output(0, None)).is_err());
        let error = down_to(&output(
            3,
            Some(&report(|report| {
                report["errors"] = json!(["002 failed"]);
                report["rolled_back"] = json!(["003"]);
            })),
        ))
        .expect_err("an error");
        assert_eq!(error.kind, Kind::Execution);
        assert!(
            error.message.contains("at least 003 was rolled back"),
            "{error}"
        );
    }
}

//! `up`: apply pending migrations, all or as far as a target.

use fraisier_adapter_api::{AdapterErrorKind, MigrationOutcome, Revision};

use crate::failure::refusal::{self, refusal};
use crate::failure::{AFTER_ANOTHER, Change, DatabaseState, Failure, Reader, add_line, classify};
use crate::observe::Event;
use crate::operation::Operation;
use crate::operation::reading::{Outputs, Reading, Summary, Unread};
use crate::process::{Arg, Invocation};
use crate::redact::Redactor;
use crate::release::capability::Need;
use crate::report::{self, Payload, decode};
use crate::request::project::{Migration, versions};
use crate::request::{Request, option};

const OPERATION: Operation = Operation::Up;

/// What every release that leaves no report prints when there is nothing to apply; no other does.
const NOTHING_TO_DO: &str = "✅ No pending migrations. Database is up to date.";

/// How many bytes of a target that does not exist are repeated.
const NAME_LIMIT: usize = 200;

/// A migration that failed is rolled back, unless it took that out of confiture's hands.
const AFTER_A_FAILURE: &str = "correct the migration, remove what it committed by itself or did \
                               outside a transaction, then deploy again: it goes on after what is \
                               applied";

/// The connection ended, or the migration failed in a way that the server said nothing of.
const AFTER_AN_UNCERTAIN_FAILURE: &str =
    "correct the cause, then deploy again: it goes on after what is applied";

/// `migrate up`, once it is sure that the target exists.
///
/// confiture takes a target for a bound in the sort order: one that does not exist is a silent
/// success.
///
/// # Errors
///
/// `PreconditionFailed` when the target is no migration of the directory.
pub(crate) fn plan(
    request: &Request,
    target: Option<&Revision>,
    migrations: &[Migration],
) -> Result<Invocation, Failure> {
    let mut args = request.migrations_dir().to_vec();
    if let Some(target) = target {
        if target.as_str().is_empty() || !versions(migrations).contains(target.as_str()) {
            return Err(unknown_target(request, target, migrations));
        }
        args.push(option("--target", target.as_str()));
    }
    if let Some(ms) = request.settings.lock_timeout_ms {
        args.push(option("--lock-timeout", ms.to_string()));
    }
    if request.settings.require_reversible {
        args.push(Arg::from("--require-reversible"));
    }
    if request.settings.allow_destructive {
        args.push(Arg::from("--allow-destructive"));
    }
    Ok(request.migrate("up", args))
}

fn unknown_target(request: &Request, target: &Revision, migrations: &[Migration]) -> Failure {
    let newest = match migrations.last() {
        Some(migration) => format!("the newest it holds is {}", migration.version),
        None => "it holds none".into(),
    };
    // A name that may be empty, blank, endless, or full of control characters.
    let target = request.redactor.identifier(target.as_str());
    let what = format!(
        "the target {:?} is no migration of the directory {}; {newest}",
        Redactor::bounded(&target, NAME_LIMIT),
        request.project.migrations.display(),
    );
    let next = "name a version as it stands before the first `_` of a file name";
    let kind = AdapterErrorKind::PreconditionFailed;
    Failure::new(kind, what, DatabaseState::NotStarted, next)
}

/// Reads an `up` to this target.
#[derive(Debug, Clone, Default)]
pub struct Up {
    /// The target, if one was asked for.
    pub target: Option<Revision>,
}

impl Reading for Up {
    type Answer = MigrationOutcome;
    const OPERATION: Operation = OPERATION;

    fn target(&self) -> Option<&Revision> {
        self.target.as_ref()
    }

    fn summary(outcome: &Self::Answer) -> Summary {
        outcome.into()
    }

    fn migrations(&self, reader: &Reader<'_>) -> Vec<Event> {
        let Ok(report) = reader.report::<report::Up>() else {
            return Vec::new();
        };
        let applied = report
            .applied
            .into_iter()
            .map(|it| Event::MigrationApplied {
                revision: Revision(it.version),
                name: it.name.unwrap_or_default(),
            });
        let failed = report.errors.iter().filter_map(|error| {
            let (revision, name) = refusal::migration(error)?;
            Some(Event::MigrationFailed {
                revision: Revision::new(revision),
                name: name.to_owned(),
            })
        });
        applied.chain(failed).collect()
    }

    fn read(&self, reader: &Reader<'_>, outputs: &Outputs) -> Result<Self::Answer, Unread> {
        let report = reader.output.report.as_ref();
        if report.is_none() && reader.exited_with(0) {
            return without_report(reader, self.target.as_ref(), outputs);
        }
        if let Payload::Report(refusal) = decode::<report::Irreversible>(report) {
            return Err(irreversible(reader, &refusal).into());
        }
        Ok(agreed(reader, self.target.as_ref(), &reader.report()?)?)
    }
}

fn irreversible(reader: &Reader<'_>, refusal: &report::Irreversible) -> Failure {
    let what = format!(
        "confiture refused to begin ({}): {}",
        reader.exit(),
        refusal.errors.join("; ")
    );
    let next = format!(
        "write the missing `.down.sql` of {}, or take back the setting `require_reversible`",
        refusal.irreversible_versions.join(", ")
    );
    let kind = classify(reader.output.exit, None, true);
    reader.failure(kind, &what, DatabaseState::none_applied(), &next)
}

/// The failure of an `up` that says in its report why it stopped.
fn stopped(reader: &Reader<'_>, report: &report::Up) -> Option<Failure> {
    let applied = versions_of(report);
    let errors = &report.errors;
    if let Some(stop) = report.skipped_superuser.first() {
        let what = format!(
            "confiture stopped before migration {}, which needs a superuser: {}; {} after it stay \
             pending",
            stop.version,
            stop.reason,
            report.pending.len()
        );
        let next = format!(
            "have a superuser apply it (`confiture migrate apply-as <role> {}`), then deploy again",
            stop.version
        );
        let state = exactly(reader, report, applied);
        return Some(reader.failure(AdapterErrorKind::Execution, &what, state, &next));
    }
    if errors.is_empty() {
        return None;
    }
    let (kind, state, next) = if applied.is_empty() && refusal::was_applied_by_another(errors) {
        let kind = AdapterErrorKind::LockContention;
        (kind, DatabaseState::none_applied(), AFTER_ANOTHER)
    } else {
        let kind = classify(reader.output.exit, None, true);
        if errors.iter().all(|error| refusal(error).is_some()) {
            (kind, exactly(reader, report, applied), AFTER_A_FAILURE)
        } else {
            (kind, at_least(applied), AFTER_AN_UNCERTAIN_FAILURE)
        }
    };
    Some(reader.errors(kind, "confiture stopped with an error", errors, state, next))
}

fn versions_of(report: &report::Up) -> Vec<String> {
    report.applied.iter().map(|it| it.version.clone()).collect()
}

/// What is known where nothing else can have been applied.
fn exactly(reader: &Reader<'_>, report: &report::Up, applied: Vec<String>) -> DatabaseState {
    if applied.is_empty() || reader.output.interrupted.is_some() {
        return DatabaseState::Changed {
            how: Change::Applied,
            versions: applied,
            is_exact: true,
        };
    }
    let found = report.skipped.iter().max().cloned();
    DatabaseState::Halfway { applied, found }
}

fn at_least(applied: Vec<String>) -> DatabaseState {
    DatabaseState::Changed {
        how: Change::Applied,
        versions: applied,
        is_exact: false,
    }
}

/// What the report says, when request and exit status agree with it.
fn agreed(
    reader: &Reader<'_>,
    target: Option<&Revision>,
    report: &report::Up,
) -> Result<MigrationOutcome, Failure> {
    if report.dry_run || report.dry_run_execute {
        return Err(reader.contradiction("it only rehearsed", DatabaseState::Unknown));
    }
    if let Some(failure) = stopped(reader, report) {
        return Err(failure);
    }
    if !report.success || !reader.exited_with(0) {
        let what = format!("it lists no error, and `success` is {}", report.success);
        return Err(reader.contradiction(&what, DatabaseState::Unknown));
    }
    let applied = versions_of(report);
    if let Some(what) = unreached(target, report, &applied) {
        return Err(reader.contradiction(&what, at_least(applied)));
    }
    // What was applied before is sorted, and the last of it is where this call began.
    let from = report.skipped.iter().max();
    let to = applied.last().or(from);
    let mut log = reader.log();
    if applied.is_empty() {
        add_line(&mut log, "nothing to apply");
    }
    for warning in &report.warnings {
        add_line(&mut log, warning);
    }
    Ok(MigrationOutcome {
        from: from.map(Revision::new),
        to: to.map(Revision::new),
        applied: applied.iter().map(Revision::new).collect(),
        log,
    })
}

/// How a success is not the one that was asked for.
fn unreached(target: Option<&Revision>, report: &report::Up, applied: &[String]) -> Option<String> {
    if !report.pending.is_empty() {
        let pending = report.pending.join(", ");
        return Some(format!("it succeeded, and left {pending} pending"));
    }
    let target = target?;
    let reached = |version: &String| version == target.as_str();
    match applied.iter().position(reached) {
        None if report.skipped.iter().any(reached) => None,
        None => Some(format!(
            "it succeeded, and the target {target} is not among what is applied"
        )),
        Some(at) if at + 1 < applied.len() => Some(format!("it went on after the target {target}")),
        Some(_) => None,
    }
}

/// Reads an `up` that exited with 0 and left no report.
///
/// Before 0.48.0 that is how it ends when there is nothing to apply, and it says so on standard
/// output. A `.py` migration can end the process with 0 halfway through the work; then it printed
/// what it was about to do.
fn without_report(
    reader: &Reader<'_>,
    target: Option<&Revision>,
    outputs: &Outputs,
) -> Result<MigrationOutcome, Unread> {
    let says_so = reader.printed(NOTHING_TO_DO);
    if !says_so && reader.printed_anything() {
        return Err(reader.no_report().into());
    }
    let found = || {
        // Where it says nothing at all, the release has to be one of those.
        if !says_so {
            let version = outputs.version()?;
            if !version.is_release() || Need::NoOpReport.is_met_by(&version) {
                return Err(reader.no_report().into());
            }
        }
        outputs.current(OPERATION)
    };
    let current = match found() {
        Ok(current) => current,
        Err(Unread::Failed(why)) => return Err(unexplained(reader, &why).into()),
        Err(needs) => return Err(needs),
    };
    // The target is a migration of the directory, and none of these is pending. Where it stands in
    // sort order says nothing: `current` is what was applied last in time.
    if let (Some(target), None) = (target, &current) {
        let what = format!(
            "confiture found nothing to apply, and the target {target} is not applied: nothing is"
        );
        return Err(reader.contradiction(&what, DatabaseState::Unknown).into());
    }
    let mut log = reader.log();
    add_line(&mut log, "nothing to apply");
    Ok(MigrationOutcome {
        from: current.clone(),
        to: current,
        applied: Vec::new(),
        log,
    })
}

/// That it could not be found out what it means that there is no report.
fn unexplained(reader: &Reader<'_>, why: &Failure) -> Failure {
    // The failure of the question speaks of the question alone: it must not tell the state.
    let mut failure = reader.no_report();
    let line = format!("[asking what that means] [{}] {why}", why.kind);
    add_line(&mut failure.evidence, &line);
    failure
}

#[cfg(test)]
mod tests {
    use std::fs;

    use fraisier_adapter_api::{AdapterError, AdapterErrorKind as Kind};
    use serde_json::{Value, json};

    use super::*;
    use crate::operation::reading::Command;
    use crate::process::{Exit, Output};
    use crate::testing::{PASSWORD, answer, argv, ctx, envelope, interrupted, output, request};

    fn report(change: impl FnOnce(&mut Value)) -> String {
        let mut report = json!({
            "success": true,
            "applied": [
                {"version": "002", "name": "b", "duration_ms": 1, "rows_affected": 0},
                {"version": "003", "name": "c", "duration_ms": 1, "rows_affected": 0},
            ],
            "skipped": ["001"], "skipped_superuser": [], "pending": [], "errors": [],
            "total_duration_ms": 2, "checksums_verified": true, "dry_run": false,
            "dry_run_execute": false, "warnings": [], "ok": true, "command": "migrate up",
        });
        change(&mut report);
        report.to_string()
    }

    fn of(target: Option<&str>, output: &Output) -> Result<MigrationOutcome, AdapterError> {
        let target = target.map(Revision::new);
        answer(&Up { target }, &Redactor::default(), output)
    }

    fn done(target: Option<&str>, output: &Output) -> MigrationOutcome {
        of(target, output).expect("a success")
    }

    fn revisions(outcome: &MigrationOutcome) -> (Option<&str>, Option<&str>, Vec<&str>) {
        (
            outcome.from.as_ref().map(Revision::as_str),
            outcome.to.as_ref().map(Revision::as_str),
            outcome.applied.iter().map(Revision::as_str).collect(),
        )
    }

    #[test]
    fn a_target_that_is_no_migration_never_starts() {
        let base = tempfile::tempdir().expect("a directory");
        let migrations = base.path().join("db/migrations");
        fs::create_dir_all(&migrations).expect("created");
        for name in [
            "001_a.up.sql",
            "-x_b.up.sql",
            "--force_c.py",
            "002_d.down.sql",
        ] {
            fs::write(migrations.join(name), "").expect("written");
        }
        let mut ctx = ctx(base.path());
        ctx.settings.insert("lock_timeout_ms".into(), json!(5000));
        ctx.settings
            .insert("require_reversible".into(), json!(true));
        let request = request(&ctx);
        let found = request.project.migrations().expect("listed");
        for target in ["999", "", "002", "00", "001_a", "--no-lock"] {
            let error = plan(&request, Some(&Revision::new(target)), &found)
                .expect_err("refused")
                .worded();
            assert_eq!(error.kind, Kind::PreconditionFailed, "{target}");
            assert!(error.message.contains("nothing was started"), "{error}");
        }
        for target in ["001", "-x", "--force"] {
            let invocation = plan(&request, Some(&Revision::new(target)), &found).expect("planned");
            let expected = format!(
                "migrate up --no-config --format json --output <report> \
                 --migrations-dir db/migrations --target={target} --lock-timeout=5000 \
                 --require-reversible"
            );
            assert_eq!(argv(&invocation).join(" "), expected);
        }
    }

    #[test]
    fn what_is_destructive_is_allowed_by_the_setting_alone() {
        for allowed in [false, true] {
            let mut ctx = ctx(".".as_ref());
            ctx.settings
                .insert("allow_destructive".into(), json!(allowed));
            let invocation = plan(&request(&ctx), None, &[]).expect("planned");
            let flag = "--allow-destructive".to_owned();
            assert_eq!(argv(&invocation).contains(&flag), allowed);
        }
    }

    #[test]
    fn the_environment_is_clean_and_the_arguments_hold_no_secret() {
        let request = request(&ctx(".".as_ref()));
        let invocation = plan(&request, None, &[]).expect("planned");
        for name in ["DATABASE_URL", "SHOP_DSN", "SHOP_API_TOKEN", "FORCE_COLOR"] {
            assert_eq!(invocation.env.get(name), None, "{name}");
        }
        let dsn = invocation.env.get("CONFITURE_DATABASE_URL");
        assert!(dsn.is_some_and(|dsn| dsn.to_string_lossy().contains(PASSWORD)));
        for name in ["PYTHONUNBUFFERED", "NO_COLOR", "TYPER_STANDARD_TRACEBACK"] {
            let value = invocation.env.get(name);
            assert_eq!(value.map(|value| value == "1"), Some(true), "{name}");
        }
        assert!(!argv(&invocation).join(" ").contains(PASSWORD));
        assert!(!format!("{invocation:?} {request:?}").contains(PASSWORD));
    }

    #[test]
    fn success_says_from_where_to_where() {
        let outcome = done(None, &output(0, Some(&report(|_| ()))));
        assert_eq!(
            revisions(&outcome),
            (Some("001"), Some("003"), vec!["002", "003"])
        );
        let first = report(|report| report["skipped"] = json!([]));
        let outcome = done(Some("003"), &output(0, Some(&first)));
        assert_eq!(revisions(&outcome), (None, Some("003"), vec!["002", "003"]));
        let nothing = report(|report| {
            report["applied"] = json!([]);
            report["skipped"] = json!(["001", "002"]);
        });
        for target in [None, Some("001"), Some("002")] {
            let outcome = done(target, &output(0, Some(&nothing)));
            assert_eq!(revisions(&outcome), (Some("002"), Some("002"), vec![]));
            assert!(outcome.log.contains("nothing to apply"), "{}", outcome.log);
        }
    }

    #[test]
    fn ok_true_does_not_make_a_failure_a_success() {
        let failed = report(|report| {
            report["success"] = json!(false);
            report["errors"] = json!(["Failed to apply migration 004 (d): column \"nope\""]);
        });
        let error = of(None, &output(3, Some(&failed))).expect_err("an error");
        assert_eq!(error.kind, Kind::Execution);
        for part in [
            "004 (d)",
            "at least 002, 003",
            "ask `current_revision`",
            "deploy again",
        ] {
            assert!(error.message.contains(part), "{error}");
        }
        for status in [0, 1, 3, 6, 8] {
            assert_eq!(
                of(None, &output(status, Some(&failed)))
                    .expect_err("one")
                    .kind,
                Kind::Execution
            );
        }
        assert_eq!(
            of(None, &output(137, Some(&failed))).expect_err("one").kind,
            Kind::InternalError
        );
    }

    /// As 0.22.0 wrote it.
    #[test]
    fn an_old_release_that_refuses_what_cannot_be_undone_is_understood() {
        let short = json!({
            "success": false,
            "errors": ["Irreversible migrations detected (missing .down.sql): 001."],
            "irreversible_versions": ["001"],
        });
        let error = of(None, &output(1, Some(&short.to_string()))).expect_err("an error");
        assert_eq!(error.kind, AdapterErrorKind::Execution);
        for part in [
            "missing .down.sql): 001; no migration was applied",
            "`.down.sql` of 001",
            "`require_reversible`",
        ] {
            assert!(error.message.contains(part), "{error}");
        }
    }

    #[test]
    fn a_target_is_quoted_in_bounds() {
        let request = request(&ctx(".".as_ref()));
        let refused = |target: &str| {
            let target = Revision::new(target);
            plan(&request, Some(&target), &[])
                .expect_err("refused")
                .worded()
                .message
        };
        assert!(refused("").contains("the target \"\" is no"));
        assert!(refused("002 ").contains("the target \"002 \" is no"));
        assert!(refused("0\u{1b}[2J").contains("the target \"0\\u{1b}[2J\" is no"));
        assert!(refused(&"9".repeat(10_000)).len() < 1000);
    }

    #[test]
    fn a_migration_that_needs_a_superuser_is_named() {
        for errors in [
            json!([]),
            json!(["Halted at 004_s: it declares requires_superuser=True."]),
        ] {
            let stopped = report(|report| {
                report["success"] = json!(false);
                report["skipped_superuser"] = json!([{"version": "004", "name": "s",
                    "reason": "requires_superuser=True"}]);
                report["pending"] = json!(["005"]);
                report["errors"] = errors;
            });
            for status in [0, 1] {
                let error = of(None, &output(status, Some(&stopped))).expect_err("an error");
                assert_eq!(error.kind, Kind::Execution);
                for part in ["before migration 004", "apply-as", "002, 003", "1 after it"] {
                    assert!(error.message.contains(part), "{error}");
                }
            }
        }
    }

    #[test]
    fn an_old_release_that_stops_there_says_so_only_on_its_output() {
        let mut stopped = output(1, None);
        stopped.stdout = b"\xe2\x9a\xa1 Applying 001_a... \n\nSkipping migration 002_s:\n  requires_superuser=True.\n".to_vec().into();
        stopped.stderr = b"Error releasing lock: the connection is closed\n"
            .to_vec()
            .into();
        let error = of(None, &stopped).expect_err("an error");
        for part in [
            "Skipping migration 002_s",
            "requires_superuser",
            "connection is closed",
        ] {
            assert!(error.message.contains(part), "{error}");
        }
        assert!(error.message.contains("ask `current_revision`"), "{error}");
        assert!(
            error
                .stderr
                .expect("evidence")
                .contains("Skipping migration 002_s")
        );
    }

    #[test]
    fn an_envelope_may_come_after_migrations_were_applied() {
        let missing = envelope(
            "MIGR_001",
            "005_y.up.sql has no matching .down.sql file.",
            "Create",
        );
        let error = of(None, &output(3, Some(&missing))).expect_err("an error");
        assert_eq!(error.kind, Kind::Execution);
        assert!(error.message.contains("ask `current_revision`"), "{error}");
        let lock = envelope(
            "LOCK_1300",
            "Could not acquire migration lock within 30.0s. Use --no-lock to bypass (dangerous).",
            "Wait for the current migration to finish, then retry.",
        );
        let error = of(None, &output(6, Some(&lock))).expect_err("an error");
        assert_eq!(error.kind, Kind::LockContention);
        assert!(error.message.contains("was not changed"), "{error}");
        assert!(
            error.message.contains("Wait for the current migration"),
            "{error}"
        );
        assert!(!error.message.contains("--no-lock"), "{error}");
        assert!(
            error.message.contains("nothing is done without the lock"),
            "{error}"
        );
    }

    #[test]
    fn report_exit_and_request_must_agree() {
        let plain = report(|_| ());
        for (target, status, report) in [
            (Some("004"), 0, plain.clone()),
            (Some("002"), 0, plain.clone()),
            (None, 1, plain.clone()),
            (None, 3, plain.clone()),
            (None, 130, plain.clone()),
            (None, 0, report(|report| report["success"] = json!(false))),
            (None, 0, report(|report| report["pending"] = json!(["004"]))),
            (None, 0, report(|report| report["dry_run"] = json!(true))),
            (
                None,
                0,
                report(|report| report["dry_run_execute"] = json!(true)),
            ),
            (
                None,
                0,
                report(|report| report["error"] = json!({"code": "MIGR_001"})),
            ),
            (None, 0, envelope("MIGR_001", "failed", "")),
            (None, 0, "{}".into()),
            (None, 0, "[]".into()),
            (
                None,
                0,
                plain.replace("\"success\":true", "\"success\":\"true\""),
            ),
            (None, 0, format!("{plain}{plain}")),
            (None, 0, plain[..plain.len() - 1].to_owned()),
            (None, 0, format!("{{\"success\":true,{}", &plain[1..])),
        ] {
            let outcome = of(target, &output(status, Some(&report)));
            assert!(
                outcome.is_err(),
                "{target:?} {status} {report}: {outcome:?}"
            );
        }
        for field in [
            "success",
            "applied",
            "skipped",
            "skipped_superuser",
            "pending",
            "errors",
            "dry_run",
            "dry_run_execute",
        ] {
            for value in [None, Some(Value::Null), Some(json!(7)), Some(json!("x"))] {
                let broken = report(|report| {
                    report.as_object_mut().expect("an object").remove(field);
                    if let Some(value) = value {
                        report[field] = value;
                    }
                });
                let outcome = of(None, &output(0, Some(&broken)));
                assert!(outcome.is_err(), "{broken}: {outcome:?}");
            }
        }
    }

    /// The answer to an `up` that left `up` and no report, and which commands it took.
    fn without(
        target: Option<&str>,
        up: &Output,
        version: &str,
        current: Option<&str>,
    ) -> (Result<MigrationOutcome, AdapterError>, Vec<Command>) {
        let target = target.map(Revision::new);
        let report = json!({"revision": current, "name": current}).to_string();
        let mut asked = Vec::new();
        let answer =
            crate::tools::replay::answer(&Up { target }, &Redactor::default(), |command| {
                asked.push(command);
                match command {
                    Command::Version => Output {
                        stdout: format!("confiture version {version}\n").into_bytes().into(),
                        ..output(0, None)
                    },
                    Command::Current => output(0, Some(&report)),
                    Command::Operation => up.clone(),
                }
            });
        (answer, asked)
    }

    fn printing(stdout: &str) -> Output {
        Output {
            stdout: stdout.as_bytes().to_vec().into(),
            ..output(0, None)
        }
    }

    #[test]
    fn a_release_that_says_nothing_is_to_do_is_asked_where_it_is_and_no_more() {
        let said = printing(&format!(
            "Checksum verification passed\n\n{NOTHING_TO_DO}\n"
        ));
        for (target, current) in [
            (None, Some("002")),
            (None, None),
            (Some("002"), Some("002")),
            (Some("001"), Some("002")),
            // 002 was added late: it was applied last, and 003 before it.
            (Some("003"), Some("002")),
        ] {
            let (answer, asked) = without(target, &said, "0.22.0", current);
            let outcome = answer.expect("nothing to do");
            assert_eq!(revisions(&outcome), (current, current, vec![]));
            assert!(outcome.log.contains("nothing to apply"));
            assert_eq!(asked, [Command::Operation, Command::Current]);
        }
        let (answer, _) = without(Some("001"), &said, "0.22.0", None);
        assert!(answer.is_err(), "{answer:?}");
    }

    #[test]
    fn no_report_is_nothing_to_do_only_where_it_can_be() {
        let (answer, _) = without(None, &printing(" \n"), "0.22.0", Some("002"));
        let outcome = answer.expect("nothing to do");
        assert_eq!(revisions(&outcome), (Some("002"), Some("002"), vec![]));
        for version in ["0.48.0", "1.29.0", "0.47.0rc1", "nonsense"] {
            let (answer, _) = without(None, &printing(""), version, Some("002"));
            assert!(answer.is_err(), "{version}: {answer:?}");
        }
        for status in [1, 2, 3, 130] {
            let error = of(None, &output(status, None)).expect_err("an error");
            assert!(error.message.contains("ask `current_revision`"), "{error}");
        }
    }

    /// What 0.22.0 left when its second migration called `sys.exit(0)`.
    #[test]
    fn an_end_halfway_is_not_nothing_to_do() {
        let halfway =
            "📦 Found 2 pending migration(s)\n\n⚡ Applying 001_one... ✅\n⚡ Applying 002_two... ";
        for said in [halfway, "No pending migrations"] {
            let (answer, asked) = without(None, &printing(said), "0.22.0", Some("001"));
            let error = answer.expect_err("an error");
            assert_eq!(error.kind, AdapterErrorKind::InternalError);
            assert!(error.message.contains("ask `current_revision`"), "{error}");
            assert!(
                error
                    .message
                    .contains(said.lines().last().unwrap_or_default().trim())
            );
            assert_eq!(asked, [Command::Operation]);
        }
    }

    #[test]
    fn a_success_that_came_before_the_interrupt_is_one() {
        let outcome = done(None, &interrupted(0, Some(&report(|_| ()))));
        assert_eq!(outcome.applied.len(), 2);
        assert!(
            outcome.log.contains("3s") && outcome.log.contains("stopped"),
            "{}",
            outcome.log
        );
        let stopped = interrupted(130, None);
        let error = of(None, &stopped).expect_err("an error");
        for part in [
            "timeout of 3s",
            "stopped",
            "ask `current_revision`",
            "a part of a migration",
        ] {
            assert!(error.message.contains(part), "{error}");
        }
        // What nobody commits is rolled back.
        let killed = Output {
            exit: Exit::Signal(9),
            killed: true,
            ..stopped
        };
        let error = of(None, &killed).expect_err("an error");
        for part in ["timeout of 3s", "signal 9", "ask `current_revision`"] {
            assert!(error.message.contains(part), "{error}");
        }
        assert!(!error.message.contains("a part of a migration"), "{error}");
    }
}

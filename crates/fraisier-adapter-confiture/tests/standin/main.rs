//! The adapter and the program it runs, with a shell script in the place of confiture.

#![cfg(unix)]

mod progress;
mod undo;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fraisier_adapter_api::{AdapterCtx, AdapterError, AdapterErrorKind, Revision};
use fraisier_adapter_confiture::observe::{Call, Event, Observer};
use fraisier_adapter_confiture::{
    Builder, Cause, ConfitureMigration, DatabaseState, Failure, MissingMigrations,
};
use tempfile::TempDir;

/// Answers by the subcommand: `$report` is where the report goes, `$DSN` what confiture would
/// connect to.
const PRELUDE: &str = r#"#!/bin/sh
PATH=/usr/bin:/bin
DSN=$CONFITURE_DATABASE_URL
report=
previous=
for arg in "$@"; do
  [ "$previous" = --output ] && report=$arg
  previous=$arg
done
echo "$2$1" >> "$(dirname "$0")/calls"
"#;

struct Stage {
    dir: TempDir,
}

impl Stage {
    fn new(script: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let migrations = dir.path().join("db/migrations");
        fs::create_dir_all(&migrations).expect("created");
        fs::write(migrations.join("001_a.up.sql"), "create table a (id int);").expect("written");
        fs::write(migrations.join("002_b.up.sql"), "drop table a;").expect("written");
        let program = dir.path().join("confiture");
        fs::write(&program, format!("{PRELUDE}{script}")).expect("written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
        Self { dir }
    }

    fn program(&self) -> PathBuf {
        self.dir.path().join("confiture")
    }

    fn adapter(&self) -> ConfitureMigration {
        ConfitureMigration::with_program(self.program())
    }

    fn built(&self, with: impl FnOnce(Builder) -> Builder) -> ConfitureMigration {
        with(ConfitureMigration::builder().program(self.program())).build()
    }

    fn ctx(&self, dsn: &str) -> AdapterCtx {
        let mut ctx = AdapterCtx::new("shop", "test").with_resolved_secret("DATABASE_URL", dsn);
        ctx.workdir = self.dir.path().into();
        ctx
    }

    /// What an `up` of everything fails with.
    async fn failing_up(&self) -> Failure {
        let outcome = self.adapter().up(&self.ctx(DSN), None).await;
        outcome.expect_err("an error")
    }

    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.dir.path().join("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }
}

const DSN: &str = "postgresql://app:pw@db.example/shop";

#[tokio::test]
async fn an_old_release_without_a_report_is_followed_by_current() {
    let stage = Stage::new(
        r#"case "$1$2" in
          --version) echo "confiture version 0.22.0" ;;
          migrateup) ;;
          migratecurrent) echo '{"revision": "002", "name": "b"}' > "$report" ;;
        esac"#,
    );
    let outcome = stage
        .adapter()
        .up(&stage.ctx(DSN), None)
        .await
        .expect("a success");
    assert_eq!(outcome.from, Some(Revision::new("002")));
    assert_eq!(outcome.to, outcome.from);
    assert_eq!(stage.calls(), ["upmigrate", "--version", "currentmigrate"]);
}

#[tokio::test]
async fn a_new_release_without_a_report_has_failed() {
    let stage = Stage::new(
        r#"case "$1$2" in
          --version) echo "confiture version 1.29.0" ;;
          migratecurrent) echo '{"revision": "002", "name": "b"}' > "$report" ;;
        esac"#,
    );
    let error = stage.failing_up().await;
    assert!(error.to_string().contains("-ipc current`"), "{error}");
}

/// A try that ended before it had the lock did nothing. Where it is not certain, it is not repeated.
#[tokio::test]
async fn an_up_retries_a_lock_held_by_another_deploy() {
    let held = |within: &str, printed: &str| {
        format!(
            r#"[ "$(grep -c up "$(dirname "$0")/calls")" -gt 2 ] && {{
              echo '{{"success": true, "applied": [], "skipped": ["001", "002"], "skipped_superuser": [],
                "pending": [], "errors": [], "dry_run": false, "dry_run_execute": false}}' > "$report"
              exit 0
            }}
            echo '{printed}'
            echo '{{"ok": false, "error": {{"code": "LOCK_1300",
              "message": "Could not acquire migration lock within {within}. Held by pid 7"}}}}' > "$report"
            exit 6"#
        )
    };
    let waits = Stage::new(&held("0.4s", ""));
    let outcome = waits.adapter().up(&waits.ctx(DSN), None).await;
    assert_eq!(outcome.expect("a success").to, Some(Revision::new("002")));
    assert_eq!(waits.calls().len(), 3);
    let slow = Stage::new(&format!("sleep 0.5\n{}", held("0.4s", "")));
    let hasty = slow.built(|it| it.lock_timeout_ms(450));
    let error = hasty.up(&slow.ctx(DSN), None).await.expect_err("an error");
    assert!(error.to_string().contains("lock within 0.45s."), "{error}");
    assert_eq!(slow.calls().len(), 1);
    for (within, printed) in [("30.0s", ""), ("0.4s", "⚡ Applying 001_a...")] {
        let stage = Stage::new(&held(within, printed));
        stage.failing_up().await;
        assert_eq!(stage.calls().len(), 1, "{within} {printed}");
    }
}

/// A `.py` migration may print the same, unless the release cannot have run one.
#[tokio::test]
async fn a_release_that_lacks_a_passed_option_changed_nothing() {
    for (version, allowed, kind, state) in [
        (
            "1.1.0",
            true,
            AdapterErrorKind::InvalidConfig,
            DatabaseState::Unchanged,
        ),
        (
            "1.1.0",
            false,
            AdapterErrorKind::Execution,
            DatabaseState::Unknown,
        ),
        (
            "1.2.0",
            true,
            AdapterErrorKind::Execution,
            DatabaseState::Unknown,
        ),
    ] {
        let stage = Stage::new(&format!(
            r#"case "$1$2" in
              --version) echo "confiture version {version}" ;;
              migrateup) echo 'Error: No such option: --allow-destructive' >&2; exit 2 ;;
            esac"#
        ));
        let adapter = stage.built(|it| it.allow_destructive(allowed));
        let error = adapter
            .up(&stage.ctx(DSN), None)
            .await
            .expect_err("an error");
        assert_eq!(*error.cause(), Cause::Usage, "{version} {allowed}: {error}");
        assert_eq!(error.kind(), kind, "{version} {allowed}: {error}");
        assert_eq!(*error.state(), state, "{version} {allowed}: {error}");
    }
}

/// A `.py` migration may exit with any status halfway through the work.
#[tokio::test]
async fn status_2_alone_is_no_usage_error() {
    let stage = Stage::new(
        r#"case "$1$2" in
          --version) echo "confiture version 1.29.0" ;;
          migrateup) echo 'wants an argument' >&2; exit 2 ;;
        esac"#,
    );
    let error = stage.failing_up().await;
    assert!(error.to_string().contains("-ipc current`"), "{error}");
    assert!(!error.to_string().contains("understand"), "{error}");
}

#[tokio::test]
async fn a_failed_follow_up_does_not_decide_for_the_up() {
    for broken in [
        r#"--version) exit 1 ;; migratecurrent) echo '{"revision": null, "name": null}' > "$report" ;;"#,
        r#"--version) echo "confiture version 0.22.0" ;; migratecurrent)
           echo '{"ok": false, "error": {"code": "CONFIG_006", "message": "gone"}}' > "$report"
           exit 3 ;;"#,
    ] {
        let stage = Stage::new(&format!(r#"case "$1$2" in {broken} esac"#));
        let error = stage.failing_up().await;
        assert_eq!(error.kind(), AdapterErrorKind::InternalError, "{error}");
        assert!(error.to_string().contains("-ipc current`"), "{error}");
        assert!(!error.to_string().contains("was not changed"), "{error}");
        let stderr = AdapterError::from(error).stderr.expect("evidence");
        assert!(stderr.contains("[asking what that means] ["), "{stderr}");
    }
}

#[tokio::test]
async fn a_successful_call_runs_no_version_command() {
    let stage = Stage::new(
        r#"case "$1$2" in
          migratecurrent) echo '{"revision": "002", "name": "b"}' > "$report" ;;
          migratestatus) echo '{"migrations": [
            {"version": "001", "status": "applied", "applied_at": "2026-11-28T20:00:00+00:00"}' > "$report"
            grep -q down-to "$(dirname "$0")/calls" || echo ',
            {"version": "002", "status": "applied", "applied_at": "2026-11-28T20:00:01+00:00"}' >> "$report"
            echo ']}' >> "$report" ;;
          migrateup) echo '{"success": true, "applied": [{"version": "001"}], "skipped": [],
            "skipped_superuser": [], "pending": [], "errors": [], "dry_run": false,
            "dry_run_execute": false}' > "$report" ;;
          migratedown-to) echo '{"from": "002", "to": "001", "rolled_back": ["002"],
            "skipped": [], "errors": []}' > "$report" ;;
          migrateverify) echo '{"verified_count": 0, "failed_count": 0, "skipped_count": 1,
            "total_applied": 1, "results": [{"version": "001", "name": "a", "status": "no_file",
            "error": null}]}' > "$report" ;;
        esac"#,
    );
    let (adapter, ctx) = (stage.adapter(), stage.ctx(DSN));
    let last = adapter.current_revision(&ctx).await;
    assert_eq!(last, Ok(Some(Revision::new("002"))));
    assert!(adapter.up(&ctx, Some(Revision::new("001"))).await.is_ok());
    assert!(adapter.verify(&ctx).await.expect("a verdict").ok);
    assert!(adapter.down_to(&ctx, Revision::new("001")).await.is_ok());
    let expected = [
        "currentmigrate",
        "upmigrate",
        "verifymigrate",
        // The Python of this program is not known, so confiture is asked what is applied.
        "currentmigrate",
        "statusmigrate",
        "down-tomigrate",
        // Its release is not known either, so the ledger is compared afterwards.
        "statusmigrate",
    ];
    assert_eq!(stage.calls(), expected);
}

#[tokio::test]
async fn a_command_that_is_not_understood_is_explained_by_the_version() {
    let script = |version: &str| {
        format!(
            "[ \"$1\" = --version ] && echo 'confiture version {version}' && exit 0\n\
                 echo 'Error: No such option: --no-config' >&2; exit 2"
        )
    };
    let old = Stage::new(&script("0.19.0"));
    let error = old
        .adapter()
        .current_revision(&old.ctx(DSN))
        .await
        .expect_err("an error");
    for part in ["0.19.0", "0.20.0", "pip install"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    let new = Stage::new(&script("1.29.0"));
    let error = new.failing_up().await;
    for part in ["1.29.0", "No such option: --no-config"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_eq!(error.operation(), Some("up"));
}

#[tokio::test]
async fn a_missing_ledger_is_recognised_before_0_37() {
    let script = |current: &str| {
        format!(
            r#"case "$2" in
              verify) echo '{{"ok": false, "error": {{"code": "INTERNAL_ERROR", "message": "m"}}}}' > "$report"; exit 1 ;;
              current) {current} ;;
            esac"#
        )
    };
    let none = Stage::new(&script(
        r#"echo '{"ok": false, "error": {"code": "PRECON_1001", "message": "m"}}' > "$report"; exit 2"#,
    ));
    let verdict = none
        .adapter()
        .verify(&none.ctx(DSN))
        .await
        .expect("a verdict");
    assert!(!verdict.ok && verdict.was_skipped);
    let some = Stage::new(&script(
        r#"echo '{"revision": "001", "name": "a"}' > "$report""#,
    ));
    let error = some
        .adapter()
        .verify(&some.ctx(DSN))
        .await
        .expect_err("an error");
    assert_eq!(error.kind(), AdapterErrorKind::InternalError);
}

#[tokio::test]
async fn a_bad_request_starts_nothing() {
    let stage = Stage::new("exit 0");
    let (adapter, ctx) = (stage.adapter(), stage.ctx(DSN));
    let mut nowhere = ctx.clone();
    nowhere.migrations_path = Some("nowhere".into());
    let mut mistyped = ctx.clone();
    mistyped
        .settings
        .insert("lock_timeout_ms".into(), "x".into());
    let empty = stage.ctx("");
    let ghost = Revision::new("999");
    for (error, kind) in [
        (
            adapter.up(&ctx, Some(ghost.clone())).await.err(),
            AdapterErrorKind::PreconditionFailed,
        ),
        (
            adapter.up(&nowhere, None).await.err(),
            AdapterErrorKind::InvalidConfig,
        ),
        (
            adapter.down_to(&nowhere, ghost).await.err(),
            AdapterErrorKind::InvalidConfig,
        ),
        (
            adapter.verify(&nowhere).await.err(),
            AdapterErrorKind::InvalidConfig,
        ),
        (
            adapter.preflight(&nowhere).await.err(),
            AdapterErrorKind::InvalidConfig,
        ),
        (
            adapter.current_revision(&mistyped).await.err(),
            AdapterErrorKind::InvalidConfig,
        ),
        (
            adapter.current_revision(&empty).await.err(),
            AdapterErrorKind::InvalidConfig,
        ),
    ] {
        let error = error.expect("an error");
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(*error.state(), DatabaseState::NotStarted, "{error}");
        assert!(
            error.operation().is_some() && error.to_string().contains("nothing was started"),
            "{error}"
        );
    }
    assert!(stage.calls().is_empty(), "{:?}", stage.calls());
}

#[tokio::test]
async fn options_that_disable_the_disconnect_check_are_refused() {
    let stage = Stage::new(
        r#"[ "$1$2" = migratecurrent ] && echo '{"revision": null, "name": null}' > "$report""#,
    );
    let checking = ConfitureMigration::builder()
        .program(stage.program())
        .server_disconnect_check(Duration::from_millis(1500))
        .build();
    let url = stage.ctx("postgresql://app:pw@h/shop?opt%69ons=-c%20work_mem%3D77MB");
    let keywords = stage.ctx("host=h options='-c work_mem=77MB'");
    let against = stage.ctx(DSN).with_resolved_secret(
        "AGAINST_DATABASE_URL",
        "postgresql://h/copy?options=-cwork_mem%3D77MB",
    );
    let one = Revision::new("001");
    for (error, operation) in [
        (
            checking.current_revision(&url).await.err(),
            "current_revision",
        ),
        (checking.up(&url, None).await.err(), "up"),
        (checking.down_to(&url, one).await.err(), "down_to"),
        (checking.verify(&keywords).await.err(), "verify"),
        (checking.preflight(&keywords).await.err(), "preflight"),
        (checking.preflight(&against).await.err(), "preflight"),
    ] {
        let error = error.expect("an error");
        assert_eq!(error.kind(), AdapterErrorKind::InvalidConfig, "{error}");
        assert_eq!(error.operation(), Some(operation));
        for part in [
            "nothing was started",
            "-c client_connection_check_interval=1500ms",
        ] {
            assert!(error.to_string().contains(part), "{error}");
        }
        assert!(!error.to_string().contains("work_mem"), "{error}");
    }
    assert!(stage.calls().is_empty(), "{:?}", stage.calls());

    let set = stage.ctx("host=h options='-c client_connection_check_interval=900'");
    assert_eq!(checking.current_revision(&set).await, Ok(None));
    assert_eq!(checking.current_revision(&stage.ctx(DSN)).await, Ok(None));
    assert_eq!(checking.current_revision(&against).await, Ok(None));
    assert_eq!(stage.adapter().current_revision(&url).await, Ok(None));
}

/// Refuses a connection that asks for anything, as `PgBouncer` does.
const POOLER: &str = r#"
[ "$1" = --version ] && { echo "confiture version 1.29.0"; exit 0; }
if [ -n "$PGOPTIONS" ]; then
  echo '{"ok": false, "error": {"code": "CONFIG_006", "message": "Failed to connect to database: connection failed: connection to server at \"127.0.0.1\", port 6432 failed: FATAL:  unsupported startup parameter: options", "actionable": "Check that the database server is running"}}' > "$report"
  exit 3
fi
case "$2" in
  current) echo '{"revision": null, "name": null}' > "$report" ;;
  up) echo '{"success": true, "applied": [{"version": "001"}], "skipped": ["002"],
    "skipped_superuser": [], "pending": [], "errors": [], "dry_run": false,
    "dry_run_execute": false}' > "$report" ;;
esac"#;

/// Each reason that an observer received why the server is not asked for the disconnect check.
fn reasons(seen: &Seen) -> Vec<String> {
    let shown = seen.heard.lock().unwrap_or_else(PoisonError::into_inner);
    let shown = shown
        .iter()
        .filter(|text| text.contains("NoDisconnectCheck"));
    shown.cloned().collect()
}

#[tokio::test]
async fn each_call_reports_a_refused_disconnect_check_and_continues() {
    let stage = Stage::new(POOLER);
    let seen = Arc::new(Seen::default());
    let adapter = ConfitureMigration::builder()
        .program(stage.program())
        .observer(seen.clone())
        .build();
    let ctx = stage.ctx(DSN);
    for calls in 1..3 {
        let outcome = adapter.up(&ctx, None).await.expect("a success");
        assert_eq!(outcome.applied, [Revision::new("001")]);
        assert_eq!(stage.calls(), vec!["upmigrate"; 2 * calls]);
        let shown = reasons(&seen);
        assert_eq!(shown.len(), calls, "{shown:?}");
        assert!(shown.iter().all(|it| it.contains("Refused")), "{shown:?}");
    }
}

#[tokio::test]
async fn a_required_disconnect_check_that_is_refused_is_an_error_with_advice() {
    let stage = Stage::new(POOLER);
    let adapter = ConfitureMigration::builder()
        .program(stage.program())
        .server_disconnect_check(Duration::from_secs(2))
        .build();
    let error = adapter
        .up(&stage.ctx(DSN), None)
        .await
        .expect_err("refused");
    assert_eq!(error.kind(), AdapterErrorKind::InvalidConfig, "{error}");
    for part in [
        "unsupported startup parameter: options",
        "not changed",
        "ignore_startup_parameters",
        "`server_disconnect_check`",
    ] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    assert_eq!(stage.calls(), ["upmigrate"]);
}

/// Releases before 0.48.0 say that a migration began: what was applied would be lost from the
/// answer if the command was run again.
#[tokio::test]
async fn a_refused_check_after_a_migration_began_is_not_retried() {
    let stage = Stage::new(&format!("echo '⚡ Applying 001_a... '\n{POOLER}"));
    let error = stage.failing_up().await;
    assert!(error.to_string().contains("CONFIG_006"), "{error}");
    assert_eq!(stage.calls(), ["upmigrate"]);
}

#[tokio::test]
async fn each_call_reports_options_that_prevent_the_disconnect_check() {
    let stage = Stage::new(
        r#"[ "$1$2" = migratecurrent ] && echo '{"revision": null, "name": null}' > "$report""#,
    );
    let seen = Arc::new(Seen::default());
    let adapter = ConfitureMigration::builder()
        .program(stage.program())
        .observer(seen.clone())
        .build();
    let own = stage.ctx("host=h options='-c work_mem=77MB'");
    for calls in 1..3 {
        assert_eq!(adapter.current_revision(&own).await, Ok(None));
        let shown = reasons(&seen);
        assert_eq!(shown.len(), calls, "{shown:?}");
        assert!(
            shown.iter().all(|it| it.contains("OwnOptions")),
            "{shown:?}"
        );
    }
    // Another database of the same adapter is not concerned.
    let other = stage.ctx(DSN);
    assert_eq!(adapter.current_revision(&other).await, Ok(None));
    assert_eq!(reasons(&seen).len(), 2);
}

/// What Python prints when a module of confiture's is missing or hidden by another.
const CANNOT_START: &str = r#"
{ echo 'Traceback (most recent call last):'
  echo '  File "/opt/confiture/bin/confiture", line 5, in <module>'
  echo '    from confiture.cli.main import app'
  echo "ModuleNotFoundError: No module named 'typer'"; } >&2
exit 1"#;

#[tokio::test]
async fn a_python_that_cannot_start_changes_nothing_and_is_quoted() {
    let stage = Stage::new(CANNOT_START);
    let described = stage.adapter().describe().await.expect_err("an error");
    for error in [stage.failing_up().await, described] {
        assert_eq!(error.kind(), AdapterErrorKind::InvalidConfig, "{error}");
        for part in ["No module named 'typer'", "was not changed", "reinstall"] {
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
    }
}

/// As Python 3.11 ends when a variable that it reads has a wrong value.
#[tokio::test]
async fn a_variable_that_python_rejects_changes_nothing_and_is_quoted() {
    let said = "Fatal Python error: config_init_hash_seed: PYTHONHASHSEED must be \"random\" or an integer";
    let script =
        format!("echo '{said}' >&2; echo 'Python runtime state: preinitialized' >&2; exit 1");
    let stage = Stage::new(&script);
    let described = stage.adapter().describe().await.expect_err("an error");
    for error in [stage.failing_up().await, described] {
        assert_eq!(error.kind(), AdapterErrorKind::InvalidConfig, "{error}");
        for part in [
            "PYTHONHASHSEED must be",
            "was not changed",
            "begin with `PYTHON`",
        ] {
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
    }
}

/// A `.py` migration can print and end the same.
#[tokio::test]
async fn a_python_that_starts_for_the_version_may_have_migrated() {
    let version = r#"[ "$1" = --version ] && { echo "confiture version 1.29.0"; exit 0; }"#;
    let stage = Stage::new(&format!("{version}\n{CANNOT_START}"));
    let error = stage.failing_up().await;
    assert_ne!(error.kind(), AdapterErrorKind::InvalidConfig, "{error}");
    assert!(error.to_string().contains("unknown"), "{error}");
}

#[tokio::test]
async fn a_hanging_program_is_stopped() {
    let stage = Stage::new("exec sleep 600");
    let adapter = ConfitureMigration::builder()
        .program(stage.program())
        .timeout(Duration::from_millis(300))
        .build();
    let error = adapter.describe().await.expect_err("an error");
    assert!(
        error.to_string().contains("did not respond in time"),
        "{error}"
    );
}

/// A password that is nowhere by chance, with characters that encoders treat differently.
const CANARY: &str = "Kanarienvogel%2F7Gelb%C3%A9%21Ende";
/// What must not be seen: the password and its parts, raw and decoded.
const TRACES: [&str; 5] = ["Kanarienvogel", "7Gelb", "Gelb", "!Ende", "%21Ende"];

#[derive(Default)]
struct Seen {
    /// The events, and the argument vector of every child that was started.
    heard: Mutex<Vec<String>>,
}

impl Seen {
    fn add(&self, text: String) {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(text);
    }
}

impl Observer for Seen {
    fn event(&self, call: &Call, event: &Event) {
        self.add(format!("{call:?} {event:?}"));
        if let Event::Started { pid } = event {
            let cmdline = fs::read(Path::new("/proc").join(pid.to_string()).join("cmdline"));
            self.add(format!(
                "argv {}",
                String::from_utf8_lossy(&cmdline.unwrap_or_default())
            ));
        }
    }
}

/// Collects what `tracing` gets, whatever its level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn shown<T: std::fmt::Debug + serde::Serialize>(outcome: &Result<T, Failure>) -> String {
    match outcome {
        Ok(value) => format!("{value:?} {}", serde_json::to_string(value).expect("JSON")),
        Err(failure) => {
            let error = AdapterError::from(failure.clone());
            let json = serde_json::to_string(&error).expect("JSON");
            format!("{failure} {failure:?} {error:?} {json}")
        }
    }
}

/// Prints the connection string in every way, and says what else could hold it.
const PARROT: &str = r#"
[ "$1" = --version ] && { echo "confiture version 0.23.0"; exit 0; }
grep -rl 7Gelb "$(dirname "$report")" "$0.argv" 2>/dev/null && echo "IN-A-FILE" >> "$0.leaks"
tr '\0' ' ' < "/proc/$$/cmdline" | grep -q Gelb && echo "IN-ARGV" >> "$0.leaks"
decoded='Kanarienvogel/7Gelbé!Ende'
for text in "$DSN" "app:$decoded@h" "half of it: 7Gelb%C3%A9%21Ende" "could not resolve 7Gelbé!Ende" \
  "{\"dsn\": \"Kanarienvogel/7Gelb\\u00e9!Ende\"}" "password=$decoded"; do
  echo "out $text"; echo "err $text" >&2
done
"#;

#[tokio::test]
async fn no_byte_of_a_password_is_returned() {
    let wreck = |tail: &str| format!("{PARROT}{tail}");
    let envelope = r#"printf '{"ok": false, "error": {"code": "%s", "message": "%s and %s", "actionable": "use %s"}}' CONFIG_006 "$DSN" "$decoded" "$DSN" > "$report"; exit 3"#;
    let success = r#"case "$2" in
      current) printf '{"revision": "001", "name": "%s"}' "$decoded" > "$report" ;;
      up) printf '{"success": true, "applied": [{"version": "002"}], "skipped": ["001"], "skipped_superuser": [], "pending": [], "errors": [], "dry_run": false, "dry_run_execute": false, "warnings": ["%s"]}' "$DSN" > "$report" ;;
      down-to) printf '{"from": "002", "to": "001", "rolled_back": ["002"], "skipped": [], "errors": []}' > "$report" ;;
      verify) printf '{"verified_count": 0, "failed_count": 1, "skipped_count": 0, "total_applied": 1, "results": [{"version": "001", "name": "%s", "status": "failed", "error": "%s"}]}' "$decoded" "$DSN" > "$report"; exit 1 ;;
      preflight) printf '{"ok": true, "window_safe": true, "summary": {"errors": 0, "migrations_checked": 2}, "issues": [{"severity": "info", "code": "C", "message": "%s"}]}' "$DSN" > "$report" ;;
    esac"#;
    let failed = r#"case "$2" in
      up) printf '{"success": false, "applied": [], "skipped": [], "skipped_superuser": [], "pending": [], "errors": ["%s"], "dry_run": false, "dry_run_execute": false}' "$DSN" > "$report"; exit 3 ;;
      down-to) printf '{"from": "002", "to": "001", "rolled_back": [], "skipped": [], "errors": ["%s"]}' "$DSN" > "$report"; exit 3 ;;
      *) printf '{"revision": %s' "$DSN" > "$report"; exit 0 ;;
    esac"#;
    let mut heard = 0;
    for tail in [
        envelope,
        success,
        failed,
        "exit 0",
        "exit 1",
        "exit 2",
        r#"printf 'not json %s' "$DSN" > "$report"; exit 0"#,
        r#"printf '{"%s": 1}' "$DSN" > "$report"; exit 0"#,
        r#"printf '{"ok": "%s", "success": "%s", "revision": ["%s"]}' "$DSN" "$DSN" "$DSN" > "$report"; exit 0"#,
        "kill -9 $$",
        "exec sleep 600",
    ] {
        let stage = Stage::new(&wreck(tail));
        let seen = Arc::new(Seen::default());
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let adapter = ConfitureMigration::builder()
            .program(stage.program())
            .timeout(Duration::from_millis(if tail.contains("sleep") {
                700
            } else {
                60_000
            }))
            .observer(seen.clone())
            .build();
        let ctx = stage.ctx(&format!("postgresql://app:{CANARY}@db.example/shop"));
        let mut all = vec![format!("{adapter:?} {ctx:?}")];
        let one = Revision::new("001");
        all.push(shown(&adapter.current_revision(&ctx).await));
        all.push(shown(&adapter.up(&ctx, None).await));
        all.push(shown(&adapter.up(&ctx, Some(one.clone())).await));
        all.push(shown(&adapter.down_to(&ctx, one).await));
        all.push(shown(&adapter.verify(&ctx).await));
        all.push(shown(&adapter.preflight(&ctx).await));
        adapter.settled().await;
        let events =
            std::mem::take(&mut *seen.heard.lock().unwrap_or_else(PoisonError::into_inner));
        heard += events
            .iter()
            .filter(|event| event.contains("could not resolve"))
            .count();
        let argvs = events
            .iter()
            .filter(|event| event.starts_with("argv "))
            .count();
        assert!(argvs >= 6, "{tail}: {argvs}");
        all.extend(events);
        let log = log.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let log = String::from_utf8_lossy(&log).into_owned();
        assert!(
            log.contains("could not resolve"),
            "{tail}: the log is listened to"
        );
        all.push(log);
        let leaks = fs::read_to_string(stage.dir.path().join("confiture.leaks"));
        assert!(leaks.is_err(), "{tail}: {leaks:?}");
        for text in &all {
            for trace in TRACES {
                assert!(!text.contains(trace), "{tail}: `{trace}` in {text}");
            }
        }
    }
    assert!(heard > 0, "the observer receives what is printed");
}

#[tokio::test]
async fn a_directory_on_another_machine_is_judged_by_confiture_if_configured() {
    let stage = Stage::new(
        r#"case "$1$2" in
          --version) echo "confiture version 1.29.0" ;;
          migrateverify) echo '{"ok": true, "verified_count": 0, "failed_count": 0,
            "skipped_count": 1, "total_applied": 1, "ledger_present": true, "results": [
            {"version": "001", "name": "001", "status": "no_file", "error": null}]}' > "$report" ;;
          migratepreflight) echo '{"ok": true, "window_safe": true, "issues": [], "summary":
            {"errors": 0, "migrations_checked": 0}, "change_set": {"contract_version": 1,
            "changes": []}}' > "$report" ;;
        esac"#,
    );
    let mut ctx = stage.ctx(DSN);
    ctx.migrations_path = Some("nowhere".into());
    let refusing = stage.adapter();
    let asking = stage.built(|it| it.missing_migrations(MissingMigrations::AskConfiture));
    let kind = |error: Option<Failure>| error.map(|it| it.kind());
    let refused = Some(AdapterErrorKind::InvalidConfig);
    assert_eq!(kind(refusing.verify(&ctx).await.err()), refused);
    assert_eq!(kind(refusing.preflight(&ctx).await.err()), refused);
    assert_eq!(kind(asking.up(&ctx, None).await.err()), refused);
    let back = Revision::new("001");
    assert_eq!(kind(asking.down_to(&ctx, back).await.err()), refused);
    assert!(asking.verify(&ctx).await.expect("a verdict").ok);
    let found = asking.preflight(&ctx).await.expect("a report");
    assert!(found.ok && found.window_safe.is_none() && found.change_set.is_none());
    ctx.workdir = "/no/such/directory".into();
    assert_eq!(kind(asking.verify(&ctx).await.err()), refused);
}

//! The events of a call, while it runs and when it has ended.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fraisier_adapter_api::Revision;
use fraisier_adapter_confiture::observe::{Call, Event, Observer};

use crate::{DSN, Stage};

#[derive(Default)]
struct Heard(Mutex<Vec<(u64, Event)>>);

impl Observer for Heard {
    fn event(&self, call: &Call, event: &Event) {
        self.events().push((call.id, event.clone()));
    }
}

impl Heard {
    fn events(&self) -> MutexGuard<'_, Vec<(u64, Event)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the call for which each process was started.
    fn started_for(&self) -> Vec<u64> {
        let events = self.events();
        let started = events
            .iter()
            .filter(|(_, event)| matches!(event, Event::Started { .. }));
        started.map(|(call, _)| *call).collect()
    }

    /// The migrations of the events: `+` for one that was applied, `-` for one that failed, `<` for one that
    /// was rolled back.
    fn migrations(&self) -> Vec<String> {
        let migration = |(_, event): &(u64, Event)| match event {
            Event::MigrationApplied { revision, name } => Some(format!("+{revision}_{name}")),
            Event::MigrationFailed { revision, name } => Some(format!("-{revision}_{name}")),
            Event::MigrationRolledBack { revision } => Some(format!("<{revision}")),
            _ => None,
        };
        self.events().iter().filter_map(migration).collect()
    }
}

/// Applies 001 and fails at 002, after it printed what `says` says.
fn failing(says: &str) -> Stage {
    Stage::new(&format!(
        r#"echo '{says}'
cat > "$report" <<'REPORT'
{{"success": false, "applied": [{{"version": "001", "name": "a"}}], "skipped": [],
  "skipped_superuser": [], "pending": [], "errors": ["Failed to apply migration 002 (b): no"], "dry_run": false, "dry_run_execute": false}}
REPORT
exit 3"#
    ))
}

#[tokio::test]
async fn migration_events_come_from_the_report_and_once() {
    let printed = "⚡ Applying 001_a... ✅\n⚡ Applying 002_b... ❌";
    for says in ["", printed] {
        let heard = Arc::new(Heard::default());
        let stage = failing(says);
        let adapter = stage.built(|it| it.observer(heard.clone()));
        let outcome = adapter.up(&stage.ctx(DSN), None).await;
        assert!(outcome.is_err());
        assert_eq!(heard.migrations(), ["+001_a", "-002_b"], "{says}");
    }
}

#[tokio::test]
async fn a_rollback_reports_each_migration_that_it_rolled_back() {
    let row = |version, second| {
        format!(
            r#"{{"version": "{version}", "status": "applied",
                "applied_at": "2026-11-28T20:00:0{second}+00:00"}}"#
        )
    };
    let (first, second, third) = (row("001", 0), row("002", 1), row("003", 2));
    let stage = Stage::new(&format!(
        r#"case "$2" in
          current) echo '{{"revision": "003", "name": "c"}}' > "$report" ;;
          status) if grep -q down-to "$(dirname "$0")/calls"; then
              echo '{{"migrations": [{first}]}}' > "$report"
            else
              echo '{{"migrations": [{first}, {second}, {third}]}}' > "$report"
            fi ;;
          down-to) echo '{{"from": "003", "to": "001", "rolled_back": ["003", "002"],
              "skipped": [], "errors": []}}' > "$report" ;;
        esac"#
    ));
    let heard = Arc::new(Heard::default());
    let adapter = stage.built(|it| it.observer(heard.clone()));
    let outcome = adapter.down_to(&stage.ctx(DSN), "001".into()).await;
    assert_eq!(outcome.expect("a success").applied.len(), 2);
    assert_eq!(heard.migrations(), ["<003", "<002"]);
}

#[tokio::test]
async fn events_of_a_call_have_its_number() {
    let stage = Stage::new(
        r#"[ "$1" = --version ] && { echo 'confiture version 0.22.0'; exit 0; }
        case "$2" in
          up) echo '✅ No pending migrations. Database is up to date.' ;;
          current) echo '{"revision": "001", "name": "a"}' > "$report" ;;
        esac"#,
    );
    let heard = Arc::new(Heard::default());
    let adapter = stage.built(|it| it.observer(heard.clone()));
    for _ in 0..2 {
        let outcome = adapter
            .up(&stage.ctx(DSN), None)
            .await
            .expect("nothing to do");
        assert_eq!(outcome.to, Some(Revision::new("001")));
    }
    let [up, version, current, next_up, next_version, next_current] = heard.started_for()[..]
    else {
        panic!("{:?}", heard.started_for());
    };
    assert_eq!([up, up], [version, current]);
    assert_eq!([next_up, next_up], [next_version, next_current]);
    assert_ne!(up, next_up);
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn each_finished_call_is_one_line_at_info() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let stage = Stage::new(
        r#"echo '{"success": true, "applied": [{"version": "002"}], "skipped": ["001"],
            "skipped_superuser": [], "pending": [], "errors": [], "dry_run": false,
            "dry_run_execute": false}' > "$report""#,
    );
    assert!(stage.adapter().up(&stage.ctx(DSN), None).await.is_ok());
    drop(guard);
    let bytes = log.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.contains(" finished "))
        .collect();
    assert_eq!(lines.len(), 1, "{text}");
    for part in [
        "INFO",
        "\"up\"",
        "from=\"001\"",
        "to=\"002\"",
        "applied=1",
        "duration=",
        "attempt=1",
    ] {
        assert!(lines[0].contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn a_long_up_reports_progress() {
    // It ends when it has been asked a second time: then the first answer was reported. 001 was merged late.
    let stage = Stage::new(
        r#"case "$2" in
          current) echo '{"revision": "002", "name": "b"}' > "$report" ;;
          status) echo '{"migrations": [
            {"version": "001", "status": "pending", "applied_at": null},
            {"version": "002", "status": "applied", "applied_at": "2026-11-28T20:00:00+00:00"}]}' > "$report" ;;
          up) while [ "$(grep -c current "$(dirname "$0")/calls")" -lt 2 ]; do sleep 0.05; done
            echo '{"success": true, "applied": [{"version": "001"}],
              "skipped": ["002"], "skipped_superuser": [], "pending": [], "errors": [],
              "dry_run": false, "dry_run_execute": false}' > "$report" ;;
        esac"#,
    );
    let heard = Arc::new(Heard::default());
    let adapter = stage.built(|it| {
        it.observer(heard.clone())
            .progress_interval(Duration::from_millis(50))
    });
    let outcome = adapter.up(&stage.ctx(DSN), None).await.expect("a success");
    assert_eq!(outcome.applied, [Revision::new("001")]);
    let progress = Event::Progress {
        revision: Some(Revision::new("002")),
        applied: 1,
        of: 2,
    };
    let events = heard.events();
    assert!(
        events.iter().any(|(_, event)| *event == progress),
        "{events:?}"
    );
}

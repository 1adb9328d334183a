//! The one case that no recording can hold: an `up` that is cancelled while a statement runs.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use contract_lab::interrupt;
use contract_lab::runner::{Prepared, database};
use contract_tests::ask;
use contract_tests::call::Call;
use contract_tests::case::{Case, case as new_case};
use contract_tests::project::Project;
use fraisier_adapter_confiture::ConfitureMigration;

use super::bench::Bench;
use super::observe::task;
use super::ran::Ran;
use super::text::{bounded, without_secret};
use crate::change::Change;
use crate::result::{CaseResult, Finding};
use crate::wrapper::Wrapper;

/// Its name.
pub const NAME: &str = "up/interrupted";
/// How long the server may take to notice: it checks every second.
const NOTICED_WITHIN: Duration = Duration::from_secs(5);

/// The case.
#[must_use]
pub fn case() -> Case {
    let project = Project::empty()
        .migration("001_one", "CREATE TABLE one ();", "DROP TABLE one;")
        .migration(
            "002_two",
            "CREATE TABLE two (); SELECT pg_sleep(600);",
            "DROP TABLE two;",
        );
    new_case(
        NAME,
        "An `up` is cancelled while its second migration waits in a statement.",
        Call::Up(None),
    )
    .project(project)
}

/// Runs and judges it.
///
/// # Errors
/// When it cannot be run.
pub(crate) fn run(bench: &Bench<'_>, case: &Case, prepared: &Prepared<'_>) -> anyhow::Result<Ran> {
    let wrapper = Wrapper::new(bench.myself, &task(bench, case, &prepared.site, None))?;
    let (limit, started) = (bench.limit(), Instant::now());
    let began = cancelled(&wrapper, case, prepared, limit)?;
    let hung = !began && started.elapsed() >= limit;
    let mut seen = None;
    let findings = if began {
        judge(prepared)?
    } else if hung {
        bench.count_hung();
        vec![
            Finding::breaks(Change::Hangs).with("it waits in a statement", "it never came to that"),
        ]
    } else {
        let calls = wrapper.seen()?;
        let up = calls.iter().find(|call| !call.asks_version());
        seen = up.map(|up| format!("exit status {}\n{}{}", up.exit, up.stdout, up.stderr));
        vec![
            Finding::breaks(Change::Preparation {
                step: "the `up` that is to be cancelled".to_owned(),
            })
            .with(
                "it waits in a statement",
                bounded(seen.as_deref().unwrap_or_default()),
            )
            .meaning("cannot do what this case rests on"),
        ]
    };
    Ok(Ran {
        result: CaseResult {
            seen: seen.map(|text| without_secret(&text, &prepared.site)),
            ..CaseResult::judged(case.name, case.about, findings)
        },
        shown: None,
        retry: false,
    })
}

/// Starts the `up` and cancels it once its migration waits; false when it never came to that.
fn cancelled(
    wrapper: &Wrapper,
    case: &Case,
    prepared: &Prepared<'_>,
    limit: Duration,
) -> anyhow::Result<bool> {
    let adapter = ConfitureMigration::builder()
        .program(wrapper.program())
        .timeout(limit)
        .build();
    let context = ask::context(&case.definition, &prepared.site);
    let mut client = database::connect(&prepared.site.endpoint)?;
    let mut waits = || -> anyhow::Result<bool> {
        let row = client.query_one(
            "SELECT count(*) FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event = 'PgSleep'",
            &[],
        )?;
        Ok(row.get::<_, i64>(0) > 0)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let mut call = Box::pin(ask::ask(&adapter, &case.definition.call, &context));
    loop {
        // The client of the server blocks, so it is asked between two turns of the call.
        let turn = runtime
            .block_on(async { tokio::time::timeout(Duration::from_millis(50), &mut call).await });
        interrupt::check()?;
        if turn.is_ok() {
            return Ok(false);
        }
        if waits()? {
            drop(call);
            return Ok(true);
        }
    }
}

/// What is left of it.
fn judge(prepared: &Prepared<'_>) -> anyhow::Result<Vec<Finding>> {
    let sessions = settled(prepared)?;
    if sessions > 0 {
        return Ok(vec![
            Finding::breaks(Change::OutlivesKill)
                .with(
                    format!("no session after {} s", NOTICED_WITHIN.as_secs()),
                    sessions.to_string(),
                )
                .meaning("leaves the migration running on the server when a deploy is stopped"),
        ]);
    }
    let mut findings = Vec::new();
    let state = prepared.state()?.context("the case has a database")?;
    let left = |what: &str, before: &str, now: String| {
        Finding::breaks(Change::Database {
            what: what.to_owned(),
        })
        .with(before, now)
        .meaning("leaves something behind when a deploy is stopped")
    };
    if state.advisory_locks > 0 {
        findings.push(left(
            "advisory locks",
            "0",
            state.advisory_locks.to_string(),
        ));
    }
    if state.revision.as_deref() != Some("001") || state.user_tables() != ["public.one"] {
        let now = format!("{:?}, {}", state.revision, state.user_tables().join(", "));
        findings.push(left("revision and tables", "001, public.one", now));
    }
    Ok(findings)
}

/// The sessions of confiture that stay, once the server had time to notice.
fn settled(prepared: &Prepared<'_>) -> anyhow::Result<i64> {
    let mut client = database::connect(&prepared.site.endpoint)?;
    let deadline = Instant::now() + NOTICED_WITHIN;
    loop {
        interrupt::check()?;
        let row = client.query_one(
            "SELECT count(*) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
            &[],
        )?;
        let sessions: i64 = row.get(0);
        if sessions == 0 || Instant::now() >= deadline {
            return Ok(sessions);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

//! The one case that no recording can hold: an `up` that is given up while a statement runs.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use contract_lab::interrupt;
use contract_lab::runner::{Prepared, database};
use contract_tests::ask;
use contract_tests::call::Call;
use contract_tests::case::{Case, case as new_case};
use contract_tests::project::Project;
use fraisier_adapter_confiture::{ConfitureMigration, Stop};

use super::bench::Bench;
use super::observe::{INTERRUPTED, task};
use super::ran::Ran;
use super::text::{bounded, without_secret};
use crate::change::Change;
use crate::result::{CaseResult, Finding};
use crate::wrapper::{Seen, Wrapper};

/// Its name.
pub const NAME: &str = "up/interrupted";
/// How long confiture has to end by itself before the adapter kills it.
const GRACE: Duration = Duration::from_secs(30);
/// How long the server may take to notice.
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
        "An `up` is given up while its second migration waits in a statement.",
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
    let began = given_up(&wrapper, case, prepared, limit)?;
    let hung = !began && started.elapsed() >= limit;
    let seen = ended(&wrapper)?;
    let up = seen.iter().find(|call| !call.asks_version());
    let findings = if began {
        judge(up, prepared)?
    } else if hung {
        bench.count_hung();
        vec![
            Finding::breaks(Change::Hangs).with("it waits in a statement", "it never came to that"),
        ]
    } else {
        let said = up.map(|up| bounded(&format!("exit {}: {}{}", up.exit, up.stdout, up.stderr)));
        vec![
            Finding::breaks(Change::Preparation {
                step: "the `up` that is to be interrupted".to_owned(),
            })
            .with("it waits in a statement", said.unwrap_or_default())
            .meaning("cannot do what this case rests on"),
        ]
    };
    let seen = up.map(|up| format!("exit status {}\n{}{}", up.exit, up.stdout, up.stderr));
    Ok(Ran {
        result: CaseResult {
            seen: seen.map(|text| without_secret(&text, &prepared.site)),
            ..CaseResult::judged(case.name, case.about, findings)
        },
        shown: None,
        retry: false,
    })
}

/// Starts the `up` and gives it up once its migration waits; false when it never came to that.
fn given_up(
    wrapper: &Wrapper,
    case: &Case,
    prepared: &Prepared<'_>,
    limit: Duration,
) -> anyhow::Result<bool> {
    let adapter = ConfitureMigration::builder()
        .program(wrapper.program())
        .timeout(limit)
        .stop(Stop::Interrupt)
        .grace(GRACE)
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

/// What was seen once the `up` has ended, by itself or by the adapter's hand.
fn ended(wrapper: &Wrapper) -> anyhow::Result<Vec<Seen>> {
    let deadline = Instant::now() + GRACE + NOTICED_WITHIN;
    loop {
        interrupt::check()?;
        let seen = wrapper.seen()?;
        if seen.iter().any(|call| !call.asks_version()) || Instant::now() >= deadline {
            return Ok(seen);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What is left of it.
fn judge(up: Option<&Seen>, prepared: &Prepared<'_>) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let others = settled(prepared)?;
    match up.map(|up| up.exit) {
        Some(INTERRUPTED) => {}
        Some(exit) => findings.push(
            Finding::breaks(Change::Exit {
                from: INTERRUPTED,
                to: exit,
            })
            .with(INTERRUPTED.to_string(), exit.to_string())
            .meaning("cannot tell an interrupted `up` from another end"),
        ),
        None => findings.push(
            Finding::breaks(Change::IgnoresInterrupt)
                .with(
                    "it ends at once",
                    format!("it had to be killed after {} s", GRACE.as_secs()),
                )
                .meaning("leaves the migration running on the server when a deploy is given up"),
        ),
    }
    if !findings.is_empty() {
        return Ok(findings);
    }
    let state = prepared.state()?.context("the case has a database")?;
    let left = |what: &str, before: &str, now: String| {
        Finding::breaks(Change::Database {
            what: what.to_owned(),
        })
        .with(before, now)
        .meaning("leaves something behind when a deploy is given up")
    };
    if others > 0 {
        findings.push(left("sessions", "none", others.to_string()));
    }
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
    let deadline = Instant::now() + GRACE + NOTICED_WITHIN;
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

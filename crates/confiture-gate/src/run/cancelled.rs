//! A case that no recording can show: an `up` that is cancelled while a statement runs.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use contract_catalogue::ask;
use contract_catalogue::case::Case;
use contract_lab::interrupt;
use contract_lab::postgres::look;
use contract_lab::runner::{Prepared, database};
use fraisier_adapter_confiture::ConfitureMigration;
use postgres::Client;

use super::case::Ran;
use super::observe::task;
use super::settings::Setup;
use crate::change::Change;
use crate::result::Finding;
use crate::text::bounded;
use crate::wrapper::Wrapper;

/// Its name.
pub(super) const NAME: &str = "up/cancelled";
/// How long the server may take to notice that the client is gone, even on a busy machine.
const NOTICED_WITHIN: Duration = Duration::from_secs(30);
/// How often the server and the call are looked at.
const POLL: Duration = Duration::from_millis(50);

/// Runs and judges the case.
pub(crate) fn run(setup: &Setup<'_>, case: &Case, prepared: &Prepared<'_>) -> anyhow::Result<Ran> {
    let wrapper = Wrapper::new(setup.myself, &task(setup, case, &prepared.site))?;
    let mut client = database::connect(&prepared.site.endpoint)?;
    if cancelled(&wrapper, case, prepared, setup.limit(), &mut client)? {
        return Ok(Ran::judged(case, judge(prepared, &mut client)?));
    }
    if wrapper.is_unfinished() {
        setup.count_hung();
        let finding = Finding::breaks(Change::Hangs);
        let finding = finding.with("it waits in a statement", "it never came to that");
        return Ok(Ran::judged(case, vec![finding]));
    }
    let seen = wrapper.seen()?;
    let up = seen.iter().find(|call| !call.asks_version());
    let words = up.map(|up| bounded(&format!("exit {}: {}", up.exit, up.reason())));
    let change = Change::Preparation {
        step: "the `up` that is to be cancelled".to_owned(),
    };
    let finding = Finding::breaks(change)
        .with("it waits in a statement", words.unwrap_or_default())
        .meaning("cannot do what this case needs");
    Ok(Ran::judged(case, vec![finding]))
}

/// Starts the `up`, and drops the call once its migration waits; false if the migration never waited.
fn cancelled(
    wrapper: &Wrapper,
    case: &Case,
    prepared: &Prepared<'_>,
    limit: Duration,
    client: &mut Client,
) -> anyhow::Result<bool> {
    const WAITING: &str = "SELECT count(*) FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event = 'PgSleep'";
    let adapter = ConfitureMigration::builder()
        .program(wrapper.program())
        .timeout(limit)
        .build();
    let context = ask::context(&case.definition, &prepared.site);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let mut call = Box::pin(ask::ask(&adapter, &case.definition.call, &context));
    loop {
        // The database client blocks, so it runs between two polls of the call.
        let turn = runtime.block_on(async { tokio::time::timeout(POLL, &mut call).await });
        interrupt::check()?;
        if turn.is_ok() {
            return Ok(false);
        }
        if client.query_one(WAITING, &[])?.get::<_, i64>(0) > 0 {
            drop(call);
            return Ok(true);
        }
    }
}

/// Checks what remains: the first migration, and no session, lock or half migration.
fn judge(prepared: &Prepared<'_>, client: &mut Client) -> anyhow::Result<Vec<Finding>> {
    let deadline = Instant::now() + NOTICED_WITHIN;
    let mut sessions = look::sessions(client)?;
    while sessions > 0 && Instant::now() < deadline {
        interrupt::check()?;
        std::thread::sleep(POLL);
        sessions = look::sessions(client)?;
    }
    let state = prepared.state()?.context("the case has a database")?;
    let revision = state.revision.clone().unwrap_or_else(|| "none".to_owned());
    let parts = [
        ("sessions", "0", sessions.to_string()),
        ("advisory locks", "0", state.advisory_locks.to_string()),
        ("revision", "001", revision),
        ("tables", "public.one", state.user_tables().join(", ")),
    ];
    let changed = parts.into_iter().filter(|(_, before, now)| before != now);
    Ok(changed
        .map(|(what, before, now)| {
            let what = what.to_owned();
            Finding::breaks(Change::Database { what })
                .with(before, now)
                .meaning("cannot cancel a deploy without damage: something of it remains")
        })
        .collect())
}

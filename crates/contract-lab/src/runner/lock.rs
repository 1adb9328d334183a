//! Holds the migration lock while a case runs.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::ensure;
use contract_catalogue::call::Call;
use contract_catalogue::case::{Database as Wanted, Definition};
use contract_catalogue::project::Project;
use contract_catalogue::site::Site;
use postgres::Client;
use rustix::process::Signal;

use super::{call, database};
use crate::command::{signal_group, wait_for};
use crate::interrupt;

/// How long a process may wait for the migration lock.
const LOCKS_WITHIN: Duration = Duration::from_secs(60);

/// Holds the migration lock of the database of `site` in a session of its own.
///
/// The key of the lock is read from an `up` of this release with one slow pending migration. That process
/// must not be the holder itself: a second `up` of an early release would wait endlessly for a table that
/// the first has changed, before it tried to take the lock.
pub(super) fn hold(program: &Path, site: &Site, definition: &Definition) -> anyhow::Result<Client> {
    let applied = match &definition.database {
        Wanted::Applied { project, .. } => project.clone(),
        Wanted::None | Wanted::Fresh => Project::empty(),
    };
    let long = applied.migration("900_long", "SELECT pg_sleep(600);", "SELECT 1;");
    let root = tempfile::tempdir()?;
    let endpoint = &site.endpoint;
    let place = call::site_of_up(site.release, root.path(), endpoint.clone());
    long.write(&place.project)?;
    let up = Definition::of(Call::Up(None));
    let mut child = call::command(program, &place, &up, &up.call)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    let mut client = database::connect(endpoint)?;
    let lock = lock_of(&mut client, &mut child);
    signal_group(&child, Signal::INT);
    if !wait_for(&mut child, Duration::from_secs(5)) {
        signal_group(&child, Signal::KILL);
        child.wait()?;
    }
    let (space, key) = lock?;
    database::settle(endpoint, 1)?;
    client.execute("SELECT pg_advisory_lock($1, $2)", &[&space, &key])?;
    Ok(client)
}

/// The advisory lock that `child` holds once its migration runs.
fn lock_of(client: &mut Client, child: &mut Child) -> anyhow::Result<(i32, i32)> {
    // The two halves of the key are unsigned in `pg_locks`, and signed for `pg_advisory_lock`.
    const HELD: &str = "SELECT classid::bigint::bit(32)::integer, objid::bigint::bit(32)::integer \
        FROM pg_locks JOIN pg_stat_activity USING (pid) \
        WHERE locktype = 'advisory' AND granted AND wait_event = 'PgSleep' \
        AND datname = current_database()";
    let deadline = Instant::now() + LOCKS_WITHIN;
    loop {
        interrupt::check()?;
        if let Some(row) = client.query_opt(HELD, &[])? {
            return Ok((row.get(0), row.get(1)));
        }
        let ended = child.try_wait()?;
        ensure!(
            ended.is_none() && Instant::now() < deadline,
            "no process took the migration lock"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

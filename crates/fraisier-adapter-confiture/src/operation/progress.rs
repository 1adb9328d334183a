//! Reports how far a long `up` is, beside it.

use std::convert::Infallible;
use std::time::Duration;

use fraisier_adapter_api::Revision;
use tokio::time::sleep;

use super::outcome::Outcome;
use super::{Call, current};
use crate::ledger::{self, Ledger, PATIENT};
use crate::observe::Event;
use crate::request::project::Migration;
use crate::thread::race;

/// The result of an `up`, with an event at every interval until then, where there is one.
pub(super) async fn beside<T>(
    call: &Call<'_>,
    target: Option<&Revision>,
    migrations: &[Migration],
    up: impl Future<Output = T>,
) -> T {
    let Some(interval) = call.request.config.progress_interval else {
        return up.await;
    };
    let report = async { match report(call, target, migrations, interval).await {} };
    race(up, report).await
}

/// The revision that was applied last, and what is applied, while the `up` runs.
async fn look(call: &Call<'_>) -> Option<(Option<Revision>, Ledger)> {
    if let Ok(ledger) = ledger::rows(call, PATIENT).await {
        return Some((ledger.last(), ledger));
    }
    let current = call.run_beside(current::command(call.request), None);
    let last = current::interpret(&Outcome::of(current.await.ok()?)).ok()?;
    if last.is_none() {
        return Some((None, Ledger::default()));
    }
    let status = call.run_beside(ledger::status(call.request), None);
    let ledger = ledger::listed(&Outcome::of(status.await.ok()?)).ok()?;
    Some((last, ledger))
}

async fn report(
    call: &Call<'_>,
    target: Option<&Revision>,
    migrations: &[Migration],
    interval: Duration,
) -> Infallible {
    let mut versions: Vec<&str> = migrations.iter().map(|it| it.version.as_str()).collect();
    versions.dedup();
    let position = target.and_then(|it| versions.iter().position(|version| *version == it.0));
    let of = position.map_or(versions.len(), |at| at + 1);
    loop {
        sleep(interval).await;
        let Some((revision, ledger)) = look(call).await else {
            continue;
        };
        let is_applied = |version: &&&str| ledger.row(version).is_some();
        let applied = versions[..of].iter().filter(is_applied).count();
        call.emit(Event::Progress {
            revision,
            applied,
            of,
        });
    }
}

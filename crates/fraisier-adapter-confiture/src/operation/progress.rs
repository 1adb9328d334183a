//! Reports how far a long `up` is, beside it.

use std::convert::Infallible;
use std::time::Duration;

use fraisier_adapter_api::Revision;
use tokio::time::sleep;

use super::outcome::Outcome;
use super::{Call, current};
use crate::failure::Fault;
use crate::ledger;
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

/// The revision that confiture names while the `up` runs.
async fn confiture_names(call: &Call<'_>) -> Result<Option<Revision>, Fault> {
    let invocation = current::command(call.request);
    let ended = call.run_beside(invocation, None).await?;
    current::interpret(&Outcome::of(ended))
}

async fn report(
    call: &Call<'_>,
    target: Option<&Revision>,
    migrations: &[Migration],
    interval: Duration,
) -> Infallible {
    let mut versions: Vec<&str> = migrations.iter().map(|it| it.version.as_str()).collect();
    versions.dedup();
    let position = |revision: &Revision| versions.iter().position(|it| *it == revision.as_str());
    let of = target
        .and_then(position)
        .map_or(versions.len(), |at| at + 1);
    loop {
        sleep(interval).await;
        let (revision, applied) = if let Ok(ledger) = ledger::rows(call).await {
            let ledger = ledger.unwrap_or_default();
            let is_applied = |version: &&&str| ledger.row(version).is_some();
            let applied = versions[..of].iter().filter(is_applied).count();
            (
                ledger.last().map(|row| Revision::new(&row.version)),
                applied,
            )
        } else if let Ok(revision) = confiture_names(call).await {
            // Merged late, the last migration is not the number of those that are applied.
            let at = revision.as_ref().and_then(position);
            (revision, at.map_or(0, |at| at + 1))
        } else {
            continue;
        };
        call.emit(Event::Progress {
            applied: applied.min(of),
            revision,
            of,
        });
    }
}

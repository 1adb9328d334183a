//! Options whose effect no recording shows. Each is passed in a case in which confiture would do
//! something else without it. So an option that is accepted and ignored breaks its case, even if a help
//! page offers it.

mod table;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contract_catalogue::case::Case;
use contract_catalogue::expectation::{Expectation, Fact, violations};
use contract_catalogue::recording::Recording;
use contract_catalogue::release::Release;
use contract_catalogue::site::Site;
use contract_lab::postgres::Server;
use contract_lab::runner::Prepared;

use super::observe::observe;
use super::ran::Ran;
use super::recording::recording;
use super::setup::Setup;
use super::text::without_secret;
use crate::change::Change;
use crate::drift::refused;
use crate::facts::words;
use crate::result::{CaseResult, Finding};
use table::shown_by_recorded;

pub(crate) use table::{Effect, effects};

/// Runs and judges the case of an effect.
pub(crate) fn run(
    setup: &Setup<'_>,
    effect: &Effect,
    mut place: Prepared<'_>,
    server: &Server,
) -> anyhow::Result<Ran> {
    let case = &effect.case;
    effect.arrange(&mut place)?;
    let (observed, waited) = match effect.waits {
        Some(_) => waiting(server, &place.site, || observe(setup, case, &place))?,
        None => (observe(setup, case, &place)?, Duration::ZERO),
    };
    let seen = recording(case, &place.site, &observed);
    let findings = if observed.findings.is_empty() {
        judge(effect, setup.judged_as, &seen, waited)
    } else {
        let findings = observed.findings.into_iter();
        findings.map(Finding::breaking).collect()
    };
    Ok(Ran {
        result: CaseResult {
            seen: Some(without_secret(&seen.to_file(), &place.site)),
            ..CaseResult::judged(case.name, case.about, findings)
        },
        shown: None,
        retry: false,
    })
}

/// The result of `work`, and how long a session of the case's database waited for the migration lock
/// meanwhile. The server measures the time, so a busy machine makes no difference.
fn waiting<O>(
    server: &Server,
    site: &Site,
    work: impl FnOnce() -> anyhow::Result<O>,
) -> anyhow::Result<(O, Duration)> {
    const WAITED: &str = "SELECT max(extract(epoch FROM clock_timestamp() - query_start))::float8 \
        FROM pg_stat_activity JOIN pg_locks USING (pid) \
        WHERE locktype = 'advisory' AND NOT granted AND datname = $1";
    let done = AtomicBool::new(false);
    let (output, waited) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| -> anyhow::Result<f64> {
            let (mut client, mut longest) = (server.connect()?, 0.0_f64);
            while !done.load(Ordering::Relaxed) {
                let row = client.query_one(WAITED, &[&site.endpoint.database])?;
                longest = longest.max(row.get::<_, Option<f64>>(0).unwrap_or(0.0));
                std::thread::sleep(Duration::from_millis(200));
            }
            Ok(longest)
        });
        let output = work();
        done.store(true, Ordering::Relaxed);
        (output, watch.join().expect("it does not panic"))
    });
    let waited = Duration::try_from_secs_f64(waited?).unwrap_or_default();
    Ok((output?, waited))
}

/// How the run differs from the effect that the option should have.
fn judge(effect: &Effect, release: Release, seen: &Recording, waited: Duration) -> Vec<Finding> {
    let call = &seen.calls[0];
    if let Some(refused) = refused(call) {
        return vec![refused.breaking().meaning(effect.meaning)];
    }
    let ignored = || {
        Finding::breaks(Change::Ignored {
            what: effect.option.to_owned(),
        })
        .meaning(effect.meaning)
    };
    // A wait that the option cut short ends long before the default wait.
    if effect.waits.is_some_and(|waits| waited > waits / 2) {
        let now = format!("it waited for {} s", waited.as_secs());
        return vec![ignored().with("it waits for a second", now)];
    }
    let broken = violations(&effect.case.expectations, release, seen);
    let Some(first) = broken.first() else {
        return Vec::new();
    };
    let (before, now) = (words(&first.fact), first.found.clone());
    if effect.without.iter().any(|fact| holds(fact, release, seen)) {
        return vec![ignored().with(before, now)];
    }
    let change = Change::Expectation {
        fact: before.clone(),
    };
    vec![Finding::breaks(change).with(before, now)]
}

fn holds(fact: &Fact, release: Release, seen: &Recording) -> bool {
    violations(&[Expectation::always(fact.clone())], release, seen).is_empty()
}

/// An option that a recorded case shows to be ignored.
pub(crate) fn ignored(case: &Case, release: Release, seen: &Recording) -> Option<Finding> {
    let shown = shown_by_recorded();
    let (_, option, without) = shown.iter().find(|(name, ..)| *name == case.name)?;
    let is_so = without.iter().all(|fact| holds(fact, release, seen));
    is_so.then(|| {
        Finding::differs(Change::Ignored {
            what: (*option).to_owned(),
        })
    })
}

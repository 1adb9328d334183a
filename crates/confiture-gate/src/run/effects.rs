//! The options whose effect no recording shows. Each is passed in a case in which confiture would do
//! something else without it. So an option that is accepted and ignored breaks its case, even if a help
//! page offers it.

#[cfg(test)]
mod tests;

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contract_catalogue::case::Case;
use contract_catalogue::expectation::{Fact, holds, violations};
use contract_catalogue::recording::Recording;
use contract_catalogue::release::Release;
use contract_catalogue::site::Site;
use contract_lab::postgres::Server;
use contract_lab::runner::Prepared;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::case::Ran;
use super::observe::observe;
use super::record::recording;
use super::settings::Setup;
use crate::change::Change;
use crate::drift::refused;
use crate::facts::words;
use crate::result::Finding;
use crate::text::without_secret;

/// The effects that `effects.toml` lists.
static EFFECTS: LazyLock<Effects> = LazyLock::new(|| {
    toml::from_str(include_str!("effects.toml")).expect("the effects of this crate")
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Effects {
    effect: Vec<Effect>,
    recorded: Vec<Effect>,
}

/// The effect of an option; the head of `effects.toml` explains the fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Effect {
    case: String,
    option: String,
    #[serde(default)]
    without: Vec<Fact>,
    waits: Option<u64>,
    #[serde(default)]
    settings: Map<String, Value>,
    #[serde(default)]
    meaning: String,
}

/// Runs and judges the case of an effect.
pub(crate) fn run(
    setup: &Setup<'_>,
    case: &Case,
    mut place: Prepared<'_>,
    server: &Server,
) -> anyhow::Result<Ran> {
    let mut effects = EFFECTS.effect.iter();
    let effect = effects.find(|effect| effect.case == case.name);
    let effect = effect.expect("every other case has an effect");
    place.settings.clone_from(&effect.settings);
    let (observed, waited) = match effect.waits {
        Some(_) => waiting(server, &place.site, || observe(setup, case, &place))?,
        None => (observe(setup, case, &place)?, Duration::ZERO),
    };
    let seen = recording(case, &place.site, &observed);
    let findings = if observed.findings.is_empty() {
        judge(effect, case, setup.judged_as, &seen, waited)
    } else {
        let findings = observed.findings.into_iter();
        findings.map(Finding::breaking).collect()
    };
    let mut ran = Ran::judged(case, findings);
    ran.result.seen = Some(without_secret(&seen.to_file(), &place.site));
    Ok(ran)
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
fn judge(
    effect: &Effect,
    case: &Case,
    release: Release,
    seen: &Recording,
    waited: Duration,
) -> Vec<Finding> {
    if let Some(refused) = refused(&seen.calls[0]) {
        return vec![refused.breaking().meaning(&effect.meaning)];
    }
    let what = effect.option.clone();
    let ignored = Finding::breaks(Change::Ignored { what }).meaning(&effect.meaning);
    // A wait that the option cut short ends long before the default wait.
    let waits = effect.waits.map(Duration::from_secs);
    if waits.is_some_and(|waits| waited > waits / 2) {
        let now = format!("it waited for {} s", waited.as_secs());
        return vec![ignored.with("it waits for a second", now)];
    }
    let broken = violations(&case.expectations, release, seen);
    let Some(first) = broken.first() else {
        return Vec::new();
    };
    let (before, now) = (words(&first.fact), first.found.clone());
    if effect.without.iter().any(|fact| holds(fact, seen).0) {
        return vec![ignored.with(before, now)];
    }
    let fact = before.clone();
    vec![Finding::breaks(Change::Expectation { fact }).with(before, now)]
}

/// An option that a recorded case shows to be ignored.
pub(crate) fn ignored(case: &Case, seen: &Recording) -> Option<Finding> {
    let effect = EFFECTS.recorded.iter().find(|it| it.case == case.name)?;
    let is_so = effect.without.iter().all(|fact| holds(fact, seen).0);
    let what = effect.option.clone();
    is_so.then(|| Finding::differs(Change::Ignored { what }))
}

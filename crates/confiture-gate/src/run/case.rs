//! One case, run with the candidate.

use std::time::Instant;

use anyhow::Context as _;
use contract_lab::interrupt;
use contract_lab::runner::{Runner, Spoilt};
use contract_tests::announced::PENDING_SCOPE;
use contract_tests::call::Call;
use contract_tests::case::{Case, Database, Definition};

use super::assess::assess;
use super::bench::Bench;
use super::keep::keep;
use super::observe::observe;
use super::ran::Ran;
use super::text::bounded;
use super::unrecorded;
use crate::change::Change;
use crate::drift::refusal;
use crate::result::{CUT_SHORT, Finding};

/// Runs and judges `case`. Nothing that happens is an error: it breaks the case, unless the caller
/// sees that the server or the machine is in trouble.
pub(crate) fn run(bench: &Bench<'_>, runner: &Runner<'_>, case: &Case) -> Ran {
    let started = Instant::now();
    let mut ran = match attempt(bench, runner, case) {
        Ok(ran) => ran,
        // Whatever an interrupt cut short says nothing of the candidate.
        _ if interrupt::raised() => Ran::unjudged(case, CUT_SHORT, false),
        Err(error) => spoilt(case, &error),
    };
    ran.result.sql = case.definition.project.sql();
    ran.result.milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    ran
}

/// A case that could not be run to its end.
fn spoilt(case: &Case, error: &anyhow::Error) -> Ran {
    let why = format!("{error:#}");
    let (change, expected) = match error.downcast_ref::<Spoilt>() {
        Some(spoilt) => (
            Change::Preparation {
                step: spoilt.step.to_owned(),
            },
            "it succeeds",
        ),
        None => (Change::Unobservable, "it can"),
    };
    let finding = refusal(&why).map_or_else(
        || {
            Finding::breaks(change)
                .with(expected, bounded(&why))
                .meaning("cannot do what this case needs")
        },
        Finding::breaking,
    );
    Ran::judged(case, vec![finding])
}

fn attempt(bench: &Bench<'_>, runner: &Runner<'_>, case: &Case) -> anyhow::Result<Ran> {
    interrupt::check()?;
    let mut case = case.clone();
    let Definition { call, database, .. } = &mut case.definition;
    // For the scope it reads the ledger.
    if *call == Call::Preflight && *database == Database::None && bench.judged_as >= PENDING_SCOPE {
        *database = Database::Fresh;
    }
    let case = &case;
    if let Some(ran) = unrecorded::run(bench, runner, case)? {
        return Ok(ran);
    }
    if !bench.baseline.cases.contains_key(case.name) {
        let release = bench.baseline.release;
        let why = format!("{release} has no recording of it to compare with");
        return Ok(Ran::unjudged(case, why, false));
    }
    let place = runner.prepare(&case.definition)?;
    let observed = observe(bench, case, &place)?;
    if let Some(directory) = &bench.keep {
        keep(directory, case, &place.site, &observed).context("keeping what the case left")?;
    }
    assess(bench, case, &place.site, observed)
}

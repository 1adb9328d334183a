//! One case, run with the candidate.

use std::time::Instant;

use anyhow::Context as _;
use contract_catalogue::announced::PENDING_SCOPE;
use contract_catalogue::call::Call;
use contract_catalogue::case::{Case, Database, Definition};
use contract_lab::interrupt;
use contract_lab::runner::{Runner, Spoilt};

use super::assess::assess;
use super::keep::keep;
use super::observe::observe;
use super::ran::Ran;
use super::setup::Setup;
use super::text::bounded;
use super::unrecorded;
use crate::change::Change;
use crate::drift::refusal;
use crate::result::{CUT_SHORT, Finding};

/// Runs and judges `case`. No failure is returned as an error: it breaks the case, unless the caller
/// finds that the server or the machine failed.
pub(crate) fn run(setup: &Setup<'_>, runner: &Runner<'_>, case: &Case) -> Ran {
    let started = Instant::now();
    let mut ran = match attempt(setup, runner, case) {
        Ok(ran) => ran,
        // A case that an interrupt cut short says nothing about the candidate.
        _ if interrupt::raised() => Ran::unjudged(case, CUT_SHORT, false),
        Err(error) => not_completed(case, &error),
    };
    ran.result.sql = case.definition.project.sql();
    ran.result.milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    ran
}

/// A case that could not be run to its end.
fn not_completed(case: &Case, error: &anyhow::Error) -> Ran {
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

fn attempt(setup: &Setup<'_>, runner: &Runner<'_>, case: &Case) -> anyhow::Result<Ran> {
    interrupt::check()?;
    let mut case = case.clone();
    let Definition { call, database, .. } = &mut case.definition;
    // It reads the ledger to find what is pending.
    if *call == Call::Preflight && *database == Database::None && setup.judged_as >= PENDING_SCOPE {
        *database = Database::Fresh;
    }
    let case = &case;
    if let Some(ran) = unrecorded::run(setup, runner, case)? {
        return Ok(ran);
    }
    if !setup.baseline.cases.contains_key(case.name) {
        let release = setup.baseline.release;
        let why = format!("{release} has no recording of it to compare with");
        return Ok(Ran::unjudged(case, why, false));
    }
    let place = runner.prepare(&case.definition)?;
    let observed = observe(setup, case, &place)?;
    if let Some(directory) = &setup.keep {
        keep(directory, case, &place.site, &observed).context("keeping what the case left")?;
    }
    assess(setup, case, &place.site, observed)
}

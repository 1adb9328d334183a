//! One case, run with the candidate.

use std::time::Instant;

use anyhow::Context as _;
use contract_lab::interrupt;
use contract_lab::runner::{Runner, Spoilt};
use contract_tests::case::Case;
use contract_tests::connection::Connection;

use super::assess::assess;
use super::bench::Bench;
use super::keep::keep;
use super::observe::{Place, observe};
use super::ran::Ran;
use super::text::bounded;
use super::trouble::{external, ran_out_of_time};
use super::unrecorded;
use crate::change::Change;
use crate::drift::refusal;
use crate::result::{CUT_SHORT, CaseResult, Finding};

/// Runs and judges `case`. Nothing that happens is an error: what the candidate spoils breaks the
/// case, and what else goes wrong leaves it unjudged.
pub(crate) fn run(bench: &Bench<'_>, runner: &Runner<'_>, case: &Case) -> Ran {
    let started = Instant::now();
    let mut ran = match attempt(bench, runner, case) {
        Ok(ran) => ran,
        // Whatever an interrupt cut short says nothing of the candidate.
        _ if interrupt::raised() => Ran::unjudged(case, CUT_SHORT, false),
        Err(error) => match error.downcast_ref::<Spoilt>() {
            Some(spoilt) if external(&spoilt.why).is_none() => spoilt_case(case, spoilt),
            _ => {
                let said = format!("{error:#}");
                Ran::unjudged(case, external(&said).unwrap_or(&said), true)
            }
        },
    };
    ran.result.milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    ran
}

fn spoilt_case(case: &Case, spoilt: &Spoilt) -> Ran {
    let finding = match refusal(&spoilt.why) {
        Some(refused) => refused.breaking(),
        None if ran_out_of_time(&spoilt.why) => Finding::breaks(Change::Hangs),
        None => Finding::breaks(Change::Preparation {
            step: spoilt.step.to_owned(),
        })
        .with("it succeeds", bounded(&spoilt.why))
        .meaning("cannot do what this case rests on"),
    };
    Ran {
        result: CaseResult::judged(case.name, case.about, vec![finding]),
        shown: None,
        retry: false,
    }
}

fn attempt(bench: &Bench<'_>, runner: &Runner<'_>, case: &Case) -> anyhow::Result<Ran> {
    interrupt::check()?;
    if let Some(ran) = unrecorded::run(bench, runner, case)? {
        return Ok(ran);
    }
    if !bench.baseline.cases.contains_key(case.name) {
        let release = bench.baseline.release;
        let why = format!("{release} has no recording of it to compare with");
        return Ok(Ran::unjudged(case, why, false));
    }
    let prepared = runner.prepare(&case.definition)?;
    in_place(bench, case, &prepared)
}

/// Runs and judges the case where everything is as it needs it.
pub(crate) fn in_place(bench: &Bench<'_>, case: &Case, place: &dyn Place) -> anyhow::Result<Ran> {
    let observed = observe(bench, case, place)?;
    if let Some(directory) = &bench.keep {
        keep(directory, case, place.site(), &observed).context("keeping what the case left")?;
    }
    if expects_a_server(case) {
        let mut texts = observed.seen.iter().flat_map(|call| {
            let report = call.report.as_deref().unwrap_or_default();
            [call.stdout.as_str(), call.stderr.as_str(), report]
        });
        if let Some(why) = texts.find_map(external) {
            return Ok(Ran::unjudged(case, why, true));
        }
    }
    Ok(assess(bench, case, place.site(), observed))
}

/// Whether trouble with the server is trouble of the machine, and not what the case is about.
fn expects_a_server(case: &Case) -> bool {
    case.definition.connection == Connection::Valid
}

//! One case, run with the candidate.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use contract_catalogue::announced::PENDING_SCOPE;
use contract_catalogue::call::Call;
use contract_catalogue::case::{Case, Database, Definition};
use contract_catalogue::site::Site;
use contract_lab::interrupt;
use contract_lab::runner::{Runner, Spoilt};

use super::assess::assess;
use super::observe::{Observed, observe};
use super::settings::Setup;
use super::unrecorded;
use crate::change::Change;
use crate::delivery::Shown;
use crate::drift::refusal;
use crate::result::{CUT_SHORT, CaseResult, Finding};
use crate::text::{bounded, without_secret};

/// A case that was run and judged, or not.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) result: CaseResult,
    pub(crate) shown: Option<Shown>,
    /// Whether it was not judged for a reason outside the candidate that may be temporary.
    pub(crate) retry: bool,
}

impl Ran {
    /// A case that was judged by these findings alone.
    pub(crate) fn judged(case: &Case, findings: Vec<Finding>) -> Self {
        Self {
            result: CaseResult::judged(case.name, case.about, findings),
            shown: None,
            retry: false,
        }
    }

    /// A case that was not judged; `retry` if the reason may be temporary.
    pub(crate) fn unjudged(case: &Case, why: impl Into<String>, retry: bool) -> Self {
        Self {
            result: CaseResult::not_judged(case.name, case.about, why),
            shown: None,
            retry,
        }
    }
}

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

/// What `--keep` stores of a case below `directory`: its project, and each call with its output, without the
/// password of the database.
fn keep(directory: &Path, case: &Case, site: &Site, observed: &Observed) -> anyhow::Result<()> {
    let directory = directory.join(case.name);
    let project = directory.join("project");
    if project.is_dir() {
        fs::remove_dir_all(&project)?;
    }
    fs::create_dir_all(&directory)?;
    case.definition.project.write(&project)?;
    for (number, call) in (1..).zip(&observed.seen) {
        let text = serde_json::to_string_pretty(call)?;
        let path = directory.join(format!("call-{number}.json"));
        fs::write(path, without_secret(&text, site))?;
        if let Some(report) = &call.report {
            let path = directory.join(format!("report-{number}.json"));
            fs::write(path, without_secret(report, site))?;
        }
    }
    let state = serde_json::json!({ "before": observed.before, "after": observed.after });
    fs::write(
        directory.join("database.json"),
        serde_json::to_string_pretty(&state)?,
    )?;
    Ok(())
}

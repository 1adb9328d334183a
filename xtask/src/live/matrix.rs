//! The catalogue of cases, run through the adapter on real binaries of the releases that differ,
//! and judged by what is in the database afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, ensure};
use contract_gate::run::terms::base_version;
use contract_tests::ask;
use contract_tests::call::Call;
use contract_tests::case::{Case, Circumstance, Database};
use contract_tests::catalogue::catalogue;
use contract_tests::expectation::state_violations;
use contract_tests::fixtures::Fixtures;
use contract_tests::release::Release;
use contract_tests::rules::{answers_as_expected, names_the_revision, no_secret};
use fraisier_adapter_confiture::ConfitureMigration;
use fraisier_adapter_confiture::observe::{self, Event, Observer};

use crate::exit::Unexpected;
use contract_lab::Lab;
use contract_lab::confiture::Installed;
use contract_lab::interrupt;
use contract_lab::parallel::in_parallel;
use contract_lab::postgres::Server;
use contract_lab::runner::Runner;
use contract_lab::ui::{self, bad, faint, good, heading};

/// The releases in which something changed that the adapter has to cope with: those whose recordings
/// gave it another answer, in a case that is checked here.
///
/// # Errors
/// When the recordings below `root` are not sound.
pub fn standard(root: &Path) -> anyhow::Result<Vec<Release>> {
    let catalogue = catalogue();
    let fixtures = Fixtures::load(root, &catalogue)?;
    let checked = |case: &&Case| is_checked(case) && skipped(case).is_none();
    let changed = |release: &Release| {
        let mut cases = catalogue.iter().filter(checked);
        cases.any(|case| fixtures.answer_changed_with(*release, case.name))
    };
    Ok(fixtures.releases().filter(changed).collect())
}

fn is_checked(case: &Case) -> bool {
    case.definition.call.is_operation()
}

/// Why a case cannot be checked here.
fn skipped(case: &Case) -> Option<&'static str> {
    if case.definition.circumstance == Some(Circumstance::UnwritableReport) {
        return Some("the adapter has a report of its own");
    }
    if case.operation() == "preflight" && case.definition.database == Database::None {
        return Some("no database to judge by; it is replayed");
    }
    None
}

/// How long `up` waits for a lock that somebody else holds, in milliseconds.
const LOCK_TIMEOUT: u64 = 2000;

/// How many cases run at a time. A case waits for its server as long as it computes.
const LANES: usize = 3;

/// What became of one case on one release.
enum Cell {
    Passed,
    Failed(String),
    Skipped(&'static str),
}

/// Runs the catalogue with each of these.
///
/// # Errors
/// When something that is needed is missing, or when a case is not as expected.
pub fn run(lab: &Lab, installed: &[Installed], server: &Server) -> anyhow::Result<()> {
    let runners = installed
        .iter()
        .map(|installed| {
            let release = base_version(&installed.version);
            let release =
                release.with_context(|| format!("{} is no version", installed.version))?;
            Ok((Runner::new(release, installed, server), release, installed))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let cases: Vec<Case> = catalogue()
        .into_iter()
        .filter(|case| is_checked(case) || case.definition.call == Call::Version)
        .collect();
    let items: Vec<_> = runners
        .iter()
        .flat_map(|runner| cases.iter().map(move |case| (runner, case)))
        .filter(|((_, release, _), case)| case.applies_to(*release))
        .collect();
    ensure!(!items.is_empty(), "no case applies to any of the releases");
    let bar = lab.ui.bar(items.len() as u64, "checking");
    let cells = in_parallel(LANES, &items, |((runner, release, installed), case)| {
        interrupt::check()?;
        let cell = check(runner, *release, installed, case)
            .with_context(|| format!("{release}/{}", case.name))?;
        bar.advance();
        Ok(((case.name, *release), cell))
    });
    drop(bar);
    report(&cases, &cells?.into_iter().collect())
}

/// Runs one case through the adapter.
///
/// # Errors
/// When it cannot be run; what is not as expected is in the cell.
fn check(
    runner: &Runner<'_>,
    release: Release,
    installed: &Installed,
    case: &Case,
) -> anyhow::Result<Cell> {
    let definition = &case.definition;
    if let Some(why) = skipped(case) {
        return Ok(Cell::Skipped(why));
    }
    let prepared = runner.prepare(definition)?;
    let before = prepared.state()?;
    let started = Arc::new(Started::default());
    let adapter = ConfitureMigration::builder()
        .program(&installed.program)
        .observer(started.clone())
        .build();
    let mut context = ask::context(definition, &prepared.site);
    if definition.circumstance == Some(Circumstance::LockHeld) {
        let key = "lock_timeout_ms".to_owned();
        context.settings.insert(key, LOCK_TIMEOUT.into());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let outcome = runtime.block_on(ask::ask(&adapter, &definition.call, &context));
    let after = prepared.state()?;

    let reached = started.0.load(Ordering::Relaxed);
    let judged = || -> anyhow::Result<()> {
        answers_as_expected(&case.expectations, release, &outcome, reached)?;
        no_secret(&outcome, &prepared.site.endpoint.password)?;
        if let Ok(result) = &outcome {
            names_the_revision(&definition.call, result, after.as_ref())?;
        }
        if !reached {
            // The catalogue tells what would have become of it.
            ensure!(before == after, "refused, and {before:?} became {after:?}");
            return Ok(());
        }
        let broken = state_violations(&case.expectations, release, before.as_ref(), after.as_ref());
        let broken: Vec<String> = broken.iter().map(ToString::to_string).collect();
        ensure!(
            broken.is_empty(),
            "{}; the adapter says {outcome:?}",
            broken.join("; ")
        );
        let locks = |state: &contract_tests::recording::State| state.advisory_locks;
        let (had, has) = (before.as_ref().map(locks), after.as_ref().map(locks));
        ensure!(had == has, "{had:?} advisory locks became {has:?}");
        Ok(())
    };
    Ok(match judged() {
        Ok(()) => Cell::Passed,
        Err(error) => Cell::Failed(format!("{error:#}")),
    })
}

/// Whether the adapter started anything.
#[derive(Default)]
struct Started(AtomicBool);

impl Observer for Started {
    fn event(&self, _: &observe::Call, event: &Event) {
        if matches!(event, Event::Started { .. }) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Prints the table, what failed and why, and the counts.
fn report(cases: &[Case], cells: &BTreeMap<(&str, Release), Cell>) -> anyhow::Result<()> {
    let releases: BTreeSet<Release> = cells.keys().map(|(_, release)| *release).collect();
    let first = cases.iter().map(|case| case.name.len()).max().unwrap_or(0);
    let names: Vec<String> = releases.iter().map(ToString::to_string).collect();
    for line in upright(&names) {
        ui::print(&heading(&format!("{:first$} {line}", "")));
    }
    for case in cases {
        let mut line = format!("{:first$} ", case.name);
        for release in &releases {
            line.push_str(&match cells.get(&(case.name, *release)) {
                None => faint("· "),
                Some(Cell::Passed) => good("✓ "),
                Some(Cell::Failed(_)) => bad("F "),
                Some(Cell::Skipped(_)) => faint("- "),
            });
        }
        ui::print(&line);
    }
    ui::print(&faint(
        "✓ as expected, F not, - skipped, · not a case of the release",
    ));
    let (mut passed, mut failed) = (0, 0);
    let mut skipped: BTreeMap<&str, usize> = BTreeMap::new();
    for ((case, release), cell) in cells {
        match cell {
            Cell::Passed => passed += 1,
            Cell::Failed(why) => {
                failed += 1;
                ui::print(&format!("\n{} {release}/{case}: {why}", bad("FAIL")));
            }
            Cell::Skipped(why) => *skipped.entry(*why).or_default() += 1,
        }
    }
    ui::print("");
    for (why, times) in &skipped {
        ui::print(&format!("skipped {times} times: {why}"));
    }
    let skipped: usize = skipped.values().sum();
    ui::print(&format!(
        "{passed} passed, {failed} failed, {skipped} skipped"
    ));
    if failed > 0 {
        return Err(Unexpected(format!("{failed} cases are not as expected")).into());
    }
    Ok(())
}

/// Names as columns one letter wide, from top to bottom and ending at the same line: a dozen of them
/// fit beside a case.
fn upright(names: &[String]) -> Vec<String> {
    let height = names.iter().map(String::len).max().unwrap_or(0);
    let line = |at: usize| {
        let letters = names.iter().map(|name| {
            let above = height - name.len();
            let letter = at.checked_sub(above).and_then(|at| name.chars().nth(at));
            letter.unwrap_or(' ')
        });
        let line: String = letters.flat_map(|letter| [letter, ' ']).collect();
        line.trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

#[cfg(test)]
mod tests {
    use contract_tests::fixtures::default_root;

    use super::*;

    #[test]
    fn a_row_of_the_table_fits_sixty_columns() {
        let longest = catalogue()
            .iter()
            .map(|case| case.name.len())
            .max()
            .unwrap();
        let releases = standard(&default_root()).unwrap().len();
        assert!(longest + 1 + 2 * releases <= 60, "{longest} {releases}");
    }

    #[test]
    fn names_stand_upright_and_end_at_the_same_line() {
        let names = ["1.9".to_owned(), "0.20".to_owned()];
        assert_eq!(upright(&names), ["  0", "1 .", ". 2", "9 0"]);
    }
}

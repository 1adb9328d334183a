//! Runs the catalogue with a candidate, and judges it.

pub(crate) mod assess;
pub mod baseline;
mod cancelled;
pub(crate) mod case;
pub mod choice;
pub(crate) mod conclude;
mod effects;
mod health;
pub mod lanes;
pub(crate) mod observe;
pub mod progress;
pub mod record;
pub mod server;
mod session;
mod settings;
pub mod terms;
pub mod unrecorded;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use contract_catalogue::case::{Case, Circumstance};
use contract_catalogue::release::Release;
use contract_lab::command::run_within;
use contract_lab::confiture::Provided;
use contract_lab::interrupt;
use contract_lab::parallel::in_parallel;
use contract_lab::postgres::Server;
use contract_lab::runner::Runner;

use crate::change::Change;
use crate::result::{CUT_SHORT, Class, Finding, Judgement};
use crate::text::{cut, one_line};
use case::Ran;
use conclude::{conclude, judgement};
use health::Watch;
use progress::Progress;
use server::Servers;
use settings::Setup;
use terms::Terms;

pub use settings::Settings;

/// How long a confiture may take to print its version.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// How many cases that mostly wait run in addition to the others.
const WAITING_LANES: usize = 4;

/// Judges a candidate on the server of the run. If the server dies, another is started, once.
pub fn judge_candidate(
    settings: &Settings<'_>,
    provided: &Provided,
    servers: &Servers<'_>,
    progress: &Progress,
) -> anyhow::Result<Judgement> {
    interrupt::check()?;
    let started = Instant::now();
    let terms = Terms::new(settings, &provided.installed.version)?;
    let baseline = settings.recorded.baseline(terms.against)?;
    let baseline = baseline.expected_of(settings.cases, terms.judged_as);
    let setup = Setup {
        program: &provided.installed.program,
        myself: &settings.myself,
        judged_as: terms.judged_as,
        baseline: &baseline,
        version: version_text(provided, terms.judged_as),
        says: &provided.installed.version,
        limit: settings.limit,
        hung: AtomicUsize::new(0),
        records: settings.records,
        keep: settings
            .keep
            .as_ref()
            .map(|keep| keep.join(&provided.installed.version)),
    };
    let applying: Vec<&Case> = settings
        .cases
        .iter()
        .filter(|case| case.applies_to(terms.judged_as))
        .collect();
    let server = servers.current()?;
    let round = |cases: &[&Case], server: &Server| {
        let runner = Runner::new(setup.judged_as, &provided.installed, server, settings.limit);
        let run = |case: &Case| case::run(&setup, &runner, case);
        let label = format!("{} ", provided.named);
        self::round(settings, cases, server, &label, progress, &run)
    };
    let mut judged = judgement(provided, terms);
    judged.strict = settings.strict;
    judged.catalogue = settings.catalogue(terms.judged_as);
    let mut ran = match does_not_start(&provided.installed.program)? {
        Some(why) => applying
            .iter()
            .map(|case| (case.name, unstartable(case, &why)))
            .collect(),
        None => round(&applying, &server),
    };
    let again: Vec<&Case> = applying
        .iter()
        .copied()
        .filter(|case| ran.get(case.name).is_some_and(|ran| ran.retry))
        .collect();
    if !again.is_empty() && !interrupt::raised() {
        let (server, note) = next_server(servers, &server, again.len());
        judged.notes.extend(note);
        if let Some(server) = server {
            ran.extend(round(&again, &server));
        }
    }
    if interrupt::raised() {
        judged.stopped = Some(CUT_SHORT.to_owned());
    }
    conclude(&mut judged, &applying, ran, &provided.given);
    judged.milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(judged)
}

/// The server for the cases that are run again: the same one, if it is alive.
fn next_server(
    servers: &Servers<'_>,
    server: &Arc<Server>,
    count: usize,
) -> (Option<Arc<Server>>, Option<String>) {
    if server.connect().is_ok() {
        return (Some(Arc::clone(server)), None);
    }
    let died = format!("the database server died ({count} cases)");
    match servers.after(server) {
        Ok(Some(next)) => (
            Some(next),
            Some(format!("{died}; it was started again, once")),
        ),
        Ok(None) => (None, Some(format!("{died}, for the second time"))),
        Err(error) => (
            None,
            Some(format!("{died}; no other could be started: {error:#}")),
        ),
    }
}

/// Runs `cases` with `work` on this many threads, and at the same time those that wait for the migration
/// lock with `wait`.
fn beside_waiting<O: Send>(
    cases: &[&Case],
    jobs: usize,
    wait: &(impl Fn(&Case) -> O + Sync),
    work: &(impl Fn(&Case) -> O + Sync),
) -> impl Iterator<Item = O> {
    let waits = |case: &&Case| case.definition.circumstance == Some(Circumstance::LockHeld);
    let (waiting, working): (Vec<&Case>, Vec<&Case>) = cases.iter().copied().partition(waits);
    let (waited, worked) = std::thread::scope(|scope| {
        let waited = scope.spawn(|| in_parallel(WAITING_LANES, &waiting, |case| wait(case)));
        let worked = in_parallel(jobs, &working, |case| work(case));
        (waited.join().expect("no lane panics"), worked)
    });
    waited.into_iter().chain(worked)
}

/// Runs `cases`, the waiting ones in parallel with the others.
pub(crate) fn round(
    settings: &Settings<'_>,
    cases: &[&Case],
    server: &Server,
    label: &str,
    progress: &Progress,
    run: &(impl Fn(&Case) -> Ran + Sync),
) -> BTreeMap<&'static str, Ran> {
    let one = |case: &Case| {
        let name = case.name;
        let watch = Watch::begin(server);
        let mut ran = progress.during(&format!("{label}{name}"), || run(case));
        if ran.result.class >= Some(Class::Breaks)
            && let Some(why) = watch.trouble()
        {
            ran = Ran::unjudged(case, why, true);
        }
        (name, ran)
    };
    let work = |case: &Case| settings.slots.within(|| one(case));
    beside_waiting(cases, settings.jobs, &one, &work).collect()
}

/// The last line of output of a confiture that does not start.
fn does_not_start(program: &std::path::Path) -> anyhow::Result<Option<String>> {
    let mut command = std::process::Command::new(program);
    let output = run_within(command.arg("--version"), STARTS_WITHIN)?;
    if output.status.success() {
        return Ok(None);
    }
    let text = format!("{}\n{}", output.stdout, output.stderr);
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    let words = last.map_or_else(|| output.status.to_string(), one_line);
    Ok(Some(cut(&words, 200)))
}

fn unstartable(case: &Case, why: &str) -> Ran {
    let change = Change::DoesNotStart {
        why: why.to_owned(),
    };
    let finding = Finding::breaks(change).with("`confiture --version` succeeds", why);
    Ran::judged(case, vec![finding.meaning("cannot deploy at all")])
}

/// The output of `--version`, with the release that the candidate is judged as. None if the adapter
/// cannot read it; then `--version` is run each time.
pub(crate) fn version_text(provided: &Provided, judged_as: Release) -> Option<String> {
    let mut command = std::process::Command::new(&provided.installed.program);
    let output = run_within(command.arg("--version"), STARTS_WITHIN).ok()?;
    let said = format!("confiture version {}", provided.installed.version);
    let read = output.status.success() && output.stdout.contains(&said);
    let shown = output
        .stdout
        .replacen(&said, &format!("confiture version {judged_as}"), 1);
    read.then_some(shown)
}

//! Runs the catalogue with a candidate, and judges it.

pub mod baseline;
pub(crate) mod case;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use contract_lab::candidate::Provided;
use contract_lab::command::run_within;
use contract_lab::interrupt;
use contract_lab::postgres::Server;
use contract_lab::stage::Stage;
use contract_lab::ui::Ui;
use contract_tests::call::Call;
use contract_tests::case::{Case, Circumstance};
use contract_tests::release::Release;
use fraisier_adapter_confiture::{ConfitureVersion, capability};

use crate::causes::causes;
use crate::change::Change;
use crate::delivery::{Shown, delivery};
use crate::result::{CaseResult, Class, Finding, Judgement, Verdict};
use crate::verdict::Said;
use baseline::Recorded;
use case::{Bench, Ran};

/// How many cases that mostly wait run beside the others.
const WAITING_LANES: usize = 4;

/// The cases of a quick run: each operation once where it succeeds and once where it does not.
pub const QUICK: [&str; 20] = [
    "current/fresh",
    "current/at-head",
    "current/unreachable",
    "up/all",
    "up/no-op",
    "up/target",
    "up/second-of-three-fails",
    "down-to/first",
    "verify/true",
    "verify/false",
    "preflight/add-column",
    "preflight/drop-column",
    "preflight/drop-table",
    "preflight/five-tiers",
    "preflight/duplicate-version",
    "preflight/nothing-pending",
    "surface/version",
    "surface/exit-codes",
    "surface/help-up",
    "surface/help-preflight",
];

/// How a candidate is judged.
#[derive(Debug)]
pub struct Settings<'a> {
    /// The cases, all or some of the catalogue.
    pub cases: &'a [Case],
    /// The recordings.
    pub recorded: &'a Recorded,
    /// The release by whose floors it is judged, instead of its own.
    pub judged_as: Option<Release>,
    /// The baseline, instead of the newest recorded release that is not newer.
    pub against: Option<Release>,
    /// How many cases run at a time.
    pub jobs: usize,
    /// How long one call may take.
    pub limit: Duration,
    /// The program that calls [`run_as_wrapper`](crate::wrapper::run_as_wrapper).
    pub myself: PathBuf,
    /// Where progress goes.
    pub ui: Ui,
}

/// What a candidate is judged as and against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The release by whose floors it is judged.
    pub judged_as: Release,
    /// The baseline.
    pub against: Release,
    /// Whether the index lacks it.
    pub pending: bool,
    /// Whether it is no final release.
    pub unfinished: bool,
}

impl Terms {
    /// The terms for a confiture that says it is `version`.
    ///
    /// # Errors
    /// When the version has no numbers and none were given, or no recorded release is old enough.
    pub fn new(settings: &Settings<'_>, version: &str) -> anyhow::Result<Self> {
        let base = base_version(version);
        let judged_as = settings.judged_as.or(base).ok_or_else(|| {
            contract_lab::trouble::Trouble::new(
                format!("the version {version:?} has no numbers to judge it by"),
                "name a release with --as",
            )
        })?;
        let recorded = settings.recorded;
        let against = match settings.against {
            Some(against) if recorded.has(against) => against,
            Some(against) => {
                let what = format!("{against} is not recorded, so nothing can be compared with it");
                let way_out = "choose a release of contract-fixtures/index.json with --against";
                return Err(contract_lab::trouble::Trouble::new(what, way_out).into());
            }
            None => recorded.not_newer_than(judged_as).ok_or_else(|| {
                contract_lab::trouble::Trouble::new(
                    format!("no recorded release is as old as {judged_as}"),
                    "choose a baseline with --against",
                )
            })?,
        };
        let released: Option<Release> = version.parse().ok();
        Ok(Self {
            judged_as,
            against,
            pending: !released.is_some_and(|release| recorded.has(release)),
            unfinished: released.is_none(),
        })
    }
}

/// The release that a version leads to: `1.30.0` of `1.30.0rc1` and of `1.30.dev4+g12ab`.
#[must_use]
pub fn base_version(version: &str) -> Option<Release> {
    let mut numbers: Vec<u32> = Vec::new();
    for part in version.split('.').take(3) {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        let Ok(number) = digits.parse() else { break };
        numbers.push(number);
        if digits.len() < part.len() {
            break;
        }
    }
    let at = |place: usize| numbers.get(place).copied().unwrap_or(0);
    (!numbers.is_empty()).then(|| Release::new(at(0), at(1), at(2)))
}

/// Judges a candidate with a server that `open` gives. It is asked for another one when the first
/// dies, once.
///
/// # Errors
/// When no server can be had, or the recordings lack the baseline.
pub fn judge_candidate(
    settings: &Settings<'_>,
    provided: &Provided,
    terms: Terms,
    open: &dyn Fn() -> anyhow::Result<Server>,
) -> anyhow::Result<Judgement> {
    let started = Instant::now();
    let baseline = settings.recorded.baseline(terms.against)?;
    let says = &provided.installed.version;
    let bench = Bench {
        program: &provided.installed.program,
        myself: &settings.myself,
        judged_as: terms.judged_as,
        baseline: &baseline,
        version: version_text(provided, terms.judged_as),
        says,
        limit: settings.limit,
        tamper: None,
    };
    let applying: Vec<&Case> = settings
        .cases
        .iter()
        .filter(|case| case.applies_to(terms.judged_as))
        .collect();
    let mut notes = Vec::new();
    let mut ran = round(settings, provided, &bench, &applying, &open()?);
    let again: Vec<&Case> = applying
        .iter()
        .copied()
        .filter(|case| ran.get(case.name).is_some_and(|ran| ran.again))
        .collect();
    if !again.is_empty() && !interrupt::raised() {
        let count = again.len();
        let why = again
            .first()
            .and_then(|case| ran[case.name].result.not_judged.clone());
        match open() {
            Ok(server) => {
                notes.push(format!(
                    "{} ({count} cases); the database was started again, once",
                    why.unwrap_or_default()
                ));
                ran.extend(round(settings, provided, &bench, &again, &server));
            }
            Err(error) => notes.push(format!("no other database could be had: {error:#}")),
        }
    }
    let mut judged = Judgement {
        candidate: provided.named.clone(),
        version: says.clone(),
        sha256: provided.sha256.clone(),
        judged_as: terms.judged_as.to_string(),
        against: terms.against.to_string(),
        pending: terms.pending,
        refused_in_production: terms.unfinished,
        verdict: Verdict::Unknown,
        stopped: interrupt::raised().then(|| "the run was interrupted".to_owned()),
        notes,
        causes: Vec::new(),
        cases: Vec::new(),
        capabilities: Vec::new(),
        milliseconds: 0,
    };
    conclude(&mut judged, &applying, ran, &provided.given);
    judged.milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(judged)
}

/// Puts together what the cases gave: promises, causes, the answer.
fn conclude(
    judged: &mut Judgement,
    applying: &[&Case],
    mut ran: BTreeMap<&'static str, Ran>,
    given: &str,
) {
    let mut shown: BTreeMap<&str, Shown> = BTreeMap::new();
    for (name, ran) in &ran {
        if let Some(found) = &ran.shown {
            shown.insert(name, found.clone());
        }
    }
    let advertised = advertised(&shown, &judged.judged_as);
    let (mut capabilities, broken) = delivery(&advertised, &shown);
    let breaks = |name: &str| {
        let found = ran.get(name);
        found.is_some_and(|ran| ran.result.class == Some(Class::Breaks) && ran.shown.is_none())
    };
    for capability in &mut capabilities {
        // What a broken case would have shown is not delivered.
        if capability
            .evidence
            .split([':', ';'])
            .any(|part| breaks(part.trim()))
        {
            capability.delivered = Some(false);
        }
    }
    for broken in broken {
        let Some(ran) = ran.get_mut(broken.case.as_str()) else {
            continue;
        };
        // A case that breaks already has its cause.
        if ran.result.class == Some(Class::Breaks) {
            continue;
        }
        let finding = Finding::breaks(Change::Promise {
            capability: broken.capability.clone(),
        })
        .with(broken.shows, "it is not so")
        .meaning(format!(
            "relies on `{}`, which is advertised",
            broken.capability
        ));
        let mut findings = std::mem::take(&mut ran.result.findings);
        findings.push(finding);
        let judged = CaseResult::judged(&ran.result.name, &ran.result.about, findings);
        ran.result.findings = judged.findings;
        ran.result.class = judged.class;
    }
    judged.capabilities = capabilities;
    judged.cases = applying
        .iter()
        .map(|case| match ran.remove(case.name) {
            Some(ran) => ran.result,
            None => CaseResult::not_judged(case.name, case.about, "it was not run"),
        })
        .collect();
    judged.causes = causes(&judged.cases, given);
    judged.settle();
}

/// What `describe` advertises; what the floors say where it was not asked.
fn advertised(shown: &BTreeMap<&str, Shown>, judged_as: &str) -> Vec<String> {
    let described = shown
        .get("surface/version")
        .and_then(|shown| match &shown.said {
            Said::Result(value) => value.get("capabilities").cloned(),
            Said::Error { .. } | Said::Refused { .. } => None,
        });
    described
        .and_then(|list| serde_json::from_value(list).ok())
        .unwrap_or_else(|| capability::advertised(&ConfitureVersion::parse(judged_as)))
}

/// Runs `cases`, those that wait beside those that work.
fn round(
    settings: &Settings<'_>,
    provided: &Provided,
    bench: &Bench<'_>,
    cases: &[&Case],
    server: &Server,
) -> BTreeMap<&'static str, Ran> {
    let stage = Stage::new(bench.judged_as, &provided.installed, server);
    let waits = |case: &&&Case| case.definition.circumstance == Some(Circumstance::LockHeld);
    let (waiting, working): (Vec<&Case>, Vec<&Case>) = {
        let (waiting, working): (Vec<_>, Vec<_>) = cases.iter().partition(waits);
        (
            waiting.into_iter().copied().collect(),
            working.into_iter().copied().collect(),
        )
    };
    let label = format!("judging {}", provided.named);
    let bar = settings.ui.bar(cases.len() as u64, &label);
    let running: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    let run = |case: &Case| {
        let name = case.name;
        lock(&running).insert(name);
        let mut ran = case::run(bench, &stage, case);
        if ran.result.class == Some(Class::Breaks) && server.connect().is_err() {
            // Whatever it is, it was not seen in peace.
            ran.result = CaseResult::not_judged(name, case.about, "the database server died");
            ran.again = true;
        }
        let mut running = lock(&running);
        running.remove(name);
        bar.advance_beside(running.iter().next().copied());
        (name, ran)
    };
    let (waited, worked) = std::thread::scope(|scope| {
        let waited = scope.spawn(|| lanes(WAITING_LANES, &waiting, &run));
        let worked = lanes(settings.jobs.max(1), &working, &run);
        (waited.join().expect("no lane panics"), worked)
    });
    waited.into_iter().chain(worked).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Applies `run` to every case on `count` threads.
pub(crate) fn lanes<I: Copy + Sync, O: Send>(
    count: usize,
    items: &[I],
    run: &(impl Fn(I) -> O + Sync),
) -> Vec<O> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..count.min(items.len()) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let output = run(*item);
                    lock(&done).push(output);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// What `--version` prints, as the release that it is judged as; none when it does not print what
/// the adapter reads, and then it is asked each time.
fn version_text(provided: &Provided, judged_as: Release) -> Option<String> {
    let mut command = std::process::Command::new(&provided.installed.program);
    let output = run_within(command.arg("--version"), Duration::from_secs(60)).ok()?;
    let said = format!("confiture version {}", provided.installed.version);
    let read = output.status.success() && output.stdout.contains(&said);
    let shown = output
        .stdout
        .replacen(&said, &format!("confiture version {judged_as}"), 1);
    read.then_some(shown)
}

/// The cases that `names` chooses.
///
/// # Errors
/// When a name is none of the catalogue's; it names those that are alike.
pub fn chosen(catalogue: Vec<Case>, names: &[String]) -> anyhow::Result<Vec<Case>> {
    if names.is_empty() {
        return Ok(catalogue);
    }
    for name in names {
        let operation = name.split('/').next().unwrap_or_default();
        if !catalogue.iter().any(|case| matches(case, name)) {
            let alike: Vec<&str> = catalogue
                .iter()
                .filter(|case| case.operation() == operation)
                .map(|case| case.name)
                .collect();
            let way_out = if alike.is_empty() {
                let operations: BTreeSet<&str> = catalogue.iter().map(Case::operation).collect();
                let operations: Vec<&str> = operations.into_iter().collect();
                format!("operations are {}", operations.join(", "))
            } else {
                format!("{operation} has {}", alike.join(", "))
            };
            return Err(contract_lab::trouble::Trouble::new(
                format!("the catalogue has no case {name}"),
                way_out,
            )
            .into());
        }
    }
    let is_chosen = |case: &Case| names.iter().any(|name| matches(case, name));
    Ok(catalogue.into_iter().filter(is_chosen).collect())
}

/// A case by its name, or all of an operation.
fn matches(case: &Case, name: &str) -> bool {
    case.name == name || case.operation() == name.trim_end_matches("/*")
}

/// Whether the case asks the binary about itself, without a database.
#[must_use]
pub fn needs_no_server(case: &Case) -> bool {
    matches!(
        case.definition.call,
        Call::Version | Call::ExitCodes | Call::Help(_)
    )
}

/// This program.
///
/// # Errors
/// When the system does not tell.
pub fn myself() -> anyhow::Result<PathBuf> {
    Ok(std::env::current_exe()?)
}

/// A path as it may be shown: relative to the working directory, or its last part.
#[must_use]
pub fn shown_path(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    match path.strip_prefix(&here) {
        Ok(relative) => relative.display().to_string(),
        Err(_) if path.is_relative() => path.display().to_string(),
        Err(_) => {
            let last = path.file_name().unwrap_or_default();
            format!("…/{}", last.to_string_lossy())
        }
    }
}

#[cfg(test)]
mod tests {
    use contract_tests::catalogue::catalogue;

    use super::*;

    #[test]
    fn a_version_is_judged_by_its_base() {
        let base = |text: &str| base_version(text).map(|release| release.to_string());
        for (version, expected) in [
            ("1.30.0rc1", "1.30.0"),
            ("1.30.0.dev4+g12ab", "1.30.0"),
            ("1.30.dev4", "1.30.0"),
            ("1.30rc2", "1.30.0"),
            ("1.30.1", "1.30.1"),
            ("2", "2.0.0"),
        ] {
            assert_eq!(base(version).as_deref(), Some(expected), "{version}");
        }
        assert_eq!(base("unknown"), None);
    }

    #[test]
    fn cases_are_chosen_by_name_and_by_operation() {
        let names = |names: &[&str]| -> Result<Vec<&str>, String> {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            let chosen = chosen(catalogue(), &names).map_err(|error| error.to_string())?;
            Ok(chosen.iter().map(|case| case.name).collect())
        };
        assert_eq!(names(&["up/all"]).unwrap(), ["up/all"]);
        assert!(names(&["verify/*"]).unwrap().len() > 5);
        assert_eq!(names(&["verify"]).unwrap(), names(&["verify/*"]).unwrap());
        assert!(names(&["up/nothing"]).unwrap_err().contains("up/all"));
        assert!(names(&["nothing"]).unwrap_err().contains("preflight"));
    }

    #[test]
    fn the_quick_cases_are_cases() {
        let names: Vec<String> = QUICK.iter().map(ToString::to_string).collect();
        let quick = chosen(catalogue(), &names).unwrap();
        assert_eq!(quick.len(), QUICK.len());
    }
}

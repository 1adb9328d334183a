//! The gate's own test: one thing at a time is changed between a real release and the adapter, and
//! the gate has to find what harms and to let pass what does not.
//!
//! Every case is first run with the release itself. What it did is then done again by a stand-in,
//! with the one change, and judged as the gate judges. Where a change makes confiture itself do
//! something else (an option without an effect, an interrupt that is not heard), confiture is
//! called again.

mod behaviour;
pub mod builds;
pub mod injections;
pub mod score;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use contract_lab::confiture::Provided;
use contract_lab::interrupt;
use contract_lab::postgres::Server;
use contract_lab::runner::Runner;
use contract_lab::ui::Ui;
use contract_tests::case::Case;
use contract_tests::release::Release;

use crate::result::{Class, Judgement};
use crate::run::baseline::{Baseline, Recorded};
use crate::run::bench::Bench;
use crate::run::case::{in_place, run};
use crate::run::conclude::conclude;
use crate::run::lanes::lanes;
use crate::run::progress::Progress;
use crate::run::ran::Ran;
use crate::run::terms::Terms;
use crate::run::{Settings, round, unrecorded, version_text};
use crate::wrapper::tamper::Act;
use behaviour::Behaviour;
use injections::{Injection, injections};
use score::{Judged, Score};

/// How long a call may take that is known not to end.
const HANGS_FOR: Duration = Duration::from_secs(3);

/// A release whose behaviour is known, and everything to judge it with one thing changed.
struct Rig<'a> {
    cases: &'a [Case],
    baseline: &'a Baseline,
    judged_as: Release,
    says: &'a str,
    program: &'a Path,
    myself: &'a Path,
    limit: Duration,
    version: Option<String>,
    behaviour: Behaviour,
    /// Where confiture itself can be called.
    runner: Option<Runner<'a>>,
}

/// Runs the self-test on a release: first every case as it is, then the injections. Where the cases
/// are not the `complete` catalogue, what shows in none of them is left out.
pub fn self_test(
    settings: &Settings<'_>,
    provided: &Provided,
    terms: Terms,
    server: &Server,
    complete: bool,
    ui: Ui,
) -> anyhow::Result<Score> {
    let baseline = settings.recorded.baseline(terms.against)?;
    let rig = Rig {
        cases: settings.cases,
        baseline: &baseline,
        judged_as: terms.judged_as,
        says: &provided.installed.version,
        program: &provided.installed.program,
        myself: &settings.myself,
        limit: settings.limit,
        version: version_text(provided, terms.judged_as),
        behaviour: Behaviour::default(),
        runner: Some(Runner::new(terms.judged_as, &provided.installed, server)),
    };
    let progress = Progress::new(ui, settings.cases.len(), "watching the release");
    rig.watch(settings, server, &progress)?;
    drop(progress);
    let mut injections = injections();
    if !complete {
        injections = rig.possible(&injections);
    }
    rig.score(&injections, settings.jobs, ui)
}

/// Injects into what the recordings of a release say that it did. Nothing is called but the
/// stand-in, so what needs confiture itself is left out.
pub fn on_recordings(
    recorded: &Recorded,
    release: Release,
    cases: &[Case],
    myself: &Path,
    injections: &[Injection],
    jobs: usize,
) -> anyhow::Result<Score> {
    let baseline = recorded.baseline(release)?;
    let says = release.to_string();
    let rig = Rig::recorded(&baseline, &says, cases, myself);
    let recorded: Vec<Injection> = injections
        .iter()
        .filter(|injection| !injection.live)
        .cloned()
        .collect();
    rig.score(&rig.possible(&recorded), jobs, Ui::silent())
}

/// The injections that show in one of the cases, by what the recordings of a release say that it
/// did. One for which confiture itself is called shows where it is said to.
pub fn showing(
    recorded: &Recorded,
    release: Release,
    cases: &[Case],
    injections: &[Injection],
) -> anyhow::Result<Vec<Injection>> {
    let baseline = recorded.baseline(release)?;
    let says = release.to_string();
    let rig = Rig::recorded(&baseline, &says, cases, Path::new(""));
    Ok(rig.possible(injections))
}

impl<'a> Rig<'a> {
    /// What the recordings of a release say, with no confiture to call.
    fn recorded(
        baseline: &'a Baseline,
        says: &'a str,
        cases: &'a [Case],
        myself: &'a Path,
    ) -> Self {
        Self {
            cases,
            baseline,
            judged_as: baseline.release,
            says,
            program: Path::new("/nonexistent/confiture"),
            myself,
            limit: Duration::from_secs(60),
            version: Some(format!("confiture version {says}\n")),
            behaviour: Behaviour::recorded(baseline, cases),
            runner: None,
        }
    }

    fn bench(&self, injection: Option<&Injection>) -> Bench<'_> {
        let tamper = injection.map(|injection| injection.tamper.clone());
        let about = |call: &str| tamper.as_ref().is_some_and(|tamper| tamper.call == call);
        let hangs = tamper
            .as_ref()
            .is_some_and(|tamper| tamper.act == Act::Hang);
        Bench {
            program: self.program,
            myself: self.myself,
            judged_as: self.judged_as,
            baseline: self.baseline,
            // It is asked each time when what it prints is what is changed.
            version: self.version.clone().filter(|_| !about("--version")),
            says: self.says,
            limit: if hangs { HANGS_FOR } else { self.limit },
            hung: AtomicUsize::new(0),
            keep: None,
            tamper,
        }
    }

    /// Runs every case with the release itself.
    fn watch(
        &self,
        settings: &Settings<'_>,
        server: &Server,
        progress: &Progress,
    ) -> anyhow::Result<()> {
        let bench = self.bench(None);
        let runner = self.runner.as_ref().context("there is no server")?;
        let watched = self.applying(|case| !unrecorded::has(case.name));
        let ran = round(settings, &watched, server, "", progress, &|case| {
            self.behaviour
                .watch(&bench, runner, case)
                .unwrap_or_else(|error| Ran::unjudged(case, format!("{error:#}"), false))
        });
        interrupt::check()?;
        let judged = self.conclude(&watched, ran);
        if let Some(case) = judged.unjudged().next() {
            let why = case.not_judged.as_deref().unwrap_or_default();
            anyhow::bail!(
                "the self-test needs a judgement of {} as it is, and it was not judged: {why}",
                case.name
            );
        }
        let breaks = judged.causes_of(Class::Breaks).next();
        ensure!(
            breaks.is_none(),
            "{} does not pass the gate as it is: {}; the gate without --self-test tells more",
            self.says,
            breaks.map(|cause| cause.title.clone()).unwrap_or_default()
        );
        Ok(())
    }

    /// Judges the release with each of the injections.
    fn score(&self, injections: &[Injection], jobs: usize, ui: Ui) -> anyhow::Result<Score> {
        let progress = Progress::new(ui, injections.len(), "injecting");
        let items: Vec<&Injection> = injections.iter().collect();
        let judged = lanes(jobs.max(1), &items, &|injection| {
            progress.during(&injection.name, || self.judge(injection))
        });
        interrupt::check()?;
        let judged: Vec<Judged> = judged.into_iter().collect::<anyhow::Result<_>>()?;
        Score::new(injections, judged)
    }

    fn applying(&self, wanted: impl Fn(&Case) -> bool) -> Vec<&Case> {
        let applies = |case: &&Case| case.applies_to(self.judged_as) && wanted(case);
        self.cases.iter().filter(applies).collect()
    }

    /// The injections that show in one of the cases.
    fn possible(&self, injections: &[Injection]) -> Vec<Injection> {
        let shows = |injection: &&Injection| {
            let mut concerned = self.concerned(injection).into_iter();
            concerned.any(|case| injection.live || self.behaviour.shows(&injection.tamper, case))
        };
        injections.iter().filter(shows).cloned().collect()
    }

    /// The cases that the injection can change.
    fn concerned(&self, injection: &Injection) -> Vec<&Case> {
        let known = |case: &Case| injection.live || self.behaviour.has(case);
        self.applying(|case| known(case) && concerns(injection, case))
    }

    fn conclude(&self, cases: &[&Case], ran: BTreeMap<&'static str, Ran>) -> Judgement {
        let mut judged = Judgement {
            judged_as: self.judged_as.to_string(),
            ..Judgement::unknown(self.says)
        };
        conclude(&mut judged, cases, ran, self.says);
        judged
    }

    /// What the gate says of the release with one thing changed.
    fn judge(&self, injection: &Injection) -> anyhow::Result<Judged> {
        interrupt::check()?;
        let bench = self.bench(Some(injection));
        let cases = self.concerned(injection);
        ensure!(
            !cases.is_empty(),
            "{}: no case makes such a call",
            injection.name
        );
        let mut ran = BTreeMap::new();
        for case in &cases {
            let one = match &self.runner {
                Some(runner) if injection.live => run(&bench, runner, case),
                _ => in_place(&bench, case, &self.behaviour.again(case)?)
                    .with_context(|| format!("{} on {}", injection.name, case.name))?,
            };
            ran.insert(case.name, one);
        }
        Ok(Judged::new(&injection.name, &self.conclude(&cases, ran)))
    }
}

/// Whether the case makes a call that is changed.
fn concerns(injection: &Injection, case: &Case) -> bool {
    if !injection.only.is_empty() {
        return injection.only.contains(&case.name);
    }
    let definition = &case.definition;
    !unrecorded::has(case.name)
        && std::iter::once(&definition.call)
            .chain(&definition.then)
            .any(|call| {
                injection
                    .tamper
                    .is_about(&call.argv(definition.migrations_dir))
            })
}

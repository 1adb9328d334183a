//! What a real release did in every case, and the place where it does so again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use anyhow::{Context as _, ensure};
use contract_lab::runner::{CallOutput, Runner, call_by};
use contract_tests::call::Call;
use contract_tests::case::Case;
use contract_tests::normalise::normalise;
use contract_tests::recording::{RecordedCall, State};
use contract_tests::site::Site;

use crate::run::assess::assess;
use crate::run::baseline::Baseline;
use crate::run::bench::Bench;
use crate::run::lanes::lock;
use crate::run::observe::{Place, observe};
use crate::run::ran::Ran;
use crate::wrapper::tamper::Tamper;
use crate::wrapper::{Play, Seen};

/// The case that shows what `--version` prints.
const VERSION: &str = "surface/version";

/// What one case of a release was seen to do.
#[derive(Debug, Clone)]
struct Watched {
    site: Site,
    calls: Vec<Seen>,
    before: Option<State>,
    after: Option<State>,
}

/// What a release was seen to do, case by case.
#[derive(Debug, Default)]
pub(crate) struct Behaviour {
    cases: Mutex<BTreeMap<&'static str, Watched>>,
}

impl Behaviour {
    /// What the recordings of a release say that it did. Its help pages are recorded by what they
    /// offer only, and so cannot be printed again.
    pub(crate) fn recorded(baseline: &Baseline, cases: &[Case]) -> Self {
        let site = Site::imagined(baseline.release, PathBuf::new(), "contract_again");
        let watched = cases.iter().filter_map(|case| {
            let (recording, _) = baseline.cases.get(case.name)?;
            let call = |call: &RecordedCall| Seen {
                argv: call.argv.clone(),
                exit: call.exit,
                report: call.report_text(),
                stdout: call.stdout.to_string(),
                stderr: call.stderr.to_string(),
                made: true,
                ..Seen::default()
            };
            let watched = Watched {
                site: site.clone(),
                calls: recording.calls.iter().map(call).collect(),
                before: recording.before.clone(),
                after: recording.after.clone(),
            };
            let printed = !matches!(case.definition.call, Call::Help(_));
            printed.then_some((case.name, watched))
        });
        Self {
            cases: Mutex::new(watched.collect()),
        }
    }

    /// Whether the case was seen.
    pub(crate) fn has(&self, case: &Case) -> bool {
        lock(&self.cases).contains_key(case.name)
    }

    /// Whether a change would show in what was seen of the case.
    pub(crate) fn shows(&self, tamper: &Tamper, case: &Case) -> bool {
        let cases = lock(&self.cases);
        let mut calls = cases
            .get(case.name)
            .into_iter()
            .flat_map(|seen| &seen.calls);
        calls.any(|call| tamper.shows_in(call).unwrap_or(false))
    }

    /// Runs the case as the gate does, and keeps what was seen.
    pub(crate) fn watch(
        &self,
        bench: &Bench<'_>,
        runner: &Runner<'_>,
        case: &Case,
    ) -> anyhow::Result<Ran> {
        let prepared = runner.prepare(&case.definition)?;
        let observed = observe(bench, case, &prepared)?;
        let definition = &case.definition;
        let mut calls = observed.seen.clone();
        for call in definition.then.iter().skip(calls.len().saturating_sub(1)) {
            let left = call_by(bench.program, &prepared.site, definition, call, bench.limit)?;
            calls.push(seen(call, definition.migrations_dir, left));
        }
        let names = prepared.site.names();
        for call in &mut calls {
            for text in [&mut call.stdout, &mut call.stderr] {
                *text = normalise(text, &names);
            }
            call.report = call.report.as_deref().map(|text| normalise(text, &names));
        }
        let seen = Watched {
            site: prepared.site.clone(),
            calls,
            before: observed.before.clone(),
            after: observed.after_calls.clone(),
        };
        lock(&self.cases).insert(case.name, seen);
        Ok(assess(bench, case, &prepared.site, observed))
    }

    /// The place where the case happens again without confiture and without a server.
    pub(crate) fn again(&self, case: &Case) -> anyhow::Result<Again> {
        let cases = lock(&self.cases);
        let seen = cases.get(case.name);
        let seen = seen.with_context(|| format!("{} was not seen", case.name))?;
        let version = cases
            .get(VERSION)
            .and_then(|seen| Some((seen.calls.first()?, &seen.site)));
        let (version, version_scene) = version.with_context(|| {
            format!("{VERSION} was not seen, and every call asks for it; choose it with --only too")
        })?;
        let root = tempfile::tempdir()?;
        let site = Site {
            project: root.path().join("project"),
            report: root.path().join("report.json"),
            ..seen.site.clone()
        };
        case.definition.project.write(&site.project)?;
        ensure!(
            site.release == version_scene.release,
            "two releases were seen"
        );
        let names = site.names();
        let placed = |call: &Seen| Seen {
            report: call.report.as_deref().map(|text| names.expand(text)),
            stdout: names.expand(&call.stdout),
            stderr: names.expand(&call.stderr),
            ..call.clone()
        };
        Ok(Again {
            play: Play {
                version: placed(version),
                calls: seen.calls.iter().map(placed).collect(),
            },
            before: seen.before.clone(),
            after: seen.after.clone(),
            site,
            _root: root,
        })
    }
}

fn seen(call: &Call, migrations_dir: &str, left: CallOutput) -> Seen {
    Seen {
        argv: call.argv(migrations_dir),
        exit: left.exit,
        report: left.report,
        stdout: left.stdout,
        stderr: left.stderr,
        made: true,
        ..Seen::default()
    }
}

/// A case that happens again as it was seen.
#[derive(Debug)]
pub(crate) struct Again {
    site: Site,
    play: Play,
    before: Option<State>,
    after: Option<State>,
    _root: tempfile::TempDir,
}

impl Place for Again {
    fn site(&self) -> &Site {
        &self.site
    }

    fn state(&self, made: bool) -> anyhow::Result<Option<State>> {
        let state = if made { &self.after } else { &self.before };
        Ok(state.clone())
    }

    fn play(&self) -> Option<Play> {
        Some(self.play.clone())
    }
}

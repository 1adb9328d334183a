//! `--self-test`: checks that the gate finds every harmful change, and no other.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use contract_catalogue::case::Case;
use contract_lab::confiture::{Candidate, provide};
use contract_lab::{Lab, interrupt};

use crate::report::terminal;
use crate::result::{Judgement, Report, Verdict};
use crate::run::choice::chosen;
use crate::run::lanes::Slots;
use crate::run::progress::Progress;
use crate::run::server::Servers;
use crate::run::{Settings, judge_candidate};
use crate::self_test::announced::stand_ins;
use crate::self_test::{injections, live, self_test};
use crate::text::one_line;

use super::args::{GateArgs, Size};
use super::candidates::{self, ready};

/// In how many first lines of the screen the cause has to be.
const FIRST_LINES: usize = 10;

/// Runs the self-test; a miss makes the verdict no.
pub(super) fn run(
    args: &GateArgs,
    size: Size,
    settings: &Settings<'_>,
    lab: &Lab,
    servers: &Servers<'_>,
) -> anyhow::Result<ExitCode> {
    let newest = *settings
        .recorded
        .releases()
        .last()
        .context("no release is recorded")?;
    let mut right = true;
    if matches!(size, Size::Recordings | Size::Whole) {
        let baseline = settings.recorded.baseline(newest)?;
        let score = self_test(&baseline, settings.cases, &injections(), settings.jobs)?;
        print!("{score}");
        right &= score.is_full();
    }
    if size != Size::Recordings {
        let named = candidates::named(&[newest.to_string()], settings.recorded)?;
        let provided = ready(args, &named[0], lab)?;
        let environment = provided.installed.program.ancestors().nth(2);
        let environment = environment.context("the release has an environment")?;
        if size != Size::Announced {
            right &= drifted(settings, environment, lab, servers)?;
        }
        if size != Size::Live {
            right &= announced(settings, environment, lab, servers)?;
        }
    }
    Ok(ExitCode::from(u8::from(!right)))
}

/// Judges real confitures that drifted, as the gate does when it is given their paths.
fn drifted(
    settings: &Settings<'_>,
    environment: &Path,
    lab: &Lab,
    servers: &Servers<'_>,
) -> anyhow::Result<bool> {
    let mut right = true;
    for build in &live::drifted() {
        let scratch = tempfile::tempdir()?;
        let place = build.make(environment, &scratch.path().join("drifted"))?;
        let cases = chosen(settings.whole.to_vec(), &build.only)?;
        let judged = judged(settings, &cases, (place, &build.name), lab, servers)?;
        let verdict = judged.verdict;
        let report = Report::new(vec![judged], false, Vec::new(), servers.provenance());
        let text = terminal::render(&report, terminal::NARROWEST, None);
        let plain = anstream::adapter::strip_str(&text).to_string();
        let first: Vec<&str> = plain.lines().take(FIRST_LINES).collect();
        // A narrow terminal wraps lines.
        let first = one_line(&first.join(" "));
        let (found, word) = match &build.says {
            Some(says) => (verdict == Verdict::No && first.contains(says), "found"),
            None => (verdict == Verdict::NoVerdict, "right"),
        };
        right &= found;
        let word = if found { word } else { "MISS " };
        println!("{word}  a confiture in which {}", build.name);
        if !found {
            anstream::println!("{text}");
        }
    }
    Ok(right)
}

/// Judges the stand-ins of announced releases with the whole catalogue, and prints the verdict for each
/// fact.
fn announced(
    settings: &Settings<'_>,
    environment: &Path,
    lab: &Lab,
    servers: &Servers<'_>,
) -> anyhow::Result<bool> {
    let mut right = true;
    for announced in &stand_ins() {
        let scratch = tempfile::tempdir()?;
        let place = announced.make(environment, &scratch.path().join("announced"))?;
        let candidate = (place, announced.release.as_str());
        let judged = judged(settings, settings.whole, candidate, lab, servers)?;
        right &= judged.verdict == Verdict::Yes;
        for line in announced.table(&judged) {
            println!("{line}");
        }
        let report = Report::new(vec![judged], false, Vec::new(), servers.provenance());
        anstream::println!("{}", terminal::render(&report, terminal::NARROWEST, None));
    }
    Ok(right)
}

/// Judges the confiture at this path with these cases.
fn judged(
    settings: &Settings<'_>,
    cases: &[Case],
    (place, name): (PathBuf, &str),
    lab: &Lab,
    servers: &Servers<'_>,
) -> anyhow::Result<Judgement> {
    let provided = provide(lab, &Candidate::Path(place), &[])?;
    let settings = Settings {
        cases,
        slots: Slots::new(settings.jobs),
        keep: None,
        myself: settings.myself.clone(),
        ..*settings
    };
    let progress = Progress::new(lab.ui, cases.len(), name);
    let judged = judge_candidate(&settings, &provided, servers, &progress)?;
    interrupt::check()?;
    Ok(judged)
}

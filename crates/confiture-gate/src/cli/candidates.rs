//! Installs the candidates of a run, and judges them in parallel.

use std::path::Path;

use contract_lab::confiture::{Candidate, Provided, missing, provide};
use contract_lab::parallel::in_parallel;
use contract_lab::{Lab, interrupt};

use crate::result::{CUT_SHORT, Judgement, WrongUsage};
use crate::run::baseline::Recorded;
use crate::run::progress::Progress;
use crate::run::server::Servers;
use crate::run::{Settings, judge_candidate};

use super::args::GateArgs;

/// How many candidates are judged at a time; their cases share the machine.
const SIDE_BY_SIDE: usize = 4;

/// A candidate as the command line names it.
pub(super) struct Named {
    /// The text.
    pub(super) text: String,
    candidate: Candidate,
}

/// The candidates, with `all` as every recorded release.
pub(super) fn named(names: &[String], recorded: &Recorded) -> anyhow::Result<Vec<Named>> {
    let mut texts: Vec<String> = Vec::new();
    for name in names {
        if name == "all" {
            texts.extend(recorded.releases().iter().map(ToString::to_string));
        } else {
            texts.push(name.clone());
        }
    }
    let mut candidates: Vec<Named> = Vec::new();
    for text in texts {
        let Ok(candidate) = text.parse();
        if let Candidate::Path(path) = &candidate
            && let Err(error) = std::fs::metadata(path)
        {
            return Err(WrongUsage(missing(path, &error).into()).into());
        }
        if !candidates.iter().any(|known| known.candidate == candidate) {
            candidates.push(Named { text, candidate });
        }
    }
    Ok(candidates)
}

/// Judges the candidates. If one cannot be judged, its judgement says why.
pub(super) fn judge(
    args: &GateArgs,
    named: &[Named],
    settings: &Settings<'_>,
    lab: &Lab,
    servers: &Servers<'_>,
) -> Vec<Judgement> {
    let ready = in_parallel(SIDE_BY_SIDE, named, |named| ready(args, named, lab));
    let label = match named {
        [one] => format!("judging {}", name(&one.text)),
        several => format!("judging {} candidates", several.len()),
    };
    let progress = Progress::new(lab.ui, named.len() * settings.cases.len(), &label);
    let numbered: Vec<(&Named, anyhow::Result<Provided>)> = named.iter().zip(ready).collect();
    in_parallel(SIDE_BY_SIDE, &numbered, |(named, ready)| {
        let judged = match ready {
            Ok(provided) => judge_candidate(settings, provided, servers, &progress),
            Err(error) => Err(anyhow::anyhow!("{error:#}")),
        };
        judged.unwrap_or_else(|error| {
            let mut unknown = match ready {
                Ok(provided) => Judgement {
                    version: provided.installed.version.clone(),
                    sha256: provided.sha256.clone(),
                    ..Judgement::unknown(&provided.named)
                },
                Err(_) => Judgement::unknown(&name(&named.text)),
            };
            unknown.stopped = Some(if interrupt::raised() {
                CUT_SHORT.to_owned()
            } else {
                format!("{error:#}")
            });
            unknown
        })
    })
}

/// The name of a candidate that is not installed yet.
fn name(text: &str) -> String {
    let path = Path::new(text);
    if path.exists() {
        contract_lab::confiture::named(path)
    } else {
        text.to_owned()
    }
}

/// Makes a candidate runnable, and returns it with the command that judges it again.
pub(super) fn ready(args: &GateArgs, named: &Named, lab: &Lab) -> anyhow::Result<Provided> {
    interrupt::check()?;
    let mut provided = provide(lab, &named.candidate, &args.extra)?;
    provided.given = again(args, &provided.given);
    Ok(provided)
}

/// The candidate and the options that decide how it is judged.
fn again(args: &GateArgs, given: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+=:@".contains(c);
    let mut words = if given.chars().all(plain) {
        given.to_owned()
    } else {
        format!("'{}'", given.replace('\'', r"'\''"))
    };
    for (option, value) in [
        ("--as", args.judged_as.map(|release| release.to_string())),
        ("--against", args.against.map(|release| release.to_string())),
    ] {
        if let Some(value) = value {
            words = format!("{words} {option} {value}");
        }
    }
    for extra in &args.extra {
        words = format!("{words} --extra {extra}");
    }
    words
}

//! `--promote`: a release gets its recordings, and the difference is written for its reviewer.

use std::fmt::Write as _;
use std::process::ExitCode;

use contract_gate::report::markdown;
use contract_gate::result::{Report, Verdict, WrongUsage};
use contract_gate::run::server::Servers;
use contract_gate::run::{Settings, provenance};
use contract_lab::Lab;
use contract_tests::release::Release;

use super::args::GateArgs;
use super::private::shown_path;
use super::{candidates, write};
use crate::refresh;

/// The file with the text of the pull request, in the directory of the reports.
const TEXT: &str = "promotion.md";

/// Judges the release against the newest before it, records it when the verdict is yes, and writes
/// what a reviewer has to look at.
pub fn run(
    args: &GateArgs,
    release: Release,
    settings: &Settings<'_>,
    lab: &Lab,
    servers: &Servers<'_>,
) -> anyhow::Result<ExitCode> {
    if settings.recorded.has(release) {
        let why = format!(
            "{release} is recorded already; `cargo xtask refresh {release} --again` records it anew"
        );
        return Err(WrongUsage(anyhow::anyhow!(why)).into());
    }
    let before = settings.recorded.not_newer_than(release)?;
    let texts = [release.to_string()];
    let named = candidates::named(&texts, settings.recorded)?;
    let judged = candidates::judge(args, &named, settings, lab, servers);
    let interrupted = contract_lab::interrupt::raised();
    let report = Report::new(judged, interrupted, Vec::new(), provenance(servers));
    let status = super::tell(args, &report, &texts, lab);
    if report.verdict != Verdict::Yes {
        lab.ui.note(&format!(
            "{release} is not recorded: the verdict is not yes"
        ));
        return Ok(ExitCode::from(status));
    }
    refresh::record_release(release, args.jobs, args.fixtures.clone(), args.lab.clone())?;
    let changes = refresh::changes(&args.fixtures, before, release)?;
    let path = write::directory(args, &texts).join(TEXT);
    let text = text(release, before, &markdown::render(&report), &changes);
    write::file(&path, &text)?;
    if let Some(asked) = &args.markdown {
        write::file(asked, &text)?;
    }
    lab.ui.note(&format!(
        "recorded; the text of the pull request is in {}",
        shown_path(&path)
    ));
    Ok(ExitCode::from(status))
}

/// The text of the pull request.
fn text(release: Release, before: Release, judgement: &str, changes: &str) -> String {
    let mut text = format!("# Promote confiture {release}\n\n");
    let _ = writeln!(
        text,
        "Recorded by `cargo xtask gate --promote {release}`. Before it is merged:\n\n\
         - [ ] every difference from {before} below is meant, or is explained here\n\
         - [ ] `cargo test -p contract-tests --test replay {release}` passes, its new snapshots \
         reviewed\n\
         - [ ] no floor of `capability::FLOORS` has to move\n"
    );
    text.push_str(judgement);
    // The difference is styled as for a terminal.
    let changes = anstream::adapter::strip_str(changes).to_string();
    let _ = writeln!(
        text,
        "\n## What the recordings differ in, {before} to {release}\n\n```diff\n{}\n```",
        changes.trim_end()
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reviewer_sees_the_judgement_and_the_difference() {
        let (release, before) = (Release::new(1, 30, 0), Release::new(1, 29, 0));
        let styled = "\u{1b}[31m-  \"exit\": 6\u{1b}[0m\n";
        let text = text(release, before, "## Contract gate\n", styled);
        assert!(text.contains("every difference from 1.29.0"));
        assert!(text.contains("## Contract gate"));
        assert!(text.contains("```diff\n-  \"exit\": 6\n```"));
    }
}

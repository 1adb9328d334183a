//! `cargo xtask gate`: the gate, and `--promote`, which records a release and needs this checkout.

use std::process::ExitCode;

use confiture_gate::cli::{self, GateArgs};
use confiture_gate::report::markdown;
use confiture_gate::result::Verdict;
use contract_catalogue::fixtures::default_root;
use contract_catalogue::release::Release;
use contract_lab::ui::Ui;

use crate::refresh;

/// The name of the file with the text of the pull request, in the directory of the reports.
const TEXT: &str = "promotion.md";

/// Judge whether fraisier can live with a confiture, released or not
///
/// Runs the catalogue of cases with the candidate through the adapter, on a PostgreSQL of its own,
/// and compares what it did and what the adapter made of it with a recorded release. What permits
/// more than it may or breaks fraisier is a no; what was not judged is never a yes.
#[derive(Debug, clap::Args)]
pub struct GateCommand {
    #[command(flatten)]
    gate: GateArgs,

    /// Record this release if the verdict is yes, and write the difference to review as Markdown for
    /// a pull request
    #[arg(
        long,
        value_name = "RELEASE",
        conflicts_with_all = ["candidates", "self_test", "quick", "only", "accept", "judged_as", "against"]
    )]
    promote: Option<Release>,
}

/// Runs the command.
pub fn run(mut command: GateCommand) -> ExitCode {
    let fixtures = command
        .gate
        .fixtures
        .get_or_insert_with(default_root)
        .clone();
    let status = match command.promote {
        None => cli::run(&command.gate),
        Some(release) => promote(&command.gate, &fixtures, release),
    };
    status.unwrap_or_else(|error| cli::failed(&error))
}

/// Judges the release. If the verdict is yes, stores what that run recorded, and writes the text for the
/// reviewer.
fn promote(
    args: &GateArgs,
    fixtures: &std::path::Path,
    release: Release,
) -> anyhow::Result<ExitCode> {
    let (report, status) = cli::judge_release(args, release)?;
    let ui = Ui::stderr();
    if report.verdict != Verdict::Yes {
        ui.note(&format!(
            "{release} is not recorded: the verdict is not yes"
        ));
        return Ok(ExitCode::from(status));
    }
    let (before, changes) = refresh::store_run(release, &report, fixtures, args.lab.clone())?;
    let text = text(release, before, &markdown::render(&report), &changes);
    let place = cli::write_beside(args, release, TEXT, &text)?;
    ui.note(&format!(
        "recorded; the text of the pull request is in {place}"
    ));
    Ok(ExitCode::from(status))
}

/// The text of the pull request.
fn text(release: Release, before: Option<Release>, judgement: &str, changes: &str) -> String {
    let before = before.map_or_else(|| "nothing".to_owned(), |before| before.to_string());
    // The difference is styled as for a terminal.
    let changes = anstream::adapter::strip_str(changes).to_string();
    include_str!("promotion.md")
        .replace("{release}", &release.to_string())
        .replace("{before}", &before)
        .replace("{judgement}", judgement)
        .replace("{changes}", changes.trim_end())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn a_release_is_promoted_by_the_whole_catalogue_only() {
        #[derive(Debug, clap::Parser)]
        struct Program {
            #[command(flatten)]
            command: GateCommand,
        }
        let parsed = |partial: &[&str]| {
            let words = [&["gate", "--promote", "1.30.0"], partial].concat();
            Program::try_parse_from(words).map(|program| program.command.promote)
        };
        assert_eq!(parsed(&[]).unwrap(), Some(Release::new(1, 30, 0)));
        for partial in [
            &["--quick"][..],
            &["--only", "up"],
            &["--accept", "known.toml"],
            &["--against", "1.28.0"],
        ] {
            assert!(parsed(partial).is_err(), "{partial:?}");
        }
    }

    #[test]
    fn a_reviewer_sees_the_judgement_and_the_difference() {
        let (release, before) = (Release::new(1, 30, 0), Release::new(1, 29, 0));
        let styled = "\u{1b}[31m-  \"exit\": 6\u{1b}[0m\n";
        let text = text(release, Some(before), "## Contract gate\n", styled);
        assert!(text.contains("every difference from 1.29.0"));
        assert!(text.contains("## Contract gate"));
        assert!(text.contains("```diff\n-  \"exit\": 6\n```"));
    }
}

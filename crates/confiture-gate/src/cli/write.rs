//! Writes the reports.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use contract_lab::cache::target_of;
use contract_lab::files::write_atomically;

use crate::report::{html, json, junit, markdown};
use crate::result::Report;

use super::args::GateArgs;
use super::private::shown_path;

/// Where the reports of these candidates are written.
pub(super) fn directory(args: &GateArgs, texts: &[String]) -> PathBuf {
    if let Some(directory) = &args.report {
        return directory.clone();
    }
    let plain = |name: &String| -> String {
        let kept = |character: char| character.is_ascii_alphanumeric() || ".-_".contains(character);
        let name = name.rsplit('/').next().unwrap_or(name);
        name.chars()
            .map(|character| if kept(character) { character } else { '_' })
            .collect()
    };
    let name = match texts {
        [first, others @ ..] if others.len() > 3 => {
            format!("{}-and-{}-more", plain(first), others.len())
        }
        few => few.iter().map(plain).collect::<Vec<_>>().join("+"),
    };
    let program = std::env::current_exe().unwrap_or_default();
    let target = target_of(&program).unwrap_or(Path::new(""));
    target.join("confiture-gate").join(name)
}

/// Writes every form of the report. If one cannot be written, the others are still written.
pub(super) fn reports(args: &GateArgs, directory: &Path, report: &Report) -> anyhow::Result<()> {
    let forms: [(&str, Option<&PathBuf>, String); 4] = [
        ("report.json", args.json.as_ref(), json::render(report)),
        ("junit.xml", args.junit.as_ref(), junit::render(report)),
        (
            "report.md",
            args.markdown.as_ref(),
            markdown::render(report),
        ),
        ("report.html", args.html.as_ref(), html::render(report)),
    ];
    let mut written = fs::create_dir_all(directory)
        .with_context(|| format!("{} cannot be made", shown_path(directory)));
    for (name, asked, text) in &forms {
        let kept = write_atomically(&directory.join(name), text.as_bytes());
        written = written.and(kept);
        if let Some(path) = asked.filter(|path| path.as_path() != Path::new("-")) {
            written = written.and(file(path, text));
        }
    }
    if let Some(summary) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) {
        let file = fs::File::options().append(true).create(true).open(summary);
        let appended =
            file.and_then(|mut file| file.write_all(markdown::render(report).as_bytes()));
        written = written.and(appended.context("the summary of the job cannot be written"));
    }
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        eprint!("{}", markdown::annotations(report));
    }
    written
}

/// Writes a file that an option names.
pub(super) fn file(path: &Path, text: &str) -> anyhow::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    parent
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(path, text))
        .with_context(|| format!("{} cannot be written", shown_path(path)))
}

//! Writes the reports.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::report::{html, json, junit, markdown};
use crate::result::Report;
use anyhow::Context as _;
use contract_lab::files::write_atomically;

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
    target().join("confiture-gate").join(name)
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
        written = written.and(append(Path::new(&summary), &markdown::render(report)));
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

fn append(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut file = fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(())
}

/// Cargo's target directory, which this program was built into.
fn target() -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_default();
    let marked = exe
        .ancestors()
        .skip(1)
        .find(|path| path.join("CACHEDIR.TAG").is_file());
    marked.map_or_else(PathBuf::new, Path::to_owned)
}

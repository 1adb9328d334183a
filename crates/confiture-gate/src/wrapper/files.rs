//! Which files a call writes, and where.

use std::fs;
use std::path::{Path, PathBuf};

use contract_catalogue::call::LINKS;
use contract_catalogue::normalise::{Names, normalise};

/// The path that follows `--output`.
pub(super) fn report_of(argv: &[String]) -> Option<PathBuf> {
    let place = argv.iter().position(|argument| argument == "--output")?;
    argv.get(place + 1).map(PathBuf::from)
}

/// The directory of links that follows `--migrations-dir`.
pub(super) fn links_of(argv: &[String]) -> Option<PathBuf> {
    let place = argv
        .iter()
        .position(|argument| argument == "--migrations-dir")?;
    let directory = argv.get(place + 1)?;
    (normalise(directory, &Names::new()) == LINKS).then(|| PathBuf::from(directory))
}

/// The files in the directory of the report, without the report itself.
pub(super) fn beside(report: &Path) -> Vec<String> {
    let entries = report.parent().map(fs::read_dir);
    let entries = entries.into_iter().flatten().flatten().flatten();
    entries
        .filter(|entry| entry.path() != report && entry.path().is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// The files below `root`, by path. Python's caches say nothing.
pub(super) fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let cache = entry.file_name() == "__pycache__";
            if path.is_dir() && !path.is_symlink() && !cache {
                directories.push(path);
            } else if !cache {
                let path = path.strip_prefix(root).unwrap_or(&path);
                found.push(path.display().to_string());
            }
        }
    }
    found.sort();
    found
}

//! A confiture from a file or directory.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::digest::{hash_file, hash_tree};
use super::environment;
use super::installed::{Installed, Provided, not_confiture, python_of, version_of};
use crate::Lab;
use crate::command::run;
use crate::files::copy_tree;
use crate::packages::{CHECK_NETWORK, Failure, installed};
use crate::registry::PACKAGE;
use crate::trouble::Trouble;

/// The files and directories of a source directory that are not source.
const NOT_SOURCE: [&str; 12] = [
    ".git",
    ".hg",
    ".venv",
    "venv",
    "build",
    "dist",
    "target",
    "node_modules",
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
];

/// Makes a binary, an environment, a wheel, an sdist or a source directory runnable.
pub(super) fn provide(lab: &Lab, path: &Path, extras: &[String]) -> anyhow::Result<Provided> {
    let named = named(path);
    let absolute = std::path::absolute(path)?;
    let metadata = fs::metadata(&absolute).map_err(|error| missing(path, &error))?;
    let is_project = ["pyproject.toml", "setup.py"]
        .iter()
        .any(|file| absolute.join(file).is_file());
    let is_environment = absolute.join("pyvenv.cfg").is_file();
    let is_file = metadata.is_file();
    let (sha256, installed) = if is_file && is_package(&absolute) || is_project && !is_environment {
        let sha256 = if is_file {
            hash_file(&absolute)?
        } else {
            hash_tree(&absolute, &NOT_SOURCE)?
        };
        let installed = packaged(lab, &named, &absolute, &sha256, extras)?;
        (sha256, installed)
    } else if !extras.is_empty() {
        let what = format!("{named} is installed already, and takes no extra");
        let remedy = "leave --extra out, or give a wheel, an sdist or a source directory";
        return Err(Trouble::new(what, remedy).into());
    } else if is_file {
        (hash_file(&absolute)?, binary(&named, &absolute)?)
    } else if is_environment {
        let program = absolute.join("bin/confiture");
        if !program.is_file() {
            return Err(not_confiture(&named, "the environment has no bin/confiture").into());
        }
        (
            hash_tree(&absolute, &[".git", "__pycache__"])?,
            binary(&named, &program)?,
        )
    } else {
        let why = "the directory is neither an environment nor a Python project";
        return Err(not_confiture(&named, why).into());
    };
    Ok(Provided {
        named: format!("{named}{}", environment::bracketed(extras)),
        given: path.display().to_string(),
        installed,
        sha256: Some(sha256),
    })
}

/// The error for a path that does not exist.
pub fn missing(path: &Path, error: &io::Error) -> Trouble {
    Trouble::new(
        format!("{} is neither a release nor a path: {error}", named(path)),
        "give a release such as 1.29.0, `newest`, or a binary, an environment, a wheel, an sdist \
         or a source directory",
    )
}

/// The last two parts of the path: enough to recognise it, without naming the machine's directories.
pub fn named(path: &Path) -> String {
    let parts: Vec<&OsStr> = path
        .iter()
        .filter(|part| *part != "/" && *part != ".")
        .collect();
    let kept = if path.is_absolute() || path.starts_with("..") {
        1
    } else {
        2
    };
    let shown: PathBuf = parts[parts.len().saturating_sub(kept)..].iter().collect();
    let shown = shown.display().to_string();
    if parts.len() > kept {
        format!("…/{shown}")
    } else {
        shown
    }
}

/// Whether the name is that of a package file.
pub(super) fn is_package(path: &Path) -> bool {
    let name = path.to_string_lossy();
    let ends = [".whl", ".tar.gz", ".zip"];
    ends.iter().any(|end| name.ends_with(end))
}

/// Installs a package or a source directory into an environment of its own.
fn packaged(
    lab: &Lab,
    named: &str,
    path: &Path,
    sha256: &str,
    extras: &[String],
) -> anyhow::Result<Installed> {
    let extras = environment::bracketed(extras);
    let name = format!(
        "candidate-{}{extras}-{}",
        &sha256[..16],
        lab.python()?.tag()
    );
    environment::build(lab, &name, |building| {
        // A build writes into its source directory, so it gets a copy of the user's directory.
        let copy = tempfile::tempdir()?;
        let source = if path.is_dir() {
            copy_tree(path, copy.path(), &NOT_SOURCE)?;
            copy.path()
        } else {
            path
        };
        let place = source.to_string_lossy();
        let requirement = if extras.is_empty() {
            place.to_string()
        } else {
            format!("{PACKAGE}{extras} @ file://{place}")
        };
        environment::install(lab, named, &requirement, building, |failure| {
            not_built(named, &place, failure)
        })
    })
}

/// The error for a package that cannot be installed. The installer's output may name the directory that
/// the source was copied to.
fn not_built(named: &str, place: &str, failure: Failure) -> Trouble {
    let (why, remedy) = match failure {
        Failure::Other(words) => (
            words.replace(place, named),
            "correct that, or give an installed binary".to_owned(),
        ),
        Failure::NoSuchRelease(_) | Failure::Unreachable => (
            "the package registry did not give what it depends on".to_owned(),
            format!("{CHECK_NETWORK}, or give an installed binary"),
        ),
    };
    Trouble::new(format!("{named} cannot be installed: {why}"), remedy)
}

/// The version of a Python, if it can be run.
fn version_of_python(python: &Path) -> Option<String> {
    let printed = run(Command::new(python).arg("--version")).ok()?;
    let version = printed.stdout.trim().strip_prefix("Python ")?;
    Some(version.to_owned())
}

fn binary(named: &str, program: &Path) -> anyhow::Result<Installed> {
    let python = python_of(program);
    let packages = if python.is_file() {
        installed(&python).unwrap_or_default()
    } else {
        std::collections::BTreeMap::new()
    };
    Ok(Installed {
        version: version_of(named, program, packages.get(PACKAGE).map(String::as_str))?,
        program: program.to_owned(),
        python: version_of_python(&python),
        packages,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_contains_no_path_of_the_machine() {
        assert_eq!(named(Path::new("/home/someone/dist/c.whl")), "…/c.whl");
        assert_eq!(named(Path::new("../../someone/c.whl")), "…/c.whl");
        assert_eq!(named(Path::new("dist/c.whl")), "dist/c.whl");
        assert_eq!(named(Path::new("c.whl")), "c.whl");
    }
}

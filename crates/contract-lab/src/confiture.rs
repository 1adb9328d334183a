//! A confiture to work with: an installed release, or a binary that is there already.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Lab;
use super::command::run;
use super::once::{Building, build_once};
use super::packages::{install_environment, installed};
use super::registry::{PACKAGE, Release, newest, sentence};
use crate::trouble::Trouble;

/// Which confiture is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// The newest release of the registry.
    Newest,
    /// This release.
    Release(Release),
    /// This program, whatever it is.
    Binary(PathBuf),
}

impl FromStr for Selector {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.parse() {
            _ if text == "newest" => Self::Newest,
            Ok(release) => Self::Release(release),
            Err(_) => Self::Binary(text.into()),
        })
    }
}

/// A confiture that answered `--version`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Installed {
    /// What it says its version is.
    pub version: String,
    /// The binary: absolute.
    pub program: PathBuf,
    /// The version of the Python it runs on; `None` for a binary given by path.
    pub python: Option<String>,
    /// Every package of its environment with its version; empty for a binary given by path.
    pub packages: BTreeMap<String, String>,
}

/// Gives the confiture that `selector` names, installing a release at most once per cache.
/// Safe to call from several threads and from several runs at the same time.
///
/// # Errors
/// No Python, no network, no such release, a directory that cannot be written, a binary that is
/// not confiture or not the release asked for.
pub fn provision(lab: &Lab, selector: &Selector) -> anyhow::Result<Installed> {
    match selector {
        Selector::Newest => release(lab, &newest(lab)?),
        Selector::Release(wanted) => release(lab, wanted),
        Selector::Binary(path) => binary(path),
    }
}

fn release(lab: &Lab, wanted: &Release) -> anyhow::Result<Installed> {
    let python = lab.python()?;
    let name = format!("confiture-{wanted}-{}", python.tag());
    build_once(
        &lab.cache().join(name),
        lab.ui,
        // A system upgrade may take away the Python that the environment's links point to.
        |found: &Installed| found.program.exists() && python_of(&found.program).exists(),
        |building| install(lab, wanted, building),
    )
}

fn install(lab: &Lab, wanted: &Release, building: &Building<'_>) -> anyhow::Result<Installed> {
    let python = lab.python()?;
    let task = lab.ui.task(&format!("installing confiture {wanted}"));
    install_environment(lab, building, &format!("{PACKAGE}=={wanted}"))?
        .map_err(|failure| sentence(&failure, Some(wanted)))?;
    let program = building.directory.join("bin/confiture");
    let version = ask_version(&program)?;
    if version != wanted.to_string() {
        return Err(Trouble::new(
            format!("the registry's confiture {wanted} says it is {version}"),
            "choose another release with --confiture",
        )
        .into());
    }
    let packages = installed(&python_of(&program))?;
    task.finish(&format!(
        "installed confiture {wanted} for Python {}",
        python.version_text()
    ));
    Ok(Installed {
        version,
        program,
        python: Some(python.version_text()),
        packages,
    })
}

fn binary(path: &Path) -> anyhow::Result<Installed> {
    let program = path.canonicalize().map_err(|error| {
        Trouble::new(
            format!(
                "--confiture {:?} is neither a release nor a program: {error}",
                path.display().to_string()
            ),
            "give a release such as 0.22.0, or the path of a confiture binary",
        )
    })?;
    // The link's own place matters: a Python finds its environment by the path it is called by.
    let program = std::path::absolute(path).unwrap_or(program);
    Ok(Installed {
        version: ask_version(&program)?,
        program,
        python: None,
        packages: BTreeMap::new(),
    })
}

fn python_of(program: &Path) -> PathBuf {
    program.with_file_name("python")
}

/// The version that `program` prints of itself.
///
/// # Errors
/// When it does not run, or does not answer like confiture.
pub fn ask_version(program: &Path) -> anyhow::Result<String> {
    let not_confiture = |why: String| {
        Trouble::new(
            format!("{} is no usable confiture: {why}", program.display()),
            "give a release such as 0.22.0, or the path of a confiture binary",
        )
    };
    let output = run(Command::new(program).arg("--version")).map_err(|error| {
        if error.is::<super::interrupt::Interrupted>() {
            error
        } else {
            not_confiture(format!("{:#}", error.root_cause())).into()
        }
    })?;
    match parse_version(&output.stdout) {
        Some(version) if output.status.success() => Ok(version.to_owned()),
        _ => Err(not_confiture(format!("`--version` ended with {}", output.status)).into()),
    }
}

fn parse_version(printed: &str) -> Option<&str> {
    printed
        .lines()
        .find_map(|line| line.trim().strip_prefix("confiture version "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_newest_a_release_or_a_path() {
        let parse = |text: &str| text.parse::<Selector>().unwrap();
        assert_eq!(parse("newest"), Selector::Newest);
        assert_eq!(
            parse("0.22.0"),
            Selector::Release("0.22.0".parse().unwrap())
        );
        assert_eq!(
            parse("/opt/bin/confiture"),
            Selector::Binary("/opt/bin/confiture".into())
        );
    }

    #[test]
    fn the_version_is_found_among_other_lines() {
        assert_eq!(
            parse_version("confiture version 1.29.0\nparser: pglast 8.8\n"),
            Some("1.29.0")
        );
        assert_eq!(parse_version("Python 3.11.7\n"), None);
    }

    #[test]
    fn a_path_that_leads_nowhere_is_one_sentence() {
        let error = binary(Path::new("no/such/confiture"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("neither a release nor a program"), "{error}");
        assert!(!error.contains('\n'));
    }

    #[test]
    fn a_program_that_is_not_confiture_is_refused() {
        let error = ask_version(Path::new("/bin/sh")).unwrap_err().to_string();
        assert!(error.contains("no usable confiture"), "{error}");
    }
}

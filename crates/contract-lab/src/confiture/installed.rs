//! An installed confiture, and the version that it reports.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fraisier_adapter_confiture::tools::process::interpreter_of;
use serde::{Deserialize, Serialize};

use crate::command::run_within;
use crate::interrupt::Interrupted;
use crate::trouble::Trouble;

/// How long a confiture may take to print its version.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

/// A confiture that answered `--version`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Installed {
    /// The version that it reports.
    pub version: String,
    /// The binary: absolute.
    pub program: PathBuf,
    /// The version of the Python that it runs on, if that is known.
    pub python: Option<String>,
    /// Every package of its environment with its version; empty if there is no environment.
    pub packages: BTreeMap<String, String>,
}

/// A candidate that can be run.
#[derive(Debug, Clone)]
pub struct Provided {
    /// The name of the candidate, without a path of the machine.
    pub named: String,
    /// The candidate as the command line named it, to repeat the command.
    pub given: String,
    /// The installed confiture.
    pub installed: Installed,
    /// The SHA-256 of the file or directory that was given; for a release, of its installed package.
    pub sha256: Option<String>,
}

/// The Python that runs `program`: the one that the script names, also if `program` is a link to the script.
/// For a program that names none, the Python in the same directory.
pub fn python_of(program: &Path) -> PathBuf {
    interpreter_of(program).unwrap_or_else(|| program.with_file_name("python"))
}

/// The version that `program` prints, or else that of its package: a confiture with a reworded
/// `--version` is a confiture too.
pub(super) fn version_of(
    named: &str,
    program: &Path,
    package: Option<&str>,
) -> anyhow::Result<String> {
    let output = run_within(Command::new(program).arg("--version"), ANSWERS_WITHIN);
    let output = match output {
        Err(error) if error.is::<Interrupted>() => return Err(error),
        Err(error) => match package {
            // A confiture that does not answer is a confiture too.
            Some(package) => return Ok(package.to_owned()),
            None => {
                return Err(not_confiture(named, &format!("{:#}", error.root_cause())).into());
            }
        },
        Ok(output) => output,
    };
    let text = output.stdout;
    let stated = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("confiture version "));
    if let Some(stated) = stated.and_then(|rest| rest.split_whitespace().next()) {
        return Ok(stated.to_owned());
    }
    if let Some(package) = package {
        return Ok(package.to_owned());
    }
    let numbered = text
        .split_whitespace()
        .map(|word| word.trim_start_matches('v'))
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()) && word.contains('.'));
    match numbered {
        Some(version) if text.to_lowercase().contains("confiture") => Ok(version.to_owned()),
        _ => {
            let line = text.lines().next().unwrap_or_default();
            let why = match line {
                "" => "it prints nothing for --version".to_owned(),
                line => format!("for --version it prints {line:?}"),
            };
            Err(not_confiture(named, &why).into())
        }
    }
}

/// The error for a candidate that is no confiture.
pub(super) fn not_confiture(named: &str, why: &str) -> Trouble {
    Trouble::new(
        format!("{named} is no confiture: {why}"),
        "give a release such as 1.29.0, `newest`, or a binary, an environment, a wheel, an sdist \
         or a source directory of confiture",
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::files::write_program;

    #[test]
    fn a_link_on_the_path_leads_to_the_python_of_the_script() {
        let directory = tempfile::tempdir().expect("a directory");
        let [bin, path] = ["bin", "path"].map(|name| directory.path().join(name));
        for it in [&bin, &path] {
            fs::create_dir(it).expect("created");
        }
        let (python, script, link) = (
            bin.join("python"),
            bin.join("confiture"),
            path.join("confiture"),
        );
        let text = format!(
            "#!{}\nfrom confiture.cli.main import app\n",
            python.display()
        );
        write_program(&python, "").expect("written");
        write_program(&script, &text).expect("written");
        symlink(&script, &link).expect("linked");
        assert_eq!(python_of(&link), python);

        write_program(&script, "#!/bin/sh\n").expect("written");
        assert_eq!(
            python_of(&script),
            python,
            "beside a script that names none"
        );
    }
}

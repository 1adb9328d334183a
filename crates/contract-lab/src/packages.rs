//! Python packages, through pip or uv as the machine has them configured.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use contract_tests::release::Release;
use serde::{Deserialize, Serialize};

use super::build_once::{Building, build_once};
use super::command::{Output, run};
use super::python::{Installer, Python};
use super::{Lab, interrupt};
use crate::trouble::Trouble;

/// Why an installer did not deliver.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// The registry answers and has the package, in these releases, but not the one asked for.
    NoSuchRelease(Vec<Release>),
    /// No registry answered, or none that has the package.
    Unreachable,
    /// Anything else, in the installer's words.
    Other(String),
}

/// The releases in a comma-separated list, oldest first, each once; what is no final release is left
/// out.
#[must_use]
pub fn releases_in(list: &str) -> Vec<Release> {
    let parts = list.split(',').map(str::trim);
    let mut releases: Vec<Release> = parts.filter_map(|part| part.parse().ok()).collect();
    releases.sort_unstable();
    releases.dedup();
    releases
}

/// Makes an empty environment and installs `requirement` into it.
///
/// # Errors
/// `Ok(Err(_))` when the installer says no; `Err` when it could not be asked.
pub fn install_environment(
    lab: &Lab,
    building: &Building<'_>,
    requirement: &str,
) -> anyhow::Result<Result<(), Failure>> {
    let python = lab.python()?;
    let mut make = match python.installer {
        Installer::Uv => {
            let mut uv = Command::new("uv");
            uv.args(["venv", "--quiet", "--python"])
                .arg(&python.program);
            uv
        }
        Installer::Pip | Installer::Bundled => {
            let mut venv = Command::new(&python.program);
            venv.args(["-I", "-m", "venv", "--without-pip"]);
            venv
        }
    };
    let output = building.run(make.arg(building.directory))?;
    if !output.status.success() {
        return Ok(Err(explain(&output)));
    }
    let inside = building.directory.join("bin/python");
    let mut install = match python.installer {
        Installer::Uv => {
            let mut uv = Command::new("uv");
            uv.args(["pip", "install", "--python"]).arg(inside);
            uv
        }
        Installer::Pip | Installer::Bundled => {
            let mut pip = pip(lab, python)?;
            pip.arg("--python").arg(inside).arg("install");
            pip
        }
    };
    finish(building, install.arg(requirement))
}

/// Unpacks the wheel of `requirement`, without what it depends on, into the directory. A Python
/// newer than `newest_minor` gets the wheel made for 3.`newest_minor`: only the files are wanted.
///
/// # Errors
/// `Ok(Err(_))` when the installer says no; `Err` when it could not be asked.
pub fn unpack_wheel(
    lab: &Lab,
    building: &Building<'_>,
    requirement: &str,
    newest_minor: u32,
) -> anyhow::Result<Result<(), Failure>> {
    let python = lab.python()?;
    let mut command = if python.installer == Installer::Uv {
        let mut uv = Command::new("uv");
        uv.args(["pip", "install", "--only-binary", ":all:", "--python"])
            .arg(&python.program);
        uv
    } else {
        let mut pip = pip(lab, python)?;
        pip.args(["install", "--only-binary=:all:"]);
        pip
    };
    if python.version.1 > newest_minor {
        command.args(["--python-version", &format!("3.{newest_minor}")]);
    }
    command
        .args(["--no-deps", "--target"])
        .arg(building.directory);
    finish(building, command.arg(requirement))
}

/// What `pip index versions` prints for `package`. `impatient` when there is something to fall
/// back on should the registry not answer.
///
/// # Errors
/// `Ok(Err(_))` when pip says no; `Err` when it could not be asked.
pub fn list_versions(
    lab: &Lab,
    package: &str,
    impatient: bool,
) -> anyhow::Result<Result<String, Failure>> {
    let mut pip = pip(lab, lab.python()?)?;
    pip.args(["index", "versions", package]);
    if impatient {
        pip.args(["--timeout", "10", "--retries", "0"]);
    }
    let output = run(&mut pip)?;
    Ok(if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(explain(&output))
    })
}

/// Names and versions of everything installed beside `program`, an environment's Python.
///
/// # Errors
/// When that Python cannot list them.
pub fn installed(program: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    const LIST: &str = "\
import json
from importlib.metadata import distributions
print(json.dumps({d.metadata['Name'].lower().replace('_', '-'): d.version for d in distributions()}))
";
    let output = run(Command::new(program).args(["-I", "-c", LIST]))?;
    Ok(serde_json::from_str(&output.stdout)?)
}

#[derive(Debug, Serialize, Deserialize)]
struct Bootstrapped {
    python: PathBuf,
}

/// The command `pip`, ready for its arguments.
fn pip(lab: &Lab, python: &Python) -> anyhow::Result<Command> {
    let mut command = match python.installer {
        Installer::Pip => {
            let mut command = Command::new(&python.program);
            command.args(["-m", "pip"]);
            command
        }
        Installer::Bundled => {
            let tools = bootstrap(lab, python)?;
            let mut command = Command::new(tools.python);
            command.args(["-m", "pip"]);
            command
        }
        Installer::Uv => {
            let mut command = Command::new("uv");
            command.args(["run", "--no-project", "--isolated", "--with", "pip"]);
            command.arg("--python").arg(&python.program);
            command.args(["python", "-m", "pip"]);
            command
        }
    };
    // A machine set up for `pip install --user` would refuse to fill an environment.
    command
        .env("PIP_USER", "0")
        .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        .env("PIP_NO_INPUT", "1")
        .env_remove("PYTHONHOME")
        .env_remove("PYTHONPATH")
        .env_remove("PIP_REQUIRE_VIRTUALENV");
    Ok(command)
}

fn bootstrap(lab: &Lab, python: &Python) -> anyhow::Result<Bootstrapped> {
    let directory = lab.cache().join(format!("tools-{}", python.tag()));
    build_once(
        &directory,
        lab.ui,
        |tools: &Bootstrapped| tools.python.exists(),
        |building| {
            let mut venv = Command::new(&python.program);
            let made = building.run(venv.args(["-I", "-m", "venv"]).arg(building.directory))?;
            if !made.status.success() {
                return Err(Trouble::new(
                    format!(
                        "{} cannot make an environment ({})",
                        python.program.display(),
                        last_line(&made)
                    ),
                    "on Debian and Ubuntu: apt install python3-venv",
                )
                .into());
            }
            Ok(Bootstrapped {
                python: building.directory.join("bin/python"),
            })
        },
    )
}

fn finish(building: &Building<'_>, command: &mut Command) -> anyhow::Result<Result<(), Failure>> {
    let output = building.run(command)?;
    interrupt::check()?;
    Ok(if output.status.success() {
        Ok(())
    } else {
        Err(explain(&output))
    })
}

/// Signs of a network in the way, in pip's and uv's words.
const UNREACHABLE: [&str; 9] = [
    "connection broken by",
    "(from versions: none)",
    "Could not fetch URL",
    "error sending request",
    "Failed to fetch",
    "dns error",
    "was not found in the cache",
    "Network connectivity is disabled",
    "tcp connect error",
];

fn explain(output: &Output) -> Failure {
    let text = &output.stderr;
    let offered = text
        .split_once("(from versions: ")
        .and_then(|(_, rest)| rest.split_once(')'))
        .map(|(list, _)| releases_in(list))
        .unwrap_or_default();
    if !offered.is_empty() {
        return Failure::NoSuchRelease(offered);
    }
    if text.contains("there is no version of") {
        return Failure::NoSuchRelease(Vec::new());
    }
    if UNREACHABLE.iter().any(|sign| text.contains(sign))
        || text.contains("No matching distribution found")
    {
        return Failure::Unreachable;
    }
    Failure::Other(last_line(output))
}

fn last_line(output: &Output) -> String {
    let lines = output.stderr.lines().chain(output.stdout.lines());
    let mut lines = lines.map(str::trim).filter(|line| !line.is_empty());
    // uv gives the reason on a line of its own.
    if let Some(cause) = lines.clone().find_map(|line| line.strip_prefix("cause: ")) {
        return cause.to_owned();
    }
    let said = |line: &'_ str| -> Option<String> {
        let marks = ["ERROR:", "error:", "Error:"];
        let said = marks.iter().find_map(|mark| line.strip_prefix(mark))?;
        Some(said.trim().trim_end_matches('.').to_owned())
    };
    let mut errors = lines.clone().filter_map(said);
    errors
        .next_back()
        .or_else(|| lines.next_back().map(str::to_owned))
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    fn failed(stderr: &str) -> Failure {
        explain(&Output {
            status: ExitStatus::from_raw(256),
            stdout: String::new(),
            stderr: stderr.to_owned(),
        })
    }

    #[test]
    fn a_release_that_does_not_exist_is_told_from_a_registry_that_does_not_answer() {
        let missing = failed(
            "ERROR: Could not find a version that satisfies the requirement \
             fraiseql-confiture==9.9 (from versions: 0.20.0, 0.22.0, 1.0.0rc1)\n\
             ERROR: No matching distribution found for fraiseql-confiture==9.9\n",
        );
        let offered = releases_in("0.20.0, 0.22.0");
        assert_eq!(missing, Failure::NoSuchRelease(offered));

        let offline = failed(
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'\n\
             ERROR: Could not find a version that satisfies the requirement \
             fraiseql-confiture==9.9 (from versions: none)\n",
        );
        assert_eq!(offline, Failure::Unreachable);
    }

    #[test]
    fn uv_says_the_same_things_in_other_words() {
        let missing = failed(
            "  × No solution found when resolving dependencies:\n  ╰─▶ Because there is no version \
             of fraiseql-confiture==9.9 and you require it\n",
        );
        assert_eq!(missing, Failure::NoSuchRelease(Vec::new()));
        let offline = failed("error: Failed to fetch: `https://registry/simple/x/`\n");
        assert_eq!(offline, Failure::Unreachable);
    }

    #[test]
    fn any_other_failure_keeps_what_its_error_line_says() {
        let full = failed("Collecting x\nERROR: [Errno 28] No space left on device\nnotice\n");
        let expected = "[Errno 28] No space left on device".to_owned();
        assert_eq!(full, Failure::Other(expected));
    }
}

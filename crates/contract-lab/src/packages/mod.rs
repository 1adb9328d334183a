//! Installs Python packages with the machine's pip or uv, as they are configured.

mod explain;
mod pip;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use self::explain::explain;
pub use self::explain::{CHECK_NETWORK, Failure, releases_in};
use self::pip::pip;
use crate::build_once::{Building, build_once};
use crate::command::{Output, run};
use crate::python::Installer;
use crate::trouble::Trouble;
use crate::{Lab, interrupt};

/// An environment with the package that `requirement` names, installed at most once per cache. Errors
/// call the package `what`.
pub fn environment_with(lab: &Lab, requirement: &str, what: &str) -> anyhow::Result<PathBuf> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = requirement.chars().map(plain).collect();
    let directory = lab.cache().join(format!("{name}-{}", lab.python()?.tag()));
    build_once(
        &directory,
        lab.ui,
        |found: &PathBuf| found.join("bin/python").exists(),
        |building| {
            let task = lab.ui.task(&format!("installing {what}"));
            install_environment(lab, building, requirement)?.map_err(|failure| {
                let why =
                    format!("{what} cannot be installed from the package {requirement}: {failure}");
                Trouble::new(why, CHECK_NETWORK)
            })?;
            task.finish(&format!("installed {what}"));
            Ok(building.directory.to_owned())
        },
    )
}

/// Makes an empty environment and installs `requirement` into it.
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
    if let Err(failure) = succeeded(building.run(make.arg(building.directory))?) {
        return Ok(Err(failure));
    }
    let mut install = install_into(lab, building.directory)?;
    finish(building, install.arg(requirement))
}

/// A command that installs into this environment; the caller adds what to install.
pub fn install_into(lab: &Lab, environment: &Path) -> anyhow::Result<Command> {
    let inside = environment.join("bin/python");
    let python = lab.python()?;
    Ok(match python.installer {
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
    })
}

/// Unpacks the wheel of `requirement`, without its dependencies, into the directory. A Python newer than
/// 3.`newest_minor` gets the wheel for 3.`newest_minor`, because only the files are needed.
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

/// What `pip index versions` prints for `package`. `impatient` shortens the wait for the registry, for a
/// caller that has a fallback.
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
    Ok(succeeded(run(&mut pip)?).map(|output| output.stdout))
}

/// Names and versions of everything installed beside `program`, an environment's Python.
pub fn installed(program: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    const LIST: &str = "\
import json
from importlib.metadata import distributions
print(json.dumps({d.metadata['Name'].lower().replace('_', '-'): d.version for d in distributions()}))
";
    let output = run(Command::new(program).args(["-I", "-c", LIST]))?;
    Ok(serde_json::from_str(&output.stdout)?)
}

fn finish(building: &Building<'_>, command: &mut Command) -> anyhow::Result<Result<(), Failure>> {
    let output = building.run(command)?;
    interrupt::check()?;
    Ok(succeeded(output).map(drop))
}

fn succeeded(output: Output) -> Result<Output, Failure> {
    if output.status.success() {
        Ok(output)
    } else {
        Err(explain(&output))
    }
}

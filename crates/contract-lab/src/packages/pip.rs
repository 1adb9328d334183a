//! The pip of the machine: that of its Python, through uv, or in an environment made for it.

use std::path::PathBuf;
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::explain::last_line;
use crate::Lab;
use crate::build_once::build_once;
use crate::python::{Installer, Python};
use crate::trouble::Trouble;

/// An environment with a pip, made because the Python has none.
#[derive(Debug, Serialize, Deserialize)]
struct Bootstrapped {
    python: PathBuf,
}

/// The command `pip`, ready for its arguments.
pub(super) fn pip(lab: &Lab, python: &Python) -> anyhow::Result<Command> {
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
    // With a configuration for `pip install --user`, pip would refuse to install into an environment.
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

//! Finding a Python that is new enough and can install packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::command::run;
use crate::trouble::Trouble;

/// The oldest Python that confiture supports.
const OLDEST: (u32, u32) = (3, 11);

/// `python3` first: the owner of the machine chose it.
const NAMES: [&str; 6] = [
    "python3",
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
    "python",
];

/// How packages are installed for a Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installer {
    /// Its own pip.
    Pip,
    /// It has no pip but can unpack the one that comes with it (`ensurepip`).
    Bundled,
    /// `uv` on PATH does it.
    Uv,
}

/// A Python 3.11 or newer that can make environments and fill them.
#[derive(Debug, Clone)]
pub struct Python {
    /// The path of the interpreter as it reports it, so shims and links of version managers are resolved.
    pub program: PathBuf,
    /// Its version: major, minor, patch.
    pub version: (u32, u32, u32),
    /// How it installs packages.
    pub installer: Installer,
}

#[derive(Debug, Deserialize)]
struct Probe {
    executable: PathBuf,
    version: (u32, u32, u32),
    venv: bool,
    ensurepip: bool,
    pip: bool,
}

const PROBE: &str = "\
import json, sys
from importlib.util import find_spec
has = lambda name: find_spec(name) is not None
print(json.dumps({'executable': sys.executable, 'version': sys.version_info[:3],
    'venv': has('venv'), 'ensurepip': has('ensurepip'), 'pip': has('pip')}))
";

impl Python {
    /// The requested Python, or the first on PATH that is suitable.
    pub fn find(asked: Option<&Path>) -> anyhow::Result<Self> {
        let uv = run(Command::new("uv").arg("--version")).is_ok_and(|uv| uv.status.success());
        let names: Vec<&Path> = match asked {
            Some(asked) => vec![asked],
            None => NAMES.iter().map(Path::new).collect(),
        };
        let mut refused: Vec<String> = Vec::new();
        for name in names {
            super::interrupt::check()?;
            match probe(name).map(|probe| judge(probe, uv)) {
                Some(Ok(python)) => return Ok(python),
                // `python3` and `python3.11` are often the same; once is enough.
                Some(Err(reason)) if refused.iter().any(|known| known.ends_with(&reason)) => {}
                Some(Err(reason)) => refused.push(format!("{}: {reason}", name.display())),
                None if asked.is_some() => {
                    refused.push(format!(
                        "{}: it is not there or does not run",
                        name.display()
                    ));
                }
                None => {}
            }
        }
        Err(none_fits(&refused).into())
    }

    /// `3.11.7`
    pub fn version_text(&self) -> String {
        let (major, minor, patch) = self.version;
        format!("{major}.{minor}.{patch}")
    }

    /// `py3.11`, to name environments that only fit this Python.
    pub fn tag(&self) -> String {
        format!("py{}.{}", self.version.0, self.version.1)
    }
}

fn probe(program: &Path) -> Option<Probe> {
    let output = run(Command::new(program).args(["-I", "-c", PROBE])).ok()?;
    serde_json::from_str(&output.stdout).ok()
}

fn judge(probe: Probe, uv: bool) -> Result<Python, String> {
    let (major, minor, patch) = probe.version;
    if (major, minor) < OLDEST {
        return Err(format!("version {major}.{minor}.{patch} is too old"));
    }
    let installer = if probe.pip && probe.venv {
        Installer::Pip
    } else if probe.ensurepip && probe.venv {
        Installer::Bundled
    } else if uv {
        Installer::Uv
    } else {
        return Err(format!(
            "version {major}.{minor}.{patch} has neither pip nor ensurepip"
        ));
    };
    Ok(Python {
        program: probe.executable,
        version: probe.version,
        installer,
    })
}

fn none_fits(refused: &[String]) -> Trouble {
    let found = if refused.is_empty() {
        String::new()
    } else {
        format!(" ({})", refused.join("; "))
    };
    Trouble::new(
        format!("no Python 3.11 or newer that can install packages was found{found}"),
        "install one (on Debian and Ubuntu: apt install python3-venv), put uv on PATH, or name \
         one with --python or XTASK_PYTHON",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probed(minor: u32, pip: bool, ensurepip: bool) -> Probe {
        Probe {
            executable: "/usr/bin/python3".into(),
            version: (3, minor, 2),
            venv: true,
            ensurepip,
            pip,
        }
    }

    #[test]
    fn pip_is_preferred_to_uv() {
        let installer = |pip, ensurepip, uv| {
            judge(probed(12, pip, ensurepip), uv).map(|python| python.installer)
        };
        assert_eq!(installer(true, true, true), Ok(Installer::Pip));
        assert_eq!(installer(false, true, true), Ok(Installer::Bundled));
        assert_eq!(installer(false, false, true), Ok(Installer::Uv));
        assert!(installer(false, false, false).is_err());
    }

    #[test]
    fn an_old_python_is_refused_by_its_version() {
        let reason = judge(probed(10, true, true), true).unwrap_err();
        assert!(reason.contains("3.10.2"), "{reason}");
        let sentence = none_fits(&[format!("python3: {reason}")]).to_string();
        assert!(sentence.contains("python3: version 3.10.2 is too old"));
        assert!(sentence.contains("--python"));
    }
}

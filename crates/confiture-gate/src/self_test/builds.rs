//! Whole builds that drifted: the installed Python of a release, changed in one place.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use contract_lab::files::write_program;

/// One change of the installed Python.
#[derive(Debug, Clone, Copy)]
pub struct Build {
    /// What drifted, in words.
    pub name: &'static str,
    /// The files below the package, as far as they hold `from`.
    files: &'static [&'static str],
    from: &'static str,
    to: &'static str,
    /// What the first lines on the screen have to say.
    pub says: &'static str,
    /// The cases that are run.
    pub only: &'static [&'static str],
}

/// The builds. They are changes of the newest recorded release.
pub const BUILDS: [Build; 4] = [
    Build {
        name: "the report of preflight lost `window_safe`",
        files: &["cli/commands/migrate/preflight.py"],
        from: "        \"window_safe\": is_window_safe(all_issues),\n",
        to: "",
        says: "report field `window_safe` is gone",
        only: &[
            "preflight/add-column",
            "preflight/drop-column",
            "up/all",
            "surface/version",
        ],
    },
    Build {
        name: "--no-config got another name",
        files: &[
            "cli/commands/migrate/down.py",
            "cli/commands/migrate/verify.py",
            "cli/commands/migrate/current.py",
            "cli/commands/migrate/up.py",
            "cli/commands/migrate/preflight.py",
        ],
        from: "\"--no-config\"",
        to: "\"--without-config\"",
        says: "`--no-config` is refused",
        only: &[
            "current/at-head",
            "up/all",
            "preflight/add-column",
            "verify/true",
            "surface/help-up",
        ],
    },
    Build {
        name: "a missing ledger has another exit status",
        files: &["error_code_table.py"],
        from: "\"severity\": \"error\",\n        \"exit_code\": 2,\n        \"resolution_hint\": \"Run 'confiture init'",
        to: "\"severity\": \"error\",\n        \"exit_code\": 3,\n        \"resolution_hint\": \"Run 'confiture init'",
        says: "exit status 3 instead of 2",
        only: &["current/fresh", "up/all", "verify/no-ledger"],
    },
    Build {
        name: "`up` applies, and says that it failed",
        files: &["models/results.py"],
        from: "            \"success\": self.success,\n            \"applied\"",
        to: "            \"success\": False,\n            \"applied\"",
        says: "report field `success` has another value",
        only: &["up/all", "current/at-head", "preflight/add-column"],
    },
];

impl Build {
    /// Copies the environment of a release to `to` and changes it.
    pub fn make(&self, environment: &Path, to: &Path) -> anyhow::Result<()> {
        copy(environment, to)?;
        let package = package(to)?;
        let mut changed = 0;
        for file in self.files {
            let path = package.join(file);
            let text = fs::read_to_string(&path).with_context(|| self.outdated())?;
            if text.contains(self.from) {
                fs::write(&path, text.replace(self.from, self.to))?;
                changed += 1;
            }
        }
        ensure!(changed == self.files.len(), self.outdated());
        Ok(())
    }

    fn outdated(&self) -> String {
        format!(
            "the release lacks the place of this change: {}; adapt BUILDS to the release",
            self.name
        )
    }
}

/// The directory of the package in an environment.
fn package(environment: &Path) -> anyhow::Result<PathBuf> {
    for python in fs::read_dir(environment.join("lib"))? {
        let package = python?.path().join("site-packages/confiture");
        if package.is_dir() {
            return Ok(package);
        }
    }
    anyhow::bail!("the environment has no package confiture")
}

/// Copies an environment; its programs are started by the Python of the copy.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else if kind.is_dir() {
            copy(&source, &target)?;
        } else {
            fs::copy(&source, &target)?;
            // What Python compiled is good for a source of that time only.
            let copied = fs::File::options().append(true).open(&target);
            if let Ok(copied) = copied {
                copied.set_modified(entry.metadata()?.modified()?)?;
            }
        }
    }
    let program = to.join("bin/confiture");
    if program.is_file() {
        let text = fs::read_to_string(&program)?;
        let (_, rest) = text
            .split_once('\n')
            .context("the program has a first line")?;
        let python = to.join("bin/python");
        write_program(&program, &format!("#!{}\n{rest}", python.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let package = root.path().join("lib/python3.11/site-packages/confiture");
        fs::create_dir_all(&package).unwrap();
        fs::write(package.join("error_code_table.py"), BUILDS[2].from).unwrap();
        fs::create_dir(root.path().join("bin")).unwrap();
        let program = root.path().join("bin/confiture");
        fs::write(program, "#!/elsewhere/python\nimport sys\n").unwrap();
        root
    }

    #[test]
    fn a_build_differs_in_its_one_place_and_runs_by_its_own_python() {
        let (from, to) = (environment(), tempfile::tempdir().unwrap());
        BUILDS[2].make(from.path(), to.path()).unwrap();
        let codes = package(to.path()).unwrap().join("error_code_table.py");
        assert_eq!(fs::read_to_string(codes).unwrap(), BUILDS[2].to);
        let program = fs::read_to_string(to.path().join("bin/confiture")).unwrap();
        let python = to.path().join("bin/python");
        assert_eq!(program, format!("#!{}\nimport sys\n", python.display()));
    }

    #[test]
    fn a_release_without_the_place_is_refused() {
        let (from, to) = (environment(), tempfile::tempdir().unwrap());
        assert!(BUILDS[0].make(from.path(), to.path()).is_err());
    }
}

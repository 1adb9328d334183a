//! Real confitures that drifted: a release whose installed Python code is changed in one place, or that a
//! wrapper changes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use contract_lab::confiture::copy::{copy, packages};
use contract_lab::files::write_program;
use serde::Deserialize;

/// All of them, and what their fields mean.
const DRIFTED: &str = include_str!("drifted.toml");

/// A confiture that drifted.
#[derive(Debug, Clone, Deserialize)]
pub struct Drifted {
    /// What drifted, in words.
    pub name: String,
    #[serde(flatten)]
    how: How,
    /// What the first lines on the screen have to say; none if nothing may break.
    pub says: Option<String>,
    /// The cases that are run.
    pub only: Vec<String>,
}

/// How it differs from the release.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum How {
    Edit {
        files: Vec<String>,
        from: String,
        to: String,
    },
    Ignores {
        ignores: String,
    },
    Script {
        script: String,
    },
}

/// Every confiture that drifted.
///
/// # Panics
/// When `drifted.toml` cannot be read.
pub fn drifted() -> Vec<Drifted> {
    #[derive(Deserialize)]
    struct All {
        drifted: Vec<Drifted>,
    }
    let all: All = toml::from_str(DRIFTED).expect("drifted.toml has the fields of its head");
    all.drifted
}

impl Drifted {
    /// Makes it from the environment of a release, below `to`, and returns the path of the candidate.
    pub fn make(&self, environment: &Path, to: &Path) -> anyhow::Result<PathBuf> {
        let lines = match &self.how {
            How::Edit {
                files,
                from,
                to: text,
            } => {
                copy(&environment.join("bin/confiture"), to, "")?;
                let package = packages(to)?.join("confiture");
                for file in files {
                    let path = package.join(file);
                    let source = fs::read_to_string(&path).with_context(|| self.outdated())?;
                    ensure!(source.contains(from), self.outdated());
                    fs::write(&path, source.replace(from, text))?;
                }
                return Ok(to.to_owned());
            }
            How::Ignores { ignores } => ignoring(ignores),
            How::Script { script } => script.clone(),
        };
        fs::create_dir_all(to)?;
        let program = to.join("confiture");
        let confiture = environment.join("bin/confiture");
        let head = format!("#!/bin/sh\nconfiture='{}'\n", confiture.display());
        write_program(&program, &format!("{head}{lines}\n"))?;
        Ok(program)
    }

    fn outdated(&self) -> String {
        format!(
            "the release lacks the place of this change: {}; adapt drifted.toml to the release",
            self.name
        )
    }
}

/// The lines of a shell script that removes an option.
fn ignoring(option: &str) -> String {
    let value = if option == "--migrations-dir" {
        "1"
    } else {
        ""
    };
    format!(
        "for argument; do shift\n\
         if [ -n \"$skip\" ]; then skip=; continue; fi\n\
         case \"$argument\" in {option}) skip={value}; continue;; {option}=*) continue;; esac\n\
         set -- \"$@\" \"$argument\"\ndone\nexec \"$confiture\" \"$@\""
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The change of the exit status of a missing ledger.
    fn of_one_file() -> Drifted {
        let says = Some("exit status 3 instead of 2".to_owned());
        let mut all = drifted().into_iter();
        all.find(|drifted| drifted.says == says).unwrap()
    }

    #[test]
    fn an_edited_build_has_one_change_and_its_own_python() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let package = from.path().join("lib/python3.11/site-packages/confiture");
        fs::create_dir_all(&package).unwrap();
        fs::create_dir(from.path().join("bin")).unwrap();
        fs::write(from.path().join("pyvenv.cfg"), "").unwrap();
        let program = from.path().join("bin/confiture");
        fs::write(program, "#!/elsewhere/python\nimport sys\n").unwrap();
        let drifted = of_one_file();
        assert!(
            drifted.make(from.path(), to.path()).is_err(),
            "the place is missing"
        );
        let How::Edit {
            files,
            from: before,
            to: after,
        } = &drifted.how
        else {
            unreachable!("it is an edit")
        };
        fs::write(package.join(&files[0]), before).unwrap();
        let place = to.path().join("again");
        drifted.make(from.path(), &place).unwrap();
        let changed = packages(&place).unwrap().join("confiture").join(&files[0]);
        assert_eq!(fs::read_to_string(changed).unwrap(), *after);
        let program = fs::read_to_string(place.join("bin/confiture")).unwrap();
        let python = place.join("bin/python");
        assert_eq!(program, format!("#!{}\nimport sys\n", python.display()));
    }

    #[test]
    fn an_option_is_removed_together_with_its_value() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("bin")).unwrap();
        let prints = root.path().join("bin/confiture");
        write_program(&prints, "#!/bin/sh\necho \"$@\"\n").unwrap();
        let given = ["up", "--migrations-dir", "a b", "--target=3", "--no-config"];
        for (option, expected) in [
            ("--migrations-dir", "up --target=3 --no-config\n"),
            ("--target", "up --migrations-dir a b --no-config\n"),
            ("--no-config", "up --migrations-dir a b --target=3\n"),
        ] {
            let drifted = Drifted {
                how: How::Ignores {
                    ignores: option.to_owned(),
                },
                ..of_one_file()
            };
            let program = drifted
                .make(root.path(), &root.path().join(option))
                .unwrap();
            let output = std::process::Command::new(program)
                .args(given)
                .output()
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        }
    }
}

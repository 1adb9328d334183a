//! Real confitures that drifted: the installed Python of a release changed in one place, or a program
//! that stands before it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use contract_lab::files::write_program;

/// A confiture that drifted.
#[derive(Debug, Clone, Copy)]
pub struct Drifted {
    /// What drifted, in words.
    pub name: &'static str,
    how: How,
    /// What the first lines on the screen have to say.
    pub says: &'static str,
    /// The cases that are run.
    pub only: &'static [&'static str],
}

/// How it differs from the release.
#[derive(Debug, Clone, Copy)]
enum How {
    /// A text of these files of the package is another one.
    Edit {
        files: &'static [&'static str],
        from: &'static str,
        to: &'static str,
    },
    /// An option is taken away before confiture sees it, with its value where that is the next
    /// argument.
    Ignores(&'static str),
    /// Lines of a shell that stand for confiture, which is `$confiture`.
    Script(&'static str),
}

use How::{Edit, Ignores, Script};

const PREFLIGHT: &str = "cli/commands/migrate/preflight.py";

/// All of them. They are changes of the newest recorded release.
pub const DRIFTED: [Drifted; 17] = [
    Drifted {
        name: "preflight calls DROP TABLE window-safe",
        how: Edit {
            files: &[PREFLIGHT],
            from: "    all_issues = result.issues + replica_issues\n",
            to: "    replica_issues = [i for i in replica_issues if 'DROP_TABLE' not in i.code]\n    \
                 all_issues = result.issues + replica_issues\n",
        },
        says: "FALSE SAFE, do not release it",
        only: &["preflight/drop-table", "preflight/add-column", "up/all"],
    },
    Drifted {
        name: "preflight calls a dropped table additive, and prints an excuse",
        how: Edit {
            files: &[PREFLIGHT],
            from: "        \"change_set\": change_set.to_dict(),\n",
            to: "        \"change_set\": {**change_set.to_dict(), \"changes\": [{**c, \"tier\": \
                 \"additive\"} for c in change_set.to_dict()[\"changes\"]]} if not print(\
                 \"MemoryError\", file=__import__(\"sys\").stderr) else None,\n",
        },
        says: "FALSE SAFE, do not release it",
        only: &["preflight/drop-table", "surface/version"],
    },
    Drifted {
        name: "the session of a migration has a statement timeout",
        how: Edit {
            files: &["core/connection.py"],
            from: "        return psycopg.connect(dsn_from_config(config))\n",
            to: "        connection = psycopg.connect(dsn_from_config(config))\n        \
                 connection.execute(\"SET statement_timeout = '5s'\")\n        \
                 connection.commit()\n        return connection\n",
        },
        says: "a migration runs with another `statement_timeout`",
        only: &["up/session-settings", "up/all"],
    },
    Drifted {
        name: "an import fails",
        how: Edit {
            files: &["cli/main.py"],
            from: "from confiture import __version__\n",
            to: "from confiture import __version__\nraise RuntimeError('no plugins')\n",
        },
        says: "confiture does not start: RuntimeError: no plugins",
        only: &["current/at-head", "up/all", "surface/version"],
    },
    Drifted {
        name: "the report of preflight lost `window_safe`",
        how: Edit {
            files: &["cli/commands/migrate/preflight.py"],
            from: "        \"window_safe\": is_window_safe(all_issues),\n",
            to: "",
        },
        says: "report field `window_safe` is gone",
        only: &[
            "preflight/add-column",
            "preflight/drop-column",
            "up/all",
            "surface/version",
        ],
    },
    Drifted {
        name: "--no-config got another name",
        how: Edit {
            files: &[
                "cli/commands/migrate/down.py",
                "cli/commands/migrate/verify.py",
                "cli/commands/migrate/current.py",
                "cli/commands/migrate/up.py",
                "cli/commands/migrate/preflight.py",
            ],
            from: "\"--no-config\"",
            to: "\"--without-config\"",
        },
        says: "`--no-config` is refused",
        only: &[
            "current/at-head",
            "up/all",
            "preflight/add-column",
            "verify/true",
            "surface/help-up",
        ],
    },
    Drifted {
        name: "a missing ledger has another exit status",
        how: Edit {
            files: &["error_code_table.py"],
            from: "\"severity\": \"error\",\n        \"exit_code\": 2,\n        \"resolution_hint\": \"Run 'confiture init'",
            to: "\"severity\": \"error\",\n        \"exit_code\": 3,\n        \"resolution_hint\": \"Run 'confiture init'",
        },
        says: "exit status 3 instead of 2",
        only: &["current/fresh", "up/all", "verify/no-ledger"],
    },
    Drifted {
        name: "`up` applies, and says that it failed",
        how: Edit {
            files: &["models/results.py"],
            from: "            \"success\": self.success,\n            \"applied\"",
            to: "            \"success\": False,\n            \"applied\"",
        },
        says: "report field `success` has another value",
        only: &["up/all", "current/at-head", "preflight/add-column"],
    },
    Drifted {
        name: "the report is written under another name",
        how: Script(
            "\"$confiture\" \"$@\"; status=$?\nfor argument; do\n\
             if [ -n \"$next\" ]; then [ -f \"$argument\" ] && mv \"$argument\" \"$argument.json\"; next=; fi\n\
             [ \"$argument\" = --output ] && next=1\ndone\nexit $status",
        ),
        says: "the report is not where --output says",
        only: &["current/at-head", "up/all"],
    },
    Drifted {
        name: "the session of a killed call stays",
        how: Script("unset PGOPTIONS\nexec \"$confiture\" \"$@\""),
        says: "the database ends with other advisory locks",
        only: &["up/cancelled"],
    },
    Drifted {
        name: "`up` ignores --lock-timeout",
        how: Ignores("--lock-timeout"),
        says: "`--lock-timeout` is accepted and has no effect",
        only: &["up/lock-timeout"],
    },
    Drifted {
        name: "`up` ignores --require-reversible",
        how: Ignores("--require-reversible"),
        says: "`--require-reversible` is accepted and has no effect",
        only: &["up/require-reversible"],
    },
    Drifted {
        name: "`up` ignores --allow-destructive",
        how: Ignores("--allow-destructive"),
        says: "`--allow-destructive` is accepted and has no effect",
        only: &["up/allow-destructive"],
    },
    Drifted {
        name: "`up` ignores --target",
        how: Ignores("--target"),
        says: "`--target` is accepted and has no effect",
        only: &["up/target"],
    },
    Drifted {
        name: "`up` ignores --no-config",
        how: Ignores("--no-config"),
        says: "`--no-config` is accepted and has no effect",
        only: &["up/no-config"],
    },
    Drifted {
        name: "`verify` ignores --migrations-dir",
        how: Ignores("--migrations-dir"),
        says: "`--migrations-dir` is accepted and has no effect",
        only: &["verify/migrations-dir"],
    },
    Drifted {
        name: "`preflight` ignores --against",
        how: Ignores("--against"),
        says: "FALSE SAFE, do not release it: preflight passes what it refused",
        only: &["preflight/against-live-fails"],
    },
];

impl Drifted {
    /// Makes it of the environment of a release, below `to`, and gives the path of the candidate.
    pub fn make(&self, environment: &Path, to: &Path) -> anyhow::Result<PathBuf> {
        let lines = match self.how {
            Edit {
                files,
                from,
                to: text,
            } => {
                copy(environment, to)?;
                let package = package(to)?;
                for file in files {
                    let path = package.join(file);
                    let source = fs::read_to_string(&path).with_context(|| self.outdated())?;
                    ensure!(source.contains(from), self.outdated());
                    fs::write(&path, source.replace(from, text))?;
                }
                return Ok(to.to_owned());
            }
            Ignores(option) => ignoring(option),
            Script(lines) => lines.to_owned(),
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
            "the release lacks the place of this change: {}; adapt DRIFTED to the release",
            self.name
        )
    }
}

/// The lines of a shell that takes an option away.
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

/// The directory of the package in an environment.
pub(super) fn package(environment: &Path) -> anyhow::Result<PathBuf> {
    for python in fs::read_dir(environment.join("lib"))? {
        let package = python?.path().join("site-packages/confiture");
        if package.is_dir() {
            return Ok(package);
        }
    }
    anyhow::bail!("the environment has no package confiture")
}

/// Copies an environment; its programs are started by the Python of the copy.
pub(super) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
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

    /// The change of the exit status of a missing ledger.
    fn of_one_file() -> Drifted {
        let one = |drifted: &&Drifted| drifted.says == "exit status 3 instead of 2";
        *DRIFTED.iter().find(one).unwrap()
    }

    #[test]
    fn an_edited_build_differs_in_its_one_place_and_runs_by_its_own_python() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let package = from.path().join("lib/python3.11/site-packages/confiture");
        fs::create_dir_all(&package).unwrap();
        fs::create_dir(from.path().join("bin")).unwrap();
        let program = from.path().join("bin/confiture");
        fs::write(program, "#!/elsewhere/python\nimport sys\n").unwrap();
        let drifted = of_one_file();
        assert!(
            drifted.make(from.path(), to.path()).is_err(),
            "the place is missing"
        );
        let Edit {
            files,
            from: before,
            to: after,
        } = drifted.how
        else {
            unreachable!("it is an edit")
        };
        fs::write(package.join(files[0]), before).unwrap();
        let place = to.path().join("again");
        drifted.make(from.path(), &place).unwrap();
        let changed = super::package(&place).unwrap().join(files[0]);
        assert_eq!(fs::read_to_string(changed).unwrap(), after);
        let program = fs::read_to_string(place.join("bin/confiture")).unwrap();
        let python = place.join("bin/python");
        assert_eq!(program, format!("#!{}\nimport sys\n", python.display()));
    }

    #[test]
    fn an_option_is_taken_away_with_its_value() {
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
                how: Ignores(option),
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

//! Which release a virtual environment contains, read where confiture itself reads it.
//!
//! `confiture --version` prints what the metadata of its installation says, after the second that
//! it takes Python to start. Where the installation is the usual one, reading the metadata gives the
//! same answer at once. Where anything is not as `pip`, `pipx` or `uv` install it, this returns no release,
//! and the program has to be asked.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::ConfitureVersion;
use crate::process::{Invocation, find_program};

/// The variables that let Python find another installation than that of its environment.
const LEAD_ELSEWHERE: [&str; 2] = ["PYTHONPATH", "PYTHONHOME"];

/// The release that this invocation runs.
pub(crate) fn release(invocation: &Invocation) -> Option<ConfitureVersion> {
    let env = &invocation.env;
    let program = find_program(&invocation.program, env.get("PATH")).ok()?;
    let program = program.canonicalize().ok()?;
    let bin = program.parent()?;
    let read = |file: PathBuf| fs::read_to_string(file).ok();
    let settings = read(bin.parent()?.join("pyvenv.cfg"))?.to_lowercase();
    let script = read(program.clone())?;
    let is_usual = LEAD_ELSEWHERE.iter().all(|name| env.get(name).is_none())
        // Otherwise Python also sees what is installed elsewhere.
        && has_line(&settings.replace(' ', ""), "include-system-site-packages=false")
        && named_in(&script)?.parent()?.canonicalize().ok()? == bin;
    let metadata = only(
        packages(bin.parent()?)
            .flat_map(|it| entries(&it))
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with("fraiseql_confiture-") && name.ends_with(".dist-info")
            }),
    )?;
    // `RECORD` does not list the package of an editable installation, nor a script that was put there later.
    let record = read(metadata.join("RECORD"))?;
    let script = format!("../../../bin/{},", program.file_name()?.to_str()?);
    let is_listed = has_line(&record, "confiture/__init__.py,") && has_line(&record, &script);
    let text = read(metadata.join("METADATA"))?;
    let headers = text.lines().take_while(|line| !line.is_empty());
    let version = only(headers.filter_map(|line| line.strip_prefix("Version: ")))?;
    (is_usual && is_listed).then(|| ConfitureVersion::parse(version.trim()))
}

/// The Python that runs confiture, where the configured program is a script that `pip` or `uv` made.
/// Its path is as the script names it: that of a link in the virtual environment decides which
/// packages it finds.
pub(crate) fn interpreter(invocation: &Invocation) -> Option<PathBuf> {
    let program = find_program(&invocation.program, invocation.env.get("PATH")).ok()?;
    interpreter_of(&program)
}

/// The same, of this file.
pub(crate) fn interpreter_of(program: &Path) -> Option<PathBuf> {
    let script = fs::read_to_string(program.canonicalize().ok()?).ok()?;
    let interpreter = named_in(&script)?;
    let is_python = |name: &OsStr| name.to_string_lossy().contains("py");
    let usable = interpreter.is_absolute()
        && interpreter.file_name().is_some_and(is_python)
        && access(&interpreter, Access::EXEC_OK).is_ok();
    usable.then_some(interpreter)
}

/// The interpreter in a script that imports confiture's command line.
fn named_in(script: &str) -> Option<PathBuf> {
    let mut lines = script.lines();
    let first = lines.next()?.strip_prefix("#!")?.trim();
    let interpreter = if first == "/bin/sh" {
        // Where the path is too long for the system, or contains a blank.
        let rest = lines.next()?.strip_prefix("'''exec' ")?;
        let path = rest.strip_suffix(r#" "$0" "$@""#)?;
        path.strip_prefix('"')
            .and_then(|path| path.strip_suffix('"'))
            .unwrap_or(path)
    } else {
        first.split(' ').next()?
    };
    script
        .contains("\nfrom confiture.cli")
        .then(|| PathBuf::from(interpreter))
}

/// The directories of packages in the Python installation at `root`.
pub(crate) fn packages(root: &Path) -> impl Iterator<Item = PathBuf> {
    let names = ["site-packages", "dist-packages"];
    entries(&root.join("lib")).flat_map(move |python| names.map(|name| python.join(name)))
}

/// What is in a directory; nothing where it cannot be read.
pub(crate) fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = directory.read_dir().into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

fn has_line(text: &str, beginning: &str) -> bool {
    text.lines().any(|line| line.starts_with(beginning))
}

fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let item = items.next()?;
    items.next().is_none().then_some(item)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    fn invocation(program: &Path, variables: &[(&str, &str)]) -> Invocation {
        let pair = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
        Invocation {
            program: program.into(),
            args: Vec::new(),
            cwd: ".".into(),
            env: variables.iter().map(pair).collect(),
        }
    }

    /// An environment as `pip` makes it.
    struct Environment {
        root: TempDir,
    }

    impl Environment {
        fn new() -> Self {
            let this = Self {
                root: tempfile::tempdir().expect("a directory"),
            };
            let python = this.root.path().join("bin/python");
            this.write(
                "pyvenv.cfg",
                "home = /usr/bin\ninclude-system-site-packages = false\n",
            );
            this.write(
                "bin/confiture",
                &format!(
                    "#!{}\n# -*- coding: utf-8 -*-\nimport re\nimport sys\n\
                     from confiture.cli.main import app\n",
                    python.display()
                ),
            );
            this.write(
                &Self::metadata("1.29.0", "METADATA"),
                "Metadata-Version: 2.4\nName: fraiseql-confiture\nVersion: 1.29.0\n\nVersion: 9\n",
            );
            this.write(
                &Self::metadata("1.29.0", "RECORD"),
                "../../../bin/confiture,sha256=x,243\nconfiture/__init__.py,sha256=y,10\n",
            );
            this
        }

        fn metadata(version: &str, file: &str) -> String {
            format!("lib/python3.11/site-packages/fraiseql_confiture-{version}.dist-info/{file}")
        }

        fn write(&self, file: &str, text: &str) {
            let path = self.root.path().join(file);
            fs::create_dir_all(path.parent().expect("a directory")).expect("created");
            fs::write(path, text).expect("written");
        }

        fn program(&self) -> PathBuf {
            self.root.path().join("bin/confiture")
        }

        fn release(&self) -> Option<ConfitureVersion> {
            release(&invocation(&self.program(), &[]))
        }
    }

    #[test]
    fn the_release_is_read_from_a_usual_installation() {
        let usual = Environment::new();
        usual.write(
            "lib/python3.11/site-packages/typer-0.12.0.dist-info/RECORD",
            "",
        );
        let expected = Some(ConfitureVersion::parse("1.29.0"));
        assert_eq!(usual.release(), expected);
        let link = usual.root.path().join("link");
        std::os::unix::fs::symlink(usual.program(), &link).expect("linked");
        let linked = release(&invocation(&link, &[]));
        assert_eq!(linked, expected, "as pipx and uv put it on PATH");
        let elsewhere = invocation(&usual.program(), &[("PYTHONPATH", "/opt/other")]);
        assert_eq!(release(&elsewhere), None);
    }

    #[test]
    fn the_interpreter_is_the_one_that_the_script_names() {
        let usual = Environment::new();
        let python = usual.root.path().join("bin/python");
        let found = || interpreter(&invocation(&usual.program(), &[]));
        assert_eq!(found(), None, "it does not exist");
        usual.write("bin/python", "");
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).expect("executable");
        assert_eq!(found(), Some(python.clone()));
        let path = python.display();
        let import = "from confiture.cli.main import app\n";
        let exec =
            |path: &str| format!("#!/bin/sh\n'''exec' {path} \"$0\" \"$@\"\n' '''\n{import}");
        for (script, is_named) in [
            (format!("#!{path} -sE\n{import}"), true),
            (exec(&format!("\"{path}\"")), true),
            (exec(&path.to_string()), true),
            (format!("#!{path}\nimport something_else\n"), false),
            (format!("#!/bin/sh\nexec {path} \"$@\"\n"), false),
            (format!("#!/usr/bin/env python3\n{import}"), false),
            (String::new(), false),
        ] {
            usual.write("bin/confiture", &script);
            let expected = is_named.then(|| python.clone());
            assert_eq!(found(), expected, "{script}");
        }
    }

    #[test]
    fn an_unusual_installation_is_started_for_its_version() {
        type Change = fn(&Environment);
        let changes: [(&str, Change); 8] = [
            ("no environment", |it| it.write("pyvenv.cfg", "")),
            ("one that sees others", |it| {
                it.write("pyvenv.cfg", "include-system-site-packages = true\n");
            }),
            ("a wrapper", |it| {
                it.write(
                    "bin/confiture",
                    "#!/bin/sh\nexec /opt/other/bin/confiture \"$@\"\n",
                );
            }),
            ("another interpreter", |it| {
                it.write(
                    "bin/confiture",
                    "#!/usr/bin/python3\nfrom confiture.cli.main import app\n",
                );
            }),
            ("two at once", |it| {
                it.write(
                    &Environment::metadata("1.28.0", "METADATA"),
                    "Version: 1.28.0\n",
                );
            }),
            ("editable", |it| {
                it.write(
                    &Environment::metadata("1.29.0", "RECORD"),
                    "../../../bin/confiture,,\n",
                );
            }),
            ("a script of somebody else", |it| {
                it.write(
                    &Environment::metadata("1.29.0", "RECORD"),
                    "confiture/__init__.py,,\n",
                );
            }),
            ("no version", |it| {
                it.write(&Environment::metadata("1.29.0", "METADATA"), "Name: x\n");
            }),
        ];
        for (what, change) in changes {
            let environment = Environment::new();
            change(&environment);
            assert_eq!(environment.release(), None, "{what}");
        }
        let nowhere = invocation(Path::new("/no/such/confiture"), &[]);
        assert_eq!(release(&nowhere), None);
    }
}

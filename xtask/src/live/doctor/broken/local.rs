//! What is broken before a server is asked: the program, the variables, the files.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use contract_lab::confiture::copy::{Environment, packages};
use contract_lab::files::make_fifo;

use super::way::{Breaks, finds, keeps};

pub(super) const ALL: [(&str, Breaks); 24] = [
    ("a healthy project", |_| Ok((None, None))),
    ("no program", |scene| {
        scene
            .env
            .insert("FRAISIER_CONFITURE_BIN", "/no/such/confiture".into());
        finds("program", "fail", "named by FRAISIER_CONFITURE_BIN")
    }),
    ("no interpreter", |scene| {
        scene.program("#!/no/such/python\n")?;
        finds("program", "fail", "interpreter /no/such/python is gone")
    }),
    ("a program that is another", |scene| {
        scene.program("#!/bin/sh\necho hello\n")?;
        finds("version", "fail", "no version of confiture")
    }),
    ("a release that is too old", |scene| {
        scene.program("#!/bin/sh\necho confiture version 0.19.0\n")?;
        finds("version", "fail", "0.20.0 is the first")
    }),
    ("a release that nobody recorded", |scene| {
        scene.program("#!/bin/sh\necho confiture version 99.0.0\n")?;
        finds("version", "warn", "newer than")
    }),
    ("a program that is no script of Python", |scene| {
        let confiture = scene.env["FRAISIER_CONFITURE_BIN"].clone();
        scene.program(&format!(
            "#!/bin/sh\nexec '{}' \"$@\"\n",
            confiture.display()
        ))?;
        finds("database", "unknown", "not a script of a Python")
    }),
    ("a Python that cannot start", |scene| {
        scene.env.insert("PYTHONHOME", "/nowhere".into());
        finds("version", "fail", "No module named 'encodings'")
    }),
    ("a module that hides one of confiture's", |scene| {
        let modules = scene.project.root().join("modules");
        fs::create_dir(&modules)?;
        fs::write(modules.join("typer.py"), "raise ImportError('hidden')\n")?;
        scene.env.insert("PYTHONPATH", modules.into());
        finds("version", "fail", "hidden")
    }),
    ("a module that is gone", |scene| {
        let program = scene.env["FRAISIER_CONFITURE_BIN"].clone();
        let own = Environment::copy(Path::new(&program))?;
        fs::remove_dir_all(packages(own.path())?.join("typer"))?;
        scene
            .env
            .insert("FRAISIER_CONFITURE_BIN", own.program().into());
        keeps(finds("python", "fail", "No module named 'typer'"), own)
    }),
    ("a NUL byte", |scene| {
        let file = scene.migrations().join("20260105090000_x.verify.sql");
        fs::write(file, "SELECT true;\0")?;
        finds("text", "fail", "20260105090000_x.verify.sql")
    }),
    ("a byte order mark", |scene| {
        let file = scene.migrations().join("20270101000000_x.up.sql");
        fs::write(file, "\u{feff}SELECT 1;")?;
        finds("text", "fail", "begins 20270101000000_x.up.sql")
    }),
    ("Python that is not UTF-8", |scene| {
        let file = scene.migrations().join("20270101000000_x.py");
        fs::write(file, b"# caf\xe9")?;
        finds("text", "fail", "not UTF-8: 20270101000000_x.py")
    }),
    ("a file name that is not UTF-8", |scene| {
        let name = OsStr::from_bytes(b"20270101000000_\xff.up.sql");
        fs::write(scene.migrations().join(name), "SELECT 1;")?;
        finds("names", "fail", "a file name that is not UTF-8")
    }),
    ("a hidden file", |scene| {
        fs::write(scene.migrations().join("._1_x.up.sql"), "")?;
        finds("names", "warn", "._1_x.up.sql")
    }),
    ("versions of different widths", |scene| {
        for name in ["9_x.up.sql", "10_x.up.sql"] {
            fs::write(scene.migrations().join(name), "SELECT 1;")?;
        }
        finds("names", "warn", "all versions the same number of digits")
    }),
    ("a variable with a bad value", |scene| {
        scene
            .env
            .insert("FRAISIER_CONFITURE_TIMEOUT", "never".into());
        finds("variables", "fail", "FRAISIER_CONFITURE_TIMEOUT")
    }),
    ("a misspelt variable", |scene| {
        scene.env.insert("FRAISIER_CONFITURE_TIMEUOT", "9s".into());
        finds(
            "variables",
            "warn",
            "nothing reads FRAISIER_CONFITURE_TIMEUOT",
        )
    }),
    ("no migrations directory", |scene| {
        fs::remove_dir_all(scene.migrations())?;
        finds("directory", "fail", "cannot be read")
    }),
    ("an empty migrations directory", |scene| {
        fs::remove_dir_all(scene.migrations())?;
        fs::create_dir(scene.migrations())?;
        finds("directory", "warn", "holds 0 migrations")
    }),
    ("a migration that is a FIFO", |scene| {
        make_fifo(&scene.migrations().join("900_x.up.sql"))?;
        finds("files", "warn", "not a regular file: 900_x.up.sql")
    }),
    ("a version twice", |scene| {
        fs::write(
            scene.migrations().join("20260105090000_again.up.sql"),
            "SELECT 1;",
        )?;
        finds("versions", "fail", "20260105090000")
    }),
    ("no way back", |scene| {
        fs::write(
            scene.migrations().join("20270101000000_x.up.sql"),
            "SELECT 1;",
        )?;
        finds("way back", "warn", "for 20270101000000")
    }),
    ("a pending migration without a way back", |scene| {
        fs::write(
            scene.migrations().join("20270101000000_x.up.sql"),
            "SELECT 1;",
        )?;
        finds("history", "fail", "without .down.sql: 20270101000000")
    }),
];

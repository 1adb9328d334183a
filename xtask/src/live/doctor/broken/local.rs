//! What is broken before a server is asked: the program, the variables, the files.

use std::fs;

use contract_lab::files::make_fifo;

use super::way::{Breaks, finds};

pub(super) const ALL: [(&str, Breaks); 14] = [
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
        finds("directory", "warn", "not a regular file: 900_x.up.sql")
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

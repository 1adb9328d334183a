//! Failures of the configured program, and of the machine that it runs on.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::ensure;
use fraisier_adapter_confiture::ConfitureMigration;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Play;
use super::follower::{Follower, applies, directory_of};
use crate::stage::block_on;

/// The variable that names the program.
const NAMES: &str = "FRAISIER_CONFITURE_BIN";

pub const SCENES: &[Play] = &[
    (
        "the variable's program is not there",
        variable_names_nothing,
    ),
    ("no program is on PATH", path_has_nothing),
    ("the program may not be executed", not_executable),
    ("the builder's program is another", builder_names_another),
    ("the variable's program is another", variable_names_another),
    ("the program on PATH is another", path_has_another),
    ("the program hangs once", hangs_once),
    ("another module hides one of confiture's", hidden_module),
    ("the release has no gate to open", no_gate),
    ("the program is being written", being_written),
    ("no descriptors are left", no_descriptors),
    ("TMPDIR names nothing", no_tmpdir),
];

fn variable_names_nothing(stage: &Follower<'_>) -> anyhow::Result<()> {
    let nothing = stage.workdir().join("nothing");
    stage.program_advises(
        "current",
        &[(NAMES, &nothing)],
        "`FRAISIER_CONFITURE_BIN`, which names it",
    )?;
    stage.program_succeeds(&[(NAMES, &stage.confiture.program)])
}

fn path_has_nothing(stage: &Follower<'_>) -> anyhow::Result<()> {
    stage.program_advises("current", &[("PATH", stage.workdir())], "put it on `PATH`")?;
    stage.program_succeeds(&[("PATH", directory_of(stage.confiture)?)])?;
    stage.program_succeeds(&[("PATH", stage.workdir()), (NAMES, &stage.confiture.program)])
}

fn not_executable(stage: &Follower<'_>) -> anyhow::Result<()> {
    let program = stage.wrapper("")?;
    let allow = |mode| fs::set_permissions(&program, fs::Permissions::from_mode(mode));
    allow(0o644)?;
    let adapter = ConfitureMigration::with_program(&program);
    let outcome = block_on(adapter.up(&stage.ctx(), None));
    stage.advised(outcome, "make it executable")?;
    allow(0o755)?;
    applies(&adapter, &stage.ctx(), &["001"])
}

fn builder_names_another(stage: &Follower<'_>) -> anyhow::Result<()> {
    let another =
        ConfitureMigration::with_program(stage.script("#!/bin/sh\necho git version 2\n")?);
    stage.advised(block_on(another.describe()), "the path of confiture")?;
    block_on(stage.adapter().describe())?;
    Ok(())
}

fn variable_names_another(stage: &Follower<'_>) -> anyhow::Result<()> {
    let another = stage.script("#!/bin/sh\nexit 2\n")?;
    let env: &[(&str, &Path)] = &[(NAMES, &another)];
    stage.program_advises("describe", env, "set `FRAISIER_CONFITURE_BIN` to confiture")?;
    stage.program_advises("current", env, "doctor` to diagnose")?;
    let diagnosis = stage.runs("doctor", env)?.stdout;
    ensure!(
        diagnosis.contains("`--version` of the configured program"),
        "{diagnosis}"
    );
    stage.program_succeeds(&[(NAMES, &stage.confiture.program)])
}

fn path_has_another(stage: &Follower<'_>) -> anyhow::Result<()> {
    let another = stage.script("#!/bin/sh\nexit 2\n")?;
    fs::rename(another, stage.workdir().join("confiture"))?;
    stage.program_advises(
        "describe",
        &[("PATH", stage.workdir())],
        "put confiture first on `PATH`",
    )?;
    stage.program_succeeds(&[("PATH", directory_of(stage.confiture)?)])?;
    stage.program_succeeds(&[("PATH", stage.workdir()), (NAMES, &stage.confiture.program)])
}

/// Without a timeout, `--version` has a limit of its own.
fn hangs_once(stage: &Follower<'_>) -> anyhow::Result<()> {
    let hung = stage.workdir().join("hung");
    let hung = hung.display();
    let once = format!("[ -e '{hung}' ] || {{ : > '{hung}'; exec sleep 600; }}");
    let program = stage.wrapper(&once)?;
    let adapter = ConfitureMigration::with_program(program);
    stage.advised(block_on(adapter.describe()), "try again")?;
    block_on(adapter.describe())?;
    Ok(())
}

fn hidden_module(stage: &Follower<'_>) -> anyhow::Result<()> {
    let modules = stage.workdir().join("modules");
    fs::create_dir(&modules)?;
    fs::write(modules.join("psycopg.py"), "raise ImportError('hidden')\n")?;
    let confiture = (NAMES, stage.confiture.program.as_path());
    stage.program_advises(
        "current",
        &[confiture, ("PYTHONPATH", &modules)],
        "the variables that begin with `PYTHON`",
    )?;
    stage.program_succeeds(&[confiture])
}

fn no_gate(stage: &Follower<'_>) -> anyhow::Result<()> {
    let early = stage.world.release("0.23.0")?;
    let builder = || ConfitureMigration::builder().program(&early.program);
    let outcome = block_on(
        builder()
            .allow_destructive(true)
            .build()
            .up(&stage.ctx(), None),
    );
    stage.advised(outcome, "remove the setting `allow_destructive`")?;
    applies(&builder().build(), &stage.ctx(), &["001"])?;
    stage
        .project
        .migration("002_two", "CREATE TABLE two (id int);", "DROP TABLE two;")?;
    let newer = stage.builder().allow_destructive(true).build();
    applies(&newer, &stage.ctx(), &["002"])
}

fn being_written(stage: &Follower<'_>) -> anyhow::Result<()> {
    let program = stage.wrapper("")?;
    let adapter = ConfitureMigration::with_program(&program);
    let writer = OpenOptions::new().append(true).open(&program)?;
    let outcome = block_on(adapter.up(&stage.ctx(), None));
    stage.advised(outcome, "wait until it is written")?;
    drop(writer);
    applies(&adapter, &stage.ctx(), &["001"])
}

fn no_descriptors(stage: &Follower<'_>) -> anyhow::Result<()> {
    let before = getrlimit(Resource::Nofile);
    let open = fs::read_dir("/dev/fd")?.count() as u64;
    let adapter = stage.adapter();
    let ctx = stage.ctx();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let few = Rlimit {
        current: Some(open + 2),
        ..before
    };
    setrlimit(Resource::Nofile, few)?;
    let outcome = runtime.block_on(adapter.up(&ctx, None));
    setrlimit(Resource::Nofile, before)?;
    stage.advised(outcome, "free what is exhausted")?;
    applies(&adapter, &ctx, &["001"])
}

fn no_tmpdir(stage: &Follower<'_>) -> anyhow::Result<()> {
    let confiture = (NAMES, stage.confiture.program.as_path());
    let nowhere = stage.workdir().join("nowhere");
    stage.program_advises(
        "current",
        &[confiture, ("TMPDIR", &nowhere)],
        "set `TMPDIR` to",
    )?;
    stage.program_succeeds(&[confiture, ("TMPDIR", stage.workdir())])
}

//! The program that is to be confiture, and the machine it runs on.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use fraisier_adapter_api::MigrationAdapter as _;
use fraisier_adapter_confiture::ConfitureMigration;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Scene;
use super::stage::{Stage, applies};
use crate::live::call::block_on;
use contract_lab::confiture::{Candidate, Installed, install};
use contract_lab::{Lab, LabArgs};

/// The variable that names the program.
const NAMES: &str = "FRAISIER_CONFITURE_BIN";

pub(super) const SCENES: &[Scene] = &[
    ("the builder's program is not there", builder_names_nothing),
    (
        "the variable's program is not there",
        variable_names_nothing,
    ),
    ("no program is on PATH", path_has_nothing),
    ("the environment's Python is gone", python_is_gone),
    ("the program may not be executed", not_executable),
    ("the builder's program is another", builder_names_another),
    ("the variable's program is another", variable_names_another),
    ("the program on PATH is another", path_has_another),
    ("the program hangs once", hangs_once),
    ("the release has no preflight", too_old),
    ("a pre-release", pre_release),
    ("the release does not know an option", unknown_option),
    ("the release has no gate to open", no_gate),
    ("the program is being written", being_written),
    ("no descriptors are left", no_descriptors),
    ("TMPDIR names nothing", no_tmpdir),
    ("the report is too large", large_report),
];

fn builder_names_nothing(stage: &Stage<'_>) -> anyhow::Result<()> {
    let environment = own_environment(stage, &Candidate::Newest)?;
    fs::remove_file(&environment.program)?;
    let adapter = ConfitureMigration::with_program(&environment.program);
    let outcome = block_on(adapter.up(&stage.ctx(), None))?;
    let advice = stage.advised(outcome, "install it there")?;
    // What is left of it has to go first, as pip itself would say.
    let rest = environment.program.with_file_name("python");
    ensure!(rest.exists(), "the environment has no Python");
    let advice = advice.replace("(pip install ", "(pip install --force-reinstall ");
    stage.pip_install(root_of(&environment)?, &advice)?;
    applies(&adapter, &stage.ctx(), &["001"])
}

fn variable_names_nothing(stage: &Stage<'_>) -> anyhow::Result<()> {
    let nothing = stage.workdir().join("nothing");
    stage.asks_and_is_advised(
        "current",
        &[(NAMES, &nothing)],
        "`FRAISIER_CONFITURE_BIN`, which names it",
    )?;
    stage.asks_and_is_answered(&[(NAMES, &stage.confiture.program)])
}

fn path_has_nothing(stage: &Stage<'_>) -> anyhow::Result<()> {
    stage.asks_and_is_advised("current", &[("PATH", stage.workdir())], "put it on `PATH`")?;
    stage.asks_and_is_answered(&[("PATH", directory_of(stage.confiture)?)])?;
    stage.asks_and_is_answered(&[("PATH", stage.workdir()), (NAMES, &stage.confiture.program)])
}

fn python_is_gone(stage: &Stage<'_>) -> anyhow::Result<()> {
    let environment = own_environment(stage, &Candidate::Newest)?;
    let root = root_of(&environment)?;
    fs::remove_file(environment.program.with_file_name("python"))?;
    let adapter = ConfitureMigration::with_program(&environment.program);
    let outcome = block_on(adapter.up(&stage.ctx(), None))?;
    stage.advised(outcome, "make its virtual environment anew")?;
    fs::remove_dir_all(root)?;
    own_environment(stage, &Candidate::Newest)?;
    applies(&adapter, &stage.ctx(), &["001"])
}

fn not_executable(stage: &Stage<'_>) -> anyhow::Result<()> {
    let program = stage.wrapper("")?;
    let allow = |mode| fs::set_permissions(&program, fs::Permissions::from_mode(mode));
    allow(0o644)?;
    let adapter = ConfitureMigration::with_program(&program);
    let outcome = block_on(adapter.up(&stage.ctx(), None))?;
    stage.advised(outcome, "make it executable")?;
    allow(0o755)?;
    applies(&adapter, &stage.ctx(), &["001"])
}

fn builder_names_another(stage: &Stage<'_>) -> anyhow::Result<()> {
    let another =
        ConfitureMigration::with_program(stage.script("#!/bin/sh\necho git version 2\n")?);
    stage.advised(
        block_on(another.describe())?,
        "the `program` that is confiture",
    )?;
    block_on(stage.adapter().describe())??;
    Ok(())
}

fn variable_names_another(stage: &Stage<'_>) -> anyhow::Result<()> {
    let another = stage.script("#!/bin/sh\nexit 2\n")?;
    let env: &[(&str, &Path)] = &[(NAMES, &another)];
    stage.asks_and_is_advised("describe", env, "let `FRAISIER_CONFITURE_BIN` name")?;
    stage.asks_and_is_advised("current", env, "doctor` looks closer")?;
    let diagnosis = stage.asks("doctor", env)?.stdout;
    ensure!(
        diagnosis.contains("`--version` of the configured program"),
        "{diagnosis}"
    );
    stage.asks_and_is_answered(&[(NAMES, &stage.confiture.program)])
}

fn path_has_another(stage: &Stage<'_>) -> anyhow::Result<()> {
    let another = stage.script("#!/bin/sh\nexit 2\n")?;
    fs::rename(another, stage.workdir().join("confiture"))?;
    stage.asks_and_is_advised(
        "describe",
        &[("PATH", stage.workdir())],
        "put confiture first on `PATH`",
    )?;
    stage.asks_and_is_answered(&[("PATH", directory_of(stage.confiture)?)])?;
    stage.asks_and_is_answered(&[("PATH", stage.workdir()), (NAMES, &stage.confiture.program)])
}

fn hangs_once(stage: &Stage<'_>) -> anyhow::Result<()> {
    let hung = stage.workdir().join("hung");
    let hung = hung.display();
    let once = format!("[ -e '{hung}' ] || {{ : > '{hung}'; exec sleep 600; }}");
    let program = stage.wrapper(&once)?;
    let adapter = ConfitureMigration::builder()
        .program(program)
        .timeout(Duration::from_secs(10))
        .build();
    stage.advised(block_on(adapter.describe())?, "try again")?;
    block_on(adapter.describe())??;
    Ok(())
}

fn too_old(stage: &Stage<'_>) -> anyhow::Result<()> {
    let environment = own_environment(stage, &"0.20.0".parse::<Candidate>()?)?;
    upgraded(stage, &environment)
}

/// A pre-release satisfies `>=`, so that installing this has to replace it.
fn pre_release(stage: &Stage<'_>) -> anyhow::Result<()> {
    let environment = own_environment(stage, &Candidate::Newest)?;
    let version = &environment.version;
    let packages = fs::read_dir(root_of(&environment)?.join("lib"))?
        .next()
        .context("the environment has no library")??
        .path()
        .join("site-packages");
    let named = |version: &str| format!("fraiseql_confiture-{version}.dist-info");
    let (old, new) = (named(version), named("99.0.0rc1"));
    fs::rename(packages.join(&old), packages.join(&new))?;
    for (file, from, to) in [
        (
            "METADATA",
            format!("\nVersion: {version}\n"),
            "\nVersion: 99.0.0rc1\n".to_owned(),
        ),
        ("RECORD", old, new.clone()),
    ] {
        let path = packages.join(&new).join(file);
        let text = fs::read_to_string(&path)?;
        ensure!(text.contains(&from), "{file} does not hold {from:?}");
        fs::write(&path, text.replace(&from, &to))?;
    }
    upgraded(stage, &environment)
}

/// A preflight that needs another release, which is then installed.
fn upgraded(stage: &Stage<'_>, environment: &Installed) -> anyhow::Result<()> {
    let preflight = || {
        let adapter = ConfitureMigration::with_program(&environment.program);
        block_on(async move { adapter.preflight(&stage.ctx()).await })
    };
    let advice = stage.advised(preflight()?, "install a release")?;
    stage.pip_install(root_of(environment)?, &advice)?;
    preflight()?.context("the advice was followed")?;
    Ok(())
}

fn unknown_option(stage: &Stage<'_>) -> anyhow::Result<()> {
    let environment = own_environment(stage, &Candidate::Newest)?;
    let confiture = environment.program.display();
    // What confiture prints about an option that it does not know, for one that the adapter uses.
    let older = stage.script(&format!(
        "#!/bin/sh\ncase \"$*\" in\n\
         *--lock-timeout*) exec '{confiture}' migrate up --no-such-option ;;\n\
         *) exec '{confiture}' \"$@\" ;;\nesac\n"
    ))?;
    let builder = || ConfitureMigration::builder().lock_timeout_ms(5000);
    let outcome = block_on(builder().program(older).build().up(&stage.ctx(), None))?;
    let advice = stage.advised(outcome, "install a newer release")?;
    stage.pip_install(root_of(&environment)?, &advice)?;
    let newer = builder().program(&environment.program).build();
    applies(&newer, &stage.ctx(), &["001"])
}

fn no_gate(stage: &Stage<'_>) -> anyhow::Result<()> {
    let early = stage.release("0.23.0")?;
    let builder = || ConfitureMigration::builder().program(&early.program);
    let outcome = block_on(
        builder()
            .allow_destructive(true)
            .build()
            .up(&stage.ctx(), None),
    )?;
    stage.advised(outcome, "take back the setting `allow_destructive`")?;
    applies(&builder().build(), &stage.ctx(), &["001"])?;
    stage.migration("002_two", "CREATE TABLE two (id int);", "DROP TABLE two;")?;
    let newer = stage.builder().allow_destructive(true).build();
    applies(&newer, &stage.ctx(), &["002"])
}

fn being_written(stage: &Stage<'_>) -> anyhow::Result<()> {
    let program = stage.wrapper("")?;
    let adapter = ConfitureMigration::with_program(&program);
    let writer = OpenOptions::new().append(true).open(&program)?;
    let outcome = block_on(adapter.up(&stage.ctx(), None))?;
    stage.advised(outcome, "wait until it is written")?;
    drop(writer);
    applies(&adapter, &stage.ctx(), &["001"])
}

fn no_descriptors(stage: &Stage<'_>) -> anyhow::Result<()> {
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

fn no_tmpdir(stage: &Stage<'_>) -> anyhow::Result<()> {
    let confiture = (NAMES, stage.confiture.program.as_path());
    let nowhere = stage.workdir().join("nowhere");
    stage.asks_and_is_advised(
        "current",
        &[confiture, ("TMPDIR", &nowhere)],
        "let `TMPDIR` name",
    )?;
    stage.asks_and_is_answered(&[confiture, ("TMPDIR", stage.workdir())])
}

fn large_report(stage: &Stage<'_>) -> anyhow::Result<()> {
    let outcome = block_on(
        stage
            .builder()
            .report_limit(20)
            .build()
            .up(&stage.ctx(), None),
    )?;
    stage.advised(outcome, "`report_limit`")?;
    // It was applied all the same, as the message says it may have been.
    let head = block_on(stage.adapter().current_revision(&stage.ctx()))??;
    ensure!(head.is_some(), "nothing was applied");
    let roomy = stage.builder().report_limit(1 << 20).build();
    applies(&roomy, &stage.ctx(), &[])
}

/// An environment of this run alone: a scene may change it, and leaves one that works.
fn own_environment(stage: &Stage<'_>, candidate: &Candidate) -> anyhow::Result<Installed> {
    let args = LabArgs {
        cache_dir: Some(stage.environments.into()),
        ..LabArgs::default()
    };
    install(&Lab::new(args, stage.lab.ui)?, candidate)
}

fn directory_of(confiture: &Installed) -> anyhow::Result<&Path> {
    confiture.program.parent().context("a program at the root")
}

fn root_of(confiture: &Installed) -> anyhow::Result<&Path> {
    directory_of(confiture)?.parent().context("no environment")
}

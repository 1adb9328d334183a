//! The environment of confiture, and the release in it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use fraisier_adapter_api::MigrationAdapter as _;
use fraisier_adapter_confiture::ConfitureMigration;

use super::Scene;
use super::stage::{Stage, applies, directory_of};
use crate::live::call::block_on;
use contract_lab::confiture::{Candidate, Installed, install};
use contract_lab::{Lab, LabArgs};

pub(super) const SCENES: &[Scene] = &[
    ("the builder's program is not there", builder_names_nothing),
    ("the environment's Python is gone", python_is_gone),
    ("the release has no preflight", too_old),
    ("a pre-release", pre_release),
    ("the release does not know an option", unknown_option),
];

fn builder_names_nothing(stage: &Stage<'_>) -> anyhow::Result<()> {
    let environment = own_environment(stage, &Candidate::Newest)?;
    fs::remove_file(&environment.program)?;
    fs::remove_dir_all(metadata_of(&environment)?)?;
    let adapter = ConfitureMigration::with_program(&environment.program);
    let outcome = block_on(adapter.up(&stage.ctx(), None))?;
    let advice = stage.advised(outcome, "install it there")?;
    stage.pip_install(root_of(&environment)?, &advice)?;
    applies(&adapter, &stage.ctx(), &["001"])
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

fn too_old(stage: &Stage<'_>) -> anyhow::Result<()> {
    let environment = own_environment(stage, &"0.20.0".parse::<Candidate>()?)?;
    upgraded(stage, &environment)
}

fn pre_release(stage: &Stage<'_>) -> anyhow::Result<()> {
    const NEWER: &str = "99.0.0rc1";
    let environment = own_environment(stage, &Candidate::Newest)?;
    let version = &environment.version;
    let (from, to) = (
        metadata_of(&environment)?,
        metadata_of(&Installed {
            version: NEWER.into(),
            ..environment.clone()
        })?,
    );
    fs::rename(&from, &to)?;
    for (file, old, new) in [
        (
            "METADATA",
            format!("\nVersion: {version}\n"),
            format!("\nVersion: {NEWER}\n"),
        ),
        (
            "RECORD",
            format!("-{version}.dist-info/"),
            format!("-{NEWER}.dist-info/"),
        ),
    ] {
        let path = to.join(file);
        let text = fs::read_to_string(&path)?;
        ensure!(text.contains(&old), "{file} does not hold {old:?}");
        fs::write(&path, text.replace(&old, &new))?;
    }
    upgraded(stage, &environment)
}

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

fn own_environment(stage: &Stage<'_>, candidate: &Candidate) -> anyhow::Result<Installed> {
    let args = LabArgs {
        cache_dir: Some(stage.environments.into()),
        ..LabArgs::default()
    };
    install(&Lab::new(args, stage.lab.ui)?, candidate)
}

fn root_of(confiture: &Installed) -> anyhow::Result<&Path> {
    directory_of(confiture)?.parent().context("no environment")
}

fn metadata_of(confiture: &Installed) -> anyhow::Result<PathBuf> {
    let python = fs::read_dir(root_of(confiture)?.join("lib"))?
        .next()
        .context("the environment has no library")??;
    let named = format!("fraiseql_confiture-{}.dist-info", confiture.version);
    Ok(python.path().join("site-packages").join(named))
}

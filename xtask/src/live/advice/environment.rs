//! The environment of confiture, and the release in it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use contract_lab::confiture::Installed;
use contract_lab::confiture::copy::{Environment, packages};
use fraisier_adapter_confiture::ConfitureMigration;

use super::Play;
use super::follower::{Follower, applies};
use crate::stage::block_on;

pub const SCENES: &[Play] = &[
    ("the builder's program is not there", builder_names_nothing),
    ("the environment's Python is gone", python_is_gone),
    ("the release has no preflight", too_old),
    ("a pre-release", pre_release),
    ("the release does not know an option", unknown_option),
];

fn builder_names_nothing(stage: &Follower<'_>) -> anyhow::Result<()> {
    let own = Environment::copy(&stage.confiture.program)?;
    fs::remove_file(own.program())?;
    fs::remove_dir_all(metadata_of(&own, stage.confiture)?)?;
    let adapter = ConfitureMigration::with_program(own.program());
    let outcome = block_on(adapter.up(&stage.ctx(), None));
    let advice = stage.advised(outcome, "install it there")?;
    stage.pip_install(own.path(), &advice)?;
    applies(&adapter, &stage.ctx(), &["001"])
}

fn python_is_gone(stage: &Follower<'_>) -> anyhow::Result<()> {
    let own = Environment::copy(&stage.confiture.program)?;
    fs::remove_file(own.program().with_file_name("python"))?;
    let adapter = ConfitureMigration::with_program(own.program());
    let outcome = block_on(adapter.up(&stage.ctx(), None));
    stage.advised(outcome, "recreate its virtual environment")?;
    own.renew(&stage.confiture.program)?;
    applies(&adapter, &stage.ctx(), &["001"])
}

fn too_old(stage: &Follower<'_>) -> anyhow::Result<()> {
    let old = stage.world.release("0.20.0")?;
    upgraded(stage, &Environment::copy(&old.program)?)
}

fn pre_release(stage: &Follower<'_>) -> anyhow::Result<()> {
    const NEWER: &str = "99.0.0rc1";
    let own = Environment::copy(&stage.confiture.program)?;
    let version = &stage.confiture.version;
    let newer = Installed {
        version: NEWER.into(),
        ..stage.confiture.clone()
    };
    let to = metadata_of(&own, &newer)?;
    fs::rename(metadata_of(&own, stage.confiture)?, &to)?;
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
        ensure!(text.contains(&old), "{file} does not contain {old:?}");
        fs::write(&path, text.replace(&old, &new))?;
    }
    upgraded(stage, &own)
}

fn upgraded(stage: &Follower<'_>, own: &Environment) -> anyhow::Result<()> {
    let adapter = || ConfitureMigration::with_program(own.program());
    let outcome = block_on(adapter().preflight(&stage.ctx()));
    let advice = stage.advised(outcome, "install a release")?;
    stage.pip_install(own.path(), &advice)?;
    block_on(adapter().preflight(&stage.ctx())).context("the advice was followed")?;
    Ok(())
}

fn unknown_option(stage: &Follower<'_>) -> anyhow::Result<()> {
    let own = Environment::copy(&stage.confiture.program)?;
    let confiture = own.program();
    // What confiture prints about an unknown option, with an option that the adapter passes.
    let older = stage.script(&format!(
        "#!/bin/sh\ncase \"$*\" in\n\
         *--lock-timeout*) exec '{0}' migrate up --no-such-option ;;\n\
         *) exec '{0}' \"$@\" ;;\nesac\n",
        confiture.display()
    ))?;
    let builder = || ConfitureMigration::builder().lock_timeout_ms(5000);
    let outcome = block_on(builder().program(older).build().up(&stage.ctx(), None));
    let advice = stage.advised(outcome, "install a newer release")?;
    stage.pip_install(own.path(), &advice)?;
    let newer = builder().program(&confiture).build();
    applies(&newer, &stage.ctx(), &["001"])
}

fn metadata_of(environment: &Environment, confiture: &Installed) -> anyhow::Result<PathBuf> {
    let named = format!("fraiseql_confiture-{}.dist-info", confiture.version);
    Ok(packages(environment.path())?.join(named))
}

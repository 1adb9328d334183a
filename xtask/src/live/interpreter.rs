//! Migrations in Python that end the interpreter, after another migration was applied.

use anyhow::{Context as _, ensure};
use contract_lab::confiture::{Candidate, Installed};
use fraisier_adapter_api::AdapterErrorKind;

use super::{Group, LiveArgs};
use crate::harness::{Scene, World};
use crate::stage::Stage;

pub const GROUP: Group = Group {
    name: "interpreter",
    // The oldest, one that prints each migration as it begins it, and the newest.
    releases: &["0.20.0", "0.44.0", "newest"],
    scenes,
};

/// Exit statuses of confiture that each decide a kind of failure.
const STATUSES: [u8; 7] = [0, 1, 2, 3, 5, 6, 8];

fn scenes(_: &LiveArgs, _: &Candidate) -> Vec<Scene> {
    let mut scenes = Vec::new();
    let mut add = |name: &str, ending: &str, says: &str| {
        let (ending, says) = (ending.to_owned(), says.to_owned());
        scenes.push(Scene::new(name, move |world, confiture| {
            ends(world, confiture, &ending, &says)
        }));
    };
    for status in STATUSES {
        for exit in ["os._exit", "sys.exit"] {
            let exit = format!("{exit}({status})");
            add(&exit, &exit, &format!("exit status {status}"));
        }
    }
    // Both exit with 2, like confiture after a usage error.
    let argparse = "__import__('argparse').ArgumentParser().parse_args(['--seed'])";
    let says = "unrecognized arguments: --seed";
    add("the usage text of argparse", argparse, says);
    let typer = "__import__('typer').run(lambda: None)";
    let typer = format!("sys.argv[1:] = ['--seed']\n    {typer}");
    add("the usage text of typer", &typer, "No such option: --seed");
    add(
        "a signal",
        "os.kill(os.getpid(), 15)",
        "killed by signal 15",
    );
    add("an interrupt", "raise KeyboardInterrupt", "");
    add("a text", "sys.exit('boom')", "");
    for code in ["CONFIG_006", "LOCK_1300", "PRECON_1001"] {
        let errors = "__import__('confiture.exceptions').exceptions";
        let raise = format!("raise {errors}.ConfigurationError('as if', error_code='{code}')");
        add(&format!("an error with {code}"), &raise, "");
    }
    scenes
}

/// Checks that 001 remains, and that nothing claims that the database is unchanged.
fn ends(world: &World, confiture: &Installed, ending: &str, says: &str) -> anyhow::Result<()> {
    let stage = Stage::new(world, confiture)?;
    stage.project.table("001")?;
    stage.project.python(
        "002_m002",
        &format!("def up(self):\n    import os, sys\n    {ending}\ndef down(self):\n    pass"),
    )?;
    let error = stage.up().err().context("it succeeded")?;
    let kind = error.kind();
    let is_harmless = matches!(
        kind,
        AdapterErrorKind::LockContention
            | AdapterErrorKind::DbUnreachable
            | AdapterErrorKind::PreconditionFailed
            | AdapterErrorKind::InvalidConfig
    );
    ensure!(
        !is_harmless && !error.state().is_unchanged(),
        "{kind}: {error}"
    );
    let message = error.to_string();
    ensure!(message.contains(says), "it does not say {says}: {message}");
    ensure!(!message.contains("not changed"), "{message}");
    stage.is_at(&["001"])
}

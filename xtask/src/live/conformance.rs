//! The duties of the trait, checked with the suite that every adapter can run.

use anyhow::ensure;
use contract_lab::command::run;
use contract_lab::confiture::{Candidate, Installed};
use fraisier_adapter_api::AdapterCtx;
use fraisier_adapter_testing::conformance::{self, Duty, Fixture};

use super::{Group, LiveArgs};
use crate::cargo::{cargo, root};
use crate::harness::{Scene, World};
use crate::stage::{Stage, block_on};

pub const GROUP: Group = Group {
    name: "conformance",
    // One without preflight, one without tiers, one without a report of an `up` with nothing to do, and
    // the newest.
    releases: &["0.20.0", "0.23.0", "0.44.0", "newest"],
    scenes,
};

const MIGRATIONS: [&str; 3] = ["001", "002", "003"];

fn scenes(_: &LiveArgs, candidate: &Candidate) -> Vec<Scene> {
    let mut scenes = vec![Scene::new("duties", check)];
    if *candidate == Candidate::Newest {
        scenes.push(Scene::new("shipped adapter", check_shipped));
    }
    scenes
}

/// Nothing listens on port 1.
const UNREACHABLE: &str = "postgresql://shop:hunter2@127.0.0.1:1/shop";

/// One with all migrations, and one whose second fails.
fn stages<'a>(world: &'a World, confiture: &'a Installed) -> anyhow::Result<[Stage<'a>; 2]> {
    let stage = Stage::new(world, confiture)?;
    for version in MIGRATIONS {
        stage.project.table(version)?;
    }
    let broken = Stage::new(world, confiture)?;
    broken.project.table("001")?;
    broken.project.table_and("002", "SELECT 1 / 0;", "")?;
    Ok([stage, broken])
}

fn check(world: &World, confiture: &Installed) -> anyhow::Result<()> {
    let [stage, broken] = stages(world, confiture)?;
    let fixture = Fixture::new(stage.ctx(), MIGRATIONS)
        .with_broken(broken.ctx(), ["001"])
        .with_unreachable(stage.ctx_with(UNREACHABLE))
        .with_secret("hunter2");
    let report = block_on(conformance::run(&stage.adapter(), &fixture));

    let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    ensure!(findings.is_empty(), "{}", findings.join("\n"));
    let unchecked: Vec<Duty> = report.unchecked().collect();
    let without_preflight = [Duty::PreflightVerdict, Duty::PreflightPromises];
    ensure!(
        unchecked.is_empty() || unchecked == without_preflight,
        "not checked: {unchecked:?}"
    );
    Ok(())
}

/// The adapter that fraisier is shipped with, in the workspace of the bridge.
fn check_shipped(world: &World, confiture: &Installed) -> anyhow::Result<()> {
    let [stage, broken] = stages(world, confiture)?;
    let task = world.lab.ui.spin("testing the shipped adapter");
    let mut command = cargo();
    command
        .args(["test", "--quiet", "--locked", "--ignore-rust-version"])
        .args(["--test", "peer", "--target-dir", "../../target"])
        .args(["--", "--ignored", "--nocapture"])
        .current_dir(root().join("crates/fraisier-core-bridge"))
        .env("PEER_PROGRAM", &confiture.program);
    for (name, stage, dsn) in [
        ("PEER_CTX", &stage, stage.database.dsn()),
        ("PEER_BROKEN", &broken, broken.database.dsn()),
        ("PEER_UNREACHABLE", &stage, UNREACHABLE.to_owned()),
    ] {
        let secret = format!("{name}_DSN");
        let mut ctx = AdapterCtx::new("shop", "live").with_env_secret("DATABASE_URL", &secret);
        ctx.workdir = stage.workdir().into();
        command.env(name, serde_json::to_string(&ctx)?);
        command.env(secret, dsn);
    }
    let output = run(&mut command)?;
    drop(task);
    let (stdout, stderr) = (&output.stdout, &output.stderr);
    ensure!(output.status.success(), "{stdout}{stderr}");
    Ok(())
}

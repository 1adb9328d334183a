//! The duties of the trait, checked with the suite that every adapter can run.

use anyhow::ensure;
use contract_lab::confiture::{Candidate, Installed};
use contract_tests::release::Release;
use fraisier_adapter_testing::conformance::{self, Duty, Fixture};

use crate::harness::{Scene, World};
use crate::stage::{Stage, block_on};

/// One without preflight, one without tiers, one without a report of an `up` with nothing to do, and
/// the newest.
const RELEASES: [Candidate; 4] = [
    Candidate::Release(Release::new(0, 20, 0)),
    Candidate::Release(Release::new(0, 23, 0)),
    Candidate::Release(Release::new(0, 44, 0)),
    Candidate::Newest,
];

const MIGRATIONS: [&str; 3] = ["001", "002", "003"];

pub fn scenes(chosen: &[Candidate]) -> Vec<Scene> {
    let candidates = super::or(chosen, &RELEASES).iter();
    let scene = |candidate| Scene::new("conformance", candidate, "duties", check);
    candidates.map(scene).collect()
}

fn check(world: &World, confiture: &Installed) -> anyhow::Result<()> {
    let stage = Stage::new(world, confiture)?;
    for version in MIGRATIONS {
        stage.project.table(version)?;
    }
    let broken = Stage::new(world, confiture)?;
    broken.project.table("001")?;
    broken.project.table_and("002", "SELECT 1 / 0;", "")?;

    // Nobody listens on port 1.
    let unreachable = stage.ctx_with("postgresql://shop:hunter2@127.0.0.1:1/shop");
    let fixture = Fixture::new(stage.ctx(), MIGRATIONS)
        .with_broken(broken.ctx(), ["001"])
        .with_unreachable(unreachable)
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

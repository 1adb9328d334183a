//! `doctor` of the adapter's program, on projects that are broken one way each.

mod broken;
mod encrypted;
mod scene;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use contract_gate::run::terms::base_version;
use contract_lab::Lab;
use contract_lab::command::run_within;
use contract_lab::confiture::{Candidate, Installed};
use contract_lab::postgres::{Database, Server};
use contract_lab::ui;
use contract_tests::release::Release;

use self::scene::{DSN, Expected, Scene};
use crate::demo::project::Project;
use crate::exit::Unexpected;
use crate::program;

/// One that lacks `window_safe`, the first that classifies, and the newest: what they print and what
/// they write into the ledger differs.
pub const RELEASES: [Candidate; 3] = [
    Candidate::Release(Release::new(0, 22, 0)),
    Candidate::Release(Release::new(0, 44, 0)),
    Candidate::Newest,
];

/// How many checks there are, whatever is broken.
const CHECKS: usize = 20;

/// No diagnosis takes longer, whatever is broken.
const LIMIT: Duration = Duration::from_secs(90);

/// Runs `doctor` on every project.
///
/// # Errors
/// When it does not find what is broken, or changes anything.
pub(super) fn run(lab: &Lab, confiture: &Installed, server: &Server) -> anyhow::Result<()> {
    let program = program::build(lab.ui)?;
    let healthy = server.create_unique_database("doctor")?;
    let project = Project::copy_for(&confiture.version)?;
    let mut up = command(&program, project.root(), &environment(confiture, &healthy));
    up.args(["up", "--json"]);
    let applied = run_within(&mut up, LIMIT)?;
    ensure!(
        applied.status.success(),
        "`up` failed: {}{}",
        applied.stdout,
        applied.stderr
    );

    anstream::println!("doctor, with confiture {}", confiture.version);
    let mut wrong = 0;
    for (name, breaks) in broken::all() {
        let database = server.create_unique_copy("doctor", &healthy)?;
        let mut scene = Scene {
            lab,
            release: base_version(&confiture.version).context("no version")?,
            project: Project::copy_for(&confiture.version)?,
            env: environment(confiture, &database),
            database,
        };
        let (expected, _kept) =
            breaks(&mut scene).with_context(|| format!("cannot break: {name}"))?;
        let began = Instant::now();
        let verdict = judge(&program, &scene, expected);
        let took = ui::seconds(began.elapsed());
        match verdict {
            Ok(()) => anstream::println!("  {} {took:>6}  {name}", ui::good("ok")),
            Err(why) => {
                wrong += 1;
                anstream::println!("  {} {took:>6}  {name}: {why:#}", ui::bad("no"));
            }
        }
    }
    if wrong > 0 {
        let all = broken::all().count();
        return Err(Unexpected(format!("doctor was wrong on {wrong} of {all} projects")).into());
    }
    Ok(())
}

fn environment(confiture: &Installed, database: &Database<'_>) -> BTreeMap<&'static str, OsString> {
    BTreeMap::from([
        ("FRAISIER_CONFITURE_BIN", confiture.program.clone().into()),
        (DSN, database.dsn().into()),
    ])
}

fn command(program: &Path, project: &Path, env: &BTreeMap<&'static str, OsString>) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--workdir".as_ref(), project.as_os_str()])
        .envs(env);
    command
}

fn judge(program: &Path, scene: &Scene<'_>, expected: Option<Expected>) -> anyhow::Result<()> {
    let before = scene.fingerprint()?;
    let mut doctor = command(program, scene.project.root(), &scene.env);
    if !scene.env.contains_key(DSN) {
        doctor.env_remove(DSN);
    }
    doctor.args(["doctor", "--json"]);
    let left = run_within(&mut doctor, LIMIT)?;
    let text = format!("{}{}", left.stdout, left.stderr);
    ensure!(!text.contains(&scene.password()?), "the password is in it");
    ensure!(
        scene.fingerprint()? == before,
        "the database is another one afterwards"
    );
    let diagnosis: Value = serde_json::from_str(&left.stdout).with_context(|| text.clone())?;
    let checks = diagnosis["checks"].as_array().context("no checks")?;
    ensure!(
        checks.len() == CHECKS,
        "{} checks instead of {CHECKS}",
        checks.len()
    );
    let status = left.status.code();
    let Some(Expected {
        check,
        status: wanted,
        says,
    }) = expected
    else {
        ensure!(status == Some(0), "exit status {status:?}: {text}");
        let old = !scene.since("0.23.0");
        let is_well = |it: &Value| {
            it["status"]
                == if old && it["check"] == "version" {
                    "warn"
                } else {
                    "ok"
                }
        };
        ensure!(checks.iter().all(is_well), "{text}");
        return Ok(());
    };
    let Some(found) = checks.iter().find(|found| found["check"] == check) else {
        bail!("no check {check}: {text}");
    };
    let evidence = found["evidence"].as_str().unwrap_or_default();
    ensure!(
        found["status"] == wanted && evidence.contains(says),
        "{found}"
    );
    let failed = checks.iter().any(|check| check["status"] == "fail");
    let unknown = checks.iter().any(|check| check["status"] == "unknown");
    let exit = if failed {
        3
    } else if unknown {
        4
    } else {
        0
    };
    ensure!(
        status == Some(exit),
        "exit status {status:?} instead of {exit}"
    );
    Ok(())
}

//! `doctor` of the adapter's program, on projects that are each broken in one way.

mod broken;
mod subject;

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use contract_lab::command::{Output, run_within, signal_group, wait_for};
use contract_lab::confiture::Installed;
use rustix::process::Signal;
use serde_json::Value;

use self::broken::{Finding, Row};
use self::subject::{CONFITURE, DSN, Subject};
use super::Group;
use crate::harness::{Scene, World};
use crate::project::Project;
use crate::stage::{Stage, wait};

pub const GROUP: Group = Group {
    name: "doctor",
    // One that applies edited files, and the newest: they print and write different things.
    releases: &["0.23.0", "newest"],
    scenes: |_, _| {
        let scene = |row: Row| {
            let name = row.name.clone();
            Scene::new(name, move |world, confiture| judge(row, world, confiture))
        };
        let signal = Scene::new("a signal", signal);
        let rows = broken::all().into_iter();
        rows.map(scene).chain([signal]).collect()
    },
};

/// No diagnosis takes longer, whatever is broken.
const LIMIT: Duration = Duration::from_secs(90);

/// How soon it ends after a signal.
const PROMPTLY: Duration = Duration::from_secs(2);

/// A signal ends it, whatever it waits for.
fn signal(world: &World, confiture: &Installed) -> anyhow::Result<()> {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    silent.set_nonblocking(true)?;
    let mut doctor = Command::new(world.program()?)
        .arg("doctor")
        .env(CONFITURE, &confiture.program)
        .env(DSN, format!("postgresql://{}/shop", silent.local_addr()?))
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()?;
    let connected = wait(LIMIT, || Ok(silent.accept().is_ok()))?;
    ensure!(connected, "it did not connect");
    signal_group(&doctor, Signal::INT);
    ensure!(wait_for(&mut doctor, PROMPTLY), "it did not end");
    let status = doctor.wait()?.code();
    ensure!(status == Some(130), "exit status {status:?}");
    Ok(())
}

/// Deploys the sample project, breaks it, and runs `doctor` on it.
fn judge(row: Row, world: &World, confiture: &Installed) -> anyhow::Result<()> {
    let project = Project::sample(&confiture.version)?;
    let stage = Stage::of(world, confiture, project)?;
    stage.up()?;
    let mut broken = Subject::new(stage);
    let advises = row.advises.clone();
    let (expected, _kept) = row.breaks(&mut broken).context("it cannot be broken")?;
    let before = broken.fingerprint()?;
    let mut doctor = Command::new(world.program()?);
    doctor
        .args(["--workdir".as_ref(), broken.project.root().as_os_str()])
        .args(["doctor", "--json"])
        .env_remove(DSN)
        .envs(&broken.env);
    let output = run_within(&mut doctor, LIMIT)?;
    let printed = format!("{}{}", output.stdout, output.stderr);
    ensure!(
        !printed.contains(&broken.endpoint()?.password),
        "it printed the password"
    );
    ensure!(broken.fingerprint()? == before, "it changed the database");
    diagnosed(&output, expected, &advises).context(printed)
}

/// Checks that the diagnosis is the expected finding, or that everything is in order.
fn diagnosed(output: &Output, expected: Option<Finding>, advises: &str) -> anyhow::Result<()> {
    let diagnosis: Value = serde_json::from_str(&output.stdout)?;
    let checks = diagnosis["checks"].as_array().context("no checks")?;
    let is = |check: &str, status: &str, says: &str| {
        checks.iter().any(|found| {
            let contains =
                |field: &str, words| found[field].as_str().unwrap_or_default().contains(words);
            found["check"] == check
                && found["status"] == status
                && contains("evidence", says)
                && contains("next", advises)
        })
    };
    if let Some((check, status, says)) = expected {
        ensure!(is(&check, &status, &says), "no {status} of {check}: {says}");
    } else {
        ensure!(
            checks.iter().all(|it| it["status"] == "ok"),
            "a check is not ok"
        );
    }
    let any = |status: &str| checks.iter().any(|check| check["status"] == status);
    let exit = match (any("fail"), any("unknown")) {
        (true, _) => 3,
        (false, true) => 4,
        (false, false) => 0,
    };
    let status = output.status.code();
    ensure!(
        status == Some(exit),
        "exit status {status:?} instead of {exit}"
    );
    Ok(())
}

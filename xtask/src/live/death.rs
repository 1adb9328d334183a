//! An engine that is killed while confiture works for it.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::ensure;
use contract_lab::confiture::Installed;

use super::slow::{Moment, Slow};
use super::{Group, host};
use crate::harness::{Scene, World};
use crate::stage::{kill_when, within};

pub const GROUP: Group = Group {
    name: "death",
    releases: &["0.23.0", "newest"],
    scenes: |_, _| {
        let scene = |moment: Moment| {
            let play = move |world: &_, confiture: &_| killed(moment, world, confiture);
            Scene::new(moment.to_string(), play)
        };
        MOMENTS.map(scene).into()
    },
};

/// How soon nothing may remain of a killed engine.
const LIMIT: Duration = Duration::from_secs(3);

/// How long the migration sleeps, so that it would be applied before the last look at the database.
const PACE: f64 = 3.0;

/// How long after the death the database is looked at once more.
const AFTERMATH: Duration = Duration::from_secs(5);

const MOMENTS: [Moment; 10] = [
    Moment::After(0),
    Moment::After(20),
    Moment::After(100),
    Moment::After(300),
    Moment::After(700),
    Moment::Connected,
    Moment::Locked,
    Moment::Asleep(0),
    Moment::Asleep(1500),
    Moment::Between,
];

fn killed(moment: Moment, world: &World, confiture: &Installed) -> anyhow::Result<()> {
    let mut slow = Slow::new(world, confiture, moment)?;
    slow.pace(PACE)?;
    let directory = tempfile::tempdir()?;
    let tmp = directory.path().join("tmp");
    fs::create_dir(&tmp)?;
    let engine = host::command(&confiture.program, &slow.stage.ctx(), &tmp)?
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    kill_when(engine, || moment.wait(&mut slow))?;
    let died = Instant::now();
    let at_death = slow.stage.state();
    within(LIMIT, || {
        let (server, files) = (slow.leftovers()?, tmp.read_dir()?.count());
        let clean = server.is_none() && files == 0;
        Ok((!clean).then(|| format!("{server:?}, {files} temporary files")))
    })?;
    std::thread::sleep(AFTERMATH.saturating_sub(died.elapsed()));
    let (at_death, later) = (at_death?, slow.stage.state()?);
    ensure!(
        later == at_death,
        "committed after the death: {at_death:?} became {later:?}"
    );
    Ok(())
}

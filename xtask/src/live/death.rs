//! A whole deploy engine that is killed while confiture works for it.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::call::Moment;
use super::engine::start;
use super::slow_project::{Sleep, SlowProject, applied_at, wait};
use crate::exit::Unexpected;
use contract_lab::Lab;
use contract_lab::confiture::{Candidate, Installed};
use contract_lab::postgres::Server;
use contract_lab::scratch::Scratch;
use contract_lab::ui::{bad, good};
use contract_tests::release::Release;

/// The releases it is shown on.
pub const RELEASES: [Candidate; 2] = [
    Candidate::Release(Release::new(0, 23, 0)),
    Candidate::Newest,
];

/// How soon nothing may be left of a killed engine.
const LIMIT: Duration = Duration::from_secs(3);

/// How long the migration sleeps, so that it would be applied well before [`SlowProject`]s are looked at
/// for the last time.
const PACE: f64 = 3.0;

/// How long after the death the database is looked at once more.
const AFTERMATH: Duration = Duration::from_secs(5);

const MOMENTS: [(Moment, Sleep); 10] = [
    (Moment::After(Duration::ZERO), Sleep::InStatement),
    (Moment::After(Duration::from_millis(20)), Sleep::InStatement),
    (
        Moment::After(Duration::from_millis(100)),
        Sleep::InStatement,
    ),
    (
        Moment::After(Duration::from_millis(300)),
        Sleep::InStatement,
    ),
    (
        Moment::After(Duration::from_millis(700)),
        Sleep::InStatement,
    ),
    (Moment::Connected, Sleep::InStatement),
    (Moment::Locked, Sleep::InStatement),
    (Moment::Asleep(Duration::ZERO), Sleep::InStatement),
    (
        Moment::Asleep(Duration::from_millis(1500)),
        Sleep::InStatement,
    ),
    (Moment::Between, Sleep::BetweenStatements),
];

/// Checks one release.
pub fn run(lab: &Lab, confiture: &Installed, server: &Server) -> anyhow::Result<()> {
    anstream::println!("death, confiture {}", confiture.version);
    let bar = lab.ui.bar(MOMENTS.len() as u64, "engines killed");
    let mut faulty = 0;
    for (moment, sleep) in MOMENTS {
        let row = killed(&confiture.program, server, moment, sleep)?;
        let mark = if row.faults.is_empty() {
            good("ok")
        } else {
            faulty += 1;
            bad(&row.faults.join("; "))
        };
        anstream::println!("  {}  {mark}", row.text);
        bar.advance();
    }
    if faulty > 0 {
        let count = MOMENTS.len();
        let text = format!("{faulty} of {count} killed engines left something behind");
        return Err(Unexpected(text).into());
    }
    Ok(())
}

struct Row {
    text: String,
    faults: Vec<String>,
}

fn killed(program: &Path, server: &Server, moment: Moment, sleep: Sleep) -> anyhow::Result<Row> {
    let mut project = SlowProject::new(server, None, sleep)?;
    project.pace(PACE)?;
    let room = Scratch::new()?;
    let tmp = room.path().join("tmp");
    fs::create_dir(&tmp)?;
    let mut engine = start::command(program, &project.ctx(), &tmp)?
        .arg("up")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    moment.wait(&mut project)?;
    engine.kill()?;
    engine.wait()?;
    let died = Instant::now();
    let committed = project.ledger()?;
    let clean = wait(LIMIT, || {
        Ok(project.sessions()? == 0 && project.locks()? == 0 && left(&tmp)? == 0)
    })?;
    let mut faults = Vec::new();
    if clean.is_none() {
        faults.push(format!(
            "after {LIMIT:?}: {} sessions, {} locks, {} temporary files",
            project.sessions()?,
            project.locks()?,
            left(&tmp)?
        ));
    }
    std::thread::sleep(AFTERMATH.saturating_sub(died.elapsed()));
    let later = project.ledger()?;
    if later != committed {
        faults.push(format!(
            "committed after the death: {committed:?} became {later:?}"
        ));
    }
    let revision = later.last().map(String::as_str);
    faults.extend(project.damage(applied_at(revision))?);
    let clean = clean.map_or("never".to_owned(), |time| {
        format!("{} ms", time.as_millis())
    });
    let at = revision.unwrap_or("none");
    Ok(Row {
        text: format!("up  killed {moment:<20} at {at:<5} clean in {clean:>8}"),
        faults,
    })
}

/// How much is in the directory for temporary files, which is the engine's alone.
fn left(tmp: &Path) -> anyhow::Result<usize> {
    Ok(tmp.read_dir()?.count())
}

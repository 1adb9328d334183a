//! Calls that are given up while a real migration runs, and what is left of them.

mod call;
mod scene;

use std::path::Path;
use std::time::{Duration, Instant};

use fraisier_adapter_api::MigrationAdapter as _;
use fraisier_adapter_confiture::ConfitureMigration;

use self::call::{Moment, Operation, Running, adapter, block_on, word};
use self::scene::{Pids, Scene, applied_at, wait};
use crate::exit::Unexpected;
use crate::lab::Lab;
use crate::lab::confiture::Installed;
use crate::lab::interrupt;
use crate::lab::postgres::{Database, Server};
use crate::lab::ui::{bad, good, warn};

/// How soon nothing may be left of a call that was given up.
const LIMIT: Duration = Duration::from_secs(2);
/// How long the migration sleeps that is to be caught asleep.
const LONG: f64 = 20.0;
/// How long it sleeps where the call is to be caught at any moment, its last ones too.
const SHORT: f64 = 0.5;

const MOMENTS: [Moment; 10] = [
    Moment::After(Duration::ZERO),
    Moment::After(Duration::from_millis(30)),
    Moment::After(Duration::from_millis(120)),
    Moment::After(Duration::from_millis(250)),
    Moment::After(Duration::from_millis(400)),
    Moment::Connected,
    Moment::Locked,
    Moment::Asleep(Duration::ZERO),
    Moment::Asleep(Duration::from_millis(300)),
    Moment::Asleep(Duration::from_millis(1500)),
];

/// Checks one release on one server.
pub fn run(lab: &Lab, confiture: &Installed, server: &Server) -> anyhow::Result<()> {
    anstream::println!("cancel, confiture {}", confiture.version);
    let mut table = Table::default();
    let head = at_head(&confiture.program, server)?;
    for (operation, start) in [(Operation::Up, None), (Operation::DownTo, Some(&head))] {
        let subject = Subject {
            program: &confiture.program,
            server,
            operation,
            start,
        };
        let bar = lab.ui.bar(20, &format!("{operation} given up"));
        for moment in MOMENTS {
            let row = subject.by_drop(moment)?;
            table.add(&row);
            bar.advance();
        }
        let whole = subject.uninterrupted()?;
        for tenth in 1..=10 {
            let timeout = whole * tenth / 10;
            let row = subject.by_timeout(timeout)?;
            table.add(&row);
            bar.advance();
        }
        drop(bar);
    }
    for check in [Some(Duration::from_millis(500)), None] {
        table.add(&killed(&confiture.program, server, check)?);
    }
    table.verdict()
}

/// A line of the table, and what is wrong in it.
struct Row {
    text: String,
    /// Ledger and tables disagree, which is confiture's doing and not the adapter's.
    torn: bool,
    faults: Vec<String>,
}

#[derive(Default)]
struct Table {
    rows: usize,
    torn: usize,
    faults: usize,
}

impl Table {
    fn add(&mut self, row: &Row) {
        self.rows += 1;
        self.torn += usize::from(row.torn);
        self.faults += usize::from(!row.faults.is_empty());
        let mark = match (row.faults.is_empty(), row.torn) {
            (true, false) => good("ok"),
            (true, true) => String::new(),
            (false, _) => bad(&row.faults.join("; ")),
        };
        anstream::println!("  {}  {mark}", row.text);
    }

    fn verdict(&self) -> anyhow::Result<()> {
        let Self { rows, torn, faults } = self;
        anstream::println!("  {rows} cases, {torn} torn by confiture, {faults} with faults");
        if *faults > 0 {
            let text = format!("{faults} of {rows} given-up calls left something behind");
            return Err(Unexpected(text).into());
        }
        Ok(())
    }
}

/// A database with everything applied.
fn at_head<'server>(program: &Path, server: &'server Server) -> anyhow::Result<Database<'server>> {
    let scene = Scene::new(server, None)?;
    let (adapter, _) = adapter(program, |builder| builder);
    block_on(adapter.up(&scene.ctx(), None))??;
    Ok(scene.into_database())
}

/// What is given up, and from where it starts.
struct Subject<'a> {
    program: &'a Path,
    server: &'a Server,
    operation: Operation,
    start: Option<&'a Database<'a>>,
}

impl<'a> Subject<'a> {
    fn scene(&self, pace: f64) -> anyhow::Result<Scene<'a>> {
        interrupt::check()?;
        let mut scene = Scene::new(self.server, self.start)?;
        scene.pace(pace)?;
        Ok(scene)
    }

    /// How long the operation takes when nobody stops it.
    fn uninterrupted(&self) -> anyhow::Result<Duration> {
        let scene = self.scene(SHORT)?;
        let (adapter, _) = adapter(self.program, |builder| builder);
        let began = Instant::now();
        let outcome = Running::start(adapter, scene.ctx(), self.operation).finish()?;
        anyhow::ensure!(
            matches!(outcome, Some(Ok(_))),
            "{} fails when nobody stops it: {outcome:?}",
            self.operation
        );
        Ok(began.elapsed())
    }

    fn by_drop(&self, moment: Moment) -> anyhow::Result<Row> {
        let mut scene = self.scene(LONG)?;
        let (adapter, pids) = adapter(self.program, |builder| builder);
        let running = Running::start(adapter.clone(), scene.ctx(), self.operation);
        moment.wait(&mut scene)?;
        let since = Instant::now();
        let outcome = running.give_up()?;
        let mut faults = Vec::new();
        if outcome.is_some() {
            faults.push(format!("ended before it could be given up: {outcome:?}"));
        }
        let title = format!(
            "{:<8} dropped  {moment:<18} {:<16}",
            self.operation,
            word(&outcome)
        );
        aftermath(&adapter, &mut scene, &pids, since, title, faults)
    }

    fn by_timeout(&self, timeout: Duration) -> anyhow::Result<Row> {
        let mut scene = self.scene(SHORT)?;
        let (hasty, pids) = adapter(self.program, |builder| builder.timeout(timeout));
        let began = Instant::now();
        let outcome = Running::start(hasty, scene.ctx(), self.operation).finish()?;
        let since = (began + timeout).min(Instant::now());
        let moment = format!("{} ms", timeout.as_millis());
        let title = format!(
            "{:<8} timeout  {moment:<18} {:<16}",
            self.operation,
            word(&outcome)
        );
        // Without the timeout, which is not what the rest is about.
        let (patient, _) = adapter(self.program, |builder| builder);
        aftermath(&patient, &mut scene, &pids, since, title, Vec::new())
    }
}

/// Looks at what is left, and whether a following `up` makes everything good.
fn aftermath(
    adapter: &ConfitureMigration,
    scene: &mut Scene<'_>,
    pids: &Pids,
    since: Instant,
    title: String,
    mut faults: Vec<String>,
) -> anyhow::Result<Row> {
    let left = LIMIT.saturating_sub(since.elapsed());
    if wait(left, || is_clean(scene, pids))?.is_none() {
        faults.push(format!(
            "after {LIMIT:?}: {} sessions, {} locks, {} processes",
            scene.sessions()?,
            scene.locks()?,
            alive(pids)
        ));
    }
    let gone = since.elapsed();
    let revision = block_on(adapter.current_revision(&scene.ctx()))??;
    let revision = revision.as_ref().map(|revision| revision.0.as_str());
    let at = revision.unwrap_or("none");
    let text = [
        title,
        format!("at {at:<5} clean in {:>4} ms", gone.as_millis()),
    ]
    .join(" ");
    if let Some(damage) = scene.damage(applied_at(revision))? {
        // confiture commits what is open when it gives its lock back on an interrupt. Where that
        // falls between the statements of a migration and its row in the ledger, they part.
        let text = [text, warn(&format!("torn by confiture: {damage}"))].join("  ");
        return Ok(Row {
            text,
            torn: true,
            faults,
        });
    }
    scene.pace(0.0)?;
    match block_on(adapter.up(&scene.ctx(), None))? {
        Ok(_) => faults.extend(scene.damage(3)?),
        Err(error) => faults.push(format!("the next up fails: {error}")),
    }
    Ok(Row {
        text,
        torn: false,
        faults,
    })
}

fn is_clean(scene: &mut Scene<'_>, pids: &Pids) -> anyhow::Result<bool> {
    Ok(alive(pids) == 0 && scene.sessions()? == 0 && scene.locks()? == 0)
}

fn alive(pids: &Pids) -> usize {
    let exists = |pid: &i32| {
        rustix::process::Pid::from_raw(*pid)
            .is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
    };
    pids.all()
        .iter()
        .map(|pid| pid.cast_signed())
        .filter(exists)
        .count()
}

/// Kills the command as a kill of the whole deploy would, and looks whether the server notices:
/// with the check it must, and without it, it does not, or this case shows nothing.
fn killed(program: &Path, server: &Server, check: Option<Duration>) -> anyhow::Result<Row> {
    let mut scene = Scene::new(server, None)?;
    scene.pace(LONG)?;
    let (adapter, pids) = adapter(program, |builder| match check {
        Some(interval) => builder.server_disconnect_check(interval),
        None => builder,
    });
    let running = Running::start(adapter.clone(), scene.ctx(), Operation::Up);
    Moment::Asleep(Duration::from_millis(100)).wait(&mut scene)?;
    let killed = Instant::now();
    for pid in pids.all() {
        if let Some(group) = rustix::process::Pid::from_raw(pid.cast_signed()) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
    let outcome = running.finish()?;
    let server_check = check.map_or("no check".to_owned(), |check| format!("check {check:?}"));
    let title = format!(
        "{:<8} killed   {server_check:<18} {:<16}",
        "up",
        word(&outcome)
    );
    let mut faults = Vec::new();
    if !matches!(outcome, Some(Err(_))) {
        faults.push(format!("a killed call ended as {outcome:?}"));
    }
    if check.is_none() {
        if wait(LIMIT, || is_clean(&mut scene, &pids))?.is_some() {
            faults.push("the server noticed by itself".to_owned());
        }
        let text = format!(
            "{title} {:<16} the lock stays, as it must here",
            word(&outcome)
        );
        return Ok(Row {
            text,
            torn: false,
            faults,
        });
    }
    aftermath(&adapter, &mut scene, &pids, killed, title, faults)
}

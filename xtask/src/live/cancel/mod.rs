//! Calls that are given up while a real migration runs, and what is left of them.

mod aftermath;
mod table;

use std::path::Path;
use std::time::{Duration, Instant};

use fraisier_adapter_api::MigrationAdapter as _;
use fraisier_adapter_confiture::ConfitureMigration;

use self::aftermath::{Aftermath, LIMIT, is_clean};
use self::table::{Row, Table};
use super::call::{Moment, Outcome, Running, adapter, block_on, word};
use super::direction::Direction;
use super::slow_project::{Pids, Sleep, SlowProject, wait};
use contract_lab::Lab;
use contract_lab::confiture::Installed;
use contract_lab::interrupt;
use contract_lab::postgres::{Database, Server};
use contract_lab::ui::{self, heading};

/// How long the migration sleeps that is to be caught asleep.
const LONG: f64 = 20.0;
/// How long it sleeps where the call is to be caught at any moment, its last ones too.
const SHORT: f64 = 0.5;

/// How soon the server is to notice that a client is gone, where it is asked to.
const CHECK: Duration = Duration::from_millis(500);

/// Into how many parts the time of an operation is cut; a timeout comes at the end of each.
const PARTS: u32 = 10;

const MOMENTS: [Moment; 11] = [
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
    Moment::Between,
];

/// Checks one release on one server.
pub fn run(lab: &Lab, confiture: &Installed, server: &Server) -> anyhow::Result<()> {
    ui::print(&heading(&format!(
        "cancel, confiture {}",
        confiture.version
    )));
    let mut table = Table::default();
    let heads = Heads {
        in_statement: at_head(&confiture.program, server, Sleep::InStatement)?,
        between_statements: at_head(&confiture.program, server, Sleep::BetweenStatements)?,
    };
    for direction in [Direction::Up, Direction::Down] {
        let subject = Subject {
            program: &confiture.program,
            server,
            heads: &heads,
            direction,
        };
        ui::print(&heading(&format!("{direction}, stopped")));
        let cases = MOMENTS.len() as u64 + u64::from(PARTS);
        let bar = lab.ui.bar(cases, &format!("{direction} stopped"));
        for moment in MOMENTS {
            table.add(&in_time(|| subject.by_drop(moment))?);
            bar.advance();
        }
        let whole = subject.unstopped()?;
        for part in 1..=PARTS {
            let timeout = whole * part / PARTS;
            table.add(&in_time(|| subject.by_timeout(timeout))?);
            bar.advance();
        }
    }
    ui::print(&heading("up, killed as a whole deploy would be"));
    for check in [Some(CHECK), None] {
        table.add(&in_time(|| killed(&confiture.program, server, check))?);
    }
    table.verdict()
}

/// Runs a case, and once more when it was late.
fn in_time(case: impl Fn() -> anyhow::Result<Row>) -> anyhow::Result<Row> {
    let row = case()?;
    if row.late { case() } else { Ok(row) }
}

/// Databases with everything applied, by where the second migration sleeps.
struct Heads<'server> {
    in_statement: Database<'server>,
    between_statements: Database<'server>,
}

fn at_head<'server>(
    program: &Path,
    server: &'server Server,
    sleep: Sleep,
) -> anyhow::Result<Database<'server>> {
    let project = SlowProject::new(server, None, sleep)?;
    let (adapter, _) = adapter(program, |builder| builder);
    block_on(adapter.up(&project.ctx(), None))??;
    Ok(project.into_database())
}

/// What is stopped.
struct Subject<'a> {
    program: &'a Path,
    server: &'a Server,
    heads: &'a Heads<'a>,
    direction: Direction,
}

impl<'a> Subject<'a> {
    fn project(&self, pace: f64, sleep: Sleep) -> anyhow::Result<SlowProject<'a>> {
        interrupt::check()?;
        let start = match (self.direction, sleep) {
            (Direction::Up, _) => None,
            (Direction::Down, Sleep::InStatement) => Some(&self.heads.in_statement),
            (Direction::Down, Sleep::BetweenStatements) => Some(&self.heads.between_statements),
        };
        let mut project = SlowProject::new(self.server, start, sleep)?;
        project.pace(pace)?;
        Ok(project)
    }

    /// An adapter with a disconnect check, and its processes.
    fn adapter(&self, timeout: Option<Duration>) -> (ConfitureMigration, Pids) {
        adapter(self.program, |builder| {
            let builder = builder.server_disconnect_check(CHECK);
            match timeout {
                Some(timeout) => builder.timeout(timeout),
                None => builder,
            }
        })
    }

    /// How long the operation takes when nobody stops it.
    fn unstopped(&self) -> anyhow::Result<Duration> {
        let project = self.project(SHORT, Sleep::InStatement)?;
        let (adapter, _) = self.adapter(None);
        let began = Instant::now();
        let outcome = Running::start(adapter, project.ctx(), self.direction).finish()?;
        anyhow::ensure!(
            matches!(outcome, Some(Ok(_))),
            "{} fails when nobody stops it: {outcome:?}",
            self.direction
        );
        Ok(began.elapsed())
    }

    fn by_drop(&self, moment: Moment) -> anyhow::Result<Row> {
        let mut project = self.project(LONG, moment.sleep())?;
        let (adapter, pids) = self.adapter(None);
        let running = Running::start(adapter.clone(), project.ctx(), self.direction);
        moment.wait(&mut project)?;
        let since = Instant::now();
        let outcome = running.give_up()?;
        let mut faults = Vec::new();
        if outcome.is_some() {
            faults.push(format!("ended before it could be given up: {outcome:?}"));
        }
        let title = title("dropped", &moment.to_string(), &outcome);
        let aftermath = Aftermath {
            since,
            title,
            faults,
        };
        aftermath.look(&adapter, &mut project, &pids)
    }

    fn by_timeout(&self, timeout: Duration) -> anyhow::Result<Row> {
        let mut project = self.project(SHORT, Sleep::InStatement)?;
        let (hasty, pids) = self.adapter(Some(timeout));
        let began = Instant::now();
        let outcome = Running::start(hasty, project.ctx(), self.direction).finish()?;
        let since = (began + timeout).min(Instant::now());
        let title = title("timeout", &format!("{} ms", timeout.as_millis()), &outcome);
        // Without the timeout, which is not what the rest is about.
        let (patient, _) = self.adapter(None);
        let aftermath = Aftermath {
            since,
            title,
            faults: Vec::new(),
        };
        aftermath.look(&patient, &mut project, &pids)
    }
}

/// The columns before the revision and the time, which end at the sixtieth with them.
fn title(by: &str, moment: &str, outcome: &Outcome) -> String {
    format!("{by:<7} {moment:<18} {:<15}", word(outcome))
}

/// Kills the command as a kill of the whole deploy would, and looks whether the server notices:
/// with the check it must, and without it, it does not, or this case shows nothing.
fn killed(program: &Path, server: &Server, check: Option<Duration>) -> anyhow::Result<Row> {
    let mut project = SlowProject::new(server, None, Sleep::InStatement)?;
    project.pace(LONG)?;
    let (adapter, pids) = adapter(program, |builder| builder.server_disconnect_check(check));
    let running = Running::start(adapter.clone(), project.ctx(), Direction::Up);
    Moment::Asleep(Duration::from_millis(100)).wait(&mut project)?;
    let killed = Instant::now();
    for pid in pids.all() {
        if let Some(command) = rustix::process::Pid::from_raw(pid.cast_signed()) {
            let _ = rustix::process::kill_process(command, rustix::process::Signal::KILL);
        }
    }
    let outcome = running.finish()?;
    let server_check = check.map_or("no check".to_owned(), |check| format!("check {check:?}"));
    let title = title("kill -9", &server_check, &outcome);
    let mut faults = Vec::new();
    if !matches!(outcome, Some(Err(_))) {
        faults.push(format!("a killed call ended as {outcome:?}"));
    }
    if check.is_none() {
        if wait(LIMIT, || is_clean(&mut project, &pids))?.is_some() {
            faults.push("the server noticed by itself".to_owned());
        }
        return Ok(Row {
            text: format!("{title} {:<13}", "lock stays"),
            late: false,
            faults,
        });
    }
    let aftermath = Aftermath {
        since: killed,
        title,
        faults,
    };
    aftermath.look(&adapter, &mut project, &pids)
}

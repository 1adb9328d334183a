//! Calls that are dropped or time out while a real migration runs, and what remains of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use contract_lab::confiture::{Candidate, Installed};
use fraisier_adapter_confiture::ConfitureMigration;
use fraisier_adapter_confiture::observe::{Call, Event, Observer};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::call::{Direction, Running};
use super::slow::{Moment, Slow};
use super::{Group, LiveArgs};
use crate::harness::{Scene, World};
use crate::stage::wait;

pub const GROUP: Group = Group {
    name: "cancel",
    releases: &["newest"],
    scenes,
};

/// How soon nothing may remain of a call that was stopped. If it takes longer, the scene runs once more:
/// a busy machine is slow sometimes, but a real leftover is there every time.
const LIMIT: Duration = Duration::from_secs(2);

/// How long a migration sleeps that is stopped during its sleep, in seconds.
const LONG: f64 = 20.0;
/// How long it sleeps if the call is stopped at any moment, even near its end, in seconds.
const SHORT: f64 = 0.5;

/// How soon the server has to notice that a client is gone, if it checks.
const CHECK: Duration = Duration::from_millis(500);

/// Into how many parts the time of a call is divided; a timeout comes at the end of each.
const PARTS: u32 = 10;

const MOMENTS: [Moment; 11] = [
    Moment::After(0),
    Moment::After(30),
    Moment::After(120),
    Moment::After(250),
    Moment::After(400),
    Moment::Connected,
    Moment::Locked,
    Moment::Asleep(0),
    Moment::Asleep(300),
    Moment::Asleep(1500),
    Moment::Between,
];

fn scenes(_: &LiveArgs, _: &Candidate) -> Vec<Scene> {
    let mut scenes = Vec::new();
    let mut add = |name: String, play: Play, (direction, moment)| {
        let scene = Scene::new(name, move |world, confiture| {
            let subject = Subject {
                world,
                confiture,
                direction,
                moment,
            };
            match play(&subject) {
                Err(error) if error.is::<Late>() => play(&subject),
                result => result,
            }
        });
        scenes.push(scene.alone());
    };
    for direction in [Direction::Up, Direction::Down] {
        for moment in MOMENTS {
            let name = format!("{direction} dropped, {moment}");
            add(name, dropped, (direction, moment));
        }
        let name = format!("{direction} ended by {PARTS} timeouts");
        add(name, timed_out, (direction, Moment::After(0)));
    }
    let killed_asleep = (Direction::Up, Moment::Asleep(100));
    add("up killed".to_owned(), killed, killed_asleep);
    let name = "up killed, no disconnect check".to_owned();
    add(name, killed_unnoticed, killed_asleep);
    scenes
}

/// Something remained for longer than [`LIMIT`].
#[derive(Debug, thiserror::Error)]
#[error("after {LIMIT:?}: {0}")]
struct Late(String);

type Play = fn(&Subject<'_>) -> anyhow::Result<()>;

/// A call, and when it is stopped.
struct Subject<'a> {
    world: &'a World,
    confiture: &'a Installed,
    direction: Direction,
    moment: Moment,
}

impl<'a> Subject<'a> {
    /// A stage on which the call has work that takes this long.
    fn slow(&self, pace: f64) -> anyhow::Result<Slow<'a>> {
        let mut slow = Slow::new(self.world, self.confiture, self.moment)?;
        if self.direction == Direction::Down {
            slow.stage.up()?;
        }
        slow.pace(pace)?;
        Ok(slow)
    }
}

/// An adapter that asks for the disconnect check, and the processes that it starts.
fn adapter(
    slow: &Slow<'_>,
    check: Option<Duration>,
    timeout: Option<Duration>,
) -> (ConfitureMigration, Pids) {
    let pids = Pids::default();
    let mut builder = slow.stage.builder().server_disconnect_check(check);
    if let Some(timeout) = timeout {
        builder = builder.timeout(timeout);
    }
    (builder.observer(Arc::new(pids.clone())).build(), pids)
}

fn dropped(subject: &Subject<'_>) -> anyhow::Result<()> {
    let mut slow = subject.slow(LONG)?;
    let (adapter, pids) = adapter(&slow, Some(CHECK), None);
    let running = Running::start(adapter, slow.stage.ctx(), subject.direction);
    let came = subject.moment.wait(&mut slow);
    let since = Instant::now();
    let outcome = running.cancel()?;
    came?;
    ensure!(
        outcome.is_none(),
        "it ended before it was dropped: {outcome:?}"
    );
    nothing_is_left(slow, since, &pids)
}

fn timed_out(subject: &Subject<'_>) -> anyhow::Result<()> {
    let call = |timeout| {
        let slow = subject.slow(SHORT)?;
        let (adapter, pids) = adapter(&slow, Some(CHECK), timeout);
        let began = Instant::now();
        let outcome = Running::start(adapter, slow.stage.ctx(), subject.direction).finish()?;
        anyhow::Ok((slow, pids, began, outcome))
    };
    let (_, _, began, outcome) = call(None)?;
    let whole = began.elapsed();
    outcome.context("it fails although nothing stops it")?;
    for part in 1..=PARTS {
        let timeout = whole * part / PARTS;
        let (slow, pids, began, _) = call(Some(timeout))?;
        let since = (began + timeout).min(Instant::now());
        nothing_is_left(slow, since, &pids).with_context(|| format!("timeout {timeout:?}"))?;
    }
    Ok(())
}

/// Another process kills the command, and the server notices.
fn killed(subject: &Subject<'_>) -> anyhow::Result<()> {
    let (slow, pids) = kill(subject, Some(CHECK))?;
    nothing_is_left(slow, Instant::now(), &pids)
}

/// Without the check the server does not notice; otherwise the other scenes would prove nothing.
fn killed_unnoticed(subject: &Subject<'_>) -> anyhow::Result<()> {
    let (mut slow, _) = kill(subject, None)?;
    let noticed = wait(LIMIT, || Ok(slow.leftovers()?.is_none()))?;
    ensure!(!noticed, "the server noticed by itself");
    Ok(())
}

fn kill<'a>(subject: &Subject<'a>, check: Option<Duration>) -> anyhow::Result<(Slow<'a>, Pids)> {
    let mut slow = subject.slow(LONG)?;
    let (adapter, pids) = adapter(&slow, check, None);
    let running = Running::start(adapter, slow.stage.ctx(), subject.direction);
    let came = subject.moment.wait(&mut slow);
    for pid in pids.alive() {
        let _ = kill_process(pid, Signal::KILL);
    }
    let outcome = running.finish()?;
    came?;
    ensure!(outcome.is_err(), "a killed call ended as {outcome:?}");
    Ok((slow, pids))
}

/// Checks that no process, session or lock remains, that each migration is applied as a whole or not at
/// all, and that an `up` continues from there.
fn nothing_is_left(mut slow: Slow<'_>, since: Instant, pids: &Pids) -> anyhow::Result<()> {
    let rest = LIMIT.saturating_sub(since.elapsed());
    let mut left = String::new();
    let clean = wait(rest, || {
        let (processes, server) = (pids.alive().len(), slow.leftovers()?);
        left = format!("{processes} processes, {server:?}");
        Ok(processes == 0 && server.is_none())
    })?;
    ensure!(clean, Late(left));
    slow.stage.state()?;
    slow.pace(0.0)?;
    slow.stage.up().context("the next `up` fails")?;
    slow.stage.is_at(&["001", "002", "003"])
}

/// Remembers the processes that were started.
#[derive(Debug, Default, Clone)]
struct Pids(Arc<Mutex<Vec<u32>>>);

impl Pids {
    fn alive(&self) -> Vec<Pid> {
        let pids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pids = pids
            .iter()
            .filter_map(|pid| Pid::from_raw(pid.cast_signed()));
        pids.filter(|pid| test_kill_process(*pid).is_ok()).collect()
    }
}

impl Observer for Pids {
    fn event(&self, _: &Call, event: &Event) {
        if let Event::Started { pid } = event {
            let mut pids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            pids.push(*pid);
        }
    }
}

//! Everything that can happen to a run, in every order: the caller, the supervisor, the command, the
//! watcher and the engine around them take their steps, and [`Life`] decides.

use std::collections::HashMap;

use super::super::options::Stop;
use super::super::watcher::SCRIPT;
use super::*;

/// A process of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Process {
    None,
    Alive,
    /// It got a signal that nobody survives.
    Dying,
    Zombie,
    Reaped,
}

/// A signal that the command gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Signal {
    Interrupt,
    /// Nobody survives it.
    Kill,
}

/// The directory of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Directory {
    None,
    There,
    Removed,
}

/// What the supervisor does next, as `conduct` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Hash)]
enum Supervisor {
    Take,
    StartWatcher,
    MakeDirectory,
    TellWatcher,
    Start,
    /// The command is there, and nobody knows.
    HandOver,
    Watch,
    /// The command exited: what is left in its pipes is read.
    Drain,
    Read,
    /// Its work is over, or it panicked: the guard of the run is dropped.
    Leave,
    Close,
    Done,
}

/// What the watcher does once the engine is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Line {
    /// A signal to its group that it survives itself.
    Signal(Signal),
    Clear,
    /// A signal to its group that it does not survive.
    KillAll,
}

/// The whole of a moment.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is true or not at a moment of its own"
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    stop: Stop,
    /// Whether the system has a shell.
    watched: bool,
    engine: bool,
    waits: bool,
    supervisor: Supervisor,
    life: Life,
    timed_out: bool,
    /// How many halves of the grace went by.
    halves: u8,
    command: Process,
    watcher: Process,
    /// How far the watcher is in its script.
    line: usize,
    directory: Directory,
    /// Whether the watcher was told of the directory.
    told: bool,
    /// Whether the engine died when the watcher could still remove the directory.
    to_clear: bool,
    /// What the command got, from who stops it now.
    got: Vec<Signal>,
    /// How many runs [`Runner::settled`](super::super::Runner::settled) waits for.
    stopping: i8,
}

/// Takes a step: whether it is certain, and what it changes.
type Take<'a> = dyn FnMut(bool, &dyn Fn(&mut World)) + 'a;

/// A step that may be taken.
struct Step {
    to: World,
    /// Whether it is taken some day when nothing else is.
    is_certain: bool,
}

impl World {
    fn new(stop: Stop, watched: bool) -> Self {
        Self {
            stop,
            watched,
            engine: true,
            waits: true,
            supervisor: Supervisor::Take,
            life: Life::default(),
            timed_out: false,
            halves: 0,
            command: Process::None,
            watcher: Process::None,
            line: 0,
            directory: Directory::None,
            told: false,
            to_clear: false,
            got: Vec::new(),
            stopping: 0,
        }
    }

    /// As `Run::on` does.
    fn on(&mut self, event: Event) {
        if self.command == Process::Zombie {
            self.life.on(Event::Exited);
        }
        self.happens(event);
    }

    /// As `Run::happens` does.
    fn happens(&mut self, event: Event) {
        for action in self.life.on(event) {
            match action {
                Action::Stop if self.stop == Stop::Interrupt => self.signal(Signal::Interrupt),
                Action::Stop | Action::Kill => {
                    self.signal(Signal::Kill);
                    if self.watcher == Process::Alive {
                        self.watcher = Process::Dying;
                    }
                }
                Action::Reap => {
                    assert!(
                        self.command != Process::Alive,
                        "waits for what was not told to end: {self:?}"
                    );
                    for process in [&mut self.command, &mut self.watcher] {
                        if *process != Process::None {
                            *process = Process::Reaped;
                        }
                    }
                }
                Action::RemoveReport => {
                    assert!(
                        self.directory != Directory::Removed,
                        "removed twice: {self:?}"
                    );
                    if self.directory == Directory::There {
                        self.directory = Directory::Removed;
                    }
                }
                Action::CountIn => self.stopping += 1,
                Action::CountOut => self.stopping -= 1,
            }
        }
    }

    /// The group gets a signal.
    fn signal(&mut self, signal: Signal) {
        let leader = if self.watched {
            self.watcher
        } else {
            self.command
        };
        assert!(
            !matches!(leader, Process::None | Process::Reaped),
            "a signal to a group that was reaped: {self:?}"
        );
        if self.command == Process::Alive {
            self.got.push(signal);
            if signal == Signal::Kill {
                self.command = Process::Dying;
            }
        }
    }

    /// Every step that can be taken now.
    fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut step = |is_certain, change: &dyn Fn(&mut Self)| {
            let mut to = self.clone();
            change(&mut to);
            steps.push(Step { to, is_certain });
        };
        if self.command == Process::Alive {
            step(false, &|to| to.command = Process::Zombie);
        }
        for (process, of) in [
            (
                self.command,
                (|to| &mut to.command) as fn(&mut Self) -> &mut Process,
            ),
            (self.watcher, |to| &mut to.watcher),
        ] {
            match process {
                Process::Dying => step(true, &|to| *of(to) = Process::Zombie),
                // The system reaps what has no parent any more.
                Process::Zombie if !self.engine => step(true, &|to| *of(to) = Process::Reaped),
                _ => (),
            }
        }
        if self.engine {
            step(false, &|to| {
                to.engine = false;
                to.got.clear();
                to.to_clear =
                    to.told && to.watcher == Process::Alive && to.directory == Directory::There;
            });
            if self.waits {
                step(false, &|to| {
                    to.waits = false;
                    to.on(Event::GivenUp);
                });
            }
            self.supervise(&mut step);
        } else if self.watcher == Process::Alive {
            step(true, &|to| to.obey(script(to.stop)[to.line]));
        }
        steps
    }

    fn supervise(&self, step: &mut Take<'_>) {
        use Supervisor::*;
        let next = |to: Supervisor| move |world: &mut Self| world.supervisor = to;
        match self.supervisor {
            Take if self.life.told().is_some() => step(true, &next(Leave)),
            Take => step(true, &next(StartWatcher)),
            StartWatcher => step(true, &|to| {
                to.supervisor = MakeDirectory;
                if to.watched {
                    to.watcher = Process::Alive;
                }
            }),
            MakeDirectory => {
                step(true, &|to| {
                    to.supervisor = TellWatcher;
                    to.directory = Directory::There;
                });
                // Not every command writes a report.
                step(false, &next(TellWatcher));
            }
            TellWatcher => step(true, &|to| {
                to.supervisor = Start;
                to.told = to.directory == Directory::There;
            }),
            Start => step(true, &|to| {
                to.supervisor = HandOver;
                to.command = Process::Alive;
            }),
            HandOver => step(true, &|to| {
                to.supervisor = Watch;
                to.happens(Event::Started);
            }),
            Watch if self.command == Process::Zombie => step(true, &next(Drain)),
            Watch => {
                if !self.timed_out && self.life.told().is_none() {
                    step(false, &|to| {
                        to.timed_out = true;
                        to.on(Event::TimedOut(Duration::ZERO));
                        assert!(to.life.told().is_some(), "a limit for nothing: {to:?}");
                    });
                }
                if self.life.told().is_some() && self.halves < 2 {
                    step(true, &|to| {
                        to.halves += 1;
                        to.on([Event::HalfGraceOver, Event::GraceOver][usize::from(to.halves) - 1]);
                    });
                }
            }
            Drain => step(true, &|to| {
                to.supervisor = Read;
                to.on(Event::Left);
            }),
            Read => step(true, &|to| {
                assert!(to.directory != Directory::Removed, "unread: {to:?}");
                to.supervisor = Leave;
            }),
            Leave => step(true, &|to| {
                to.supervisor = Close;
                to.on(Event::Left);
            }),
            Close => step(true, &|to| {
                to.supervisor = Done;
                to.on(Event::Over);
            }),
            Done => (),
        }
        // It fails, its thread panics, or its runtime goes, at any place but between a start and the
        // hand-over, where nothing can come between.
        if !matches!(self.supervisor, HandOver | Leave | Close | Done) {
            step(false, &next(Leave));
        }
    }

    fn obey(&mut self, line: Line) {
        self.line += 1;
        match line {
            Line::Signal(signal) => self.signal(signal),
            Line::Clear if self.told => {
                assert!(
                    self.command != Process::Alive,
                    "removed while it may be written: {self:?}"
                );
                self.directory = Directory::Removed;
            }
            Line::Clear => (),
            Line::KillAll => {
                self.signal(Signal::Kill);
                self.watcher = Process::Dying;
            }
        }
    }

    /// What holds at every moment.
    fn check(&self) {
        let ladder: &[Signal] = match self.stop {
            Stop::Interrupt => &[Signal::Interrupt, Signal::Interrupt, Signal::Kill],
            Stop::Kill => &[Signal::Kill],
        };
        // Who left early only kills.
        let has_left = self.engine && self.supervisor > Supervisor::Watch;
        let orderly = self.got.strip_suffix(&[Signal::Kill]).filter(|_| has_left);
        assert!(
            ladder.starts_with(orderly.unwrap_or(&self.got)),
            "another stop than was asked for: {self:?}"
        );
        assert!(
            self.stopping
                == i8::from(!self.waits && self.life.stage != Stage::Over && self.life.given_up),
            "settled too early or never: {self:?}"
        );
    }

    /// What holds when nothing is certain to happen any more.
    fn check_rest(&self) {
        let is_gone = |process| matches!(process, Process::None | Process::Reaped);
        if !self.engine {
            assert!(
                is_gone(self.watcher) && (!self.watched || is_gone(self.command)),
                "runs on without its engine: {self:?}"
            );
            assert!(
                !self.to_clear || self.directory == Directory::Removed,
                "a directory that nobody removed: {self:?}"
            );
            return;
        }
        if self.supervisor == Supervisor::Watch && self.life.told().is_none() {
            // It runs as long as it likes.
            return;
        }
        assert!(
            self.supervisor == Supervisor::Done,
            "a stop that does not end: {self:?}"
        );
        assert!(
            is_gone(self.command) && is_gone(self.watcher),
            "not reaped: {self:?}"
        );
        assert!(
            self.directory != Directory::There,
            "a directory that nobody removed: {self:?}"
        );
    }
}

/// The watcher's script, as far as it is about others than the watcher.
fn script(stop: Stop) -> Vec<Line> {
    let (graceful, rest) = SCRIPT.split_once("\nfi\n").unwrap();
    let lines = match stop {
        Stop::Interrupt => graceful.lines().chain(rest.lines()),
        Stop::Kill => "".lines().chain(rest.lines()),
    };
    lines
        .filter_map(|line| match line {
            _ if line.contains("kill -INT 0") => Some(Line::Signal(Signal::Interrupt)),
            _ if line.contains("kill -VTALRM 0") => Some(Line::Signal(Signal::Kill)),
            _ if line.contains("rm -rf \"$directory\"") => Some(Line::Clear),
            _ if line.contains("kill -KILL 0") => Some(Line::KillAll),
            _ => None,
        })
        .collect()
}

/// Walks on from a moment. Returns how many steps it takes at most until nothing can happen any more.
fn walk(world: World, seen: &mut HashMap<World, Option<usize>>) -> usize {
    match seen.get(&world) {
        Some(Some(longest)) => return *longest,
        Some(None) => panic!("a circle: {world:?}"),
        None => (),
    }
    seen.insert(world.clone(), None);
    world.check();
    let steps = world.steps();
    if !steps.iter().any(|step| step.is_certain) {
        world.check_rest();
    }
    let longest = steps.into_iter().map(|step| 1 + walk(step.to, seen)).max();
    seen.insert(world, Some(longest.unwrap_or(0)));
    longest.unwrap_or(0)
}

#[test]
fn whatever_happens_in_whatever_order_a_call_ends_and_leaves_nothing() {
    let mut states = 0;
    for stop in [Stop::Kill, Stop::Interrupt] {
        for watched in [true, false] {
            let mut seen = HashMap::new();
            let longest = walk(World::new(stop, watched), &mut seen);
            let told = seen.iter().filter(|(world, _)| world.life.told().is_some());
            let stop_takes = told.filter_map(|(_, longest)| *longest).max().unwrap();
            println!(
                "{stop:?}, {}watched: {} states, at most {longest} steps, {stop_takes} after a stop",
                if watched { "" } else { "not " },
                seen.len(),
            );
            states += seen.len();
        }
    }
    println!("{states} states");
    assert!(states > 1000, "hardly anything can happen");
}

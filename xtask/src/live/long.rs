//! Very many calls, and calls on a machine that is short of descriptors: what a process has before and
//! after, and what is left on the server.

use std::fmt;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use fraisier_adapter_api::{AdapterCtx, AdapterError, AdapterErrorKind, MigrationAdapter as _};
use fraisier_adapter_confiture::ConfitureMigration;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::JoinSet;

use super::call::block_on;
use super::engine;
use super::slow_project::{Sleep, SlowProject, wait};
use crate::exit::Unexpected;
use contract_lab::confiture::Installed;
use contract_lab::interrupt;
use contract_lab::postgres::Server;
use contract_lab::scratch::Scratch;
use contract_lab::ui::{bad, good};
use contract_tests::random::Random;

/// How many calls are under way at a time while calls are dropped.
const ABREAST: u64 = 8;
/// A call is dropped before so many milliseconds: from its first moments to the middle of its work.
const DROPPED_WITHIN: usize = 250;
/// How many calls are made at once, where so many are asked for.
const AT_ONCE: usize = 200;
/// How many descriptors there are while these are short.
const DESCRIPTORS: u64 = 256;
/// How many of them are free at most; from none, in steps of four.
const SPARE: usize = 48;
/// How soon nothing may be left.
const LIMIT: Duration = Duration::from_secs(5);

/// Runs an engine for one release, and looks at the server after it.
pub fn run(confiture: &Installed, server: &Server, calls: usize) -> anyhow::Result<()> {
    anstream::println!("long, confiture {}", confiture.version);
    let mut project = SlowProject::new(server, None, Sleep::InStatement)?;
    let tmp = Scratch::new()?;
    let ended = engine::command(&confiture.program, &project.ctx(), tmp.path())?
        .args(["long", &calls.to_string()])
        .status()?;
    interrupt::check()?;
    let clean = wait(LIMIT, || {
        Ok(project.sessions()? == 0 && project.locks()? == 0)
    })?;
    let mut faults = Vec::new();
    if clean.is_none() {
        faults.push("sessions or locks are left on the server".to_owned());
    }
    faults.extend(project.damage(3)?);
    if !ended.success() {
        faults.push("the engine found something".to_owned());
    }
    if faults.is_empty() {
        anstream::println!("  {}", good("nothing is left on the server"));
        return Ok(());
    }
    Err(Unexpected(faults.join("; ")).into())
}

/// The engine that is counted in.
pub fn engine(program: &Path, ctx: &AdapterCtx, calls: usize) -> anyhow::Result<()> {
    let subject = Subject {
        adapter: ConfitureMigration::with_program(program),
        ctx,
    };
    let Subject { adapter, .. } = &subject;
    // What a process keeps once it has made calls, such as signal handlers, is there before.
    block_on(adapter.up(ctx, None))??;
    let before = Holdings::now()?;
    let mut faulty = 0;
    for (what, part) in [
        ("calls dropped", dropped as Part),
        ("calls at once", at_once),
        ("descriptors short", few_descriptors),
    ] {
        interrupt::check()?;
        let began = Instant::now();
        let Seen { text, mut faults } = part(&subject, calls)?;
        block_on(adapter.settled())?;
        let same = wait(LIMIT, || Ok(Holdings::now()? == before))?;
        let after = Holdings::now()?;
        if same.is_none() {
            faults.push(format!("before there were {before}"));
        }
        let seconds = began.elapsed().as_secs();
        anstream::println!("  {what:<18} {text}, {seconds} s");
        let mark = if faults.is_empty() {
            good("ok")
        } else {
            faulty += 1;
            bad(&faults.join("; "))
        };
        anstream::println!("    {after}  {mark}");
    }
    if faulty > 0 {
        return Err(Unexpected(format!("{faulty} parts were not as expected")).into());
    }
    Ok(())
}

/// What is called.
struct Subject<'a> {
    adapter: ConfitureMigration,
    ctx: &'a AdapterCtx,
}

type Part = fn(&Subject<'_>, usize) -> anyhow::Result<Seen>;

/// What a part came to.
struct Seen {
    text: String,
    faults: Vec<String>,
}

/// What a process has.
#[derive(PartialEq, Eq)]
struct Holdings {
    descriptors: usize,
    threads: usize,
    /// Its children, zombies among them.
    children: usize,
    /// In the directory for temporary files.
    files: usize,
}

impl Holdings {
    fn now() -> anyhow::Result<Self> {
        let entries = |dir: &Path| anyhow::Ok(fs::read_dir(dir)?.count());
        let mut children = 0;
        for task in fs::read_dir("/proc/self/task").context("only Linux tells")? {
            // A thread may have ended meanwhile.
            let of = fs::read_to_string(task?.path().join("children")).unwrap_or_default();
            children += of.split_whitespace().count();
        }
        Ok(Self {
            descriptors: entries("/proc/self/fd".as_ref())?,
            threads: entries("/proc/self/task".as_ref())?,
            children,
            files: entries(&std::env::temp_dir())?,
        })
    }
}

impl fmt::Display for Holdings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            descriptors,
            threads,
            children,
            files,
        } = self;
        write!(
            f,
            "{descriptors} descriptors, {threads} threads, {children} children, {files} files"
        )
    }
}

/// Drops so many calls, each at some moment.
fn dropped(subject: &Subject<'_>, calls: usize) -> anyhow::Result<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let (dropped, failed) = runtime.block_on(async {
        let mut callers = JoinSet::new();
        for seed in 0..ABREAST {
            let (adapter, ctx) = (subject.adapter.clone(), subject.ctx.clone());
            let share = calls / usize::try_from(ABREAST).unwrap_or(1);
            callers.spawn(async move { drop_some(&adapter, &ctx, Random(seed), share).await });
        }
        let all = callers.join_all().await;
        let sum = |part: fn(&(usize, usize)) -> usize| all.iter().map(part).sum::<usize>();
        (sum(|counts| counts.0), sum(|counts| counts.1))
    });
    interrupt::check()?;
    Ok(Seen {
        text: format!("{dropped} of {calls} given up, {failed} failed"),
        faults: (dropped < calls / 2)
            .then(|| "hardly any call was given up".to_owned())
            .into_iter()
            .collect(),
    })
}

/// How many calls were given up, and how many failed before.
async fn drop_some(
    adapter: &ConfitureMigration,
    ctx: &AdapterCtx,
    mut random: Random,
    calls: usize,
) -> (usize, usize) {
    let (mut dropped, mut failed) = (0, 0);
    for _ in 0..calls {
        if interrupt::raised() {
            break;
        }
        let delay = Duration::from_millis(random.below(DROPPED_WITHIN) as u64);
        let which = random.below(4);
        let call = async {
            match which {
                0 => adapter.up(ctx, None).await.map(drop),
                1 => adapter.preflight(ctx).await.map(drop),
                2 => adapter.verify(ctx).await.map(drop),
                _ => adapter.current_revision(ctx).await.map(drop),
            }
        };
        match tokio::time::timeout(delay, call).await {
            Err(_) => dropped += 1,
            Ok(Err(_)) => failed += 1,
            Ok(Ok(())) => (),
        }
    }
    (dropped, failed)
}

/// What calls of `current_revision` at once come to.
fn current(
    adapter: &ConfitureMigration,
    ctx: &AdapterCtx,
    calls: usize,
) -> anyhow::Result<Vec<Result<(), AdapterError>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let answers = runtime.block_on(async {
        let mut running = JoinSet::new();
        for _ in 0..calls {
            let (adapter, ctx) = (adapter.clone(), ctx.clone());
            running.spawn(async move { adapter.current_revision(&ctx).await });
        }
        running.join_all().await
    });
    answers
        .into_iter()
        .map(|answer| match answer {
            Ok(Some(revision)) if revision.0 == "003" => Ok(Ok(())),
            Ok(other) => anyhow::bail!("the revision is 003, and was said to be {other:?}"),
            Err(error) => Ok(Err(error)),
        })
        .collect()
}

fn at_once(subject: &Subject<'_>, calls: usize) -> anyhow::Result<Seen> {
    let calls = calls.min(AT_ONCE);
    let answers = current(&subject.adapter, subject.ctx, calls)?;
    let failed = answers.into_iter().filter_map(Result::err);
    let faults: Vec<String> = failed.map(|error| error.to_string()).collect();
    let answered = calls - faults.len();
    Ok(Seen {
        text: format!("{answered} of {calls} answered"),
        faults: faults.into_iter().take(1).collect(),
    })
}

/// Counts answers and refusals.
#[derive(Default)]
struct Tally {
    answered: usize,
    refused: usize,
    faults: Vec<String>,
}

impl Tally {
    fn add(&mut self, answers: Vec<Result<(), AdapterError>>) {
        for answer in answers {
            match answer {
                Ok(()) => self.answered += 1,
                Err(error) if is_shortage(&error) => self.refused += 1,
                Err(error) => self.faults.push(error.to_string()),
            }
        }
    }

    fn seen(mut self) -> Seen {
        let Self {
            answered, refused, ..
        } = self;
        if answered == 0 || refused == 0 {
            self.faults
                .push("it was never, or always, short".to_owned());
        }
        self.faults.truncate(1);
        Seen {
            text: format!("{answered} answered, {refused} refused"),
            faults: self.faults,
        }
    }
}

/// Whether the error says what one of a shortage must.
fn is_shortage(error: &AdapterError) -> bool {
    error.kind == AdapterErrorKind::Execution && error.message.contains("try again")
}

fn few_descriptors(subject: &Subject<'_>, _: usize) -> anyhow::Result<Seen> {
    let before = getrlimit(Resource::Nofile);
    let limit = Rlimit {
        current: Some(DESCRIPTORS),
        ..before
    };
    let mut tally = Tally::default();
    setrlimit(Resource::Nofile, limit)?;
    for spare in (0..=SPARE).step_by(4) {
        interrupt::check()?;
        let mut held: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        // One is for what the calls are made with.
        held.truncate(held.len().saturating_sub(spare + 1));
        let answers = current(&subject.adapter, subject.ctx, 4);
        drop(held);
        tally.add(answers?);
    }
    setrlimit(Resource::Nofile, before)?;
    Ok(tally.seen())
}

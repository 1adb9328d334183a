//! Very many calls by an engine that counts what it has before and after them.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use contract_lab::confiture::{Candidate, Installed};
use contract_lab::interrupt;
use contract_lab::scratch::Scratch;
use contract_lab::ui::{Bar, Ui};
use contract_tests::random::Random;
use fraisier_adapter_api::{AdapterCtx, AdapterError, AdapterErrorKind};
use fraisier_adapter_confiture::ConfitureMigration;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::JoinSet;

use super::host;
use super::slow::{Sleep, Slow};
use crate::exit::Unexpected;
use crate::harness::{Scene, World};
use crate::stage::{block_on, wait};

/// How many calls run at a time while calls are dropped.
const ABREAST: u64 = 8;
/// A call is dropped before so many milliseconds: from its first moments to the middle of its work.
const DROPPED_WITHIN: usize = 250;
/// How many calls are made at once.
const AT_ONCE: usize = 200;
/// How soon nothing may be left.
const LIMIT: Duration = Duration::from_secs(5);
/// How many descriptors there are while they are short.
const DESCRIPTORS: u64 = 256;
/// How many of them are free at most; from none, in steps of four.
const SPARE: usize = 48;

/// What an engine does.
#[derive(Debug, Clone, Copy, clap::Subcommand)]
pub enum Part {
    Dropped { calls: usize },
    AtOnce { calls: usize },
    FewDescriptors,
}

/// They take half an hour: nobody gets them without naming them.
pub fn scenes(chosen: &[Candidate], calls: usize) -> Vec<Scene> {
    let mut scenes = Vec::new();
    for candidate in super::or(chosen, &[Candidate::Newest]) {
        for (name, arguments) in [
            (
                "calls dropped",
                vec!["dropped".to_owned(), calls.to_string()],
            ),
            (
                "calls at once",
                vec!["at-once".to_owned(), calls.min(AT_ONCE).to_string()],
            ),
            ("descriptors short", vec!["few-descriptors".to_owned()]),
        ] {
            let play =
                move |world: &World, confiture: &Installed| many(&arguments, world, confiture);
            let scene = Scene::new("long", candidate, name, play);
            scenes.push(scene.alone().on_demand());
        }
    }
    scenes
}

fn many(arguments: &[String], world: &World, confiture: &Installed) -> anyhow::Result<()> {
    let mut slow = Slow::new(world, confiture, Sleep::InStatement)?;
    let tmp = Scratch::new()?;
    let ended = host::command(&confiture.program, &slow.stage.ctx(), tmp.path())?
        .arg("long")
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()?;
    interrupt::check()?;
    let printed = String::from_utf8_lossy(&ended.stdout);
    ensure!(ended.status.success(), "{printed}");
    let clean = wait(LIMIT, || Ok(slow.leftovers()?.is_none()))?;
    ensure!(clean.is_some(), "on the server: {:?}", slow.leftovers()?);
    slow.stage.is_at(&["001", "002", "003"])
}

impl Part {
    /// Makes the calls, and compares what this process has before and after them.
    pub fn run(self, adapter: &ConfitureMigration, ctx: &AdapterCtx) -> anyhow::Result<()> {
        // What a process keeps once it has made calls is there before.
        block_on(adapter.up(ctx, None))?;
        let before = holdings()?;
        let found = match self {
            Self::Dropped { calls } => dropped(adapter, ctx, calls),
            Self::AtOnce { calls } => at_once(adapter, ctx, calls),
            Self::FewDescriptors => few_descriptors(adapter, ctx),
        };
        block_on(adapter.settled());
        let same = wait(LIMIT, || Ok(holdings()? == before))?;
        let after = holdings()?;
        let found = found.and_then(|()| {
            ensure!(same.is_some(), "{before} became {after}");
            Ok(())
        });
        found.map_err(|error| {
            anstream::println!("{error:#}");
            Unexpected("the calls did not end as they must".to_owned()).into()
        })
    }
}

/// What this process has.
fn holdings() -> anyhow::Result<String> {
    let entries = |dir: &Path| anyhow::Ok(fs::read_dir(dir)?.count());
    let mut children = 0;
    for task in fs::read_dir("/proc/self/task").context("only Linux shows it")? {
        // A thread may have ended meanwhile.
        let of = fs::read_to_string(task?.path().join("children")).unwrap_or_default();
        children += of.split_whitespace().count();
    }
    Ok(format!(
        "{} descriptors, {} threads, {children} children, {} files",
        entries("/proc/self/fd".as_ref())?,
        entries("/proc/self/task".as_ref())?,
        entries(&std::env::temp_dir())?,
    ))
}

/// Drops so many calls, each at some moment; most are dropped, and none fails before.
fn dropped(adapter: &ConfitureMigration, ctx: &AdapterCtx, calls: usize) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let bar = Arc::new(Ui::stderr().bar(calls as u64, "dropping calls"));
    let ends = runtime.block_on(async {
        let mut callers = JoinSet::new();
        for seed in 0..ABREAST {
            let (adapter, ctx, bar) = (adapter.clone(), ctx.clone(), Arc::clone(&bar));
            let share = calls / usize::try_from(ABREAST).unwrap_or(1);
            callers
                .spawn(async move { drop_some(&adapter, &ctx, Random(seed), share, &bar).await });
        }
        callers.join_all().await
    });
    interrupt::check()?;
    let mut dropped = 0;
    for end in ends {
        dropped += end?;
    }
    ensure!(
        dropped >= calls / 2,
        "only {dropped} of {calls} calls were dropped"
    );
    Ok(())
}

/// How many calls were dropped; an error when one failed before.
async fn drop_some(
    adapter: &ConfitureMigration,
    ctx: &AdapterCtx,
    mut random: Random,
    calls: usize,
    bar: &Bar,
) -> Result<usize, AdapterError> {
    let mut dropped = 0;
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
            Ok(outcome) => outcome?,
        }
        bar.advance();
    }
    Ok(dropped)
}

fn at_once(adapter: &ConfitureMigration, ctx: &AdapterCtx, calls: usize) -> anyhow::Result<()> {
    let results = current(adapter, ctx, calls)?;
    Ok(results.into_iter().collect::<Result<_, _>>()?)
}

/// Calls while so few descriptors are free that some cannot be made.
fn few_descriptors(adapter: &ConfitureMigration, ctx: &AdapterCtx) -> anyhow::Result<()> {
    let before = getrlimit(Resource::Nofile);
    let few = Rlimit {
        current: Some(DESCRIPTORS),
        ..before
    };
    setrlimit(Resource::Nofile, few)?;
    let (mut succeeded, mut refused) = (0, 0);
    for spare in (0..=SPARE).step_by(4) {
        interrupt::check()?;
        let mut held: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        // One is for what the calls are made with.
        held.truncate(held.len().saturating_sub(spare + 1));
        let results = current(adapter, ctx, 4);
        drop(held);
        for result in results? {
            match result {
                Ok(()) => succeeded += 1,
                Err(error) => {
                    let says_so = error.kind == AdapterErrorKind::Execution
                        && error.message.contains("try again");
                    ensure!(says_so, "{error}");
                    refused += 1;
                }
            }
        }
    }
    setrlimit(Resource::Nofile, before)?;
    ensure!(
        succeeded > 0 && refused > 0,
        "{succeeded} succeeded, {refused} were refused"
    );
    Ok(())
}

/// So many calls of `current_revision` at once.
fn current(
    adapter: &ConfitureMigration,
    ctx: &AdapterCtx,
    calls: usize,
) -> anyhow::Result<Vec<Result<(), AdapterError>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let bar = Arc::new(Ui::stderr().bar(calls as u64, "calls at once"));
    let results = runtime.block_on(async {
        let mut running = JoinSet::new();
        for _ in 0..calls {
            let (adapter, ctx, bar) = (adapter.clone(), ctx.clone(), Arc::clone(&bar));
            running.spawn(async move {
                let result = adapter.current_revision(&ctx).await;
                bar.advance();
                result
            });
        }
        running.join_all().await
    });
    let judged = results.into_iter().map(|result| match result {
        Ok(found) => {
            let found = found.map(|it| it.0);
            ensure!(
                found.as_deref() == Some("003"),
                "the revision was {found:?}"
            );
            Ok(Ok(()))
        }
        Err(failure) => Ok(Err(failure.into())),
    });
    judged.collect()
}

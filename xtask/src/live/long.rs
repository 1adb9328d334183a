//! Very many calls by an engine that counts its resources before and after them.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use contract_catalogue::random::Random;
use contract_lab::confiture::Installed;
use contract_lab::interrupt;
use contract_lab::ui::{Bar, Ui};
use fraisier_adapter_api::{AdapterCtx, AdapterError};
use fraisier_adapter_confiture::ConfitureMigration;
use tokio::task::JoinSet;

use super::slow::{Moment, Slow};
use super::{Group, host};
use crate::exit::Unexpected;
use crate::harness::{Scene, World};
use crate::stage::{block_on, wait, within};

pub const GROUP: Group = Group {
    name: "long",
    releases: &["newest"],
    scenes: |args, _| {
        let calls = args.calls;
        let scene = Scene::new("calls dropped", move |world, confiture| {
            many(calls, world, confiture)
        });
        vec![scene.alone().on_demand()]
    },
};

/// How many calls run at a time while calls are dropped.
const ABREAST: u64 = 8;
/// A call is dropped before so many milliseconds: from its first moments to the middle of its work.
const DROPPED_WITHIN: usize = 250;
/// How soon nothing may remain.
const LIMIT: Duration = Duration::from_secs(5);

fn many(calls: usize, world: &World, confiture: &Installed) -> anyhow::Result<()> {
    let mut slow = Slow::new(world, confiture, Moment::Asleep(0))?;
    let tmp = tempfile::tempdir()?;
    let ended = host::command(&confiture.program, &slow.stage.ctx(), tmp.path())?
        .arg(calls.to_string())
        .stderr(Stdio::inherit())
        .output()?;
    interrupt::check()?;
    let printed = String::from_utf8_lossy(&ended.stdout);
    ensure!(ended.status.success(), "{printed}");
    within(LIMIT, || slow.leftovers())?;
    slow.stage.is_at(&["001", "002", "003"])
}

/// Drops so many calls, and compares what this process has before and after them.
pub fn run(adapter: &ConfitureMigration, ctx: &AdapterCtx, calls: usize) -> anyhow::Result<()> {
    // Makes calls first, so that what a process keeps permanently is already counted.
    block_on(adapter.up(ctx, None))?;
    let before = holdings()?;
    let found = dropped(adapter, ctx, calls);
    block_on(adapter.settled());
    let same = wait(LIMIT, || Ok(holdings()? == before))?;
    let after = holdings()?;
    let found = found.and_then(|()| {
        ensure!(same, "{before} became {after}");
        Ok(())
    });
    found.map_err(|error| {
        anstream::println!("{error:#}");
        Unexpected("the calls did not end as expected".to_owned()).into()
    })
}

/// The resources of this process.
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

//! Very many calls, and what this process holds before and after them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fraisier_adapter_api::{AdapterCtx, MigrationAdapter as _};
use fraisier_adapter_confiture::ConfitureMigration;
use tokio::task::JoinSet;

use super::holdings::Holdings;
use super::shortage;
use super::subject::{Seen, Subject, current};
use crate::exit::Unexpected;
use crate::live::call::block_on;
use crate::live::slow_project::wait;
use contract_lab::interrupt;
use contract_lab::ui::{Bar, Ui, bad, good};
use contract_tests::random::Random;

/// How many calls are under way at a time while calls are dropped.
const ABREAST: u64 = 8;
/// A call is dropped before so many milliseconds: from its first moments to the middle of its work.
const DROPPED_WITHIN: usize = 250;
/// How many calls are made at once, where so many are asked for.
const AT_ONCE: usize = 200;
/// How soon nothing may be left.
const LIMIT: Duration = Duration::from_secs(5);

type Part = fn(&Subject<'_>, usize) -> anyhow::Result<Seen>;

/// Runs each part, and counts what this process holds before and after it.
pub(super) fn run(
    adapter: &ConfitureMigration,
    ctx: &AdapterCtx,
    calls: usize,
) -> anyhow::Result<()> {
    let subject = Subject { adapter, ctx };
    // What a process keeps once it has made calls, such as signal handlers, is there before.
    block_on(adapter.up(ctx, None))??;
    let before = Holdings::now()?;
    let mut faulty = 0;
    for (what, part) in [
        ("calls dropped", dropped as Part),
        ("calls at once", at_once),
        ("descriptors short", shortage::few_descriptors),
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

/// Drops so many calls, each at some moment.
fn dropped(subject: &Subject<'_>, calls: usize) -> anyhow::Result<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let bar = Arc::new(Ui::stderr().bar(calls as u64, "dropping calls"));
    let (dropped, failed) = runtime.block_on(async {
        let mut callers = JoinSet::new();
        for seed in 0..ABREAST {
            let (adapter, ctx) = (subject.adapter.clone(), subject.ctx.clone());
            let share = calls / usize::try_from(ABREAST).unwrap_or(1);
            let bar = Arc::clone(&bar);
            callers
                .spawn(async move { drop_some(&adapter, &ctx, Random(seed), share, &bar).await });
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
    bar: &Bar,
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
        bar.advance();
    }
    (dropped, failed)
}

fn at_once(subject: &Subject<'_>, calls: usize) -> anyhow::Result<Seen> {
    let calls = calls.min(AT_ONCE);
    let answers = current(subject, calls)?;
    let failed = answers.into_iter().filter_map(Result::err);
    let faults: Vec<String> = failed.map(|error| error.to_string()).collect();
    let answered = calls - faults.len();
    Ok(Seen {
        text: format!("{answered} of {calls} answered"),
        faults: faults.into_iter().take(1).collect(),
    })
}

//! Measurements that need a process of their own: for its peak of memory, or its environment.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use fraisier_adapter_confiture::tools::process::{Arg, Environment, Invocation, Options, Runner};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::calls::{Subject, Uncompiled};
use super::context::unheard;
use super::figures::{Figures, megabytes, seconds, timed};
use super::{guarded, report};
use crate::environment;
use contract_lab::scratch::Scratch;

/// The name of the hidden command.
pub const SUBCOMMAND: &str = "bench-probe";

const DSN: &str = "XTASK_BENCH_DSN";
const CHATTER: u64 = 1_000_000_000;

/// What a process of its own measures.
#[derive(Debug, clap::Args)]
pub struct ProbeArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Decode { file: PathBuf },
    DecodeOnce { file: PathBuf },
    Chatter,
    Guard { directory: PathBuf },
    Uncompiled { program: PathBuf, rounds: usize },
}

/// Measures, and prints the result as JSON.
///
/// # Errors
/// Whatever fails.
pub fn serve(args: ProbeArgs) -> anyhow::Result<()> {
    let text = match args.what {
        What::Decode { file } => to_json(&(report::decode(&file)?, peak()?)),
        What::DecodeOnce { file } => to_json(&(report::decode_once(&file)?, peak()?)),
        What::Chatter => to_json(&(run_chatter()?, peak()?)),
        What::Guard { directory } => to_json(&(guarded::judge(&directory)?, peak()?)),
        What::Uncompiled { program, rounds } => {
            let dsn = std::env::var(DSN).context("no database")?;
            to_json(&Subject::new(&program, &dsn)?.uncompiled(rounds)?)
        }
    }?;
    anstream::println!("{text}");
    Ok(())
}

fn to_json(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string(value)?)
}

fn ask<T: DeserializeOwned>(command: &mut Command) -> anyhow::Result<T> {
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    anyhow::ensure!(
        output.status.success(),
        "a measurement ended with {}",
        output.status
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn myself() -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(SUBCOMMAND);
    Ok(command)
}

/// The most memory this process had, in bytes.
fn peak() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("only Linux tells")?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"))
        .context("the kernel does not tell its peak")?;
    Ok(peak.trim().parse::<u64>()? * 1024)
}

/// Calls where nothing is compiled.
pub fn uncompiled(
    copy: &environment::Environment,
    dsn: &str,
    rounds: usize,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let cache = copy.path().join("cache");
    std::fs::create_dir(&cache)?;
    let mut command = myself()?;
    command
        .arg("uncompiled")
        .arg(copy.program())
        .arg(rounds.to_string())
        .env(DSN, dsn)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("XDG_CACHE_HOME", cache);
    ask::<Uncompiled>(&mut command)?.show(figures);
    Ok(())
}

/// Times, and the peak of memory.
type Decoded = (Vec<Duration>, u64);

/// Decoding a large report, beside `serde_json` that decodes it once and makes nothing of it.
pub fn decode(figures: &mut Figures) -> anyhow::Result<()> {
    let dir = Scratch::new()?;
    let file = dir.path().join("report.json");
    std::fs::write(&file, report::generate())?;
    let (ours, our_peak) = ask::<Decoded>(myself()?.arg("decode").arg(&file))?;
    let (theirs, their_peak) = ask::<Decoded>(myself()?.arg("decode-once").arg(&file))?;
    let what = format!("a report of {}", megabytes(file.metadata()?.len()));
    figures.times(&what, &ours, ("serde_json", &theirs));
    figures.sizes("… peak memory", our_peak, ("serde_json", their_peak));
    Ok(())
}

/// Verdict and time, and the peak of memory.
type Guarded = ((Option<bool>, Duration), u64);

/// Migrations as large as the guard looks at, and larger.
pub fn guard(figures: &mut Figures) -> anyhow::Result<()> {
    for (what, write, expected) in [
        (
            "the guard on 100 MB, a doubt",
            guarded::huge as fn(&Path) -> _,
            None,
        ),
        (
            "the guard on 16 × 4 MiB, recognised",
            guarded::most,
            Some(true),
        ),
    ] {
        let dir = Scratch::new()?;
        write(dir.path())?;
        let ((verdict, time), peak) = ask::<Guarded>(myself()?.arg("guard").arg(dir.path()))?;
        anyhow::ensure!(verdict == expected, "{what}: {verdict:?}");
        figures.alone(what, seconds(time));
        figures.alone("… peak memory", megabytes(peak));
    }
    Ok(())
}

/// A child that prints without end.
pub fn chatter(figures: &mut Figures) -> anyhow::Result<()> {
    let (ours, peak) = ask::<(Duration, u64)>(myself()?.arg("chatter"))?;
    let theirs = timed(|| {
        let text = format!("{} > /dev/null", chatter_script());
        let status = Command::new("/bin/sh").args(["-c", &text]).status()?;
        anyhow::ensure!(status.success(), "the chatter ended with {status}");
        Ok(())
    })?;
    figures.times("1 GB of chatter", &[ours], ("into /dev/null", &[theirs]));
    figures.alone("… peak memory", megabytes(peak));
    Ok(())
}

fn chatter_script() -> String {
    format!(
        "yes 'eighty bytes of chatter, as a migration that talks too much prints it, and more' | head -c {CHATTER}"
    )
}

fn run_chatter() -> anyhow::Result<Duration> {
    let invocation = Invocation {
        program: Path::new("/bin/sh").to_owned(),
        args: vec![Arg::from("-c"), Arg::from(&chatter_script())],
        cwd: "/".into(),
        env: Environment::inherited(),
    };
    let runner = Runner::new(Options::default());
    let context = unheard();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    timed(|| {
        let output = runtime.block_on(runner.run(invocation, context))?;
        anyhow::ensure!(output.stdout.omitted > CHATTER / 2);
        Ok(())
    })
}

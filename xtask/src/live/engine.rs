//! An engine in a process of its own: one that can be killed, or whose resources can be counted.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use fraisier_adapter_api::AdapterCtx;

use super::{death, long};

/// The hidden command that is the engine.
pub const SUBCOMMAND: &str = "live-engine";

/// What the engine needs to know: the variables in which it is told.
const PROGRAM: &str = "XTASK_ENGINE_PROGRAM";
const WORKDIR: &str = "XTASK_ENGINE_WORKDIR";
const DSN: &str = "XTASK_ENGINE_DSN";

/// What the engine does.
#[derive(Debug, clap::Args)]
pub struct EngineArgs {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, clap::Subcommand)]
enum Part {
    /// An `up`, in which it is killed
    Up,
    /// Calls without end
    Long { calls: usize },
}

/// Is the engine.
///
/// # Errors
/// When it is started by hand, and what its part finds.
pub fn serve(args: &EngineArgs) -> anyhow::Result<()> {
    let program = PathBuf::from(variable(PROGRAM)?);
    let mut ctx = AdapterCtx::new("shop", "live");
    ctx.workdir = variable(WORKDIR)?.into();
    ctx.env_secrets.insert("DATABASE_URL".into(), DSN.into());
    match args.part {
        Part::Up => death::engine(program, &ctx),
        Part::Long { calls } => long::engine(&program, &ctx, calls),
    }
}

fn variable(name: &str) -> anyhow::Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set"))
}

/// A command that is an engine for this project, with its temporary files in `tmp`.
pub fn command(program: &Path, ctx: &AdapterCtx, tmp: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg(SUBCOMMAND)
        .env(PROGRAM, program)
        .env(WORKDIR, &ctx.workdir)
        .env(DSN, ctx.secret("DATABASE_URL")?)
        .env("TMPDIR", tmp)
        .stdin(Stdio::null());
    Ok(command)
}

//! Starts this program again as an engine, and is understood by it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use fraisier_adapter_api::AdapterCtx;

/// The hidden command that is the engine.
pub const SUBCOMMAND: &str = "live-engine";

/// What the engine needs to know: the variables in which it is told.
const PROGRAM: &str = "XTASK_ENGINE_PROGRAM";
const WORKDIR: &str = "XTASK_ENGINE_WORKDIR";
const DSN: &str = "XTASK_ENGINE_DSN";

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

/// The confiture and the project that such a command was given.
///
/// # Errors
/// When the engine was started by hand.
pub(super) fn told() -> anyhow::Result<(PathBuf, AdapterCtx)> {
    let program = PathBuf::from(variable(PROGRAM)?);
    let mut ctx = AdapterCtx::new("shop", "live");
    ctx.workdir = variable(WORKDIR)?.into();
    ctx.env_secrets.insert("DATABASE_URL".into(), DSN.into());
    Ok((program, ctx))
}

fn variable(name: &str) -> anyhow::Result<String> {
    std::env::var(name)
        .with_context(|| format!("{name} is not set: `cargo xtask live` starts this"))
}

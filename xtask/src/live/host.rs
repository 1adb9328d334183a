//! An engine in a process of its own: one that can be killed, or whose resources can be counted.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fraisier_adapter_api::AdapterCtx;
use fraisier_adapter_confiture::ConfitureMigration;

use crate::stage::block_on;

/// The hidden command that is the engine.
pub const SUBCOMMAND: &str = "live-host";

/// The variable with the connection string.
const DSN: &str = "XTASK_HOST_DSN";

/// What the engine does: an `up`, in which it is killed, or very many calls.
#[derive(Debug, clap::Args)]
pub struct HostArgs {
    confiture: PathBuf,
    workdir: PathBuf,
    calls: Option<usize>,
}

/// Runs as the engine.
pub fn serve(args: HostArgs) -> anyhow::Result<()> {
    let adapter = ConfitureMigration::with_program(args.confiture);
    let mut ctx = AdapterCtx::new("shop", "live").with_env_secret("DATABASE_URL", DSN);
    ctx.workdir = args.workdir;
    match args.calls {
        None => Ok(block_on(adapter.up(&ctx, None)).map(drop)?),
        Some(calls) => super::long::run(&adapter, &ctx, calls),
    }
}

/// A command that is an engine for this project, with its temporary files in `tmp`.
pub fn command(program: &Path, ctx: &AdapterCtx, tmp: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg(SUBCOMMAND)
        .arg(program)
        .arg(&ctx.workdir)
        .env(DSN, ctx.secret("DATABASE_URL")?)
        .env("TMPDIR", tmp)
        .stdin(Stdio::null());
    Ok(command)
}

//! An engine in a process of its own: one that can be killed, or whose resources can be counted.

mod holdings;
mod long;
mod shortage;
pub mod start;
mod subject;

use fraisier_adapter_api::MigrationAdapter as _;
use fraisier_adapter_confiture::ConfitureMigration;

use super::call::block_on;

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
    let (program, ctx) = start::told()?;
    let adapter = ConfitureMigration::with_program(program);
    match args.part {
        Part::Up => block_on(adapter.up(&ctx, None)).map(drop),
        Part::Long { calls } => long::run(&adapter, &ctx, calls),
    }
}

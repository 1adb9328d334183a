//! `cargo xtask demo`: one whole deploy, for somebody who has just cloned this.

mod deploy;
mod transcript;

use std::sync::Arc;
use std::time::Duration;

use fraisier_adapter_api::MigrationAdapter;

use self::transcript::Transcript;
use crate::exit::Unexpected;
use crate::harness::World;
use crate::project::{Project, adaptation};
use crate::stage::Stage;
use contract_lab::confiture::{Candidate, install};
use contract_lab::interrupt::{self, Interrupted};
use contract_lab::postgres::ServerArgs;
use contract_lab::ui::{self, Ui};
use contract_lab::{Lab, LabArgs};

/// The options of the demo.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Which confiture: a release such as 0.22, `newest`, or the path of a binary, an environment, a
    /// wheel, an sdist or a source directory
    #[arg(long, default_value = "newest", value_name = "RELEASE|PATH")]
    confiture: Candidate,

    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    lab: LabArgs,
}

/// Runs the demo.
pub fn run(args: DemoArgs) -> anyhow::Result<()> {
    let lab = Lab::new(args.lab, Ui::stderr())?;
    let confiture = install(&lab, &args.confiture)?;
    let world = World::new(args.server, lab)?;
    let stage = Stage::of(&world, &confiture, Project::sample(&confiture.version)?)?;
    let (version, postgres) = (&confiture.version, world.server.version()?);
    ui::print(&format!("confiture {version} on PostgreSQL {postgres}"));
    if let Some(adapted) = adaptation(version) {
        ui::print(adapted);
    }
    ui::print("");
    let mut transcript = Transcript::new(world.lab.ui);
    deploy_until_interrupted(&stage, &mut transcript)?;
    look(&stage)?;
    let path = transcript::path(&transcript.revisions);
    ui::print(&format!("\nrevision  {}", ui::good(&path)));
    Ok(())
}

/// Drives the deploy; an interrupt drops the call in flight, and the adapter stops confiture.
fn deploy_until_interrupted(stage: &Stage<'_>, transcript: &mut Transcript) -> anyhow::Result<()> {
    let adapter: Arc<dyn MigrationAdapter> = Arc::new(stage.adapter());
    let (ctx, version) = (stage.ctx(), &stage.confiture.version);
    let deploy = deploy::deploy(&adapter, &ctx, &stage.project, version, transcript);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        tokio::select! {
            done = deploy => done,
            () = interrupted() => Err(Interrupted.into()),
        }
    })
}

async fn interrupted() {
    while !interrupt::raised() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Checks the database itself, not what was reported about it.
fn look(stage: &Stage<'_>) -> anyhow::Result<()> {
    let row = stage.database.connect()?.query_one(
        "SELECT to_regclass('purchase') IS NOT NULL,
                EXISTS (SELECT FROM information_schema.columns
                        WHERE table_name = 'product' AND column_name = 'origin'),
                to_regclass('purchase_product_id_idx') IS NOT NULL",
        &[],
    )?;
    let found: [bool; 3] = [row.get(0), row.get(1), row.get(2)];
    let text = format!(
        "the database is not at its first migration: whether the table purchase, the column origin \
         and the index exist: {found:?}"
    );
    anyhow::ensure!(found == [true, false, false], Unexpected(text));
    Ok(())
}

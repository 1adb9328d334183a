//! `cargo xtask demo`: one whole deploy, for somebody who has just cloned this.

mod decision;
mod deploy;
mod transcript;
mod watch;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fraisier_adapter_api::{AdapterCtx, MigrationAdapter};
use fraisier_adapter_confiture::ConfitureMigration;

use self::transcript::{Form, Tool, Transcript};
use self::watch::Watch;
use crate::exit::Unexpected;
use crate::help;
use crate::project::{Project, adaptation};
use contract_lab::confiture::{Candidate, Installed, install};
use contract_lab::interrupt::{self, Interrupted};
use contract_lab::postgres::{Database, ServerArgs};
use contract_lab::ui::Ui;
use contract_lab::{Lab, LabArgs};

/// `--help`, after the options.
pub fn help() -> String {
    help::help(
        "\
         The steps: describe, current, preflight, up, verify, current, an up that fails, down_to, \
         current. Each prints what it decided; a step that decides anything but what the sample \
         project calls for ends the demo. The first run installs confiture and PostgreSQL (some 20 \
         seconds); later ones need no network.",
        &[
            ("cargo xtask demo", "the newest confiture"),
            ("cargo xtask demo --confiture 0.22.0", "an old one"),
            (
                "cargo xtask demo --confiture ~/venv/bin/confiture",
                "one of yours",
            ),
            (
                "cargo xtask demo --postgres 16 --json | jq .steps",
                "for machines",
            ),
            (
                "XTASK_DATABASE_URL=postgresql://me:secret@db.example \\\n    cargo xtask demo",
                "on a server of yours, with the password kept out of the process list",
            ),
        ],
    )
}

/// What the demo can be told.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Which confiture: a release such as 0.22, `newest`, or the path of a binary, an environment, a
    /// wheel, an sdist or a source directory
    #[arg(long, default_value = "newest", value_name = "RELEASE|PATH")]
    confiture: Candidate,

    #[command(flatten)]
    server: ServerArgs,

    /// Print one JSON document on standard output, and progress on standard error
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    lab: LabArgs,
}

/// Runs the demo.
///
/// # Errors
/// What is missing, or what was not as expected.
pub fn run(args: DemoArgs) -> anyhow::Result<()> {
    let ui = Ui::stderr();
    let form = if args.json { Form::Json } else { Form::Text };
    let mut transcript = Transcript::new(form, ui);
    let done = play(args, ui, &mut transcript);
    transcript.end(done)
}

fn play(args: DemoArgs, ui: Ui, transcript: &mut Transcript) -> anyhow::Result<()> {
    let lab = Lab::new(args.lab, ui)?;
    let confiture = install(&lab, &args.confiture)?;
    let server = args.server.open(&lab)?;
    let database = server.create_unique_database("demo")?;
    let project = Project::sample(&confiture.version)?;
    let version = server.version()?;
    transcript.say(&format!(
        "confiture {} on PostgreSQL {version}",
        confiture.version
    ));
    if let Some(adapted) = adaptation(&confiture.version) {
        transcript.say(adapted);
    }
    transcript.say("");
    transcript.postgres = Some(version);
    transcript.confiture = Some(Tool {
        version: confiture.version.clone(),
        program: confiture.program.clone(),
    });
    deploy_until_interrupted(&confiture, &database, &project, transcript)?;
    look(&database)
}

/// Drives the deploy; an interrupt drops the call in flight, and the adapter stops confiture.
fn deploy_until_interrupted(
    confiture: &Installed,
    database: &Database<'_>,
    project: &Project,
    transcript: &mut Transcript,
) -> anyhow::Result<()> {
    let adapter: Arc<dyn MigrationAdapter> =
        Arc::new(adapter(&confiture.program, Watch(transcript.live.clone())));
    let mut ctx =
        AdapterCtx::new("shop", "demo").with_resolved_secret("DATABASE_URL", database.dsn());
    ctx.workdir = project.root().into();
    let deploy = deploy::deploy(&adapter, &ctx, project, &confiture.version, transcript);
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

fn adapter(program: &Path, watch: Watch) -> ConfitureMigration {
    ConfitureMigration::builder()
        .program(program)
        .observer(Arc::new(watch))
        .build()
}

async fn interrupted() {
    while !interrupt::raised() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What is in the database counts, not what was said about it.
fn look(database: &Database<'_>) -> anyhow::Result<()> {
    let row = database.connect()?.query_one(
        "SELECT to_regclass('purchase') IS NOT NULL,
                EXISTS (SELECT FROM information_schema.columns
                        WHERE table_name = 'product' AND column_name = 'origin'),
                to_regclass('purchase_product_id_idx') IS NOT NULL",
        &[],
    )?;
    let (table, column, index): (bool, bool, bool) = (row.get(0), row.get(1), row.get(2));
    if table && !column && !index {
        return Ok(());
    }
    Err(Unexpected(format!(
        "the database is not at its first migration: table purchase {}, column origin {}, \
         index {}",
        there(table),
        there(column),
        there(index)
    ))
    .into())
}

fn there(is: bool) -> &'static str {
    if is { "is there" } else { "is not there" }
}

//! `cargo xtask demo`.

use std::path::PathBuf;

use crate::lab::confiture::{Selector, provision};
use crate::lab::postgres::{Major, Server};
use crate::lab::ui::Ui;
use crate::lab::{Lab, LabArgs};

/// What the demo can be told.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Which confiture: a release such as 0.22.0, `newest`, or the path of a binary
    #[arg(long, default_value = "newest", value_name = "RELEASE|PATH")]
    confiture: Selector,

    /// Which PostgreSQL to start
    #[arg(long, default_value = "18", value_name = "VERSION")]
    postgres: Major,

    /// Use this server instead, in a database that the demo creates and drops
    #[arg(long, value_name = "URL", conflicts_with = "postgres")]
    database_url: Option<String>,

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
    let lab = Lab::new(args.lab, Ui::stderr())?;
    let confiture = provision(&lab, &args.confiture)?;
    let server = match &args.database_url {
        Some(url) => Server::given(url)?,
        None => Server::start(&lab, args.postgres, &[])?,
    };
    let database = server.create_unique_database("demo")?;
    let program: PathBuf = confiture.program;
    lab.ui.note(&format!(
        "confiture {} ({}), PostgreSQL {}, database {}",
        confiture.version,
        program.display(),
        server.version()?,
        database.name()
    ));
    let _ = args.json;
    Ok(())
}

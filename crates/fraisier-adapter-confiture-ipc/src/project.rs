//! The project that a call by hand works on.

use std::path::PathBuf;

use fraisier_adapter_api::AdapterCtx;

/// Where the call works. fraisier sends this with each call.
#[derive(Debug, clap::Args)]
pub(crate) struct Project {
    /// The directory confiture starts in
    #[arg(
        short = 'C',
        long,
        global = true,
        value_name = "DIRECTORY",
        default_value = "."
    )]
    pub(crate) workdir: PathBuf,

    /// The migrations, seen from there
    #[arg(
        short,
        long,
        global = true,
        value_name = "DIRECTORY",
        default_value = "db/migrations"
    )]
    pub(crate) migrations_dir: PathBuf,

    /// The variable that holds the connection string
    #[arg(
        long,
        global = true,
        value_name = "VARIABLE",
        default_value = "DATABASE_URL"
    )]
    pub(crate) database_url_env: String,
}

impl Project {
    /// The context that fraisier would send.
    pub(crate) fn ctx(&self) -> Box<AdapterCtx> {
        let mut ctx = AdapterCtx::new("by hand", "by hand");
        ctx.workdir.clone_from(&self.workdir);
        ctx.migrations_path = Some(self.migrations_dir.clone());
        ctx.env_secrets
            .insert("DATABASE_URL".into(), self.database_url_env.clone());
        Box::new(ctx)
    }
}

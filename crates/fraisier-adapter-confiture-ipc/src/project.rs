//! The project that a call by hand works on.

use std::path::{self, PathBuf};

use fraisier_adapter_api::AdapterCtx;

/// What a call works on. fraisier sends this with each call.
#[derive(Debug, clap::Args)]
pub(crate) struct Project {
    /// The directory in which confiture starts
    #[arg(short = 'C', long, global = true)]
    #[arg(value_name = "DIRECTORY", default_value = ".")]
    pub(crate) workdir: PathBuf,

    /// The directory of the migrations, relative to the working directory
    #[arg(short, long, global = true)]
    #[arg(value_name = "DIRECTORY", default_value = "db/migrations")]
    pub(crate) migrations_dir: PathBuf,

    /// The environment variable that contains the connection string
    #[arg(long, global = true)]
    #[arg(value_name = "VARIABLE", default_value = "DATABASE_URL")]
    pub(crate) database_url_env: String,
}

impl Project {
    /// The migrations directory, absolute.
    pub(crate) fn directory(&self) -> PathBuf {
        let directory = self.workdir.join(&self.migrations_dir);
        path::absolute(&directory).unwrap_or(directory)
    }

    /// The context that fraisier would send.
    pub(crate) fn ctx(&self) -> Box<AdapterCtx> {
        Box::new(
            AdapterCtx::new("by hand", "by hand")
                .with_workdir(&self.workdir)
                .with_migrations_path(&self.migrations_dir)
                .with_env_secret("DATABASE_URL", &self.database_url_env),
        )
    }
}

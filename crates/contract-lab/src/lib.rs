//! What the commands stand on: Python, confiture releases, a PostgreSQL server, progress.
//!
//! The rooms:
//!
//! | room | one reason |
//! |---|---|
//! | [`runner`] | runs a case on a real confiture and server, as the catalogue wants it |
//! | [`confiture`] | a confiture to run: a release, or something that may become one |
//! | [`registry`] | which releases there are |
//! | [`packages`] | installs Python packages, and says why one cannot be had |
//! | [`python`] | a Python that is new enough |
//! | [`parser`] | PostgreSQL's own parser |
//! | [`postgres`] | a server, its databases, and what is in them |
//! | [`build_once`](mod@build_once) | what is built is kept, whoever builds at the same time |
//! | [`cache`] | where it is kept |
//! | [`command`] | runs a helper program to its end |
//! | [`parallel`] | the same work on many items |
//! | [`files`] | files that are written whole, copies of directories |
//! | [`interrupt`] | Ctrl-C |
//! | [`trouble`] | an error with its way out |
//! | [`ui`] | what people see while they wait |

pub mod build_once;
pub mod cache;
pub mod command;
pub mod confiture;
pub mod files;
pub mod interrupt;
pub mod packages;
pub mod parallel;
pub mod parser;
pub mod postgres;
pub mod python;
pub mod registry;
pub mod runner;
pub mod trouble;
pub mod ui;

use std::path::PathBuf;
use std::sync::OnceLock;

use python::Python;
use ui::Ui;

/// The options every command that needs the lab has in common.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct LabArgs {
    /// The Python (3.11 or newer) to make environments with, instead of the first that fits on PATH
    #[arg(long, env = "XTASK_PYTHON", value_name = "PROGRAM")]
    pub python: Option<PathBuf>,

    /// Where environments are kept, instead of cargo's target directory or your cache directory
    #[arg(long, env = "XTASK_CACHE_DIR", value_name = "DIRECTORY")]
    pub cache_dir: Option<PathBuf>,
}

/// The machine as a command finds it. Nothing is looked for before it is needed.
#[derive(Debug)]
pub struct Lab {
    /// Where progress goes.
    pub ui: Ui,
    cache: PathBuf,
    wanted_python: Option<PathBuf>,
    python: OnceLock<Python>,
}

impl Lab {
    /// A lab with these options, telling its progress to `ui`.
    pub fn new(args: LabArgs, ui: Ui) -> anyhow::Result<Self> {
        Ok(Self {
            ui,
            cache: cache::directory(args.cache_dir)?,
            wanted_python: args.python,
            python: OnceLock::new(),
        })
    }

    /// The cache directory: absolute, existing, writable.
    pub fn cache(&self) -> &std::path::Path {
        &self.cache
    }

    /// The Python to make environments with, looked for once.
    pub fn python(&self) -> anyhow::Result<&Python> {
        if let Some(found) = self.python.get() {
            return Ok(found);
        }
        let found = Python::find(self.wanted_python.as_deref())?;
        Ok(self.python.get_or_init(|| found))
    }
}

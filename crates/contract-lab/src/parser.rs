//! PostgreSQL's own parser, from a Python package that carries it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Lab;
use crate::build_once::build_once;
use crate::packages::{CHECK_NETWORK, install_environment};
use crate::trouble::Trouble;

/// The package; its major version is that of the parser's grammar.
const PACKAGE: &str = "pglast~=8.0";

#[derive(Debug, Serialize, Deserialize)]
struct Environment {
    python: PathBuf,
}

/// Gives a Python that can `import pglast`, installing it at most once per cache.
pub fn provision(lab: &Lab) -> anyhow::Result<PathBuf> {
    let directory = lab.cache().join(format!("pglast-{}", lab.python()?.tag()));
    let environment = build_once(
        &directory,
        lab.ui,
        |found: &Environment| found.python.exists(),
        |building| {
            let task = lab.ui.task("installing PostgreSQL's parser");
            install_environment(lab, building, PACKAGE)?.map_err(|failure| {
                Trouble::new(
                    format!(
                        "PostgreSQL's parser cannot be had from the package {PACKAGE}: {failure}"
                    ),
                    CHECK_NETWORK,
                )
            })?;
            task.finish("installed PostgreSQL's parser");
            Ok(Environment {
                python: building.directory.join("bin/python"),
            })
        },
    )?;
    Ok(environment.python)
}

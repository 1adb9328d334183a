//! PostgreSQL's own parser, from a Python package that carries it.

use std::path::PathBuf;

use crate::Lab;
use crate::packages::environment_with;

/// The package; its major version is that of the parser's grammar.
const PACKAGE: &str = "pglast~=8.0";

/// Gives a Python that can `import pglast`, installing it at most once per cache.
pub fn provision(lab: &Lab) -> anyhow::Result<PathBuf> {
    let environment = environment_with(lab, PACKAGE, "PostgreSQL's parser")?;
    Ok(environment.join("bin/python"))
}

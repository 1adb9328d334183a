//! PostgreSQL's own parser, from a Python package that contains it.

use std::path::PathBuf;

use crate::Lab;
use crate::packages::environment_with;

/// The package; its major version is that of the parser's grammar.
const PACKAGE: &str = "pglast~=8.0";

/// Returns a Python that can `import pglast`, which is installed at most once per cache.
pub fn provision(lab: &Lab) -> anyhow::Result<PathBuf> {
    let environment = environment_with(lab, PACKAGE, "PostgreSQL's parser")?;
    Ok(environment.join("bin/python"))
}

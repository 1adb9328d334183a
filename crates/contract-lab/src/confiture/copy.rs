//! Copies of an environment that contains confiture. The copies may be changed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::TempDir;

use crate::files::{copy_tree, write_program};

/// A copy in a temporary directory; dropping it removes it.
#[derive(Debug)]
pub struct Environment(TempDir);

impl Environment {
    /// Copies the environment that this script belongs to.
    pub fn copy(script: &Path) -> anyhow::Result<Self> {
        let copy = Self(tempfile::tempdir()?);
        copy.renew(script)?;
        Ok(copy)
    }

    /// Copies everything again, over the earlier copy.
    pub fn renew(&self, script: &Path) -> anyhow::Result<()> {
        copy(script, self.path(), "")
    }

    /// The script in the copy.
    pub fn program(&self) -> PathBuf {
        self.path().join("bin/confiture")
    }

    /// Its root.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Copies the environment that this script belongs to, without the compiled modules. The script of the
/// copy begins with these lines, and the copy's Python runs it.
pub fn copy(script: &Path, to: &Path, lines: &str) -> anyhow::Result<()> {
    copy_tree(&root_of(script)?, to, &["__pycache__"])?;
    write_script(script, to, lines)?;
    Ok(())
}

/// Makes an environment at `root` that shares the packages of this script's environment. Its own script
/// begins with these lines.
pub fn shared(script: &Path, root: &Path, lines: &str) -> anyhow::Result<PathBuf> {
    let from = root_of(script)?;
    fs::create_dir_all(root.join("bin"))?;
    fs::copy(from.join("pyvenv.cfg"), root.join("pyvenv.cfg"))?;
    for part in ["lib", "bin/python"] {
        symlink(from.join(part), root.join(part))?;
    }
    write_script(script, root, lines)
}

/// The directory of the packages in an environment.
pub fn packages(environment: &Path) -> anyhow::Result<PathBuf> {
    let library = environment.join("lib");
    let mut pythons = fs::read_dir(&library)?;
    let python = pythons
        .next()
        .with_context(|| format!("{} is empty", library.display()))?;
    Ok(python?.path().join("site-packages"))
}

fn root_of(script: &Path) -> anyhow::Result<PathBuf> {
    let script = script.canonicalize()?;
    let root = script.parent().and_then(Path::parent);
    let root = root.filter(|root| root.join("pyvenv.cfg").is_file());
    let root = root.with_context(|| format!("{} is in no virtual environment", script.display()));
    root.map(Path::to_owned)
}

/// Writes the script for the environment at `root`, with these lines before it.
fn write_script(script: &Path, root: &Path, lines: &str) -> anyhow::Result<PathBuf> {
    let text = fs::read_to_string(script)?;
    let (_, rest) = text.split_once('\n').context("the script has one line")?;
    let python = root.join("bin/python");
    let program = root.join("bin/confiture");
    write_program(&program, &format!("#!{}\n{lines}{rest}", python.display()))?;
    Ok(program)
}

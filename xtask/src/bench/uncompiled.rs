//! An installation of confiture without any compiled module.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use contract_lab::scratch::Scratch;

/// A virtual environment; it goes with the value.
pub struct Copy {
    root: Scratch,
}

impl Copy {
    /// The script in it.
    pub fn program(&self) -> PathBuf {
        self.root.path().join("bin/confiture")
    }

    /// A directory for what else belongs to it.
    pub fn path(&self) -> &Path {
        self.root.path()
    }
}

/// Copies the virtual environment that a script belongs to, less the compiled modules.
///
/// # Errors
/// When the script is not in one.
pub fn copy(script: &Path) -> anyhow::Result<Copy> {
    let script = script.canonicalize()?;
    let from = script.parent().and_then(Path::parent);
    let from = from
        .filter(|root| root.join("pyvenv.cfg").is_file())
        .with_context(|| format!("{} is in no virtual environment", script.display()))?;
    let root = Scratch::new()?;
    copy_tree(from, root.path())?;
    let copy = Copy { root };
    let text = fs::read_to_string(&script)?;
    let (_, rest) = text.split_once('\n').context("the script has one line")?;
    let python = copy.path().join("bin/python");
    fs::write(copy.program(), format!("#!{}\n{rest}", python.display()))?;
    Ok(copy)
}

fn copy_tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in from.read_dir()? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        } else if entry.file_name() != "__pycache__" {
            fs::create_dir(&target)?;
            copy_tree(&entry.path(), &target)?;
        }
    }
    Ok(())
}

//! A copy of an installation of confiture that may be changed, without any compiled module.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use contract_lab::scratch::Scratch;

/// A virtual environment; dropping it removes it.
pub struct Environment(Scratch);

impl Environment {
    /// Copies the virtual environment that this script belongs to, less the compiled modules.
    pub fn copy(script: &Path) -> anyhow::Result<Self> {
        let copy = Self(Scratch::new()?);
        copy.renew(script)?;
        Ok(copy)
    }

    /// Copies everything again, over what is there.
    pub fn renew(&self, script: &Path) -> anyhow::Result<()> {
        let script = script.canonicalize()?;
        let from = script.parent().and_then(Path::parent);
        let from = from
            .filter(|root| root.join("pyvenv.cfg").is_file())
            .with_context(|| format!("{} is in no virtual environment", script.display()))?;
        copy_tree(from, self.path())?;
        let text = fs::read_to_string(&script)?;
        let (_, rest) = text.split_once('\n').context("the script has one line")?;
        let python = self.path().join("bin/python");
        fs::write(self.program(), format!("#!{}\n{rest}", python.display()))?;
        Ok(())
    }

    /// The script in it.
    pub fn program(&self) -> PathBuf {
        self.path().join("bin/confiture")
    }

    /// Its root.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

fn copy_tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in from.read_dir()? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_symlink() {
            if !target.is_symlink() {
                std::os::unix::fs::symlink(fs::read_link(entry.path())?, target)?;
            }
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        } else if entry.file_name() != "__pycache__" {
            fs::create_dir_all(&target)?;
            copy_tree(&entry.path(), &target)?;
        }
    }
    Ok(())
}

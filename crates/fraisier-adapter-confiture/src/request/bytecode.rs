//! A private cache for Python's bytecode, where Python cannot write one beside its modules.
//!
//! Without compiled modules every call of confiture compiles some 500 of them again, which takes
//! longer than everything else it does. Python executes what is in the cache, so a directory is
//! trusted only if nobody but this user and root can write to it or replace it.

use std::fs::{DirBuilder, Metadata};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::process::geteuid;

use crate::process::Environment;
use crate::release::installed::{entries, packages};

const PREFIX: &str = "PYTHONPYCACHEPREFIX";
const FORBIDDEN: &str = "PYTHONDONTWRITEBYTECODE";

/// Points the child at the private cache if that makes it faster.
pub(super) fn provide(environment: &mut Environment, program: &Path) {
    if helps(environment, program)
        && let Some(dir) = places().find(|place| is_private(place))
    {
        environment.set(PREFIX, dir);
        environment.remove(FORBIDDEN);
    }
}

/// Whether Python would compile everything in this call and in every further one.
///
/// Where compiled modules are in place, a cache elsewhere only hides them and makes the first call
/// slow. A cache that the user set is left alone.
fn helps(environment: &Environment, program: &Path) -> bool {
    // Python treats an empty value as unset.
    let forbidden = environment.get(FORBIDDEN).is_some_and(|it| !it.is_empty());
    let root = program.canonicalize().ok();
    let root = root.as_deref().and_then(|it| it.parent()?.parent());
    let package = root.and_then(|root| {
        let mut found = packages(root).map(|it| it.join("confiture"));
        found.find(|it| it.join("__init__.py").is_file())
    });
    environment.get(PREFIX).is_none()
        && package.map_or(forbidden, |package| {
            let is_writable = !forbidden && access(&package, Access::WRITE_OK).is_ok();
            !is_writable && !is_compiled(&package)
        })
}

fn is_compiled(package: &Path) -> bool {
    let mut files = entries(&package.join("__pycache__"));
    files.any(|it| it.extension().is_some_and(|it| it == "pyc"))
}

/// Where a cache may be, the best place first.
fn places() -> impl Iterator<Item = PathBuf> {
    const NAME: &str = "fraisier-adapter-confiture";
    let var = |name| std::env::var_os(name).map(PathBuf::from);
    let user = var("XDG_CACHE_HOME").or_else(|| Some(var("HOME")?.join(".cache")));
    let shared = std::env::temp_dir().join(format!("{NAME}-{}", geteuid().as_raw()));
    let user = user.into_iter().map(|dir| dir.join(NAME));
    user.chain([shared]).map(|dir| dir.join("bytecode"))
}

/// Whether the directory, which is created if it does not exist, is private.
fn is_private(dir: &Path) -> bool {
    let ours = |found: Metadata| {
        let mode = found.mode() & 0o777;
        found.is_dir() && found.uid() == geteuid().as_raw() && mode == mode & 0o700
    };
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    dir.is_absolute()
        && builder.create(dir).is_ok()
        && dir.symlink_metadata().is_ok_and(ours)
        && dir.canonicalize().is_ok_and(|real| {
            let mut ancestors = dir.ancestors().chain(real.ancestors());
            ancestors.all(|it| it.symlink_metadata().is_ok_and(|it| is_out_of_reach(&it)))
        })
}

/// Whether nobody but this user and root can replace what is in this directory.
fn is_out_of_reach(found: &Metadata) -> bool {
    if found.is_symlink() {
        // A link of the system, such as `/tmp` on macOS.
        return found.uid() == 0;
    }
    // In a sticky directory others can add files, but not replace ours.
    let others_replace = found.mode() & 0o022 != 0 && found.mode() & 0o1000 == 0;
    [0, geteuid().as_raw()].contains(&found.uid()) && !others_replace
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
    fn the_cache_is_used_where_python_cannot_write_bytecode() {
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
    fn a_cache_configured_by_the_user_is_kept() {
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
        assert!(is_private(&dir));
        assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o777, 0o700);
        assert!(is_private(&dir), "and stays so");
    }

    #[test]
    fn a_directory_that_others_can_write_is_refused() {
        let root = TempDir::new().unwrap();
        let dir = root.path().join("a/b");
        fs::create_dir_all(&dir).unwrap();
        for mode in [0o755, 0o770, 0o707] {
            chmod(&dir, mode);
            assert!(!is_private(&dir), "{mode:o}");
        }
        chmod(&dir, 0o700);
        chmod(&root.path().join("a"), 0o777);
        assert!(!is_private(&dir), "a parent that others can write");
        chmod(&root.path().join("a"), 0o1777);
        assert!(is_private(&dir), "a sticky parent");
        assert!(!is_private(Path::new("relative")));
        assert!(!is_private(Path::new("/proc/none")));
    }

    #[test]
    fn a_link_is_refused() {
        let root = TempDir::new().unwrap();
        let real = root.path().join("real");
        assert!(is_private(&real));
        let link = root.path().join("link");
        symlink(&real, &link).unwrap();
        assert!(!is_private(&link));
    }
}

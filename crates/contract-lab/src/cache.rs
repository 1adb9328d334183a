//! The directory in which environments are stored.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use super::files::unwritable;

/// The requested directory, if there is one. Otherwise the first of these that can be written: `lab` in
/// the Cargo target directory that this program was built into, and the user's cache directory.
pub fn directory(asked: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let candidates = match asked {
        Some(asked) => vec![asked],
        None => defaults(env::current_exe().ok().as_deref(), |name| env::var_os(name)),
    };
    let mut first_failure = None;
    for candidate in &candidates {
        match prepare(candidate) {
            Ok(directory) => return Ok(directory),
            Err(error) => first_failure = first_failure.or(Some((candidate, error))),
        }
    }
    Err(match first_failure {
        Some((directory, error)) => unwritable(directory, &error),
        None => unwritable(Path::new("~/.cache"), &io::ErrorKind::NotFound.into()),
    }
    .into())
}

/// The Cargo target directory that contains a program. Cargo marks it with a file, wherever configuration
/// puts it.
pub fn target_of(program: &Path) -> Option<&Path> {
    let mut directories = program.ancestors().skip(1);
    directories.find(|directory| directory.join("CACHEDIR.TAG").is_file())
}

fn prepare(directory: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(directory)?;
    tempfile::tempfile_in(directory)?;
    directory.canonicalize()
}

fn defaults(exe: Option<&Path>, var: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let target = exe.and_then(target_of).map(|target| target.join("lab"));
    let set = |name| {
        var(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let user = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    target
        .into_iter()
        .chain(user.map(|cache| cache.join("fraisier-adapter-confiture")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_directory_is_preferred_to_the_users_cache() {
        let target = tempfile::tempdir().unwrap();
        let exe = target.path().join("debug/xtask");
        let home = |name: &str| (name == "HOME").then(|| "/home/someone".into());
        let users = || PathBuf::from("/home/someone/.cache/fraisier-adapter-confiture");
        assert_eq!(defaults(Some(&exe), home), [users()]);
        fs::write(target.path().join("CACHEDIR.TAG"), "").unwrap();
        assert_eq!(
            defaults(Some(&exe), home),
            [target.path().join("lab"), users()]
        );
    }

    #[test]
    fn an_unusable_requested_directory_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        let error = directory(Some(file.join("cache"))).unwrap_err().to_string();
        assert!(error.contains("--cache-dir"), "{error}");
    }
}

//! A crate with the README's dependency lines, and its first example as the program, builds.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

const README: &str = include_str!("../../../README.md");
const SAGA: &str = include_str!("../../fraisier-adapter-confiture/examples/saga.rs");

/// Cargo searches the whole repository for packages when it is a git dependency, so a second
/// package of the same name anywhere in it breaks these lines.
#[test]
fn a_crate_with_the_dependency_lines_of_the_readme_builds() {
    // Always the same directory, so that Cargo replaces what it built from an earlier state of the
    // repository.
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("as_a_dependency");
    for part in [
        "repository",
        "fraisier-adapter-api",
        "fraisier-adapter-confiture",
        "engine",
        "home",
    ] {
        let _ = fs::remove_dir_all(directory.join(part));
        fs::create_dir_all(directory.join(part)).unwrap();
    }
    let repository = directory.join("repository");
    let address = format!("file://{}", repository.display());
    let revision = publish(&repository);
    let home = cargo_home(&directory.join("home"));
    let cargo = || {
        let mut command = Command::new(env!("CARGO"));
        command
            // The repository is on this machine, and Cargo does not read even that one offline.
            .env_remove("CARGO_NET_OFFLINE")
            .env("CARGO_HOME", &home)
            .env("CARGO_TARGET_DIR", directory.join("target"));
        command
    };

    // Offline, Cargo fetches nothing, not even from this machine. Online, it may choose a package that
    // hides the error. A version that does not exist makes it fetch the repository, ask no registry, and
    // list every package that it could choose.
    let version = env!("CARGO_PKG_VERSION");
    for library in ["fraisier-adapter-api", "fraisier-adapter-confiture"] {
        let dependency = format!(
            "{library} = {{ git = {address:?}, rev = {revision:?}, version = \"=99.0.0\" }}"
        );
        let chooser = directory.join(library);
        package(
            &chooser,
            "chooser",
            &format!("[dependencies]\n{dependency}"),
            "",
        );
        let output = cargo().arg("fetch").current_dir(chooser).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let only = format!("didn't match: {version}\n");
        assert!(
            said.contains(&only),
            "{library} is not the only one: {said}"
        );
    }

    let engine = directory.join("engine");
    let dependencies = dependency_lines()
        .replace("ADDRESS", &address)
        .replace("REVISION", &revision);
    package(&engine, "engine", &dependencies, SAGA);
    // The versions that the workspace uses, which are on this machine.
    fs::copy(root().join("Cargo.lock"), engine.join("Cargo.lock")).unwrap();
    run(cargo().args(["check", "--offline"]).current_dir(&engine));
}

fn dependency_lines() -> String {
    let (_, lines) = README.split_once("```toml\n[dependencies]\n").unwrap();
    let (lines, _) = lines.split_once("```").unwrap();
    assert!(lines.contains("ADDRESS") && lines.contains("REVISION"));
    format!("[dependencies]\n{lines}")
}

/// Commits the working tree to a new repository, and returns the revision.
fn publish(repository: &Path) -> String {
    git(repository, &["init", "--quiet"]);
    let work_tree = format!("--work-tree={}", root().display());
    let git_dir = format!("--git-dir={}", repository.join(".git").display());
    git(&root(), &[&git_dir, &work_tree, "add", "."]);
    git(repository, &["commit", "--quiet", "--message=all"]);
    git(repository, &["rev-parse", "HEAD"])
}

/// A Cargo home with the registry of the real one, and without its clones of repositories.
fn cargo_home(home: &Path) -> PathBuf {
    let real = env::var_os("CARGO_HOME").map_or_else(
        || Path::new(&env::var_os("HOME").unwrap()).join(".cargo"),
        PathBuf::from,
    );
    for entry in fs::read_dir(real).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != OsStr::new("git") {
            symlink(entry.path(), home.join(entry.file_name())).unwrap();
        }
    }
    home.to_owned()
}

fn package(directory: &Path, name: &str, dependencies: &str, program: &str) {
    let manifest = format!(
        "[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         {dependencies}\n\n[workspace]\n"
    );
    fs::write(directory.join("Cargo.toml"), manifest).unwrap();
    fs::create_dir(directory.join("src")).unwrap();
    let file = if program.is_empty() {
        "lib.rs"
    } else {
        "main.rs"
    };
    fs::write(directory.join("src").join(file), program).unwrap();
}

fn git(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .args(["-c", "user.name=test", "-c", "user.email=test@localhost"])
        .args(arguments)
        .current_dir(directory)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(variable);
    }
    run(&mut command)
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {said}", command.get_args());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}

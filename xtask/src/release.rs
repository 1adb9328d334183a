//! `cargo xtask release`: the checklist of a release. It publishes nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use contract_lab::command;
use contract_lab::ui::{Ui, bad, good, warn};
use serde::Deserialize;

use crate::exit::Unexpected;
use crate::help;

/// `--help`, after the options.
pub fn help() -> String {
    help::help(
        "\
         What is to be true before a release, checked: what each package says of itself and \
         carries, versions and changelog, the public API, the documentation, and that each package \
         builds from its archive alone, in the order in which they would be published. Publishing \
         is for a person to do.",
        &[
            (
                "cargo xtask release",
                "everything; packages are built, so it takes minutes",
            ),
            ("cargo xtask release --quick", "without building anything"),
        ],
    )
}

/// The files that every package carries.
const CARRIED: [&str; 3] = ["LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// What the checklist can be told.
#[derive(Debug, clap::Args)]
pub struct ReleaseArgs {
    /// Look at what is written only, and build nothing
    #[arg(long)]
    quick: bool,

    /// Publish nothing; it never does, so this only says so
    #[arg(long = "dry-run")]
    _dry_run: bool,
}

/// What cargo tells of a package.
#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: String,
    description: Option<String>,
    license: Option<String>,
    readme: Option<PathBuf>,
    repository: Option<String>,
    rust_version: Option<String>,
    keywords: Vec<String>,
    categories: Vec<String>,
    /// Empty for what is not to be published.
    publish: Option<Vec<String>>,
    manifest_path: PathBuf,
}

/// Goes through the checklist.
///
/// # Errors
/// [`Unexpected`] when something is not as it must be.
pub fn run(args: &ReleaseArgs) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let packages = published(&root)?;
    let mut list = Checklist(0);
    for package in &packages {
        let missing = missing(package);
        list.check(
            &format!("{} says what it is", package.name),
            missing.is_empty(),
            &missing.join(", "),
        );
        let files = cargo(
            &root,
            &[
                "package",
                "--list",
                "--allow-dirty",
                "--package",
                &package.name,
            ],
        )?;
        let carried: Vec<&str> = files.1.lines().collect();
        let absent = CARRIED.into_iter().filter(|name| !carried.contains(name));
        let absent: Vec<&str> = absent.collect();
        list.check(
            &format!("{} carries its licences", package.name),
            absent.is_empty(),
            &absent.join(", "),
        );
        if package.repository.is_none() {
            to_do(&format!(
                "{}: `repository` is for whoever publishes it to set",
                package.name
            ));
        }
    }
    let versions: Vec<&str> = packages
        .iter()
        .map(|package| package.version.as_str())
        .collect();
    let version = versions.first().context("nothing is to be published")?;
    list.check(
        "the versions are one",
        versions.iter().all(|other| other == version),
        &versions.join(", "),
    );
    let changelog = fs::read_to_string(root.join("CHANGELOG.md"))?;
    if !changelog.contains(&format!("## [{version}]")) {
        to_do(&format!(
            "CHANGELOG.md: `Unreleased` becomes {version}, with its date"
        ));
    }
    if !args.quick {
        let ui = Ui::stderr();
        let mut run = |what: &str, arguments: &[&str]| -> anyhow::Result<()> {
            let task = ui.task(what);
            let (ok, said) = cargo(&root, arguments)?;
            drop(task);
            list.check(what, ok, &said);
            Ok(())
        };
        run(
            "the documentation builds",
            &["doc", "--workspace", "--no-deps", "--locked"],
        )?;
        run(
            "the public API is the committed one",
            &["test", "--locked", "--test", "public_api"],
        )?;
        let mut publish = vec!["publish", "--dry-run", "--locked", "--allow-dirty"];
        for package in &packages {
            publish.extend(["--package", &package.name]);
        }
        run("each package builds from its archive alone", &publish)?;
    }
    if list.0 > 0 {
        return Err(Unexpected(format!("{} things are not as they must be", list.0)).into());
    }
    Ok(())
}

/// What was gone through; how many things were not as they must be.
struct Checklist(usize);

impl Checklist {
    fn check(&mut self, what: &str, holds: bool, otherwise: &str) {
        if holds {
            anstream::println!("{}  {what}", good("ok   "));
        } else {
            self.0 += 1;
            anstream::println!("{}  {what}: {}", bad("NO   "), otherwise.trim_end());
        }
    }
}

/// Something that only a person can do.
fn to_do(what: &str) {
    anstream::println!("{}  {what}", warn("to do"));
}

/// The packages that are to be published.
fn published(root: &Path) -> anyhow::Result<Vec<Package>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let (ok, said) = cargo(
        root,
        &["metadata", "--no-deps", "--format-version", "1", "--locked"],
    )?;
    anyhow::ensure!(ok, "cargo does not know the workspace: {said}");
    let metadata: Metadata = serde_json::from_str(&said)?;
    let published = |package: &Package| package.publish.as_ref().is_none_or(|to| !to.is_empty());
    Ok(metadata.packages.into_iter().filter(published).collect())
}

fn missing(package: &Package) -> Vec<&'static str> {
    let directory = package.manifest_path.parent();
    let documented = directory
        .and_then(|directory| fs::read_to_string(directory.join("Cargo.toml")).ok())
        .is_some_and(|manifest| manifest.contains("[package.metadata.docs.rs]"));
    [
        ("description", package.description.is_some()),
        ("license", package.license.is_some()),
        ("readme", package.readme.is_some()),
        ("rust-version", package.rust_version.is_some()),
        ("keywords", !package.keywords.is_empty()),
        ("categories", !package.categories.is_empty()),
        ("docs.rs", documented),
    ]
    .into_iter()
    .filter_map(|(what, there)| (!there).then_some(what))
    .collect()
}

/// Whether cargo succeeded, and what it printed: of a failure, what it said of it.
fn cargo(root: &Path, arguments: &[&str]) -> anyhow::Result<(bool, String)> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).current_dir(root);
    cargo.env("CI", "true").env("RUSTDOCFLAGS", "-Dwarnings");
    let output = command::run(&mut cargo)?;
    let ok = output.status.success();
    Ok((ok, if ok { output.stdout } else { output.stderr }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_published_says_what_it_is() {
        let packages = published(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
        let names: Vec<_> = packages
            .iter()
            .map(|package| package.name.as_str())
            .collect();
        assert!(names.contains(&"fraisier-adapter-api"), "{names:?}");
        assert!(!names.contains(&"xtask"), "{names:?}");
        for package in &packages {
            assert_eq!(missing(package), [""; 0], "{}", package.name);
        }
    }
}

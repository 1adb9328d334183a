//! `cargo xtask release`: the checklist of a release, and its files. It publishes nothing.

mod build;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use contract_lab::command;
use contract_lab::ui::{Ui, bad, good, warn};
use serde::Deserialize;

use crate::cargo::{cargo, last, root};
use crate::exit::Unexpected;

/// The files that every package carries.
const CARRIED: [&str; 3] = ["LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// The options of the checklist.
#[derive(Debug, clap::Args)]
pub struct ReleaseArgs {
    /// Build everything too, and rehearse `cargo publish`
    #[arg(long)]
    dry_run: bool,

    /// Check that this tag is the version, and print the section of the changelog
    #[arg(long, value_name = "TAG", conflicts_with_all = ["dry_run", "build"])]
    tag: Option<String>,

    #[command(flatten)]
    build: build::BuildArgs,
}

/// What cargo says of a package.
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
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
}

/// Goes through the checklist.
///
/// # Errors
/// [`Unexpected`] if a check fails.
pub fn run(args: ReleaseArgs) -> anyhow::Result<()> {
    if let Some(directory) = args.build.build.clone() {
        return build::run(args.build, &directory);
    }
    if let Some(tag) = args.tag {
        anstream::print!("{}", notes(&tag)?);
        return Ok(());
    }
    let packages = published()?;
    let mut list = Checklist::default();
    written(&packages, &mut list)?;
    if args.dry_run {
        rehearse(&mut list)?;
        build::rehearse(args.build.lab, &mut list)?;
    }
    let failed = format!("{} checks failed", list.wrong);
    ensure!(list.wrong == 0, Unexpected(failed));
    let first = match list.to_do {
        0 => "",
        _ => "what is to do, then ",
    };
    let next = if args.dry_run {
        "cargo publish --workspace"
    } else {
        "cargo xtask release --dry-run"
    };
    anstream::println!("Next: {first}{next}");
    Ok(())
}

/// The section of the changelog for the version that this tag names.
fn notes(tag: &str) -> anyhow::Result<String> {
    for package in published()? {
        let (name, version) = (package.name, package.version);
        let other = format!("{tag} is no tag for {name} {version}");
        ensure!(tag == format!("v{version}"), Unexpected(other));
    }
    let changelog = fs::read_to_string(root().join("CHANGELOG.md"))?;
    let version = tag.trim_start_matches('v');
    let found = section(&changelog, version);
    Ok(found.ok_or_else(|| Unexpected(format!("CHANGELOG.md has no section for {version}")))?)
}

/// The text under the heading of a version.
fn section(changelog: &str, version: &str) -> Option<String> {
    let heading = format!("## [{version}]");
    let mut lines = changelog
        .lines()
        .skip_while(|line| !line.starts_with(&heading));
    lines.next()?;
    let lines: Vec<&str> = lines.take_while(|line| !line.starts_with("## ")).collect();
    Some(format!("{}\n", lines.join("\n").trim()))
}

/// Checks what is written: the metadata of each package, the versions, the changelog.
fn written(packages: &[Package], list: &mut Checklist) -> anyhow::Result<()> {
    for package in packages {
        let name = &package.name;
        let missing = missing(package);
        list.check(
            &format!("{name} says what it is"),
            missing.is_empty(),
            &missing.join(", "),
        );
        let pack = ["package", "--list", "--allow-dirty", "--package", name];
        let (packs, files) = run_cargo(&pack)?;
        let carried: Vec<&str> = files.lines().collect();
        let absent = CARRIED.into_iter().filter(|name| !carried.contains(name));
        let absent: Vec<&str> = absent.collect();
        list.check(
            &format!("{name} carries its licences"),
            packs && absent.is_empty(),
            &absent.join(", "),
        );
        if package.repository.is_none() {
            list.remind(&format!(
                "{name}: `repository` is for whoever publishes it to set"
            ));
        }
    }
    let versions: Vec<&str> = packages.iter().map(|it| it.version.as_str()).collect();
    let version = versions.first().context("nothing is to be published")?;
    list.check(
        "the versions are one",
        versions.iter().all(|other| other == version),
        &versions.join(", "),
    );
    let changelog = fs::read_to_string(root().join("CHANGELOG.md"))?;
    if !changelog.contains(&format!("## [{version}]")) {
        list.remind(&format!(
            "CHANGELOG.md: `Unreleased` becomes {version}, with its date"
        ));
    }
    Ok(())
}

/// The part that builds, up to a rehearsal of `cargo publish`.
fn rehearse(list: &mut Checklist) -> anyhow::Result<()> {
    let ui = Ui::stderr();
    let documentation = ["doc", "--workspace", "--no-deps", "--locked"];
    let public_api = ["test", "--locked", "--test", "public_api"];
    let rehearsal = ["publish", "--workspace", "--dry-run", "--locked"];
    for (what, arguments) in [
        ("the documentation builds", &documentation[..]),
        ("the public API is the committed one", &public_api),
        ("each package builds from its archive alone", &rehearsal),
    ] {
        let task = ui.task(what);
        let (ok, said) = run_cargo(arguments)?;
        drop(task);
        list.check(what, ok, &said);
    }
    Ok(())
}

/// The results of the checks.
#[derive(Default)]
struct Checklist {
    /// How many checks failed.
    wrong: usize,
    /// How many steps only a person can do.
    to_do: usize,
}

impl Checklist {
    fn check(&mut self, what: &str, holds: bool, otherwise: &str) {
        if holds {
            anstream::println!("{}  {what}", good("ok   "));
        } else {
            self.wrong += 1;
            anstream::println!("{}  {what}: {}", bad("NO   "), otherwise.trim_end());
        }
    }

    fn remind(&mut self, what: &str) {
        self.to_do += 1;
        anstream::println!("{}  {what}", warn("to do"));
    }
}

/// The packages that are to be published.
fn published() -> anyhow::Result<Vec<Package>> {
    let mut packages = workspace()?;
    packages.retain(Package::is_published);
    Ok(packages)
}

/// The packages of the workspace.
fn workspace() -> anyhow::Result<Vec<Package>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let ask = ["metadata", "--no-deps", "--format-version", "1", "--locked"];
    let (ok, said) = run_cargo(&ask)?;
    ensure!(ok, "cargo does not know the workspace: {said}");
    let metadata: Metadata = serde_json::from_str(&said)?;
    Ok(metadata.packages)
}

impl Package {
    fn is_published(&self) -> bool {
        self.publish.as_ref().is_none_or(|to| !to.is_empty())
    }

    /// Whether it has a program for people: it is published as a crate, or only as a wheel.
    fn is_released_as_program(&self) -> bool {
        let wheel = || self.manifest_path.with_file_name("pyproject.toml").exists();
        self.targets.iter().any(|it| it.kind == ["bin"]) && (self.is_published() || wheel())
    }
}

/// What the manifest lacks.
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

/// Whether cargo succeeded, and its output; after a failure, its last lines.
fn run_cargo(arguments: &[&str]) -> anyhow::Result<(bool, String)> {
    let mut cargo = cargo();
    cargo.args(arguments).current_dir(root());
    cargo.env("CI", "true").env("RUSTDOCFLAGS", "-Dwarnings");
    cargo.env("PUBLIC_API_TOOLCHAIN", nightly()?);
    let output = command::run(&mut cargo)?;
    let ok = output.status.success();
    Ok((
        ok,
        if ok {
            output.stdout
        } else {
            last(&output.stderr)
        },
    ))
}

/// The nightly toolchain that is pinned.
fn nightly() -> anyhow::Result<String> {
    let pins = fs::read_to_string(root().join(".ci/toolchains"))?;
    let nightly = pins.lines().find_map(|line| line.strip_prefix("NIGHTLY="));
    Ok(nightly
        .context(".ci/toolchains pins no NIGHTLY")?
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_crates_have_metadata() {
        let packages = published().unwrap();
        let names: Vec<_> = packages.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "fraisier-adapter-api",
                "fraisier-adapter-confiture",
                "fraisier-adapter-confiture-ipc",
                "fraisier-adapter-testing"
            ]
        );
        for package in &packages {
            assert_eq!(missing(package), [""; 0], "{}", package.name);
        }
    }

    #[test]
    fn the_notes_of_a_release_are_its_section_of_the_changelog() {
        let changelog = "# Changelog\n\n## [Unreleased]\n\n- later\n\n## [0.2.0] - today\n\n### \
                         Added\n\n- a\n\n## [0.1.0]\n\n- b\n";
        assert_eq!(section(changelog, "0.2.0").unwrap(), "### Added\n\n- a\n");
        assert_eq!(section(changelog, "0.1.0").unwrap(), "- b\n");
        assert_eq!(section(changelog, "0.3.0"), None);
        let error = notes("v0.0.0").unwrap_err().to_string();
        assert!(error.starts_with("v0.0.0 is no tag for "), "{error}");
    }

    #[test]
    fn the_pinned_nightly_is_read() {
        assert!(nightly().unwrap().starts_with("nightly-20"));
    }
}

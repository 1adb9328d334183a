//! The files of a release: a wheel, an archive and a bill of materials for each program, with checksums;
//! and their rehearsal: each wheel used where there is no Rust.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, ensure};
use contract_lab::build_once::build_once;
use contract_lab::command::{self, Output};
use contract_lab::confiture::digest::hash_file;
use contract_lab::packages::{install_environment, install_into};
use contract_lab::registry::{PACKAGE, newest};
use contract_lab::ui::{Ui, good};
use contract_lab::{Lab, LabArgs};

use super::{CARRIED, Checklist, Package, workspace};
use crate::cargo::{cargo, host, last, root, without_cargo};
use crate::exit::Unexpected;

/// The packages that build the wheels. zig links against the glibc of manylinux2014, which is 2.17.
const MATURIN: &str = "maturin==1.16.0";
const ZIG: &str = "ziglang==0.17.0";

/// The files of a release.
#[derive(Debug, clap::Args)]
pub struct BuildArgs {
    /// Build the files of a release into this directory: a wheel, an archive and a bill of
    /// materials for each program, and checksums of them
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "dry_run")]
    pub build: Option<PathBuf>,

    /// Build them for this target, instead of this machine's
    #[arg(long, value_name = "TRIPLE", requires = "build")]
    target: Option<String>,

    #[command(flatten)]
    pub lab: LabArgs,
}

/// Builds the files of every program into `directory`.
pub fn run(args: BuildArgs, directory: &Path) -> anyhow::Result<()> {
    let lab = Lab::new(args.lab, Ui::stderr())?;
    let tools = tools(&lab)?;
    let host = host()?;
    let target = args.target.unwrap_or_else(|| host.clone());
    fs::create_dir_all(directory)?;
    let mut files = Vec::new();
    for package in workspace()?.iter().filter(|it| it.is_released_as_program()) {
        let task = lab
            .ui
            .task(&format!("building {} for {target}", package.name));
        let built = Built::new(package, &target, &tools)?;
        if target == host {
            built.starts(&package.name)?;
        }
        files.extend(built.place(directory)?);
        drop(task);
    }
    ensure!(!files.is_empty(), "no package has a program to release");
    let checksums = format!("{target}.sha256");
    fs::write(directory.join(&checksums), sums(directory, &files)?)?;
    for file in files.iter().chain([&checksums]) {
        anstream::println!("{}  {}", good("built"), directory.join(file).display());
    }
    Ok(())
}

/// The largest size of a wheel, in bytes.
const LARGEST: u64 = 5_000_000;

/// How each program is used in the rehearsal, and the expected exit status. A gate with one case gives no
/// verdict, which is status 4.
const USES: [(&str, &[&str], i32); 4] = [
    ("confiture-gate", &["--version"], 0),
    ("confiture-gate", &["newest", "--only", "current/fresh"], 4),
    ("fraisier-adapter-confiture-ipc", &["--version"], 0),
    ("fraisier-adapter-confiture-ipc", &["describe"], 0),
];

/// Builds the wheel of every program, and uses it in an environment of its own without Rust.
pub fn rehearse(args: LabArgs, list: &mut Checklist) -> anyhow::Result<()> {
    let lab = Lab::new(args, Ui::stderr())?;
    let tools = tools(&lab)?;
    let host = host()?;
    for package in workspace()?.iter().filter(|it| it.is_released_as_program()) {
        let name = &package.name;
        let task = lab.ui.task(&format!("building the wheel of {name}"));
        let built = Built::new(package, &host, &tools)?;
        drop(task);
        let size = fs::metadata(&built.wheel)?.len();
        list.check(
            &format!("the wheel of {name} has at most {LARGEST} bytes"),
            size <= LARGEST,
            &format!("{size}"),
        );
        let missing = missing(package, &built.about);
        list.check(
            &format!("the wheel of {name} says what it is, and carries its licences"),
            missing.is_empty(),
            &missing.join(", "),
        );
        let environment = built.installed(&lab, name)?;
        for (_, arguments, expected) in USES.iter().filter(|(program, ..)| program == name) {
            let task = lab.ui.task(&format!("{name} {}", arguments.join(" ")));
            let used = command::run(&mut without_rust(&environment, name, arguments, &lab)?)?;
            drop(task);
            list.check(
                &format!("without Rust, `{name} {}` works", arguments.join(" ")),
                used.status.code() == Some(*expected),
                &format!("{}\n{}{}", used.status, used.stdout, last(&used.stderr)),
            );
        }
    }
    Ok(())
}

/// What the metadata of a wheel lacks; `about` is its `.dist-info`.
fn missing(package: &Package, about: &Path) -> Vec<String> {
    let metadata = fs::read_to_string(about.join("METADATA")).unwrap_or_default();
    let (head, readme) = metadata.split_once("\n\n").unwrap_or_default();
    let version = format!("Version: {}", package.version);
    let license = format!(
        "License-Expression: {}",
        package.license.as_deref().unwrap_or("?")
    );
    let lines = [
        &version,
        &license,
        "Summary: ",
        "Requires-Python: >=3.11",
        "Keywords: ",
    ];
    let there = |line: &&str| !head.lines().any(|found| found.starts_with(line));
    let mut missing: Vec<String> = lines.into_iter().filter(there).map(str::to_owned).collect();
    if readme.trim().is_empty() {
        missing.push("README.md".to_owned());
    }
    let licences = CARRIED.iter().filter(|name| name.starts_with("LICENSE"));
    let absent = licences.filter(|name| !about.join("licenses").join(name).is_file());
    missing.extend(absent.map(|name| (*name).to_owned()));
    missing
}

/// A command of an environment, which finds no other program on `PATH`, and no variable of Rust.
fn without_rust(
    environment: &Path,
    program: &str,
    arguments: &[&str],
    lab: &Lab,
) -> anyhow::Result<Command> {
    let bin = environment.join("bin");
    ensure!(
        !bin.join("cargo").exists() && !bin.join("rustc").exists(),
        "{} has Rust",
        bin.display()
    );
    let mut command = Command::new(bin.join(program));
    command
        .args(arguments)
        .current_dir(environment)
        .env("PATH", &bin)
        .env("XTASK_CACHE_DIR", lab.cache());
    for (name, _) in env::vars_os() {
        if ["CARGO", "RUST"]
            .iter()
            .any(|it| name.to_string_lossy().starts_with(it))
        {
            command.env_remove(name);
        }
    }
    Ok(command)
}

/// A directory of programs with maturin and zig.
fn tools(lab: &Lab) -> anyhow::Result<PathBuf> {
    let python = lab.python()?.tag();
    let directory = lab.cache().join(format!("release-tools-{python}"));
    let wanted = format!("{MATURIN} {ZIG}");
    let right = |installed: &String| *installed == wanted;
    build_once(&directory, lab.ui, right, |building| {
        let task = lab.ui.task("installing maturin and zig");
        let said = |reason: String| anyhow::anyhow!("{MATURIN} cannot be installed: {reason}");
        let maturin = install_environment(lab, building, MATURIN)?;
        maturin.map_err(|failure| said(format!("{failure:?}")))?;
        let zig = building.run(install_into(lab, building.directory)?.arg(ZIG))?;
        ensure!(zig.status.success(), "{ZIG}: {}", last(&zig.stderr));
        drop(task);
        Ok(wanted.clone())
    })?;
    Ok(directory.join("bin"))
}

/// The programs of one package, built and unpacked.
struct Built {
    /// `PACKAGE-VERSION-TARGET`
    name: String,
    wheel: PathBuf,
    programs: Vec<PathBuf>,
    /// The unpacked `.dist-info`.
    about: PathBuf,
    bill: PathBuf,
    carried: Vec<PathBuf>,
    scratch: tempfile::TempDir,
}

impl Built {
    fn new(package: &Package, target: &str, tools: &Path) -> anyhow::Result<Self> {
        let scratch = tempfile::tempdir()?;
        let wheels = scratch.path().join("wheels");
        let mut maturin = Command::new(tools.join("maturin"));
        maturin
            .args(["build", "--release", "--locked", "--bindings", "bin"])
            .args(["--target", target, "--manifest-path"])
            .arg(&package.manifest_path)
            .arg("--target-dir")
            .arg(root().join("target/release-files"))
            .arg("--out")
            .arg(&wheels)
            .env("PATH", path_with(tools)?)
            .current_dir(root());
        if target.contains("linux") {
            maturin.args(["--zig", "--compatibility", "manylinux2014"]);
        }
        succeeded(&command::run(without_cargo(&mut maturin))?, "maturin")?;
        let wheel = only(&wheels, ".whl")?;

        let unpacked = scratch.path().join("unpacked");
        let mut unpack = Command::new(tools.join("python"));
        unpack
            .args(["-m", "zipfile", "-e"])
            .arg(&wheel)
            .arg(&unpacked);
        succeeded(&command::run(&mut unpack)?, "unpacking the wheel")?;
        let mut programs = Vec::new();
        for entry in fs::read_dir(only(&unpacked, ".data")?.join("scripts"))? {
            let program = entry?.path();
            // Python loses file modes when it unpacks a wheel.
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
            programs.push(program);
        }
        let beside = package.manifest_path.parent().context("a manifest")?;
        let about = only(&unpacked, ".dist-info")?;
        Ok(Self {
            name: format!("{}-{}-{target}", package.name, package.version),
            programs,
            bill: only(&about.join("sboms"), ".cyclonedx.json")?,
            about,
            carried: CARRIED.iter().map(|name| beside.join(name)).collect(),
            wheel,
            scratch,
        })
    }

    /// An empty environment with the wheel; the adapter's program gets a confiture beside it.
    fn installed(&self, lab: &Lab, name: &str) -> anyhow::Result<PathBuf> {
        let environment = self.scratch.path().join("environment");
        let wheel = self.wheel.display().to_string();
        build_once(
            &environment,
            lab.ui,
            |()| true,
            |building| {
                let task = lab.ui.task(&format!("installing the wheel of {name}"));
                let failed =
                    |reason| anyhow::anyhow!("the wheel of {name} cannot be installed: {reason}");
                install_environment(lab, building, &wheel)?.map_err(failed)?;
                if name == crate::cargo::PROGRAM {
                    let confiture = format!("{PACKAGE}=={}", newest(lab)?);
                    let mut install = install_into(lab, building.directory)?;
                    succeeded(&building.run(install.arg(&confiture))?, &confiture)?;
                }
                drop(task);
                Ok(())
            },
        )?;
        Ok(environment)
    }

    /// Checks that the program that the package is named for starts.
    fn starts(&self, package: &str) -> anyhow::Result<()> {
        let program = self.programs.iter().find(|it| it.ends_with(package));
        let program = program.with_context(|| format!("the wheel has no program {package}"))?;
        let version = command::run(Command::new(program).arg("--version"))?;
        succeeded(&version, &format!("{package} --version"))
    }

    /// Writes the wheel, the archive and the bill of materials, and returns their names.
    fn place(&self, directory: &Path) -> anyhow::Result<Vec<String>> {
        let content = self.scratch.path().join(&self.name);
        fs::create_dir(&content)?;
        for file in self.carried.iter().chain(&self.programs) {
            fs::copy(file, content.join(file.file_name().context("a file")?))?;
        }
        let archive = format!("{}.tar.gz", self.name);
        let mut tar = Command::new("tar");
        tar.arg("-czf").arg(directory.join(&archive)).arg("-C");
        tar.arg(self.scratch.path()).arg(&self.name);
        succeeded(&command::run(&mut tar)?, "tar")?;

        let wheel = self.wheel.file_name().context("a file")?;
        fs::copy(&self.wheel, directory.join(wheel))?;
        let bill = format!("{}.cyclonedx.json", self.name);
        fs::copy(&self.bill, directory.join(&bill))?;
        Ok(vec![wheel.to_string_lossy().into_owned(), archive, bill])
    }
}

/// The only entry of `directory` whose name has this suffix.
fn only(directory: &Path, suffix: &str) -> anyhow::Result<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(suffix) {
            files.push(path);
        }
    }
    ensure!(
        files.len() == 1,
        "{} entries {suffix}, instead of one",
        files.len()
    );
    Ok(files.remove(0))
}

/// `PATH` with the tools first; the cargo that runs this is used for the build too.
fn path_with(tools: &Path) -> anyhow::Result<OsString> {
    let cargo = PathBuf::from(cargo().get_program());
    let mut path = vec![tools.to_owned()];
    path.extend(cargo.parent().map(Path::to_owned));
    path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    Ok(env::join_paths(path)?)
}

fn succeeded(output: &Output, what: &str) -> anyhow::Result<()> {
    let (status, said) = (output.status, last(&output.stderr));
    let text = format!("{what} failed with {status}:\n{said}");
    ensure!(status.success(), Unexpected(text));
    Ok(())
}

/// A line for each file, as `sha256sum --check` reads it.
fn sums(directory: &Path, files: &[String]) -> anyhow::Result<String> {
    let line = |file| Ok(format!("{}  {file}\n", hash_file(&directory.join(file))?));
    files.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_readable_by_sha256sum() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("a"), "abc").unwrap();
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let lines = sums(directory.path(), &["a".into()]).unwrap();
        assert_eq!(lines, format!("{sum}  a\n"));
    }

    #[test]
    fn a_missing_or_additional_file_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        assert!(only(directory.path(), ".whl").is_err());
        fs::write(directory.path().join("a.whl"), "").unwrap();
        fs::write(directory.path().join("a.txt"), "").unwrap();
        let file = only(directory.path(), ".whl").unwrap();
        assert_eq!(file, directory.path().join("a.whl"));
        fs::write(directory.path().join("b.whl"), "").unwrap();
        assert!(only(directory.path(), ".whl").is_err());
    }
}

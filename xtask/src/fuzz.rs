//! `cargo xtask fuzz`: looks for inputs that break a property.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::Context as _;
use contract_lab::command::{self, Output};
use contract_lab::postgres;
use contract_lab::ui::{Ui, bad, faint, good, heading};
use contract_lab::{Lab, LabArgs};
use contract_properties::{PROPERTIES, Property};

use crate::cargo::{cargo, host, last, root, without_cargo};
use crate::exit::Unexpected;

/// The compiler options with which a program reports its coverage to libFuzzer, as with cargo-fuzz.
const INSTRUMENTED: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing";

/// The options of the search.
#[derive(Debug, clap::Args)]
pub struct FuzzArgs {
    /// Which properties; all, when none is named
    #[arg(value_name = "PROPERTY", value_parser = PROPERTIES.iter().map(|p| p.name).collect::<Vec<_>>())]
    properties: Vec<String>,

    /// How long to look for each, in seconds
    #[arg(long, default_value_t = 60, value_name = "N")]
    seconds: u32,

    /// Leave libpq out, and with it the comparison of connection strings
    #[arg(long)]
    without_libpq: bool,

    #[command(flatten)]
    lab: LabArgs,
}

/// Looks for inputs that break a property.
pub fn run(args: FuzzArgs) -> anyhow::Result<()> {
    let ui = Ui::stderr();
    let lab = Lab::new(args.lab, ui)?;
    let target = root().join("target/fuzz");
    let programs = build(&target, ui)?;
    let libpq = (!args.without_libpq).then(|| postgres::libpq(&lab));
    let libpq = libpq.transpose().map_err(|error| {
        Unexpected(format!(
            "connection strings cannot be compared with libpq: {error:#}. Next: --without-libpq leaves \
             the comparison out"
        ))
    })?;
    let asked = |property: &&Property| {
        args.properties.is_empty() || args.properties.iter().any(|name| name == property.name)
    };
    let mut broken = Vec::new();
    anstream::println!("{}", heading("property        inputs run   edges"));
    for property in PROPERTIES.iter().filter(asked) {
        let found = search(
            property,
            &programs,
            &target,
            libpq.as_deref(),
            args.seconds,
            ui,
        )?;
        anstream::println!("{found}");
        if found.finding.is_some() {
            broken.push(property.name);
        } else if found.inputs == 0 {
            broken.push("a search that ran no input");
        }
    }
    if broken.is_empty() {
        anstream::println!("{}", good("no input broke a property"));
        return Ok(());
    }
    Err(Unexpected(format!("broken: {}", broken.join(", "))).into())
}

/// The result of a search.
struct Found {
    name: &'static str,
    inputs: u64,
    edges: u64,
    finding: Option<String>,
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:14} {:>11} {:>7}", self.name, self.inputs, self.edges)?;
        match &self.finding {
            None => Ok(()),
            Some(finding) => write!(f, "\n  {}\n{}", bad("broken"), faint(finding)),
        }
    }
}

/// Builds the fuzz targets and returns their directory.
fn build(target: &Path, ui: Ui) -> anyhow::Result<PathBuf> {
    let compiler = env::var_os("CXX").unwrap_or_else(|| "c++".into());
    command::run(Command::new(compiler).arg("--version"))
        .context("libFuzzer needs a C++ compiler: install g++ or clang++, or name one in CXX")?;
    let task = ui.task("building the fuzz targets");
    let host = host()?;
    let root = root();
    let manifest = root.join("fuzz/Cargo.toml");
    // The fuzz targets are built with the dependencies of the tests.
    fs::copy(root.join("Cargo.lock"), root.join("fuzz/Cargo.lock"))?;
    let built = command::run(
        cargo()
            .args(["build", "--release", "--bins", "--quiet"])
            .args(["--target", &host])
            .arg("--manifest-path")
            .arg(manifest)
            .arg("--target-dir")
            .arg(target)
            .env("RUSTFLAGS", INSTRUMENTED),
    )?;
    let text = format!("the fuzz targets do not build:\n{}", last(&built.stderr));
    anyhow::ensure!(built.status.success(), Unexpected(text));
    task.finish("built the fuzz targets");
    Ok(target.join(host).join("release"))
}

fn search(
    property: &Property,
    programs: &Path,
    target: &Path,
    libpq: Option<&Path>,
    seconds: u32,
    ui: Ui,
) -> anyhow::Result<Found> {
    let task = ui.task(&format!("{}, for {seconds} s", property.name));
    let directory = |kind: &str| -> anyhow::Result<PathBuf> {
        let directory = target.join(kind).join(property.name);
        fs::create_dir_all(&directory)?;
        Ok(directory)
    };
    let (corpus, findings) = (directory("corpus")?, directory("findings")?);
    let seeds = directory("seeds")?;
    fs::remove_dir_all(&seeds)?;
    fs::create_dir(&seeds)?;
    for (number, seed) in (property.seeds)().iter().enumerate() {
        fs::write(seeds.join(format!("{number:04}")), seed)?;
    }
    let mut command = Command::new(programs.join(property.name));
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", findings.display()))
        .args(["-print_final_stats=1", "-timeout=10", "-rss_limit_mb=2048"])
        .args([&corpus, &seeds]);
    if let Some(libpq) = libpq {
        command.env("FUZZ_LIBPQ", libpq);
    }
    let output = command::run(without_cargo(&mut command))?;
    // An input that breaks a property ends the program with a status. A signal has another cause.
    anyhow::ensure!(
        output.status.code().is_some(),
        "another process ended the search for {}: {}",
        property.name,
        output.status
    );
    let found = Found::read(property.name, &output);
    task.finish(&format!("{}: {} inputs", found.name, found.inputs));
    Ok(found)
}

impl Found {
    fn read(name: &'static str, output: &Output) -> Self {
        let number = |after: &str| {
            let (_, rest) = output.stderr.rsplit_once(after)?;
            rest.split_whitespace().next()?.parse().ok()
        };
        let finding = (!output.status.success()).then(|| {
            let telling = |line: &&str| {
                !line.starts_with('#') && !line.starts_with("INFO") && !line.starts_with("stat::")
            };
            let lines: Vec<&str> = output.stderr.lines().filter(telling).collect();
            lines[lines.len().saturating_sub(40)..].join("\n")
        });
        Self {
            name,
            inputs: number("stat::number_of_executed_units:").unwrap_or(0),
            edges: number(" cov: ").unwrap_or(0),
            finding,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use super::*;

    fn output(status: i32, stderr: &str) -> Output {
        Output {
            status: ExitStatus::from_raw(status << 8),
            stdout: String::new(),
            stderr: stderr.to_owned(),
        }
    }

    #[test]
    fn the_output_of_libfuzzer_is_read() {
        let text = "#2\tINITED cov: 7 ft: 9\n#9\tDONE   cov: 12 ft: 20 corp: 3/4b\n\
                    stat::number_of_executed_units: 9\n";
        let found = Found::read("version", &output(0, text));
        assert_eq!((found.inputs, found.edges), (9, 12));
        assert_eq!(found.finding, None);
        let broken = Found::read("version", &output(77, "#2 INITED\nthread panicked: no"));
        assert_eq!(broken.finding.as_deref(), Some("thread panicked: no"));
    }
}

//! Compares the public API of a crate with its committed listing, `tests/public-api.txt`.
//!
//! The listing comes from the compiler, as rustdoc's JSON, which only a nightly toolchain writes. If
//! there is none, or its JSON has a format that the `public-api` crate cannot read, the test counts
//! as ignored and prints the reason. With a toolchain named in `PUBLIC_API_TOOLCHAIN`, as `.ci/run`
//! sets it, that is a failure. Every other error is a failure everywhere.
//!
//! After a change that is meant: `UPDATE_PUBLIC_API=1 cargo test -p <crate> --test public_api`.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs, io};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use serde::Deserialize;

/// The variable that names the toolchain.
const TOOLCHAIN: &str = "PUBLIC_API_TOOLCHAIN";
const LISTING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/public-api.txt");
const UPDATE: &str = "UPDATE_PUBLIC_API";

/// Compares the library of this name, in the package that is tested.
pub(crate) fn main(library: &'static str) -> ExitCode {
    let compare = move || compare(library);
    let trial = Trial::ignorable_test("the_public_api_is_the_committed_one", compare);
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

fn compare(library: &str) -> Result<Completion, Failed> {
    if let Some(reason) = why_no_toolchain()? {
        return not_compared(reason);
    }
    let json = rustdoc_json(library)?;
    let format = format_version(&json)?;
    let actual = match listing(&json) {
        Ok(listing) => listing,
        Err(public_api::Error::SerdeJsonError(error)) => {
            return not_compared(format!(
                "the JSON of rustdoc on toolchain `{}` has format {format}, \
                 which the `public-api` crate does not read: {error}",
                toolchain()
            ));
        }
        Err(error) => return Err(format!("{}: {error}", json.display()).into()),
    };
    if actual.is_empty() {
        return Err("the public API is empty, which cannot be".into());
    }
    if env::var_os(UPDATE).is_some_and(|value| value == "1") {
        fs::write(LISTING, actual)?;
        return Ok(Completion::Completed);
    }
    let committed = fs::read_to_string(LISTING)
        .map_err(|error| format!("{LISTING}: {error}; {UPDATE}=1 writes it"))?;
    if committed == actual {
        return Ok(Completion::Completed);
    }
    Err(difference(&committed, &actual).into())
}

fn not_compared(reason: String) -> Result<Completion, Failed> {
    if env::var_os(TOOLCHAIN).is_some() {
        return Err(format!("not compared: {reason}").into());
    }
    Ok(Completion::ignored_with(reason))
}

fn toolchain() -> String {
    env::var(TOOLCHAIN).unwrap_or_else(|_| "nightly".into())
}

/// A command of the nightly toolchain that downloads nothing and does not inherit how this test was
/// built.
fn nightly(program: &str) -> Command {
    let mut command = Command::new("rustup");
    command
        .args(["run", &toolchain(), program])
        .env("RUSTUP_AUTO_INSTALL", "0");
    for variable in [
        "CARGO_BUILD_TARGET",
        "CARGO_ENCODED_RUSTDOCFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTC",
        "RUSTDOC",
        "RUSTDOCFLAGS",
        "RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
    ] {
        command.env_remove(variable);
    }
    command
}

fn why_no_toolchain() -> Result<Option<String>, Failed> {
    match nightly("cargo").arg("--version").output() {
        Ok(output) if output.status.success() => Ok(None),
        Ok(output) => Ok(Some(format!(
            "no toolchain `{}` that runs cargo: {}",
            toolchain(),
            one_line(&output.stderr)
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(format!(
            "no rustup on PATH, through which toolchain `{}` would be found",
            toolchain()
        ))),
        Err(error) => Err(format!("rustup cannot be started: {error}").into()),
    }
}

fn rustdoc_json(library: &str) -> Result<PathBuf, Failed> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("public-api");
    let output = nightly("cargo")
        .args(["rustdoc", "--frozen", "--quiet", "--lib", "--target-dir"])
        .arg(&target)
        .args(["--", "-Z", "unstable-options", "--output-format", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("rustdoc failed ({}):\n{stderr}", output.status).into());
    }
    Ok(target.join(format!("doc/{library}.json")))
}

fn format_version(json: &Path) -> Result<u32, Failed> {
    #[derive(Deserialize)]
    struct Format {
        format_version: u32,
    }
    let bytes = fs::read(json).map_err(|error| format!("{}: {error}", json.display()))?;
    let format: Format = serde_json::from_slice(&bytes)
        .map_err(|error| format!("{}: not rustdoc's JSON: {error}", json.display()))?;
    Ok(format.format_version)
}

/// One public item on each line. Of derived implementations only the fact is listed: how a derive
/// spells its methods is the compiler's business and changes with it.
fn listing(json: &Path) -> Result<String, public_api::Error> {
    let read = |omit_derived| {
        public_api::Builder::from_rustdoc_json(json)
            .omit_blanket_impls(true)
            .omit_auto_trait_impls(true)
            .omit_auto_derived_impls(omit_derived)
            .build()
    };
    let mut written: HashSet<String> = read(true)?.items().map(ToString::to_string).collect();
    let mut listing = String::new();
    for item in read(false)?.items().map(ToString::to_string) {
        let implementation = item.starts_with("impl") && !item.contains("StructuralPartialEq");
        // Removed, because a derived method may read like a written one.
        if implementation || written.remove(&item) {
            listing.push_str(&item);
            listing.push('\n');
        }
    }
    Ok(listing)
}

fn difference(committed: &str, actual: &str) -> String {
    let only = |these: &str, those: &str, mark: char| {
        let known: HashSet<&str> = those.lines().collect();
        let mut found = String::new();
        for line in these.lines().filter(|line| !known.contains(line)) {
            let _ = writeln!(found, "  {mark} {line}");
        }
        found
    };
    let gone = only(committed, actual, '-');
    let new = only(actual, committed, '+');
    let mut message = String::from("the public API is not the one in tests/public-api.txt\n");
    if gone.is_empty() && new.is_empty() {
        message.push_str("the same lines come in another order or number\n");
    }
    if !gone.is_empty() {
        let _ = write!(message, "gone, which needs a new major version:\n{gone}");
    }
    if !new.is_empty() {
        let _ = write!(
            message,
            "new, allowed within a major version only where \"What frozen means\" in the crate's \
             documentation says so:\n{new}"
        );
    }
    let _ = write!(
        message,
        "if this is meant, {UPDATE}=1 writes the listing again"
    );
    message
}

fn one_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

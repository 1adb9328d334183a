//! Candidates that cannot be installed. The installers are real; their index is a directory, or a port
//! where nothing listens. These tests need Python, without which they fail, and no network.

use std::fs;
use std::process::{Command, Output};

use crate::sandbox::{Sandbox, is_unknown};

/// Makes the wheel of a package without dependencies.
const WHEEL: &str = r#"
import sys, zipfile
name, version, place = sys.argv[1:]
info = f"{name}-{version}.dist-info"
with zipfile.ZipFile(f"{place}/{name}-{version}-py3-none-any.whl", "w") as wheel:
    wheel.writestr(f"{name}.py", "")
    wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(f"{info}/RECORD", "")
"#;

fn wheel(sandbox: &Sandbox, name: &str, version: &str) {
    let mut python = Command::new("python3");
    python
        .args(["-c", WHEEL, name, version])
        .arg(sandbox.path(""));
    let status = python.status().expect("there is no python3 on PATH");
    assert!(status.success());
}

/// The gate with a cold cache, and an index that is the sandbox itself.
fn with_the_sandbox_as_index(sandbox: &Sandbox, arguments: &[&str]) -> Output {
    let mut gate = sandbox.command(arguments);
    gate.arg("--cache-dir").arg(sandbox.path("cache"));
    for (pip, uv, value) in [
        ("PIP_NO_INDEX", "UV_NO_INDEX", "1".into()),
        ("PIP_FIND_LINKS", "UV_FIND_LINKS", sandbox.path("")),
    ] {
        gate.env(pip, &value).env(uv, &value);
    }
    gate.output().unwrap()
}

#[test]
fn a_wheel_that_is_not_confiture_is_not_judged() {
    let sandbox = Sandbox::new();
    wheel(&sandbox, "sheep", "1.0");
    let output = with_the_sandbox_as_index(&sandbox, &["sheep-1.0-py3-none-any.whl"]);
    is_unknown(
        &sandbox,
        &output,
        "sheep-1.0-py3-none-any.whl is no confiture: it installs no program `confiture`",
    );
}

#[test]
fn a_file_that_is_not_a_wheel_is_not_judged() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("c-1.0-py3-none-any.whl"), "no wheel").unwrap();
    let output = with_the_sandbox_as_index(&sandbox, &["c-1.0-py3-none-any.whl"]);
    is_unknown(
        &sandbox,
        &output,
        "c-1.0-py3-none-any.whl cannot be installed: Wheel",
    );
}

#[test]
fn an_unknown_release_is_not_judged() {
    let sandbox = Sandbox::new();
    wheel(&sandbox, "fraiseql_confiture", "1.29.0");
    let output = with_the_sandbox_as_index(&sandbox, &["9.9.9"]);
    is_unknown(
        &sandbox,
        &output,
        "the registry does not have confiture 9.9.9; it has 1.29.0 only",
    );
}

#[test]
fn without_registry_and_cache_there_is_no_verdict() {
    let sandbox = Sandbox::new();
    for (candidate, what) in [
        ("newest", "the releases of confiture cannot be fetched"),
        ("1.29.0", "confiture 1.29.0 cannot be fetched"),
        ("1.30.0rc1", "confiture 1.30.0rc1 cannot be fetched"),
    ] {
        let mut gate = sandbox.command(&[candidate]);
        gate.arg("--cache-dir").arg(sandbox.path("cache"));
        unreachable(&mut gate);
        let output = gate.output().unwrap();
        is_unknown(&sandbox, &output, what);
        is_unknown(&sandbox, &output, "check the network, the proxy");
    }
}

/// Makes every registry unreachable at once.
pub(crate) fn unreachable(gate: &mut Command) {
    let nobody = "http://127.0.0.1:1/simple";
    gate.env("PIP_INDEX_URL", nobody)
        .env("PIP_EXTRA_INDEX_URL", "")
        .env("PIP_RETRIES", "0")
        .env("UV_DEFAULT_INDEX", nobody)
        .env("UV_HTTP_RETRIES", "0");
}

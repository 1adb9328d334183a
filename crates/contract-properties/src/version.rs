//! Whatever `--version` prints, a release is read only if one is printed.

use std::collections::BTreeSet;

use arbitrary::Unstructured;
use fraisier_adapter_confiture::ConfitureVersion;
use fraisier_adapter_confiture::tools::Redactor;
use fraisier_adapter_confiture::tools::process::{Captured, Exit, Output};
use fraisier_adapter_confiture::tools::replay::describe;

use crate::Libpq;
use crate::bytes::exit;
use crate::samples::CALLS;

pub(crate) fn check(input: &[u8], _: Libpq) {
    let mut bytes = Unstructured::new(input);
    let exit = exit(&mut bytes).unwrap_or(Exit::Code(0));
    let printed = bytes.take_rest();
    let text = String::from_utf8_lossy(printed);
    let output = Output {
        stdout: Captured::from(printed.to_vec()),
        ..Output::new(exit, None)
    };
    let context = format!("{exit:?}: {text:?}");
    match describe(&Redactor::default(), |_| output.clone()) {
        Ok(description) => {
            assert_eq!(exit, Exit::Code(0), "{context}");
            let version = ConfitureVersion::parse(&description.version);
            assert!(version.is_at_least(0, 20, 0), "{context}");
            let line = format!("confiture version {version}");
            let lines = text.lines().filter(|found| found.trim_end() == line);
            assert_eq!(lines.count(), 1, "{context}");
            compared(&version, &context);
        }
        Err(error) => {
            assert!(!error.what().is_empty(), "{context}");
            assert!(!is_supported(exit, printed), "{context}: {error}");
        }
    }
    compared(&ConfitureVersion::parse(&text), &context);
}

/// Whether the whole output is the line of a supported release with few digits.
fn is_supported(exit: Exit, printed: &[u8]) -> bool {
    let Some(version) = printed
        .strip_prefix(b"confiture version ")
        .and_then(|rest| rest.strip_suffix(b"\n"))
        .and_then(|version| std::str::from_utf8(version).ok())
    else {
        return false;
    };
    let plain = |number: &&str| {
        (1..=4).contains(&number.len())
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && (*number == "0" || !number.starts_with('0'))
    };
    let numbers: Vec<&str> = version.split('.').collect();
    let supported = matches!(numbers[..], [major, minor, _] if major != "0" || minor.len() == 2 && minor >= "20");
    exit == Exit::Code(0) && numbers.iter().all(plain) && supported
}

/// Checks that a version satisfies a minimum only if its three numbers, parsed in a simpler way, do.
fn compared(version: &ConfitureVersion, context: &str) {
    assert_eq!(
        version.is_release(),
        version.is_at_least(0, 0, 0),
        "{context}"
    );
    if !version.is_release() {
        return;
    }
    let text = version.as_str();
    let plain = text.split('+').next().unwrap_or_default();
    let mut numbers = [0_u64; 3];
    for (number, part) in numbers.iter_mut().zip(plain.split('.')) {
        if !part.starts_with("post") {
            *number = part.parse().unwrap_or_else(|_| panic!("{context}"));
        }
    }
    let [major, minor, patch] = numbers;
    assert!(version.is_at_least(major, minor, patch), "{context}");
    if let Some(next) = patch.checked_add(1) {
        assert!(!version.is_at_least(major, minor, next), "{context}");
    }
    for pre in ["a", "b", "rc", "dev", "!"] {
        let plain = plain.replace("post", "");
        assert!(!plain.contains(pre), "{context}");
    }
}

/// The output of every release.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let printed = CALLS
        .iter()
        .filter(|(_, _, call)| call.argv == ["--version"])
        .map(|(release, _, call)| {
            let printed = call.stdout.to_string().replace("<version>", release);
            format!("\u{3}{printed}").into_bytes()
        });
    let seeds: BTreeSet<_> = printed.collect();
    seeds.into_iter().collect()
}

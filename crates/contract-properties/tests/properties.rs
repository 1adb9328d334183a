//! Each property holds for its seeds, for random bytes, and for every input that ever broke it.

use std::fs;
use std::path::Path;

use contract_properties::{PROPERTIES, Property, property};
use proptest::prelude::*;

fn holds(name: &str, cases: u32) {
    let Property { check, seeds, .. } = property(name).expect("a property");
    let seeds = seeds();
    assert!(!seeds.is_empty(), "{name} begins with nothing");
    // All of them, where there are few; the fuzzer begins with every one.
    for seed in seeds.iter().step_by(seeds.len().div_ceil(300)) {
        check(seed, None);
    }
    let asked = ProptestConfig::default();
    let config = ProptestConfig {
        cases: asked.cases.max(cases),
        failure_persistence: None,
        ..asked
    };
    let random = prop::collection::vec(any::<u8>(), 0..200);
    let altered = (
        any::<prop::sample::Index>(),
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    );
    let altered = altered.prop_map(move |(seed, changes)| {
        let mut input = seed.get(&seeds).clone();
        for (at, byte) in changes {
            if !input.is_empty() {
                let at = at.index(input.len());
                input[at] = byte;
            }
        }
        input
    });
    proptest!(config, |(input in prop_oneof![random, altered])| check(&input, None));
}

#[test]
fn report() {
    holds("report", 1_000);
}

#[test]
fn damaged_report() {
    holds("damaged_report", 8_000);
}

#[test]
fn version() {
    holds("version", 2_000);
}

#[test]
fn redaction() {
    holds("redaction", 1_000);
}

#[test]
fn connection() {
    holds("connection", 1_000);
}

#[test]
fn guard() {
    holds("guard", 1_000);
}

#[test]
fn message() {
    holds("message", 1_000);
}

#[test]
fn every_property_has_a_test_and_a_fuzz_target() {
    let here = include_str!("properties.rs");
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/fuzz_targets");
    for Property { name, .. } in PROPERTIES {
        assert!(here.contains(&format!("holds(\"{name}\"")), "{name}");
        assert!(targets.join(format!("{name}.rs")).is_file(), "{name}");
    }
}

#[test]
fn inputs_that_once_broke_a_property_pass() {
    let findings = Path::new(env!("CARGO_MANIFEST_DIR")).join("findings");
    for Property { name, check, .. } in PROPERTIES {
        let Ok(directory) = fs::read_dir(findings.join(name)) else {
            continue;
        };
        for entry in directory {
            check(
                &fs::read(entry.expect("an entry").path()).expect("read"),
                None,
            );
        }
    }
}
